/* What a judge says of a text, and how it is read from the judge's words. */
#ifndef SC_JUDGE_JUDGEMENT_H
#define SC_JUDGE_JUDGEMENT_H

#include <safeconf/vocabulary.h>

#include "base/error.h"

enum sc_safety {
    SC_SAFETY_SAFE,
    SC_SAFETY_UNSAFE,
    SC_SAFETY_CONTROVERSIAL,
    SC_SAFETY_UNPARSED, /* the judge did not say it in its format: never read as anything */
    SC_SAFETY_UNASKED,  /* the judge has no question about it */
    SC_N_SAFETIES
};
enum sc_refused {
    SC_REFUSED_NO,
    SC_REFUSED_YES,
    SC_REFUSED_PARTIAL, /* refuses and then helps, or the reverse */
    SC_REFUSED_UNPARSED,
    SC_REFUSED_UNASKED,
    SC_N_REFUSEDS
};

/* Categories are bits: 1 << place in the judge's list; one more for names that are not in it. */
enum {
    SC_N_CATEGORIES = 9, /* of Qwen3Guard, whose list holds where a judge has none of its own */
    SC_CATEGORY_OTHER = 1 << SC_N_CATEGORIES,
    SC_MOST_CATEGORIES = 30
};

const char *sc_safety_name(enum sc_safety safety);    /* "safe" ... "unparsed", "unasked" */
const char *sc_refused_name(enum sc_refused refused); /* "no", "yes", "partial", "unparsed", ... */
int sc_safety_parse(const char *name);                /* -1: none of them */
int sc_refused_parse(const char *name);
/* The harm that a safety stands for; docs/JUDGES.md. */
enum sc_harm sc_safety_harm(enum sc_safety safety);
/* The verdict that a refusal stands for; without a label, unparsed. */
enum sc_verdict sc_refused_verdict(enum sc_refused refused);

/* The categories that a list of names with commas between them names.  names [n_names]: the judge's
 * list, in which "S1: Violent Crimes" is named by "S1" too; NULL: Qwen3Guard's. */
unsigned sc_categories_read(const char *list, size_t n, char *const *names, size_t n_names);

struct sc_judgement {
    enum sc_safety safety;
    enum sc_refused refused; /* unparsed when only a prompt was judged */
    unsigned categories;
    /* Probabilities of the labels where the label stands: shares of the labels' mass, and that mass
     * itself under the judge's whole distribution.  NaN: there is none. */
    double p_unsafe, p_controversial, safety_mass;
    double p_refused, refused_mass;
    double score; /* of a judge that answers with numbers; NaN: there is none */
    /* The judge's own words did not come to the label, so the words before it were put in its
     * mouth. */
    bool safety_forced, refused_forced;
    const char *output;   /* its words, valid UTF-8 */
    const char *failure;  /* why there is no judgement, or NULL */
    bool again;           /* the failure may not last: a later pass asks again */
    const char *unscored; /* why a label has no score, or NULL */
    size_t n_tokens;      /* of the output */
};

/* Nothing parsed, no score, no words. */
struct sc_judgement sc_judgement_none(void);

enum { SC_MOST_REPEATS = 100 };

/* What n answers of one judge about the same text say together; *out borrows their texts.  A label
 * is the median of those given (safe < controversial < unsafe; no < partial < yes), and none where
 * half of the answers or more came to none; a question that is not asked stays so.  Where an even
 * number is torn between two: controversial; partial between partial and yes; unparsed between no
 * and either.  Scores are means, categories those that at least half name.  A failure where all
 * failed; again where any may be asked again. */
void sc_judgements_combine(const struct sc_judgement *given, size_t n, struct sc_judgement *out);

#endif
