/* Labels as tokens, with tokenizers that treat the beginning of a text as no other place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "judge/labels.h"
#include "model/tokenizer/parts.h"
#include "model/tokenizer/tokenizer.h"

/* A tokenizer of texts with a mark for blanks: bytes by their numbers, letters, and some words. */
static struct sc_tokenizer *make(const char *normalizer, const char *pre_tokenizer)
{
    static const char *const pairs[][2] = {{"Y", "e"},   {"Ye", "s"}, {"y", "e"},   {"ye", "s"},
                                           {"N", "o"},   {"n", "o"},  {"▁", "Yes"}, {"▁", "No"},
                                           {"▁", "yes"}, {"▁", "no"}};
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzHRNYS:/";
    struct sc_text json = {0};
    struct sc_error error = {0};
    int id = 0;
    sc_text_printf(
        &json,
        "{\"added_tokens\": [], \"normalizer\": %s, \"pre_tokenizer\": %s,"
        " \"post_processor\": null, \"decoder\": {\"type\": \"Sequence\", \"decoders\": "
        "[{\"type\": \"Replace\","
        " \"pattern\": {\"String\": \"▁\"}, \"content\": \" \"},"
        " {\"type\": \"ByteFallback\"}, {\"type\": \"Fuse\"}]}, \"model\": {\"type\": \"BPE\","
        " \"unk_token\": null, \"fuse_unk\": true, \"byte_fallback\": true,"
        " \"vocab\": {",
        normalizer, pre_tokenizer);
    for (int b = 0; b < 256; b++)
        sc_text_printf(&json, "\"<0x%02X>\": %d, ", (unsigned)b, id++);
    for (const char *c = letters; *c != '\0'; c++)
        sc_text_printf(&json, "\"%c\": %d, ", *c, id++);
    sc_text_printf(&json, "\"▁\": %d", id++);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        sc_text_printf(&json, ", \"%s%s\": %d", pairs[i][0], pairs[i][1], id++);
    sc_text_puts(&json, "}, \"merges\": [");
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        sc_text_printf(&json, "%s[\"%s\", \"%s\"]", i ? ", " : "", pairs[i][0], pairs[i][1]);
    sc_text_puts(&json, "]}}");
    struct sc_tokenizer *tokenizer = NULL;
    if (sc_tokenizer_parse(&tokenizer, json.data, json.len, NULL, 0, &error) != SC_OK)
        fail_msg("%s", error.text);
    sc_text_free(&json);
    return tokenizer;
}

static const struct way {
    const char *normalizer, *pre_tokenizer;
} ways[] = {
    {"{\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"Prepend\", \"prepend\": \"▁\"},"
     " {\"type\": \"Replace\", \"pattern\": {\"String\": \" \"}, \"content\": \"▁\"}]}",
     "null"},
    {"null", "{\"type\": \"Metaspace\", \"replacement\": \"▁\", \"prepend_scheme\": \"first\","
             " \"split\": false}"},
    {"{\"type\": \"Replace\", \"pattern\": {\"String\": \" \"}, \"content\": \"▁\"}", "null"},
};
enum { N_WAYS = sizeof ways / sizeof *ways };

static int32_t id_of(const struct sc_tokenizer *tokenizer, const char *token)
{
    int32_t id = sc_tokenizer_id(tokenizer, token);
    assert_true(id >= 0);
    return id;
}

/* Within a text, "Yes" at the beginning of a line is the word without a blank, whatever the
 * tokenizer puts before a text. */
static void a_line_is_encoded_as_it_stands_in_a_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_WAYS; i++) {
        struct sc_tokenizer *tokenizer = make(ways[i].normalizer, ways[i].pre_tokenizer);
        struct sc_line_tokens tokens;
        assert_int_equal(sc_line_encode(tokenizer, "Yes", &tokens, NULL), SC_OK);
        assert_int_equal(tokens.n, 1);
        assert_int_equal(tokens.ids[0], id_of(tokenizer, "Yes"));
        sc_release(tokens.all);
        assert_int_equal(sc_line_encode(tokenizer, "R: yes", &tokens, NULL), SC_OK);
        assert_int_equal(tokens.n, 3);
        assert_int_equal(tokens.ids[2], id_of(tokenizer, "▁yes"));
        sc_release(tokens.all);
        sc_tokenizer_close(tokenizer);
    }
}

static void each_way_to_write_a_label_has_its_token(void **state)
{
    static const char *const no[] = {"No", "▁No", "no", "▁no"}, *const yes[] = {"Yes", "▁Yes",
                                                                                "yes", "▁yes"};
    (void)state;
    for (size_t i = 0; i < N_WAYS; i++) {
        struct sc_tokenizer *tokenizer = make(ways[i].normalizer, ways[i].pre_tokenizer);
        struct sc_kind_labels labels;
        struct sc_error error = {0};
        if (sc_kind_labels_find(&labels, sc_judge_kind_find("harmbench"), tokenizer, &error) !=
            SC_OK)
            fail_msg("%s", error.text);
        const struct sc_labels *line = &labels.lines[0];
        assert_int_equal(labels.n_watch, 8);
        for (size_t v = 0; v < 4; v++) {
            const struct sc_label_token *one = &line->tokens[0][v], *other = &line->tokens[1][v];
            assert_int_equal(one->id, id_of(tokenizer, no[v]));
            assert_int_equal(other->id, id_of(tokenizer, yes[v]));
            assert_int_equal(one->offset, v % 2 ? -1 : 0); /* the blank is part of the token */
            assert_int_equal(labels.watch[other->watch], other->id);
        }
        sc_tokenizer_close(tokenizer);
    }
}

static void a_label_behind_words_takes_its_blank(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_WAYS; i++) {
        struct sc_tokenizer *tokenizer = make(ways[i].normalizer, ways[i].pre_tokenizer);
        struct sc_kind_labels labels;
        struct sc_error error = {0};
        if (sc_kind_labels_find(&labels, sc_judge_kind_find("wildguard"), tokenizer, &error) !=
            SC_OK)
            fail_msg("%s", error.text);
        for (size_t l = 0; l < 3; l++) {
            const struct sc_labels *line = &labels.lines[l];
            assert_int_equal(line->tokens[0][0].id, id_of(tokenizer, "▁no"));
            assert_int_equal(line->tokens[1][0].id, id_of(tokenizer, "▁yes"));
            assert_int_equal(line->tokens[1][0].offset, -1);
            assert_true(line->n_lead > 0);
        }
        assert_int_equal(
            sc_kind_labels_find(&labels, sc_judge_kind_find("guard"), tokenizer, &error), SC_OK);
        sc_tokenizer_close(tokenizer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_encoded_as_it_stands_in_a_text),
        cmocka_unit_test(each_way_to_write_a_label_has_its_token),
        cmocka_unit_test(a_label_behind_words_takes_its_blank),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
