/* Any bytes as what a server says of itself, and two answers as what it lists at two temperatures:
 * whatever is concluded is one of the conclusions. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "source/server/identity.h"
#include "source/server/listed.h"
#include "source/server/rule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static struct sc_rule_list first_list(const struct sc_answer *answer)
{
    const struct sc_completion *c = &answer->completion;
    if (c->n_listed == 0)
        return (struct sc_rule_list){0};
    return (struct sc_rule_list){c->candidates + c->tokens[0].first, c->tokens[0].n_candidates};
}

static void read_answer(const char *text, size_t n, struct sc_answer *answer)
{
    struct sc_error unused = {0};
    *answer = (struct sc_answer){0};
    if (sc_json_parse_foreign(text, n, "x", &answer->root, &unused) != SC_OK)
        answer->root = NULL;
    if (sc_completion_read(text, n, &answer->completion, &unused) != SC_OK)
        answer->completion = (struct sc_completion){0};
    expect(sc_listed_count(&answer->completion, 20) <= 20);
    sc_listed_end(answer);
    sc_listed_ids(answer);
}

static void check_identity(const json_t *root)
{
    struct sc_identity identity = {0};
    const char *owner;
    expect(sc_identity_read(root, "toy", &identity, &owner, NULL) == SC_OK);
    expect(identity.lists == (identity.n_models > 0));
    expect(!identity.has_model || identity.lists);
    expect((identity.only != NULL) == (identity.n_models == 1));
    expect(sc_utf8_valid(identity.names.len ? identity.names.data : "", identity.names.len) ==
           identity.names.len);
    sc_identity_free(&identity);
}

static void check_rule(const struct sc_answer *neutral, const struct sc_answer *other)
{
    const struct sc_rule_pair pair = {first_list(neutral), first_list(other)};
    struct sc_rule_finding finding;
    enum sc_rule_change change;
    expect(sc_rule_decide(&pair, 1, 0.5, &finding, NULL) == SC_OK);
    expect((finding.why != NULL) == (finding.kind == SC_LOGPROBS_UNKNOWN));
    expect(finding.kind < SC_N_LOGPROB_KINDS);
    expect(sc_rule_compare(&pair.neutral, &pair.other, &change, NULL) == SC_OK);
    expect(change <= SC_RULE_NO_LISTS);
}

/* Two answers with a NUL between them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *nul = size > 0 ? memchr(data, 0, size) : NULL;
    size_t n = nul != NULL ? (size_t)(nul - data) : size, rest = nul != NULL ? size - n - 1 : 0;
    char *first = malloc(n + 1), *second = malloc(rest + 1); /* ends are the sanitizer's business */
    struct sc_answer answers[2];
    expect(first != NULL && second != NULL);
    if (n > 0)
        memcpy(first, data, n);
    if (rest > 0)
        memcpy(second, nul + 1, rest);
    read_answer(first, n, &answers[0]);
    read_answer(second, rest, &answers[1]);
    check_identity(answers[0].root);
    check_rule(&answers[0], &answers[1]);
    sc_answer_free(&answers[0]);
    sc_answer_free(&answers[1]);
    free(first);
    free(second);
    return 0;
}
