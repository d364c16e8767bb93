/*
 * Runs a small experiment: the demonstration model on eight prompts of the synthetic benchmark,
 * four traces of each, with progress; then lets the bundled guard judge the answers and writes the
 * reports.  Ctrl-C stops it, and the same command goes on.
 *
 *   cc -std=c11 experiment.c -o experiment $(pkg-config --cflags --libs safeconf)
 *   ./experiment results/small
 */
#include <safeconf/safeconf.h>
#include <signal.h>
#include <stdio.h>

static volatile sig_atomic_t stopped;

static void stop(int signal_number)
{
    (void)signal_number;
    stopped = 1;
}

static bool keep_going(void *context)
{
    (void)context;
    return !stopped;
}

static void started(void *context, const struct sc_run_facts *facts)
{
    (void)context;
    printf("%s%s on %s: %zu prompts, %zu traces in flight\n", facts->resumed ? "resuming " : "",
           facts->model, facts->benchmark, facts->n_instances, facts->parallel);
}

static void progress(void *context, const struct sc_run_progress *now)
{
    (void)context;
    printf("%zu of %zu prompts, %zu traces, %.0f tokens/s\n", now->n_instances_done,
           now->n_instances, now->n_traces_done, now->tokens_per_second);
}

static enum sc_status sample(const char *folder, struct sc_error *error)
{
    struct sc_run_summary summary;
    struct sc_policy policy = sc_policy_default();
    struct sc_run_options options = sc_run_options_default();
    const struct sc_run_observer observer = {
        .started = started, .progress = progress, .keep_going = keep_going};
    policy.kind = SC_POLICY_FIXED;
    policy.max_traces = 4;
    options.policies = &policy;
    options.n_policies = 1;
    options.benchmark.n_instances = 8;
    options.max_new_tokens = 48;
    options.out = folder;
    enum sc_status status = sc_run_execute(&options, &observer, &summary, error);
    if (status == SC_OK)
        printf("%zu traces, %zu refusals, %zu failed\n", summary.progress.n_traces_done,
               summary.progress.n_refused, summary.n_failed_traces);
    return status;
}

static enum sc_status judge(const char *folder, struct sc_error *error)
{
    struct sc_classify_summary summary = {0};
    struct sc_classify_options options = sc_classify_options_default();
    const struct sc_classify_observer observer = {.keep_going = keep_going};
    options.folder = folder;
    options.detector = SC_BY_JUDGE;
    options.harms = true;
    options.judge.judge = "guard";
    options.judge.model = "demo-guard";
    enum sc_status status = sc_classify(&options, &observer, &summary, error);
    if (status == SC_OK)
        printf("%s: %zu of %zu answers harmful\n", summary.judge, summary.harms[SC_HARMFUL],
               summary.n_traces);
    sc_classify_summary_free(&summary);
    return status;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: experiment FOLDER\n");
        return 2;
    }
    struct sc_error error = {0};
    signal(SIGINT, stop);
    enum sc_status status = sample(argv[1], &error);
    if (status == SC_OK)
        status = judge(argv[1], &error);
    if (status == SC_OK)
        status = sc_report_write(argv[1], &error);
    if (status == SC_ERR_INTERRUPTED) {
        fprintf(stderr, "interrupted; the same command goes on\n");
        return 130;
    }
    if (status != SC_OK) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    printf("all of it lies in %s; open report.html\n", argv[1]);
    return 0;
}
