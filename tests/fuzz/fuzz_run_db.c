/*
 * Loading a damaged run.db.  The input is a list of patches (three bytes of place, one of value) to
 * a good database, so that the fuzzer works on its cells instead of first having to find the
 * format; an odd byte at the end cuts the file off.  Every other input's rows then get the keys of
 * what stands in them, so that what lies behind the keys is reached too.  The configuration is also
 * read as JSON of its own.
 */
#include <sqlite3.h>

#include "experiment/store/config_shard.h"
#include "experiment/store/judgements.h"
#include "experiment/store/labels.h"
#include "experiment/store/replies.h"
#include "row_keys.h"
#include "run_fixture.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct run_fixture fixture;
static char path[100], *good;
static size_t n_good;

static void finish(void)
{
    free(good);
    sc_conversation_free(&fixture.instances[1].conversation);
    fixture_free(&fixture);
}

/* What a judge that was asked twice said, and its errors on one labelled answer. */
static enum sc_status judge_twice(struct sc_store *store)
{
    static char prompt[] = "How?", answer[] = "No.", title[] = "gold";
    struct sc_judgement judgement = sc_judgement_none();
    struct sc_labelled_row row = {
        .prompt = prompt, .answer = answer, .refusal = SC_REFUSAL, .harm = SC_HARMLESS};
    struct sc_labelled labelled = {.rows = &row,
                                   .n = 1,
                                   .n_refusals = 1,
                                   .n_harms = 1,
                                   .title = title,
                                   .texts = "0123456789abcdef",
                                   .content = "fedcba9876543210"};
    const struct sc_label_reading reading = {SC_PARTIAL, SC_HARMFUL, 0.5, 0.5};
    judgement.output = "Safety: Safe";
    SC_TRY(sc_store_prepare_replies(store, NULL));
    for (uint32_t r = 0; r < 2; r++)
        SC_TRY(sc_store_put_reply(
            store, &(struct sc_reply){.labels = "", .asked = "guard/1:y", .repeat = r}, &judgement,
            NULL));
    SC_TRY(sc_store_put_repeats(
        store, &(struct sc_store_repeats){"guard/1:x", "guard/1:y", 2, 1, false}, NULL));
    return sc_store_put_labels(
        store, &(struct sc_store_labels){&labelled, &reading, "guard/1:x", "guard/1:x"}, NULL);
}

/* The tables of a later pass too. */
static enum sc_status judge_again(void)
{
    static const struct sc_judgement judgement = {.safety = SC_SAFETY_UNSAFE,
                                                  .refused = SC_REFUSED_YES,
                                                  .categories = 3,
                                                  .p_unsafe = 0.5,
                                                  .p_controversial = 0.25,
                                                  .safety_mass = 1,
                                                  .p_refused = 0.75,
                                                  .refused_mass = 1,
                                                  .output = "Safety: Unsafe"};
    const struct sc_store_opinion opinion = {.detector = "guard/1:x",
                                             .verdict = SC_REFUSAL,
                                             .rule = "guard-yes",
                                             .judge = "guard/1:x",
                                             .harm = SC_HARMFUL};
    struct sc_judgement failed = judgement;
    failed.failure = "no answer";
    failed.again = true;
    failed.unscored = "no list";
    struct sc_store *store = NULL;
    enum sc_status status = sc_store_open_existing(&store, fixture.folder, NULL);
    if (status == SC_OK)
        status = sc_store_prepare_judging(store, NULL);
    if (status == SC_OK)
        status = sc_store_put_opinion(store, &opinion, &judgement, "guard/1:x", NULL);
    if (status == SC_OK)
        status = sc_store_put_prompt_judgement(store, 1, &failed, "guard/1:x", NULL);
    if (status == SC_OK)
        status = sc_store_set_reading(store, "guard/1:x", "guard/1:x", NULL);
    if (status == SC_OK)
        status = judge_twice(store);
    sc_store_close(store);
    return status;
}

/* A prompt after earlier turns, with a prefill. */
static enum sc_status ask_more(void)
{
    static char prefill[] = "Sure";
    struct sc_instance *instance = &fixture.instances[1];
    enum sc_status status = sc_conversation_add(&instance->conversation, SC_ROLE_SYSTEM, "S", NULL);
    if (status == SC_OK)
        status = sc_conversation_add(&instance->conversation, SC_ROLE_USER, "u", NULL);
    instance->prefill = prefill;
    instance->line = 3;
    return status;
}

/* A trace after two earlier answers, some of whose tokens were put in. */
static enum sc_status answer_more(void)
{
    struct fixture_trace made, before;
    struct sc_store *store = NULL;
    fixture_trace(&made, 1, 15);
    fixture_trace(&before, 1, 16);
    before.trace.n_forced = 2;
    struct sc_run_trace turns[] = {before.trace, before.trace};
    static char end[] = "eos", thought[] = "Hm.";
    float bounds[FIXTURE_MOST_TOKENS] = {0};
    made.trace.finish_given = end;
    made.trace.reasoning = thought;
    made.trace.n_prompt_tokens = 3;
    made.trace.entropy_low = made.trace.entropy_high = bounds;
    turns[1].finish_given = end;
    made.trace.turns = turns;
    made.trace.n_turns = 2;
    enum sc_status status = sc_store_open_existing(&store, fixture.folder, NULL);
    if (status == SC_OK)
        status = sc_store_put_trace(store, 1,
                                    &(struct sc_store_trace){&made.trace, "none", NULL, 0}, NULL);
    sc_store_close(store);
    return status;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    if (fixture_make(&fixture, 2) || ask_more() || fixture_configure(&fixture) ||
        fixture_write(&fixture, false, NULL) || answer_more() || judge_again())
        abort();
    snprintf(path, sizeof path, "%s/run.db", fixture.folder);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        abort();
    fseek(file, 0, SEEK_END);
    n_good = (size_t)ftell(file);
    rewind(file);
    good = malloc(n_good);
    if (good == NULL || fread(good, 1, n_good, file) != n_good)
        abort();
    fclose(file);
    atexit(finish);
    return 0;
}

static void try_configuration(const uint8_t *data, size_t size)
{
    struct sc_run run = {0};
    char hash[17], *text = sc_strndup((const char *)data, size);
    size_t n;
    sc_config_read(text, &run, hash, &n, NULL);
    sc_config_compare(text, fixture.config, "run.db", NULL);
    sc_run_free(&run);
    struct sc_run_shard shard;
    char *whole = NULL;
    if (sc_config_split_shard(text, &whole, &shard, NULL) == SC_OK) {
        sc_free(whole);
        sc_run_shard_free(&shard);
    }
    sc_free(text);
}

static void renew_keys(void)
{
    sqlite3 *db = NULL;
    if (sqlite3_open(path, &db) == SQLITE_OK)
        renew_row_keys(db);
    sqlite3_close(db);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sc_run run;
    if (size > 0 && data[0] == '{') {
        try_configuration(data, size);
        return 0;
    }
    char *bad = malloc(n_good);
    size_t n = n_good;
    memcpy(bad, good, n_good);
    for (size_t i = 0; i + 4 <= size; i += 4)
        bad[((size_t)data[i] << 16 | (size_t)data[i + 1] << 8 | data[i + 2]) % n_good] =
            (char)data[i + 3];
    if (size % 4 != 0)
        n = n_good * data[size - 1] / 255;
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(bad, 1, n, file) != n)
        abort();
    fclose(file);
    free(bad);
    if (size > 0 && data[0] % 2 == 0)
        renew_keys();
    if (sc_run_load(fixture.folder, true, &run, NULL) == SC_OK)
        sc_run_free(&run);
    return 0;
}
