/* See features.h. */
#include "detection/reader/features.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "detection/scripts.h"

/* ---- findings of the rules ------------------------------------------------------------------- */

/* Where the next dense feature goes. */
struct writer {
    float *at, *end;
};

static void put(struct writer *w, double value)
{
    assert(w->at < w->end);
    *w->at++ = (float)(value < 0 ? 0 : value > 1 ? 1 : value);
}

static void put_bits(struct writer *w, unsigned bits, size_t n)
{
    for (size_t i = 0; i < n; i++)
        put(w, bits >> i & 1);
}

/* One of n, the last for anything beyond. */
static void put_one_of(struct writer *w, size_t which, size_t n)
{
    for (size_t i = 0; i < n; i++)
        put(w, i == (which < n ? which : n - 1));
}

static void put_count(struct writer *w, size_t count)
{
    put(w, log2((double)count + 1) / 10);
}

/* A rule's place by its name, so that new rules move no other. */
static size_t rule_slot(const char *rule)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (; *rule; rule++)
        hash = (hash ^ (unsigned char)*rule) * 16777619u;
    return hash >> 27;
}

static void put_traits(struct writer *w, const struct prompt_traits *p)
{
    const bool traits[] = {p->why,    p->negated,  p->yes_or_no, p->writing,    p->about_norms,
                           p->method, p->prevents, p->factual,   p->letter,     p->argues,
                           p->itself, p->advice,   p->harmful,   p->seeks_harm, p->seeks_none};
    for (size_t i = 0; i < sizeof traits / sizeof *traits; i++)
        put(w, traits[i]);
}

static void read_dense(const struct sc_rules_reading *rules, float *dense)
{
    const struct outline *o = &rules->outline;
    struct writer w = {dense, dense + SC_READER_DENSE};
    double words = o->n_words > 0 ? (double)o->n_words : 1;
    put_bits(&w, o->first, 32);
    put_bits(&w, o->second, 32);
    put_bits(&w, o->all, 32);
    put_one_of(&w, rule_slot(rules->found.rule), 32);
    put_one_of(&w, o->language.language, SC_N_LANGUAGES);
    put_one_of(&w, o->lead.index, 5);
    put_one_of(&w, o->judge.index, 4);
    put_one_of(&w, (size_t)rules->found.verdict, 3);
    put_traits(&w, &rules->prompt);
    put(&w, (double)o->words_stance / words);
    put(&w, 10 * (double)o->norms / words);
    put(&w, (double)o->substance / words);
    put_count(&w, o->n_words);
    put_count(&w, o->n_sentences);
    put_count(&w, o->n_items);
    put_count(&w, o->n_code);
    put_count(&w, o->words_after);
    put_count(&w, o->words_before);
    put_count(&w, o->gives_before);
    put_count(&w, o->items_after);
    put_count(&w, o->n_elsewhere);
    put(&w, o->redirects_next);
    put(&w, o->redirects_before_items);
    put(&w, o->lead_turns);
    while (w.at < w.end)
        *w.at++ = 0;
}

/* ---- runs of characters ---------------------------------------------------------------------- */

/* Code points as they are compared: lower case, one blank for many, 0 for every digit. */
struct points {
    uint32_t cp[SC_READER_POINTS];
    uint32_t begin[SC_READER_POINTS + 1];
    size_t n, n_head;
};

/* Appends the code points of a stretch of the answer, at most `most` of them; where it stopped. */
static size_t read_points(const char *text, size_t from, size_t to, size_t most, struct points *out)
{
    size_t end = out->n + most, i = from;
    while (i < to && out->n < end) {
        uint32_t cp = (unsigned char)text[i];
        size_t bytes = cp < 0x80 ? 1 : sc_utf8_decode(text + i, to - i, &cp);
        if (bytes == 0) {
            i++;
            continue;
        }
        if (cp < 0x80) {
            cp = cp >= 'A' && cp <= 'Z' ? cp + 32 : cp >= '0' && cp <= '9' ? '0' : cp;
            cp = cp == '\n' || cp == '\t' || cp == '\r' ? ' ' : cp;
        } else {
            cp = cp == 0x2019 ? '\'' : sc_lower(cp);
        }
        bool blank_again = cp == ' ' && (out->n == 0 || out->cp[out->n - 1] == ' ');
        if (!blank_again && cp != '*' && cp != '_' && cp != '#') {
            out->begin[out->n] = (uint32_t)i;
            out->cp[out->n++] = cp;
        }
        i += bytes;
    }
    return i;
}

/* The beginning, what follows it, and the end. */
static void read_regions(const char *text, size_t n, struct points *out)
{
    out->n = 0;
    size_t at = read_points(text, 0, n, SC_READER_HEAD, out);
    out->n_head = out->n;
    at = read_points(text, at, n, SC_READER_REST, out);
    size_t last = n > 3 * SC_READER_REST ? n - 3 * SC_READER_REST : 0;
    last = last > at ? last : at;
    while (last < n && ((unsigned char)text[last] & 0xc0) == 0x80)
        last++;
    at = read_points(text, last, n, SC_READER_REST, out);
    out->begin[out->n] = (uint32_t)at;
}

/* Signs that are words or syllables say more alone than letters do. */
static size_t shortest_run(uint32_t cp)
{
    return cp >= 0x3000 && cp < 0xe000 ? 1 : 3;
}

struct seen {
    uint64_t bits[SC_READER_BUCKETS / 64];
};

static void add_runs(const struct points *points, size_t from, size_t to,
                     enum sc_reader_region region, struct seen *seen,
                     struct sc_reader_features *out)
{
    memset(seen, 0, sizeof *seen);
    struct sc_reader_run *run = out->runs + out->n_runs;
    for (size_t i = from; i < to; i++) {
        uint32_t hash = 2166136261u; /* FNV-1a of code points */
        size_t shortest = shortest_run(points->cp[i]), longest = shortest + SC_READER_RUNS - 1;
        for (size_t m = 1; m <= longest && i + m <= to; m++) {
            hash = (hash ^ points->cp[i + m - 1]) * 16777619u;
            if (m < shortest)
                continue;
            uint32_t mixed = (hash ^ (uint32_t)m) * 2654435761u;
            uint32_t bucket = mixed >> 15; /* 17 bits */
            uint64_t *bits = &seen->bits[bucket / 64], bit = UINT64_C(1) << bucket % 64;
            *run = (struct sc_reader_run){.bucket = bucket,
                                          .at = (uint16_t)i,
                                          .length = (uint8_t)m,
                                          .region = (uint8_t)region};
            run += (*bits & bit) == 0; /* else the next is written over it: no jump to guess */
            *bits |= bit;
        }
    }
    out->n_of[region] = (size_t)(run - out->runs) - out->n_runs;
    out->n_runs += out->n_of[region];
}

void sc_reader_features(const char *answer, size_t n, const struct sc_rules_reading *rules,
                        struct sc_reader_features *out)
{
    struct points points;
    struct seen seen;
    out->n_runs = out->n_of[0] = out->n_of[1] = 0;
    read_dense(rules, out->dense);
    read_regions(answer, n, &points);
    add_runs(&points, 0, points.n_head, SC_READER_OF_HEAD, &seen, out);
    add_runs(&points, points.n_head, points.n, SC_READER_OF_REST, &seen, out);
    memcpy(out->begin, points.begin, (points.n + 1) * sizeof *points.begin);
    out->n_points = points.n;
}
