/* Tokenizers: recorded ids, broken files, hostile text, round trips. */
#include <utf8proc.h>

#include "base/random.h"
#include "model/tokenizer/parts.h"
#include "model/tokenizer/tokenizer.h"
#include "model_fixture.h"

static struct sc_tokenizer *small; /* of small_tokenizer() */
static struct sc_tokenizer *real;  /* the published one, or NULL */

static enum sc_status parse_top(const json_t *top, struct sc_tokenizer **out,
                                struct sc_error *error)
{
    char *text = json_text(top);
    enum sc_status status = sc_tokenizer_parse(out, text, strlen(text), NULL, 0, error);

    sc_free(text);
    return status;
}

static int set_up(void **state)
{
    json_t *top = small_tokenizer();
    struct sc_error error = {0};
    enum sc_status status = parse_top(top, &small, &error);

    (void)state;
    json_decref(top);
    if (status == SC_OK && sc_file_exists(REAL_TOKENIZER)) {
        status = sc_tokenizer_open(&real, REAL_TOKENIZER, &error);
    }
    if (status != SC_OK) {
        printf("%s\n", error.text);
    }
    return status == SC_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    sc_tokenizer_close(small);
    sc_tokenizer_close(real);
    sc_tokenizer_close(NULL);
    return 0;
}

static void encodes_to(const struct sc_tokenizer *tokenizer, const char *text, size_t n_bytes,
                       bool special, const int32_t *expected, size_t n)
{
    struct sc_error error = {0};
    int32_t *ids = NULL;
    size_t n_ids = 0;

    assert_int_equal(sc_tokenizer_encode(tokenizer, text, n_bytes, special, &ids, &n_ids, &error),
                     SC_OK);
    if (n_ids != n || memcmp(ids, expected, n * sizeof *ids) != 0) {
        printf("\"%s\" gave", text);
        for (size_t i = 0; i < n_ids; i++) {
            printf(" %d", (int)ids[i]);
        }
        printf("\n");
    }
    assert_int_equal(n_ids, n);
    assert_memory_equal(ids, expected, n * sizeof *ids);
    sc_release(ids);
}

#define ENCODES(text, special, ...)                                                                \
    do {                                                                                           \
        const int32_t expected_ids[] = {__VA_ARGS__};                                              \
        encodes_to(small, text, sizeof(text) - 1, special, expected_ids,                           \
                   sizeof expected_ids / sizeof expected_ids[0]);                                  \
    } while (0)

/* ---- exactness
 * ------------------------------------------------------------------------------------ */

static void recorded_ids_are_reproduced(void **state)
{
    FILE *file = fopen(GOLDEN_TOKENIZER, "r");
    char *line = NULL;
    size_t cap = 0, n = 0;

    (void)state;
    if (file == NULL || real == NULL) {
        skip();
    }
    while (getline(&line, &cap, file) > 0) {
        json_t *row = parse_json(line), *list = json_object_get(row, "ids");
        const char *text = json_string_value(json_object_get(row, "text"));
        int32_t *expected = sc_alloc_array(json_array_size(list), sizeof *expected);
        size_t i;
        json_t *value;

        json_array_foreach(list, i, value)
        {
            expected[i] = (int32_t)json_integer_value(value);
        }
        encodes_to(real, text, strlen(text), true, expected, json_array_size(list));
        sc_free(expected);
        json_decref(row);
        n++;
    }
    assert_true(n > 2000);
    free(line);
    fclose(file);
}

static void small_vocabulary_merges_by_rank(void **state)
{
    (void)state;
    ENCODES("hello", false, 261);
    ENCODES("hello hello", false, 261, 262);
    ENCODES("hell", false, 260);
    ENCODES("aaa", false, 256, 'a');
    ENCODES("aaaaaa", false, 257, 256);
    ENCODES("xyxy", false, 266, 266);
    /* "user" is made of "us" and "er", and goes before what else would follow. */
    ENCODES("user", false, 264);
    ENCODES("ser", false, 's', 265);
}

static void text_is_normalised(void **state)
{
    (void)state;
    /* e and a combining acute are é. */
    ENCODES("e\xcc\x81", false, 0xc3, 0xa9);
    /* The marks are put in order: dot below (220) before acute (230). */
    ENCODES("q\xcc\x81\xcc\xa3", false, 'q', 0xcc, 0xa3, 0xcc, 0x81);
    /* Hangul is composed. */
    ENCODES("\xe1\x84\x80\xe1\x85\xa1", false, 0xea, 0xb0, 0x80);
    /* Compatibility forms stay. */
    ENCODES("\xef\xac\x83", false, 0xef, 0xac, 0x83);
}

static void spaces_are_those_of_unicode(void **state)
{
    /* U+180E has not been a space since Unicode 6.3, U+0085 is one: the pattern `
     * ?[^\s\p{L}\p{N}]+` takes a space before the former; two spaces before the latter stay one
     * piece.  With only bytes in the vocabulary the pieces do not show, so the splitter is asked
     * itself. */
    static const struct {
        const char *text;
        size_t pieces[4];
    } cases[] = {{" \xe1\xa0\x8e", {4}}, {"  \xc2\x85", {4}},    {"  a", {1, 2}},
                 {" \xe2\x80\x8b", {4}}, {"a b", {1, 2}},        {"123", {1, 1, 1}},
                 {"it's'LL", {2, 2, 3}}, {"a\n\n b", {1, 2, 2}}, {"!!\r\n\r\nx", {6, 1}},
                 {"\t\tx", {1, 2}}};
    struct sc_splitter *splitter = NULL;
    struct sc_error error = {0};

    (void)state;
    assert_int_equal(sc_splitter_new(&splitter, SPLIT_PATTERN, &error), SC_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sc_pieces pieces;

        assert_int_equal(sc_pieces_start(&pieces, splitter, &error), SC_OK);
        sc_pieces_set(&pieces, cases[i].text, strlen(cases[i].text));
        for (size_t k = 0; k < 4; k++) {
            const char *piece;
            size_t n = 0;

            assert_int_equal(sc_pieces_next(&pieces, &piece, &n, &error), SC_OK);
            assert_int_equal(n, cases[i].pieces[k]);
        }
        sc_pieces_stop(&pieces);
    }
    sc_splitter_free(splitter);
}

static void what_a_pattern_leaves_is_a_piece(void **state)
{
    struct sc_splitter *splitter = NULL;
    struct sc_error error = {0};
    struct sc_pieces pieces;
    const char *piece;
    const size_t expected[] = {2, 1, 1, 2, 0};
    size_t n = 0;

    (void)state;
    assert_int_equal(sc_splitter_new(&splitter, "\\p{N}", &error), SC_OK);
    assert_int_equal(sc_pieces_start(&pieces, splitter, &error), SC_OK);
    sc_pieces_set(&pieces, "ab12cd", 6);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(sc_pieces_next(&pieces, &piece, &n, &error), SC_OK);
        assert_int_equal(n, expected[i]);
    }
    sc_pieces_stop(&pieces);
    sc_splitter_free(splitter);
}

static void patterns_that_may_mean_something_else_are_refused(void **state)
{
    static const char *const patterns[] = {
        "",           "a*",       "(",       "[",        "[a",     "a)",          "^*a",
        "\\bx",       "\\h",      "\\x41",   "\\p{Han}", "\\pL",   "\\p{^L}",     "\\p{Lb}",
        "\\p{L",      "\\",       "(?<n>a)", "(?x)a",    "(?#c)a", "(?R)",        "(?C1)a",
        "(*COMMIT)a", "(?<=a+)b", "[a[b]]",  "[a&&b]",   "[]a]",   "[[:alpha:]]", "a(?i)b",
        "a{,3}",      "a{x}",     "[\\s-a]", "(a)\\1",   "a{3,1}", "\\G",         "\\K",
        "(?i",        "\\u{41}",  "a|",      "(?:a|b*)", "[\\W]",  "[\\P{L}]",    "[\\p{C}]",
        "a{2}?"};

    (void)state;
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        struct sc_splitter *splitter = NULL;
        struct sc_error error = {0};

        if (sc_splitter_new(&splitter, patterns[i], &error) == SC_OK) {
            printf("accepted: %s\n", patterns[i]);
        }
        assert_null(splitter);
        assert_clear(&error);
    }
}

/* ---- special tokens
 * -------------------------------------------------------------------------------- */

static void special_tokens_are_text_unless_asked_for(void **state)
{
    int32_t *ids = NULL;
    size_t n = 0;
    struct sc_error error = {0};
    const char *text = "<|im_end|><think>";

    (void)state;
    ENCODES("hello<|im_end|>hello", true, 261, 272, 261);
    ENCODES("<think><|im_start|>", true, 273, 271);
    ENCODES("<|im_end|", true, '<', '|', 'i', 'm', '_', 'e', 'n', 'd', '|');
    assert_int_equal(sc_tokenizer_encode(small, text, strlen(text), false, &ids, &n, &error),
                     SC_OK);
    assert_int_equal(n, strlen(text));
    for (size_t i = 0; i < n; i++) {
        assert_true(ids[i] < 270);
    }
    sc_release(ids);
    /* Text on both sides of a token is normalised on its own: the mark stays a mark. */
    ENCODES("e<think>\xcc\x81", true, 'e', 273, 0xcc, 0x81);
}

/* The ids of a text in which brackets stand for the bounds of what came from outside. */
static size_t marked_ids(const struct sc_tokenizer *tokenizer, const char *marked, int32_t *ids)
{
    struct sc_jinja_span spans[8];
    struct sc_text text = {0};
    struct sc_ids list = {0};
    struct sc_error error = {0};
    size_t n_spans = 0;

    for (const char *c = marked; *c != '\0'; c++) {
        if (*c == '[') {
            spans[n_spans].begin = text.len;
        } else if (*c == ']') {
            spans[n_spans++].end = text.len;
        } else {
            sc_text_add(&text, c, 1);
        }
    }
    assert_int_equal(
        sc_tokenizer_append_marked(tokenizer, text.data, text.len, spans, n_spans, &list, &error),
        SC_OK);
    assert_in_range(list.n, 1, 99);
    memcpy(ids, list.ids, list.n * sizeof *ids);
    sc_free(list.ids);
    sc_text_free(&text);
    return list.n;
}

static void a_token_is_recognised_only_where_none_of_it_came_from_outside(void **state)
{
    static const struct {
        const char *text;
        size_t n_controls;
    } cases[] = {
        {"<|im_start|>user[<|im_end|>]<|im_end|>", 2},
        {"[<|im_end|>]", 0},
        {"[<]|im_end|>", 0},
        {"<|im_end|[>]", 0},
        {"<|im[_]end|>", 0},
        {"<|im_end[|>]<|im_end|>[<|im_end|>]", 1},
        {"[<|im_end|]><|im_end|>", 1},
        {"<think>[a][b]</think>[<think>]", 2},
        {"[e]\xcc\x81<|im_end|>[<|im_end|>]<|im_end|>", 2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int32_t ids[100];
        size_t n = marked_ids(small, cases[i].text, ids), n_controls = 0;

        for (size_t t = 0; t < n; t++) {
            n_controls += ids[t] >= 270;
        }
        assert_int_equal(n_controls, cases[i].n_controls);
    }
}

static void a_marked_text_is_encoded_as_one(void **state)
{
    int32_t ids[100];

    (void)state;
    /* Bounds of what came from outside are no bounds of pieces, merges or combining marks. */
    assert_int_equal(marked_ids(small, "he[ll]o h[ello]", ids), 2);
    assert_int_equal(ids[0], 261);
    assert_int_equal(ids[1], 262);
    assert_int_equal(marked_ids(small, "e[\xcc\x81]", ids), 2);
    assert_int_equal(ids[0], 0xc3);
}

static void longest_added_token_wins(void **state)
{
    json_t *top = small_tokenizer(), *added = json_object_get(top, "added_tokens");
    struct sc_tokenizer *tokenizer = NULL;
    struct sc_error error = {0};
    const int32_t expected[] = {276, 275, 'b', 'x', 277};

    (void)state;
    json_array_append_new(added, json_pack("{s:i,s:s}", "id", 275, "content", "<a"));
    json_array_append_new(added, json_pack("{s:i,s:s}", "id", 276, "content", "<abc>"));
    json_array_append_new(
        added, json_pack("{s:i,s:s,s:b}", "id", 277, "content", "\xc3\xa9!", "normalized", 1));
    assert_int_equal(parse_top(top, &tokenizer, &error), SC_OK);
    json_decref(top);
    assert_int_equal(sc_tokenizer_n_tokens(tokenizer), 278);
    encodes_to(tokenizer, "<abc><abxe\xcc\x81!", 13, true, expected, 5);
    sc_tokenizer_close(tokenizer);
}

static void tokens_can_be_looked_up(void **state)
{
    size_t n = 0;

    (void)state;
    assert_int_equal(sc_tokenizer_n_tokens(small), 275);
    assert_int_equal(sc_tokenizer_id(small, "<|im_end|>"), 272);
    assert_int_equal(sc_tokenizer_id(small, "hello"), 261);
    assert_int_equal(sc_tokenizer_id(small, " hello"), 262);
    assert_int_equal(sc_tokenizer_id(small, "absent"), -1);
    assert_int_equal(sc_tokenizer_id(small, ""), -1);
    assert_true(sc_tokenizer_is_special(small, 272));
    assert_false(sc_tokenizer_is_special(small, 273));
    assert_false(sc_tokenizer_is_special(small, 'a'));
    assert_false(sc_tokenizer_is_special(small, -1));
    assert_memory_equal(sc_tokenizer_bytes(small, 262, &n), " hello", 6);
    assert_int_equal(n, 6);
    assert_memory_equal(sc_tokenizer_bytes(small, 0xff, &n), "\xff", 1);
    assert_int_equal(n, 1);
    assert_memory_equal(sc_tokenizer_bytes(small, 271, &n), "<|im_start|>", 12);
    assert_null(sc_tokenizer_bytes(small, 269, &n)); /* a gap */
    assert_null(sc_tokenizer_bytes(small, -1, &n));
    assert_null(sc_tokenizer_bytes(small, 275, &n));
    if (real != NULL) {
        assert_int_equal(sc_tokenizer_n_tokens(real), 151669);
        assert_int_equal(sc_tokenizer_id(real, "<think>"), 151667);
        assert_true(sc_tokenizer_is_special(real, 151645));
    }
}

/* ---- bytes and text
 * ---------------------------------------------------------------------------------- */

static void decodes_to(const int32_t *ids, size_t n, bool with_special, const char *expected)
{
    struct sc_error error = {0};
    char *text = NULL;

    assert_int_equal(sc_tokenizer_decode(small, ids, n, with_special, &text, &error), SC_OK);
    assert_string_equal(text, expected);
    sc_release(text);
}

static void decodes_to_valid_text(void **state)
{
    const int32_t ids[] = {261, 272, 262, 273}, cut[] = {'a', 0xe6, 0x97}, nul[] = {'a', 0, 'b'};
    const int32_t gap[] = {'a', 269};
    struct sc_error error = {0};
    char *text = NULL;

    (void)state;
    decodes_to(ids, 4, false, "hello hello<think>");
    decodes_to(ids, 4, true, "hello<|im_end|> hello<think>");
    decodes_to(cut, 3, false, "a\xef\xbf\xbd");
    decodes_to(nul, 3, false,
               "a\xef\xbf\xbd"
               "b");
    decodes_to(ids, 0, false, "");
    assert_int_equal(sc_tokenizer_decode(small, gap, 2, false, &text, &error), SC_ERR_ARGUMENT);
    assert_clear(&error);
    assert_null(text);
}

static void broken_text_is_refused(void **state)
{
    static const char *const texts[] = {"a\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                        "abc\xe6\x97"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct sc_error error = {0};
        int32_t *ids = NULL;
        size_t n;

        assert_int_equal(
            sc_tokenizer_encode(small, texts[i], strlen(texts[i]), false, &ids, &n, &error),
            SC_ERR_ARGUMENT);
        assert_clear(&error);
        assert_null(ids);
    }
}

/* A random text of all kinds of characters, without NUL. */
static void random_text(struct sc_random *random, struct sc_text *text)
{
    static const uint32_t ranges[][2] = {
        {1, 0x7f},        {0x20, 0x7e},     {0xa0, 0x24f},     {0x300, 0x36f},   {0x370, 0x5ff},
        {0x900, 0x97f},   {0x1100, 0x11ff}, {0x2000, 0x206f},  {0x3040, 0x30ff}, {0x4e00, 0x4fff},
        {0xac00, 0xad00}, {0xfb00, 0xfb4f}, {0x1f300, 0x1f6ff}};
    size_t n = sc_random_below(random, 60);

    sc_text_clear(text);
    sc_text_puts(text, "");
    for (size_t i = 0; i < n; i++) {
        size_t range = sc_random_below(random, sizeof ranges / sizeof ranges[0]);
        char bytes[4];
        uint32_t width = ranges[range][1] - ranges[range][0] + 1;

        sc_text_add(
            text, bytes,
            sc_utf8_encode(ranges[range][0] + (uint32_t)sc_random_below(random, width), bytes));
    }
}

static void round_trips_give_nfc(void **state)
{
    struct sc_random random = {SC_STREAM_BENCHMARK, 11, 0, 0};
    struct sc_text text = {0};

    (void)state;
    for (size_t round = 0; round < 4000; round++) {
        const struct sc_tokenizer *tokenizer = real != NULL && round % 2 ? real : small;
        struct sc_error error = {0};
        int32_t *ids = NULL;
        size_t n = 0;
        char *back = NULL, *nfc;

        random_text(&random, &text);
        assert_int_equal(
            sc_tokenizer_encode(tokenizer, text.data, text.len, false, &ids, &n, &error), SC_OK);
        assert_int_equal(sc_tokenizer_decode(tokenizer, ids, n, true, &back, &error), SC_OK);
        nfc = (char *)utf8proc_NFC((const utf8proc_uint8_t *)text.data);
        assert_string_equal(back, nfc);
        free(nfc);
        sc_release(back);
        sc_release(ids);
    }
    sc_text_free(&text);
}

/* The definition, step by step: of all neighbours the pair of lowest rank, the leftmost first. */
static size_t merge_slowly(const int32_t pairs[][2], size_t n_pairs, int32_t *ids, size_t n)
{
    for (;;) {
        size_t best = n_pairs, at = 0;

        for (size_t i = 0; i + 1 < n; i++) {
            for (size_t rank = 0; rank < best; rank++) {
                if (pairs[rank][0] == ids[i] && pairs[rank][1] == ids[i + 1]) {
                    best = rank;
                    at = i;
                }
            }
        }
        if (best == n_pairs) {
            return n;
        }
        ids[at] = 256 + (int32_t)best;
        memmove(&ids[at + 1], &ids[at + 2], (n - at - 2) * sizeof *ids);
        n--;
    }
}

/* Short pieces and long ones are merged in different ways, which must not show. */
static void merging_follows_the_definition(void **state)
{
    struct sc_random random = {SC_STREAM_BENCHMARK, 12, 0, 0};
    static const char letters[] = "aaaahelloxyuser";
    json_t *top = small_tokenizer(), *pair;
    size_t rank, n_pairs = 0;
    int32_t pairs[16][2];

    (void)state;
    json_array_foreach(json_object_get(json_object_get(top, "model"), "merges"), rank, pair)
    {
        pairs[rank][0] = sc_tokenizer_id(small, json_string_value(json_array_get(pair, 0)));
        pairs[rank][1] = sc_tokenizer_id(small, json_string_value(json_array_get(pair, 1)));
        n_pairs = rank + 1;
    }
    json_decref(top);
    for (size_t round = 0; round < 600; round++) {
        size_t n = 1 + sc_random_below(&random, round % 2 ? 200 : 12);
        char text[200];
        int32_t ids[200];

        for (size_t i = 0; i < n; i++) {
            text[i] = letters[sc_random_below(&random, sizeof letters - 1)];
            ids[i] = text[i];
        }
        encodes_to(small, text, n, false, ids,
                   merge_slowly((const int32_t(*)[2])pairs, n_pairs, ids, n));
    }
}

static void hostile_text_is_done_in_reasonable_time(void **state)
{
    static const char *const units[] = {"a",         " ",   "\n", "\xcc\x81\xcc\xa3", "1",
                                        "<|im_end|", " \n", "'",  "\xe1\x84\x80"};
    const size_t n = (size_t)1 << 20;
    char *text = sc_alloc(n);

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        size_t unit = strlen(units[i]), used = n / unit * unit;
        int32_t *ids = NULL;
        size_t n_ids = 0;
        struct sc_error error = {0};

        for (size_t at = 0; at < used; at += unit) {
            memcpy(text + at, units[i], unit);
        }
        assert_int_equal(sc_tokenizer_encode(small, text, used, true, &ids, &n_ids, &error), SC_OK);
        assert_true(n_ids > 0 && n_ids <= used);
        sc_release(ids);
    }
    sc_free(text);
}

/* ---- files
 * ------------------------------------------------------------------------------------------- */

/* Sets, or with value NULL removes, a field of the small tokenizer and parses it.  path is
 * "field" or "object.field". */
static enum sc_status with_field(const char *path, const char *value, struct sc_error *error)
{
    json_t *top = small_tokenizer(), *object = top, *wrapped = NULL;
    const char *dot = strchr(path, '.');
    struct sc_tokenizer *tokenizer = NULL;

    if (dot != NULL) {
        object = json_object_get(top, "model");
        path = dot + 1;
    }
    if (value != NULL) {
        struct sc_text list = {0};

        sc_text_printf(&list, "[%s]", value);
        wrapped = parse_json(list.data);
        json_object_set(object, path, json_array_get(wrapped, 0));
        sc_text_free(&list);
    } else {
        json_object_del(object, path);
    }
    enum sc_status status = parse_top(top, &tokenizer, error);
    sc_tokenizer_close(tokenizer);
    json_decref(wrapped);
    json_decref(top);
    return status;
}

static void variants_of_files_are_accepted(void **state)
{
    static const char *const cases[][2] = {
        {"normalizer", "null"},
        {"normalizer", "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFC\"}]}"},
        {"pre_tokenizer", "{\"type\":\"ByteLevel\",\"add_prefix_space\":false}"},
        {"pre_tokenizer", "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":true}"},
        {"post_processor", "{\"type\":\"ByteLevel\",\"trim_offsets\":false}"},
        {"decoder", "{\"type\":\"ByteLevel\"}"},
        {"decoder", "null"},
        {"added_tokens", NULL},
        {"added_tokens", "[{\"id\":261,\"content\":\"hello\",\"special\":true}]"},
        {"model.type", NULL},
        {"model.dropout", "null"},
        {"model.dropout", "0.0"},
        {"model.merges", "[\"h e\",\"l l\"]"},
        {"model.merges", "[]"},
        {"model.continuing_subword_prefix", "\"\""},
        {"model.unk_token", "null"},
        {"model.unk_token", "\"absent\""},
        {"model.byte_fallback", "true"},
        {"model.ignore_merges", "true"},
        {"model.merges", "[\"#version: 0.2\",\"h e\"]"},
        {"normalizer", "{\"type\":\"NFKC\"}"},
        {"pre_tokenizer", "{\"type\":\"ByteLevel\",\"use_regex\":false}"},
        {"pre_tokenizer", "{\"type\":\"ByteLevel\",\"add_prefix_space\":true}"},
        {"decoder", "{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"ByteLevel\"},"
                    "{\"type\":\"Fuse\"}]}"},
        {"post_processor", "{\"type\":\"BertProcessing\",\"cls\":[\"a\",1],\"sep\":[\"b\",2]}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sc_error error = {0};

        if (with_field(cases[i][0], cases[i][1], &error) != SC_OK) {
            printf("%s\n", error.text);
        }
        assert_int_equal(error.status, SC_OK);
    }
}

static void what_would_give_other_ids_is_refused(void **state)
{
    static const char *const cases[][2] = {
        {"model", "3"},
        {"model.type", "\"Unigram\""},
        {"model.type", "7"},
        {"model.dropout", "0.1"},
        {"model.continuing_subword_prefix", "\"##\""},
        {"model.end_of_word_suffix", "\"</w>\""},
        {"model.vocab", NULL},
        {"model.vocab", "[]"},
        {"model.vocab", "{}"},
        {"model.vocab", "{\"a\":-1}"},
        {"model.vocab", "{\"a\":1.5}"},
        {"model.vocab", "{\"a\":4194304}"},
        {"model.vocab", "{\"a\":1,\"b\":1}"},
        {"model.vocab", "{\"\":1}"},
        {"model.merges", NULL},
        {"model.merges", "{}"},
        {"model.merges", "[\"he\"]"},
        {"model.merges", "[\"h e l\"]"},
        {"model.merges", "[[\"h\"]]"},
        {"model.merges", "[[\"h\",\"e\",\"l\"]]"},
        {"model.merges", "[[\"h\",1]]"},
        {"model.merges", "[\"q q\"]"},
        {"model.merges", "[\"absent e\"]"},
        {"model.merges", "[\"h e\",\"h e\"]"},
        {"model.merges", "[3]"},
        {"model.unk_token", "7"},
        {"normalizer", "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Lowercase\"}]}"},
        {"normalizer", "{\"type\":\"Sequence\"}"},
        {"normalizer", "{\"type\":\"Prepend\"}"},
        {"normalizer", "{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"}}"},
        {"normalizer", "{\"type\":\"Replace\",\"pattern\":{\"String\":\"\"},\"content\":\"b\"}"},
        {"normalizer", "{\"type\":\"Replace\",\"pattern\":7,\"content\":\"b\"}"},
        {"normalizer", "7"},
        {"pre_tokenizer", "{\"type\":\"BertPreTokenizer\"}"},
        {"pre_tokenizer", "{\"type\":\"Sequence\"}"},
        {"pre_tokenizer", "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"ByteLevel\"},"
                          "{\"type\":\"Digits\"}]}"},
        {"pre_tokenizer",
         "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"a\"},\"behavior\":\"Odd\"}"},
        {"pre_tokenizer", "{\"type\":\"Split\",\"pattern\":{},\"behavior\":\"Removed\"}"},
        {"pre_tokenizer", "{\"type\":\"Metaspace\",\"replacement\":\"ab\"}"},
        {"pre_tokenizer",
         "{\"type\":\"Metaspace\",\"replacement\":\"a\",\"prepend_scheme\":\"last\"}"},
        {"pre_tokenizer", "{\"type\":\"FixedLength\",\"length\":0}"},
        {"post_processor", "{\"type\":\"TemplateProcessing\"}"},
        {"post_processor", "{\"type\":\"TemplateProcessing\",\"single\":[]}"},
        {"post_processor", "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":"
                           "\"<s>\"}},{\"Sequence\":{\"id\":\"A\"}}]}"},
        {"post_processor",
         "{\"type\":\"TemplateProcessing\",\"single\":[{\"Sequence\":{\"id\":\"A\"}},"
         "{\"Sequence\":{\"id\":\"B\"}}]}"},
        {"post_processor",
         "{\"type\":\"RobertaProcessing\",\"cls\":[\"a\",9999],\"sep\":[\"b\",1]}"},
        {"post_processor", "{\"type\":\"Odd\"}"},
        {"decoder", "{\"type\":\"WordPiece\"}"},
        {"decoder", "{\"type\":\"ByteFallback\"}"}, /* of a vocabulary of text */
        {"added_tokens", "{}"},
        {"added_tokens", "[3]"},
        {"added_tokens", "[{\"content\":\"<x>\"}]"},
        {"added_tokens", "[{\"id\":-1,\"content\":\"<x>\"}]"},
        {"added_tokens", "[{\"id\":300}]"},
        {"added_tokens", "[{\"id\":300,\"content\":\"\"}]"},
        {"added_tokens", "[{\"id\":261,\"content\":\"other\"}]"},
        {"added_tokens", "[{\"id\":300,\"content\":\"<x>\"},{\"id\":300,\"content\":\"<x>\"}]"},
        {"added_tokens", "[{\"id\":300,\"content\":\"<x>\"},{\"id\":301,\"content\":\"<x>\"}]"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sc_error error = {0};

        if (with_field(cases[i][0], cases[i][1], &error) == SC_OK) {
            printf("accepted: %s %s\n", cases[i][0], cases[i][1] != NULL ? cases[i][1] : "removed");
        }
        assert_clear(&error);
        assert_non_null(strstr(error.text, "tokenizer.json"));
    }
}

static void missing_bytes_are_an_error_not_a_gap(void **state)
{
    struct sc_tokenizer *tokenizer = NULL;
    struct sc_error error = {0};
    json_t *top = small_tokenizer();
    int32_t *ids = NULL;
    size_t n = 0;

    (void)state;
    json_object_del(json_object_get(json_object_get(top, "model"), "vocab"), "q");
    assert_int_equal(parse_top(top, &tokenizer, &error), SC_OK);
    json_decref(top);
    assert_int_equal(sc_tokenizer_encode(tokenizer, "hello", 5, false, &ids, &n, &error), SC_OK);
    sc_release(ids);
    assert_int_equal(sc_tokenizer_encode(tokenizer, "quite", 5, false, &ids, &n, &error),
                     SC_ERR_UNSUPPORTED);
    assert_clear(&error);
    assert_null(ids);
    sc_tokenizer_close(tokenizer);
}

static void the_config_file_may_add_tokens(void **state)
{
    static const char *const configs[] = {
        ("{\"added_tokens_decoder\":{\"272\":{\"content\":\"<|im_end|>\",\"special\":true},"
         "\"280\":{\"content\":\"<more>\"}}}"),
        "{\"added_tokens_decoder\":{\"272\":{\"content\":\"<|other|>\"}}}",
        "{\"added_tokens_decoder\":{\"x\":{\"content\":\"<|other|>\"}}}",
        "{\"added_tokens_decoder\":{\"300\":{\"content\":\"<|im_end|>\"}}}",
        "[",
        "[]"};
    json_t *top = small_tokenizer();
    char *text = json_text(top);

    (void)state;
    for (size_t i = 0; i < sizeof configs / sizeof configs[0]; i++) {
        struct sc_tokenizer *tokenizer = NULL;
        struct sc_error error = {0};
        enum sc_status status = sc_tokenizer_parse(&tokenizer, text, strlen(text), configs[i],
                                                   strlen(configs[i]), &error);

        if (i == 0) {
            assert_int_equal(status, SC_OK);
            assert_int_equal(sc_tokenizer_n_tokens(tokenizer), 281);
            assert_int_equal(sc_tokenizer_id(tokenizer, "<more>"), 280);
        } else {
            assert_int_not_equal(status, SC_OK);
            assert_clear(&error);
        }
        sc_tokenizer_close(tokenizer);
    }
    sc_free(text);
    json_decref(top);
}

static void missing_tokenizer_is_named(void **state)
{
    char folder[64];
    struct sc_tokenizer *tokenizer = NULL;
    struct sc_error error = {0};

    (void)state;
    make_folder(folder, sizeof folder);
    assert_int_equal(sc_tokenizer_open(&tokenizer, folder, &error), SC_ERR_IO);
    assert_non_null(strstr(error.text, "tokenizer.json"));
    put_string(folder, "tokenizer.json", "{\"model\":");
    error = (struct sc_error){0};
    assert_int_equal(sc_tokenizer_open(&tokenizer, folder, &error), SC_ERR_FORMAT);
    assert_clear(&error);
    assert_null(tokenizer);
    remove_folder(folder);
}

/* ---- failing allocations
 * ----------------------------------------------------------------------------- */

static void loading_survives_failing_allocations(void **state)
{
    json_t *top = small_tokenizer();
    char *text = json_text(top);
    const char *config = "{\"added_tokens_decoder\":{\"280\":{\"content\":\"<more>\"}}}";
    bool done = false;

    (void)state;
    for (size_t at = 0; !done; at++) {
        struct sc_tokenizer *tokenizer = NULL;
        struct sc_error error = {0};

        assert_in_range(at, 0, 100000);
        sc_memory_fail_at(at);
        sc_tokenizer_parse(&tokenizer, text, strlen(text), config, strlen(config), &error);
        done = sc_memory_count() <= at;
        sc_memory_fail_at(SIZE_MAX);
        assert_true(!done || tokenizer != NULL);
        assert_true((tokenizer == NULL) == (error.status != SC_OK));
        sc_tokenizer_close(tokenizer);
    }
    sc_free(text);
    json_decref(top);
}

static void encoding_survives_failing_allocations(void **state)
{
    char text[400];
    bool done = false;

    (void)state;
    memset(text, 'a', sizeof text);
    memcpy(text + 100, " e\xcc\x81 <think>", 12);
    for (size_t i = 0; i < 20; i++) {
        memcpy(text + 200 + 4 * i, "\xcc\x81\xcc\xa3", 4);
    }
    for (size_t at = 0; !done; at++) {
        int32_t *ids = NULL;
        size_t n = 0;
        char *back = NULL;
        struct sc_error error = {0};
        enum sc_status status;

        assert_in_range(at, 0, 10000);
        sc_memory_fail_at(at);
        status = sc_tokenizer_encode(small, text, sizeof text, true, &ids, &n, &error);
        if (status == SC_OK) {
            status = sc_tokenizer_decode(small, ids, n, true, &back, &error);
        }
        done = sc_memory_count() <= at;
        sc_memory_fail_at(SIZE_MAX);
        assert_int_equal(status, done ? SC_OK : SC_ERR_NOMEM);
        sc_release(back);
        sc_release(ids);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_ids_are_reproduced),
        cmocka_unit_test(small_vocabulary_merges_by_rank),
        cmocka_unit_test(text_is_normalised),
        cmocka_unit_test(spaces_are_those_of_unicode),
        cmocka_unit_test(what_a_pattern_leaves_is_a_piece),
        cmocka_unit_test(patterns_that_may_mean_something_else_are_refused),
        cmocka_unit_test(special_tokens_are_text_unless_asked_for),
        cmocka_unit_test(a_token_is_recognised_only_where_none_of_it_came_from_outside),
        cmocka_unit_test(a_marked_text_is_encoded_as_one),
        cmocka_unit_test(longest_added_token_wins),
        cmocka_unit_test(tokens_can_be_looked_up),
        cmocka_unit_test(decodes_to_valid_text),
        cmocka_unit_test(broken_text_is_refused),
        cmocka_unit_test(round_trips_give_nfc),
        cmocka_unit_test(merging_follows_the_definition),
        cmocka_unit_test(hostile_text_is_done_in_reasonable_time),
        cmocka_unit_test(variants_of_files_are_accepted),
        cmocka_unit_test(what_would_give_other_ids_is_refused),
        cmocka_unit_test(missing_bytes_are_an_error_not_a_gap),
        cmocka_unit_test(the_config_file_may_add_tokens),
        cmocka_unit_test(missing_tokenizer_is_named),
        cmocka_unit_test(loading_survives_failing_allocations),
        cmocka_unit_test(encoding_survives_failing_allocations),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
