/* What the emulated GPU is like, and which of its calls is to fail. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/gpu/emulated/emulated.h"

static struct {
    pthread_mutex_t lock;
    char said[256]; /* for which they are counted */
    unsigned long n;
} calls = {.lock = PTHREAD_MUTEX_INITIALIZER};

bool sc_emulated_is_to_fail(const struct sc_emulated_options *options, const char *what, char *why)
{
    if (options->fail_at == 0)
        return false;
    pthread_mutex_lock(&calls.lock);
    bool fails = ++calls.n == options->fail_at;
    pthread_mutex_unlock(&calls.lock);
    if (fails)
        snprintf(why, SC_GPU_WHY, "emulated: %s failed, as was asked", what);
    return fails;
}

static bool read_number(const char *word, const char *name, unsigned long *out)
{
    size_t n = strlen(name);
    char *end;
    if (strncmp(word, name, n) != 0 || word[n] != '=')
        return false;
    *out = strtoul(word + n + 1, &end, 10);
    return *end == '\0' && end != word + n + 1;
}

static void count_anew(const char *said)
{
    pthread_mutex_lock(&calls.lock);
    if (strncmp(calls.said, said, sizeof calls.said - 1) != 0) {
        snprintf(calls.said, sizeof calls.said, "%s", said);
        calls.n = 0;
    }
    pthread_mutex_unlock(&calls.lock);
}

static bool read_word(struct sc_emulated_options *o, const char *word)
{
    unsigned long n;
    if (read_number(word, "cards", &n)) {
        o->n_cards = (int)n;
        return n <= 64;
    }
    if (read_number(word, "bytes", &n)) {
        o->bytes = n;
        return true;
    }
    if (read_number(word, "fail", &n)) {
        o->fail_at = n;
        return true;
    }
    if (read_number(word, "shared", &n)) {
        o->shared_bytes = n;
        return true;
    }
    if (read_number(word, "processors", &n)) {
        o->n_processors = (uint32_t)n;
        return n >= 1 && n <= 1024;
    }
    static const struct {
        const char *word;
        int order, ways, work;
    } words[] = {{"order=ascending", SC_FIBERS_ASCENDING, -1, -1},
                 {"order=descending", SC_FIBERS_DESCENDING, -1, -1},
                 {"order=shuffled", SC_FIBERS_SHUFFLED, -1, -1},
                 {"ways=same", -1, SC_WAYS_SAME, -1},
                 {"ways=none", -1, SC_WAYS_NONE, -1},
                 {"ways=other", -1, SC_WAYS_OTHER, -1},
                 {"work=late", -1, -1, false},
                 {"work=early", -1, -1, true}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(word, words[i].word) == 0) {
            if (words[i].order >= 0)
                o->order = (enum sc_fiber_order)words[i].order;
            if (words[i].ways >= 0)
                o->ways = (enum sc_emulated_ways)words[i].ways;
            if (words[i].work >= 0)
                o->is_early = words[i].work != 0;
            return true;
        }
    return false;
}

bool sc_emulated_options(struct sc_emulated_options *out, char *why)
{
    const char *said = getenv("SAFECONF_EMULATED_GPU");
    *out = (struct sc_emulated_options){
        .n_cards = 1, .bytes = (size_t)1 << 30, .shared_bytes = 96 << 10, .n_processors = 4};
    count_anew(said != NULL ? said : "");
    while (said != NULL && *said != '\0') {
        char word[64];
        size_t n = strcspn(said, ",");
        snprintf(word, sizeof word, "%.*s", (int)(n < 63 ? n : 63), said);
        if (!read_word(out, word)) {
            snprintf(why, SC_GPU_WHY, "SAFECONF_EMULATED_GPU: %s: not understood", word);
            return false;
        }
        said += n + (said[n] == ',');
    }
    return true;
}
