/*
 * Which levels this processor can run.  Each table starts as the level below it and is then
 * overridden by what the better instruction set has.  Processor *and* operating system are asked:
 * cpuid for the instructions, xgetbv for the registers that survive a switch of threads; on AArch64
 * Linux answers for both.
 * Where to read next: levels.h.
 */
#include <pthread.h>
#include <string.h>

#include "kernels/levels.h"

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

enum { MAX_LEVELS = 4 };

static struct sc_kernels tables[MAX_LEVELS];
static const struct sc_kernels *available[MAX_LEVELS + 1]; /* best first, NULL-ended */
static pthread_once_t once = PTHREAD_ONCE_INIT;

#if defined(__x86_64__)
static bool has(unsigned int word, unsigned int bit)
{
    return word >> bit & 1u;
}

static bool has_all(unsigned int word, unsigned int mask)
{
    return (word & mask) == mask;
}

static unsigned int saved_registers(void)
{
    unsigned int low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    (void)high;
    return low;
}

/* Bits: Intel SDM volume 2, CPUID leaves 1 and 7; XCR0 in volume 1, chapter 13. */
static void detect(bool *avx2, bool *avx512)
{
    unsigned int a, b, c, d;
    *avx2 = *avx512 = false;
    if (!__get_cpuid(1, &a, &b, &c, &d)) {
        return;
    }
    bool fma = has(c, 12), osxsave = has(c, 27), avx = has(c, 28), f16c = has(c, 29);
    if (!fma || !osxsave || !avx || !f16c || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        return;
    }
    unsigned int saved = saved_registers();
    *avx2 = has(b, 5) && has_all(saved, 0x6u); /* xmm, ymm */
#if defined(SC_EMULATE_AVX512)                 /* tools/check-avx512 */
    *avx512 = true;
    return;
#endif
    bool foundation = has(b, 16), dq = has(b, 17), bw = has(b, 30), vl = has(b, 31);
    bool vnni = has(c, 11);
    if (!*avx2 || !foundation || !dq || !bw || !vl || !vnni || a < 1) {
        return;
    }
    if (__get_cpuid_count(7, 1, &a, &b, &c, &d)) {
        *avx512 = has(a, 5) && has_all(saved, 0xe6u); /* bf16; masks and both halves of zmm too */
    }
}
#elif defined(__aarch64__)
/* Bits: Linux, Documentation/arm64/elf_hwcaps.rst.  Elsewhere nobody is asked and nothing found. */
static void detect(bool *dot, bool *bf16)
{
    *dot = *bf16 = false;
#if defined(__linux__)
    *dot = getauxval(AT_HWCAP) & HWCAP_ASIMDDP;
    *bf16 = *dot && getauxval(AT_HWCAP2) & HWCAP2_BF16;
#endif
}
#endif

static void fill(void)
{
    size_t n = 1;
    sc_level_portable(&tables[0]);
#if defined(__x86_64__)
    bool avx2, avx512;
    detect(&avx2, &avx512);
    if (avx2) {
        tables[n] = tables[n - 1];
        sc_level_avx2(&tables[n++]);
    }
    if (avx512) {
        tables[n] = tables[n - 1];
        sc_level_avx512(&tables[n++]);
    }
#elif defined(__aarch64__)
    bool dot, bf16;
    detect(&dot, &bf16);
    tables[n] = tables[n - 1];
    sc_level_neon(&tables[n++]);
    if (dot) {
        tables[n] = tables[n - 1];
        sc_level_neon_dot(&tables[n++]);
    }
    if (bf16) {
        tables[n] = tables[n - 1];
        sc_level_neon_bf16(&tables[n++]);
    }
#endif
    for (size_t i = 0; i < n; i++) {
        available[i] = &tables[n - 1 - i];
    }
}

const struct sc_kernels *const *sc_kernels_available(void)
{
    pthread_once(&once, fill);
    return available;
}

const struct sc_kernels *sc_kernels_find(const char *name)
{
    const struct sc_kernels *const *levels = sc_kernels_available();
    for (; *levels != NULL; levels++) {
        if (name == NULL || strcmp(name, (*levels)->name) == 0) {
            return *levels;
        }
    }
    return NULL;
}
