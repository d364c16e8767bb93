/* See rubric.h.  Every field is checked; an unknown one is an error. */
#include "judge/rubric.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"

enum { LONGEST_NUMBER = 32, LONGEST_NAME = 40 };

static const struct sc_json_reals any_real = {-1e9, 1e9};

/* ---- the configuration ----------------------------------------------------------------------- */

static bool is_name(const char *name)
{
    size_t n = strlen(name);
    if (n == 0 || n > LONGEST_NAME || isdigit((unsigned char)name[0]))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)name[i]) && name[i] != '_')
            return false;
    return true;
}

static enum sc_status read_pattern(struct sc_rubric_part *part, const json_t *object,
                                   struct sc_error *error)
{
    const char *pattern = json_string_value(json_object_get(object, "pattern"));
    if (pattern == NULL || *pattern == '\0')
        return sc_fail(error, SC_ERR_FORMAT, "pattern: expected a regular expression");
    SC_TRY(sc_pattern_new(&part->pattern, pattern, true, error));
    if (sc_pattern_n_groups(part->pattern) < 1)
        return sc_fail(error, SC_ERR_FORMAT,
                       "pattern: expected a group (...) that captures the number");
    return SC_OK;
}

static enum sc_status read_part(struct sc_rubric_part *part, const char *name, json_t *object,
                                struct sc_error *error)
{
    static const char *const keys[] = {"pattern", "from", "to"};
    if (!is_name(name) || !json_is_object(object))
        return sc_fail(error, SC_ERR_FORMAT,
                       "expected an object with a name of letters, digits and _");
    SC_TRY(sc_json_known_keys(object, keys, sizeof keys / sizeof *keys, "part", error));
    part->name = sc_strdup(name);
    if (part->name == NULL)
        return sc_fail_nomem(error, "a part");
    SC_TRY(sc_json_real(object, "from", any_real, NULL, &part->from, error));
    SC_TRY(sc_json_real(object, "to", any_real, NULL, &part->to, error));
    if (part->from > part->to)
        return sc_fail(error, SC_ERR_FORMAT, "expected from to be at most to, found %g and %g",
                       part->from, part->to);
    return read_pattern(part, object, error);
}

static enum sc_status read_parts(struct sc_rubric *out, json_t *parts, struct sc_error *error)
{
    size_t n = json_object_size(parts);
    if (n == 0 || n > SC_MOST_PARTS)
        return sc_fail(error, SC_ERR_FORMAT, "parts: expected an object of 1 to %d parts",
                       SC_MOST_PARTS);
    const char *name;
    json_t *object;
    json_object_foreach(parts, name, object)
    {
        enum sc_status status = read_part(&out->parts[out->n_parts++], name, object, error);
        if (status != SC_OK) {
            sc_error_prefix(error, "parts: %s", name);
            return status;
        }
    }
    return SC_OK;
}

static enum sc_status read_formula(struct sc_rubric *out, const json_t *object,
                                   struct sc_error *error)
{
    const char *formula = json_string_value(json_object_get(object, "formula"));
    if (formula == NULL)
        return sc_fail(error, SC_ERR_FORMAT, "formula: expected a text");
    const char *names[SC_MOST_PARTS];
    for (size_t i = 0; i < out->n_parts; i++)
        names[i] = out->parts[i].name;
    return sc_formula_parse(&out->formula, formula, names, out->n_parts, error);
}

static enum sc_status parse(struct sc_rubric *out, json_t *object, struct sc_error *error)
{
    static const char *const keys[] = {"parts", "formula", "harmful"};
    if (!json_is_object(object))
        return sc_fail(error, SC_ERR_FORMAT, "expected an object");
    SC_TRY(sc_json_known_keys(object, keys, sizeof keys / sizeof *keys, "score", error));
    SC_TRY(sc_json_real(object, "harmful", any_real, NULL, &out->harmful, error));
    SC_TRY(read_parts(out, json_object_get(object, "parts"), error));
    return read_formula(out, object, error);
}

enum sc_status sc_rubric_parse(struct sc_rubric *out, json_t *object, const char *what,
                               struct sc_error *error)
{
    *out = (struct sc_rubric){0};
    enum sc_status status = parse(out, object, error);
    if (status != SC_OK) {
        sc_error_prefix(error, "%s", what);
        sc_rubric_free(out);
    }
    return status;
}

void sc_rubric_free(struct sc_rubric *rubric)
{
    for (size_t i = 0; i < rubric->n_parts; i++) {
        sc_free(rubric->parts[i].name);
        sc_pattern_free(rubric->parts[i].pattern);
    }
    sc_formula_free(rubric->formula);
    *rubric = (struct sc_rubric){0};
}

/* ---- words ----------------------------------------------------------------------------------- */

/* Digits with a point and a sign, and nothing else; NaN for any other text. */
static double number_in(const char *text, size_t n)
{
    char copy[LONGEST_NUMBER + 1], *end;
    if (n == 0 || n > LONGEST_NUMBER)
        return NAN;
    memcpy(copy, text, n);
    copy[n] = '\0';
    if (strspn(copy, "+-.0123456789") != n)
        return NAN;
    double value = strtod(copy, &end);
    return *end == '\0' ? value : NAN;
}

double sc_rubric_read(const struct sc_rubric *rubric, const char *text, size_t n)
{
    double values[SC_MOST_PARTS];
    for (size_t i = 0; i < rubric->n_parts; i++) {
        const struct sc_rubric_part *part = &rubric->parts[i];
        size_t begin, end;
        if (!sc_pattern_find(part->pattern, text, n, 1, &begin, &end))
            return NAN;
        values[i] = number_in(text + begin, end - begin);
        if (!(values[i] >= part->from && values[i] <= part->to))
            return NAN;
    }
    return sc_formula_value(rubric->formula, values);
}
