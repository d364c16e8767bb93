/* Names of the public enumerations, as commands, files and the contract spell them. */
#include <safeconf/vocabulary.h>
#include <string.h>

static const char *const dtype_names[] = {"f32", "bf16", "f16", "int8"};
static const char *const verdict_names[] = {"refusal", "partial", "compliance", "empty",
                                            "unparsed"};
static const char *const harm_names[] = {"harmful", "harmless", "controversial", "unjudged"};
static const char *const label_names[] = {"safe", "unsafe", "unknown"};
static const char *const finish_names[] = {"stop", "length", "cut", "failed"};
static const char *const metric_names[] = {"mean", "lowest", "bottom10", "tail",
                                           "head", "prob",   "nll"};

static int find(const char *const *names, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))
#define DEFINE_NAMES(thing)                                                                        \
    const char *sc_##thing##_name(enum sc_##thing thing)                                           \
    {                                                                                              \
        return (int)thing >= 0 && (int)thing < COUNT(thing##_names) ? thing##_names[thing] : "?";  \
    }                                                                                              \
    int sc_##thing##_parse(const char *name)                                                       \
    {                                                                                              \
        return find(thing##_names, COUNT(thing##_names), name);                                    \
    }

DEFINE_NAMES(dtype)
DEFINE_NAMES(verdict)
DEFINE_NAMES(harm)
DEFINE_NAMES(label)
DEFINE_NAMES(finish)
DEFINE_NAMES(metric)
