/*
 * A judge in process: items become requests of the engine, and its words become judgements.
 *
 * A judgement is a job.  First the judge speaks.  Where its words come to a label as the tokenizer
 * writes it, the label's probability is read there.  Where they do not, the score is forced: the
 * words before the label are put after the prompt and the next token's probabilities are read.  The
 * parsed label always comes from the judge's own words.
 *
 * A job's memory is released in next(), never in done(), whose caller still holds the request.
 * Next: kinds.c (the judges), asking.c (what is asked), answers.c (what is read and scored).
 */
#include "judge/guard.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "engine/open.h"
#include "judge/answers.h"
#include "judge/asking.h"
#include "judge/labels.h"
#include "model/model.h"
#include "model/tokenizer/tokenizer.h"

enum { LEAST_FORCED = 64 };

struct sc_guard {
    struct sc_guard_options options;
    const struct sc_judge_kind *kind;
    struct sc_judge_config config;
    char *name;
    struct sc_opened model;
    struct sc_kind_labels labels;
    struct sc_asking asking;
    size_t most_forced; /* tokens that may be put after a frame */
};

struct job {
    struct job *next;
    size_t item, ask;
    struct sc_asked asks[SC_MOST_ASKS]; /* the frames, each with room for forced words */
    bool spoken;                        /* its words are read; what is asked now is forced */
    size_t forced_line;                 /* whose score is forced */
    size_t n_forced;
    struct sc_answers answers;
    struct sc_judgement judgement;
    struct sc_text output;
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

static bool is_prompt_alone(const struct judging *j, const struct job *job)
{
    return j->items[job->item].response == NULL;
}

/* ---- opening --------------------------------------------------------------------------------- */

/* Of a frame that the name of the judge does not imply: a key of it. */
static void add_frame_key(const struct sc_guard *guard, struct sc_text *name)
{
    const struct sc_frame *frame = &guard->config.answer;
    if (guard->kind->frame == SC_FRAME_MODEL)
        sc_text_printf(name, "+%08llx", (unsigned long long)guard->asking.own.key >> 32);
    else if (guard->options.frame != NULL)
        sc_text_printf(name, "+%08llx", (unsigned long long)sc_hash64(frame->text, frame->n) >> 32);
}

/* The last part of the folder's path, in plain characters: it names no place. */
static enum sc_status name_guard(struct sc_guard *guard, struct sc_error *error)
{
    char path[PATH_MAX], fingerprint[33];
    struct sc_text name = {0};
    const char *last =
        realpath(guard->model.folder, path) != NULL ? strrchr(path, '/') + 1 : guard->model.folder;

    sc_model_fingerprint(guard->model.model, fingerprint);
    sc_text_printf(&name, "%s/%s:", guard->config.family, guard->config.version);
    sc_text_add_name(&name, last, strlen(last), '-');
    sc_text_printf(&name, ":%s:%s@%.12s", sc_dtype_name(sc_engine_dtype(guard->model.engine)),
                   sc_engine_kernels(guard->model.engine), fingerprint);
    add_frame_key(guard, &name);
    guard->name = sc_text_take(&name);
    return guard->name != NULL ? SC_OK : sc_fail_nomem(error, "name of a judge");
}

/* Room for the lines before a label, each with its longest. */
static enum sc_status make_room(struct sc_guard *guard, struct sc_error *error)
{
    const struct sc_judge_kind *kind = guard->kind;
    struct sc_answers longest = {0};
    for (size_t i = 0; i < kind->n_lines; i++) {
        size_t best = 0;
        for (size_t k = 1; k < guard->labels.lines[i].n; k++)
            if (strlen(kind->lines[i].labels[k][0]) > strlen(kind->lines[i].labels[best][0]))
                best = k;
        longest.lines[i] = (struct sc_line_answer){.said = true, .meaning = best};
    }
    struct sc_text lines = {0};
    struct sc_line_tokens tokens = {0};
    sc_answers_put_before(kind, &longest, kind->n_lines - 1, &lines);
    enum sc_status status =
        lines.failed
            ? sc_fail_nomem(error, "a judge's words")
            : sc_line_encode(guard->model.tokenizer, lines.len ? lines.data : "", &tokens, error);
    sc_text_free(&lines);
    sc_release(tokens.all);
    SC_TRY(status);
    size_t needed = 2 * tokens.n + SC_MOST_LEAD; /* another label may take more tokens */
    guard->most_forced = needed > LEAST_FORCED ? needed : LEAST_FORCED;
    return SC_OK;
}

static enum sc_status open_engine(struct sc_guard *guard, struct sc_error *error)
{
    const struct sc_guard_options *options = &guard->options;
    struct sc_engine_options engine = sc_engine_options_default();
    engine.dtype = options->dtype;
    engine.n_threads = options->n_threads;
    engine.kernels = options->kernels;
    engine.device = options->device;
    if ((size_t)engine.confidence_top_k > guard->model.n_vocab)
        engine.confidence_top_k = (int)guard->model.n_vocab;
    return sc_opened_start(&guard->model, &engine, error);
}

static enum sc_status open_guard(struct sc_guard *guard, struct sc_error *error)
{
    const char *frame = guard->options.frame;
    bool own = guard->kind->frame == SC_FRAME_MODEL;
    const struct sc_judge_options options = {.judge = guard->kind->name,
                                             .frame = own ? NULL : frame};
    SC_TRY(sc_judge_config_open(&guard->config, &options, error));
    SC_TRY(sc_opened_read(&guard->model, guard->options.model, error));
    SC_TRY(sc_opened_need_tokenizer(&guard->model, error));
    const struct sc_tokenizer *tokenizer = guard->model.tokenizer;
    guard->asking =
        (struct sc_asking){.kind = guard->kind, .config = &guard->config, .tokenizer = tokenizer};
    SC_TRY(sc_kind_labels_find(&guard->labels, guard->kind, tokenizer, error));
    SC_TRY(make_room(guard, error));
    SC_TRY(sc_asking_open(&guard->asking, frame, error));
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
    guard->kind = sc_judge_kind_find(options->kind != NULL ? options->kind : "guard");
    assert(guard->kind != NULL);
    enum sc_status status = open_guard(guard, error);
    if (status != SC_OK) {
        sc_error_prefix(error, "judge");
        sc_guard_close(guard);
        return status;
    }
    guard->options.model = guard->options.kernels = NULL;
    guard->options.frame = guard->options.device = NULL; /* borrowed */
    *out = guard;
    return SC_OK;
}

void sc_guard_close(struct sc_guard *guard)
{
    if (guard == NULL)
        return;
    sc_opened_close(&guard->model);
    sc_judge_config_free(&guard->config);
    sc_asking_close(&guard->asking);
    sc_free(guard->name);
    sc_free(guard);
}

const char *sc_guard_name(const struct sc_guard *guard)
{
    return guard->name;
}

const char *sc_guard_family(const struct sc_guard *guard)
{
    return guard->config.family;
}

/* ---- jobs ------------------------------------------------------------------------------------ */

static void job_free(struct job *job)
{
    for (size_t ask = 0; ask < SC_MOST_ASKS; ask++)
        sc_free(job->asks[ask].ids);
    sc_text_free(&job->output);
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

/* Tokens of the longest frame that leaves room for an answer. */
static size_t most_prompt(const struct sc_guard *guard)
{
    return guard->model.context - guard->config.max_tokens - guard->most_forced;
}

static enum sc_status frame_ask(const struct judging *j, struct job *job, size_t ask,
                                struct sc_error *error)
{
    struct sc_asked *asked = &job->asks[ask];
    size_t longest = most_prompt(j->guard);
    SC_TRY(sc_asking_encode(&j->guard->asking, &j->items[job->item], ask, asked, error));
    if (asked->n > longest)
        return sc_fail(error, SC_ERR_LIMIT,
                       "text: expected at most %zu tokens with the frame, found %zu", longest,
                       asked->n);
    int32_t *more = sc_resize(asked->ids, asked->n + j->guard->most_forced, sizeof *more);
    if (more == NULL)
        return sc_fail_nomem(error, "a judgement");
    asked->ids = more;
    return SC_OK;
}

/* Frames an item; SC_ERR_NOMEM ends the run, anything else is the item's own failure. */
static enum sc_status frame_item(const struct judging *j, struct job *job, struct sc_error *error)
{
    for (size_t ask = 0; ask < sc_asking_n_asks(&j->guard->asking); ask++)
        SC_TRY(frame_ask(j, job, ask, error));
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
    const struct sc_asked *asked = &job->asks[job->ask];
    j->counts->n_prompt_tokens += asked->n + job->n_forced;
    *request = (struct sc_trace_request){
        .prompt_key = ++j->next_key,
        .prompt = asked->ids,
        .n_prompt = asked->n + job->n_forced,
        .instance_key = draw.key,
        .trace_index = draw.repeat,
        .seed = guard->options.seed,
        .sampling = {.temperature = guard->options.temperature, .top_p = 1},
        .max_new_tokens = job->spoken ? 1 : guard->config.max_tokens,
        .end_ids = guard->model.end_ids,
        .n_end_ids = guard->model.n_end_ids,
        .watch = guard->labels.watch,
        .n_watch = guard->labels.n_watch,
        .user = job,
    };
    return 1;
}

/* ---- answers --------------------------------------------------------------------------------- */

static struct sc_reader reader_of(const struct sc_guard *guard)
{
    return (struct sc_reader){guard->kind, &guard->config, &guard->labels, guard->model.tokenizer};
}

/* The judge's words: labels, text, and scores. */
static enum sc_status read_words(struct judging *j, struct job *job,
                                 const struct sc_trace_result *result, struct sc_error *error)
{
    const struct sc_reader reader = reader_of(j->guard);
    struct sc_text bytes = {0}, repaired = {0};
    sc_answers_read(&reader, result, &bytes, &job->answers);
    sc_text_add_repaired(&repaired, bytes.len ? bytes.data : "", bytes.len);
    repaired.failed |= bytes.failed;
    sc_text_free(&bytes);
    if (job->output.len > 0) /* what it said of the guideline before */
        sc_text_putc(&job->output, '\n');
    if (sc_asking_n_asks(&j->guard->asking) > 1)
        sc_text_printf(&job->output, "%s: ", j->guard->config.category_names[job->ask]);
    sc_text_puts(&job->output, repaired.len ? repaired.data : "");
    job->output.failed |= repaired.failed;
    sc_text_free(&repaired);
    if (job->output.failed || sc_judge_config_ran_out(&j->guard->config))
        return sc_fail_nomem(error, "words of a judge");
    job->judgement.output = job->output.data != NULL ? job->output.data : "";
    job->judgement.n_tokens += result->n;
    return SC_OK;
}

/* Puts the lines before the one that is forced after the frame; *n gets their tokens. */
static enum sc_status put_lines(const struct judging *j, struct job *job, size_t *n,
                                struct sc_error *error)
{
    struct sc_text lines = {0};
    struct sc_line_tokens tokens = {0};
    sc_answers_put_before(j->guard->kind, &job->answers, job->forced_line, &lines);
    enum sc_status status =
        lines.failed     ? sc_fail_nomem(error, "a judge's words")
        : lines.len == 0 ? SC_OK
                         : sc_line_encode(j->guard->model.tokenizer, lines.data, &tokens, error);
    sc_text_free(&lines);
    SC_TRY(status);
    *n = tokens.n;
    bool fits = *n + SC_MOST_LEAD <= j->guard->most_forced;
    if (fits && *n > 0)
        memcpy(job->asks[job->ask].ids + job->asks[job->ask].n, tokens.ids,
               *n * sizeof *tokens.ids);
    sc_release(tokens.all);
    return fits ? SC_OK : sc_fail(error, SC_ERR_INTERNAL, "judge: no room for lines of labels");
}

/* Puts the words before a label after the frame. */
static enum sc_status force(struct judging *j, struct job *job, struct sc_error *error)
{
    const struct sc_labels *labels = &j->guard->labels.lines[job->forced_line];
    size_t n = 0;
    SC_TRY(put_lines(j, job, &n, error));
    const struct sc_asked *asked = &job->asks[job->ask];
    memcpy(asked->ids + asked->n + n, labels->lead, labels->n_lead * sizeof *labels->lead);
    job->n_forced = n + labels->n_lead;
    return SC_OK;
}

/* What the engine gave goes into the job. */
static enum sc_status take_result(struct judging *j, struct job *job,
                                  const struct sc_trace_result *result, struct sc_error *error)
{
    if (!job->spoken)
        return read_words(j, job, result, error);
    const struct sc_reader reader = reader_of(j->guard);
    sc_answers_score(&reader, job->forced_line, result->watched, &job->answers);
    job->answers.lines[job->forced_line].forced = true;
    return SC_OK;
}

static enum sc_status go_on_with(struct judging *j, struct job *job,
                                 const struct sc_trace_result *result, bool *over,
                                 struct sc_error *error)
{
    const struct sc_judge_kind *kind = j->guard->kind;
    bool failed = result->finish == SC_FINISH_FAILED;
    *over = failed; /* a label that stands, stands without a score */
    if (failed && !job->spoken) {
        job->judgement.failure = result->failure;
        return deliver(j, job->item, &job->judgement, error);
    }
    if (!failed) {
        SC_TRY(take_result(j, job, result, error));
        job->spoken = true;
        job->forced_line = sc_answers_unscored(kind, &job->answers, is_prompt_alone(j, job));
        *over = job->forced_line == kind->n_lines;
    }
    if (!*over)
        return force(j, job, error);
    if (kind->n_guidelines == 0) {
        sc_answers_judge(kind, &job->answers, is_prompt_alone(j, job), &job->judgement);
        return deliver(j, job->item, &job->judgement, error);
    }
    sc_answers_join(&job->answers, job->ask, &job->judgement);
    *over = ++job->ask == kind->n_guidelines;
    job->spoken = false;
    job->n_forced = 0;
    return *over ? deliver(j, job->item, &job->judgement, error) : SC_OK;
}

static enum sc_status done(void *context, const struct sc_trace_result *result,
                           struct sc_error *error)
{
    struct judging *j = context;
    struct job *job = result->request->user;
    bool over = false;
    take_out(&j->running, job);
    enum sc_status status = go_on_with(j, job, result, &over, error);
    push(status != SC_OK || over ? &j->over : &j->again, job);
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
    size_t most = most_prompt(j->guard), n_asks = sc_asking_n_asks(&j->guard->asking);
    *longest = 1;
    for (size_t i = 0; i < j->n_items * n_asks; i++) {
        struct sc_error why = {0};
        struct sc_asked asked;
        enum sc_status status =
            sc_asking_encode(&j->guard->asking, &j->items[i / n_asks], i % n_asks, &asked, &why);
        sc_free(asked.ids);
        if (status == SC_ERR_NOMEM)
            return sc_fail(error, status, "%s", why.text);
        if (status == SC_OK && asked.n <= most && asked.n > *longest)
            *longest = asked.n;
    }
    return SC_OK;
}

static enum sc_status judge_all(struct judging *j, struct sc_error *error)
{
    const struct sc_guard *guard = j->guard;
    const struct sc_trace_source source = {.context = j, .next = next, .done = done, .step = step};
    struct sc_batch_options options = {.parallel = guard->options.parallel,
                                       .max_new_tokens = guard->config.max_tokens,
                                       .max_bytes = guard->options.max_bytes,
                                       .max_watch = guard->labels.n_watch,
                                       .no_sharing = guard->options.no_sharing};
    size_t answer = guard->config.max_tokens + guard->most_forced;
    if (guard->model.context <= answer)
        return sc_fail(error, SC_ERR_UNSUPPORTED, "judge: expected a context above %zu, found %zu",
                       answer, guard->model.context);
    SC_TRY(longest_item(j, &options.max_prompt, error));
    options.max_prompt += guard->most_forced;
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
