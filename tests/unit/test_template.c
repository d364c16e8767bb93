/* What a model's own files ask for and the frame or the sampling does otherwise: the chat template,
 * and settings of generation_config.json that are not applied. */
#include <math.h>

#include "engine/open.h"
#include "model/arch/arch.h"
#include "model/chat/chat.h"
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
                  ends_otherwise[] = "{% for m in messages %}{{ m.content + '<|endoftext|>' }}"
                                     "{% endfor %}",
                  other[] = "<|user|>{{ messages[0].content }}<|end|><|assistant|>";

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
    if (sc_opened_read(&opened, folder, &error) != SC_OK ||
        sc_opened_frame(&opened, NULL, &error) != SC_OK)
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
    remarks_of(no_think, "{\"eos_token_id\":[270,272]}", "");
    remarks_of(always, "{}", "use --thinking");
    remarks_of(system_first, "{}",
               "words of its own before a prompt without a system message: "
               "\"You are Qwen.<|im_end|>");
    remarks_of(other, "{}", "writes \"<|user|>\", which is no token of its tokenizer");
    remarks_of(ends_otherwise, "{\"eos_token_id\":272}", "does not name <|endoftext|>");
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
    assert_int_equal(sc_chat_end_ids(tokenizer, NULL, &generation, ids), 3);
    assert_int_equal(ids[2], IM_END);
    generation.end_ids[0] = IM_END; /* named already */
    assert_int_equal(sc_chat_end_ids(tokenizer, NULL, &generation, ids), 2);
    for (int32_t i = 0; i < SC_MOST_END_IDS; i++)
        generation.end_ids[i] = i;
    generation.n_end_ids = SC_MOST_END_IDS; /* no room */
    assert_int_equal(sc_chat_end_ids(tokenizer, NULL, &generation, ids), SC_MOST_END_IDS);
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
        cmocka_unit_test(what_is_done_otherwise_than_the_files_say_is_remarked),
        cmocka_unit_test(the_end_of_a_turn_always_ends_an_answer),
        cmocka_unit_test(a_long_list_of_unapplied_settings_stays_within_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
