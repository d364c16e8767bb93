/*
 * Runs a small experiment: the demonstration model on eight prompts of the synthetic benchmark,
 * four traces of each, with progress; Ctrl-C stops it, and the same command goes on.
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

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: experiment FOLDER\n");
        return 2;
    }
    struct sc_error error = {0};
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
    options.out = argv[1];
    signal(SIGINT, stop);
    enum sc_status status = sc_run_execute(&options, &observer, &summary, &error);
    if (status == SC_ERR_INTERRUPTED) {
        fprintf(stderr, "interrupted; the same command goes on\n");
        return 130;
    }
    if (status != SC_OK) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    printf("%zu traces, %zu refusals, %zu failed; they lie in %s/run.db\n",
           summary.progress.n_traces_done, summary.progress.n_refused, summary.n_failed_traces,
           argv[1]);
    return 0;
}
