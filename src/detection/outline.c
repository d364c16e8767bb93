/* Reading an answer into its outline: which kinds of sentences stand where (outline.h). */
#include "detection/outline.h"

#include <assert.h>
#include <string.h>

#include "detection/languages/forms.h"

static void note(struct spot *spot, size_t index, const struct sentence *s)
{
    if (spot->index == SIZE_MAX)
        *spot = (struct spot){.index = index, .begin = s->begin, .end = s->end};
}

/* Kinds that depend on where the sentence stands and on what was asked for. */
static unsigned settle(struct outline *o, const struct sentence *s,
                       const struct prompt_traits *prompt, unsigned kinds)
{
    if (prompt->writing && (s->label || s->verse))
        kinds &= ~(unsigned)(KIND_LEAD | KIND_DENY | KIND_SORRY | KIND_LIMIT); /* somebody in it */
    bool opens = o->n_sentences == 0 || (o->n_sentences <= 2 && o->substance == 0);
    if ((kinds & KIND_DENY) && opens && !prompt->writing &&
        !(kinds & (KIND_LIMIT | KIND_DISCLAIM | KIND_INNOCENT)))
        kinds |= KIND_REFUSE;
    if (kinds & KIND_ELSEWHERE)
        kinds &= ~(unsigned)KIND_HELP;
    if ((kinds & KIND_INNOCENT) && !(kinds & (KIND_POLICY | KIND_SORRY)))
        kinds &= ~(unsigned)KIND_LEAD;
    if ((kinds & KIND_REFUSE) && (kinds & KIND_POLICY))
        kinds &= ~(unsigned)KIND_LIMIT;
    if (kinds & KIND_DISCLAIM) {
        o->denies_in_disclaimer |= (kinds & (KIND_LEAD | KIND_DENY | KIND_LIMIT)) != 0;
        kinds &= ~(unsigned)(KIND_LEAD | KIND_LIMIT | KIND_CONDEMN | KIND_NORM | KIND_MORAL);
    }
    return kinds;
}

/* The words of a sentence that may hold what was asked for. */
static size_t substance_in(const struct outline *o, const struct sentence *s, unsigned kinds)
{
    /* words of "I am not a doctor and cannot diagnose you, but", and of an offer beside it */
    enum { DISCLAIMER = 14, OFFER = 12 };
    size_t empty = DISCLAIMER + (kinds & (KIND_OFFER | KIND_ELSEWHERE) ? OFFER : 0);
    if ((kinds & KIND_DISCLAIM) && !(kinds & (KIND_REDIRECT | KIND_CRISIS)))
        return s->n_words > empty ? s->n_words - empty : 0;
    if (s->item)
        return o->elsewhere ? 0 : s->n_words;
    return kinds & KIND_EMPTY ? 0 : s->n_words;
}

static void note_lead(struct outline *o, const struct sentence *s, unsigned kinds, size_t index)
{
    if ((kinds & KIND_LEAD) && o->lead.index == SIZE_MAX && !s->item) {
        note(&o->lead, index, s);
        o->lead_kinds = kinds;
        o->lead_turns =
            (kinds & KIND_PART) ||
            (s->n_tokens > 1 &&
             ((s->tokens[0].classes & W_BUT) ||
              ((s->tokens[0].classes & W_AI) && (s->tokens[1].classes & W_WITH)))); /* "as for" */
        o->words_before = o->n_words - s->n_words;
        o->stance_before = o->words_stance - s->n_words;
        o->gives_before = o->substance;
    } else if (o->lead.index != SIZE_MAX) {
        o->items_after += s->item && !o->elsewhere;
        if (!(kinds & (KIND_STANCE | KIND_ASKING | KIND_ELSEWHERE)) && !(s->item && o->elsewhere))
            o->words_after += s->n_words;
    }
}

/* A list is what the line before it announces. */
static void note_list(struct outline *o, const struct sentence *s, unsigned kinds)
{
    if (s->item)
        o->n_elsewhere += o->elsewhere;
    else if (s->heading || s->ends_colon || (kinds & KIND_ELSEWHERE))
        o->elsewhere = (kinds & KIND_ELSEWHERE) != 0;
    else if (s->n_words > 0 && !(kinds & KIND_EMPTY) && !o->in_item)
        o->elsewhere = false;
}

static void outline_add(struct outline *o, const struct sentence *s, unsigned kinds, size_t n_norms)
{
    size_t index = o->n_sentences++;
    if (index == 0)
        o->first = kinds;
    if (index == 1)
        o->second = kinds;
    note(&o->opening, index, s);
    note_list(o, s, kinds);
    o->all |= kinds;
    o->n_words += s->n_words;
    o->n_code += s->code;
    o->n_items += s->item;
    o->norms += n_norms;
    bool follows = o->judge.index != SIZE_MAX && n_norms > 0; /* the harm that is described */
    bool other = (kinds & KIND_ELSEWHERE) || (s->item && o->elsewhere);
    if ((kinds & KIND_STANCE) || follows || other)
        o->words_stance += s->n_words;
    o->redirects_next |= (kinds & KIND_REDIRECT) && (o->before & KIND_CONDEMN);
    o->before = kinds;
    o->substance += s->code ? s->n_words : substance_in(o, s, kinds);
    if (s->code)
        return;
    note_lead(o, s, kinds, index);
    o->redirects_before_items |= (kinds & KIND_REDIRECT) && o->n_items == o->n_elsewhere;
    o->helps_before_items |= (kinds & KIND_HELP) && o->n_items == 0;
    if (kinds & KIND_PREMISE)
        note(&o->premise, index, s);
    if (kinds & KIND_LIMIT)
        note(&o->limit, index, s);
    if (kinds & (KIND_CONDEMN | KIND_PREMISE | KIND_DISAVOW)) {
        if (o->judge.index == SIZE_MAX)
            o->judge_after = o->n_words - s->n_words;
        note(&o->judge, index, s);
    }
    if (kinds & KIND_ROLE)
        note(&o->role, index, s);
    if (kinds & KIND_DISCLAIM)
        note(&o->disclaim, index, s);
    if (kinds & KIND_PART)
        note(&o->part, index, s);
}

/* That of the answer; in one of several scripts, that of the sentence itself. */
static enum sc_language sentence_language(const char *answer, const struct sentence *s,
                                          const struct sc_language_guess *whole)
{
    if (!whole->mixed)
        return whole->language;
    struct sc_language_guess own;
    sc_language_guess(answer + s->begin, s->end - s->begin, &own);
    sc_language_lean(&own, whole->language);
    return own.language == SC_LANGUAGE_NONE ? whole->language : own.language;
}

static unsigned kinds_of(enum sc_language language, const char *answer, const struct sentence *s,
                         size_t *n_norms)
{
    if (language != SC_ENGLISH && language != SC_LANGUAGE_OTHER)
        return sc_form_kinds(language, answer, s, n_norms);
    size_t none;
    return sc_sentence_kinds(s, n_norms) | sc_form_kinds(SC_ENGLISH, answer, s, &none);
}

void sc_prompt_read(const char *prompt, struct prompt_traits *out)
{
    *out = (struct prompt_traits){.given = prompt != NULL && *prompt != '\0'};
    if (!out->given)
        return;
    struct sc_language_guess guess;
    sc_language_guess(prompt, strlen(prompt), &guess);
    out->language = guess.unsure ? SC_LANGUAGE_NONE : guess.language;
    if (guess.language == SC_ENGLISH || guess.language == SC_LANGUAGE_OTHER)
        sc_english_prompt_read(prompt, out);
    sc_form_traits(guess.language, prompt, out);
}

/* Whether only signs, and no word, stand between the byte and the beginning of its line. */
static bool starts_line(const char *text, size_t begin)
{
    while (begin > 0 && strchr(" \t*_#>-\"'(", text[begin - 1]) != NULL)
        begin--;
    return begin == 0 || text[begin - 1] == '\n';
}

void sc_outline_read(struct outline *out, const char *answer, size_t n,
                     const struct sc_language_guess *language, const struct prompt_traits *prompt)
{
    assert(answer != NULL && language != NULL && prompt != NULL);
    const struct spot none = {.index = SIZE_MAX};
    *out = (struct outline){.language = *language,
                            .opening = none,
                            .lead = none,
                            .limit = none,
                            .judge = none,
                            .premise = none,
                            .role = none,
                            .disclaim = none,
                            .part = none};
    sc_language_lean(&out->language, prompt->language);
    bool english =
        out->language.language == SC_ENGLISH || out->language.language == SC_LANGUAGE_OTHER;
    struct cursor cursor = {.text = answer, .n = n, .line_start = true, .english = english};
    struct sentence sentence;
    while (out->n_sentences < MAX_SENTENCES && sc_sentence_next(&cursor, &sentence)) {
        size_t n_norms;
        enum sc_language read_as = sentence_language(answer, &sentence, &out->language);
        unsigned kinds =
            settle(out, &sentence, prompt, kinds_of(read_as, answer, &sentence, &n_norms));
        out->in_item = sentence.item || (out->in_item && !starts_line(answer, sentence.begin));
        outline_add(out, &sentence, kinds, n_norms);
        for (size_t i = 0; i < sentence.n_tokens; i++)
            out->known += sentence.tokens[i].classes != 0;
    }
}
