/* See run_fixture.h. */
#include "run_fixture.h"

#include <dirent.h>

void fixture_remove_folder(const char *folder)
{
    DIR *handle = opendir(folder);
    if (handle != NULL) {
        for (struct dirent *entry; (entry = readdir(handle));) {
            char path[600];
            snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
            if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
                unlink(path);
        }
        closedir(handle);
    }
    rmdir(folder);
}

int fixture_make(struct run_fixture *f, size_t n_instances)
{
    static const int32_t end_ids[] = {1, 2};
    memset(f, 0, sizeof *f);
    /* In memory where there is such a place: the tests write many small files. */
    snprintf(f->folder, sizeof f->folder, "%s/safeconf-test-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (mkdtemp(f->folder) == NULL || n_instances > FIXTURE_MOST_INSTANCES)
        return -1;
    static char name[] = "synthetic", source[] = "built in", category[] = "weapons, & <such>";
    f->benchmark = (struct sc_benchmark){.name = name,
                                         .source = source,
                                         .fingerprint = "0123456789abcdef",
                                         .instances = f->instances,
                                         .n_instances = n_instances};
    for (size_t i = 0; i < n_instances; i++) {
        snprintf(f->texts[i][0], sizeof f->texts[i][0], "synthetic_%zu", i);
        snprintf(f->texts[i][1], sizeof f->texts[i][1],
                 "Prompt %zu: <b>\"na\xc3\xafve\" & \xe2\x80\xae", i);
        f->instances[i] = (struct sc_instance){.id = f->texts[i][0],
                                               .prompt = f->texts[i][1],
                                               .label = i % 2 ? SC_LABEL_UNSAFE : SC_LABEL_SAFE,
                                               .category = category};
    }
    for (int i = 0; i < 3; i++)
        f->policies[i] = sc_policy_default();
    f->policies[0].kind = SC_POLICY_SINGLE;
    f->policies[1].kind = SC_POLICY_FIXED;
    f->policies[1].max_traces = 5;
    f->options = sc_run_options_default();
    f->options.policies = f->policies;
    f->options.n_policies = 3;
    f->options.primary = 2;
    f->options.out = f->folder;
    f->options.max_new_tokens = FIXTURE_MOST_TOKENS;
    f->source =
        (struct sc_source_info){.size = sizeof f->source,
                                .kind = SC_SOURCE_IN_PROCESS,
                                .name = "demo",
                                .fingerprint = "00112233445566778899aabbccddeeff",
                                .tokenizer = "0011223344556677",
                                .demo = true,
                                .dtype = "bf16",
                                .kernels = "portable",
                                .n_vocab = 512,
                                .sampling = {.temperature = 0.6, .top_p = 0.95, .top_k = 20},
                                .end_ids = end_ids,
                                .n_end_ids = 2};
    f->facts = (struct sc_config_facts){
        .source = &f->source, .benchmark = &f->benchmark, .detector = "patterns/1"};
    return fixture_configure(f);
}

int fixture_configure(struct run_fixture *f)
{
    sc_free(f->config);
    return sc_config_write(&f->options, &f->facts, &f->config, NULL);
}

void fixture_free(struct run_fixture *f)
{
    sc_free(f->config);
    fixture_remove_folder(f->folder);
}

void fixture_trace(struct fixture_trace *out, size_t position, uint32_t index)
{
    struct sc_random random = {SC_STREAM_STATISTICS, 7, 1000 * position + index, 0};
    static char detector[] = "patterns/1", refused_rule[] = "opening", other_rule[] = "none";
    memset(out, 0, sizeof *out);
    struct sc_run_trace *trace = &out->trace;
    bool refused = sc_random_next(&random) < (position % 2 ? 0.8 : 0.2);
    double level = 3.2 + 0.3 * sc_random_next(&random) + (refused ? 0.2 : 0);
    size_t n = 5 + sc_random_below(&random, FIXTURE_MOST_TOKENS - 5);
    float confidence[FIXTURE_MOST_TOKENS], logprob[FIXTURE_MOST_TOKENS];
    for (size_t t = 0; t < n; t++) {
        confidence[t] = (float)(level + 0.5 * sc_random_next(&random));
        logprob[t] = (float)(-2 * sc_random_next(&random));
        out->ids[t] = (int32_t)sc_random_below(&random, 512);
        out->stats[t] = (struct sc_token_stats){logprob[t], logprob[t] / 2, confidence[t],
                                                (float)(2 * sc_random_next(&random))};
    }
    snprintf(out->text, sizeof out->text,
             refused ? "I'm sorry, but I can't help with <that> (%zu/%u)."
                     : "Sure! Here's \"how\" & why (%zu/%u) \xf0\x9f\x99\x82.",
             position, index);
    size_t length = strlen(out->text); /* tokens of three bytes, the emoji in one */
    for (size_t t = 0; t < n; t++) {
        size_t end = t + 1 == n || 3 * (t + 1) > length ? length : 3 * (t + 1);
        while (((unsigned char)out->text[end] & 0xc0) == 0x80)
            end--;
        out->text_ends[t] = (uint32_t)end;
    }
    *trace = (struct sc_run_trace){.index = index,
                                   .text = out->text,
                                   .answer = out->text,
                                   .n_tokens_known = true,
                                   .n_tokens = n,
                                   .figures = SC_ALL_FIGURES,
                                   .ids = out->ids,
                                   .stats = out->stats,
                                   .text_ends = out->text_ends,
                                   .finish = index % 4 ? SC_FINISH_STOP : SC_FINISH_LENGTH,
                                   .verdict = refused ? SC_REFUSAL : SC_COMPLIANCE,
                                   .detector = detector,
                                   .rule = refused ? refused_rule : other_rule,
                                   .end = refused ? 9 : 0,
                                   .harm = SC_UNJUDGED};
    sc_trace_metrics(confidence, logprob, n, 32, trace->metrics);
    memcpy(trace->answer_metrics, trace->metrics, sizeof trace->metrics);
    for (int m = 0; m < SC_N_METRICS; m++)
        trace->reasoning_metrics[m] = NAN;
}

static enum sc_status put_answer(struct sc_store *store, size_t i, uint32_t t, const char *answer)
{
    static char rules[] = "patterns/1", rule[] = "made-up";
    struct fixture_trace made;
    fixture_trace(&made, i, t);
    snprintf(made.text, sizeof made.text, "%s", answer);
    made.trace.begin = made.trace.end = 0;
    made.trace.detector = rules;
    made.trace.rule = rule;
    made.trace.verdict = SC_COMPLIANCE;
    return sc_store_put_trace(store, i, &(struct sc_store_trace){&made.trace, "none", NULL, 0},
                              NULL);
}

int fixture_make_answers(struct run_fixture *f, size_t n_instances, const char *const *answers,
                         uint32_t n_traces)
{
    struct sc_store *store = NULL;
    bool resumed;
    if (fixture_make(f, n_instances) != 0 ||
        sc_store_open(&store, f->folder,
                      &(struct sc_store_run){f->config, f->instances, n_instances, NULL}, &resumed,
                      NULL) != SC_OK)
        return -1;
    enum sc_status status = SC_OK;
    for (size_t i = 0; i < n_instances; i++)
        for (uint32_t t = 0; status == SC_OK && t < n_traces; t++)
            status = put_answer(store, i, t, answers[t]);
    sc_store_close(store);
    return status == SC_OK ? 0 : -1;
}

enum sc_status fixture_write(struct run_fixture *f, bool with_failures, struct sc_error *error)
{
    static char why[] = "not a finite number: logits at token 3";
    struct sc_store *store = NULL;
    bool resumed;
    enum sc_status status = sc_store_open(
        &store, f->folder,
        &(struct sc_store_run){f->config, f->instances, f->benchmark.n_instances, NULL}, &resumed,
        error);
    for (size_t i = 0; status == SC_OK && i < f->benchmark.n_instances; i++) {
        struct sc_policy_trace seen[16];
        bool decided[3] = {false};
        for (uint32_t t = 0; status == SC_OK && t < 10; t++) {
            struct fixture_trace made;
            struct sc_store_decision decisions[3];
            size_t n_decisions = 0;
            fixture_trace(&made, i, t);
            if (with_failures && t == 1 && i % 10 == 0) {
                made.trace.finish = SC_FINISH_FAILED;
                made.trace.failure = why;
                made.trace.verdict = SC_UNPARSED;
                made.trace.end = 0;
                for (int m = 0; m < SC_N_METRICS; m++)
                    made.trace.metrics[m] = made.trace.answer_metrics[m] = NAN;
            }
            seen[t] = (struct sc_policy_trace){.confidence = made.trace.metrics[SC_METRIC_MEAN],
                                               .verdict = made.trace.verdict,
                                               .failed = made.trace.failure != NULL};
            for (size_t p = 0; p < 3; p++) {
                struct sc_policy_decision last;
                size_t used = sc_policy_replay(&f->policies[p], seen, t + 1, &last);
                if (last.stop && !decided[p]) {
                    decided[p] = true;
                    decisions[n_decisions++] =
                        (struct sc_store_decision){.policy = p,
                                                   .n_traces = used,
                                                   .stop_reason = last.stop_reason,
                                                   .bar = last.bar};
                }
            }
            status = sc_store_put_trace(
                store, i, &(struct sc_store_trace){&made.trace, "none", decisions, n_decisions},
                error);
            if (decided[0] && decided[1] && decided[2])
                break;
        }
    }
    sc_store_close(store);
    return status;
}
