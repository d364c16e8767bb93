/*
 * Taking out of run.db what is damaged, so that the command which made it makes it again: a trace
 * is a function of the run, and sampled again it is the same.
 */
#ifndef SC_EXPERIMENT_STORE_MEND_H
#define SC_EXPERIMENT_STORE_MEND_H

#include "base/error.h"

struct sc_mending {
    size_t n_rows;   /* that were damaged, and are taken out */
    size_t n_traces; /* that are to be sampled again */
    size_t n_judged; /* judgements that are to be made again */
    bool indices;    /* were made anew from their tables */
};

/* Whether what a row of the table says is made again by no command. */
bool sc_store_is_beyond_mending(const char *table);

/* Fails where the damage is in what no command makes again (configuration, prompts), or where
 * SQLite cannot read the file; the file is then as it was. */
enum sc_status sc_store_mend(const char *folder, struct sc_mending *out, struct sc_error *error);

#endif
