/*
 * Frames as text.  Both marks are replaced at once, so that a prompt which says {response} changes
 * nothing, and of every byte it is known whether the frame or a text put in gave it.
 * Next: asking.c, which makes tokens of them.
 */
#include "judge/template.h"

#include <assert.h>
#include <string.h>

#include "base/embedded.h"
#include "base/memory.h"

const char *sc_template_text(enum sc_template which, size_t *n)
{
    const unsigned char *text = NULL;
    size_t size = 0;
    switch (which) {
    case SC_TEMPLATE_GUARD_PROMPT:
        text = sc_embedded_qwen3guard_prompt;
        size = sc_embedded_qwen3guard_prompt_size;
        break;
    case SC_TEMPLATE_GUARD_RESPONSE:
        text = sc_embedded_qwen3guard_response;
        size = sc_embedded_qwen3guard_response_size;
        break;
    case SC_TEMPLATE_WILDGUARD:
        text = sc_embedded_wildguard;
        size = sc_embedded_wildguard_size;
        break;
    case SC_TEMPLATE_STRONGREJECT:
        text = sc_embedded_strongreject;
        size = sc_embedded_strongreject_size;
        break;
    case SC_N_TEMPLATES:
        break;
    }
    if (n != NULL)
        *n = size;
    return (const char *)text;
}

void sc_marked_free(struct sc_marked_text *text)
{
    sc_text_free(&text->text);
    sc_free(text->outside);
    *text = (struct sc_marked_text){0};
}

void sc_marked_add(struct sc_marked_text *out, const char *bytes, size_t n, bool outside)
{
    size_t begin = out->text.len;
    sc_text_add(&out->text, bytes, n);
    if (!outside || n == 0 || out->text.failed)
        return;
    if (sc_grow((void **)&out->outside, out->n_outside, &out->cap_outside, sizeof *out->outside) !=
        0) {
        out->text.failed = true;
        return;
    }
    out->outside[out->n_outside++] = (struct sc_jinja_span){begin, out->text.len};
}

void sc_frame_render(const char *frame, size_t n, struct sc_template_texts texts,
                     struct sc_marked_text *out)
{
    static const char prompt[] = "{prompt}", response[] = "{response}";
    assert(texts.prompt != NULL);
    size_t begin = 0;
    for (size_t at = 0; at < n;) {
        const char *put = NULL;
        size_t mark = 0;
        if (n - at >= sizeof prompt - 1 && memcmp(frame + at, prompt, sizeof prompt - 1) == 0) {
            put = texts.prompt;
            mark = sizeof prompt - 1;
        } else if (n - at >= sizeof response - 1 &&
                   memcmp(frame + at, response, sizeof response - 1) == 0) {
            put = texts.response != NULL ? texts.response : "";
            mark = sizeof response - 1;
        }
        if (put == NULL) {
            at++;
            continue;
        }
        sc_marked_add(out, frame + begin, at - begin, false);
        sc_marked_add(out, put, strlen(put), true);
        begin = at += mark;
    }
    sc_marked_add(out, frame + begin, n - begin, false);
}
