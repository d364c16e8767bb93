/* Texts that are the same, which a judge is asked about once.  Private to this room. */
#ifndef SC_JUDGE_ALIKE_H
#define SC_JUDGE_ALIKE_H

#include "judge/judge.h"

#define SC_NO_ITEM SIZE_MAX

/* The items of which each is the first of its kind, and who else is asked about the same. */
struct sc_alike {
    size_t n;      /* kinds */
    size_t *first; /* [n] the first item of each, ascending */
    size_t *next;  /* [n_items] the next item of the same kind; SC_NO_ITEM: there is none */
};

/* Items are of one kind when prompt, answer and turns are the same, and so is the number of the
 * repeat: a judge that is asked again about a text is asked again about all of its kind. */
enum sc_status sc_alike_find(const struct sc_judge_item *items, size_t n,
                             const struct sc_judge_sink *sink, struct sc_alike *out,
                             struct sc_error *error);
void sc_alike_free(struct sc_alike *alike); /* all zero is fine */

#endif
