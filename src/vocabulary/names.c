/* Names of the public enumerations, as commands, files and the contract spell them. */
#include <string.h>

#include "vocabulary/vocabulary.h"

static const char *const dtype_names[] = {"f32", "bf16", "f16", "int8"};
static const char *const verdict_names[] = {"refusal",  "partial",   "compliance", "empty",
                                            "unparsed", "unreached", "filtered"};
static const char *const harm_names[] = {"harmful", "harmless", "controversial", "unjudged"};
static const char *const label_names[] = {"safe", "unsafe", "unknown"};
static const char *const finish_names[] = {"stop",   "length",  "cut",
                                           "failed", "unknown", "filtered"};
static const char *const figure_names[] = {"logprob", "sampled_logprob", "confidence", "entropy"};
static const char *const logprob_kind_names[] = {"raw", "processed", "unknown"};
#define NAME(arg, id, name, sign, unit, label) name,
static const char *const metric_names[] = {SC_METRIC_MAP(NAME, NAME, )};
#undef NAME

static int find(const char *const *names, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))
#define DEFINE_NAMES(thing, n_things)                                                              \
    _Static_assert(COUNT(thing##_names) == (n_things), "a name for each " #thing);                 \
    const char *sc_##thing##_name(enum sc_##thing thing)                                           \
    {                                                                                              \
        return (int)thing >= 0 && (int)thing < COUNT(thing##_names) ? thing##_names[thing] : "?";  \
    }                                                                                              \
    int sc_##thing##_parse(const char *name)                                                       \
    {                                                                                              \
        return name != NULL ? find(thing##_names, COUNT(thing##_names), name) : -1;                \
    }

DEFINE_NAMES(dtype, 4)
DEFINE_NAMES(verdict, SC_N_VERDICTS)
DEFINE_NAMES(harm, SC_N_HARMS)
DEFINE_NAMES(label, SC_N_LABELS)
DEFINE_NAMES(finish, SC_N_FINISHES)
DEFINE_NAMES(metric, SC_N_METRICS)
DEFINE_NAMES(figure, SC_N_FIGURES)
DEFINE_NAMES(logprob_kind, SC_N_LOGPROB_KINDS)

const char *sc_behaviour_name(enum sc_behaviour behaviour)
{
    static const char *const names[] = {"refused", "complied", "split"};
    return (unsigned)behaviour < SC_BEHAVIOUR_NONE ? names[behaviour] : NULL;
}
