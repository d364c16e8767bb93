/*
 * Any bytes as a chat template, behind a 0 its variables as JSON: what is rendered is text with
 * spans of it in order, the same text whatever is from outside, within small bounds.
 */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "jinja/jinja.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static const char *const outside[] = {"content", "s", "l"};
static const char variables[] =
    "{\"messages\":[{\"role\":\"user\",\"content\":\" A <b>\\n\"},"
    "{\"role\":\"assistant\",\"content\":\"\xc3\x9f \xce\xa3\"}],\"s\":\"a-b c\",\"n\":3,\"f\":2.5,"
    "\"l\":[3,\"x\",null,[1]],\"d\":{\"a\":1,\"b\":[true]}}";

static void check_output(const struct sc_jinja_output *out)
{
    size_t end = 0;

    expect(out->text[out->n] == 0 && sc_utf8_valid(out->text, out->n) == out->n);
    for (size_t i = 0; i < out->n_outside; i++) {
        expect(out->outside[i].begin < out->outside[i].end && out->outside[i].end <= out->n);
        expect(i == 0 || out->outside[i].begin > end);
        end = out->outside[i].end;
    }
}

static void render(const struct sc_jinja *template, const json_t *json)
{
    struct sc_jinja_input input = {
        .variables = json,
        .outside = outside,
        .n_outside = 3,
        .year = 2024,
        .month = 2,
        .day = 29,
        .limits = {
            .n_steps = 50000, .depth = 100, .memory_bytes = 4 << 20, .output_bytes = 1 << 20}};
    struct sc_jinja_output out, plain;
    struct sc_error error = {0};
    enum sc_status status = sc_jinja_render(template, &input, &out, &error);

    expect((status == SC_OK) == (error.text[0] == 0) && (status == SC_OK) == (out.text != NULL));
    if (status == SC_OK)
        check_output(&out);
    input.n_outside = 0;
    expect(sc_jinja_render(template, &input, &plain, NULL) == status || status == SC_ERR_LIMIT);
    if (status == SC_OK) {
        expect(plain.n_outside == 0 && plain.n == out.n);
        expect(memcmp(plain.text, out.text, out.n) == 0);
    }
    sc_jinja_output_free(&plain);
    sc_jinja_output_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *zero = size ? memchr(data, 0, size) : NULL;
    size_t n = zero != NULL ? (size_t)(zero - data) : size;
    char *source = malloc(n ? n : 1); /* its end is the sanitizer's business */
    struct sc_jinja *template = NULL;
    struct sc_error error = {0};
    json_t *json = NULL;

    if (source == NULL)
        return 0;
    if (n)
        memcpy(source, data, n);
    if (zero != NULL)
        json = json_loadb((const char *)zero + 1, size - n - 1, JSON_ALLOW_NUL, NULL);
    if (!json_is_object(json)) {
        json_decref(json);
        json = json_loads(variables, 0, NULL);
    }
    if (sc_jinja_parse(&template, source, n, &error) == SC_OK) {
        sc_jinja_uses(template, "messages");
        render(template, json);
    } else {
        expect(template == NULL && strncmp(error.text, "line ", 5) == 0);
    }
    sc_jinja_free(template);
    json_decref(json);
    free(source);
    return 0;
}
