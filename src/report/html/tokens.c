/*
 * Tokens for the page.  Five thousand prompts of ten traces have millions of them, so each takes
 * three bytes, and beyond a limit the page does without: it says so.
 */
#include "report/html/tokens.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "statistics/statistics.h"

#define MOST_TOKENS ((size_t)8 << 20) /* in the page: 24 MiB */
#define MOST_SAMPLED ((size_t)200000)

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

enum sc_status sc_token_scale_make(const struct sc_run *run, struct sc_token_scale *out,
                                   struct sc_error *error)
{
    size_t n_tokens = 0, n = 0, at = 0;
    *out = (struct sc_token_scale){NAN, NAN, NAN, NAN, MOST_TOKENS, 0};
    for (size_t i = 0; i < run->n_instances; i++)
        for (size_t t = 0; t < run->instances[i].n_traces; t++)
            n_tokens += run->instances[i].traces[t].stats != NULL
                            ? run->instances[i].traces[t].n_tokens
                            : 0;
    size_t step = n_tokens / MOST_SAMPLED + 1;
    double *sample = sc_alloc_array(sc_size_mul(n_tokens / step + 1, 2), sizeof *sample);
    if (sample == NULL)
        return sc_fail_nomem(error, "confidences of the tokens");
    for (size_t i = 0; i < run->n_instances; i++)
        for (size_t t = 0; t < run->instances[i].n_traces; t++) {
            const struct sc_run_trace *trace = &run->instances[i].traces[t];
            for (size_t k = 0; trace->stats != NULL && k < trace->n_tokens; k++) {
                double c = (double)trace->stats[k].confidence;
                if (!isfinite(c))
                    continue;
                out->low = out->low <= c ? out->low : c;
                out->high = out->high >= c ? out->high : c;
                if (at++ % step == 0)
                    sample[n++] = c;
            }
        }
    if (n > 0) {
        double *scratch = sample + n_tokens / step + 1;
        out->deep = sc_percentile(sample, n, 2, scratch);
        out->pale = sc_percentile(sample, n, 50, scratch);
    }
    sc_free(sample);
    return SC_OK;
}

static void put_digits(struct sc_text *text, size_t value, int n)
{
    while (n-- > 0)
        sc_text_putc(text, digits[(value >> (6 * n)) & 63]);
}

/* UTF-16 units of n bytes of valid UTF-8. */
static size_t units_of(const char *s, size_t n)
{
    size_t units = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        units += (c & 0xc0) != 0x80;
        units += c >= 0xf0;
    }
    return units;
}

static size_t level_of(const struct sc_token_scale *scale, double confidence)
{
    double range = scale->high - scale->low;
    if (!(range > 0) || !isfinite(confidence))
        return 0;
    double level = 4095 * (confidence - scale->low) / range + 0.5;
    return level <= 0 ? 0 : level >= 4095 ? 4095 : (size_t)level;
}

void sc_put_tokens(struct sc_json_writer *out, const char *key, const struct sc_run_trace *trace,
                   struct sc_token_scale *scale)
{
    size_t length = strlen(trace->text != NULL ? trace->text : ""), begin = 0;
    struct sc_text text = {0};
    if (trace->stats == NULL || trace->text_ends == NULL || trace->n_tokens == 0 ||
        isnan(scale->low))
        return;
    if (trace->n_tokens > scale->n_left) {
        scale->n_without++;
        return;
    }
    scale->n_left -= trace->n_tokens;
    for (size_t i = 0; i < trace->n_tokens; i++) {
        size_t end = trace->text_ends[i];
        if (end < begin || end > length)
            end = begin;
        size_t units = units_of(trace->text + begin, end - begin);
        if (units < 63) {
            put_digits(&text, units, 1);
        } else {
            put_digits(&text, 63, 1);
            put_digits(&text, units < 262143 ? units : 262143, 3);
        }
        put_digits(&text, level_of(scale, (double)trace->stats[i].confidence), 2);
        begin = end;
    }
    if (text.failed)
        out->text->failed = true;
    else
        sc_json_put_string(out, key, text.data);
    sc_text_free(&text);
}
