/*
 * What detectors and judges said later of a run's stored traces (safeconf classify): rows beside
 * those of the run, each under the name and version of who gave it, and which of them reports read.
 *
 * The tables come into being with the first judgement; a run without any has none.
 */
#ifndef SC_EXPERIMENT_STORE_JUDGEMENTS_H
#define SC_EXPERIMENT_STORE_JUDGEMENTS_H

#include "experiment/store/store.h"
#include "judge/judgement.h"

/* Makes the tables where they are missing. */
enum sc_status sc_store_prepare_judging(struct sc_store *store, struct sc_error *error);

/* A verdict and a harm on a stored trace, and what they came from. */
struct sc_store_opinion {
    size_t position;
    uint32_t trace;
    const char *detector; /* NULL: no verdict is kept */
    enum sc_verdict verdict;
    const char *rule;
    size_t begin, end;
    struct sc_weighed weighed;
    const char *judge; /* NULL: no harm is kept */
    enum sc_harm harm;
};
/* Keeps all of it in one transaction.  judgement may be NULL; it is kept under the name `by`. */
enum sc_status sc_store_put_opinion(struct sc_store *store, const struct sc_store_opinion *opinion,
                                    const struct sc_judgement *judgement, const char *by,
                                    struct sc_error *error);
/* Keeps a judgement of the prompt itself. */
enum sc_status sc_store_put_prompt_judgement(struct sc_store *store, size_t position,
                                             const struct sc_judgement *judgement, const char *by,
                                             struct sc_error *error);

/* Receives one stored judgement; trace -1 stands for the prompt. */
typedef enum sc_status sc_store_judgement_reader(void *context, const char *by, size_t position,
                                                 int64_t trace,
                                                 const struct sc_judgement *judgement,
                                                 struct sc_error *error);
/* Judgements by one judge, or by all (by NULL), in order.  None when the table is missing. */
enum sc_status sc_store_read_judgements(struct sc_store *store, const char *by, size_t n_instances,
                                        sc_store_judgement_reader *reader, void *context,
                                        struct sc_error *error);

/* A stored verdict or harm: the other is its N value. */
struct sc_opinion {
    const char *by; /* the detector or judge */
    size_t position;
    uint32_t trace;
    enum sc_verdict verdict;
    enum sc_harm harm;
};
/* Receives one of them; what it points to is valid until it returns. */
typedef enum sc_status sc_store_opinion_reader(void *context, const struct sc_opinion *opinion,
                                               struct sc_error *error);
/* All verdicts of all detectors, then all harms of all judges. */
enum sc_status sc_store_read_opinions(struct sc_store *store, size_t n_instances,
                                      sc_store_opinion_reader *reader, void *context,
                                      struct sc_error *error);

/* Whose verdicts and harms reports read from now on. */
enum sc_status sc_store_set_reading(struct sc_store *store, const char *detector, const char *judge,
                                    struct sc_error *error);
/* Replaces *detector and *judge (sc_free) where another reading was set, and lets the store give
 * traces that they have not seen as unparsed and unjudged. *found says whether one was. */
enum sc_status sc_store_apply_reading(struct sc_store *store, char **detector, char **judge,
                                      bool *found, struct sc_error *error);

#endif
