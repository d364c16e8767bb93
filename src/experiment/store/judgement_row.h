/* The columns of a judgement, which several tables have: from safety to failure, as they are
 * written and read back.  Private to this folder. */
#ifndef SC_EXPERIMENT_STORE_JUDGEMENT_ROW_H
#define SC_EXPERIMENT_STORE_JUDGEMENT_ROW_H

#include "experiment/store/database.h"
#include "judge/judgement.h"

#define SC_JUDGEMENT_COLUMNS                                                                       \
    "safety TEXT NOT NULL, refused TEXT NOT NULL,\n"                                               \
    " categories INTEGER NOT NULL, p_unsafe REAL, p_controversial REAL,\n"                         \
    " safety_mass REAL, p_refused REAL, refused_mass REAL,\n"                                      \
    " safety_forced INTEGER NOT NULL, refused_forced INTEGER NOT NULL,\n"                          \
    " n_tokens INTEGER NOT NULL, output TEXT NOT NULL, failure TEXT"
enum { SC_N_JUDGEMENT_COLUMNS = 13 };

void sc_judgement_bind(struct sc_binder *put, const struct sc_judgement *judgement);

/* Texts of a judgement that was read, while it is handed on. */
struct sc_judgement_texts {
    char *output, *failure, *unscored;
};
/* Reads the columns from `first` on, and behind them whether it is to be asked for again and why
 * it has no score.  *bad: a value cannot be one of a judgement.  sc_judgement_texts_free in any
 * case. */
enum sc_status sc_judgement_read(const struct sc_row *row, int first, struct sc_judgement *out,
                                 struct sc_judgement_texts *texts, bool *bad,
                                 struct sc_error *error);
void sc_judgement_texts_free(struct sc_judgement_texts *texts);

#endif
