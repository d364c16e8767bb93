/* Rules from a file. */
#include "detection/user_rules.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/pattern.h"
#include "base/random.h"
#include "detection/detection.h"

enum { MOST_RULES = 200, MOST_FILE = 1 << 20 };

struct added {
    char *name;
    enum sc_verdict verdict;
    size_t within; /* the match begins before this byte */
    struct sc_pattern *pattern;
};

struct sc_user_rules {
    struct added *added;
    size_t n_added;
    char **disabled;
    size_t n_disabled;
    char version[64];
};

void sc_user_rules_free(struct sc_user_rules *rules)
{
    if (rules == NULL)
        return;
    for (size_t i = 0; i < rules->n_added; i++) {
        sc_free(rules->added[i].name);
        sc_pattern_free(rules->added[i].pattern);
    }
    for (size_t i = 0; i < rules->n_disabled; i++)
        sc_free(rules->disabled[i]);
    sc_free(rules->added);
    sc_free(rules->disabled);
    sc_free(rules);
}

const char *sc_user_rules_version(const struct sc_user_rules *rules)
{
    return rules->version;
}

/* Letters, digits and - only: a name stands in tables and files. */
static bool is_name(const char *name)
{
    size_t n = name != NULL ? strlen(name) : 0;
    return n > 0 && n <= 60 &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == n;
}

static enum sc_status read_added(struct added *out, json_t *rule, size_t place, const char *path,
                                 struct sc_error *error)
{
    static const char *const keys[] = {"name", "verdict", "pattern", "within"};
    const char *name = json_string_value(json_object_get(rule, "name"));
    const char *verdict = json_string_value(json_object_get(rule, "verdict"));
    const char *pattern = json_string_value(json_object_get(rule, "pattern"));
    const int64_t everywhere = INT64_MAX;
    int64_t within = 0;
    int value = verdict != NULL ? sc_verdict_parse(verdict) : -1;
    if (!json_is_object(rule))
        return sc_fail(error, SC_ERR_FORMAT, "%s: add[%zu]: expected an object", path, place);
    if (!is_name(name))
        return sc_fail(error, SC_ERR_FORMAT,
                       "%s: add[%zu]: name: expected 1 to 60 letters, digits, - _ or .", path,
                       place);
    if (value != SC_REFUSAL && value != SC_PARTIAL && value != SC_COMPLIANCE)
        return sc_fail(error, SC_ERR_FORMAT,
                       "%s: %s: verdict: expected refusal, partial or compliance", path, name);
    if (pattern == NULL || *pattern == '\0')
        return sc_fail(error, SC_ERR_FORMAT, "%s: %s: pattern: expected a regular expression", path,
                       name);
    enum sc_status status = sc_json_known_keys(rule, keys, sizeof keys / sizeof *keys, path, error);
    if (status == SC_OK)
        status = sc_json_int(rule, "within", 1, INT64_MAX, &everywhere, &within, error);
    if (status != SC_OK)
        return status;
    out->verdict = (enum sc_verdict)value;
    out->within = (uint64_t)within > SIZE_MAX ? SIZE_MAX : (size_t)within;
    out->name = sc_strdup(name);
    if (out->name == NULL)
        return sc_fail_nomem(error, path);
    status = sc_pattern_new(&out->pattern, pattern, false, error);
    if (status != SC_OK)
        sc_error_prefix(error, "%s: %s: pattern", path, name);
    return status;
}

static enum sc_status read_disabled(struct sc_user_rules *rules, const json_t *name,
                                    const char *path, struct sc_error *error)
{
    const char *text = json_string_value(name);
    if (text == NULL || !sc_detector_has_rule(text))
        return sc_fail(error, SC_ERR_FORMAT,
                       "%s: disable: expected the name of a rule, found %s%s%s", path,
                       text != NULL ? "\"" : "", text != NULL ? text : "something else",
                       text != NULL ? "\"" : "");
    char *copy = sc_strdup(text);
    if (copy == NULL)
        return sc_fail_nomem(error, path);
    rules->disabled[rules->n_disabled++] = copy;
    return SC_OK;
}

static enum sc_status read_lists(struct sc_user_rules *rules, json_t *root, const char *path,
                                 struct sc_error *error)
{
    static const char *const keys[] = {"add", "disable"};
    const json_t *add = json_object_get(root, "add"), *disable = json_object_get(root, "disable");
    enum sc_status status = sc_json_known_keys(root, keys, 2, path, error);
    if (status != SC_OK)
        return status;
    if ((add != NULL && !json_is_array(add)) || (disable != NULL && !json_is_array(disable)) ||
        json_array_size(add) > MOST_RULES || json_array_size(disable) > MOST_RULES)
        return sc_fail(error, SC_ERR_FORMAT,
                       "%s: add, disable: expected lists of at most %d entries", path, MOST_RULES);
    rules->added = sc_alloc_zero(json_array_size(add), sizeof *rules->added);
    rules->disabled = sc_alloc_zero(json_array_size(disable), sizeof *rules->disabled);
    if (rules->added == NULL || rules->disabled == NULL)
        return sc_fail_nomem(error, path);
    for (size_t i = 0; status == SC_OK && i < json_array_size(add); i++)
        status =
            read_added(&rules->added[rules->n_added++], json_array_get(add, i), i, path, error);
    for (size_t i = 0; status == SC_OK && i < json_array_size(disable); i++)
        status = read_disabled(rules, json_array_get(disable, i), path, error);
    return status;
}

enum sc_status sc_user_rules_read(struct sc_user_rules **out, const char *path,
                                  struct sc_error *error)
{
    json_t *root = NULL;
    struct sc_text canonical = {0};
    struct sc_user_rules *rules = sc_alloc_zero(1, sizeof *rules);
    *out = NULL;
    if (rules == NULL)
        return sc_fail_nomem(error, path);
    enum sc_status status = sc_json_read(path, MOST_FILE, &root, error);
    if (status == SC_OK)
        status = read_lists(rules, root, path, error);
    if (status == SC_OK) {
        sc_json_write(&canonical, root);
        if (canonical.failed)
            status = sc_fail_nomem(error, path);
        else
            snprintf(rules->version, sizeof rules->version, "%s+rules@%016" PRIx64,
                     sc_detector_version(), sc_hash64(canonical.data, canonical.len));
    }
    sc_text_free(&canonical);
    json_decref(root);
    if (status != SC_OK) {
        sc_user_rules_free(rules);
        return status;
    }
    *out = rules;
    return SC_OK;
}

bool sc_user_rules_disable(const struct sc_user_rules *rules, const char *name)
{
    for (size_t i = 0; rules != NULL && i < rules->n_disabled; i++)
        if (strcmp(rules->disabled[i], name) == 0)
            return true;
    return false;
}

bool sc_user_rules_decide(struct sc_user_rules *rules, const char *answer, size_t n,
                          struct sc_detection *out)
{
    for (size_t i = 0; rules != NULL && i < rules->n_added; i++) {
        const struct added *rule = &rules->added[i];
        size_t begin, end;
        if (!sc_pattern_find(rule->pattern, answer, n, 0, &begin, &end) || begin >= rule->within)
            continue;
        *out = (struct sc_detection){.verdict = rule->verdict,
                                     .rule = rule->name,
                                     .begin = begin,
                                     .end = end,
                                     .clear = true};
        return true;
    }
    return false;
}
