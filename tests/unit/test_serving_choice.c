/* Answers of our own server while they are sampled: stops across tokens, characters across tokens,
 * reasoning, and that a stream says what a whole answer says, however it is taken. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/memory.h"
#include "model/tokenizer/tokenizer.h"
#include "serving/stream.h"

static struct sc_tokenizer *tokenizer;

static int open_demo(void **state)
{
    (void)state;
    return sc_tokenizer_open(&tokenizer, TEST_MODELS "/demo", NULL) == SC_OK ? 0 : -1;
}

static int close_demo(void **state)
{
    (void)state;
    sc_tokenizer_close(tokenizer);
    return 0;
}

/* A job of one choice whose tokens are those of a text. */
struct made {
    struct sc_serving_job job;
    struct sc_serving_choice choice;
    struct sc_serving_prompt prompt, *prompts[1];
    int32_t *ids;
    struct sc_token_stats *stats;
    size_t n, n_added;
};

static void make(struct made *m, const char *text, const char *const *stops, size_t n_stops)
{
    *m = (struct made){0};
    m->choice.stop = -1;
    m->choice.job = &m->job;
    m->choice.reasoning = SC_REASONING_OVER;
    m->prompts[0] = &m->prompt;
    m->job.request = (struct sc_serving_request){.chat = true, .n = 1, .lists = true};
    for (; m->job.request.n_stops < n_stops; m->job.request.n_stops++)
        m->job.request.stops[m->job.request.n_stops] = sc_strdup(stops[m->job.request.n_stops]);
    m->job.rules = (struct sc_serving_rules){
        .tokenizer = tokenizer, .request = &m->job.request, .opens = -1, .closes = -1};
    m->job.choices = &m->choice;
    m->job.n_choices = 1;
    m->job.prompts = m->prompts;
    m->job.n_prompts = 1;
    assert_int_equal(sc_tokenizer_encode(tokenizer, text, strlen(text), true, &m->ids, &m->n, NULL),
                     SC_OK);
    m->stats = calloc(m->n, sizeof *m->stats);
    assert_non_null(m->stats);
}

static void drop(struct made *m)
{
    for (size_t i = 0; i < m->job.request.n_stops; i++)
        sc_free(m->job.request.stops[i]);
    sc_serving_choice_free(&m->choice);
    sc_free(m->ids);
    free(m->stats);
}

/* Gives it the next token; at the end the end. */
static bool advance(struct made *m)
{
    const struct sc_trace_request request = {0};
    if (m->choice.has_ended)
        return false;
    if (m->n_added == m->n) {
        sc_serving_choice_end(&m->choice, SC_FINISH_STOP, NULL);
        return false;
    }
    const struct sc_trace_result so_far = {
        .request = &request, .ids = m->ids, .stats = m->stats, .n = ++m->n_added};
    sc_serving_choice_add(&m->choice, &m->job.rules, &so_far);
    m->job.n_sampled++;
    return true;
}

static char *whole_text(struct made *m, enum sc_serving_part part)
{
    struct sc_text text = {0};
    while (advance(m))
        ;
    sc_serving_choice_say(&m->choice, part, 0, m->choice.n_shown, &text);
    return sc_text_take(&text);
}

/* What the events of a stream say, taken after every token and some bytes at a time. */
static char *streamed_text(struct made *m, size_t most)
{
    const struct sc_serving_signature signature = {"demo", "none"};
    struct sc_serving_stream stream = {0};
    struct sc_text events = {0}, said = {0};
    char piece[512];
    size_t n = 0, n_listed = 0;
    enum sc_serving_next next = SC_SERVING_LATER;
    sc_text_puts(&said, "");
    for (bool more = true; next != SC_SERVING_OVER;) {
        more = more && advance(m);
        m->job.has_ended = m->choice.has_ended;
        while ((next = sc_serving_stream_next(&stream, &m->job, &signature, piece, most, &n)) ==
               SC_SERVING_BYTES)
            sc_text_add(&events, piece, n);
        assert_int_not_equal(next, SC_SERVING_BROKEN);
    }
    for (char *line = strtok(events.data, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        json_t *root = NULL;
        assert_memory_equal(line, "data: ", 6);
        if (strcmp(line + 6, "[DONE]") == 0)
            break;
        assert_int_equal(sc_json_parse(line + 6, strlen(line + 6), "event", &root, NULL), SC_OK);
        const json_t *choice = json_array_get(json_object_get(root, "choices"), 0);
        const json_t *delta = json_object_get(choice, "delta");
        const char *content = json_string_value(json_object_get(delta, "content"));
        sc_text_puts(&said, content != NULL ? content : "");
        n_listed +=
            json_array_size(json_object_get(json_object_get(choice, "logprobs"), "content"));
        json_decref(root);
    }
    assert_int_equal(n_listed, m->choice.n_shown);
    sc_serving_stream_free(&stream);
    sc_text_free(&events);
    return sc_text_take(&said);
}

/* The text up to the first stop, by another way. */
static size_t cut_of(const char *text, const char *const *stops, size_t n)
{
    size_t cut = strlen(text);
    for (size_t i = 0; i < n; i++) {
        const char *found = strstr(text, stops[i]);
        cut = found != NULL && (size_t)(found - text) < cut ? (size_t)(found - text) : cut;
    }
    return cut;
}

static void check_cut(const char *text, const char *const *stops, size_t n_stops)
{
    size_t cut = cut_of(text, stops, n_stops);
    struct made m;
    make(&m, text, stops, n_stops);
    char *said = whole_text(&m, SC_SERVING_ANSWER);
    assert_int_equal(strlen(said), cut);
    assert_memory_equal(said, text, cut);
    assert_int_equal(m.choice.stop >= 0, cut < strlen(text));
    /* The last token that is shown begins before the cut, and the next one does not. */
    size_t n = m.choice.n_shown;
    assert_true(n == 0 || (n > 1 ? m.choice.tokens[n - 2].end : 0) < cut || cut == strlen(text));
    assert_true(n == m.choice.n || (n > 0 ? m.choice.tokens[n - 1].end : 0) >= cut);
    for (size_t most = 1; most <= 500; most += 71) {
        struct made again;
        make(&again, text, stops, n_stops);
        char *streamed = streamed_text(&again, most);
        assert_string_equal(streamed, said);
        sc_free(streamed);
        drop(&again);
    }
    sc_free(said);
    drop(&m);
}

static void stops_cut_across_tokens(void **state)
{
    (void)state;
    const char *text = "Mix flour, water and salt. Knead it, let it rise, and bake it.\n\nEnjoy!";
    for (size_t begin = 0; begin < strlen(text); begin++)
        for (size_t length = 1; length <= 12 && begin + length <= strlen(text); length += 2) {
            char stop[16] = "";
            memcpy(stop, text + begin, length);
            const char *const stops[] = {"never", stop};
            check_cut(text, stops, 2);
        }
    check_cut(text, NULL, 0);
    const char *const begun[] = {"salt. Kneel", "rise!"};
    check_cut(text, begun, 2);
}

static void characters_are_shown_whole(void **state)
{
    (void)state;
    const char *text = "Gr\xc3\xbc\xc3\x9f Gott \xe2\x80\x93 \xe4\xb8\xad\xe6\x96\x87 "
                       "\xf0\x9f\x8d\x9e\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x8d\xb3 ok";
    check_cut(text, NULL, 0);
    const char *const stops[] = {"\xe6\x96\x87", "\x8d\x9e"};
    check_cut(text, stops, 1);
    /* Characters that never end are replaced, in a stream as well. */
    struct made m, again;
    make(&m, text, NULL, 0);
    make(&again, text, NULL, 0);
    for (size_t n = 1; n < m.n; n++) {
        m.n = again.n = n;
        m.n_added = again.n_added = 0;
        sc_serving_choice_free(&m.choice);
        sc_serving_choice_free(&again.choice);
        m.choice.stop = again.choice.stop = -1;
        m.choice.reasoning = again.choice.reasoning = SC_REASONING_OVER;
        char *said = whole_text(&m, SC_SERVING_ANSWER), *streamed = streamed_text(&again, 100);
        char *decoded = NULL;
        assert_int_equal(sc_tokenizer_decode(tokenizer, m.ids, n, false, &decoded, NULL), SC_OK);
        assert_string_equal(said, decoded);
        assert_string_equal(said, streamed);
        sc_free(said);
        sc_free(streamed);
        sc_free(decoded);
    }
    drop(&m);
    drop(&again);
}

static void a_reasoning_is_apart(void **state)
{
    (void)state;
    const int32_t opens = sc_tokenizer_id(tokenizer, "<think>");
    const int32_t closes = sc_tokenizer_id(tokenizer, "</think>");
    assert_true(opens >= 0 && closes >= 0);
    static const struct {
        enum sc_reasoning_state begins;
        const char *text, *reasoning, *answer;
    } cases[] = {
        {SC_REASONING_AHEAD, "<think>Hm, so.</think>Yes.", "Hm, so.", "Yes."},
        {SC_REASONING_AHEAD, "\n<think>Hm", "Hm", "\n"},
        {SC_REASONING_BEGUN, "Hm.</think>\n\nYes.", "Hm.", "\n\nYes."},
        {SC_REASONING_AHEAD, "Yes. <think>No", "", "Yes. <think>No"},
        {SC_REASONING_OVER, "Yes.</think>", "", "Yes.</think>"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct made m;
        make(&m, cases[i].text, NULL, 0);
        m.job.request.shows_special = true;
        m.job.rules.opens = opens;
        m.job.rules.closes = closes;
        m.choice.reasoning = cases[i].begins;
        char *answer = whole_text(&m, SC_SERVING_ANSWER);
        char *reasoning = whole_text(&m, SC_SERVING_REASONING);
        assert_string_equal(answer, cases[i].answer);
        assert_string_equal(reasoning, cases[i].reasoning);
        sc_free(answer);
        sc_free(reasoning);
        drop(&m);
    }
}

static void a_choice_without_memory_fails(void **state)
{
    (void)state;
    const char *const stops[] = {"x"};
    for (size_t fail = 0; fail < 3; fail++) {
        struct made m;
        make(&m, "Mix flour and water, and bake the bread.", stops, 1);
        sc_memory_fail_at(fail);
        while (advance(&m))
            ;
        sc_memory_fail_at(SIZE_MAX);
        assert_int_equal(m.choice.finish, SC_FINISH_FAILED);
        assert_string_equal(m.choice.failure, "out of memory");
        drop(&m);
        if (fail == 1)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stops_cut_across_tokens),
        cmocka_unit_test(characters_are_shown_whole),
        cmocka_unit_test(a_reasoning_is_apart),
        cmocka_unit_test(a_choice_without_memory_fails),
    };
    return cmocka_run_group_tests(tests, open_demo, close_demo);
}
