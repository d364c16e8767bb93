/* See judgement_row.h.  What is read back is untrusted like the rest of the file. */
#include "experiment/store/judgement_row.h"

#include <math.h>

#include "base/memory.h"

void sc_judgement_bind(struct sc_binder *put, const struct sc_judgement *judgement)
{
    const double scores[] = {judgement->p_unsafe, judgement->p_controversial,
                             judgement->safety_mass, judgement->p_refused, judgement->refused_mass};
    sc_bind_text(put, sc_safety_name(judgement->safety));
    sc_bind_text(put, sc_refused_name(judgement->refused));
    sc_bind_int(put, judgement->categories);
    for (size_t i = 0; i < sizeof scores / sizeof *scores; i++)
        sc_bind_real(put, scores[i]);
    sc_bind_int(put, judgement->safety_forced);
    sc_bind_int(put, judgement->refused_forced);
    sc_bind_size(put, judgement->n_tokens);
    sc_bind_text(put, judgement->output);
    sc_bind_text(put, judgement->failure);
}

static double read_share(const struct sc_row *row, int column, bool *bad)
{
    double value = sc_row_real(row, column);
    *bad = *bad || (!sc_row_is_null(row, column) && !(value >= 0 && value <= 1.000001));
    return value;
}

static enum sc_status read_texts(const struct sc_row *row, int first,
                                 struct sc_judgement_texts *texts, struct sc_error *error)
{
    SC_TRY(sc_row_text(row, first + 11, false, &texts->output, error));
    SC_TRY(sc_row_text(row, first + 12, true, &texts->failure, error));
    return sc_row_text(row, first + 14, true, &texts->unscored, error);
}

enum sc_status sc_judgement_read(const struct sc_row *row, int first, struct sc_judgement *out,
                                 struct sc_judgement_texts *texts, bool *bad,
                                 struct sc_error *error)
{
    sqlite3_stmt *s = row->statement;
    int64_t n_tokens = sqlite3_column_int64(s, first + 10);
    int64_t categories = sqlite3_column_int64(s, first + 2);
    const char *safety = (const char *)sqlite3_column_text(s, first);
    const char *refused = (const char *)sqlite3_column_text(s, first + 1);
    int said = safety != NULL ? sc_safety_parse(safety) : -1;
    int no = refused != NULL ? sc_refused_parse(refused) : -1;
    *texts = (struct sc_judgement_texts){0};
    *bad = said < 0 || no < 0 || n_tokens < 0 || n_tokens > INT32_MAX || categories < 0 ||
           categories >= (int64_t)2 << SC_MOST_CATEGORIES;
    *out = (struct sc_judgement){.safety = (enum sc_safety)said,
                                 .refused = (enum sc_refused)no,
                                 .categories = (unsigned)categories,
                                 .p_unsafe = read_share(row, first + 3, bad),
                                 .p_controversial = read_share(row, first + 4, bad),
                                 .safety_mass = read_share(row, first + 5, bad),
                                 .p_refused = read_share(row, first + 6, bad),
                                 .refused_mass = read_share(row, first + 7, bad),
                                 .score = NAN, /* in a column or table of its own */
                                 .safety_forced = sqlite3_column_int(s, first + 8) != 0,
                                 .refused_forced = sqlite3_column_int(s, first + 9) != 0,
                                 .again = sqlite3_column_int(s, first + 13) != 0,
                                 .n_tokens = (size_t)n_tokens};
    if (*bad)
        return SC_OK;
    SC_TRY(read_texts(row, first, texts, error));
    out->output = texts->output;
    out->failure = texts->failure;
    out->unscored = texts->unscored;
    return SC_OK;
}

void sc_judgement_texts_free(struct sc_judgement_texts *texts)
{
    sc_free(texts->output);
    sc_free(texts->failure);
    sc_free(texts->unscored);
}
