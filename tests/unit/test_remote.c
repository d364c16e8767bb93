/* Completions of a server: the bodies that are sent and what is read of any answer.  The client
 * itself is tested against a server that misbehaves (tests/cli/test_cli_endpoint.py). */
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
#include "remote/completion.h"
#include "remote/remote.h"

/* ---- asking ---------------------------------------------------------------------------------- */

static void bodies_are_as_documented(void **state)
{
    struct sc_completion_request request = {.endpoint = SC_ENDPOINT_COMPLETION,
                                            .model = "a \"model\"",
                                            .text = "line\nsecond \\ \x01 \xc3\xa9",
                                            .max_tokens = 7,
                                            .seed = UINT64_C(18446744073709551615),
                                            .n_top = 5};
    char *body = NULL;
    size_t n = 0;
    (void)state;

    assert_int_equal(sc_completion_body(&request, &body, &n, NULL), SC_OK);
    assert_string_equal(body,
                        "{\"model\":\"a \\\"model\\\"\",\"prompt\":\"line\\nsecond \\\\ \\u0001 "
                        "\xc3\xa9\",\"max_tokens\":7,\"temperature\":0,"
                        "\"seed\":18446744073709551615,\"logprobs\":5}");
    assert_int_equal(n, strlen(body));
    sc_free(body);

    request.endpoint = SC_ENDPOINT_CHAT;
    request.text = "hi";
    request.model = "m";
    request.n_top = 0;
    request.temperature = 0.5;
    json_t *more = NULL;
    const char *fields = "{\"seed\": null, \"max_tokens\": 9, \"extra\": {\"a\": [1, true]}}";
    assert_int_equal(sc_json_parse(fields, strlen(fields), "x", &more, NULL), SC_OK);
    request.more = more;
    assert_int_equal(sc_completion_body(&request, &body, &n, NULL), SC_OK);
    assert_string_equal(body,
                        "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],"
                        "\"temperature\":0.5,\"max_tokens\":9,\"extra\":{\"a\":[1,true]}}");
    sc_free(body);
    request.n_top = 20;
    request.more = NULL;
    assert_int_equal(sc_completion_body(&request, &body, &n, NULL), SC_OK);
    assert_non_null(strstr(body, "\"logprobs\":true,\"top_logprobs\":20}"));
    sc_free(body);
    json_decref(more);

    struct sc_error error = {0};
    request.text = "ab\xff";
    assert_int_equal(sc_completion_body(&request, &body, &n, &error), SC_ERR_FORMAT);
    assert_null(body);
    assert_string_equal(error.text, "text: byte 2: expected UTF-8");
}

static void bases_of_urls(void **state)
{
    static const struct {
        const char *url, *clean; /* NULL: refused */
    } cases[] = {
        {"http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"},
        {"https://example.org/v1///", "https://example.org/v1"},
        {"http://[::1]:80", "http://[::1]:80"},
        {"HTTP://h/", "HTTP://h"},
        {"ftp://h/", NULL},
        {"file:///etc/passwd", NULL},
        {"h:80/v1", NULL},
        {"", NULL},
        {"http://", NULL},
        {"http://user@h/", NULL},
        {"http://user:pass@h/", NULL},
        {"http://h/?q=1", NULL},
        {"http://h/#f", NULL},
        {"http://h:99999/", NULL},
        {"http://h/a b", NULL},
        {"http://h/\n", NULL},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sc_error error = {0};
        char *clean = NULL;
        enum sc_status status = sc_remote_check_url(cases[i].url, &clean, &error);
        if (cases[i].clean == NULL) {
            assert_int_equal(status, SC_ERR_ARGUMENT);
            assert_null(clean);
            assert_null(strstr(error.text, "pass@"));
        } else {
            assert_int_equal(status, SC_OK);
            assert_string_equal(clean, cases[i].clean);
        }
        sc_free(clean);
    }
}

static void bad_keys_are_refused_and_not_repeated(void **state)
{
    static const char *const bad[] = {"", "two words", "a\nX-Evil: 1", "caf\xc3\xa9", "a\r"};
    struct sc_remote_options options = sc_remote_options_default();
    struct sc_remote *remote = NULL;
    (void)state;

    options.urls = (const char *const[]){"http://127.0.0.1:1/v1"};
    options.n_urls = 1;
    options.key = "sk-good";
    assert_int_equal(sc_remote_open(&remote, &options, NULL), SC_OK);
    sc_remote_close(remote);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct sc_error error = {0};
        options.key = bad[i];
        assert_int_equal(sc_remote_open(&remote, &options, &error), SC_ERR_ARGUMENT);
        assert_null(remote);
        assert_null(strstr(error.text, "Evil"));
    }
    sc_remote_close(NULL);
}

/* ---- reading --------------------------------------------------------------------------------- */

static void read_text(const char *body, struct sc_completion *out)
{
    struct sc_error error = {0};
    if (sc_completion_read(body, strlen(body), out, &error) != SC_OK)
        fail_msg("%s: %s", body, error.text);
}

static void texts_of_both_endpoints(void **state)
{
    static const struct {
        const char *body, *text;
        bool cut;
        size_t n_prompt_tokens, n_tokens;
    } cases[] = {
        {"{\"choices\":[{\"text\":\"a\",\"finish_reason\":\"stop\"}]}", "a", false, 0, 0},
        {"{\"choices\":[{\"message\":{\"content\":\"b\"},\"finish_reason\":\"length\"}],"
         "\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}",
         "b", true, 3, 4},
        {"{\"choices\":[{\"message\":{\"content\":null,\"reasoning_content\":\"hm\"}}]}", "", false,
         0, 0},
        {"{\"choices\":[{\"text\":\"first\"},{\"text\":\"second\"}],\"usage\":{\"prompt_tokens\":-"
         "1,"
         "\"completion_tokens\":1e9}}",
         "first", false, 0, 0},
        {"{\"choices\":[{\"text\":\"\\u0000x\\\\u0000\\ud83d\\ude42\\ud83d\\ude42\"}]}",
         "\xef\xbf\xbdx\\u0000\xf0\x9f\x99\x82\xf0\x9f\x99\x82", false, 0, 0},
        {"{\"choices\":[{\"text\":\"\\ud800|\\udc00|\\ud800\\u0041\"}]}",
         "\xef\xbf\xbd|\xef\xbf\xbd|\xef\xbf\xbd"
         "A",
         false, 0, 0},
        {"{\"choices\":[{\"text\":\"\xff\xc3|\"}], \"choices\":[{\"text\":\"twice\"}]}", "twice",
         false, 0, 0},
        {"{\"\\u0000\":1,\"choices\":[{\"text\":\"\xe2\x82|\"}]}", "\xef\xbf\xbd|", false, 0, 0},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sc_completion c;
        read_text(cases[i].body, &c);
        assert_string_equal(c.text, cases[i].text);
        assert_int_equal(c.n, strlen(cases[i].text));
        assert_int_equal(c.cut, cases[i].cut);
        assert_int_equal(c.n_prompt_tokens, cases[i].n_prompt_tokens);
        assert_int_equal(c.n_tokens, cases[i].n_tokens);
        assert_non_null(strstr(c.no_tokens, "no log-probabilities"));
        assert_null(c.tokens);
        sc_completion_free(&c);
    }
}

static void what_is_no_answer_is_an_error(void **state)
{
    static const char *const bodies[] = {
        "",
        "null",
        "[]",
        "{}",
        "{\"choices\":{}}",
        "{\"choices\":[]}",
        "{\"choices\":[1]}",
        "{\"choices\":[{}]}",
        "{\"choices\":[{\"text\":null}]}",
        "{\"choices\":[{\"text\":[]}]}",
        "{\"choices\":[{\"message\":{}}]}",
        "{\"choices\":[{\"message\":7}]}",
        "{\"choices\":[",
        "{\"choices\":[{\"text\":\"\\u00\"}]}",
        "{\"choices\":[{\"text\":\"a\"}]} trailing",
        "\xff\xfe",
        "{\"choices\":[{\"text\":\"a\\\"}]}",
    };
    (void)state;

    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct sc_completion c;
        struct sc_error error = {0};
        assert_int_equal(sc_completion_read(bodies[i], strlen(bodies[i]), &c, &error),
                         SC_ERR_FORMAT);
        assert_non_null(strstr(error.text, "the server's answer"));
        assert_null(c.text);
    }
}

static void log_probabilities_in_both_shapes(void **state)
{
    static const char *const bodies[] = {
        "{\"choices\":[{\"text\":\"Hi you\",\"logprobs\":{\"tokens\":[\"Hi\",\" you\"],"
        "\"token_logprobs\":[-0.1,-0.2],\"top_logprobs\":[{\"Hi\":-0.1,\"Ho\":-3},"
        "{\" you\":0.0000001}]}}]}",
        "{\"choices\":[{\"message\":{\"content\":\"Hi you\"},\"logprobs\":{\"content\":["
        "{\"token\":\"?\",\"bytes\":[72,105],\"logprob\":-0.1,\"top_logprobs\":["
        "{\"token\":\"Hi\",\"bytes\":null,\"logprob\":-0.1},{\"token\":\"Ho\",\"logprob\":-3}]},"
        "{\"token\":\" you\",\"top_logprobs\":[{\"token\":\" you\",\"logprob\":0}]}]}}]}",
    };
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        struct sc_completion c;
        read_text(bodies[i], &c);
        assert_null(c.no_tokens);
        assert_int_equal(c.n_listed, 2);
        assert_int_equal(c.n_tokens, 2);
        assert_int_equal(c.tokens[0].n, 2);
        assert_memory_equal(c.tokens[0].text, "Hi", 2);
        assert_int_equal(c.tokens[0].n_candidates, 2);
        assert_int_equal(c.tokens[1].n_candidates, 1);
        assert_memory_equal(c.candidates[1].text, "Ho", 2);
        assert_true(c.candidates[1].logprob == -3);
        assert_memory_equal(c.candidates[c.tokens[1].first].text, " you", 4);
        assert_true(c.candidates[2].logprob == 0); /* rounding above zero is zero */
        sc_completion_free(&c);
    }
}

static void strange_log_probabilities_are_none(void **state)
{
    static const char *const strange[] = {
        "{\"tokens\":[\"a\"],\"top_logprobs\":[{\"a\":0.7}]}",
        "{\"tokens\":[\"a\"],\"top_logprobs\":[{\"a\":\"x\"}]}",
        "{\"tokens\":[7]}",
        "{\"content\":[7]}",
        "{\"content\":[{\"token\":\"a\",\"bytes\":[256],\"top_logprobs\":[]}]}",
        "{\"content\":[{\"token\":\"a\",\"top_logprobs\":[{\"token\":\"a\",\"logprob\":null}]}]}",
        "{\"content\":[{\"token\":\"a\",\"top_logprobs\":[{\"logprob\":-1}]}]}",
    };
    (void)state;

    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) {
        char body[300];
        struct sc_completion c;
        snprintf(body, sizeof body, "{\"choices\":[{\"text\":\"a\",\"logprobs\":%s}]}", strange[i]);
        read_text(body, &c);
        assert_string_equal(c.text, "a");
        assert_non_null(strstr(c.no_tokens, "unknown shape"));
        assert_null(c.tokens);
        sc_completion_free(&c);
    }
}

static void servers_own_words(void **state)
{
    static const struct {
        const char *body, *words;
    } cases[] = {
        {"{\"error\":{\"message\":\"too long\",\"code\":400}}", "too long"},
        {"{\"object\":\"error\",\"message\":\"no such\"}", "no such"},
        {"{\"error\":\"plain\"}", "plain"},
        {"{\"detail\":\"Not Found\"}", "Not Found"},
        {"{\"detail\":[{\"loc\":1}]}", "{\"detail\":["},
        {"<html>", "<html>"},
        {"", ""},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char words[12];
        sc_completion_error(cases[i].body, strlen(cases[i].body), words, sizeof words);
        assert_memory_equal(words, cases[i].words, strlen(cases[i].words));
    }
}

/* Each allocation fails in turn while an answer is read. */
static void exhausted_memory_is_an_error(void **state)
{
    static const char body[] =
        "{\"choices\":[{\"text\":\"Hi\xff\",\"logprobs\":{\"tokens\":[\"Hi\",\"\xff\"],"
        "\"top_logprobs\":[{\"Hi\":-0.1,\"Ho\":-3},{\"x\":-1}]}}]}";
    enum sc_status status = SC_ERR_NOMEM;
    (void)state;

    for (size_t n = 0; status != SC_OK && n < 500; n++) {
        struct sc_completion c;
        sc_memory_fail_at(n);
        status = sc_completion_read(body, sizeof body - 1, &c, NULL);
        assert_false(status == SC_OK && sc_memory_failed());
        sc_memory_fail_at(SIZE_MAX);
        assert_true(status == SC_OK || status == SC_ERR_NOMEM);
        if (status == SC_OK)
            assert_int_equal(c.n_listed, 2);
        sc_completion_free(&c);
    }
    assert_int_equal(status, SC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_are_as_documented),
        cmocka_unit_test(bases_of_urls),
        cmocka_unit_test(bad_keys_are_refused_and_not_repeated),
        cmocka_unit_test(texts_of_both_endpoints),
        cmocka_unit_test(what_is_no_answer_is_an_error),
        cmocka_unit_test(log_probabilities_in_both_shapes),
        cmocka_unit_test(strange_log_probabilities_are_none),
        cmocka_unit_test(servers_own_words),
        cmocka_unit_test(exhausted_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
