/* Templates of pages: template.h. */
#include "report/html/template.h"

#include <string.h>

#include "base/embedded.h"

bool sc_html_is_mark(const char *wanted, const char *name, size_t n)
{
    return strlen(wanted) == n && memcmp(wanted, name, n) == 0;
}

void sc_html_fill(struct sc_text *out, const char *template, sc_html_filler *fill,
                  const void *context)
{
    const char *at = template;
    for (;;) {
        const char *open = strstr(at, "@@");
        const char *close = open != NULL ? strstr(open + 2, "@@") : NULL;
        if (close == NULL)
            break;
        sc_text_add(out, at, (size_t)(open - at));
        fill(out, open + 2, (size_t)(close - open - 2), context);
        at = close + 2;
    }
    sc_text_puts(out, at);
}

void sc_html_fill_page(struct sc_text *out, const char *template, sc_html_filler *fill,
                       const void *context)
{
    sc_html_fill(out, (const char *)sc_embedded_head_html, fill, context);
    sc_html_fill(out, template, fill, context);
}

void sc_html_script_source(struct sc_text *out, const char *nonce)
{
    sc_text_printf(out, " script-src 'nonce-%s';", nonce);
}
