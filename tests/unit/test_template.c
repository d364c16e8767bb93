/* What a model's own files ask for and the frame or the sampling does otherwise: the chat template,
 * and settings of generation_config.json that are not applied. */
#include <math.h>

#include "engine/open.h"
#include "model/arch/arch.h"
#include "model/chat/template_check.h"
#include "model/checkpoint/checkpoint.h"
#include "model/model.h"
#include "model/tokenizer/tokenizer.h"
#include "model_fixture.h"

#define TURNS                                                                                      \
    "{%- for m in messages %}{{- '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}" \
    "{%- endfor %}{{- '<|im_start|>assistant\\n' }}"
#define SWITCH "{%- if enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}"

static const char usual[] = TURNS SWITCH, no_think[] = TURNS,
                  always[] = TURNS "{{- '<think>\\n' }}",
                  system_first[] =
                      "{{- '<|im_start|>system\\nYou are Qwen.<|im_end|>\\n' }}" TURNS SWITCH,
                  system_asked[] =
                      "{{- '<|im_start|>system\\n' + messages[0].content }}" TURNS SWITCH,
                  other[] = "<|user|>{{ messages[0].content }}<|end|><|assistant|>";

static void a_template_is_told_by_its_pieces(void **state)
{
    static const struct {
        const char *source;
        bool chatml, thinks, switches, own_system, reasons;
    } cases[] = {
        {usual, true, true, true, false, true},
        {no_think, true, false, false, false, false},
        {always, true, true, false, false, true},
        {system_first, true, true, true, true, true},
        {"<|im_start|>system\nYou are Qwen.<|im_end|>\n", true, false, false, true, false},
        {system_asked, true, true, true, false, true},
        {"<|im_start|>system", true, false, false, false, false},
        {other, false, false, false, false, true},
        {"", false, false, false, false, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sc_template_facts facts = sc_template_look(cases[i].source);
        assert_true(facts.found && !facts.unreadable);
        if (facts.chatml != cases[i].chatml || facts.thinks != cases[i].thinks ||
            facts.switches != cases[i].switches || facts.own_system != cases[i].own_system ||
            sc_template_has_reasoning(&facts) != cases[i].reasons)
            fail_msg("case %zu", i);
    }
    const struct sc_template_facts none = {0};
    assert_true(sc_template_has_reasoning(&none)); /* without a template the frame is the usual */
}

static struct sc_template_facts of_config(const char *json)
{
    json_t *config = parse_json(json);
    struct sc_template_facts facts = sc_template_of_config(config);
    json_decref(config);
    return facts;
}

static void a_configuration_has_a_template_or_a_list_of_them(void **state)
{
    (void)state;
    assert_false(sc_template_of_config(NULL).found);
    assert_false(of_config("{}").found);
    assert_false(of_config("{\"chat_template\":null}").found);
    assert_true(of_config("{\"chat_template\":\"<|im_start|>\"}").chatml);
    assert_true(of_config("{\"chat_template\":[{\"name\":\"tool_use\",\"template\":\"x\"},"
                          "{\"name\":\"default\",\"template\":\"<|im_start|>\"}]}")
                    .chatml);
    assert_true(of_config("{\"chat_template\":[{\"name\":\"only\",\"template\":\"<|im_start|>\"}]}")
                    .chatml);
    static const char *const none[] = {
        "7", "[]", "{}", "[7]", "[{\"name\":7}]", "[{\"name\":\"default\",\"template\":[]}]"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        char json[100];
        snprintf(json, sizeof json, "{\"chat_template\":%s}", none[i]);
        struct sc_template_facts facts = of_config(json);
        assert_true(facts.found && facts.unreadable && sc_template_has_reasoning(&facts));
    }
}

static void a_template_file_goes_before_the_configuration(void **state)
{
    (void)state;
    char folder[64];
    struct sc_template_facts config = sc_template_look(usual), facts = config;
    make_folder(folder, sizeof folder);
    assert_int_equal(sc_template_of_folder(folder, &facts, NULL), SC_OK);
    assert_true(facts.chatml && facts.switches); /* no file: as it was */
    put_string(folder, "chat_template.jinja", other);
    assert_int_equal(sc_template_of_folder(folder, &facts, NULL), SC_OK);
    assert_true(facts.found && !facts.chatml);
    put_file(folder, "chat_template.jinja", "<|im_start|>\0x", 14);
    facts = config;
    assert_int_equal(sc_template_of_folder(folder, &facts, NULL), SC_OK);
    assert_true(facts.unreadable);
    put_string(folder, "chat_template.jinja", "version https://git-lfs.github.com/spec/v1\n");
    facts = config;
    assert_int_equal(sc_template_of_folder(folder, &facts, NULL), SC_OK);
    assert_true(facts.unreadable);
    bool done = false;
    for (size_t nth = 0; !done; nth++) {
        struct sc_error error = {0};
        sc_memory_fail_at(nth);
        enum sc_status status = sc_template_of_folder(folder, &facts, &error);
        sc_memory_fail_at(SIZE_MAX);
        done = status == SC_OK;
        if (!done)
            assert_int_equal(status, SC_ERR_NOMEM);
    }
    remove_folder(folder);
}

/* ---- frames ---------------------------------------------------------------------------------- */

/* The small tokenizer in a folder, with that template; "" none. */
static void put_tokenizer(const char *folder, const char *source)
{
    json_t *tokenizer = small_tokenizer();
    char *text = json_text(tokenizer);
    put_string(folder, "tokenizer.json", text);
    if (source[0] != '\0')
        put_string(folder, "chat_template.jinja", source);
    sc_free(text);
    json_decref(tokenizer);
}

static char *framed(const char *source, bool thinking, enum sc_reasoning_state *reasoning)
{
    const struct sc_message message = {"user", "hi"};
    const struct sc_chat chat = {.messages = &message, .n = 1, .thinking = thinking};
    struct sc_tokenizer *tokenizer = NULL;
    char folder[64], *text = NULL;
    int32_t *ids = NULL;
    size_t n = 0;
    make_folder(folder, sizeof folder);
    put_tokenizer(folder, source);
    assert_int_equal(sc_tokenizer_open(&tokenizer, folder, NULL), SC_OK);
    assert_int_equal(sc_chat_encode(tokenizer, &chat, &ids, &n, NULL), SC_OK);
    assert_int_equal(sc_tokenizer_decode(tokenizer, ids, n, true, &text, NULL), SC_OK);
    *reasoning = sc_chat_reasoning_state(tokenizer, ids, n);
    sc_free(ids);
    sc_tokenizer_close(tokenizer);
    remove_folder(folder);
    return text;
}

static void no_empty_think_block_is_written_where_the_template_has_none(void **state)
{
#define ASKED "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"
#define EMPTY "<think>\n\n</think>\n\n"
    static const struct {
        const char *source;
        bool thinking;
        const char *text;
        enum sc_reasoning_state reasoning;
    } cases[] = {
        {"", false, ASKED EMPTY, SC_REASONING_OVER},
        {"", true, ASKED, SC_REASONING_AHEAD},
        {usual, false, ASKED EMPTY, SC_REASONING_OVER},
        {usual, true, ASKED, SC_REASONING_AHEAD},
        {no_think, false, ASKED, SC_REASONING_OVER},
        {no_think, true, ASKED, SC_REASONING_OVER},
        {always, false, ASKED EMPTY, SC_REASONING_OVER},
        {other, false, ASKED EMPTY, SC_REASONING_OVER},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum sc_reasoning_state reasoning;
        char *text = framed(cases[i].source, cases[i].thinking, &reasoning);
        assert_string_equal(text, cases[i].text);
        assert_int_equal(reasoning, cases[i].reasoning);
        sc_free(text);
    }
}

/* ---- remarks --------------------------------------------------------------------------------- */

static void remarks_of(const char *source, const char *generation, const char *words)
{
    char source_folder[64], folder[64];
    struct sc_error error = {0};
    struct sc_opened opened;
    make_folder(source_folder, sizeof source_folder);
    make_folder(folder, sizeof folder);
    put_tokenizer(source_folder, "");
    if (sc_model_write_random("tiny", source_folder, SC_DTYPE_F32, 7, folder, &error) != SC_OK)
        fail_msg("%s", error.text);
    if (source[0] != '\0')
        put_string(folder, "chat_template.jinja", source);
    put_string(folder, "generation_config.json", generation);
    if (sc_opened_read(&opened, folder, &error) != SC_OK)
        fail_msg("%s", error.text);
    const char *said = opened.remarks.data != NULL ? opened.remarks.data : "";
    if (words[0] == '\0' ? said[0] != '\0' : strstr(said, words) == NULL)
        fail_msg("expected \"%s\" in \"%s\"", words, said);
    sc_opened_close(&opened);
    remove_folder(source_folder);
    remove_folder(folder);
}

static void what_is_done_otherwise_than_the_files_say_is_remarked(void **state)
{
    (void)state;
    remarks_of("", "{}", "");
    remarks_of(usual, "{\"eos_token_id\":[270,272]}", "");
    remarks_of(no_think, "{}", "has no think block");
    remarks_of(always, "{}", "use --thinking");
    remarks_of(system_first, "{}", "system message of its own");
    remarks_of(other, "{}", "is another one");
    remarks_of("", "{\"eos_token_id\":270}", "does not name <|im_end|>");
    remarks_of("", "{\"num_beams\":4,\"no_repeat_ngram_size\":3,\"bad_words_ids\":[[1]]}",
               "asks for num_beams 4, no_repeat_ngram_size 3, bad_words_ids: not applied");
    remarks_of("",
               "{\"num_beams\":1,\"no_repeat_ngram_size\":0,\"typical_p\":1.0,"
               "\"bad_words_ids\":null,\"suppress_tokens\":[],\"guidance_scale\":null}",
               "");
}

static void the_end_of_a_turn_always_ends_an_answer(void **state)
{
    enum { IM_END = 272 };
    struct sc_generation_config generation = {.end_ids = {9, 8}, .n_end_ids = 2};
    struct sc_tokenizer *tokenizer = NULL;
    int32_t ids[SC_MOST_END_IDS];
    char folder[64];
    (void)state;
    make_folder(folder, sizeof folder);
    put_tokenizer(folder, "");
    assert_int_equal(sc_tokenizer_open(&tokenizer, folder, NULL), SC_OK);
    assert_int_equal(sc_chat_end_ids(tokenizer, &generation, ids), 3);
    assert_int_equal(ids[2], IM_END);
    generation.end_ids[0] = IM_END; /* named already */
    assert_int_equal(sc_chat_end_ids(tokenizer, &generation, ids), 2);
    for (int32_t i = 0; i < SC_MOST_END_IDS; i++)
        generation.end_ids[i] = i;
    generation.n_end_ids = SC_MOST_END_IDS; /* no room */
    assert_int_equal(sc_chat_end_ids(tokenizer, &generation, ids), SC_MOST_END_IDS);
    sc_tokenizer_close(tokenizer);
    remove_folder(folder);
}

static void a_long_list_of_unapplied_settings_stays_within_its_place(void **state)
{
    static const char text[] =
        "{\"num_beams\":1e300,\"num_beam_groups\":-1e300,\"diversity_penalty\":\"x\","
        "\"penalty_alpha\":[],\"no_repeat_ngram_size\":1e-300,\"encoder_no_repeat_ngram_size\":2,"
        "\"encoder_repetition_penalty\":2,\"typical_p\":0.5,\"epsilon_cutoff\":0.5,"
        "\"eta_cutoff\":1.23456789,\"guidance_scale\":2,\"min_length\":5,\"min_new_tokens\":5,"
        "\"forced_bos_token_id\":5,\"forced_eos_token_id\":5,\"bad_words_ids\":[1],"
        "\"suppress_tokens\":[1],\"begin_suppress_tokens\":[1],\"sequence_bias\":{\"a\":1},"
        "\"exponential_decay_length_penalty\":[1],\"stop_strings\":\"x\","
        "\"watermarking_config\":{\"a\":1},\"do_sample\":false}";
    struct sc_generation_config generation;
    (void)state;
    assert_int_equal(
        sc_generation_parse(text, strlen(text), &sc_family_qwen3.sampling, &generation, NULL),
        SC_OK);
    assert_true(generation.greedy);
    assert_true(strlen(generation.unapplied) < sizeof generation.unapplied);
    assert_non_null(strstr(generation.unapplied, "num_beams 1e+300, num_beam_groups"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_template_is_told_by_its_pieces),
        cmocka_unit_test(a_configuration_has_a_template_or_a_list_of_them),
        cmocka_unit_test(a_template_file_goes_before_the_configuration),
        cmocka_unit_test(no_empty_think_block_is_written_where_the_template_has_none),
        cmocka_unit_test(what_is_done_otherwise_than_the_files_say_is_remarked),
        cmocka_unit_test(the_end_of_a_turn_always_ends_an_answer),
        cmocka_unit_test(a_long_list_of_unapplied_settings_stays_within_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
