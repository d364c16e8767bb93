/* See function.h.  What the function says is checked: its numbers end up as labels and rates. */
#include "judge/function.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/text.h"
#include "vocabulary/vocabulary.h"

enum { USUAL_BATCH = 32, LONGEST_NAME = 64 };

struct sc_function_judge {
    struct sc_judge_functions functions; /* as this version knows it */
    char family[LONGEST_NAME + 1];
    char name[3 * LONGEST_NAME];
};

/* ---- opening --------------------------------------------------------------------------------- */

static enum sc_status check_word(const char *what, const char *word, const char *allowed,
                                 struct sc_error *error)
{
    size_t n = word != NULL ? strlen(word) : 0;
    if (n == 0 || n > LONGEST_NAME || strspn(word, allowed) != n)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "judge: %s: expected 1 to %d of %s, found \"%.100s\"", what, LONGEST_NAME,
                       allowed, word != NULL ? word : "");
    return SC_OK;
}

static enum sc_status read_functions(const struct sc_judge_functions *given,
                                     struct sc_judge_functions *out, struct sc_error *error)
{
    static const char small[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789-.";
    static const char *const taken[] = {"patterns", "reader", "hybrid", SC_NO_JUDGE};
    *out = (struct sc_judge_functions){.size = sizeof *out};
    SC_TRY(sc_options_take(out, sizeof *out, given, given->size, "judge", error));
    SC_TRY(check_word("name", out->name, small, error));
    SC_TRY(check_word("version", out->version, plain, error));
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (strcmp(out->name, taken[i]) == 0)
            return sc_fail(error, SC_ERR_ARGUMENT,
                           "judge: name: \"%s\" names something else already", taken[i]);
    if (out->judge == NULL || !(out->refusal || out->harm))
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "judge \"%s\": expected a function that says something of refusal or harm",
                       out->name);
    if (out->prompts && !out->harm)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "judge \"%s\": prompts alone: expected that it says something of harm",
                       out->name);
    if (out->batch == 0)
        out->batch = USUAL_BATCH;
    return SC_OK;
}

enum sc_status sc_function_judge_check(const struct sc_judge_functions *functions,
                                       struct sc_error *error)
{
    struct sc_judge_functions read;
    return read_functions(functions, &read, error);
}

enum sc_status sc_function_judge_open(struct sc_function_judge **out,
                                      const struct sc_judge_functions *functions,
                                      struct sc_error *error)
{
    struct sc_judge_functions read;
    *out = NULL;
    SC_TRY(read_functions(functions, &read, error));
    struct sc_function_judge *judge = sc_alloc_zero(1, sizeof *judge);
    if (judge == NULL)
        return sc_fail_nomem(error, "judge");
    judge->functions = read;
    snprintf(judge->family, sizeof judge->family, "%s", read.name);
    snprintf(judge->name, sizeof judge->name, "%s/%s:function", read.name, read.version);
    *out = judge;
    return SC_OK;
}

void sc_function_judge_close(struct sc_function_judge *judge)
{
    sc_free(judge);
}

const char *sc_function_judge_name(const struct sc_function_judge *judge)
{
    return judge->name;
}

const char *sc_function_judge_family(const struct sc_function_judge *judge)
{
    return judge->family;
}

/* ---- what it says ---------------------------------------------------------------------------- */

static enum sc_safety safety_of(enum sc_harm harm)
{
    static const enum sc_safety safeties[SC_N_HARMS] = {[SC_HARMFUL] = SC_SAFETY_UNSAFE,
                                                        [SC_HARMLESS] = SC_SAFETY_SAFE,
                                                        [SC_CONTROVERSIAL] =
                                                            SC_SAFETY_CONTROVERSIAL,
                                                        [SC_UNJUDGED] = SC_SAFETY_UNPARSED};
    return safeties[harm];
}

static enum sc_refused refused_of(enum sc_verdict verdict)
{
    switch (verdict) {
    case SC_REFUSAL:
        return SC_REFUSED_YES;
    case SC_PARTIAL:
        return SC_REFUSED_PARTIAL;
    case SC_COMPLIANCE:
        return SC_REFUSED_NO;
    default:
        return SC_REFUSED_UNPARSED;
    }
}

static bool is_probability(double p)
{
    return isnan(p) || (p >= 0 && p <= 1);
}

static enum sc_status check_reply(const struct sc_function_judge *judge,
                                  const struct sc_judge_reply *reply, struct sc_error *error)
{
    enum sc_verdict verdict = reply->verdict;
    if ((unsigned)reply->harm >= SC_N_HARMS)
        return sc_fail(error, SC_ERR_ARGUMENT, "judge \"%s\": harm: unknown number %d",
                       judge->family, (int)reply->harm);
    if (verdict != SC_REFUSAL && verdict != SC_PARTIAL && verdict != SC_COMPLIANCE &&
        verdict != SC_UNPARSED)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "judge \"%s\": verdict: expected refusal, partial, compliance or unparsed, "
                       "found number %d",
                       judge->family, (int)verdict);
    if (!is_probability(reply->p_harmful) || !is_probability(reply->p_refused))
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "judge \"%s\": expected probabilities from 0 to 1, found %g and %g",
                       judge->family, reply->p_harmful, reply->p_refused);
    if (isinf(reply->score))
        return sc_fail(error, SC_ERR_ARGUMENT, "judge \"%s\": score: expected a number, found %g",
                       judge->family, reply->score);
    return SC_OK;
}

static void read_reply(const struct sc_function_judge *judge, const struct sc_judge_reply *reply,
                       bool prompt_alone, struct sc_judgement *out)
{
    const struct sc_judge_functions *can = &judge->functions;
    *out = sc_judgement_none();
    if (reply->failure != NULL) {
        out->failure = reply->failure[0] != '\0' ? reply->failure : "no reason given";
        out->again = reply->again;
        return;
    }
    out->safety = can->harm ? safety_of(reply->harm) : SC_SAFETY_UNASKED;
    out->refused = !can->refusal   ? SC_REFUSED_UNASKED
                   : !prompt_alone ? refused_of(reply->verdict)
                                   : SC_REFUSED_UNPARSED;
    if (can->harm) {
        out->p_unsafe = reply->p_harmful;
        out->score = reply->score;
    }
    if (can->refusal && !prompt_alone)
        out->p_refused = reply->p_refused;
    out->output = reply->words != NULL ? reply->words : "";
}

/* ---- asking ---------------------------------------------------------------------------------- */

struct asking {
    struct sc_function_judge *judge;
    const struct sc_judge_item *items;
    const struct sc_judge_sink *sink;
    struct sc_judge_counts *counts;
    struct sc_judge_text *texts;    /* [batch] */
    struct sc_judge_reply *replies; /* [batch] */
    double started;
};

static bool is_unparsed(const struct asking *asking, const struct sc_judgement *judgement,
                        bool prompt_alone)
{
    return judgement->failure == NULL && (judgement->safety == SC_SAFETY_UNPARSED ||
                                          (asking->judge->functions.refusal && !prompt_alone &&
                                           judgement->refused == SC_REFUSED_UNPARSED));
}

/* A text of the caller's as valid UTF-8; *copy: sc_free it. */
static enum sc_status make_valid(const char **text, char **copy, struct sc_error *error)
{
    if (*text == NULL || sc_utf8_valid(*text, strlen(*text)) == strlen(*text))
        return SC_OK;
    struct sc_text valid = {0};
    sc_text_add_repaired(&valid, *text, strlen(*text));
    *copy = sc_text_take(&valid);
    *text = *copy;
    return *copy != NULL ? SC_OK : sc_fail_nomem(error, "words of a judge");
}

static enum sc_status deliver(struct asking *asking, size_t item,
                              const struct sc_judge_reply *reply, struct sc_error *error)
{
    struct sc_judge_counts *counts = asking->counts;
    bool prompt_alone = asking->items[item].response == NULL;
    struct sc_judgement judgement;
    char *output = NULL, *failure = NULL;
    read_reply(asking->judge, reply, prompt_alone, &judgement);
    counts->n_done++;
    counts->n_failed += judgement.failure != NULL;
    counts->n_unparsed += is_unparsed(asking, &judgement, prompt_alone);
    enum sc_status status = make_valid(&judgement.output, &output, error);
    if (status != SC_OK)
        goto done;
    status = make_valid(&judgement.failure, &failure, error);
    if (status != SC_OK)
        goto done;
    status = asking->sink->done(asking->sink->context, item, &judgement, error);
done:
    sc_free(output);
    sc_free(failure);
    return status;
}

static void list_texts(const struct asking *asking, size_t first, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct sc_judge_item *item = &asking->items[first + i];
        asking->texts[i] =
            (struct sc_judge_text){.prompt = item->prompt,
                                   .answer = item->response,
                                   .turns = item->turns,
                                   .n_turns = item->n_turns,
                                   .repeat = sc_judge_draw_of(asking->sink, first + i).repeat};
        asking->replies[i] = (struct sc_judge_reply){.harm = SC_UNJUDGED,
                                                     .verdict = SC_UNPARSED,
                                                     .p_harmful = NAN,
                                                     .p_refused = NAN,
                                                     .score = NAN};
    }
}

static enum sc_status ask_batch(struct asking *asking, size_t first, size_t n,
                                struct sc_error *error)
{
    const struct sc_judge_functions *functions = &asking->judge->functions;
    list_texts(asking, first, n);
    enum sc_status status =
        functions->judge(functions->context, asking->texts, n, asking->replies, error);
    asking->counts->seconds = sc_seconds() - asking->started;
    if (status != SC_OK)
        return sc_fail(error, status, "judge \"%s\": failed", asking->judge->family);
    for (size_t i = 0; i < n; i++)
        SC_TRY(check_reply(asking->judge, &asking->replies[i], error));
    for (size_t i = 0; i < n; i++)
        SC_TRY(deliver(asking, first + i, &asking->replies[i], error));
    return SC_OK;
}

static enum sc_status ask_all(struct asking *asking, size_t n, struct sc_error *error)
{
    const struct sc_judge_sink *sink = asking->sink;
    size_t most = asking->judge->functions.batch, batch = n < most ? n : most;
    asking->texts = sc_alloc_array(batch, sizeof *asking->texts);
    asking->replies = sc_alloc_array(batch, sizeof *asking->replies);
    if (asking->texts == NULL || asking->replies == NULL)
        return sc_fail_nomem(error, "texts to judge");
    for (size_t first = 0; first < n; first += batch) {
        if (sink->step != NULL && !sink->step(sink->context, asking->counts))
            return sc_fail(error, SC_ERR_INTERRUPTED, "interrupted");
        SC_TRY(ask_batch(asking, first, n - first < batch ? n - first : batch, error));
    }
    return SC_OK;
}

enum sc_status sc_function_judge_run(struct sc_function_judge *judge,
                                     const struct sc_judge_item *items, size_t n,
                                     const struct sc_judge_sink *sink,
                                     struct sc_judge_counts *counts, struct sc_error *error)
{
    assert(sink->done != NULL);
    struct sc_judge_counts unused;
    struct asking asking = {.judge = judge,
                            .items = items,
                            .sink = sink,
                            .counts = counts != NULL ? counts : &unused,
                            .started = sc_seconds()};
    *asking.counts = (struct sc_judge_counts){0};
    enum sc_status status = ask_all(&asking, n, error);
    sc_free(asking.texts);
    sc_free(asking.replies);
    return status;
}
