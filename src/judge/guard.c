/*
 * The guard as judge: items become requests of the engine, and its words become judgements.
 *
 * A judgement is a job of up to three phases.  First the guard speaks.  Where its words come to a
 * label as the tokenizer writes it, the label's probability is read there.  Where they do not, the
 * score is forced: the words before the label are put after the prompt and the next token's
 * probabilities are read.  The parsed label always comes from the guard's own words.
 *
 * A job's memory is released in next(), never in done(), whose caller still holds the request.
 * Next: template.c (what is asked), parse.c (what is read), labels.c (what is scored).
 */
#include "judge/guard.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "engine/open.h"
#include "judge/labels.h"
#include "judge/template.h"
#include "model/model.h"
#include "model/tokenizer/tokenizer.h"

enum { MAX_NEW = 128, MOST_FORCED = 64 };

struct sc_guard {
    struct sc_guard_options options;
    char *name;
    struct sc_opened model;
    struct sc_guard_labels labels;
    struct head { /* the tokens with which every prompt of a frame begins */
        int32_t *ids;
        size_t n;
    } heads[2]; /* SC_TEMPLATE_GUARD_PROMPT, SC_TEMPLATE_GUARD_RESPONSE */
};

enum phase { PHASE_SPEAK, PHASE_FORCE_SAFETY, PHASE_FORCE_REFUSED, PHASE_OVER };

struct job {
    struct job *next;
    size_t item;
    enum phase phase;
    int32_t *ids; /* the frame [n], then room for forced words */
    size_t n, n_forced;
    struct sc_judgement judgement;
    char *output;
};

struct judging {
    struct sc_guard *guard;
    const struct sc_judge_item *items;
    size_t n_items, next_item;
    uint64_t next_key;
    const struct sc_judge_sink *sink;
    struct sc_judge_counts *counts;
    struct job *again, *over, *running; /* to be forced; to be released; with the engine */
    double started;
    struct sc_error failure; /* what ended the run inside next() */
};

/* ---- opening --------------------------------------------------------------------------------- */

/* Shortens the head to what the prompt of one more text shares with it. */
static enum sc_status narrow_head(const struct sc_guard *guard, enum sc_template which,
                                  const char *text, struct head *head, struct sc_error *error)
{
    int32_t *ids = NULL;
    size_t n = 0, same = 0;
    SC_TRY(sc_template_encode(guard->model.tokenizer, which, (struct sc_template_texts){text, text},
                              &ids, &n, error));
    while (same < n && same < head->n && ids[same] == head->ids[same])
        same++;
    head->n = same;
    sc_free(ids);
    return SC_OK;
}

static enum sc_status find_head(struct sc_guard *guard, enum sc_template which,
                                struct sc_error *error)
{
    static const char *const texts[] = {"a", "the", "Zebra", "7", "\n", "é"};
    struct head *head = &guard->heads[which];
    SC_TRY(sc_template_encode(guard->model.tokenizer, which,
                              (struct sc_template_texts){texts[0], texts[0]}, &head->ids, &head->n,
                              error));
    for (size_t i = 1; i < sizeof texts / sizeof *texts; i++)
        SC_TRY(narrow_head(guard, which, texts[i], head, error));
    return SC_OK;
}

/* The last part of the folder's path, in plain characters: it names no place. */
static enum sc_status name_guard(struct sc_guard *guard, struct sc_error *error)
{
    char path[PATH_MAX], fingerprint[33];
    struct sc_text name = {0};
    const char *last =
        realpath(guard->model.folder, path) != NULL ? strrchr(path, '/') + 1 : guard->model.folder;

    sc_model_fingerprint(guard->model.model, fingerprint);
    sc_text_puts(&name, "guard/1:");
    sc_text_add_name(&name, last, strlen(last), '-');
    sc_text_printf(&name, ":%s:%s@%.12s", sc_dtype_name(sc_engine_dtype(guard->model.engine)),
                   sc_engine_kernels(guard->model.engine), fingerprint);
    guard->name = sc_text_take(&name);
    return guard->name != NULL ? SC_OK : sc_fail_nomem(error, "name of a judge");
}

static enum sc_status open_engine(struct sc_guard *guard, struct sc_error *error)
{
    const struct sc_guard_options *options = &guard->options;
    struct sc_engine_options engine = sc_engine_options_default();
    engine.dtype = options->dtype;
    engine.n_threads = options->n_threads;
    engine.kernels = options->kernels;
    if ((size_t)engine.confidence_top_k > guard->model.n_vocab)
        engine.confidence_top_k = (int)guard->model.n_vocab;
    return sc_opened_start(&guard->model, &engine, error);
}

static enum sc_status open_guard(struct sc_guard *guard, struct sc_error *error)
{
    SC_TRY(sc_opened_read(&guard->model, guard->options.model, error));
    SC_TRY(sc_opened_need_tokenizer(&guard->model, error));
    SC_TRY(sc_guard_labels_find(&guard->labels, guard->model.tokenizer, error));
    for (int i = 0; i < 2; i++)
        SC_TRY(find_head(guard, (enum sc_template)i, error));
    SC_TRY(open_engine(guard, error));
    return name_guard(guard, error);
}

enum sc_status sc_guard_open(struct sc_guard **out, const struct sc_guard_options *options,
                             struct sc_error *error)
{
    *out = NULL;
    struct sc_guard *guard = sc_alloc_zero(1, sizeof *guard);
    if (guard == NULL)
        return sc_fail_nomem(error, "judge");
    guard->options = *options;
    enum sc_status status = open_guard(guard, error);
    if (status != SC_OK) {
        sc_error_prefix(error, "judge");
        sc_guard_close(guard);
        return status;
    }
    guard->options.model = guard->options.kernels = NULL; /* borrowed */
    *out = guard;
    return SC_OK;
}

void sc_guard_close(struct sc_guard *guard)
{
    if (guard == NULL)
        return;
    sc_opened_close(&guard->model);
    for (int i = 0; i < 2; i++)
        sc_free(guard->heads[i].ids);
    sc_free(guard->name);
    sc_free(guard);
}

const char *sc_guard_name(const struct sc_guard *guard)
{
    return guard->name;
}

/* ---- jobs ------------------------------------------------------------------------------------ */

static enum sc_template frame_of(const struct sc_judge_item *item)
{
    return item->response != NULL ? SC_TEMPLATE_GUARD_RESPONSE : SC_TEMPLATE_GUARD_PROMPT;
}

static void job_free(struct job *job)
{
    sc_free(job->ids);
    sc_free(job->output);
    sc_free(job);
}

static void jobs_free(struct job **list)
{
    while (*list != NULL) {
        struct job *job = *list;

        *list = job->next;
        job_free(job);
    }
}

static void take_out(struct job **list, struct job *job)
{
    while (*list != NULL && *list != job)
        list = &(*list)->next;
    if (*list != NULL)
        *list = job->next;
}

static void push(struct job **list, struct job *job)
{
    job->next = *list;
    *list = job;
}

/* Hands a judgement over, which the fingerprint in the judge's name must be true of. */
static enum sc_status deliver(struct judging *j, size_t item, const struct sc_judgement *judgement,
                              struct sc_error *error)
{
    struct sc_judge_counts *counts = j->counts;
    SC_TRY(sc_model_unchanged(j->guard->model.model, error));
    counts->n_done++;
    counts->n_failed += judgement->failure != NULL;
    counts->n_unparsed += judgement->failure == NULL && judgement->safety == SC_SAFETY_UNPARSED;
    counts->n_forced += judgement->safety_forced || judgement->refused_forced;
    return j->sink->done(j->sink->context, item, judgement, error);
}

/* Frames an item; SC_ERR_NOMEM ends the run, anything else is the item's own failure. */
static enum sc_status frame_item(const struct judging *j, struct job *job, struct sc_error *error)
{
    const struct sc_judge_item *item = &j->items[job->item];
    size_t longest = j->guard->model.context - MAX_NEW - MOST_FORCED;
    SC_TRY(sc_template_encode(j->guard->model.tokenizer, frame_of(item),
                              (struct sc_template_texts){item->prompt, item->response}, &job->ids,
                              &job->n, error));
    if (job->n > longest)
        return sc_fail(error, SC_ERR_LIMIT,
                       "text: expected at most %zu tokens with the frame, found %zu", longest,
                       job->n);
    int32_t *more = sc_resize(job->ids, job->n + MOST_FORCED, sizeof *more);
    if (more == NULL)
        return sc_fail_nomem(error, "a judgement");
    job->ids = more;
    return SC_OK;
}

/* Hands an item over that cannot be judged, with the reason. */
static enum sc_status deliver_failure(struct judging *j, size_t item, const char *why)
{
    struct sc_judgement judgement = sc_judgement_none();
    judgement.failure = why;
    enum sc_status status = deliver(j, item, &judgement, &j->failure);
    if (status != SC_OK) /* a status without a message must not look like success */
        sc_fail(&j->failure, status, "judge: a judgement was refused");
    return status;
}

/* A job for the next item that can be judged; NULL when there is none left or j->failure is set. */
static struct job *new_job(struct judging *j)
{
    while (j->next_item < j->n_items) {
        struct job *job = sc_alloc_zero(1, sizeof *job);
        if (job == NULL) {
            sc_fail_nomem(&j->failure, "a judgement");
            return NULL;
        }
        struct sc_error why = {0};
        job->item = j->next_item++;
        job->judgement = sc_judgement_none();
        enum sc_status status = frame_item(j, job, &why);
        if (status == SC_OK)
            return job;
        if (status == SC_ERR_NOMEM)
            sc_fail(&j->failure, status, "%s", why.text);
        else
            status = deliver_failure(j, job->item, why.text);
        job_free(job);
        if (status != SC_OK)
            return NULL;
    }
    return NULL;
}

/* How many of the job's tokens are those that all prompts of its frame share. */
static size_t shared_tokens(const struct judging *j, const struct job *job)
{
    const struct head *head = &j->guard->heads[frame_of(&j->items[job->item])];

    if (j->guard->options.no_sharing || head->n >= job->n ||
        memcmp(head->ids, job->ids, head->n * sizeof *head->ids) != 0)
        return 0;
    return head->n;
}

static int next(void *context, struct sc_trace_request *request)
{
    struct judging *j = context;
    const struct sc_guard *guard = j->guard;
    struct job *job = j->again;

    jobs_free(&j->over);
    if (j->failure.status != SC_OK)
        return -1;
    if (job != NULL)
        take_out(&j->again, job);
    else
        job = new_job(j);
    if (job == NULL)
        return j->running != NULL && j->failure.status == SC_OK ? 0 : -1;
    push(&j->running, job);
    struct sc_judge_draw draw = sc_judge_draw_of(j->sink, job->item);
    j->counts->n_prompt_tokens += job->n + job->n_forced;
    *request = (struct sc_trace_request){
        .prompt_key = ++j->next_key,
        .prompt = job->ids,
        .n_prompt = job->n + job->n_forced,
        .instance_key = draw.key,
        .trace_index = draw.repeat,
        .seed = guard->options.seed,
        .sampling = {.temperature = guard->options.temperature, .top_p = 1},
        .max_new_tokens = job->phase == PHASE_SPEAK ? MAX_NEW : 1,
        .end_ids = guard->model.end_ids,
        .n_end_ids = guard->model.n_end_ids,
        .shared_key = 1 + (uint64_t)frame_of(&j->items[job->item]),
        .n_shared = shared_tokens(j, job),
        .watch = guard->labels.watch,
        .n_watch = SC_N_WATCH,
        .user = job,
    };
    return 1;
}

/* ---- scores ---------------------------------------------------------------------------------- */

static void score_safety(struct sc_judgement *judgement, const float *watched)
{
    double shares[3];

    judgement->safety_mass = sc_label_shares(watched + SC_WATCH_SAFETY, 3, shares);
    judgement->p_unsafe = shares[SC_SAFETY_UNSAFE];
    judgement->p_controversial = shares[SC_SAFETY_CONTROVERSIAL];
}

static void score_refused(struct sc_judgement *judgement, const float *watched)
{
    double shares[2];

    judgement->refused_mass = sc_label_shares(watched + SC_WATCH_REFUSED, 2, shares);
    judgement->p_refused = shares[SC_REFUSED_YES];
}

/* The place in the answer at whose token byte `at` of the text begins, if that token is `id`; else
 * SIZE_MAX. */
static size_t place_of(const struct sc_guard *guard, const struct sc_trace_result *result,
                       size_t at, int32_t id)
{
    size_t bytes = 0;

    for (size_t t = 0; t < result->n && bytes <= at; t++) {
        size_t n = 0;

        if (bytes == at && result->ids[t] == id)
            return t;
        if (!sc_tokenizer_is_special(guard->model.tokenizer, result->ids[t]) &&
            sc_tokenizer_bytes(guard->model.tokenizer, result->ids[t], &n) != NULL)
            bytes += n;
    }
    return SIZE_MAX;
}

/* The text of the guard's tokens, byte for byte. */
static void put_words(const struct sc_tokenizer *tokenizer, const struct sc_trace_result *result,
                      struct sc_text *bytes)
{
    for (size_t t = 0; t < result->n; t++) {
        size_t n = 0;
        const char *token = sc_tokenizer_bytes(tokenizer, result->ids[t], &n);
        if (token != NULL && !sc_tokenizer_is_special(tokenizer, result->ids[t]))
            sc_text_add(bytes, token, n);
    }
}

/* Scores where the guard came to a label by itself. */
static void score_words(const struct judging *j, struct job *job,
                        const struct sc_trace_result *result,
                        const struct sc_guard_reading *reading)
{
    const struct sc_guard *guard = j->guard;
    const struct sc_guard_labels *labels = &guard->labels;
    struct sc_judgement *judgement = &job->judgement;
    if (reading->safety != SC_SAFETY_UNPARSED) {
        size_t at = place_of(guard, result, reading->safety_at + labels->safety.lead_bytes,
                             labels->safety.first[reading->safety]);
        if (at != SIZE_MAX)
            score_safety(judgement, result->watched + at * SC_N_WATCH);
    }
    if (j->items[job->item].response == NULL)
        return;
    judgement->refused = reading->refused;
    if (reading->refused != SC_REFUSED_UNPARSED) {
        size_t at = place_of(guard, result, reading->refused_at + labels->refused.lead_bytes,
                             labels->refused.first[reading->refused]);
        if (at != SIZE_MAX)
            score_refused(judgement, result->watched + at * SC_N_WATCH);
    }
}

/* The guard's words: label, text, and scores. */
static enum sc_status read_words(struct judging *j, struct job *job,
                                 const struct sc_trace_result *result, struct sc_error *error)
{
    struct sc_text bytes = {0}, repaired = {0};
    struct sc_guard_reading reading;
    put_words(j->guard->model.tokenizer, result, &bytes);
    sc_guard_read(bytes.len ? bytes.data : "", bytes.len, &reading);
    sc_text_add_repaired(&repaired, bytes.len ? bytes.data : "", bytes.len);
    repaired.failed |= bytes.failed;
    sc_text_free(&bytes);
    job->output = sc_text_take(&repaired);
    if (job->output == NULL)
        return sc_fail_nomem(error, "words of a judge");
    job->judgement.output = job->output;
    job->judgement.n_tokens = result->n;
    job->judgement.safety = reading.safety;
    job->judgement.categories = reading.categories;
    score_words(j, job, result, &reading);
    return SC_OK;
}

/* The guard's label of safety, or the likeliest where its words gave none. */
static enum sc_safety safety_said(const struct sc_judgement *judgement)
{
    double safe = 1 - judgement->p_unsafe - judgement->p_controversial;
    if (judgement->safety != SC_SAFETY_UNPARSED)
        return judgement->safety;
    if (judgement->p_unsafe > safe && judgement->p_unsafe >= judgement->p_controversial)
        return SC_SAFETY_UNSAFE;
    return judgement->p_controversial > safe ? SC_SAFETY_CONTROVERSIAL : SC_SAFETY_SAFE;
}

/* Puts the line of safety after the frame; *n gets its tokens. */
static enum sc_status force_safety(const struct judging *j, struct job *job, size_t *n,
                                   struct sc_error *error)
{
    static const char *const said[] = {"Safety: Safe\nCategories: None\n",
                                       "Safety: Unsafe\nCategories: None\n",
                                       "Safety: Controversial\nCategories: None\n"};
    const char *line = said[safety_said(&job->judgement)];
    int32_t *ids = NULL;
    SC_TRY(
        sc_tokenizer_encode(j->guard->model.tokenizer, line, strlen(line), false, &ids, n, error));
    bool fits = *n + 8 <= MOST_FORCED;
    if (fits)
        memcpy(job->ids + job->n, ids, *n * sizeof *ids);
    sc_release(ids);
    if (!fits)
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "judge: tokenizer: expected a label line of at most %d tokens, found %zu",
                       MOST_FORCED - 8, *n);
    return SC_OK;
}

/* Puts the words before a label after the frame. */
static enum sc_status force(struct judging *j, struct job *job, struct sc_error *error)
{
    const struct sc_guard_labels *labels = &j->guard->labels;
    const struct sc_labels *lead = &labels->safety;
    size_t n = 0;
    if (job->phase == PHASE_FORCE_REFUSED) {
        SC_TRY(force_safety(j, job, &n, error));
        lead = &labels->refused;
    }
    memcpy(job->ids + job->n + n, lead->lead, lead->n_lead * sizeof *lead->lead);
    job->n_forced = n + lead->n_lead;
    return SC_OK;
}

static enum phase next_phase(const struct judging *j, const struct job *job)
{
    if (isnan(job->judgement.safety_mass))
        return PHASE_FORCE_SAFETY;
    if (j->items[job->item].response != NULL && isnan(job->judgement.refused_mass))
        return PHASE_FORCE_REFUSED;
    return PHASE_OVER;
}

/* What a phase gave goes into the judgement. */
static enum sc_status take_result(struct judging *j, struct job *job,
                                  const struct sc_trace_result *result, struct sc_error *error)
{
    if (result->finish == SC_FINISH_FAILED) {
        if (job->phase == PHASE_SPEAK)
            job->judgement.failure = result->failure;
        return SC_OK; /* a label that stands, stands without a score */
    }
    if (job->phase == PHASE_SPEAK)
        return read_words(j, job, result, error);
    if (job->phase == PHASE_FORCE_SAFETY) {
        score_safety(&job->judgement, result->watched);
        job->judgement.safety_forced = true;
    } else {
        score_refused(&job->judgement, result->watched);
        job->judgement.refused_forced = true;
    }
    return SC_OK;
}

static enum sc_status go_on_with(struct judging *j, struct job *job,
                                 const struct sc_trace_result *result, struct sc_error *error)
{
    SC_TRY(take_result(j, job, result, error));
    job->phase = result->finish == SC_FINISH_FAILED ? PHASE_OVER : next_phase(j, job);
    if (job->phase == PHASE_OVER)
        return deliver(j, job->item, &job->judgement, error);
    return force(j, job, error);
}

static enum sc_status done(void *context, const struct sc_trace_result *result,
                           struct sc_error *error)
{
    struct judging *j = context;
    struct job *job = result->request->user;
    take_out(&j->running, job);
    enum sc_status status = go_on_with(j, job, result, error);
    push(status != SC_OK || job->phase == PHASE_OVER ? &j->over : &j->again, job);
    return status;
}

static bool step(void *context, const struct sc_step_report *report)
{
    struct judging *j = context;

    j->counts->n_prefilled = report->n_prefilled;
    j->counts->n_generated = report->n_generated;
    j->counts->seconds = sc_seconds() - j->started;
    return j->sink->step == NULL || j->sink->step(j->sink->context, j->counts);
}

/* ---- all together ---------------------------------------------------------------------------- */

/* Tokens of the longest item that can be judged. */
static enum sc_status longest_item(const struct judging *j, size_t *longest, struct sc_error *error)
{
    size_t most = j->guard->model.context - MAX_NEW - MOST_FORCED;

    *longest = 1;
    for (size_t i = 0; i < j->n_items; i++) {
        const struct sc_judge_item *item = &j->items[i];
        struct sc_error why = {0};
        int32_t *ids = NULL;
        size_t n = 0;
        enum sc_status status = sc_template_encode(
            j->guard->model.tokenizer, frame_of(item),
            (struct sc_template_texts){item->prompt, item->response}, &ids, &n, &why);

        sc_free(ids);
        if (status == SC_ERR_NOMEM)
            return sc_fail(error, status, "%s", why.text);
        if (status == SC_OK && n <= most && n > *longest)
            *longest = n;
    }
    return SC_OK;
}

static enum sc_status judge_all(struct judging *j, struct sc_error *error)
{
    const struct sc_guard *guard = j->guard;
    const struct sc_trace_source source = {.context = j, .next = next, .done = done, .step = step};
    struct sc_batch_options options = {.parallel = guard->options.parallel,
                                       .max_new_tokens = MAX_NEW,
                                       .max_bytes = guard->options.max_bytes,
                                       .max_watch = SC_N_WATCH};
    if (guard->model.context <= MAX_NEW + MOST_FORCED)
        return sc_fail(error, SC_ERR_UNSUPPORTED, "judge: expected a context above %d, found %zu",
                       MAX_NEW + MOST_FORCED, guard->model.context);
    SC_TRY(longest_item(j, &options.max_prompt, error));
    options.max_prompt += MOST_FORCED;
    struct sc_batch_plan plan;
    SC_TRY(sc_batch_plan(guard->model.engine, &options, &plan, error));
    return sc_engine_run(guard->model.engine, &plan, &options, &source, error);
}

enum sc_status sc_guard_run(struct sc_guard *guard, const struct sc_judge_item *items, size_t n,
                            const struct sc_judge_sink *sink, struct sc_judge_counts *counts,
                            struct sc_error *error)
{
    struct sc_judge_counts unused;
    struct judging j = {.guard = guard,
                        .items = items,
                        .n_items = n,
                        .sink = sink,
                        .counts = counts != NULL ? counts : &unused,
                        .started = sc_seconds()};
    *j.counts = (struct sc_judge_counts){0};
    enum sc_status status = judge_all(&j, error);
    if (j.failure.status != SC_OK && (status == SC_OK || status == SC_ERR_INTERRUPTED)) {
        status = j.failure.status;
        if (error != NULL)
            *error = j.failure;
    }
    jobs_free(&j.again);
    jobs_free(&j.over);
    jobs_free(&j.running);
    return status;
}
