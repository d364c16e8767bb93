/* See changing_model.h. */
#include "changing_model.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"

static void copy(const char *from, const char *to, const char *name)
{
    struct sc_error error = {0};
    char *source = sc_path_join(from, name), *target = sc_path_join(to, name), *data = NULL;
    size_t n = 0;
    if (sc_file_read(source, SIZE_MAX / 2, &data, &n, &error) != SC_OK ||
        sc_file_write(target, data, n, &error) != SC_OK)
        fail_msg("%s", error.text);
    sc_free(data);
    sc_free(target);
    sc_free(source);
}

void changing_model_copy(const char *from, const char *to)
{
    static const char *const names[] = {"config.json", "tokenizer.json", "tokenizer_config.json",
                                        "model.safetensors"};
    assert_int_equal(sc_make_folders(to, NULL), SC_OK);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        copy(from, to, names[i]);
}

void changing_model_turn_a_bit(const char *folder)
{
    char line[512];
    size_t n_turned = 0, page = (size_t)sysconf(_SC_PAGESIZE);
    FILE *maps = fopen("/proc/self/maps", "r");
    assert_non_null(maps);
    while (fgets(line, sizeof line, maps) != NULL) {
        uintptr_t begin = 0, end = 0;
        if (strstr(line, folder) == NULL || strstr(line, "model.safetensors") == NULL ||
            sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &begin, &end) != 2)
            continue;
        void *last = (void *)(end - page); /* where the last tensor lies */
        assert_int_equal(mprotect(last, page, PROT_READ | PROT_WRITE), 0);
        *(unsigned char *)last ^= 1;
        n_turned++;
    }
    fclose(maps);
    assert_int_equal(n_turned, 1);
}
