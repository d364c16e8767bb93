/*
 * What the judge is asked, and what of it is there already (pass.h).
 *
 * Asked once, its reply about a stored answer is the judgement.  Asked repeatedly, and about
 * labelled answers, each reply is a row of its own first, and the last one that comes makes the
 * judgement of them all; so whatever ends a pass, no reply is lost and none is asked for twice.
 */
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "experiment/judging/pass.h"
#include "experiment/store/replies.h"

size_t sc_pass_n_subjects(const struct sc_pass *pass)
{
    return sc_size_add(sc_size_add(pass->n_answers, pass->n_instances), pass->labelled.n);
}

static size_t subject_of_prompt(const struct sc_pass *pass, size_t position)
{
    return pass->n_answers + position;
}

static size_t subject_of_label(const struct sc_pass *pass, size_t row)
{
    return pass->n_answers + pass->n_instances + row;
}

/* Whether replies about the subject are kept one by one. */
static bool is_gathered(const struct sc_pass *pass, size_t subject)
{
    return pass->repeats.asked > 1 || subject >= subject_of_label(pass, 0);
}

/* ---- replies until they are one judgement ---------------------------------------------------- */

static void free_replies(struct sc_pass_replies *replies, size_t n)
{
    for (size_t r = 0; replies->given != NULL && r < n; r++)
        for (size_t t = 0; t < 3; t++)
            sc_free(replies->given[r].texts[t]);
    sc_free(replies->given);
    *replies = (struct sc_pass_replies){0};
}

void sc_pass_free_replies(struct sc_pass *pass)
{
    for (size_t i = 0; pass->replies != NULL && i < sc_pass_n_subjects(pass); i++)
        free_replies(&pass->replies[i], pass->repeats.asked);
    sc_free(pass->replies);
}

static enum sc_status copy_reply(const struct sc_judgement *judgement, struct sc_pass_reply *to,
                                 struct sc_error *error)
{
    const char *const texts[] = {judgement->output, judgement->failure, judgement->unscored};
    *to = (struct sc_pass_reply){.judgement = *judgement, .there = true};
    for (size_t t = 0; t < 3; t++) {
        to->texts[t] = sc_strdup(texts[t]);
        if (texts[t] != NULL && to->texts[t] == NULL)
            return sc_fail_nomem(error, "repeated judgements");
    }
    to->judgement.output = to->texts[0];
    to->judgement.failure = to->texts[1];
    to->judgement.unscored = to->texts[2];
    return SC_OK;
}

/* All replies are there: what they say together. */
static enum sc_status finish(struct sc_pass *pass, size_t subject, struct sc_error *error)
{
    struct sc_pass_replies *replies = &pass->replies[subject];
    struct sc_judgement all[SC_MOST_REPEATS] = {{0}}, together;
    size_t n = pass->repeats.asked;
    for (size_t r = 0; r < n; r++)
        all[r] = replies->given[r].judgement;
    sc_judgements_combine(all, n, &together);
    enum sc_status status =
        sc_pass_deliver(pass, subject, n > 1 ? &together : &all[0], true, error);
    free_replies(replies, n);
    return status;
}

static enum sc_status gather(struct sc_pass *pass, size_t subject, uint32_t repeat,
                             const struct sc_judgement *judgement, struct sc_error *error)
{
    struct sc_pass_replies *replies = &pass->replies[subject];
    if (replies->given == NULL)
        replies->given = sc_alloc_zero(pass->repeats.asked, sizeof *replies->given);
    if (replies->given == NULL)
        return sc_fail_nomem(error, "repeated judgements");
    if (replies->given[repeat].there)
        return SC_OK;
    SC_TRY(copy_reply(judgement, &replies->given[repeat], error));
    return ++replies->n == pass->repeats.asked ? finish(pass, subject, error) : SC_OK;
}

/* ---- what is there already ------------------------------------------------------------------- */

static int compare_answer(const struct sc_pass_answer *answer, size_t position, int64_t trace)
{
    if (answer->position != position)
        return answer->position < position ? -1 : 1;
    return (int64_t)answer->index < trace ? -1 : (int64_t)answer->index > trace;
}

/* The place of an answer; n_answers: it is there no more. */
static size_t find_answer(const struct sc_pass *pass, size_t position, int64_t trace)
{
    size_t low = 0, high = pass->n_answers;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_answer(&pass->answers[middle], position, trace);
        if (order == 0)
            return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return pass->n_answers;
}

/* Of a trace that is there no more, or of a prompt that is not asked about, it says nothing. */
static bool is_wanted(const struct sc_pass *pass, size_t subject)
{
    if (subject < pass->n_answers)
        return pass->answers[subject].asks && !pass->answers[subject].answered;
    size_t position = subject - pass->n_answers;
    if (position < pass->n_instances)
        return pass->options->prompts && !pass->prompt_answered[position];
    position -= pass->n_instances;
    return pass->labelled_answers[position].asks && !pass->labelled_answers[position].answered;
}

static size_t subject_of(const struct sc_pass *pass, size_t position, int64_t trace)
{
    if (trace < 0)
        return subject_of_prompt(pass, position);
    size_t answer = find_answer(pass, position, trace);
    return answer < pass->n_answers ? answer : SIZE_MAX;
}

static enum sc_status take_judgement(void *context, const char *by, size_t position, int64_t trace,
                                     const struct sc_judgement *judgement, struct sc_error *error)
{
    struct sc_pass *pass = context;
    (void)by;
    size_t subject = subject_of(pass, position, trace);
    if (judgement->again || subject == SIZE_MAX || !is_wanted(pass, subject))
        return SC_OK;
    return sc_pass_deliver(pass, subject, judgement, false, error);
}

static enum sc_status take_reply(void *context, const struct sc_reply *reply,
                                 const struct sc_judgement *judgement, struct sc_error *error)
{
    struct sc_pass *pass = context;
    bool labelled = reply->labels[0] != '\0';
    size_t subject = SIZE_MAX;
    if (labelled && reply->item < pass->labelled.n)
        subject = subject_of_label(pass, reply->item);
    else if (!labelled && reply->item < pass->n_instances)
        subject = subject_of(pass, reply->item, reply->trace);
    if (judgement->again || subject == SIZE_MAX || reply->repeat >= pass->repeats.asked ||
        !is_wanted(pass, subject))
        return SC_OK;
    return gather(pass, subject, reply->repeat, judgement, error);
}

static enum sc_status take_up(struct sc_pass *pass, struct sc_error *error)
{
    const char *asked = sc_judge_asked(pass->judge);
    SC_TRY(sc_store_read_judgements(pass->store, sc_judge_name(pass->judge), pass->n_instances,
                                    take_judgement, pass, error));
    if (pass->repeats.asked > 1)
        SC_TRY(sc_store_read_replies(pass->store, "", asked, take_reply, pass, error));
    return pass->labelled.n == 0 ? SC_OK
                                 : sc_store_read_replies(pass->store, pass->labelled.texts, asked,
                                                         take_reply, pass, error);
}

/* ---- what is to be asked --------------------------------------------------------------------- */

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
static struct sc_judge_item item_of(const struct sc_pass *pass, size_t position)
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

/* Puts a subject on the list, once for each reply that is missing. */
static void add_items(struct sc_pass *pass, size_t subject, struct sc_judge_item item)
{
    if (!is_wanted(pass, subject))
        return;
    const struct sc_pass_replies *replies = &pass->replies[subject];
    for (uint32_t r = 0; r < pass->repeats.asked; r++) {
        if (replies->given != NULL && replies->given[r].there)
            continue;
        pass->items[pass->n_items] = item;
        pass->repeat_of[pass->n_items] = r;
        pass->subjects[pass->n_items++] = subject;
    }
}

static enum sc_status list_items(struct sc_pass *pass, struct sc_error *error)
{
    size_t most = sc_size_mul(sc_pass_n_subjects(pass), pass->repeats.asked);
    pass->items = sc_alloc_zero(most, sizeof *pass->items);
    pass->subjects = sc_alloc_array(most, sizeof *pass->subjects);
    pass->repeat_of = sc_alloc_array(most, sizeof *pass->repeat_of);
    if (pass->items == NULL || pass->subjects == NULL || pass->repeat_of == NULL)
        return sc_fail_nomem(error, "texts to judge");
    for (size_t i = 0; i < pass->n_instances; i++)
        add_items(pass, subject_of_prompt(pass, i), item_of(pass, i));
    for (size_t i = 0; i < pass->n_answers; i++) {
        struct sc_judge_item item = item_of(pass, pass->answers[i].position);
        item.response = pass->answers[i].text;
        add_items(pass, i, item);
    }
    for (size_t i = 0; i < pass->labelled.n; i++)
        add_items(pass, subject_of_label(pass, i),
                  (struct sc_judge_item){.prompt = pass->labelled.rows[i].prompt,
                                         .response = pass->labelled.rows[i].answer});
    return SC_OK;
}

/* ---- asking ---------------------------------------------------------------------------------- */

/* What a subject is called by its replies and its random numbers. */
static struct sc_reply reply_of(const struct sc_pass *pass, size_t item)
{
    size_t subject = pass->subjects[item];
    struct sc_reply reply = {.labels = "", .repeat = pass->repeat_of[item]};
    if (subject < pass->n_answers) {
        reply.item = pass->answers[subject].position;
        reply.trace = pass->answers[subject].index;
    } else if (subject < subject_of_label(pass, 0)) {
        reply.item = subject - pass->n_answers;
        reply.trace = -1;
    } else {
        reply.labels = pass->labelled.texts;
        reply.item = subject - subject_of_label(pass, 0);
    }
    return reply;
}

/* By the instance's id, so that a run on some of the prompts draws alike. */
static struct sc_judge_draw draw(void *context, size_t item)
{
    const struct sc_pass *pass = context;
    struct sc_reply reply = reply_of(pass, item);
    bool labelled = reply.labels[0] != '\0';
    const char *id = labelled ? reply.labels : pass->instances[reply.item].id;
    uint64_t about = labelled ? reply.item : (uint64_t)(reply.trace + 1);
    return (struct sc_judge_draw){
        sc_random_bits(SC_STREAM_JUDGING, sc_hash64(id, strlen(id)), about, labelled, 2),
        reply.repeat};
}

static enum sc_status take_new(void *context, size_t item, const struct sc_judgement *judgement,
                               struct sc_error *error)
{
    struct sc_pass *pass = context;
    size_t subject = pass->subjects[item];
    if (!is_gathered(pass, subject))
        return sc_pass_deliver(pass, subject, judgement, true, error);
    struct sc_reply reply = reply_of(pass, item);
    reply.asked = sc_judge_asked(pass->judge);
    if (pass->store != NULL)
        SC_TRY(sc_store_put_reply(pass->store, &reply, judgement, error));
    return gather(pass, subject, reply.repeat, judgement, error);
}

/* At most ten times a second, and 2 % of the time: waits for the disk, then says how far it is. */
static enum sc_status report(struct sc_pass *pass, const struct sc_judge_counts *counts,
                             struct sc_error *error)
{
    const struct sc_classify_observer *observer = pass->observer;
    double now = sc_seconds(), since = now - pass->reported;
    if (since < 0.1 || since < 50 * pass->settling)
        return SC_OK;
    pass->reported = now;
    if (pass->store != NULL)
        SC_TRY(sc_store_settle(pass->store, error));
    pass->settling = sc_seconds() - now;
    if (observer != NULL && observer->progress != NULL)
        observer->progress(observer->context, counts->n_done, pass->n_items, counts->seconds);
    return SC_OK;
}

static bool after_step(void *context, const struct sc_judge_counts *counts)
{
    struct sc_pass *pass = context;
    const struct sc_classify_observer *observer = pass->observer;
    if (report(pass, counts, &pass->unsettled) != SC_OK)
        return false;
    return observer == NULL || observer->keep_going == NULL ||
           observer->keep_going(observer->context);
}

enum sc_status sc_pass_ask(struct sc_pass *pass, struct sc_error *error)
{
    const struct sc_judge_sink sink = {
        .context = pass, .done = take_new, .draw = draw, .step = after_step};
    pass->replies = sc_alloc_zero(sc_pass_n_subjects(pass), sizeof *pass->replies);
    if (pass->replies == NULL)
        return sc_fail_nomem(error, "texts to judge");
    if (pass->store != NULL)
        SC_TRY(take_up(pass, error));
    SC_TRY(list_items(pass, error));
    if (pass->n_items == 0)
        return SC_OK;
    enum sc_status status =
        sc_judge_run(pass->judge, pass->items, pass->n_items, &sink, &pass->summary->counts, error);
    if (pass->unsettled.status == SC_OK)
        return status;
    if (error != NULL)
        *error = pass->unsettled;
    return pass->unsettled.status;
}
