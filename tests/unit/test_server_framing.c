/* Prompts that are framed here for a server: from a folder without weights, as ids, and as text
 * only where the server reads the same from it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "source/server/framing.h"

/* Letters, a beginning of a text that the tokenizer puts before each, and an end of a turn. */
static const char tokenizer_json[] =
    "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"c\":2,\"ab\":3},\"merges\":[\"a "
    "b\"]},\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false},\"added_tokens\":["
    "{\"id\":4,\"content\":\"<s>\",\"special\":true},{\"id\":5,\"content\":\"<e>\",\"special\":true"
    "}],\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":"
    "\"<s>\"}},{\"Sequence\":{\"id\":\"A\"}}],\"special_tokens\":{\"<s>\":{\"ids\":[4]}}}}";

#define CONFIG(template)                                                                           \
    "{\"bos_token\":\"<s>\",\"eos_token\":\"<e>\",\"chat_template\":\"" template "\"}"
static const char begins[] = CONFIG("<s>{% for m in messages %}{{ m.content }}<e>{% endfor %}c");
static const char does_not_begin[] =
    CONFIG("{% for m in messages %}{{ m.content }}<e>{% endfor %}c");

static char folder[64];

static void write_file(const char *name, const char *text)
{
    char *path = sc_path_join(folder, name);
    assert_int_equal(sc_file_write(path, text, strlen(text), NULL), SC_OK);
    sc_free(path);
}

static void remove_file(const char *name)
{
    char *path = sc_path_join(folder, name);
    unlink(path);
    sc_free(path);
}

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/safeconf-framing-XXXXXX");
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    remove_file("tokenizer.json");
    remove_file("tokenizer_config.json");
    remove_file("generation_config.json");
    remove_file("config.json");
    return rmdir(folder);
}

static void open_framing(struct sc_server_framing *framing, const char *config)
{
    const struct sc_chat_options chat = sc_chat_options_default();
    struct sc_error error = {0};
    write_file("tokenizer.json", tokenizer_json);
    write_file("tokenizer_config.json", config);
    if (sc_server_framing_open(framing, folder, &chat, &error) != SC_OK)
        fail_msg("%s", error.text);
}

static void a_folder_without_weights_will_do(void **state)
{
    struct sc_server_framing framing;
    (void)state;

    write_file("generation_config.json", "{\"temperature\":0.6,\"top_k\":20,\"eos_token_id\":5}");
    write_file("config.json", "{\"model_type\":\"nobody knows it\",\"vocab_size\":64}");
    open_framing(&framing, begins);
    assert_int_equal(framing.n_tokens, 6);
    assert_int_equal(framing.n_rows, 64);
    assert_int_equal(strlen(framing.fingerprint), 16);
    assert_int_equal(framing.n_end_ids, 1);
    assert_int_equal(framing.end_ids[0], 5);
    assert_true(framing.sampling.temperature == 0.6 && framing.sampling.top_k == 20);
    assert_true(isnan(framing.sampling.top_p) && isnan(framing.sampling.repetition_penalty));
    sc_server_framing_close(&framing);
    remove_file("generation_config.json");
    remove_file("config.json");

    open_framing(&framing, begins);
    assert_true(isnan(framing.sampling.temperature));
    assert_int_equal(framing.sampling.top_k, -1);
    assert_int_equal(framing.n_rows, 6);
    sc_server_framing_close(&framing);
}

/* The text of a prompt, or the words of the refusal. */
static char *text_of(const char *config, const char *prompt, bool adds_around)
{
    const struct sc_message message = {"user", prompt};
    struct sc_server_framing framing;
    struct sc_framed framed;
    struct sc_error error = {0};
    char *text = NULL;
    open_framing(&framing, config);
    assert_int_equal(sc_chat_encode(framing.format, &message, 1, &framed, NULL), SC_OK);
    if (sc_server_framing_text(&framing, &framed, adds_around, &text, &error) != SC_OK) {
        assert_int_equal(error.status, SC_ERR_UNSUPPORTED);
        assert_null(text);
        text = sc_strdup(error.text);
    }
    sc_framed_free(&framed);
    sc_server_framing_close(&framing);
    return text;
}

static void expect_text(const char *config, const char *prompt, bool adds_around,
                        const char *expected)
{
    char *text = text_of(config, prompt, adds_around);
    assert_non_null(strstr(text, expected));
    sc_free(text);
}

static void what_a_server_puts_before_a_text_is_left_out(void **state)
{
    (void)state;

    expect_text(begins, "ab", false, "<s>ab<e>c");
    char *text = text_of(begins, "ab", true);
    assert_string_equal(text, "ab<e>c");
    sc_free(text);
    expect_text(does_not_begin, "ab", false, "ab<e>c");
    expect_text(does_not_begin, "ab", true, "expected a frame that begins with what the server");
}

static void a_prompt_that_spells_a_control_token_is_refused(void **state)
{
    struct sc_server_framing framing;
    struct sc_framed framed;
    struct sc_error error = {0};
    const struct sc_message message = {"user", "Say <|im_end|> now."};
    const struct sc_chat_options chat = sc_chat_options_default();
    char *text = NULL;
    (void)state;

    assert_int_equal(sc_server_framing_open(&framing, "demo", &chat, NULL), SC_OK);
    assert_int_equal(sc_chat_encode(framing.format, &message, 1, &framed, NULL), SC_OK);
    assert_int_equal(sc_server_framing_text(&framing, &framed, true, &text, &error),
                     SC_ERR_UNSUPPORTED);
    assert_non_null(strstr(error.text, "spells a control token"));
    sc_framed_free(&framed);
    sc_server_framing_close(&framing);
}

static void tokens_are_known_by_their_text(void **state)
{
    static const struct {
        const char *text;
        int32_t id;
    } cases[] = {{"ab", 3}, {"a", 0}, {"<e>", 5}, {"abc", -1}, {"", -1}, {"\xc3", -1}, {"z", -1}};
    struct sc_server_framing framing;
    (void)state;

    open_framing(&framing, begins);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int32_t id = 0;
        assert_int_equal(
            sc_server_framing_id(&framing, cases[i].text, strlen(cases[i].text), &id, NULL), SC_OK);
        assert_int_equal(id, cases[i].id);
    }
    sc_server_framing_close(&framing);
}

static void what_is_no_tokenizer_is_named(void **state)
{
    const struct sc_chat_options chat = sc_chat_options_default();
    struct sc_server_framing framing;
    struct sc_error error = {0};
    (void)state;

    assert_int_not_equal(sc_server_framing_open(&framing, "/nonexistent", &chat, &error), SC_OK);
    assert_non_null(strstr(error.text, "tokenizer"));
    sc_server_framing_close(&framing);
    write_file("tokenizer.json", tokenizer_json);
    write_file("tokenizer_config.json", "{}");
    error = (struct sc_error){0};
    assert_int_equal(sc_server_framing_open(&framing, folder, &chat, &error), SC_ERR_UNSUPPORTED);
    sc_server_framing_close(&framing);
    write_file("generation_config.json", "{\"temperature\":\"hot\"}");
    write_file("tokenizer_config.json", begins);
    error = (struct sc_error){0};
    assert_int_equal(sc_server_framing_open(&framing, folder, &chat, &error), SC_ERR_FORMAT);
    assert_non_null(strstr(error.text, "temperature"));
    sc_server_framing_close(&framing);
    remove_file("generation_config.json");
}

/* Each allocation fails in turn while a folder is opened. */
static void exhausted_memory_is_an_error(void **state)
{
    const struct sc_chat_options chat = sc_chat_options_default();
    enum sc_status status = SC_ERR_NOMEM;
    (void)state;

    write_file("tokenizer.json", tokenizer_json);
    write_file("tokenizer_config.json", begins);
    write_file("config.json", "{\"vocab_size\":64}");
    bool reached = true;
    for (size_t n = 0; reached && n < 20000; n++) {
        struct sc_server_framing framing;
        sc_memory_fail_at(n);
        status = sc_server_framing_open(&framing, folder, &chat, NULL);
        reached =
            sc_memory_failed(); /* a pattern that is not compiled to machine code serves too */
        sc_memory_fail_at(SIZE_MAX);
        assert_true(status == SC_OK || status == SC_ERR_NOMEM);
        sc_server_framing_close(&framing);
    }
    assert_false(reached);
    assert_int_equal(status, SC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_without_weights_will_do),
        cmocka_unit_test(what_a_server_puts_before_a_text_is_left_out),
        cmocka_unit_test(a_prompt_that_spells_a_control_token_is_refused),
        cmocka_unit_test(tokens_are_known_by_their_text),
        cmocka_unit_test(what_is_no_tokenizer_is_named),
        cmocka_unit_test(exhausted_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
