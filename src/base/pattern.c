/* See pattern.h. */
#include "base/pattern.h"

#include "base/memory.h"
#include "base/pattern_steps.h"

enum { MATCH_LIMIT = 200000, HEAP_LIMIT_KIB = 16384, STEPS_ANYWAY = 1 << 20 };

static void *allocate(PCRE2_SIZE bytes, void *context)
{
    (void)context;
    return sc_alloc(bytes);
}

static void release(void *memory, void *context)
{
    (void)context;
    sc_free(memory);
}

pcre2_general_context *sc_pattern_memory(void)
{
    return pcre2_general_context_create(allocate, release, NULL);
}

int sc_pattern_count_steps(pcre2_callout_block *block, void *steps)
{
    struct sc_pattern_steps *s = steps;
    size_t at = block->current_position;
    size_t n = 1 + (at > s->at ? at - s->at : s->at - at);

    s->at = at;
    if (n > s->left)
        return PCRE2_ERROR_CALLOUT;
    s->left -= n;
    return 0;
}

struct sc_pattern {
    pcre2_general_context *memory;
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *limits;
    bool ran_out;
};

static enum sc_status compile(struct sc_pattern *pattern, const char *expression, bool ignore_case,
                              struct sc_error *error)
{
    int code = 0;
    PCRE2_SIZE at = 0;
    pcre2_compile_context *context = pcre2_compile_context_create(pattern->memory);
    if (context == NULL)
        return sc_fail_nomem(error, "a regular expression");
    pattern->code =
        pcre2_compile((PCRE2_SPTR)expression, PCRE2_ZERO_TERMINATED,
                      PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C |
                          PCRE2_AUTO_CALLOUT | (ignore_case ? (uint32_t)PCRE2_CASELESS : 0),
                      &code, &at, context);
    pcre2_compile_context_free(context);
    if (pattern->code != NULL)
        return SC_OK;
    if (code == PCRE2_ERROR_HEAP_FAILED)
        return sc_fail_nomem(error, "a regular expression");
    PCRE2_UCHAR why[120];
    pcre2_get_error_message(code, why, sizeof why);
    return sc_fail(error, SC_ERR_FORMAT, "character %zu: %s", (size_t)at, (const char *)why);
}

enum sc_status sc_pattern_new(struct sc_pattern **out, const char *expression, bool ignore_case,
                              struct sc_error *error)
{
    *out = NULL;
    struct sc_pattern *pattern = sc_alloc_zero(1, sizeof *pattern);
    if (pattern != NULL)
        pattern->memory = sc_pattern_memory();
    if (pattern == NULL || pattern->memory == NULL) {
        sc_free(pattern);
        return sc_fail_nomem(error, "a regular expression");
    }
    enum sc_status status = compile(pattern, expression, ignore_case, error);
    if (status != SC_OK) {
        sc_pattern_free(pattern);
        return status;
    }
    pattern->match = pcre2_match_data_create_from_pattern(pattern->code, pattern->memory);
    pattern->limits = pcre2_match_context_create(pattern->memory);
    if (pattern->match == NULL || pattern->limits == NULL) {
        sc_pattern_free(pattern);
        return sc_fail_nomem(error, "a regular expression");
    }
    pcre2_set_match_limit(pattern->limits, MATCH_LIMIT);
    pcre2_set_heap_limit(pattern->limits, HEAP_LIMIT_KIB);
    *out = pattern;
    return SC_OK;
}

void sc_pattern_free(struct sc_pattern *pattern)
{
    if (pattern == NULL)
        return;
    pcre2_code_free(pattern->code);
    pcre2_match_data_free(pattern->match);
    pcre2_match_context_free(pattern->limits);
    pcre2_general_context_free(pattern->memory);
    sc_free(pattern);
}

size_t sc_pattern_n_groups(const struct sc_pattern *pattern)
{
    uint32_t n = 0;
    pcre2_pattern_info(pattern->code, PCRE2_INFO_CAPTURECOUNT, &n);
    return n;
}

bool sc_pattern_find(struct sc_pattern *pattern, const char *text, size_t n, size_t group,
                     size_t *begin, size_t *end)
{
    struct sc_pattern_steps steps = {0, STEPS_ANYWAY + (uint64_t)n * SC_STEPS_PER_BYTE};
    pcre2_set_callout(pattern->limits, sc_pattern_count_steps, &steps);
    int n_set =
        pcre2_match(pattern->code, (PCRE2_SPTR)text, n, 0, 0, pattern->match, pattern->limits);
    pattern->ran_out = pattern->ran_out || n_set == PCRE2_ERROR_NOMEMORY;
    if (n_set < 0 || group >= (size_t)n_set)
        return false;
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(pattern->match) + 2 * group;
    if (at[0] > at[1] || at[1] > n) /* not set, or turned round by \K in a look-ahead */
        return false;
    *begin = at[0];
    *end = at[1];
    return true;
}

bool sc_pattern_ran_out(const struct sc_pattern *pattern)
{
    return pattern != NULL && pattern->ran_out;
}
