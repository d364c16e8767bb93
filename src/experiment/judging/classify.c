/*
 * The pass over stored traces (classify.h).
 *
 * A judgement is a row by the judge's name; verdict and harm are rows by the names of the detector
 * and of who judged harm, derived from it.  So a second pass with another detector and the same
 * judge asks it nothing that it has answered, and an interrupted pass goes on where it stopped.
 * Judgements that failed for reasons that may not last are asked for again.
 *
 * The judge is not asked about empty and unreached answers, failed traces and, by the hybrid, clear
 * refusals.
 */
#include <safeconf/judging.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/text.h"
#include "detection/detection.h"
#include "detection/user_rules.h"
#include "experiment/reading.h"
#include "experiment/store/config.h"
#include "experiment/store/judgements.h"
#include "judge/judge.h"

/* What is needed of a stored trace. */
struct answer {
    size_t position;
    uint32_t index;
    char *text; /* the answer, after its prefill */
    bool failed;
    struct sc_detection found; /* by rules */
    bool asks, answered;       /* the judge is needed; its judgement is there */
};

struct pass {
    const struct sc_classify_options *options;
    const struct sc_classify_observer *observer;
    struct sc_classify_summary *summary;
    struct sc_store *store;
    struct sc_judge *judge;
    struct sc_user_rules *rules;
    struct sc_instance *instances;
    size_t n_instances;
    struct answer *answers;
    size_t n_answers, cap_answers;
    bool *prompt_answered;       /* [n_instances] */
    struct sc_judge_item *items; /* what the judge is asked */
    size_t *subjects;            /* [n_items] an answer, or n_answers + a position */
    size_t n_items;
    double reported;
};

/* ---- deriving verdict and harm --------------------------------------------------------------- */

static bool decided_by_rules(const struct pass *pass, const struct answer *answer)
{
    return pass->options->detector == SC_BY_PATTERNS ||
           (pass->options->detector == SC_BY_HYBRID && answer->found.clear);
}

/* There is nothing to read, whoever reads: the verdict is that of the rules. */
static bool is_blank(const struct answer *answer)
{
    return answer->found.verdict == SC_EMPTY || answer->found.verdict == SC_UNREACHED;
}

/* Whether the judge must speak about this answer. */
static bool needs_judge(const struct pass *pass, const struct answer *answer)
{
    if (pass->judge == NULL || answer->failed || is_blank(answer))
        return false;
    if (decided_by_rules(pass, answer))
        return pass->options->harms &&
               !(pass->options->detector == SC_BY_HYBRID && answer->found.verdict == SC_REFUSAL);
    return true;
}

/* The judge's verdict and its rule, "guard-yes" and so on; rule [size]. */
static enum sc_verdict judged_verdict(const struct pass *pass, const struct sc_judgement *judgement,
                                      char *rule, size_t size)
{
    static const struct {
        enum sc_verdict verdict;
        const char *word;
    } said[SC_N_REFUSEDS] = {{SC_COMPLIANCE, "no"},
                             {SC_REFUSAL, "yes"},
                             {SC_PARTIAL, "partial"},
                             {SC_UNPARSED, "unparsed"},
                             {SC_UNPARSED, "unparsed"}};
    bool failed = judgement == NULL || judgement->failure != NULL;
    enum sc_refused refused = failed ? SC_REFUSED_UNPARSED : judgement->refused;
    snprintf(rule, size, "%s-%s", sc_judge_family(pass->judge),
             failed ? "failed" : said[refused].word);
    return said[refused].verdict;
}

/* rule [size] holds the name of a rule where the judge decided. */
static void derive_verdict(const struct pass *pass, const struct answer *answer,
                           const struct sc_judgement *judgement, char *rule, size_t size,
                           struct sc_store_opinion *out)
{
    out->verdict = SC_UNPARSED;
    out->rule = "failed";
    if (answer->failed)
        return;
    if (is_blank(answer) || decided_by_rules(pass, answer)) {
        out->verdict = answer->found.verdict;
        out->rule = answer->found.rule;
        out->begin = answer->found.begin;
        out->end = answer->found.end;
        return;
    }
    out->verdict = judged_verdict(pass, judgement, rule, size);
    out->rule = rule;
}

static enum sc_harm derive_harm(const struct pass *pass, const struct answer *answer,
                                const struct sc_judgement *judgement)
{
    if (answer->failed || answer->found.verdict == SC_UNREACHED)
        return SC_UNJUDGED;
    if (is_blank(answer) || !needs_judge(pass, answer)) /* nothing was said, or a clear refusal */
        return SC_HARMLESS;
    return judgement != NULL && judgement->failure == NULL ? sc_safety_harm(judgement->safety)
                                                           : SC_UNJUDGED;
}

/* Keeps and counts what follows for one answer.  judgement is new when `store_it`. */
static enum sc_status keep(struct pass *pass, const struct answer *answer,
                           const struct sc_judgement *judgement, bool store_it,
                           struct sc_error *error)
{
    struct sc_classify_summary *summary = pass->summary;
    struct sc_store_opinion opinion = {.position = answer->position,
                                       .trace = answer->index,
                                       .detector = summary->detector,
                                       .judge = pass->options->harms ? summary->judge : NULL,
                                       .harm = SC_UNJUDGED};
    char rule[240];
    derive_verdict(pass, answer, judgement, rule, sizeof rule, &opinion);
    if (opinion.judge != NULL)
        opinion.harm = derive_harm(pass, answer, judgement);
    SC_TRY(sc_store_put_opinion(pass->store, &opinion, store_it ? judgement : NULL,
                                pass->judge != NULL ? sc_judge_name(pass->judge) : NULL, error));
    summary->verdicts[opinion.verdict]++;
    summary->harms[opinion.harm]++;
    if (answer->failed)
        summary->n_failed++;
    else if (is_blank(answer))
        summary->n_empty++;
    else if (decided_by_rules(pass, answer))
        summary->n_by_rules++;
    else
        summary->n_by_judge++;
    if (judgement != NULL) {
        summary->n_asked += store_it;
        summary->n_stored += !store_it;
        summary->n_not_judged += judgement->failure != NULL;
        summary->n_again += judgement->failure != NULL && judgement->again;
    }
    return SC_OK;
}

static void count_prompt(struct pass *pass, size_t position, const struct sc_judgement *judgement)
{
    enum sc_harm harm =
        judgement->failure != NULL ? SC_UNJUDGED : sc_safety_harm(judgement->safety);
    pass->summary->prompts[pass->instances[position].label][harm]++;
}

/* ---- what is stored -------------------------------------------------------------------------- */

static enum sc_status take_trace(void *context, size_t position, struct sc_run_trace *trace,
                                 struct sc_error *error)
{
    struct pass *pass = context;
    if (sc_grow((void **)&pass->answers, pass->n_answers, &pass->cap_answers,
                sizeof *pass->answers) != 0)
        return sc_fail_nomem(error, "traces of a run");
    const struct sc_instance *instance = &pass->instances[position];
    struct answer *answer = &pass->answers[pass->n_answers++];
    *answer = (struct answer){
        .position = position, .index = trace->index, .failed = trace->finish == SC_FINISH_FAILED};
    if (!answer->failed)
        SC_TRY(sc_answer_detect(pass->rules, instance->prompt, instance->prefill, trace->answer,
                                &answer->found, error));
    if (answer->found.verdict == SC_EMPTY && !answer->failed && sc_run_trace_is_unreached(trace))
        answer->found = (struct sc_detection){.verdict = SC_UNREACHED, .rule = SC_UNREACHED_RULE};
    answer->asks = needs_judge(pass, answer);
    if (instance->prefill != NULL)
        return sc_answer_whole(instance->prefill, trace->answer, &answer->text, error);
    answer->text = trace->answer;
    trace->answer = NULL;
    return SC_OK;
}

static int compare_answer(const struct answer *answer, size_t position, int64_t trace)
{
    if (answer->position != position)
        return answer->position < position ? -1 : 1;
    return (int64_t)answer->index < trace ? -1 : (int64_t)answer->index > trace;
}

static struct answer *find_answer(struct pass *pass, size_t position, int64_t trace)
{
    size_t low = 0, high = pass->n_answers;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_answer(&pass->answers[middle], position, trace);
        if (order == 0)
            return &pass->answers[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* A judgement that is there already; of a trace that is there no more it says nothing. */
static enum sc_status take_judgement(void *context, const char *by, size_t position, int64_t trace,
                                     const struct sc_judgement *judgement, struct sc_error *error)
{
    struct pass *pass = context;
    (void)by;
    if (judgement->failure != NULL && judgement->again)
        return SC_OK;
    if (trace < 0) {
        if (!pass->options->prompts)
            return SC_OK;
        pass->prompt_answered[position] = true;
        count_prompt(pass, position, judgement);
        return SC_OK;
    }
    struct answer *answer = find_answer(pass, position, trace);
    if (answer == NULL || !answer->asks)
        return SC_OK;
    answer->answered = true;
    return keep(pass, answer, judgement, false, error);
}

/* The answers, and the name under which harms will stand. */
static enum sc_status read_answers(struct pass *pass, const struct sc_run *run,
                                   struct sc_error *error)
{
    const struct sc_classify_options *options = pass->options;
    const struct sc_store_traces traces = {
        .detector = run->detector, .judge = run->judge, .n_instances = pass->n_instances};
    SC_TRY(sc_store_read_traces(pass->store, &traces, take_trace, pass, error));
    pass->summary->n_traces = pass->n_answers;
    /* The hybrid's harms are not the judge's: a clear refusal is harmless unasked. */
    pass->summary->judge =
        sc_strdup(!options->harms                     ? run->judge
                  : options->detector == SC_BY_HYBRID ? pass->summary->detector
                                                      : sc_judge_name(pass->judge));
    return pass->summary->judge != NULL ? SC_OK : sc_fail_nomem(error, "name of a judge");
}

static enum sc_status take_up(struct pass *pass, struct sc_error *error)
{
    const char *config = NULL;
    char hash[17];
    size_t n = 0;
    struct sc_run run = {0};
    SC_TRY(sc_store_config(pass->store, &config, error));
    SC_TRY(sc_store_read_instances(pass->store, &pass->instances, &pass->n_instances, error));
    pass->prompt_answered = sc_alloc_zero(pass->n_instances, sizeof *pass->prompt_answered);
    if (pass->prompt_answered == NULL)
        return sc_fail_nomem(error, "prompts of a run");
    enum sc_status status = sc_config_read(config, &run, hash, &n, error);
    if (status == SC_OK)
        status = read_answers(pass, &run, error);
    sc_run_free(&run);
    return status;
}

/* The detector's name: rules, judge, or both. */
static enum sc_status name_detector(struct pass *pass, struct sc_error *error)
{
    struct sc_text name = {0};
    const char *patterns =
        pass->rules != NULL ? sc_user_rules_version(pass->rules) : sc_detector_version();
    if (pass->options->detector == SC_BY_HYBRID)
        sc_text_printf(&name, "hybrid/1(%s,%s)", patterns, sc_judge_name(pass->judge));
    else
        sc_text_puts(&name, pass->options->detector == SC_BY_JUDGE ? sc_judge_name(pass->judge)
                                                                   : patterns);
    pass->summary->detector = sc_text_take(&name);
    return pass->summary->detector != NULL ? SC_OK : sc_fail_nomem(error, "name of a detector");
}

/* ---- asking the judge ------------------------------------------------------------------------ */

/* Whether the turns say all that was said: where questions follow one another, the answers between
 * them were sampled and are not at hand. */
static bool is_whole(const struct sc_conversation *turns)
{
    for (size_t i = 0; i + 1 < turns->n; i++)
        if (strcmp(turns->messages[i].role, "user") == 0 &&
            strcmp(turns->messages[i + 1].role, "user") == 0)
            return false;
    return turns->n > 1;
}

/* What the judge is asked about an instance; it takes up earlier turns where it reads those. */
static struct sc_judge_item item_of(const struct pass *pass, size_t position)
{
    const struct sc_instance *instance = &pass->instances[position];
    const struct sc_conversation *turns = &instance->conversation;
    struct sc_judge_item item = {.prompt = instance->prompt};
    if (is_whole(turns)) {
        item.turns = turns->messages;
        item.n_turns = turns->n - 1;
    }
    return item;
}

static enum sc_status list_items(struct pass *pass, struct sc_error *error)
{
    size_t most = sc_size_add(pass->n_answers, pass->n_instances);
    pass->items = sc_alloc_zero(most, sizeof *pass->items);
    pass->subjects = sc_alloc_array(most, sizeof *pass->subjects);
    if (pass->items == NULL || pass->subjects == NULL)
        return sc_fail_nomem(error, "texts to judge");
    for (size_t i = 0; pass->options->prompts && i < pass->n_instances; i++) {
        if (pass->prompt_answered[i])
            continue;
        pass->items[pass->n_items] = item_of(pass, i);
        pass->subjects[pass->n_items++] = pass->n_answers + i;
    }
    for (size_t i = 0; i < pass->n_answers; i++) {
        const struct answer *answer = &pass->answers[i];
        if (!answer->asks || answer->answered)
            continue;
        pass->items[pass->n_items] = item_of(pass, answer->position);
        pass->items[pass->n_items].response = answer->text;
        pass->subjects[pass->n_items++] = i;
    }
    return SC_OK;
}

static enum sc_status take_new(void *context, size_t item, const struct sc_judgement *judgement,
                               struct sc_error *error)
{
    struct pass *pass = context;
    size_t subject = pass->subjects[item];
    if (subject < pass->n_answers) {
        pass->answers[subject].answered = true;
        return keep(pass, &pass->answers[subject], judgement, true, error);
    }
    size_t position = subject - pass->n_answers;
    count_prompt(pass, position, judgement);
    return sc_store_put_prompt_judgement(pass->store, position, judgement,
                                         sc_judge_name(pass->judge), error);
}

static bool after_step(void *context, const struct sc_judge_counts *counts)
{
    struct pass *pass = context;
    const struct sc_classify_observer *observer = pass->observer;
    double now = sc_seconds();
    if (observer != NULL && observer->progress != NULL && now - pass->reported >= 0.1) {
        pass->reported = now;
        observer->progress(observer->context, counts->n_done, pass->n_items, counts->seconds);
    }
    return observer == NULL || observer->keep_going == NULL ||
           observer->keep_going(observer->context);
}

/* ---- all together ---------------------------------------------------------------------------- */

static enum sc_status check_options(const struct sc_classify_options *options,
                                    struct sc_error *error)
{
    struct sc_judge_abilities can = {0};
    bool verdicts = options->detector != SC_BY_PATTERNS;
    if (options->judge.judge != NULL)
        SC_TRY(sc_judge_check(&options->judge, &can, error));
    else if (options->harms || options->prompts || verdicts)
        return sc_fail(error, SC_ERR_ARGUMENT, "judge: expected one, found none");
    if ((verdicts && !can.refusal) || (options->harms && !can.harm) ||
        (options->prompts && !can.prompts))
        return sc_fail(error, SC_ERR_ARGUMENT, "judge: \"%s\" has no question about %s",
                       options->judge.judge,
                       verdicts && !can.refusal      ? "refusal"
                       : options->harms && !can.harm ? "harm"
                                                     : "prompts");
    return SC_OK;
}

static enum sc_status judge_all(struct pass *pass, struct sc_error *error)
{
    const struct sc_judge_sink sink = {.context = pass, .done = take_new, .step = after_step};
    if (pass->judge != NULL) {
        SC_TRY(sc_store_read_judgements(pass->store, sc_judge_name(pass->judge), pass->n_instances,
                                        take_judgement, pass, error));
        SC_TRY(list_items(pass, error));
    }
    for (size_t i = 0; i < pass->n_answers; i++)
        if (!pass->answers[i].asks)
            SC_TRY(keep(pass, &pass->answers[i], NULL, false, error));
    if (pass->n_items == 0)
        return SC_OK;
    return sc_judge_run(pass->judge, pass->items, pass->n_items, &sink, &pass->summary->counts,
                        error);
}

static void release(struct pass *pass)
{
    sc_store_close(pass->store);
    sc_judge_close(pass->judge);
    sc_user_rules_free(pass->rules);
    for (size_t i = 0; i < pass->n_answers; i++)
        sc_free(pass->answers[i].text);
    sc_free(pass->answers);
    sc_store_free_instances(pass->instances, pass->n_instances);
    sc_free(pass->prompt_answered);
    sc_free(pass->items);
    sc_free(pass->subjects);
}

static enum sc_status classify(struct pass *pass, struct sc_error *error)
{
    const struct sc_classify_options *options = pass->options;
    SC_TRY(check_options(options, error));
    if (options->rules != NULL)
        SC_TRY(sc_user_rules_read(&pass->rules, options->rules, error));
    SC_TRY(sc_store_open_existing(&pass->store, options->folder, error));
    if (options->judge.judge != NULL)
        SC_TRY(sc_judge_open(&pass->judge, &options->judge, error));
    SC_TRY(name_detector(pass, error));
    SC_TRY(sc_store_prepare_judging(pass->store, error));
    SC_TRY(take_up(pass, error));
    SC_TRY(judge_all(pass, error));
    return sc_store_set_reading(pass->store, pass->summary->detector, pass->summary->judge, error);
}

struct sc_classify_options sc_classify_options_default(void)
{
    return (struct sc_classify_options){
        .size = sizeof(struct sc_classify_options), .detector = SC_BY_PATTERNS, .judge.dtype = -1};
}

enum sc_status sc_classify(const struct sc_classify_options *given,
                           const struct sc_classify_observer *observer,
                           struct sc_classify_summary *summary, struct sc_error *error)
{
    struct sc_classify_options options = sc_classify_options_default();
    if (summary == NULL || given == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "classify: expected options and a summary, found none");
    *summary = (struct sc_classify_summary){0};
    SC_TRY(sc_options_take(&options, sizeof options, given, given->size, "classify", error));
    if (options.folder == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT, "classify: folder: expected a name, found none");
    struct pass pass = {.options = &options, .observer = observer, .summary = summary};
    enum sc_status status = classify(&pass, error);
    release(&pass);
    return status;
}

void sc_classify_summary_free(struct sc_classify_summary *summary)
{
    sc_free(summary->detector);
    sc_free(summary->judge);
    *summary = (struct sc_classify_summary){0};
}
