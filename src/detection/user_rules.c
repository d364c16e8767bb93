/* A user's rules (user_rules.h): reading the file and trying what it adds. */
#include "detection/user_rules.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/pattern.h"
#include "base/random.h"
#include "detection/detection.h"
#include "detection/outline.h"

enum { MOST_RULES = 200, MOST_FILE = 1 << 20, LONGEST_NAME = 60 };

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
    uint64_t key;          /* of what the file says */
    pthread_mutex_t mutex; /* a pattern serves one thread at a time */
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
    pthread_mutex_destroy(&rules->mutex);
    sc_free(rules);
}

uint64_t sc_user_rules_key(const struct sc_user_rules *rules)
{
    return rules->key;
}

/* A name stands in tables and files. */
static bool is_name(const char *name)
{
    size_t n = 0;
    while (name != NULL && sc_is_name_char(name[n]))
        n++;
    return n > 0 && n <= LONGEST_NAME && name[n] == '\0';
}

/* What a rule is called and says. */
static enum sc_status read_verdict(struct added *out, json_t *rule, const char *where,
                                   struct sc_error *error)
{
    const char *name = json_string_value(json_object_get(rule, "name"));
    if (!is_name(name))
        return sc_fail(error, SC_ERR_FORMAT, "%s: name: expected 1 to %d letters, digits, - _ or .",
                       where, LONGEST_NAME);
    if (strncmp(name, SC_READER_RULE, strlen(SC_READER_RULE)) == 0)
        return sc_fail(error, SC_ERR_FORMAT,
                       "%s: name: expected one that does not begin with " SC_READER_RULE
                       ", found %s",
                       where, name);
    const char *verdict = json_string_value(json_object_get(rule, "verdict"));
    int value = verdict != NULL ? sc_verdict_parse(verdict) : -1;
    if (value != SC_REFUSAL && value != SC_PARTIAL && value != SC_COMPLIANCE)
        return sc_fail(error, SC_ERR_FORMAT,
                       "%s (%s): verdict: expected refusal, partial or compliance", where, name);
    out->verdict = (enum sc_verdict)value;
    out->name = sc_strdup(name);
    return out->name != NULL ? SC_OK : sc_fail_nomem(error, where);
}

/* Where it applies. */
static enum sc_status read_pattern(struct added *out, json_t *rule, const char *where,
                                   struct sc_error *error)
{
    const char *pattern = json_string_value(json_object_get(rule, "pattern"));
    if (pattern == NULL || *pattern == '\0')
        return sc_fail(error, SC_ERR_FORMAT, "%s (%s): pattern: expected a regular expression",
                       where, out->name);
    const int64_t everywhere = INT64_MAX;
    int64_t within = 0;
    SC_TRY(sc_json_int(rule, "within", (struct sc_json_ints){1, INT64_MAX}, &everywhere, &within,
                       error));
    out->within = (uint64_t)within > SIZE_MAX ? SIZE_MAX : (size_t)within;
    enum sc_status status = sc_pattern_new(&out->pattern, pattern, false, error);
    if (status != SC_OK)
        sc_error_prefix(error, "%s (%s): pattern", where, out->name);
    return status;
}

static enum sc_status read_added(struct added *out, json_t *rule, size_t place,
                                 struct sc_error *error)
{
    static const char *const keys[] = {"name", "verdict", "pattern", "within"};
    char where[40];
    snprintf(where, sizeof where, "add[%zu]", place);
    if (!json_is_object(rule))
        return sc_fail(error, SC_ERR_FORMAT, "%s: expected an object", where);
    SC_TRY(sc_json_known_keys(rule, keys, sizeof keys / sizeof *keys, where, error));
    SC_TRY(read_verdict(out, rule, where, error));
    return read_pattern(out, rule, where, error);
}

static enum sc_status read_disabled(struct sc_user_rules *rules, const json_t *name,
                                    struct sc_error *error)
{
    const char *text = json_string_value(name);
    if (text == NULL)
        return sc_fail(error, SC_ERR_FORMAT,
                       "disable: expected the name of a rule, found something else");
    if (!sc_detector_has_rule(text))
        return sc_fail(error, SC_ERR_FORMAT, "disable: expected the name of a rule, found \"%s\"",
                       text);
    char *copy = sc_strdup(text);
    if (copy == NULL)
        return sc_fail_nomem(error, "disable");
    rules->disabled[rules->n_disabled++] = copy;
    return SC_OK;
}

static enum sc_status read_lists(struct sc_user_rules *rules, json_t *root, struct sc_error *error)
{
    static const char *const keys[] = {"add", "disable"};
    SC_TRY(sc_json_known_keys(root, keys, 2, "rules", error));
    const json_t *add = json_object_get(root, "add"), *disable = json_object_get(root, "disable");
    if ((add != NULL && !json_is_array(add)) || (disable != NULL && !json_is_array(disable)) ||
        json_array_size(add) > MOST_RULES || json_array_size(disable) > MOST_RULES)
        return sc_fail(error, SC_ERR_FORMAT, "add, disable: expected lists of at most %d entries",
                       MOST_RULES);
    rules->added = sc_alloc_zero(json_array_size(add), sizeof *rules->added);
    rules->disabled = sc_alloc_zero(json_array_size(disable), sizeof *rules->disabled);
    if (rules->added == NULL || rules->disabled == NULL)
        return sc_fail_nomem(error, "lists of rules");
    for (size_t i = 0; i < json_array_size(add); i++)
        SC_TRY(read_added(&rules->added[rules->n_added++], json_array_get(add, i), i, error));
    for (size_t i = 0; i < json_array_size(disable); i++)
        SC_TRY(read_disabled(rules, json_array_get(disable, i), error));
    return SC_OK;
}

static enum sc_status make_key(struct sc_user_rules *rules, const json_t *root,
                               struct sc_error *error)
{
    struct sc_text canonical = {0};
    sc_json_write(&canonical, root);
    bool whole = !canonical.failed;
    if (whole)
        rules->key = sc_hash64(canonical.data, canonical.len);
    sc_text_free(&canonical);
    return whole ? SC_OK : sc_fail_nomem(error, "rules");
}

static enum sc_status new_rules(struct sc_user_rules **out, struct sc_error *error)
{
    struct sc_user_rules *rules = sc_alloc_zero(1, sizeof *rules);
    if (rules == NULL)
        return sc_fail_nomem(error, "rules");
    if (pthread_mutex_init(&rules->mutex, NULL) != 0) {
        sc_free(rules);
        return sc_fail_nomem(error, "rules");
    }
    *out = rules;
    return SC_OK;
}

static enum sc_status make_rules(struct sc_user_rules **out, json_t *root, struct sc_error *error)
{
    SC_TRY(new_rules(out, error));
    SC_TRY(read_lists(*out, root, error));
    return make_key(*out, root, error);
}

static enum sc_status read_root(const char *path, json_t **root, struct sc_error *error)
{
    char *text;
    size_t n;
    SC_TRY(sc_input_read(path, MOST_FILE, &text, &n, error));
    enum sc_status status = sc_json_parse(text, n, sc_input_name(path), root, error);
    sc_free(text);
    if (status != SC_OK || json_is_object(*root))
        return status;
    json_decref(*root);
    return sc_fail(error, SC_ERR_FORMAT, "%s: expected a JSON object", sc_input_name(path));
}

enum sc_status sc_user_rules_read(struct sc_user_rules **out, const char *path,
                                  struct sc_error *error)
{
    if (out == NULL || path == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT, "rules: expected a place and a file");
    *out = NULL;
    json_t *root = NULL;
    SC_TRY(read_root(path, &root, error));
    struct sc_user_rules *rules = NULL;
    enum sc_status status = make_rules(&rules, root, error);
    json_decref(root);
    if (status != SC_OK) {
        sc_error_prefix(error, "%s", sc_input_name(path));
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

static bool finds(struct sc_user_rules *rules, const struct added *rule, const char *answer,
                  size_t n, struct sc_piece *found)
{
    pthread_mutex_lock(&rules->mutex);
    bool is = sc_pattern_find(rule->pattern, answer, n, 0, &found->begin, &found->end) &&
              found->begin < rule->within;
    pthread_mutex_unlock(&rules->mutex);
    return is;
}

bool sc_user_rules_decide(struct sc_user_rules *rules, const char *answer, size_t n,
                          struct sc_detection *out)
{
    for (size_t i = 0; rules != NULL && i < rules->n_added; i++) {
        const struct added *rule = &rules->added[i];
        struct sc_piece found;
        if (!finds(rules, rule, answer, n, &found))
            continue;
        *out = (struct sc_detection){.verdict = rule->verdict,
                                     .rule = rule->name,
                                     .begin = found.begin,
                                     .end = found.end,
                                     .clear = true,
                                     .by = SC_BY_OWN_RULES};
        return true;
    }
    return false;
}

bool sc_user_rules_ran_out(struct sc_user_rules *rules)
{
    bool ran_out = false;
    if (rules == NULL)
        return false;
    pthread_mutex_lock(&rules->mutex);
    for (size_t i = 0; i < rules->n_added; i++)
        ran_out = ran_out || sc_pattern_ran_out(rules->added[i].pattern);
    pthread_mutex_unlock(&rules->mutex);
    return ran_out;
}
