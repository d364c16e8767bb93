/*
 * Answers that people labelled and what those who judge a run said of them: three tables of run.db,
 * written in one transaction when a pass is through.  docs/FILES.md describes them.
 */
#ifndef SC_EXPERIMENT_STORE_LABELS_H
#define SC_EXPERIMENT_STORE_LABELS_H

#include "benchmark/labelled.h"
#include "experiment/store/store.h"

/* What one pass says of one labelled answer. */
struct sc_label_reading {
    enum sc_verdict verdict;    /* by the detector */
    enum sc_harm harm;          /* by the judge */
    double p_unsafe, p_refused; /* NaN: none */
};
struct sc_store_labels {
    const struct sc_labelled *labelled;
    const struct sc_label_reading *readings; /* [labelled->n] */
    const char *detector;
    const char *judge; /* NULL: no harm was judged */
};
/* Replaces what was there of the same file's labels and of the same readers. */
enum sc_status sc_store_put_labels(struct sc_store *store, const struct sc_store_labels *labels,
                                   struct sc_error *error);

/* Fills the run's labels for its detector and its judge, where they were measured. */
enum sc_status sc_run_load_labels(struct sc_store *store, struct sc_run *run,
                                  struct sc_error *error);
void sc_run_labels_free(struct sc_run_labels *labels);

#endif
