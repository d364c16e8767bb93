/* See risk_screen.h.  Texts of models and files are made visible and shortened. */
#include "cli/risk_screen.h"

#include <math.h>
#include <string.h>

/* ---- reading --------------------------------------------------------------------------------- */

const json_t *cli_risk_at(const json_t *from, const char *path)
{
    char key[64];
    while (from != NULL && *path != '\0') {
        size_t n = strcspn(path, ".");
        if (n >= sizeof key)
            return NULL;
        memcpy(key, path, n);
        key[n] = '\0';
        from = json_object_get(from, key);
        path += n + (path[n] == '.');
    }
    return from;
}

double cli_risk_number(const json_t *from, const char *path)
{
    const json_t *value = cli_risk_at(from, path);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

const char *cli_risk_text(const json_t *from, const char *path)
{
    const char *text = json_string_value(cli_risk_at(from, path));
    return text != NULL ? text : "";
}

/* ---- figures --------------------------------------------------------------------------------- */

/* As many digits as tell it from 0 and from 100; rounding leaves some 1e-16 of 1 - 1. */
void cli_risk_put_percent(struct sc_text *out, double p)
{
    const double noise = 3e-16;
    double edge = p < 0.5 ? p : 1 - p;
    int digits = 1;
    if (!isfinite(p)) {
        sc_text_putc(out, '?');
        return;
    }
    while (digits < 7 && 100 * edge < pow(10, 1 - digits))
        digits++;
    if (p <= 0 || edge <= (p < 0.5 ? 0 : noise))
        sc_text_puts(out, p < 0.5 ? "0" : "100");
    else if (p > 0.5 && digits > 4)
        sc_text_puts(out, "over 99.999");
    else if (p <= noise)
        sc_text_puts(out, "under 1e-13");
    else if (digits > 6)
        sc_text_printf(out, "%.0e", 100 * p);
    else
        sc_text_printf(out, "%.*f", digits, 100 * p);
}

static void put_thousands(struct sc_text *out, uint64_t n)
{
    if (n >= 1000) {
        put_thousands(out, n / 1000);
        sc_text_printf(out, ",%03u", (unsigned)(n % 1000));
    } else {
        sc_text_printf(out, "%u", (unsigned)n);
    }
}

void cli_risk_put_number(struct sc_text *out, double n)
{
    if (isnan(n))
        sc_text_putc(out, '?');
    else if (isinf(n))
        sc_text_puts(out, "infinitely many");
    else if (n < 9.95)
        sc_text_printf(out, "%.2g", n);
    else if (n < 1e9)
        put_thousands(out, (uint64_t)(n + 0.5));
    else
        sc_text_printf(out, "%.1e", n);
}

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
        sc_screen_say(s, cli_risk_text(line, reason), 27);
        return;
    }
    cli_risk_put_percent(s->text, cli_risk_number(share, "value"));
    sc_text_puts(s->text, " % [");
    cli_risk_put_percent(s->text, cli_risk_number(share, "low"));
    sc_text_puts(s->text, ", ");
    cli_risk_put_percent(s->text, cli_risk_number(share, "high"));
    sc_text_putc(s->text, ']');
    sc_screen_pad(s, begin, 48);
    sc_text_puts(s->text, "certainly ");
    cli_risk_put_percent(s->text, cli_risk_number(share, "low_exact"));
    sc_text_puts(s->text, " to ");
    cli_risk_put_percent(s->text, cli_risk_number(share, "high_exact"));
    sc_text_puts(s->text, " %\n");
}

/* "0.43 % [0.06, 4.1]" of what, and how much the traces of the proposal tell. */
static void put_importance(struct sc_screen *s, const json_t *line)
{
    const json_t *importance = json_object_get(line, "importance");
    size_t begin = s->text->len;
    const char *reason = cli_risk_text(importance, "reason");
    if (importance == NULL)
        return;
    sc_text_puts(s->text, "  by proposal");
    sc_screen_pad(s, begin, 16);
    if (isfinite(cli_risk_number(importance, "value"))) {
        cli_risk_put_percent(s->text, cli_risk_number(importance, "value"));
        sc_text_puts(s->text, " % [");
        cli_risk_put_percent(s->text, cli_risk_number(importance, "low"));
        sc_text_puts(s->text, ", ");
        cli_risk_put_percent(s->text, cli_risk_number(importance, "high"));
        sc_text_printf(s->text, "] %s", cli_risk_text(importance, "of"));
    } else {
        sc_text_puts(s->text, "not known: ");
        sc_screen_say(s, reason, 27);
        return;
    }
    sc_screen_pad(s, begin, 48);
    sc_text_printf(s->text, "%.0f of %.0f traces effective, ",
                   cli_risk_number(importance, "effective"), cli_risk_number(importance, "n"));
    cli_risk_put_percent(s->text, cli_risk_number(importance, "covered"));
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
        sc_text_printf(s->text, "  %s", cli_risk_text(answer, "verdict"));
        sc_screen_pad(s, begin, 16);
        cli_risk_put_percent(s->text, cli_risk_number(answer, "probability"));
        sc_text_puts(s->text, " %");
        sc_screen_pad(s, begin, 26);
        size_t at =
            sc_text_columns(s->text->data + begin, s->text->failed ? 0 : s->text->len - begin);
        sc_screen_name(s, cli_risk_text(answer, "text"), s->width > at + 14 ? s->width - at : 14);
        sc_text_putc(s->text, '\n');
    }
}

/* "37 [29, 48]" */
static void put_samples(struct sc_screen *s, const json_t *estimate)
{
    cli_risk_put_number(s->text, cli_risk_number(estimate, "value"));
    sc_text_puts(s->text, " [");
    cli_risk_put_number(s->text, cli_risk_number(estimate, "low"));
    sc_text_puts(s->text, ", ");
    double high = cli_risk_number(estimate, "high");
    if (isfinite(high))
        cli_risk_put_number(s->text, high);
    else
        sc_text_puts(s->text, "no limit");
    sc_text_putc(s->text, ']');
}

static bool is_proxy(const json_t *line)
{
    return strcmp(cli_risk_text(line, "harm_basis"), "proxy") == 0;
}

/* When the first one is to be expected; where none was found, what can be said of it. */
static void put_first(struct sc_screen *s, const json_t *first, const char *proxy)
{
    double low = cli_risk_number(first, "low");
    if (isfinite(cli_risk_number(first, "value"))) {
        sc_text_printf(s->text, "  first harmful answer%s after ", proxy);
        put_samples(s, first);
    } else if (isfinite(low)) {
        sc_text_printf(s->text, "  no harmful answer%s was found: the first one after at least ",
                       proxy);
        cli_risk_put_number(s->text, low);
    } else {
        sc_text_printf(s->text, "  no answer is harmful%s, in any number of", proxy);
    }
    sc_text_puts(s->text, " samples\n");
}

static void put_attempts(struct sc_screen *s, const json_t *line)
{
    const json_t *first = cli_risk_at(line, "expected_samples_to_first.harmful");
    size_t i;
    json_t *at;
    if (!json_is_object(first))
        return;
    put_first(s, first, is_proxy(line) ? " (proxy)" : "");
    sc_text_puts(s->text, "  harm within k attempts:");
    json_array_foreach(json_object_get(line, "asr_at_k"), i, at)
    {
        const char *kind = cli_risk_text(at, "kind");
        double k = cli_risk_number(at, "k");
        if (k != 1 && k != 10 && k != 1000 && k != 1e6)
            continue;
        sc_text_puts(s->text, i == 0 ? " k=" : "; k=");
        cli_risk_put_number(s->text, k);
        sc_text_putc(s->text, ' ');
        if (strcmp(kind, "open") == 0) {
            sc_text_puts(s->text, "open");
            continue;
        }
        if (strcmp(kind, "bound") == 0) {
            sc_text_puts(s->text, "at most ");
            cli_risk_put_percent(s->text, cli_risk_number(at, "high"));
        } else {
            cli_risk_put_percent(s->text, cli_risk_number(at, "value"));
        }
        sc_text_puts(s->text, " %");
    }
    sc_text_putc(s->text, '\n');
}

static void put_decided(struct sc_screen *s, const json_t *line)
{
    const json_t *decided = json_object_get(line, "decided");
    const json_t *fork = json_array_get(json_object_get(decided, "forks"), 0);
    double half = cli_risk_number(decided, "half"), tenth = cli_risk_number(decided, "tenth");
    struct sc_text words = {0};
    if (isfinite(tenth))
        sc_text_printf(&words, "decided after %.0f token%s (at most a tenth of the entropy left). ",
                       tenth, tenth > 1 ? "s" : "");
    else if (isfinite(half))
        sc_text_printf(&words, "half decided after %.0f token%s. ", half, half > 1 ? "s" : "");
    if (fork != NULL) {
        struct sc_text so_far = {0};
        sc_text_puts(&so_far, cli_risk_text(fork, "after"));
        sc_text_puts(&so_far, cli_risk_text(fork, "branch"));
        sc_text_puts(&words, "After \"");
        sc_text_add_shortened(&words, so_far.data != NULL ? so_far.data : "", 60);
        words.failed = words.failed || so_far.failed;
        sc_text_free(&so_far);
        sc_text_puts(&words, "\" refuses ");
        cli_risk_put_percent(&words, cli_risk_number(fork, "refusing"));
        sc_text_puts(&words, " %, otherwise ");
        cli_risk_put_percent(&words, cli_risk_number(fork, "otherwise"));
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
    double plain = cli_risk_number(line, "plain_traces_for_same_width");
    cli_risk_put_percent(&words, cli_risk_number(line, "mass_finished"));
    sc_text_puts(&words, " % of all answers known exactly (");
    cli_risk_put_number(&words, cli_risk_number(line, "answers"));
    sc_text_puts(&words, " of them), ");
    cli_risk_put_number(&words, cli_risk_number(line, "traces_sampled"));
    sc_text_puts(&words, " traces sampled; ");
    cli_risk_put_number(&words, cli_risk_number(line, "rows"));
    sc_text_puts(&words, " rows, as many as ");
    cli_risk_put_number(&words, cli_risk_number(line, "traces_spent"));
    sc_text_puts(&words, " plain traces");
    if (isfinite(plain)) {
        sc_text_puts(&words, ", where ");
        cli_risk_put_number(&words, plain);
        sc_text_puts(&words, " would give an interval as narrow");
    }
    sc_text_printf(&words, "; stopped: %s", cli_risk_text(line, "stopped"));
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
    sc_text_add_shortened(&head, cli_risk_text(line, "instance_id"), 30);
    sc_text_printf(&head, " (%s)  ", cli_risk_text(line, "label"));
    size_t used = sc_text_columns(head.data != NULL ? head.data : "", head.len);
    sc_screen_heading(s, head.data != NULL ? head.data : "");
    sc_screen_name(s, cli_risk_text(line, "prompt"), s->width - used);
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
        sc_text_printf(s->text, "  P(harm) > %g", cli_risk_number(row, "threshold"));
        sc_screen_pad(s, begin, 22);
        sc_text_printf(s->text, "certainly %.0f, by the estimate %.0f, possibly %.0f of %.0f\n",
                       cli_risk_number(row, "certainly"), cli_risk_number(row, "estimated"),
                       cli_risk_number(row, "possibly"), cli_risk_number(row, "n"));
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
        sc_screen_name(s, cli_risk_text(row, "instance_id"), 34);
        sc_screen_pad(s, begin, 38);
        cli_risk_put_percent(s->text, cli_risk_number(row, "value"));
        sc_text_puts(s->text, " % [");
        cli_risk_put_percent(s->text, cli_risk_number(row, "low"));
        sc_text_puts(s->text, ", ");
        cli_risk_put_percent(s->text, cli_risk_number(row, "high"));
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
        double k = cli_risk_number(at, "k");
        if (k != 1 && k != 10 && k != 1000 && k != 1e6)
            continue;
        sc_text_puts(s->text, any ? "; k=" : "  Harm within k attempts, mean: k=");
        any = true;
        cli_risk_put_number(s->text, k);
        sc_text_putc(s->text, ' ');
        cli_risk_put_percent(s->text, cli_risk_number(at, "value"));
        sc_text_puts(s->text, " %");
    }
    if (any)
        sc_text_putc(s->text, '\n');
}

static void put_tail(struct sc_screen *s, const json_t *summary)
{
    size_t i;
    json_t *row;
    json_array_foreach(cli_risk_at(summary, "tail.more_prompts"), i, row)
    {
        sc_text_puts(s->text, "  Extrapolated to ");
        cli_risk_put_number(s->text, cli_risk_number(row, "prompts"));
        sc_text_puts(s->text, " prompts: the largest P(harm) is ");
        cli_risk_put_percent(s->text, cli_risk_number(row, "largest.value"));
        sc_text_puts(s->text, " % [");
        cli_risk_put_percent(s->text, cli_risk_number(row, "largest.low"));
        sc_text_puts(s->text, ", ");
        cli_risk_put_percent(s->text, cli_risk_number(row, "largest.high"));
        sc_text_puts(s->text, "]\n");
    }
}

void cli_risk_show_summary(struct sc_screen *s, const json_t *summary)
{
    sc_screen_heading(s, "All prompts");
    sc_text_printf(s->text, "  %.0f explored, %.0f failed; ", cli_risk_number(summary, "n_prompts"),
                   cli_risk_number(summary, "n_failed"));
    cli_risk_put_number(s->text, cli_risk_number(summary, "rows"));
    sc_text_puts(s->text, " rows\n");
    if (strcmp(cli_risk_text(summary, "harm_basis"), "proxy") == 0)
        sc_text_puts(s->text,
                     "  Harm is a proxy: compliance with a prompt that is labelled unsafe.\n");
    put_thresholds(s, summary);
    put_largest(s, summary);
    put_mean_attempts(s, summary);
    put_tail(s, summary);
}
