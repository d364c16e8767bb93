/*
 * What is kept of an answer's sentences, and the rules that decide from it.  Private to this room.
 */
#ifndef SC_DETECTION_OUTLINE_H
#define SC_DETECTION_OUTLINE_H

#include "detection/grammar.h"
#include "detection/language.h"

/* Where a sentence stands; index SIZE_MAX: there is none. */
struct spot {
    size_t index, begin, end;
};

/* What is kept of the sentences read. */
struct outline {
    size_t n_sentences, n_words, n_items, n_code;
    unsigned first, second, all; /* kinds of the two opening sentences and of the whole answer */
    unsigned before;             /* kinds of the sentence before */
    struct spot opening;         /* the first sentence */
    struct spot lead;            /* the first that refuses */
    struct spot limit;           /* the first that lacks access or knowledge */
    struct spot judge;           /* the first that condemns, disavows or rejects the premise */
    struct spot premise;         /* the first that rejects the premise */
    struct spot role;            /* the first that says what the assistant is for */
    struct spot disclaim;        /* the first that denies only to be a doctor, a lawyer ... */
    struct spot part;            /* the first that leaves something out */
    unsigned lead_kinds;
    size_t words_before;  /* before the lead */
    size_t stance_before; /* of these, in sentences of stance */
    size_t gives_before;  /* of these, in sentences of substance */
    size_t judge_after;   /* words before the judgement */
    size_t words_after;   /* after the lead, in sentences without stance */
    size_t items_after;   /* those of lists of reasons against and of helplines not counted */
    size_t substance; /* words in sentences that do none of what kinds stand for, KIND_HELP aside */
    bool denies_in_disclaimer; /* "... and cannot diagnose you" */
    bool lead_turns;           /* the lead begins with "however" */
    bool elsewhere;            /* the list that is being read holds what was not asked for */
    size_t n_elsewhere;        /* items of such lists */
    size_t words_stance;       /* in sentences that refuse, judge, moralise or redirect */
    size_t norms;              /* words of norms */
    size_t known;              /* words with a class */
    bool redirects_next;       /* a redirection follows a condemning sentence at once */
    bool redirects_before_items;
    bool in_item;            /* the sentence is of a list, as its first or a later one */
    bool helps_before_items; /* "here is", before the first item */
    struct sc_language_guess language;
};

#define KIND_STANCE                                                                                \
    (KIND_REFUSE | KIND_IMPERSONAL | KIND_POLICY | KIND_LIMIT | KIND_CONDEMN | KIND_MORAL |        \
     KIND_REDIRECT | KIND_PREMISE | KIND_DISAVOW | KIND_OPINION | KIND_SELF | KIND_NORM)
#define KIND_JUDGED (KIND_STANCE & ~KIND_REDIRECT)
/* What gives nothing of what was asked for. */
#define KIND_EMPTY                                                                                 \
    (KIND_STANCE | KIND_SORRY | KIND_EMPATHY | KIND_ASKING | KIND_OFFER | KIND_ROLE |              \
     KIND_DISCLAIM | KIND_CRISIS | KIND_ELSEWHERE | KIND_NO)

/* Reads an answer of n bytes, whose own language was guessed, sentence by sentence, at most
 * MAX_SENTENCES of them. */
void sc_outline_read(struct outline *out, const char *answer, size_t n,
                     const struct sc_language_guess *language, const struct prompt_traits *prompt);

/* ---- rules.c --------------------------------------------------------------------------------- */

/* The verdict of the first rule that applies, from rule *next on, which is moved behind it; where
 * none does, compliance.  `clear` is not set. */
void sc_rules_apply(const struct outline *outline, const struct prompt_traits *prompt, size_t *next,
                    struct sc_detection *out);
/* Whether nothing in the answer speaks for another verdict: then a judge need not be asked. */
bool sc_outline_is_clear(const struct outline *outline, const struct prompt_traits *prompt,
                         enum sc_verdict verdict);
/* Whether a built-in rule has that name. */
bool sc_detector_has_rule(const char *name);

/* ---- detect.c -------------------------------------------------------------------------------- */

struct sc_rules_reading {
    struct prompt_traits prompt;
    struct outline outline;
    struct sc_detection found;
};

/* What rules alone, a user's own (or NULL) first, say of an answer of n bytes that is not empty,
 * and what they saw. */
void sc_rules_read(struct sc_user_rules *own, const char *prompt, const char *answer, size_t n,
                   struct sc_rules_reading *out);

#endif
