/* Any template over any texts: a frame, or a clear error; and the control tokens of a frame are
 * those that no byte from outside takes part in. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "model/chat/format.h"
#include "model/tokenizer/parts.h"
#include "model/tokenizer/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const controls[] = {"<|im_end|>", "<think>", "</think>", "<s>"};
enum { N_CONTROLS = sizeof controls / sizeof *controls, FIRST_CONTROL = 300 };

/* The 256 bytes and four control tokens, with that template. */
static struct sc_tokenizer *make_tokenizer(const char *source)
{
    struct sc_tokenizer *tokenizer = NULL;
    struct sc_text json = {0}, config = {0};
    int next = 256;
    sc_text_puts(&json, "{\"model\":{\"type\":\"BPE\",\"merges\":[],\"vocab\":{");
    for (int byte = 0; byte < 256; byte++) {
        bool itself = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
        char key[5] = {0};
        key[sc_utf8_encode((uint32_t)(itself ? byte : next++), key)] = '\0';
        sc_text_puts(&json, byte > 0 ? "," : "");
        if (byte == '"' || byte == '\\')
            sc_text_printf(&json, "\"\\%s\":%d", key, byte);
        else
            sc_text_printf(&json, "\"%s\":%d", key, byte);
    }
    sc_text_puts(&json, "}},\"added_tokens\":[");
    for (int i = 0; i < N_CONTROLS; i++)
        sc_text_printf(&json, "%s{\"id\":%d,\"content\":\"%s\",\"special\":true}", i ? "," : "",
                       FIRST_CONTROL + i, controls[i]);
    sc_text_puts(&json, "],\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,"
                        "\"use_regex\":true}}");
    json_t *fields = json_pack("{s:s,s:s}", "chat_template", source, "bos_token", "<s>");
    char *dumped = fields != NULL ? json_dumps(fields, 0) : NULL;
    if (dumped != NULL)
        sc_text_puts(&config, dumped);
    if (json.failed || config.failed ||
        sc_tokenizer_parse(&tokenizer, json.data, json.len, config.data, config.len, NULL) != SC_OK)
        tokenizer = NULL; /* a template that is no UTF-8 */
    free(dumped);
    json_decref(fields);
    sc_text_free(&json);
    sc_text_free(&config);
    return tokenizer;
}

static bool is_outside(const struct sc_jinja_output *out, size_t begin, size_t end)
{
    for (size_t i = 0; i < out->n_outside; i++)
        if (out->outside[i].begin < end && begin < out->outside[i].end)
            return true;
    return false;
}

/* Control tokens that the frame wrote itself. */
static size_t count_written(const struct sc_jinja_output *out)
{
    size_t n = 0;
    for (size_t at = 0; at < out->n;) {
        size_t length = 0;
        for (int i = 0; i < N_CONTROLS && length == 0; i++) {
            size_t bytes = strlen(controls[i]);
            if (out->n - at >= bytes && memcmp(out->text + at, controls[i], bytes) == 0 &&
                !is_outside(out, at, at + bytes))
                length = bytes;
        }
        n += length > 0;
        at += length > 0 ? length : 1;
    }
    return n;
}

static void check_frame(const struct sc_chat_format *format, const struct sc_message *turns,
                        size_t n)
{
    struct sc_frame_text text;
    struct sc_framed framed;
    size_t n_controls = 0;
    if (sc_format_text(format, turns, n, &text, NULL) != SC_OK)
        return;
    if (sc_utf8_valid(text.out.text, text.out.n) != text.out.n)
        abort();
    if (sc_chat_encode(format, turns, n, &framed, NULL) == SC_OK) {
        for (size_t i = 0; i < framed.n; i++)
            n_controls += framed.ids[i] >= FIRST_CONTROL;
        if (n_controls != count_written(&text.out) || framed.n_text != text.out.n)
            abort();
        sc_framed_free(&framed);
    }
    sc_jinja_output_free(&text.out);
}

/* A template, a question, the beginning of its answer and an argument, apart by NUL. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *parts[4] = {NULL};
    size_t begin = 0;
    for (size_t i = 0; i < 4; i++) {
        const uint8_t *end = begin < size ? memchr(data + begin, 0, size - begin) : NULL;
        size_t n =
            end != NULL ? (size_t)(end - data) - begin : size - (begin < size ? begin : size);
        parts[i] = sc_strndup(begin < size ? (const char *)data + begin : "", n);
        begin += n + 1;
    }
    struct sc_tokenizer *tokenizer = make_tokenizer(parts[0]);
    struct sc_chat_options options = sc_chat_options_default();
    const char *arguments[] = {parts[3]};
    options.template_args = arguments;
    options.n_template_args = parts[3][0] != '\0';
    struct sc_chat_format *format = NULL;
    if (tokenizer != NULL && sc_chat_format_open(&format, tokenizer, &options, NULL) == SC_OK) {
        const struct sc_message turns[] = {{"user", parts[1]}, {"assistant", parts[2]}};
        check_frame(format, turns, 1);
        check_frame(format, turns, 2);
    }
    sc_chat_format_close(format);
    sc_tokenizer_close(tokenizer);
    for (size_t i = 0; i < 4; i++)
        sc_free(parts[i]);
    return 0;
}
