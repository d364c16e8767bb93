/* See cards.h. */
#include "cli/cards.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "cli/child.h"
#include "cli/engine.h"
#include "cli/progress.h"
#include "engine/gpu/modules.h"
#include "experiment/experiment.h"
#include "experiment/store/lock.h"
#include "source/launch/launch.h"
#include "vocabulary/device_name.h"

static const double patience = 20; /* seconds for processes of an earlier start to end */

/* ---- which cards ------------------------------------------------------------------------------
 */

/* What a trace follows from beside its seed is to be the same everywhere. */
static enum sc_status check_alike(const struct sc_gpu_module *module, size_t n,
                                  struct sc_error *error)
{
    struct sc_gpu_card first, other;
    SC_TRY(sc_gpu_card_find(module, 0, &first, error));
    for (size_t i = 1; i < n; i++) {
        SC_TRY(sc_gpu_card_find(module, (int)i, &other, error));
        if (strcmp(first.arithmetic, other.arithmetic) != 0 ||
            strcmp(first.library, other.library) != 0)
            return sc_fail(error, SC_ERR_UNSUPPORTED,
                           "expected cards of one kind, found %s (%s) and %s (%s): traces "
                           "depend on it (CUDA_VISIBLE_DEVICES says which cards are there)",
                           first.name, first.arithmetic, other.name, other.arithmetic);
    }
    return SC_OK;
}

/* asked is above 1 or all. */
static enum sc_status count_found(int32_t asked, size_t *n, struct sc_error *error)
{
    const struct sc_gpu_module *module;
    char why[SC_GPU_WHY] = "";
    int found = 0;
    SC_TRY(sc_gpu_module_find(&module, error));
    enum sc_status status = module->count(&found, why);
    if (status != SC_OK || found == 0)
        return sc_fail(error, status != SC_OK ? status : SC_ERR_UNSUPPORTED, "%s",
                       why[0] != '\0' ? why : "there is no card");
    if (asked > found)
        return sc_fail(error, SC_ERR_ARGUMENT, "expected at most the %d there are, found %d", found,
                       (int)asked);
    *n = asked == CLI_ALL_GPUS ? (size_t)found : (size_t)asked;
    if (*n > CLI_MOST_CHILDREN)
        *n = CLI_MOST_CHILDREN;
    return check_alike(module, *n, error);
}

enum sc_status cli_cards_count(int32_t asked, const char *device, size_t *n, struct sc_error *error)
{
    struct sc_device_wish wish;
    *n = 1;
    SC_TRY(sc_device_wish_read(&wish, device, error));
    if (asked == 0)
        return SC_OK;
    if (wish.kind == SC_DEVICE_CPU)
        return sc_fail(error, SC_ERR_ARGUMENT, "--gpus: does not go with --device cpu");
    if (asked == 1)
        return SC_OK;
    if (device != NULL && strchr(device, ':') != NULL)
        return sc_fail(error, SC_ERR_ARGUMENT, "--gpus: does not go with one card, --device %s",
                       device);
    struct sc_error why = {0};
    enum sc_status status = count_found(asked, n, &why);
    /* Of all, none is the device's to explain, which may fall to the processor. */
    if (status == SC_ERR_UNSUPPORTED && asked == CLI_ALL_GPUS && *n == 1)
        return SC_OK;
    return status != SC_OK ? sc_fail(error, status, "--gpus: %s", why.text) : SC_OK;
}

/* ---- the words of a card's process ------------------------------------------------------------
 */

/* Options that are ours to give, or to do when all is sampled. */
static bool is_ours(const char *name, const struct cli_cards *cards)
{
    static const char *const ours[] = {"gpus", "device", "out", "shard", "detector"};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (strcmp(name, ours[i]) == 0)
            return true;
    return strncmp(name, "judge", 5) == 0 || strncmp(name, "labels-", 7) == 0 ||
           (cards->is_sweep && strcmp(name, "temperature") == 0);
}

static const struct cli_option *option_of(const struct cli_options *given, const char *name,
                                          size_t length)
{
    for (size_t i = 0; i < given->n; i++)
        if (strlen(given->items[i].name) == length &&
            memcmp(given->items[i].name, name, length) == 0)
            return &given->items[i];
    return NULL;
}

/* Standard input can be read once. */
static enum sc_status check_value(const char *name, const char *value, struct sc_error *error)
{
    if (!sc_input_is_unnamed(value) && !(value[0] == '@' && sc_input_is_unnamed(value + 1)))
        return SC_OK;
    return sc_fail(error, SC_ERR_ARGUMENT,
                   "--%s: several cards read it several times: expected a file, found %s", name,
                   value);
}

/* What the command line says beside what is ours. */
static enum sc_status add_given(const struct cli_cards *cards, struct sc_command *words,
                                struct sc_error *error)
{
    for (size_t i = 0; i < cards->n_words; i++) {
        const char *word = cards->words[i], *name = word + 2, *value = strchr(word, '=');
        size_t length = value != NULL ? (size_t)(value - name) : strlen(name);
        const struct cli_option *option = option_of(cards->given, name, length);
        if (option == NULL)
            continue; /* "--" */
        const char *next = option->kind != CLI_FLAG && value == NULL ? cards->words[++i] : NULL;
        if (is_ours(option->name, cards))
            continue;
        if (option->kind != CLI_FLAG)
            SC_TRY(check_value(option->name, next != NULL ? next : value + 1, error));
        SC_TRY(sc_command_add(words, word, error));
        if (next != NULL)
            SC_TRY(sc_command_add(words, next, error));
    }
    return SC_OK;
}

static enum sc_status add_pair(struct sc_command *words, const char *name, const char *value,
                               struct sc_error *error)
{
    SC_TRY(sc_command_add(words, name, error));
    return sc_command_add(words, value, error);
}

static enum sc_status make_words(const struct cli_cards *cards, size_t i, const char *folder,
                                 struct sc_command *words, struct sc_error *error)
{
    char shard[64], device[32], temperature[40];
    snprintf(shard, sizeof shard, "%zu/%zu", i + 1, cards->n);
    snprintf(device, sizeof device, "cuda:%zu", i);
    snprintf(temperature, sizeof temperature, "%.17g", cards->run->temperature);
    SC_TRY(sc_command_add(words, cards->command, error));
    SC_TRY(add_given(cards, words, error));
    SC_TRY(add_pair(words, "--detector", cards->run->detector, error));
    if (cards->is_sweep)
        SC_TRY(add_pair(words, "--temperature", temperature, error));
    SC_TRY(add_pair(words, "--shard", shard, error));
    SC_TRY(add_pair(words, "--device", device, error));
    return add_pair(words, "--out", folder, error);
}

/* ---- all of them ------------------------------------------------------------------------------
 */

struct work;

struct card {
    struct work *work;
    char name[24]; /* "cuda:0" */
    char *folder;  /* of its shard */
    struct sc_command words;
    bool runs, told; /* told: that it failed while others go on */
    struct sc_run_progress now;
    char said[1000]; /* the last line that begins as an error does, behind that beginning */
};

struct work {
    const struct cli_cards *cards;
    struct card items[CLI_MOST_CHILDREN];                  /* [cards->n] */
    struct cli_child_process processes[CLI_MOST_CHILDREN]; /* [cards->n] */
    struct cli_progress line;                              /* all of them in one */
    double began, next_line;
    size_t n_before; /* prompts that were done when the first progress came; SIZE_MAX: none did */
};

static bool take_line(void *context, const char *line)
{
    struct card *card = context;
    struct sc_run_progress now;
    if (cli_progress_read(line, &now)) {
        card->now = now;
        return true;
    }
    const char *behind = strstr(line, ": ");
    if (strncmp(line, "safeconf ", 9) == 0 && behind != NULL) {
        snprintf(card->said, sizeof card->said, "%s", behind + 2);
        return true;
    }
    if (!card->work->cards->quiet)
        cli_progress_end(&card->work->line);
    return false;
}

static enum sc_status prepare(struct work *work, struct sc_error *error)
{
    const struct cli_cards *cards = work->cards;
    for (size_t i = 0; i < cards->n; i++) {
        struct card *card = &work->items[i];
        struct sc_text folder = {0};
        card->work = work;
        snprintf(card->name, sizeof card->name, "cuda:%zu", i);
        sc_text_printf(&folder, "%s/shards/%zu", cards->run->out, i + 1);
        card->folder = sc_text_take(&folder);
        if (card->folder == NULL)
            return sc_fail_nomem(error, "folders of cards");
        SC_TRY(make_words(cards, i, card->folder, &card->words, error));
    }
    return SC_OK;
}

static void release(struct work *work)
{
    for (size_t i = 0; i < work->cards->n; i++) {
        sc_command_free(&work->items[i].words);
        sc_free(work->items[i].folder);
    }
    sc_free(work);
}

/* Processes of an earlier start that was killed end by themselves, and store what they have. */
static void wait_for_earlier(const struct work *work)
{
    double until = sc_seconds() + patience;
    for (size_t i = 0; i < work->cards->n; i++) {
        struct sc_lock lock = {.descriptor = -1};
        while (sc_is_folder(work->items[i].folder) &&
               sc_lock_take(&lock, work->items[i].folder, NULL) == SC_ERR_CONFLICT &&
               sc_seconds() < until && !cli_interrupted())
            cli_child_wait(NULL, 0);
        sc_lock_release(&lock);
    }
}

static enum sc_status start(struct work *work, size_t i, struct sc_error *error)
{
    struct card *card = &work->items[i];
    const struct cli_child child = {.words = card->words.words,
                                    .n_words = card->words.n,
                                    .name = card->name,
                                    .quiet = work->cards->quiet,
                                    .deadline = INFINITY,
                                    .take = take_line,
                                    .context = card};
    SC_TRY(cli_child_start(&work->processes[i], &child, error));
    card->runs = true;
    return SC_OK;
}

/* ---- progress ---------------------------------------------------------------------------------
 */

static struct sc_run_progress sum(const struct work *work)
{
    struct sc_run_progress all = {0};
    for (size_t i = 0; i < work->cards->n; i++) {
        const struct card *card = &work->items[i];
        all.n_instances += card->now.n_instances;
        all.n_instances_done += card->now.n_instances_done;
        all.n_traces_done += card->now.n_traces_done;
        all.tokens_per_second += card->runs ? card->now.tokens_per_second : 0;
    }
    return all;
}

static void show(struct work *work)
{
    const struct sc_run_progress all = sum(work);
    const double now = sc_seconds();
    if (work->cards->quiet || all.n_instances == 0 || now < work->next_line)
        return;
    if (work->n_before == SIZE_MAX) {
        work->n_before = all.n_instances_done;
        work->began = now;
    }
    double n_done = (double)(all.n_instances_done - work->n_before);
    double n_left = (double)(all.n_instances - all.n_instances_done);
    char left[32], line[200];
    cli_time(n_done > 0 ? n_left * (now - work->began) / n_done : NAN, left);
    snprintf(line, sizeof line, "%zu/%zu prompts, %zu traces, %.0f tokens/s, %zu cards, %s left",
             all.n_instances_done, all.n_instances, all.n_traces_done, all.tokens_per_second,
             work->cards->n, left);
    cli_progress_put(&work->line, line);
    work->next_line = now + (work->line.terminal ? 0.2 : work->line.interval);
}

/* ---- the end ----------------------------------------------------------------------------------
 */

/* Of a card whose process has ended. */
static bool has_failed(const struct work *work, size_t i)
{
    int status = work->processes[i].result.status;
    return status != CLI_DONE && status != CLI_SOME_TRACES_FAILED && status != CLI_INTERRUPTED;
}

static const char *last_words(const struct work *work, size_t i)
{
    const struct cli_child_result *result = &work->processes[i].result;
    const char *said = work->items[i].said;
    if (result->status > 128) /* what the signal was */
        return result->last_line;
    return said[0] != '\0' ? said : "ended without a word";
}

/* Says of a card that failed while others go on for long. */
static void tell(struct work *work, size_t i)
{
    const struct cli_child_process *process = &work->processes[i];
    struct card *card = &work->items[i];
    if (card->runs || card->told || !has_failed(work, i) ||
        sc_seconds() < process->began + process->result.seconds + 5)
        return;
    card->told = true;
    cli_progress_end(&work->line);
    cli_say(work->cards->command, "%s failed, the others go on: %s", card->name,
            last_words(work, i));
}

static void follow(struct work *work)
{
    for (size_t n_run = work->cards->n; n_run > 0;) {
        n_run = 0;
        cli_child_wait(work->processes, work->cards->n);
        for (size_t i = 0; i < work->cards->n; i++) {
            struct card *card = &work->items[i];
            card->runs = card->runs && cli_child_step(&work->processes[i]);
            n_run += card->runs;
        }
        for (size_t i = 0; n_run > 0 && i < work->cards->n; i++)
            tell(work, i);
        show(work);
    }
    cli_progress_end(&work->line);
}

/* What became of all of them: SC_OK where all have done their part. */
static enum sc_status judge(const struct work *work, struct sc_error *error)
{
    size_t n_failed = 0, n_stopped = 0, first = 0;
    char more[40] = "";
    for (size_t i = work->cards->n; i-- > 0;) {
        n_stopped += work->processes[i].result.status == CLI_INTERRUPTED;
        if (!has_failed(work, i))
            continue;
        first = i;
        n_failed++;
    }
    if (n_failed > 1)
        snprintf(more, sizeof more, " (and %zu more failed)", n_failed - 1);
    if (n_failed > 0)
        return sc_fail(
            error, work->processes[first].result.status == CLI_USAGE ? SC_ERR_ARGUMENT : SC_ERR_IO,
            "%s: %s%s", work->items[first].name, last_words(work, first), more);
    if (cli_interrupted())
        return sc_fail(error, SC_ERR_INTERRUPTED, "interrupted");
    for (size_t i = 0; n_stopped > 0 && i < work->cards->n; i++)
        if (work->processes[i].result.status == CLI_INTERRUPTED)
            return sc_fail(error, SC_ERR_INTERRUPTED, "%s: %s", work->items[i].name,
                           last_words(work, i));
    return SC_OK;
}

static bool keep_going(void *context)
{
    (void)context;
    return !cli_interrupted();
}

static enum sc_status merge(const struct work *work, struct sc_run_summary *summary,
                            struct sc_error *error)
{
    const char *folders[CLI_MOST_CHILDREN];
    struct sc_merge_summary merged = {0};
    struct sc_merge_options options = sc_merge_options_default();
    const struct sc_merge_observer observer = {.keep_going = keep_going};
    for (size_t i = 0; i < work->cards->n; i++)
        folders[i] = work->items[i].folder;
    options.out = work->cards->run->out;
    options.folders = folders;
    options.n_folders = work->cards->n;
    SC_TRY(sc_merge(&options, &observer, &merged, error));
    summary->n_failed_traces = merged.n_failed_traces;
    summary->n_bad_rows = merged.n_bad_rows;
    memcpy(summary->failures, merged.failures, sizeof summary->failures);
    return SC_OK;
}

/* Each process holds the lock of its own folder; this one says that nobody else begins there. */
static enum sc_status work_locked(struct work *work, struct sc_error *error)
{
    setenv(CLI_PROGRESS_VARIABLE, "1", 0); /* of the processes, whose lines take_line reads */
    wait_for_earlier(work);
    for (size_t i = 0; i < work->cards->n && !cli_interrupted(); i++)
        SC_TRY(start(work, i, error));
    follow(work);
    return judge(work, error);
}

static enum sc_status work_all(struct work *work, struct sc_run_summary *summary,
                               struct sc_error *error)
{
    struct sc_lock lock = {.descriptor = -1};
    SC_TRY(prepare(work, error));
    SC_TRY(sc_make_folders(work->cards->run->out, error));
    SC_TRY(sc_lock_take(&lock, work->cards->run->out, error));
    enum sc_status status = work_locked(work, error);
    sc_lock_release(&lock);
    return status == SC_OK ? merge(work, summary, error) : status;
}

/* What each process would have for itself. */
static enum sc_status check(const struct cli_cards *cards, struct sc_error *error)
{
    static const char *const of_one[] = {"max-requests", "max-total-tokens"};
    struct sc_run_options run = *cards->run;
    for (size_t i = 0; i < sizeof of_one / sizeof *of_one; i++)
        if (cli_given(cards->given, of_one[i]))
            return sc_fail(error, SC_ERR_ARGUMENT,
                           "--%s: does not go with several cards, each of which would take as many",
                           of_one[i]);
    if (run.n_shards > 0)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "--shard: does not go with several cards, which are given shards");
    run.shard = 1;
    run.n_shards = cards->n;
    return sc_run_options_check(&run, error);
}

enum sc_status cli_cards_left(const char *folder, bool *left, struct sc_error *error)
{
    bool whole = false;
    char *shard = sc_path_join(folder, "shards/1/run.db"), *run = sc_path_join(folder, "run.db");
    *left = false;
    enum sc_status status = shard == NULL || run == NULL ? sc_fail_nomem(error, folder)
                                                         : sc_file_look(shard, left, error);
    if (*left)
        status = sc_file_look(run, &whole, error);
    *left = *left && !whole;
    sc_free(shard);
    sc_free(run);
    return status;
}

static enum sc_status run(const struct cli_cards *cards, struct sc_run_summary *summary,
                          struct sc_error *error)
{
    SC_TRY(check(cards, error));
    struct work *work = sc_alloc_zero(1, sizeof *work);
    if (work == NULL)
        return sc_fail_nomem(error, "processes of cards");
    work->cards = cards;
    work->n_before = SIZE_MAX;
    cli_progress_observer(&work->line);
    enum sc_status status = work_all(work, summary, error);
    release(work);
    return status;
}

int cli_cards_run(const struct cli_cards *cards, struct sc_run_summary *summary)
{
    assert(cards->n >= 2 && cards->n <= CLI_MOST_CHILDREN);
    struct sc_error error = {0};
    enum sc_status status = run(cards, summary, &error);
    if (status == SC_ERR_INTERRUPTED && cli_interrupted()) {
        cli_say(cards->command, "interrupted; nothing is lost: the same command goes on in %s",
                cards->run->out);
        return CLI_INTERRUPTED;
    }
    return status == SC_OK ? CLI_DONE : cli_report_error(cards->command, &error);
}
