/*
 * safeconf bench --experiment: a whole run over the synthetic benchmark, in a folder that is thrown
 * away, and where its time went.  What is not accounted for (requests, text, detection, decisions)
 * is shown as the rest.
 */
#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "cli/bench.h"
#include "cli/fetch.h"
#include "experiment/experiment.h"

struct split {
    struct sc_run_summary summary;
    struct sc_run_facts facts;
    char dtype[8], kernels[128], computer[CLI_COMPUTER];
    bool is_beside; /* a device computes while the host waits for its draws */
    double seconds; /* from the first prompt to the last transaction; loading apart */
};

static void run_started(void *context, const struct sc_run_facts *facts)
{
    struct split *split = context;
    split->facts = *facts;
    snprintf(split->dtype, sizeof split->dtype, "%s", facts->dtype);
    snprintf(split->kernels, sizeof split->kernels, "%s", facts->kernels);
    split->is_beside = facts->device != NULL && strcmp(facts->device, "cpu") != 0;
    cli_computer(facts->device, facts->kernels, facts->n_threads, split->computer);
}

static bool go_on(void *context)
{
    (void)context;
    return !cli_interrupted();
}

/* The run's folder and the files in it. */
static void remove_folder(const char *folder)
{
    DIR *open_folder = opendir(folder);
    if (open_folder == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(open_folder)) != NULL;) {
        char *path = sc_path_join(folder, entry->d_name);
        if (path != NULL && !sc_is_folder(path))
            unlink(path);
        sc_free(path);
    }
    closedir(open_folder);
    rmdir(folder);
}

static void add_result(struct sc_text *out, const struct bench_experiment *wanted,
                       const struct split *split)
{
    const struct sc_run_summary *s = &split->summary;
    const struct sc_run_progress *p = &s->progress;
    double network = s->seconds_prefill + s->seconds_decode, sampling = s->seconds_sampling;
    if (split->is_beside) /* those seconds are in both */
        sampling = fmax(sampling - network, 0);
    double known = network + sampling + s->seconds_storage;
    double rest = split->seconds > known ? split->seconds - known : 0;
    const char *names[] = {"prefill", "decode", "sampling", "storage", "rest"};
    double seconds[] = {s->seconds_prefill, s->seconds_decode, sampling, s->seconds_storage, rest};
    size_t n_instances = p->n_instances_done;
    if (wanted->json) {
        sc_text_printf(
            out,
            "{\"dtype\":\"%s\",\"kernels\":\"%s\",\"threads\":%zu,\"instances\":%zu,"
            "\"traces\":%zu,\"tokens\":%llu,\"rows\":%llu,\"parallel\":%zu,\"mean_width\":%.4g,"
            "\"seconds\":%.4g,\"tokens_per_second\":%.4g,\"seconds_load\":%.4g",
            split->dtype, split->kernels, split->facts.n_threads, n_instances, p->n_traces_done,
            (unsigned long long)p->n_tokens, (unsigned long long)p->n_rows, p->parallel,
            p->mean_width, split->seconds, (double)p->n_tokens / split->seconds, s->seconds_load);
        for (size_t i = 0; i < 5; i++)
            sc_text_printf(out, ",\"seconds_%s\":%.4g", names[i], seconds[i]);
        sc_text_puts(out, "}\n");
        return;
    }
    sc_text_printf(out,
                   "%s, %s: %zu prompts, %zu traces, %llu tokens, %llu rows computed "
                   "in %.2f s\n",
                   split->dtype, split->computer, n_instances, p->n_traces_done,
                   (unsigned long long)p->n_tokens, (unsigned long long)p->n_rows, split->seconds);
    sc_text_printf(out, "%.1f tokens/s, mean width %.1f of %zu; loading took %.2f s more\n",
                   (double)p->n_tokens / split->seconds, p->mean_width, p->parallel,
                   s->seconds_load);
    for (size_t i = 0; i < 5; i++)
        sc_text_printf(out, "%-9s %8.3f s %6.1f %%\n", names[i], seconds[i],
                       100 * seconds[i] / split->seconds);
}

enum sc_status cli_bench_experiment(const struct cli_model_options *model,
                                    const struct bench_experiment *wanted, struct sc_text *out,
                                    struct sc_error *error)
{
    struct split split = {0};
    struct sc_run_observer observer = {
        .context = &split, .started = run_started, .keep_going = go_on};
    struct sc_policy policy = sc_policy_default();
    struct sc_run_options run = sc_run_options_default();
    const char *parent = getenv("TMPDIR");
    SC_TRY(cli_model_fetch(&(struct cli_fetch){.name = model->model, .yes = model->yes}, error));
    char *folder =
        sc_path_join(parent != NULL && *parent ? parent : "/tmp", "safeconf-bench-XXXXXX");
    if (folder == NULL)
        return sc_fail_nomem(error, "name of a folder");
    if (mkdtemp(folder) == NULL) {
        enum sc_status failed = sc_fail(error, SC_ERR_IO, "%s: cannot make the folder", folder);
        sc_free(folder);
        return failed;
    }
    policy.kind = SC_POLICY_FIXED;
    policy.max_traces = wanted->n_traces;
    run.policies = &policy;
    run.n_policies = 1;
    run.model = model->model;
    run.kernels = model->kernels;
    run.device = model->device;
    run.n_threads = model->threads;
    run.benchmark.n_instances = wanted->n_instances;
    run.max_new_tokens = wanted->new_tokens;
    run.parallel = wanted->parallel;
    run.no_sharing = wanted->no_sharing;
    run.chat_template = wanted->template.file;
    run.template_date = wanted->template.date;
    run.template_args = wanted->template.arguments.items;
    run.n_template_args = wanted->template.arguments.n;
    run.out = folder;
    enum sc_status status = cli_dtype(model->dtype, &run.dtype, error);
    double begin = sc_seconds();
    if (status == SC_OK)
        status = sc_run_execute(&run, &observer, &split.summary, error);
    split.seconds = sc_seconds() - begin - split.summary.seconds_load;
    if (status == SC_OK)
        add_result(out, wanted, &split);
    remove_folder(folder);
    sc_free(folder);
    return status;
}
