/* See risk_screen.h.  Texts of models and files are made visible and shortened. */
#include "cli/risk_screen.h"

#include <math.h>
#include <string.h>

#include "risk/fields.h"

/* ---- a prompt -------------------------------------------------------------------------------- */

/* "97.3 % [96.5, 97.9], certainly 92.0 to 99.0" */
static void put_share(struct sc_screen *s, const json_t *line, const char *label, const char *key)
{
    const json_t *share = json_object_get(line, key);
    size_t begin = s->text->len;
    sc_text_printf(s->text, "  %s", label);
    sc_screen_pad(s, begin, 16);
    if (!json_is_object(share)) {
        char reason[64];
        snprintf(reason, sizeof reason, "%s_reason", key);
        sc_text_puts(s->text, "not known: ");
        sc_screen_say(s, sc_risk_text(line, reason), 27);
        return;
    }
    sc_risk_put_percent(s->text, sc_risk_number(share, "value"));
    sc_text_puts(s->text, " % [");
    sc_risk_put_percent(s->text, sc_risk_number(share, "low"));
    sc_text_puts(s->text, ", ");
    sc_risk_put_percent(s->text, sc_risk_number(share, "high"));
    sc_text_putc(s->text, ']');
    sc_screen_pad(s, begin, 48);
    sc_text_puts(s->text, "certainly ");
    sc_risk_put_percent(s->text, sc_risk_number(share, "low_exact"));
    sc_text_puts(s->text, " to ");
    sc_risk_put_percent(s->text, sc_risk_number(share, "high_exact"));
    sc_text_puts(s->text, " %\n");
}

/* "0.43 % [0.06, 4.1]" of what, and how much the traces of the proposal tell. */
static void put_importance(struct sc_screen *s, const json_t *line)
{
    const json_t *importance = json_object_get(line, "importance");
    size_t begin = s->text->len;
    const char *reason = sc_risk_text(importance, "reason");
    if (importance == NULL)
        return;
    sc_text_puts(s->text, "  by proposal");
    sc_screen_pad(s, begin, 16);
    if (isfinite(sc_risk_number(importance, "value"))) {
        sc_risk_put_percent(s->text, sc_risk_number(importance, "value"));
        sc_text_puts(s->text, " % [");
        sc_risk_put_percent(s->text, sc_risk_number(importance, "low"));
        sc_text_puts(s->text, ", ");
        sc_risk_put_percent(s->text, sc_risk_number(importance, "high"));
        sc_text_printf(s->text, "] %s", sc_risk_text(importance, "of"));
    } else {
        sc_text_puts(s->text, "not known: ");
        sc_screen_say(s, reason, 27);
        return;
    }
    sc_screen_pad(s, begin, 48);
    sc_text_printf(s->text, "%.0f of %.0f traces effective, ",
                   sc_risk_number(importance, "effective"), sc_risk_number(importance, "n"));
    sc_risk_put_percent(s->text, sc_risk_number(importance, "covered"));
    sc_text_puts(s->text, " % covered\n");
    if (*reason != '\0') {
        sc_text_puts(s->text, "                ");
        sc_screen_say(s, reason, 16);
    }
}

static void put_answers(struct sc_screen *s, const json_t *line)
{
    size_t i;
    json_t *answer;
    json_array_foreach(json_object_get(line, "likeliest"), i, answer)
    {
        size_t begin = s->text->len;
        sc_text_printf(s->text, "  %s", sc_risk_text(answer, "verdict"));
        sc_screen_pad(s, begin, 16);
        sc_risk_put_percent(s->text, sc_risk_number(answer, "probability"));
        sc_text_puts(s->text, " %");
        sc_screen_pad(s, begin, 26);
        size_t at =
            sc_text_columns(s->text->data + begin, s->text->failed ? 0 : s->text->len - begin);
        sc_screen_name(s, sc_risk_text(answer, "text"), s->width > at + 14 ? s->width - at : 14);
        sc_text_putc(s->text, '\n');
    }
}

/* "37 [29, 48]" */
static void put_samples(struct sc_screen *s, const json_t *estimate)
{
    sc_risk_put_number(s->text, sc_risk_number(estimate, "value"));
    sc_text_puts(s->text, " [");
    sc_risk_put_number(s->text, sc_risk_number(estimate, "low"));
    sc_text_puts(s->text, ", ");
    double high = sc_risk_number(estimate, "high");
    if (isfinite(high))
        sc_risk_put_number(s->text, high);
    else
        sc_text_puts(s->text, "no limit");
    sc_text_putc(s->text, ']');
}

static bool is_proxy(const json_t *line)
{
    return strcmp(sc_risk_text(line, "harm_basis"), "proxy") == 0;
}

/* When the first one is to be expected; where none was found, what can be said of it. */
static void put_first(struct sc_screen *s, const json_t *first, const char *proxy)
{
    double low = sc_risk_number(first, "low");
    if (isfinite(sc_risk_number(first, "value"))) {
        sc_text_printf(s->text, "  first harmful answer%s after ", proxy);
        put_samples(s, first);
    } else if (isfinite(low)) {
        sc_text_printf(s->text, "  no harmful answer%s was found: the first one after at least ",
                       proxy);
        sc_risk_put_number(s->text, low);
    } else {
        sc_text_printf(s->text, "  no answer is harmful%s, in any number of", proxy);
    }
    sc_text_puts(s->text, " samples\n");
}

static void put_attempts(struct sc_screen *s, const json_t *line)
{
    const json_t *first = sc_risk_at(line, "expected_samples_to_first.harmful");
    size_t i;
    json_t *at;
    if (!json_is_object(first))
        return;
    put_first(s, first, is_proxy(line) ? " (proxy)" : "");
    sc_text_puts(s->text, "  harm within k attempts:");
    json_array_foreach(json_object_get(line, "asr_at_k"), i, at)
    {
        const char *kind = sc_risk_text(at, "kind");
        double k = sc_risk_number(at, "k");
        if (k != 1 && k != 10 && k != 1000 && k != 1e6)
            continue;
        sc_text_puts(s->text, i == 0 ? " k=" : "; k=");
        sc_risk_put_number(s->text, k);
        sc_text_putc(s->text, ' ');
        if (strcmp(kind, "open") == 0) {
            sc_text_puts(s->text, "open");
            continue;
        }
        if (strcmp(kind, "bound") == 0) {
            sc_text_puts(s->text, "at most ");
            sc_risk_put_percent(s->text, sc_risk_number(at, "high"));
        } else {
            sc_risk_put_percent(s->text, sc_risk_number(at, "value"));
        }
        sc_text_puts(s->text, " %");
    }
    sc_text_putc(s->text, '\n');
}

static void put_decided(struct sc_screen *s, const json_t *line)
{
    const json_t *decided = json_object_get(line, "decided");
    const json_t *fork = json_array_get(json_object_get(decided, "forks"), 0);
    double half = sc_risk_number(decided, "half"), tenth = sc_risk_number(decided, "tenth");
    struct sc_text words = {0};
    if (isfinite(tenth))
        sc_text_printf(&words, "decided after %.0f token%s (at most a tenth of the entropy left). ",
                       tenth, tenth > 1 ? "s" : "");
    else if (isfinite(half))
        sc_text_printf(&words, "half decided after %.0f token%s. ", half, half > 1 ? "s" : "");
    if (fork != NULL) {
        struct sc_text so_far = {0};
        sc_text_puts(&so_far, sc_risk_text(fork, "after"));
        sc_text_puts(&so_far, sc_risk_text(fork, "branch"));
        sc_text_puts(&words, "After \"");
        sc_text_add_shortened(&words, so_far.data != NULL ? so_far.data : "", 60);
        words.failed = words.failed || so_far.failed;
        sc_text_free(&so_far);
        sc_text_puts(&words, "\" refuses ");
        sc_risk_put_percent(&words, sc_risk_number(fork, "refusing"));
        sc_text_puts(&words, " %, otherwise ");
        sc_risk_put_percent(&words, sc_risk_number(fork, "otherwise"));
        sc_text_puts(&words, " %");
    }
    if (words.failed)
        s->text->failed = true;
    else if (words.len > 0) {
        sc_text_puts(s->text, "  ");
        sc_screen_say(s, words.data, 2);
    }
    sc_text_free(&words);
}

static void put_work(struct sc_screen *s, const json_t *line)
{
    struct sc_text words = {0};
    double plain = sc_risk_number(line, "plain_traces_for_same_width");
    sc_risk_put_percent(&words, sc_risk_number(line, "mass_finished"));
    sc_text_puts(&words, " % of all answers known exactly (");
    sc_risk_put_number(&words, sc_risk_number(line, "answers"));
    sc_text_puts(&words, " of them), ");
    sc_risk_put_number(&words, sc_risk_number(line, "traces_sampled"));
    sc_text_puts(&words, " traces sampled; ");
    sc_risk_put_number(&words, sc_risk_number(line, "rows"));
    sc_text_puts(&words, " rows, as many as ");
    sc_risk_put_number(&words, sc_risk_number(line, "traces_spent"));
    sc_text_puts(&words, " plain traces");
    if (isfinite(plain)) {
        sc_text_puts(&words, ", where ");
        sc_risk_put_number(&words, plain);
        sc_text_puts(&words, " would give an interval as narrow");
    }
    sc_text_printf(&words, "; stopped: %s", sc_risk_text(line, "stopped"));
    if (words.failed)
        s->text->failed = true;
    else {
        sc_text_puts(s->text, "  ");
        sc_screen_say(s, words.data, 2);
    }
    sc_text_free(&words);
}

void cli_risk_show_prompt(struct sc_screen *s, const json_t *line)
{
    struct sc_text head = {0};
    sc_text_add_shortened(&head, sc_risk_text(line, "instance_id"), 30);
    sc_text_printf(&head, " (%s)  ", sc_risk_text(line, "label"));
    size_t used = sc_text_columns(head.data != NULL ? head.data : "", head.len);
    sc_screen_heading(s, head.data != NULL ? head.data : "");
    sc_screen_name(s, sc_risk_text(line, "prompt"), s->width - used);
    sc_text_putc(s->text, '\n');
    s->text->failed = s->text->failed || head.failed;
    sc_text_free(&head);
    put_share(s, line, "refuses", "p_refuse");
    put_share(s, line, "complies", "p_comply");
    put_share(s, line, is_proxy(line) ? "harm (proxy)" : "harm", "p_harm");
    put_importance(s, line);
    put_answers(s, line);
    put_attempts(s, line);
    put_decided(s, line);
    put_work(s, line);
    sc_text_putc(s->text, '\n');
}

/* ---- all prompts ----------------------------------------------------------------------------- */

static void put_thresholds(struct sc_screen *s, const json_t *summary)
{
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(summary, "p_harm_above"), i, row)
    {
        size_t begin = s->text->len;
        sc_text_printf(s->text, "  P(harm) > %g", sc_risk_number(row, "threshold"));
        sc_screen_pad(s, begin, 22);
        sc_text_printf(s->text, "certainly %.0f, by the estimate %.0f, possibly %.0f of %.0f\n",
                       sc_risk_number(row, "certainly"), sc_risk_number(row, "estimated"),
                       sc_risk_number(row, "possibly"), sc_risk_number(row, "n"));
    }
}

static void put_largest(struct sc_screen *s, const json_t *summary)
{
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(summary, "largest"), i, row)
    {
        sc_text_puts(s->text, i == 0 ? "Most likely to harm\n" : "");
        size_t begin = s->text->len;
        sc_text_puts(s->text, "  ");
        sc_screen_name(s, sc_risk_text(row, "instance_id"), 34);
        sc_screen_pad(s, begin, 38);
        sc_risk_put_percent(s->text, sc_risk_number(row, "value"));
        sc_text_puts(s->text, " % [");
        sc_risk_put_percent(s->text, sc_risk_number(row, "low"));
        sc_text_puts(s->text, ", ");
        sc_risk_put_percent(s->text, sc_risk_number(row, "high"));
        sc_text_puts(s->text, "]\n");
    }
}

/* On average over the prompts. */
static void put_mean_attempts(struct sc_screen *s, const json_t *summary)
{
    size_t i;
    json_t *at;
    bool any = false;
    json_array_foreach(json_object_get(summary, "asr_at_k"), i, at)
    {
        double k = sc_risk_number(at, "k");
        if (k != 1 && k != 10 && k != 1000 && k != 1e6)
            continue;
        sc_text_puts(s->text, any ? "; k=" : "  Harm within k attempts, mean: k=");
        any = true;
        sc_risk_put_number(s->text, k);
        sc_text_putc(s->text, ' ');
        sc_risk_put_percent(s->text, sc_risk_number(at, "value"));
        sc_text_puts(s->text, " %");
    }
    if (any)
        sc_text_putc(s->text, '\n');
}

static void put_tail(struct sc_screen *s, const json_t *summary)
{
    size_t i;
    json_t *row;
    json_array_foreach(sc_risk_at(summary, "tail.more_prompts"), i, row)
    {
        sc_text_puts(s->text, "  Extrapolated to ");
        sc_risk_put_number(s->text, sc_risk_number(row, "prompts"));
        sc_text_puts(s->text, " prompts: the largest P(harm) is ");
        sc_risk_put_percent(s->text, sc_risk_number(row, "largest.value"));
        sc_text_puts(s->text, " % [");
        sc_risk_put_percent(s->text, sc_risk_number(row, "largest.low"));
        sc_text_puts(s->text, ", ");
        sc_risk_put_percent(s->text, sc_risk_number(row, "largest.high"));
        sc_text_puts(s->text, "]\n");
    }
}

void cli_risk_show_summary(struct sc_screen *s, const json_t *summary)
{
    sc_screen_heading(s, "All prompts");
    sc_text_printf(s->text, "  %.0f explored, %.0f failed; ", sc_risk_number(summary, "n_prompts"),
                   sc_risk_number(summary, "n_failed"));
    sc_risk_put_number(s->text, sc_risk_number(summary, "rows"));
    sc_text_puts(s->text, " rows\n");
    if (strcmp(sc_risk_text(summary, "harm_basis"), "proxy") == 0)
        sc_text_puts(s->text,
                     "  Harm is a proxy: compliance with a prompt that is labelled unsafe.\n");
    put_thresholds(s, summary);
    put_largest(s, summary);
    put_mean_attempts(s, summary);
    put_tail(s, summary);
}
