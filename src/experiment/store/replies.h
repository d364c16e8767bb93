/*
 * Single replies of a judge, where a judgement is made of several or is of a text that is not the
 * run's: rows of run.db under the name of what was asked, so that a pass goes on where it stopped.
 *
 * The tables come into being with the first reply; a run without any has none.
 */
#ifndef SC_EXPERIMENT_STORE_REPLIES_H
#define SC_EXPERIMENT_STORE_REPLIES_H

#include "experiment/store/store.h"
#include "judge/judgement.h"

/* What a reply is about. */
struct sc_reply {
    const char *labels; /* key of a file of labelled answers; "": of the run itself */
    size_t item;        /* the row of that file, or the instance's position */
    int64_t trace;      /* of the run: an index, or -1 for the prompt; of a file: 0 */
    const char *asked;  /* the judge's name without its number of repeats */
    uint32_t repeat;
};

/* Makes the tables where they are missing. */
enum sc_status sc_store_prepare_replies(struct sc_store *store, struct sc_error *error);
/* Keeps one reply in a transaction of its own. */
enum sc_status sc_store_put_reply(struct sc_store *store, const struct sc_reply *reply,
                                  const struct sc_judgement *judgement, struct sc_error *error);

typedef enum sc_status sc_store_reply_reader(void *context, const struct sc_reply *reply,
                                             const struct sc_judgement *judgement,
                                             struct sc_error *error);
/* Those of one judge about the run or about a file, in order of item, trace and repeat. */
enum sc_status sc_store_read_replies(struct sc_store *store, const char *labels, const char *asked,
                                     sc_store_reply_reader *reader, void *context,
                                     struct sc_error *error);

/* How a judge was asked repeatedly. */
struct sc_store_repeats {
    const char *judge, *asked; /* its names with and without the number */
    size_t n;                  /* repeats that were asked for */
    double temperature;
    bool deterministic; /* all would be the same, so one stands for all */
};
enum sc_status sc_store_put_repeats(struct sc_store *store, const struct sc_store_repeats *repeats,
                                    struct sc_error *error);
typedef enum sc_status sc_store_repeats_reader(void *context,
                                               const struct sc_store_repeats *repeats,
                                               struct sc_error *error);
enum sc_status sc_store_read_repeats(struct sc_store *store, sc_store_repeats_reader *reader,
                                     void *context, struct sc_error *error);

#endif
