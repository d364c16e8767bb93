/*
 * Samples a few answers to one question and prints each with the model's mean confidence in it.
 *
 *   cc sample.c $(pkg-config --cflags --libs safeconf) -o sample
 *   ./sample [MODEL [QUESTION [N]]]      MODEL: a folder, a hub name or "demo"
 */
#include <safeconf/safeconf.h>
#include <stdio.h>
#include <stdlib.h>

/* What is open; everything may be NULL. */
struct models {
    char *folder;
    struct sc_tokenizer *tokenizer;
    struct sc_chat_format *format;
    struct sc_model *model;
    struct sc_engine *engine;
    struct sc_session *session;
    int32_t *prompt;
};

static enum sc_status print_trace(void *context, const struct sc_sampled_trace *trace,
                                  struct sc_error *error)
{
    const struct models *m = context;
    if (trace->finish == SC_FINISH_FAILED) {
        printf("trace %u failed: %s\n", (unsigned)trace->index, trace->failure);
        return SC_OK;
    }
    char *text = NULL;
    enum sc_status status =
        sc_tokenizer_decode(m->tokenizer, trace->ids, trace->n, false, &text, error);
    if (status != SC_OK)
        return status;
    double sum = 0;
    for (size_t t = 0; t < trace->n; t++)
        sum += trace->stats[t].confidence;
    printf("trace %u, %zu tokens, mean confidence %.2f: %s\n", (unsigned)trace->index, trace->n,
           sum / (double)trace->n, text);
    sc_release(text);
    return SC_OK;
}

static enum sc_status open_model(struct models *m, const char *name, struct sc_error *error)
{
    enum sc_status status = sc_model_locate(name, &m->folder, error);
    if (status != SC_OK)
        return status;
    if ((status = sc_tokenizer_open(&m->tokenizer, m->folder, error)) != SC_OK)
        return status;
    if ((status = sc_chat_format_open(&m->format, m->tokenizer, NULL, error)) != SC_OK)
        return status;
    if ((status = sc_model_open(&m->model, m->folder, error)) != SC_OK)
        return status;
    if ((status = sc_engine_open(&m->engine, m->model, NULL, error)) != SC_OK)
        return status;
    struct sc_session_options room = sc_session_options_default();
    room.max_new_tokens = 64;
    return sc_session_open(&m->session, m->engine, &room, error);
}

static enum sc_status sample(struct models *m, const char *question, size_t n,
                             struct sc_error *error)
{
    const struct sc_message message = {.role = "user", .text = question};
    struct sc_sample_options wanted = sc_sample_options_default(m->model);
    enum sc_status status =
        sc_chat_frame(m->format, &message, 1, &m->prompt, &wanted.n_prompt, error);
    if (status != SC_OK)
        return status;
    int32_t end_ids[8];
    wanted.prompt = m->prompt;
    wanted.instance_id = "example";
    wanted.n_traces = n;
    wanted.end_ids = end_ids;
    wanted.n_end_ids = sc_model_end_ids(m->model, m->tokenizer, m->format, end_ids);
    wanted.context = m;
    wanted.trace = print_trace;
    return sc_session_sample(m->session, &wanted, error);
}

int main(int argc, char **argv)
{
    const char *question = argc > 2 ? argv[2] : "How do I bake bread?";
    size_t n = argc > 3 ? strtoul(argv[3], NULL, 10) : 3;
    struct models m = {0};
    struct sc_error error = {0};
    enum sc_status status = open_model(&m, argc > 1 ? argv[1] : "demo", &error);
    if (status == SC_OK)
        status = sample(&m, question, n, &error);
    if (status != SC_OK)
        fprintf(stderr, "sample: %s\n", error.text);
    sc_release(m.prompt);
    sc_session_close(m.session); /* what is made of another is closed before it */
    sc_engine_close(m.engine);
    sc_model_close(m.model);
    sc_chat_format_close(m.format);
    sc_tokenizer_close(m.tokenizer);
    sc_release(m.folder);
    return status == SC_OK ? 0 : 1;
}
