/* Any bytes as the body of a request to our own server: refused in words, or a request within its
 * limits, which is written as an answer of made-up tokens that parses as JSON. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "model/tokenizer/tokenizer.h"
#include "serving/answer.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sc_serving_model model;

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static void finish(void)
{
    sc_serving_model_forget(&model);
    sc_opened_close(&model.opened);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    model = (struct sc_serving_model){.chat = sc_chat_options_default(),
                                      .name = "demo",
                                      .path = "demo",
                                      .max_prompt = 256,
                                      .max_new = 64,
                                      .max_top = 4,
                                      .lock = PTHREAD_MUTEX_INITIALIZER};
    expect(sc_opened_read(&model.opened, "demo", NULL) == SC_OK);
    expect(sc_opened_frame(&model.opened, &model.chat, NULL) == SC_OK);
    atexit(finish);
    return 0;
}

static void check_request(const struct sc_serving_request *r)
{
    expect(r->n >= 1 && r->n <= SC_SERVING_MOST_CHOICES);
    expect(r->n_stops <= SC_SERVING_MOST_STOPS && r->n_stop_ids <= SC_SERVING_MOST_STOP_IDS);
    expect(r->chat ? r->messages.n >= 1 : r->n_prompts >= 1);
    expect(r->chat || r->n * r->n_prompts <= SC_SERVING_MOST_CHOICES);
    expect(r->lists || r->n_top == 0 || !r->chat);
}

/* Tokens that follow from the input, given to every choice until it has ended. */
static void sample(struct sc_serving_job *job, const uint8_t *data, size_t size)
{
    int32_t ids[32], top_ids[32 * 4];
    struct sc_token_stats stats[32];
    float top_logprobs[32 * 4];
    const size_t n_top = job->rules.n_top;
    for (size_t i = 0; i < 32; i++) {
        ids[i] = (int32_t)((data[i % size] * 7 + i * data[0]) % model.opened.n_vocab);
        stats[i] = (struct sc_token_stats){-1, -1, 5, i % 5 == 0 ? NAN : 1};
        for (size_t t = 0; t < n_top; t++) {
            top_ids[i * n_top + t] = (int32_t)((size_t)ids[i] + t) % (int32_t)model.opened.n_vocab;
            top_logprobs[i * n_top + t] = -(float)t;
        }
    }
    const struct sc_trace_request request = {.n_top = n_top};
    for (size_t c = 0; c < job->n_choices; c++) {
        struct sc_serving_choice *choice = &job->choices[c];
        for (size_t n = 1; n <= 1 + size % 32 && !choice->has_ended; n++) {
            const struct sc_trace_result so_far = {.request = &request,
                                                   .ids = ids,
                                                   .stats = stats,
                                                   .n = n,
                                                   .top_ids = top_ids,
                                                   .top_logprobs = top_logprobs};
            size_t before = sc_serving_choice_ready(choice, &job->rules);
            sc_serving_choice_add(choice, &job->rules, &so_far);
            expect(sc_serving_choice_ready(choice, &job->rules) >= before);
            job->n_sampled++;
        }
        sc_serving_choice_end(choice, SC_FINISH_LENGTH, NULL);
    }
    job->has_ended = true;
}

static void check_answer(const struct sc_serving_job *job)
{
    const struct sc_serving_signature signature = {"demo", "safeconf"};
    struct sc_text text = {0};
    json_t *root = NULL;
    if (job->scores == NULL) { /* nothing was scored here */
        struct sc_serving_writing writing = {0};
        while (!writing.has_ended)
            sc_serving_answer_part(&writing, job, &signature, &text);
        expect(!text.failed && sc_json_parse(text.data, text.len, "answer", &root, NULL) == SC_OK);
        expect(json_array_size(json_object_get(root, "choices")) == job->n_choices);
        for (size_t i = 0; job->request.n_stops > 0 && i < job->n_choices; i++) {
            const json_t *choice = json_array_get(json_object_get(root, "choices"), i);
            const char *said = json_string_value(json_object_get(choice, "text"));
            for (size_t s = 0; said != NULL && !job->request.echo && s < job->request.n_stops; s++)
                expect(strstr(said, job->request.stops[s]) == NULL ||
                       strstr(job->request.stops[s], "\xef\xbf\xbd") != NULL);
        }
    }
    json_decref(root);
    sc_text_free(&text);
}

static void serve(struct sc_serving_request *request, const uint8_t *data, size_t size)
{
    struct sc_serving_encoding encoding = {0};
    struct sc_serving_prompts book = {0};
    struct sc_serving_job *job = NULL;
    char field[64];
    if (sc_serving_model_resolve(&model, request, field, NULL) == SC_OK &&
        sc_serving_job_encode(&model, request, &encoding, field, NULL) == SC_OK) {
        expect(sc_serving_job_new(&job, &model, request, &encoding, &book, NULL) == SC_OK);
        if (job->most_new > 0)
            sample(job, data, size);
        check_answer(job);
    }
    sc_serving_job_leave(job);
    sc_serving_encoding_free(&encoding);
    sc_serving_prompts_free(&book);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    char *body = malloc(size - 1), field[64]; /* its end is the sanitizer's business */
    if (body == NULL)
        return 0;
    memcpy(body, data + 1, size - 1);
    struct sc_serving_request request;
    struct sc_error error = {0};
    if (sc_serving_request_read(&request, data[0] & 1, body, size - 1, field, &error) == SC_OK) {
        check_request(&request);
        serve(&request, data, size);
    } else {
        expect(error.text[0] != '\0' && strlen(field) < sizeof field);
    }
    sc_serving_request_free(&request);
    free(body);
    return 0;
}
