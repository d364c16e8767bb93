/*
 * Who read the answers and what could be read: which verdicts the rules gave, the reader, a user's
 * rules or a judge, what the partial refusals are, and in which languages the answers are.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/analysis.h"
#include "analysis/detector_errors.h"
#include "base/memory.h"

const char *sc_decider_name(enum sc_decider decider)
{
    static const char *const names[SC_N_DECIDERS] = {"rules", "reader", "own_rules", "judge"};
    return names[decider];
}

const char *sc_language_word(enum sc_language language)
{
    static const char *const words[SC_N_LANGUAGES] = {
        [SC_ENGLISH] = "English", [SC_CHINESE] = "Chinese",       [SC_JAPANESE] = "Japanese",
        [SC_KOREAN] = "Korean",   [SC_FRENCH] = "French",         [SC_SPANISH] = "Spanish",
        [SC_GERMAN] = "German",   [SC_PORTUGUESE] = "Portuguese", [SC_RUSSIAN] = "Russian",
        [SC_ARABIC] = "Arabic"};
    return words[language] != NULL ? words[language] : "another";
}

/* Whether a detector's name is, or holds, that of one that reads words: "patterns/2", "reader/1",
 * "hybrid/1(patterns/2,...)". */
bool sc_detector_reads_words(const char *detector)
{
    return detector != NULL &&
           (strstr(detector, "patterns/") != NULL || strstr(detector, "reader/") != NULL);
}

/* A judge's rules are its name and what it said. */
static bool ends_as_of_a_judge(const char *rule)
{
    static const char *const ends[] = {"-yes", "-no", "-partial", "-unparsed", "-failed"};
    size_t n = strlen(rule);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (n > strlen(ends[i]) && strcmp(rule + n - strlen(ends[i]), ends[i]) == 0)
            return true;
    return false;
}

enum sc_decider sc_trace_decider(const struct sc_run_trace *trace)
{
    static const enum sc_decider of[SC_N_DETECTED_BY] = {[SC_BY_RULES] = SC_DECIDER_RULES,
                                                         [SC_BY_READER] = SC_DECIDER_READER,
                                                         [SC_BY_OWN_RULES] = SC_DECIDER_OWN_RULES};
    const char *detector = trace->detector != NULL ? trace->detector : "";
    const char *rule = trace->rule != NULL ? trace->rule : "";
    if (!sc_detector_reads_words(detector) ||
        (strncmp(detector, "hybrid/", 7) == 0 && ends_as_of_a_judge(rule)))
        return SC_DECIDER_JUDGE;
    return of[sc_detected_by(detector, rule)];
}

static void count_verdict(const struct sc_run_trace *trace, struct sc_answers_read *out)
{
    if (!sc_trace_is_judged(trace) || trace->verdict == SC_EMPTY)
        return;
    out->by[sc_trace_decider(trace)]++;
    if (trace->verdict == SC_PARTIAL)
        out->partial[sc_partial_kind_of(trace->rule != NULL ? trace->rule : "")]++;
}

/* ---- languages ------------------------------------------------------------------------------- */

/* Languages and scripts that nobody reads, by name. */
struct unread {
    const char *name;
    size_t n;
};

static void count_unread(struct unread *all, size_t *n, const char *name)
{
    size_t i = 0;
    while (i < *n && strcmp(all[i].name, name) != 0)
        i++;
    if (i == *n && *n < SC_MOST_UNREAD)
        all[(*n)++] = (struct unread){.name = name};
    if (i < *n)
        all[i].n++;
}

static int by_count(const void *left, const void *right)
{
    const struct unread *a = left, *b = right;
    if (a->n != b->n)
        return a->n > b->n ? -1 : 1;
    return strcmp(a->name, b->name);
}

static void name_unread(struct unread *all, size_t n, struct sc_answers_read *out)
{
    size_t length = 0;
    qsort(all, n, sizeof *all, by_count);
    for (size_t i = 0; i < n && length + 40 < sizeof out->not_read; i++)
        length += (size_t)snprintf(out->not_read + length, sizeof out->not_read - length,
                                   "%s%.24s %zu", i > 0 ? ", " : "", all[i].name, all[i].n);
}

static void count_language(const struct sc_run_trace *trace, struct sc_answers_read *out,
                           struct unread *unread, size_t *n_unread)
{
    struct sc_language_guess guess;
    if (trace->finish == SC_FINISH_FAILED || trace->answer == NULL)
        return;
    sc_language_guess(trace->answer, strlen(trace->answer), &guess);
    if (guess.language == SC_LANGUAGE_NONE)
        return;
    out->n_answers++;
    out->languages[guess.language]++;
    if (guess.language == SC_LANGUAGE_OTHER)
        count_unread(unread, n_unread, guess.name != NULL ? guess.name : "");
}

void sc_analyse_readers(struct sc_analysis *a, struct sc_error *error)
{
    (void)error;
    const struct sc_run *run = a->run;
    struct sc_answers_read *out = &a->read;
    struct unread unread[SC_MOST_UNREAD];
    size_t n_unread = 0;
    for (size_t i = 0; i < run->n_instances; i++)
        for (size_t t = 0; t < a->views[run->primary].instances[i].n_traces; t++) {
            const struct sc_run_trace *trace =
                sc_run_trace_seen(&run->instances[i], run->primary, t);
            count_verdict(trace, out);
            count_language(trace, out, unread, &n_unread);
        }
    name_unread(unread, n_unread, out);
    out->n_not_read = out->languages[SC_LANGUAGE_OTHER];
    for (int l = SC_ENGLISH; l < SC_N_LANGUAGES; l++)
        if (!sc_detector_is_measured(run->detector, sc_language_code((enum sc_language)l)))
            out->n_not_measured += out->languages[l];
}
