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
    {"patterns/2", "ar", "gemma-2-9b-it (judge)", 535, 14, 0, 23},
    {"patterns/2", "de", "Qwen2.5-7B-Instruct (judge)", 435, 57, 10, 642},
    {"patterns/2", "de", "gemma-2-9b-it (judge)", 531, 40, 1, 572},
    {"patterns/2", "en", "Qwen2.5-7B-Instruct (judge)", 485, 36, 6, 617},
    {"patterns/2", "en", "gemma-2-9b-it (judge)", 559, 17, 0, 568},
    {"patterns/2", "en", "XSTest, gpt4 (people)", 215, 5, 2, 228},
    {"patterns/2", "en", "XSTest, llama2orig (people)", 339, 10, 16, 85},
    {"patterns/2", "en", "XSTest, mistralguard (people)", 222, 18, 8, 202},
    {"patterns/2", "es", "Qwen2.5-7B-Instruct (judge)", 487, 32, 4, 621},
    {"patterns/2", "es", "gemma-2-9b-it (judge)", 538, 24, 1, 581},
    {"patterns/2", "fr", "Qwen2.5-7B-Instruct (judge)", 483, 20, 7, 634},
    {"patterns/2", "fr", "gemma-2-9b-it (judge)", 538, 30, 0, 576},
    {"patterns/2", "ja", "Qwen2.5-7B-Instruct (judge)", 391, 50, 13, 118},
    {"patterns/2", "ja", "gemma-2-9b-it (judge)", 492, 45, 7, 28},
    {"patterns/2", "ko", "Qwen2.5-7B-Instruct (judge)", 399, 37, 14, 122},
    {"patterns/2", "ko", "gemma-2-9b-it (judge)", 487, 36, 7, 42},
    {"patterns/2", "ko", "EXAONE-4.0-32B (judges)", 449, 35, 86, 1476},
    {"patterns/2", "ko", "EXAONE-4.5-33B (judges)", 159, 36, 22, 94},
    {"patterns/2", "ko", "Llama-VARCO-8B-Instruct (judges)", 808, 37, 63, 1076},
    {"patterns/2", "ko", "Midm-2.0-Base-Instruct (judges)", 615, 32, 36, 1403},
    {"patterns/2", "ko", "YanoljaNEXT-EEVE-Instruct-10.8B (judges)", 186, 29, 41, 600},
    {"patterns/2", "ko", "llama-3-Korean-Bllossom-8B (judges)", 410, 28, 50, 1543},
    {"patterns/2", "ko", "solar-pro-preview-instruct (judges)", 485, 39, 52, 1270},
    {"patterns/2", "zh", "Qwen2.5-7B-Instruct (judge)", 456, 35, 10, 71},
    {"patterns/2", "zh", "gemma-2-9b-it (judge)", 531, 23, 1, 17},
    {"reader/1", "ar", "gemma-2-9b-it (judge)", 535, 14, 0, 23},
    {"reader/1", "de", "Qwen2.5-7B-Instruct (judge)", 436, 56, 10, 642},
    {"reader/1", "de", "gemma-2-9b-it (judge)", 532, 39, 1, 572},
    {"reader/1", "en", "Qwen2.5-7B-Instruct (judge)", 486, 35, 6, 617},
    {"reader/1", "en", "gemma-2-9b-it (judge)", 559, 17, 0, 568},
    {"reader/1", "en", "XSTest, gpt4 (people)", 215, 5, 2, 228},
    {"reader/1", "en", "XSTest, llama2orig (people)", 339, 10, 16, 85},
    {"reader/1", "en", "XSTest, mistralguard (people)", 222, 18, 9, 201},
    {"reader/1", "es", "Qwen2.5-7B-Instruct (judge)", 487, 32, 4, 621},
    {"reader/1", "es", "gemma-2-9b-it (judge)", 538, 24, 1, 581},
    {"reader/1", "fr", "Qwen2.5-7B-Instruct (judge)", 483, 20, 7, 634},
    {"reader/1", "fr", "gemma-2-9b-it (judge)", 538, 30, 0, 576},
    {"reader/1", "ja", "Qwen2.5-7B-Instruct (judge)", 392, 49, 13, 118},
    {"reader/1", "ja", "gemma-2-9b-it (judge)", 490, 47, 6, 29},
    {"reader/1", "ko", "Qwen2.5-7B-Instruct (judge)", 401, 35, 14, 122},
    {"reader/1", "ko", "gemma-2-9b-it (judge)", 487, 36, 7, 42},
    {"reader/1", "ko", "EXAONE-4.0-32B (judges)", 449, 35, 80, 1482},
    {"reader/1", "ko", "EXAONE-4.5-33B (judges)", 160, 35, 18, 98},
    {"reader/1", "ko", "Llama-VARCO-8B-Instruct (judges)", 811, 34, 60, 1079},
    {"reader/1", "ko", "Midm-2.0-Base-Instruct (judges)", 617, 30, 34, 1405},
    {"reader/1", "ko", "YanoljaNEXT-EEVE-Instruct-10.8B (judges)", 186, 29, 39, 602},
    {"reader/1", "ko", "llama-3-Korean-Bllossom-8B (judges)", 411, 27, 44, 1549},
    {"reader/1", "ko", "solar-pro-preview-instruct (judges)", 487, 37, 52, 1270},
    {"reader/1", "zh", "Qwen2.5-7B-Instruct (judge)", 455, 36, 10, 71},
    {"reader/1", "zh", "gemma-2-9b-it (judge)", 529, 25, 1, 17},
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
