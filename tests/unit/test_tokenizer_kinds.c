/* Tokenizers of every kind that is read, beside an independent implementation
 * (tests/golden/make_tokenizer_golden.py); added tokens, what tokens say, and running out of
 * memory. */
#include "base/random.h"
#include "model/tokenizer/parts.h"
#include "model/tokenizer/tokenizer.h"
#include "model/tokenizer/unicode.h"
#include "model_fixture.h"

#define GOLDEN TEST_GOLDEN "/tokenizers.json"
#define MARK "\xe2\x96\x81"

static json_t *golden;

static int set_up(void **state)
{
    struct sc_error error = {0};
    char *text = NULL;
    size_t n = 0;
    enum sc_status status = sc_file_read(GOLDEN, (size_t)1 << 20, &text, &n, &error);

    (void)state;
    if (status == SC_OK) {
        status = sc_json_parse_nul(text, n, GOLDEN, &golden, &error);
    }
    sc_free(text);
    printf("%s", error.text);
    return status == SC_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    json_decref(golden);
    return 0;
}

static struct sc_tokenizer *parse_text(const char *text)
{
    struct sc_tokenizer *out = NULL;
    struct sc_error error = {0};

    if (sc_tokenizer_parse(&out, text, strlen(text), NULL, 0, &error) != SC_OK) {
        printf("%s\n", error.text);
    }
    assert_non_null(out);
    return out;
}

/* The tokenizer of a kind: its vocabulary, with the kind's own fields. */
static struct sc_tokenizer *tokenizer_of(const json_t *kind)
{
    const char *vocabulary = json_string_value(json_object_get(kind, "vocabulary"));
    json_t *model = json_copy(json_object_get(json_object_get(golden, "vocabularies"), vocabulary));
    json_t *top = json_copy(json_object_get(kind, "fields"));
    struct sc_tokenizer *out;
    char *text;

    json_object_update(model, json_object_get(kind, "model"));
    json_object_set_new(top, "model", model);
    text = json_text(top);
    out = parse_text(text);
    sc_free(text);
    json_decref(top);
    return out;
}

static const json_t *kind_named(const char *name)
{
    size_t i;
    json_t *kind;

    json_array_foreach(json_object_get(golden, "kinds"), i, kind)
    {
        if (strcmp(json_string_value(json_object_get(kind, "name")), name) == 0) {
            return kind;
        }
    }
    fail_msg("no kind %s", name);
    return NULL;
}

static struct sc_tokenizer *tokenizer_named(const char *name)
{
    return tokenizer_of(kind_named(name));
}

static void append(const struct sc_tokenizer *tokenizer, const char *text, size_t n, bool special,
                   struct sc_ids *ids)
{
    struct sc_error error = {0};

    ids->n = 0;
    if (sc_tokenizer_append(tokenizer, text, n, special, ids, &error) != SC_OK) {
        fail_msg("%s", error.text);
    }
}

/* 32 bits of FNV-1a over the ids, four bytes each. */
static uint32_t sum_of(const struct sc_ids *ids)
{
    uint32_t sum = 0x811C9DC5U;

    for (size_t i = 0; i < ids->n; i++) {
        for (unsigned shift = 0; shift < 32; shift += 8) {
            sum = (sum ^ ((uint32_t)ids->ids[i] >> shift & 0xFF)) * 0x01000193U;
        }
    }
    return sum;
}

/* ---- beside the reference -------------------------------------------------------------------- */

static void ids_are_those_of_the_reference(void **state)
{
    const json_t *texts = json_object_get(golden, "texts");
    size_t k, n_compared = 0, n_different = 0;
    json_t *kind;

    (void)state;
    json_array_foreach(json_object_get(golden, "kinds"), k, kind)
    {
        struct sc_tokenizer *tokenizer = tokenizer_of(kind);
        const char *sum = json_string_value(json_object_get(kind, "sums"));
        struct sc_ids ids = {0};

        for (size_t i = 0; i < json_array_size(texts); i++) {
            const json_t *text = json_array_get(texts, i);
            char *end;
            uint32_t expected = (uint32_t)strtoul(sum, &end, 16);

            append(tokenizer, json_string_value(text), json_string_length(text), true, &ids);
            if (sum_of(&ids) != expected) {
                printf("%s: text %zu differs\n", json_string_value(json_object_get(kind, "name")),
                       i);
                n_different++;
            }
            sum = end + (*end == ' ');
            n_compared++;
        }
        sc_free(ids.ids);
        sc_tokenizer_close(tokenizer);
    }
    assert_true(k >= 35 && n_compared > 4000);
    assert_int_equal(n_different, 0);
}

static void assert_ids(const int32_t *ids, size_t n, const json_t *expected)
{
    assert_int_equal(n, json_array_size(expected));
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(ids[i], json_integer_value(json_array_get(expected, i)));
    }
}

static void what_goes_around_a_text_is_known(void **state)
{
    size_t k, n_with = 0;
    json_t *kind;

    (void)state;
    json_array_foreach(json_object_get(golden, "kinds"), k, kind)
    {
        struct sc_tokenizer *tokenizer = tokenizer_of(kind);
        struct sc_tokenizer_around around = sc_tokenizer_around(tokenizer);
        const json_t *expected = json_object_get(kind, "around");

        assert_ids(around.before, around.n_before, json_array_get(expected, 0));
        assert_ids(around.after, around.n_after, json_array_get(expected, 1));
        n_with += around.n_before > 0;
        sc_tokenizer_close(tokenizer);
    }
    assert_true(n_with >= 2);
}

static void processors_in_sequence_go_around_each_other(void **state)
{
    struct sc_tokenizer *tokenizer = parse_text(
        "{\"model\":{\"vocab\":{\"a\":0,\"b\":1,\"c\":2},\"merges\":[]},\"post_processor\":{"
        "\"type\":"
        "\"Sequence\",\"processors\":[{\"type\":\"RobertaProcessing\",\"cls\":[\"a\",0],\"sep\":["
        "\"b\","
        "1]},{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"c\"}},"
        "{\"Sequence\":{\"id\":\"A\"}},{\"SpecialToken\":{\"id\":\"c\"}}],\"special_tokens\":{"
        "\"c\":"
        "{\"ids\":[2,1]}}}]}}");
    struct sc_tokenizer_around around = sc_tokenizer_around(tokenizer);
    static const int32_t before[] = {2, 1, 0}, after[] = {1, 2, 1};

    (void)state;
    assert_int_equal(around.n_before, 3);
    assert_memory_equal(around.before, before, sizeof before);
    assert_int_equal(around.n_after, 3);
    assert_memory_equal(around.after, after, sizeof after);
    sc_tokenizer_close(tokenizer);
}

/* ---- what tokens say ------------------------------------------------------------------------- */

static void says(const struct sc_tokenizer *tokenizer, const char *text, const char *expected)
{
    struct sc_ids ids = {0};
    char *back = NULL;

    append(tokenizer, text, strlen(text), true, &ids);
    assert_int_equal(sc_tokenizer_decode(tokenizer, ids.ids, ids.n, true, &back, NULL), SC_OK);
    assert_string_equal(back, expected);
    sc_release(back);
    sc_free(ids.ids);
}

static void a_vocabulary_of_text_says_its_text_again(void **state)
{
    struct sc_tokenizer *llama = tokenizer_named("llama2"), *gemma = tokenizer_named("gemma");
    struct sc_tokenizer *never = tokenizer_named("metaspace_never");
    size_t n = 0;

    (void)state;
    /* The space that the normalizer puts before a text is one of the text's tokens. */
    says(llama, "the committee met", " the committee met");
    says(llama, "a\nb\t\xf0\x9f\x98\x80 caf\xc3\xa9", " a\nb\t\xf0\x9f\x98\x80 caf\xc3\xa9");
    says(llama, "x<s>y", " x<s> y");
    says(gemma, "two  spaces\n\nlines", "two  spaces\n\nlines");
    says(never, "the committee", "the committee");
    /* A byte's token says the byte, which may be a part of a character. */
    assert_memory_equal(sc_tokenizer_bytes(llama, sc_tokenizer_id(llama, "<0xF0>"), &n), "\xf0", 1);
    assert_int_equal(n, 1);
    assert_memory_equal(sc_tokenizer_bytes(llama, sc_tokenizer_id(llama, MARK), &n), " ", 1);
    assert_int_equal(n, 1);
    sc_tokenizer_close(llama);
    sc_tokenizer_close(gemma);
    sc_tokenizer_close(never);
}

/* As its first one, for which there is no room yet. */
static void an_empty_piece_of_a_vocabulary_of_text_is_an_error(void **state)
{
    static const char text[] =
        "{\"model\":{\"type\":\"BPE\",\"byte_fallback\":true,\"vocab\":{\"\":0,\"a\":1},\"merges\":"
        "[]},"
        "\"decoder\":{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Replace\",\"pattern\":{"
        "\"String\":\"" MARK
        "\"},\"content\":\" \"},{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"}]}}";
    struct sc_tokenizer *out = NULL;
    struct sc_error error = {0};
    (void)state;

    assert_int_equal(sc_tokenizer_parse(&out, text, sizeof text - 1, NULL, 0, &error),
                     SC_ERR_FORMAT);
    assert_non_null(strstr(error.text, "token 0: expected text, found none"));
}

static void a_character_that_no_token_spells_is_an_error(void **state)
{
    struct sc_tokenizer *tokenizer =
        parse_text("{\"model\":{\"vocab\":{\"a\":0,\"<0xC3>\":1},\"merges\":[],\"byte_fallback\":"
                   "true,\"unk_token\":\"absent\"}}");
    struct sc_ids ids = {0};
    struct sc_error error = {0};

    (void)state;
    append(tokenizer, "aa", 2, false, &ids);
    assert_int_equal(ids.n, 2);
    assert_int_equal(sc_tokenizer_append(tokenizer, "a\xc3\xa9", 3, false, &ids, &error),
                     SC_ERR_UNSUPPORTED);
    assert_clear(&error);
    assert_non_null(strstr(error.text, "\xc3\xa9"));
    sc_free(ids.ids);
    sc_tokenizer_close(tokenizer);
}

/* ---- added tokens ---------------------------------------------------------------------------- */

/* The ids of a text in which {} are the bounds of what came from outside. */
static void append_marked(const struct sc_tokenizer *tokenizer, const char *marked,
                          struct sc_ids *ids)
{
    struct sc_jinja_span spans[8];
    struct sc_text text = {0};
    struct sc_error error = {0};
    size_t n_spans = 0;

    for (const char *c = marked; *c != '\0'; c++) {
        if (*c == '{') {
            spans[n_spans].begin = text.len;
        } else if (*c == '}') {
            spans[n_spans++].end = text.len;
        } else {
            sc_text_add(&text, c, 1);
        }
    }
    ids->n = 0;
    assert_int_equal(
        sc_tokenizer_append_marked(tokenizer, text.data, text.len, spans, n_spans, ids, &error),
        SC_OK);
    sc_text_free(&text);
}

static size_t count_of(const struct sc_tokenizer *tokenizer, const char *marked, const char *token)
{
    struct sc_ids ids = {0};
    int32_t id = sc_tokenizer_id(tokenizer, token);
    size_t n = 0;

    assert_true(id >= 0);
    append_marked(tokenizer, marked, &ids);
    for (size_t i = 0; i < ids.n; i++) {
        n += ids.ids[i] == id;
    }
    sc_free(ids.ids);
    return n;
}

static void control_tokens_from_outside_are_text_in_every_kind(void **state)
{
    struct sc_tokenizer *phi = tokenizer_named("phi3"), *deepseek = tokenizer_named("deepseek");
    struct sc_tokenizer *neox = tokenizer_named("neox"), *flags = tokenizer_named("flags");

    (void)state;
    assert_int_equal(count_of(phi, "<|user|>{<|user|>}<|end|>{<|end|>}", "<|user|>"), 1);
    assert_int_equal(count_of(phi, "<|user|>{<|user|>}<|end|>{<|end|>}", "<|end|>"), 1);
    /* Looked for after normalisation, which changes nothing here or what is around. */
    assert_int_equal(count_of(deepseek,
                              "<\xef\xbd\x9cUser\xef\xbd\x9c>{<\xef\xbd\x9cUser\xef\xbd\x9c>}",
                              "<\xef\xbd\x9cUser\xef\xbd\x9c>"),
                     1);
    assert_int_equal(count_of(neox, "\xc3\xa9!{\xc3\xa9!}e\xcc\x81!{e\xcc\x81!}", "e\xcc\x81!"), 2);
    assert_int_equal(count_of(neox, "e{\xcc\x81}! {e}\xcc\x81! e\xcc\x81{!}", "e\xcc\x81!"), 0);
    assert_int_equal(count_of(neox, "{q\xcc\xa3\xcc\x81 }\xc3\xa9!{\xcc\x81}", "e\xcc\x81!"), 1);
    assert_int_equal(count_of(flags, "<s>{<s>}", "<s>"), 1);
    assert_int_equal(count_of(flags, "{<s>}<{s}>", "<s>"), 0);
    sc_tokenizer_close(phi);
    sc_tokenizer_close(deepseek);
    sc_tokenizer_close(neox);
    sc_tokenizer_close(flags);
}

static void added_tokens_that_are_text_are_recognised_from_anywhere(void **state)
{
    struct sc_tokenizer *gemma = tokenizer_named("gemma"), *neox = tokenizer_named("neox");

    (void)state;
    assert_int_equal(count_of(gemma, "{a\n\nb<h1>}", "\n\n"), 1);
    assert_int_equal(count_of(gemma, "{a\n}\nb", "\n\n"), 1);
    assert_int_equal(count_of(gemma, "{<h1><mask><bos>}", "<h1>"), 1);
    assert_int_equal(count_of(gemma, "{<h1><mask><bos>}", "<mask>"), 0);
    assert_int_equal(count_of(gemma, "{<bos>}<bos>{\n\n<bos>}", "<bos>"), 1);
    assert_int_equal(count_of(neox, "{x    y}", "    "), 1);
    assert_int_equal(count_of(neox, "{<think>}", "<think>"), 0);
    assert_true(sc_added_is_text(" \t\n", 3) && sc_added_is_text("</table>", 8));
    assert_false(sc_added_is_text("<s>", 3) || sc_added_is_text("<think>", 7));
    assert_false(sc_added_is_text("<>", 2) || sc_added_is_text("table", 5));
    sc_tokenizer_close(gemma);
    sc_tokenizer_close(neox);
}

/* With and without flags the same normal form; and where all is trusted, all tokens are found. */
static void marks_change_no_text(void **state)
{
    static const char *const units[] = {"e",
                                        "\xcc\x81",
                                        "\xcc\xa3",
                                        "\xe1\x84\x80",
                                        "<",
                                        "\xe1\x85\xa1",
                                        "\xe1\x86\xa8",
                                        "\xc3\xa9",
                                        "\xea\xb0\x80",
                                        "\xe0\xad\x87",
                                        "\xe0\xac\xbe",
                                        "\xdf\xbd",
                                        " ",
                                        "\xef\xac\x81",
                                        "\xcd\x84",
                                        "\xe2\x84\xab"};
    struct sc_random random = {SC_STREAM_BENCHMARK, 31, 0, 0};

    (void)state;
    for (size_t round = 0; round < 4000; round++) {
        enum sc_normal_form form = (enum sc_normal_form)(round % 4);
        struct sc_flagged plain = {0}, marked = {0};
        struct sc_text text = {0}, flags = {0};

        for (size_t i = sc_random_below(&random, 30) + 1; i > 0; i--) {
            const char *unit = units[sc_random_below(&random, sizeof units / sizeof units[0])];
            char outside = (char)sc_random_below(&random, 2);
            sc_text_puts(&text, unit);
            for (size_t k = strlen(unit); k > 0; k--) {
                sc_text_putc(&flags, outside);
            }
        }
        assert_int_equal(sc_normal_form(form, text.data, NULL, text.len, &plain, NULL), SC_OK);
        assert_int_equal(sc_normal_form(form, text.data, flags.data, text.len, &marked, NULL),
                         SC_OK);
        assert_int_equal(plain.text.len, marked.text.len);
        assert_memory_equal(plain.text.data, marked.text.data, plain.text.len);
        assert_int_equal(marked.flags.len, marked.text.len);
        sc_flagged_free(&plain);
        sc_flagged_free(&marked);
        sc_text_free(&text);
        sc_text_free(&flags);
    }
}

/* ---- Unicode --------------------------------------------------------------------------------- */

static size_t n_pieces(const char *pattern, const char *text)
{
    struct sc_splitter *splitter = NULL;
    struct sc_pieces pieces;
    size_t count = 0, n = 0;

    assert_int_equal(sc_splitter_new(&splitter, pattern, NULL), SC_OK);
    assert_int_equal(sc_pieces_start(&pieces, splitter, NULL), SC_OK);
    sc_pieces_set(&pieces, text, strlen(text));
    do {
        const char *piece;
        assert_int_equal(sc_pieces_next(&pieces, &piece, &n, NULL), SC_OK);
        count += n > 0;
    } while (n > 0);
    sc_pieces_stop(&pieces);
    sc_splitter_free(splitter);
    return count;
}

static void newer_characters_have_their_categories(void **state)
{
    (void)state;
    /* Kaktovik numerals (15.0), a letter of 16.0, and a mark that became a spacing one. */
    assert_int_equal(n_pieces("\\p{N}", "\U0001d2c0\U0001d2c1"), 2);
    assert_int_equal(n_pieces("\\p{L}+", "a\U00031350\u1c89b"), 1);
    assert_int_equal(n_pieces("[^\\p{L}]+", "\U00031350-"), 2);
    assert_int_equal(n_pieces("\\P{L}+", "\U00031350-"), 2);
    assert_int_equal(n_pieces("\\p{Mn}+", "\U0001171e\U0001171d"), 2);
    assert_int_equal(n_pieces("\\P{Mn}+", "a\U0001171e"), 1);
    assert_int_equal(n_pieces("\\p{Cn}+", "\U0001d2c0\U0003fff0"), 2);
    assert_int_equal(n_pieces("\\w+", "a\U0001d7d9\u24b6"), 1);
    assert_true(sc_unicode_has_newer("ab\U0001d2c0", 6));
    assert_false(sc_unicode_has_newer("ab\U0001d7d9\u4e00\uac00", 12));
    for (size_t i = 1; i < sc_n_unicode_newer; i++) {
        assert_true(sc_unicode_newer[i - 1].last < sc_unicode_newer[i].first);
    }
}

static void patterns_mean_what_they_do_in_ruby(void **state)
{
    (void)state;
    assert_int_equal(n_pieces("\\p{N}{1,3}+", "1234567"), 1); /* repeated, not possessive */
    assert_int_equal(n_pieces("a{2}?b", "aabb"), 2);          /* optional, not lazy */
    assert_int_equal(n_pieces("(?:ab){2}+", "abababab"), 1);
    assert_int_equal(n_pieces("x++x|x", "xx"), 2);
    assert_int_equal(n_pieces("\\s+$|\\s", "  \n  "), 1);
    assert_int_equal(n_pieces("^b", "a\nb\nb"), 4);
    assert_int_equal(n_pieces("(?i)AB|c", "abC"), 2);
    assert_int_equal(n_pieces("(?<=a)b", "ab b"), 3);
}

/* ---- large, hostile, out of memory ----------------------------------------------------------- */

static void a_text_without_pieces_is_merged_in_reasonable_time(void **state)
{
    static const char *const units[] = {"a",  "the ",    " ", "\xf0\x9f\x98\x80",
                                        MARK, "<|end|>", "\n"};
    static const char *const kinds[] = {"llama2", "mistral", "gemma", "phi3"};
    const size_t n = (size_t)1 << 18;
    char *text = sc_alloc(n);
    struct sc_ids ids = {0};

    (void)state;
    assert_non_null(text);
    for (size_t k = 0; k < 4; k++) {
        struct sc_tokenizer *tokenizer = tokenizer_named(kinds[k]);
        for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
            size_t unit = strlen(units[i]), used = n / unit * unit;
            for (size_t at = 0; at < used; at += unit) {
                memcpy(text + at, units[i], unit);
            }
            append(tokenizer, text, used, true, &ids);
            assert_true(ids.n > 0 && ids.n <= used + 1);
        }
        sc_tokenizer_close(tokenizer);
    }
    sc_free(ids.ids);
    sc_free(text);
}

/* All parts at once, and few entries. */
static const char everything[] =
    "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"<unk>\":0,\"a\":1,\"b\":2,\"ab\":3,\"" MARK
    "\":4,\"<0xC3>\":5,\"<0xA9>\":6,\"" MARK "ab\":7},\"merges\":[[\"a\",\"b\"],[\"" MARK
    "\",\"ab\"]],\"unk_token\":\"<unk>\",\"byte_fallback\":true,\"fuse_unk\":true},"
    "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Strip\",\"strip_left\":"
    "true,"
    "\"strip_right\":true},{\"type\":\"NFC\"},{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"z+\"},"
    "\"content\":\"b\"},{\"type\":\"Prepend\",\"prepend\":\"" MARK "\"}]},"
    "\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":"
    "{\"Regex\":\"[0-9]+\"},\"behavior\":\"Contiguous\",\"invert\":false},{\"type\":"
    "\"Metaspace\","
    "\"replacement\":\"" MARK "\",\"prepend_scheme\":\"first\",\"split\":true}]},"
    "\"decoder\":{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Replace\",\"pattern\":{"
    "\"String\":\"" MARK "\"},\"content\":\" \"},{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"}]},"
    "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":"
    "\"s\"}},"
    "{\"Sequence\":{\"id\":\"A\"}},{\"SpecialToken\":{\"id\":\"s\"}}],\"special_tokens\":{\"s\":{"
    "\"ids\":"
    "[0]}}},\"added_tokens\":[{\"id\":9,\"content\":\"<x>\",\"special\":true},{\"id\":10,"
    "\"content\":"
    "\"<y>\",\"normalized\":true,\"lstrip\":true,\"rstrip\":true}]}";

/* Allocations of the parser of JSON alone, which reads on behind its buffer when one fails. */
static size_t n_of_parser(void)
{
    json_t *top = NULL;
    size_t n;

    sc_memory_fail_at(SIZE_MAX - 1);
    assert_int_equal(sc_json_parse(everything, sizeof everything - 1, "", &top, NULL), SC_OK);
    n = sc_memory_count();
    sc_memory_fail_at(SIZE_MAX);
    json_decref(top);
    return n;
}

static void loading_survives_failing_allocations(void **state)
{
    bool done = false;

    (void)state;
    for (size_t at = n_of_parser() + 1; !done; at++) {
        struct sc_tokenizer *tokenizer = NULL;
        struct sc_error error = {0};

        assert_in_range(at, 0, 100000);
        sc_memory_fail_at(at);
        sc_tokenizer_parse(&tokenizer, everything, sizeof everything - 1, NULL, 0, &error);
        done = sc_memory_count() <= at;
        sc_memory_fail_at(SIZE_MAX);
        assert_true(!done || tokenizer != NULL);
        assert_true((tokenizer == NULL) == (error.status != SC_OK));
        sc_tokenizer_close(tokenizer);
    }
}

static void encoding_survives_failing_allocations(void **state)
{
    static const char text[] = "  <x> e\xcc\x81 zz12 ab <y> \xc3\xa9 ab\n<x>abababababababababab"
                               "ababababababababababababababababababababab1<y>";
    const struct sc_jinja_span outside[] = {{0, 3}, {6, 14}, {30, 44}};
    struct sc_tokenizer *tokenizer = parse_text(everything);
    bool done = false;

    (void)state;
    for (size_t at = 0; !done; at++) {
        struct sc_ids ids = {0};
        struct sc_error error = {0};

        assert_in_range(at, 0, 10000);
        sc_memory_fail_at(at);
        enum sc_status status =
            sc_tokenizer_append_marked(tokenizer, text, sizeof text - 1, outside, 3, &ids, &error);
        done = sc_memory_count() <= at;
        sc_memory_fail_at(SIZE_MAX);
        assert_int_equal(status, done ? SC_OK : SC_ERR_NOMEM);
        sc_free(ids.ids);
    }
    sc_tokenizer_close(tokenizer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_those_of_the_reference),
        cmocka_unit_test(what_goes_around_a_text_is_known),
        cmocka_unit_test(processors_in_sequence_go_around_each_other),
        cmocka_unit_test(a_vocabulary_of_text_says_its_text_again),
        cmocka_unit_test(an_empty_piece_of_a_vocabulary_of_text_is_an_error),
        cmocka_unit_test(a_character_that_no_token_spells_is_an_error),
        cmocka_unit_test(control_tokens_from_outside_are_text_in_every_kind),
        cmocka_unit_test(added_tokens_that_are_text_are_recognised_from_anywhere),
        cmocka_unit_test(marks_change_no_text),
        cmocka_unit_test(newer_characters_have_their_categories),
        cmocka_unit_test(patterns_mean_what_they_do_in_ruby),
        cmocka_unit_test(a_text_without_pieces_is_merged_in_reasonable_time),
        cmocka_unit_test(loading_survives_failing_allocations),
        cmocka_unit_test(encoding_survives_failing_allocations),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
