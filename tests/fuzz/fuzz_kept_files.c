/* Files that the program keeps and reads back, which anybody may have changed meanwhile; the first
 * byte chooses: replay.json, a suite's suite.json, the lines of a folder of risks, and the
 * analysis.json of a suite's run.  What is read is of use, or there is one line about what is
 * wrong. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/replay/replay.h"
#include "base/memory.h"
#include "risk/results.h"
#include "scratch_folder.h"
#include "suite/journal.h"
#include "suite/suite.h"
#include "suite/summary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static void read_replay(const uint8_t *data, size_t n)
{
    static char detector[] = "rules";
    const struct sc_run run = {.detector = detector};
    struct sc_replay replay;
    struct sc_error error = {0};
    bool found = false;
    scratch_write("replay.json", data, n);
    enum sc_status status = sc_replay_read(scratch_folder(), &run, &replay, &found, &error);
    expect(found && (status == SC_OK) == (error.text[0] == '\0'));
    if (status != SC_OK)
        return;
    expect(replay.recommended < (int)replay.n_rows && replay.n_beating <= replay.n_rows);
    for (size_t r = 0; r < replay.n_rows; r++)
        expect(!isinf(replay.rows[r].traces.value) &&
               (unsigned)replay.rows[r].policy.metric < SC_N_METRICS);
    sc_replay_free(&replay);
}

static void read_journal(const uint8_t *data, size_t n)
{
    struct sc_suite_journal journal;
    struct sc_suite_entry entry;
    struct sc_error error = {0};
    const char *place;
    json_t *value;
    scratch_write("suite.json", data, n);
    enum sc_status status = sc_suite_journal_open(&journal, scratch_folder(), &error);
    expect((status == SC_OK) == (error.text[0] == '\0'));
    if (status == SC_OK) {
        json_object_foreach(journal.file, place, value)
        {
            expect(sc_suite_journal_find(&journal, place, &entry));
            expect(entry.key != NULL && entry.model != NULL && entry.seconds >= 0);
            expect(!(sc_suite_journal_rate(&journal, entry.model) < 0));
        }
    }
    sc_suite_journal_close(&journal);
}

/* The configuration is that of the folder, so that its lines are reached. */
static void read_risks(const uint8_t *data, size_t n)
{
    static const char summary[] = "{\"configuration\":{\"seed\":1},\"summary\":null}";
    const struct sc_risk_failures none = {0};
    struct sc_risk_folder folder;
    struct sc_error error = {0};
    char *made = NULL;
    scratch_write("risk.json", summary, sizeof summary - 1);
    scratch_write("risk.jsonl", data, n);
    enum sc_status status = sc_risk_folder_open(&folder, scratch_folder(), "{\"seed\":1}", &error);
    expect((status == SC_OK) == (error.text[0] == '\0'));
    if (status == SC_OK) {
        status = sc_risk_finish(&folder, &none, &made, &error);
        expect((status == SC_OK) == (error.text[0] == '\0') && (status == SC_OK) == (made != NULL));
        sc_free(made);
    }
    sc_risk_folder_close(&folder);
}

static void read_analysis(const uint8_t *data, size_t n)
{
    static char name[] = "p", run[] = "r", here[] = ".";
    struct sc_suite_run runs[1] = {{.name = run, .place = here}};
    struct sc_suite_phase phases[1] = {{.name = name, .n_runs = 1}};
    const struct sc_suite suite = {
        .runs = runs, .n_runs = 1, .phases = phases, .n_phases = 1, .hours = NAN};
    const struct sc_suite_result results[1] = {{.outcome = SC_OUTCOME_FINISHED}};
    const struct sc_suite_decision decisions[1] = {{.made = false}};
    struct sc_error error = {0};
    struct sc_text terminal = {0};
    scratch_write("analysis.json", data, n);
    enum sc_status status = sc_suite_summary_write(
        &(struct sc_suite_summary){&suite, scratch_folder(), results, decisions, 80, false},
        &terminal, &error);
    expect((status == SC_OK) == (error.text[0] == '\0'));
    sc_text_free(&terminal);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(const uint8_t *, size_t) = {read_replay, read_journal,
                                                               read_risks, read_analysis};
    if (size > 0)
        readers[data[0] % (sizeof readers / sizeof *readers)](data + 1, size - 1);
    return 0;
}
