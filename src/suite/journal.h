/* What a suite knows of its runs from one start to the next: suite.json in its folder. */
#ifndef SC_SUITE_JOURNAL_H
#define SC_SUITE_JOURNAL_H

#include "base/json.h"

struct sc_suite_journal {
    char *path;
    json_t *file; /* place -> object */
};

/* A run that came to its end, or was begun. */
struct sc_suite_entry {
    const char *key;   /* of what the run was asked, by which a changed one is known */
    const char *model; /* as it was named; a rate of one model says nothing of another */
    int status;        /* exit status of the last start */
    double seconds;    /* that all its starts took */
    uint64_t traces;   /* that are stored */
};

/* A folder without the file has no runs yet.  sc_suite_journal_close in any case. */
enum sc_status sc_suite_journal_open(struct sc_suite_journal *journal, const char *folder,
                                     struct sc_error *error);
void sc_suite_journal_close(struct sc_suite_journal *journal);

/* False: nothing is known of it.  Texts are borrowed until it is put again. */
bool sc_suite_journal_find(const struct sc_suite_journal *journal, const char *place,
                           struct sc_suite_entry *entry);
/* Puts and writes the file, whole or not at all. */
enum sc_status sc_suite_journal_put(struct sc_suite_journal *journal, const char *place,
                                    const struct sc_suite_entry *entry, struct sc_error *error);

/* Seconds that a trace has taken in the runs of a model; NaN: none is known. */
double sc_suite_journal_rate(const struct sc_suite_journal *journal, const char *model);

#endif
