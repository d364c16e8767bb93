/*
 * See asker.h.  An answer is read once, by the detector; the judge reads those that the
 * exploration hands over, the likeliest first.  What it does not judge stays unjudged.
 */
#include "risk/asker.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "experiment/reading.h"
#include "vocabulary/vocabulary.h"

/* ---- prompts --------------------------------------------------------------------------------- */

enum sc_status sc_risk_frame(const struct sc_risk_asker *asker, const struct sc_instance *instance,
                             struct sc_framed *framed, struct sc_error *error)
{
    const struct sc_conversation *turns = &instance->conversation;
    struct sc_message *messages = sc_alloc_array(turns->n + 2, sizeof *messages);
    size_t n = turns->n, most = asker->model.context - 1;
    *framed = (struct sc_framed){0};
    if (messages == NULL)
        return sc_fail_nomem(error, "messages of a prompt");
    if (n > 0)
        memcpy(messages, turns->messages, n * sizeof *messages);
    else
        messages[n++] = (struct sc_message){sc_role_name(SC_ROLE_USER), instance->prompt};
    if (instance->prefill != NULL)
        messages[n++] = (struct sc_message){sc_role_name(SC_ROLE_ASSISTANT), instance->prefill};
    enum sc_status status = sc_chat_encode(asker->model.format, messages, n, framed, error);
    sc_free(messages);
    if (status != SC_OK || (framed->n > 0 && framed->n <= most))
        return status;
    status =
        sc_fail(error, SC_ERR_LIMIT,
                "prompt: expected 1 to %zu tokens (the context less one for the answer), found %zu",
                most, framed->n);
    sc_framed_free(framed);
    *framed = (struct sc_framed){0};
    return status;
}

enum sc_status sc_risk_start(struct sc_risk_asker *asker, size_t longest, struct sc_error *error)
{
    const struct sc_expander_options options = {.sampling = asker->sampling,
                                                .max_prompt = longest,
                                                .max_new_tokens = asker->max_new_tokens,
                                                .width = asker->explore.step,
                                                .max_branches = asker->explore.max_branches,
                                                .max_bytes = asker->max_bytes};
    if (asker->max_new_tokens >= asker->model.context)
        return sc_fail(error, SC_ERR_LIMIT,
                       "max-new-tokens: expected less than the model's context of %zu, found %zu",
                       asker->model.context, asker->max_new_tokens);
    return sc_expander_open(&asker->expander, asker->engine, &options, error);
}

/* ---- readers --------------------------------------------------------------------------------- */

static struct sc_answered asked_about(const struct sc_risk_asker *asker,
                                      const struct sc_instance *instance,
                                      const struct sc_framed *framed)
{
    return (struct sc_answered){.model = &asker->model,
                                .detector = &asker->detector.reads,
                                .prompt = instance->prompt,
                                .prefill = instance->prefill,
                                .reasoning = framed->reasoning};
}

static enum sc_status read_verdict(void *context, const struct sc_answer *answer,
                                   enum sc_verdict *verdict, struct sc_error *error)
{
    const struct sc_risk_reader *reader = context;
    struct sc_detection found;
    char *text = NULL;
    SC_TRY(sc_answered_read(&reader->asked, answer->ids, answer->n, &text, &found, error));
    sc_release(text);
    *verdict = found.verdict;
    return SC_OK;
}

static enum sc_status harm_by_label(void *context, const struct sc_answer *answers,
                                    const enum sc_verdict *verdicts, size_t n, enum sc_harm *harms,
                                    struct sc_error *error)
{
    const struct sc_risk_reader *reader = context;
    (void)answers;
    (void)error;
    for (size_t i = 0; i < n; i++)
        harms[i] = sc_harm_by_label(verdicts[i], reader->instance->label);
    return SC_OK;
}

/* ---- the judge ------------------------------------------------------------------------------- */

/* Answers that are being judged: item i is repeat i % repeats of the answer at place[i / repeats].
 */
struct judging {
    const struct sc_risk_reader *reader;
    const struct sc_answer *answers;
    struct sc_judge_item *items; /* [n * repeats] */
    char **texts;                /* [n] owned */
    size_t *places;              /* [n] in the caller's array */
    struct sc_judgement *said;   /* [n * repeats] without their texts */
    size_t n, repeats;
};

static enum sc_status keep_judgement(void *context, size_t item,
                                     const struct sc_judgement *judgement, struct sc_error *error)
{
    static const char failed[] = "failed";
    struct judging *judging = context;
    struct sc_judgement *said = &judging->said[item];
    (void)error;
    *said = *judgement;
    said->output = "";
    said->unscored = NULL;
    said->failure = judgement->failure != NULL ? failed : NULL;
    return SC_OK;
}

/* By what was asked and answered, whatever else is judged. */
static struct sc_judge_draw draw(void *context, size_t item)
{
    const struct judging *judging = context;
    const struct sc_answer *answer = &judging->answers[judging->places[item / judging->repeats]];
    const char *id = judging->reader->instance->id;
    uint64_t about = sc_hash64(answer->ids, answer->n * sizeof *answer->ids);
    return (struct sc_judge_draw){
        sc_random_bits(SC_STREAM_JUDGING, sc_hash64(id, strlen(id)), about, 0, 3),
        (uint32_t)(item % judging->repeats)};
}

static bool go_on(void *context, const struct sc_judge_counts *counts)
{
    const struct judging *judging = context;
    (void)counts;
    return !sc_interrupted(&judging->reader->asker->interrupt);
}

static enum sc_status list_item(struct judging *judging, size_t place, struct sc_error *error)
{
    const struct sc_instance *instance = judging->reader->instance;
    const struct sc_conversation *turns = &instance->conversation;
    const struct sc_answer *answer = &judging->answers[place];
    struct sc_detection unused;
    char *text = NULL;
    SC_TRY(
        sc_answered_read(&judging->reader->asked, answer->ids, answer->n, &text, &unused, error));
    enum sc_status status =
        sc_answer_whole(instance->prefill, text, &judging->texts[judging->n], error);
    sc_release(text);
    SC_TRY(status);
    for (size_t r = 0; r < judging->repeats; r++)
        judging->items[judging->n * judging->repeats + r] =
            (struct sc_judge_item){.prompt = instance->prompt,
                                   .response = judging->texts[judging->n],
                                   .turns = turns->messages,
                                   .n_turns = turns->n > 1 ? turns->n - 1 : 0};
    judging->places[judging->n++] = place;
    return SC_OK;
}

/* Empty answers are harmless unasked; what is no answer at all nobody judges. */
static enum sc_status list_items(struct judging *judging, const enum sc_verdict *verdicts, size_t n,
                                 enum sc_harm *harms, struct sc_error *error)
{
    for (size_t i = 0; i < n; i++) {
        harms[i] = verdicts[i] == SC_EMPTY ? SC_HARMLESS : SC_UNJUDGED;
        if (verdicts[i] != SC_EMPTY && sc_verdict_is_judged(verdicts[i]))
            SC_TRY(list_item(judging, i, error));
    }
    return SC_OK;
}

static void add_counts(struct sc_judge_counts *all, const struct sc_judge_counts *more)
{
    all->n_done += more->n_done;
    all->n_failed += more->n_failed;
    all->n_unparsed += more->n_unparsed;
}

static enum sc_status ask_judge(struct judging *judging, const enum sc_verdict *verdicts, size_t n,
                                enum sc_harm *harms, struct sc_error *error)
{
    struct sc_risk_asker *asker = judging->reader->asker;
    const struct sc_judge_sink sink = {
        .context = judging, .done = keep_judgement, .draw = draw, .step = go_on};
    struct sc_judge_counts counts = {0};
    judging->repeats = asker->repeats.asked;
    size_t n_items = sc_size_mul(n, judging->repeats);
    judging->items = sc_alloc_zero(n_items, sizeof *judging->items);
    judging->said = sc_alloc_zero(n_items, sizeof *judging->said);
    judging->texts = sc_alloc_zero(n, sizeof *judging->texts);
    judging->places = sc_alloc_zero(n, sizeof *judging->places);
    if (judging->items == NULL || judging->said == NULL || judging->texts == NULL ||
        judging->places == NULL)
        return sc_fail_nomem(error, "answers to judge");
    SC_TRY(list_items(judging, verdicts, n, harms, error));
    if (judging->n == 0)
        return SC_OK;
    SC_TRY(sc_judge_run(asker->judge, judging->items, judging->n * judging->repeats, &sink, &counts,
                        error));
    add_counts(&asker->judged, &counts);
    for (size_t i = 0; i < judging->n; i++) {
        struct sc_judgement together;
        sc_judgements_combine(&judging->said[i * judging->repeats], judging->repeats, &together);
        harms[judging->places[i]] =
            together.failure == NULL ? sc_safety_harm(together.safety) : SC_UNJUDGED;
    }
    return SC_OK;
}

static enum sc_status harm_by_judge(void *context, const struct sc_answer *answers,
                                    const enum sc_verdict *verdicts, size_t n, enum sc_harm *harms,
                                    struct sc_error *error)
{
    struct judging judging = {.reader = context, .answers = answers};
    enum sc_status status = ask_judge(&judging, verdicts, n, harms, error);
    for (size_t i = 0; judging.texts != NULL && i < judging.n; i++)
        sc_free(judging.texts[i]);
    sc_free(judging.texts);
    sc_free(judging.places);
    sc_free(judging.items);
    sc_free(judging.said);
    return status;
}

const char *sc_risk_harm_basis(const struct sc_risk_asker *asker,
                               const struct sc_instance *instance, const char **reason)
{
    *reason = NULL;
    if (asker->judge != NULL)
        return sc_judge_name(asker->judge);
    if (instance->label == SC_LABEL_UNSAFE)
        return "proxy";
    *reason = instance->label == SC_LABEL_SAFE
                  ? "the prompt is labelled safe, and no judge read the answers"
                  : "no judge read the answers, and the prompt has no label to stand in";
    return NULL;
}

/* ---- exploring ------------------------------------------------------------------------------- */

bool sc_risk_is_stopped(void *asker)
{
    return sc_interrupted(&((const struct sc_risk_asker *)asker)->interrupt);
}

size_t sc_risk_room(const struct sc_risk_asker *asker, const struct sc_framed *framed)
{
    size_t room = asker->model.context - framed->n;
    return asker->max_new_tokens < room ? asker->max_new_tokens : room;
}

struct sc_reading sc_risk_reading(struct sc_risk_reader *reader, struct sc_risk_asker *asker,
                                  const struct sc_instance *instance,
                                  const struct sc_framed *framed)
{
    const char *reason;
    *reader = (struct sc_risk_reader){
        .asker = asker, .instance = instance, .asked = asked_about(asker, instance, framed)};
    return (struct sc_reading){.context = reader,
                               .read = read_verdict,
                               .judge = asker->judge != NULL ? harm_by_judge
                                        : sc_risk_harm_basis(asker, instance, &reason) != NULL
                                            ? harm_by_label
                                            : NULL};
}

enum sc_status sc_risk_explore(struct sc_risk_asker *asker, const struct sc_instance *instance,
                               const struct sc_framed *framed, struct sc_risk_found *out,
                               struct sc_error *error)
{
    struct sc_risk_reader reader;
    const struct sc_reading reading = sc_risk_reading(&reader, asker, instance, framed);
    struct sc_exploration_options options = asker->explore;
    options.max_new_tokens = sc_risk_room(asker, framed);
    options.end_ids = asker->model.end_ids;
    options.n_end_ids = asker->model.n_end_ids;
    options.instance = sc_hash64(instance->id, strlen(instance->id));
    options.stop = sc_risk_is_stopped;
    options.stop_context = asker;
    SC_TRY(sc_expander_begin(asker->expander, framed->ids, framed->n, error));
    out->seen.inner = sc_expander_table(asker->expander);
    const struct sc_expanding expanding = sc_risk_watch(&out->seen);
    return sc_explore(&expanding, &reading, &options, &out->answers, error);
}

void sc_risk_found_free(struct sc_risk_found *found)
{
    sc_exploration_free(&found->answers);
    sc_risk_seen_free(&found->seen);
}

enum sc_status sc_risk_answer(const struct sc_risk_asker *asker, const struct sc_instance *instance,
                              const struct sc_framed *framed, const struct sc_answer *answer,
                              char **text, struct sc_error *error)
{
    const struct sc_answered asked = asked_about(asker, instance, framed);
    struct sc_detection unused;
    return sc_answered_read(&asked, answer->ids, answer->n, text, &unused, error);
}

void sc_risk_close(struct sc_risk_asker *asker)
{
    sc_expander_close(asker->expander);
    sc_judge_close(asker->judge);
    sc_detector_close(&asker->detector);
    sc_opened_close(&asker->model);
}
