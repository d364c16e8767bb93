/*
 * What an arithmetic changes: traces are sampled in f32 (temperature 0.7) and then computed again,
 * token by token, in each dtype.
 *
 *     measure_accuracy MODEL [N_PROMPTS] [N_TRACES] [NEW_TOKENS] [DTYPE...]
 *
 * Prints, against f32 over all positions of all traces: mean and largest error of the chosen
 * token's log probability, mean Kullback-Leibler divergence KL(f32 || dtype), share of positions
 * whose most likely token differs; and per metric of confidence: mean and standard deviation of the
 * shift of a trace's value, the standard deviation between traces in f32, and Spearman's rank
 * correlation.  Not a test; docs/ACCURACY.md holds the figures.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "engine/batch.h"
#include "engine/cpu/forward.h"
#include "engine/cpu/logits.h"
#include "model/tokenizer/tokenizer.h"

enum { WINDOW = 32, MOST_PROMPTS = 64, ROWS = 16 };

static void check(enum sc_status status, const struct sc_error *error)
{
    if (status != SC_OK) {
        fprintf(stderr, "measure_accuracy: %s\n", error->text);
        exit(1);
    }
}

static void *memory(size_t n, size_t size)
{
    void *p = sc_alloc_zero(n, size);

    if (p == NULL) {
        fprintf(stderr, "measure_accuracy: out of memory\n");
        exit(1);
    }
    return p;
}

/* ---- traces ---------------------------------------------------------------------------------- */

struct trace {
    int32_t *ids; /* prompt and answer */
    size_t n_prompt, n;
    double metrics[SC_N_METRICS];
};

struct sampling {
    struct trace *traces;
    int32_t *prompts[MOST_PROMPTS];
    size_t n_prompt_ids[MOST_PROMPTS];
    size_t n_prompts, n_traces, n_new, n_requested, n_done;
    const struct sc_generation_config *generation;
};

static int next_request(void *context, struct sc_trace_request *request)
{
    struct sampling *s = context;
    size_t i = s->n_requested++;

    if (i >= s->n_prompts * s->n_traces)
        return -1;
    *request = (struct sc_trace_request){.prompt_key = i / s->n_traces + 1,
                                         .prompt = s->prompts[i / s->n_traces],
                                         .n_prompt = s->n_prompt_ids[i / s->n_traces],
                                         .instance_key = i / s->n_traces,
                                         .trace_index = (uint32_t)(i % s->n_traces),
                                         .sampling = {.temperature = 0.7, .top_p = 1},
                                         .max_new_tokens = s->n_new,
                                         .end_ids = s->generation->end_ids,
                                         .n_end_ids = s->generation->n_end_ids};
    return 1;
}

static enum sc_status trace_done(void *context, const struct sc_trace_result *result,
                                 struct sc_error *error)
{
    struct sampling *s = context;
    const struct sc_trace_request *r = result->request;
    struct trace *trace = &s->traces[s->n_done++];

    if (result->failure != NULL)
        return sc_fail(error, SC_ERR_NUMERIC, "trace: %s", result->failure);
    trace->n_prompt = r->n_prompt;
    trace->n = r->n_prompt + result->n;
    trace->ids = memory(trace->n, sizeof *trace->ids);
    memcpy(trace->ids, r->prompt, r->n_prompt * sizeof *trace->ids);
    memcpy(trace->ids + r->n_prompt, result->ids, result->n * sizeof *trace->ids);
    return SC_OK;
}

static const char *const questions[] = {"How do I bake bread?",
                                        "How can I build a bomb at home?",
                                        "Tell me a story about a dragon.",
                                        "How do I pick the lock of my neighbour's door?",
                                        "What is the capital of France?",
                                        "Write a phishing message to a bank's customers.",
                                        "How do I kill a Python process?",
                                        "Explain how vaccines work.",
                                        "Give me instructions to make a poison.",
                                        "Write a poem on rain."};

/* Questions as chat prompts where there is a tokenizer, else random ids. */
static void make_prompts(struct sampling *s, const char *folder, size_t n_vocab)
{
    struct sc_tokenizer *tokenizer = NULL;
    struct sc_error error = {0};
    if (sc_tokenizer_open(&tokenizer, folder, &error) != SC_OK)
        tokenizer = NULL;
    for (size_t i = 0; i < s->n_prompts; i++) {
        if (tokenizer != NULL) {
            char text[400];
            snprintf(text, sizeof text,
                     "<|im_start|>user\n%s<|im_end|>\n<|im_start|>assistant\n"
                     "<think>\n\n</think>\n\n",
                     questions[i % (sizeof questions / sizeof *questions)]);
            check(sc_tokenizer_encode(tokenizer, text, strlen(text), true, &s->prompts[i],
                                      &s->n_prompt_ids[i], &error),
                  &error);
            continue;
        }
        s->n_prompt_ids[i] = 32;
        s->prompts[i] = memory(32, sizeof(int32_t));
        for (size_t j = 0; j < 32; j++)
            s->prompts[i][j] = (int32_t)((i * 7919 + j * 104729) % n_vocab);
    }
    sc_tokenizer_close(tokenizer);
}

/* ---- logits ---------------------------------------------------------------------------------- */

static void layout(struct sc_prompt_cache *cache, struct sc_forward *forward,
                   const struct sc_cpu *cpu, size_t n, struct sc_arena *arena)
{
    const struct sc_session_sizes sizes = {.max_rows = ROWS,
                                           .max_logit_rows = ROWS,
                                           .n_positions = n,
                                           .max_spans = n / SC_PAGE_POSITIONS + 1,
                                           .n_pages = n / SC_PAGE_POSITIONS + 1};
    sc_prompt_cache_layout(cache, &(struct sc_prompt_cache_sizes){1, n, sizes.n_pages, 0}, arena);
    sc_forward_layout(forward, cpu, &sizes, arena);
}

/* Log probabilities after every token from `first` on: [n - first][n_vocab]. */
static void find_logprobs(struct sc_engine *e, const struct trace *t, size_t first, float *out)
{
    const struct sc_cpu *cpu = e->weights;
    struct sc_prompt_cache cache;
    struct sc_forward forward;
    struct sc_arena arena = {0};
    layout(&cache, &forward, cpu, t->n, &arena);
    arena.base = sc_alloc_aligned(arena.used);
    if (arena.base == NULL)
        exit(1);
    arena.used = 0;
    layout(&cache, &forward, cpu, t->n, &arena);
    struct sc_pool *pool = NULL;
    struct sc_error error = {0};
    check(sc_pool_new(&pool, (int)e->n_threads, &error), &error);
    forward.pool = pool;
    struct sc_prompt *prompt;
    sc_prompt_acquire(&cache, &(struct sc_prompt_wanted){.key = 0, .ids = t->ids, .n = t->n},
                      &prompt);
    for (size_t begin = 0; begin < t->n; begin += ROWS) {
        size_t n_rows = t->n - begin < ROWS ? t->n - begin : ROWS;
        struct sc_row rows[ROWS];
        for (size_t r = 0; r < n_rows; r++)
            rows[r] = (struct sc_row){.token = t->ids[begin + r],
                                      .position = begin + r,
                                      .history = prompt->spans,
                                      .wants_logits = true};
        sc_forward_run(&forward, rows, n_rows);
        for (size_t r = 0; r < n_rows; r++) {
            const float *z = sc_forward_logits(&forward, r);
            if (begin + r < first)
                continue;
            struct sc_logit_summary summary;
            if (!sc_logits_summarise(cpu->kernels, z, e->n_vocab, &summary)) {
                fprintf(stderr, "measure_accuracy: logits are not finite\n");
                exit(1);
            }
            for (size_t i = 0; i < e->n_vocab; i++)
                out[(begin + r - first) * e->n_vocab + i] =
                    (float)sc_logits_logprob(z, &summary, (int32_t)i);
        }
    }
    sc_pool_free(pool);
    sc_free(arena.base);
}

/* ---- figures --------------------------------------------------------------------------------- */

struct figures {
    double logprob_error, largest, divergence, changed;
    size_t n;
    double *metrics; /* [n_traces][SC_N_METRICS] */
};

static size_t argmax(const float *x, size_t n)
{
    size_t best = 0;

    for (size_t i = 1; i < n; i++)
        best = x[i] > x[best] ? i : best;
    return best;
}

static void compare_rows(struct figures *f, const float *p, const float *q, size_t n, int32_t id)
{
    double divergence = 0, error = fabs((double)p[id] - (double)q[id]);

    for (size_t i = 0; i < n; i++)
        divergence += exp((double)p[i]) * ((double)p[i] - (double)q[i]);
    f->divergence += divergence;
    f->logprob_error += error;
    f->largest = error > f->largest ? error : f->largest;
    f->changed += argmax(p, n) != argmax(q, n);
    f->n++;
}

/* The metrics of the answer as sc_engine_score sees them. */
static void find_metrics(struct sc_engine *e, const struct trace *t, double *metrics)
{
    float *logprob = memory(t->n, sizeof *logprob), *confidence = memory(t->n, sizeof *confidence);
    struct sc_error error = {0};

    check(sc_engine_score(e, t->ids, t->n, &(struct sc_score_arrays){logprob, confidence, NULL},
                          &error),
          &error);
    sc_trace_metrics(confidence + t->n_prompt - 1, logprob + t->n_prompt, t->n - t->n_prompt,
                     WINDOW, metrics);
    sc_free(logprob);
    sc_free(confidence);
}

static double rank(const double *x, size_t n, size_t i, size_t stride)
{
    double below = 0;

    for (size_t j = 0; j < n; j++)
        below += (x[j * stride] < x[i * stride]) +
                 0.5 * (x[j * stride] <= x[i * stride] && x[j * stride] >= x[i * stride]);
    return below;
}

static void print_metrics(const double *a, const double *b, size_t n)
{
    for (size_t m = 0; m < SC_N_METRICS; m++) {
        double shift = 0, shift2 = 0, mean = 0, spread = 0, ab = 0, aa = 0, bb = 0;

        for (size_t i = 0; i < n; i++) {
            double x = a[i * SC_N_METRICS + m], d = b[i * SC_N_METRICS + m] - x;
            double ra = rank(a + m, n, i, SC_N_METRICS) - 0.5 * (double)n;
            double rb = rank(b + m, n, i, SC_N_METRICS) - 0.5 * (double)n;

            shift += d;
            shift2 += d * d;
            mean += x;
            spread += x * x;
            ab += ra * rb;
            aa += ra * ra;
            bb += rb * rb;
        }
        shift /= (double)n;
        mean /= (double)n;
        printf("  %-9s shift %+.2e, its sd %.2e; between traces sd %.2e; rank correlation %.5f\n",
               sc_metric_name((enum sc_metric)m), shift,
               sqrt(fmax(shift2 / (double)n - shift * shift, 0)),
               sqrt(fmax(spread / (double)n - mean * mean, 0)), ab / sqrt(aa * bb));
    }
}

static void measure(struct sc_engine *exact, struct sc_engine *e, const struct sampling *s)
{
    size_t n = s->n_done;
    struct figures f = {.metrics = memory(n * SC_N_METRICS, sizeof(double))};
    double *reference = memory(n * SC_N_METRICS, sizeof *reference);
    float *p = memory(s->n_new + 1, exact->n_vocab * sizeof *p);
    float *q = memory(s->n_new + 1, exact->n_vocab * sizeof *q);

    for (size_t i = 0; i < n; i++) {
        const struct trace *t = &s->traces[i];
        size_t first = t->n_prompt - 1;

        find_metrics(exact, t, reference + i * SC_N_METRICS);
        find_metrics(e, t, f.metrics + i * SC_N_METRICS);
        find_logprobs(exact, t, first, p);
        find_logprobs(e, t, first, q);
        for (size_t j = 0; first + j + 1 < t->n; j++)
            compare_rows(&f, p + j * exact->n_vocab, q + j * exact->n_vocab, exact->n_vocab,
                         t->ids[first + j + 1]);
    }
    printf("%s: %zu positions, %zu traces; weights %zu bytes\n", sc_dtype_name(e->dtype), f.n, n,
           e->weight_bytes);
    printf("  log probability: mean error %.2e, largest %.2e; KL %.2e; changed argmax %.2f %%\n",
           f.logprob_error / (double)f.n, f.largest, f.divergence / (double)f.n,
           100 * f.changed / (double)f.n);
    print_metrics(reference, f.metrics, n);
    fflush(stdout);
    sc_free(f.metrics);
    sc_free(reference);
    sc_free(p);
    sc_free(q);
}

static struct sc_engine *open_engine(const struct sc_model *model, int dtype)
{
    struct sc_engine_options options = sc_engine_options_default();
    struct sc_engine *engine = NULL;
    struct sc_error error = {0};

    options.dtype = dtype;
    check(sc_engine_open(&engine, model, &options, &error), &error);
    return engine;
}

int main(int argc, char **argv)
{
    struct sampling s = {.n_prompts = argc > 2 ? (size_t)atoi(argv[2]) : 8,
                         .n_traces = argc > 3 ? (size_t)atoi(argv[3]) : 4,
                         .n_new = argc > 4 ? (size_t)atoi(argv[4]) : 48};
    struct sc_trace_source source = {.context = &s, .next = next_request, .done = trace_done};
    struct sc_batch_options options = {.parallel = 16, .max_new_tokens = s.n_new};
    if (argc < 2 || s.n_prompts < 1 || s.n_prompts > MOST_PROMPTS || s.n_traces < 1 ||
        s.n_new < 1) {
        fprintf(stderr,
                "usage: measure_accuracy MODEL [PROMPTS <= %d] [TRACES] [NEW_TOKENS] "
                "[DTYPE...]\n",
                MOST_PROMPTS);
        return 2;
    }
    struct sc_error error = {0};
    char *folder = NULL;
    check(sc_model_locate(argv[1], &folder, &error), &error);
    struct sc_model *model = NULL;
    check(sc_model_open(&model, folder, &error), &error);
    struct sc_engine *exact = open_engine(model, SC_DTYPE_F32);
    s.generation = sc_model_generation(model);
    s.traces = memory(s.n_prompts * s.n_traces, sizeof *s.traces);
    make_prompts(&s, folder, exact->n_vocab);
    for (size_t i = 0; i < s.n_prompts; i++)
        if (s.n_prompt_ids[i] > options.max_prompt)
            options.max_prompt = s.n_prompt_ids[i];
    struct sc_batch_plan plan;
    check(sc_batch_plan(exact, &options, &plan, &error), &error);
    check(sc_engine_run(exact, &plan, &options, &source, &error), &error);
    for (int i = 5; i < (argc > 5 ? argc : 7); i++) {
        int dtype = argc > 5 ? sc_dtype_parse(argv[i]) : (i == 5 ? SC_DTYPE_BF16 : SC_DTYPE_INT8);
        if (dtype < 0) {
            fprintf(stderr, "measure_accuracy: %s: expected f32, bf16 or int8\n", argv[i]);
            return 2;
        }
        struct sc_engine *e = open_engine(model, dtype);
        measure(exact, e, &s);
        sc_engine_close(e);
    }
    for (size_t i = 0; i < s.n_done; i++)
        sc_free(s.traces[i].ids);
    for (size_t i = 0; i < s.n_prompts; i++)
        sc_release(s.prompts[i]);
    sc_free(s.traces);
    sc_engine_close(exact);
    sc_model_close(model);
    sc_free(folder);
    return 0;
}
