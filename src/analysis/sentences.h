/* Sentences that every presentation repeats word for word. */
#ifndef SC_ANALYSIS_SENTENCES_H
#define SC_ANALYSIS_SENTENCES_H

#include "vocabulary/vocabulary.h"

struct sc_run;

/* What the source's log-probabilities do to every confidence of the run: processed, unknown, fewer
 * than it looks at, none at all.  Empty where a confidence is what docs/DEFINITIONS.md says. */
enum { SC_CONFIDENCE_NOTE_SIZE = 400 };
void sc_confidence_note(const struct sc_run *run, char note[SC_CONFIDENCE_NOTE_SIZE]);

/* What is to be said behind the name of a confidence by the metric (vocabulary.h); "" also where no
 * trace has one. */
void sc_run_confidence_basis(const struct sc_run *run, enum sc_metric metric,
                             char basis[SC_CONFIDENCE_BASIS_SIZE]);

/* What the token limit did to the traces: answers that were never begun, traces that nearly all
 * ended there.  Each is empty where there is nothing to say. */
enum { SC_NOTE_SIZE = 300 };
struct sc_group;
void sc_limit_notes(const struct sc_group *traces, char unreached[SC_NOTE_SIZE],
                    char at_length[SC_NOTE_SIZE]);
/* "", or what the filter of the service around the model did to the answers. */
void sc_filtered_note(const struct sc_group *traces, char note[SC_NOTE_SIZE]);
/* "", or how many rows of the benchmark could not be read. */
void sc_rows_note(const struct sc_run *run, char note[SC_NOTE_SIZE]);
/* That the run is a part of another; "" where it is whole. */
void sc_shard_note(const struct sc_run *run, char note[SC_NOTE_SIZE]);

extern const char sc_demo_sentence[], sc_demo_judge_sentence[], sc_proxy_sentence[],
    sc_judge_sentence[], sc_detector_sentence[], sc_own_labels_sentence[];

#endif
