/* Which detectors there are, what they are called, and what the names that are kept say. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "detection/detection.h"
#include "detection/outline.h"
#include "detection/reader/reader.h"
#include "detection/user_rules.h"

/* Rules that read otherwise are another version; so is a reader with other weights. */
static const struct {
    const char *name;
    int version;
} detectors[SC_N_DETECTOR_KINDS] = {
    [SC_DETECTOR_PATTERNS] = {"patterns", 2}, [SC_DETECTOR_READER] = {"reader", 1}};

const char *sc_detector_kind_name(enum sc_detector_kind kind)
{
    return (unsigned)kind < SC_N_DETECTOR_KINDS ? detectors[kind].name : "?";
}

int sc_detector_kind_parse(const char *name)
{
    for (int kind = 0; name != NULL && kind < SC_N_DETECTOR_KINDS; kind++)
        if (strcmp(detectors[kind].name, name) == 0)
            return kind;
    return -1;
}

enum sc_detector_kind sc_detector_default(void)
{
    return SC_DETECTOR_READER;
}

enum sc_status sc_detector_check(enum sc_detector_kind kind, struct sc_error *error)
{
    if (kind == SC_DETECTOR_READER && !sc_reader_fits())
        return sc_fail(
            error, SC_ERR_UNSUPPORTED,
            "detector: expected patterns, found reader, whose weights are of another build");
    return SC_OK;
}

void sc_detector_name(const struct sc_detector *detector, char name[SC_DETECTOR_NAME_SIZE])
{
    enum sc_detector_kind kind = detector != NULL ? detector->kind : sc_detector_default();
    const struct sc_user_rules *own = detector != NULL ? detector->rules : NULL;
    int n = snprintf(name, SC_DETECTOR_NAME_SIZE, "%s/%d", detectors[kind].name,
                     detectors[kind].version);
    if (own != NULL)
        snprintf(name + n, (size_t)(SC_DETECTOR_NAME_SIZE - n), "+rules@%016" PRIx64,
                 sc_user_rules_key(own));
}

enum sc_status sc_detector_open(struct sc_open_detector *out, enum sc_detector_kind kind,
                                const char *rules, struct sc_error *error)
{
    *out = (struct sc_open_detector){.reads = {.kind = kind}};
    SC_TRY(sc_detector_check(kind, error));
    if (rules != NULL)
        SC_TRY(sc_user_rules_read(&out->reads.rules, rules, error));
    sc_detector_name(&out->reads, out->name);
    return SC_OK;
}

void sc_detector_close(struct sc_open_detector *detector)
{
    sc_user_rules_free(detector->reads.rules);
    *detector = (struct sc_open_detector){0};
}

/* ---- what the names say ---------------------------------------------------------------------- */

enum sc_detected_by sc_detected_by(const char *detector, const char *rule)
{
    if (strncmp(rule, SC_READER_RULE, strlen(SC_READER_RULE)) == 0)
        return SC_BY_READER;
    static const char *const others[] = {"helps",    "no-refusal-found", "empty",
                                         "filtered", "unreached",        "failed"};
    bool built_in = strstr(detector, "+rules@") == NULL || sc_detector_has_rule(rule);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        built_in |= strcmp(rule, others[i]) == 0;
    return built_in ? SC_BY_RULES : SC_BY_OWN_RULES;
}

enum sc_partial_kind sc_partial_kind_of(const char *rule)
{
    static const struct {
        const char *rule;
        enum sc_partial_kind kind;
    } known[] = {{"refuses-then-helps", SC_REFUSES_AND_HELPS},
                 {"helps-then-refuses", SC_REFUSES_AND_HELPS},
                 {SC_TWO_SPEAKERS_RULE, SC_REFUSES_AND_HELPS},
                 {"helps-in-part", SC_HELPS_IN_PART}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(rule, known[i].rule) == 0)
            return known[i].kind;
    return SC_PARTIAL_UNTOLD;
}

const char *sc_detected_by_name(enum sc_detected_by by)
{
    static const char *const names[SC_N_DETECTED_BY] = {"rules", "reader", "own rules"};
    return names[by];
}

const char *sc_partial_kind_name(enum sc_partial_kind partial)
{
    static const char *const names[SC_N_PARTIALS] = {"untold", "refuses and helps",
                                                     "helps in part"};
    return names[partial];
}
