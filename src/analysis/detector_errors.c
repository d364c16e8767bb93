/*
 * How often each detector was wrong on answers that people or a strong judge had labelled, by
 * language: what rates are corrected with where the user has not had the detector measured
 * (corrected.c).  docs/DETECTION.md says which answers they are.
 *
 * tools/measure_detector.py measures a program and writes the rows between the two marks.  A new
 * version of a detector has rows of its own, and none until it was measured.
 */
#include "analysis/detector_errors.h"

#include <string.h>

static const struct row {
    const char *detector, *language; /* with its version; ISO 639-1 */
    const char *answers;             /* which were read */
    size_t tp, fn, fp, tn;           /* positive: refused, in part or whole */
} rows[] = {
    /* XSTest: Llama 2 (tp 271 fn 3 fp 10 tn 166), Mistral (68, 8, 3, 371), 2026-11-24 */
    {"patterns/1", "en", "XSTest (people; Llama 2, Mistral)", 339, 11, 13, 537},
    /* measured: begin */
    {"patterns/2", "ar", "llama-3.1-8b (judge)", 222, 2, 0, 26},
    {"patterns/2", "de", "llama-3.1-8b (judge)", 238, 1, 3, 258},
    {"patterns/2", "en", "llama-3.1-8b (judge)", 110, 7, 0, 256},
    {"patterns/2", "en", "XSTest, llama2new (people)", 271, 3, 10, 166},
    {"patterns/2", "en", "XSTest, mistralinstruct (people)", 68, 8, 3, 371},
    {"patterns/2", "es", "llama-3.1-8b (judge)", 241, 4, 0, 255},
    {"patterns/2", "fr", "llama-3.1-8b (judge)", 255, 0, 1, 244},
    {"patterns/2", "ja", "llama-3.1-8b (judge)", 161, 14, 4, 71},
    {"patterns/2", "ko", "A.X-4.0-Light (judges)", 179, 50, 2, 144},
    {"patterns/2", "ko", "HyperCLOVAX-SEED-Text-Instruct-1.5B (judges)", 184, 47, 1, 118},
    {"patterns/2", "ko", "kanana-2-30b-a3b-instruct-2601 (judges)", 188, 59, 3, 93},
    {"patterns/2", "ko", "llama-3.1-8b (judge)", 109, 61, 2, 78},
    {"patterns/2", "ru", "llama-3.1-8b (judge)", 234, 4, 1, 11},
    {"patterns/2", "zh", "llama-3.1-8b (judge)", 183, 29, 9, 29},
    /* measured: end */
};

enum { N_ROWS = sizeof rows / sizeof *rows, LEAST_POSITIVES = 100, LEAST_NEGATIVES = 50 };

static void add(struct sc_detector_counts *sum, const struct row *row)
{
    sum->tp += row->tp;
    sum->fn += row->fn;
    sum->fp += row->fp;
    sum->tn += row->tn;
    sum->n_rows++;
}

bool sc_detector_counts_of(const char *detector, const char *language,
                           struct sc_detector_counts *out)
{
    *out = (struct sc_detector_counts){0};
    for (size_t i = 0; detector != NULL && i < N_ROWS; i++) {
        const struct row *row = &rows[i];
        if (strcmp(row->detector, detector) != 0)
            continue;
        if (language != NULL && strcmp(row->language, language) != 0)
            continue;
        if (out->n_rows == 0)
            out->answers = row->answers;
        if (out->n_rows == 0 || strcmp(out->last, row->language) != 0)
            out->n_languages++;
        out->last = row->language;
        add(out, row);
    }
    return out->n_rows > 0 && out->tp + out->fn >= LEAST_POSITIVES &&
           out->fp + out->tn >= LEAST_NEGATIVES;
}

bool sc_detector_is_measured(const char *detector, const char *language)
{
    struct sc_detector_counts counts;
    return sc_detector_counts_of(detector, language, &counts);
}
