/*
 * Whether a run's folder is whole: its database, what stands in it, and the files that were made of
 * it.  Folders of several runs (suites, shards, temperatures) are looked through.
 */
#ifndef SC_REPORT_VERIFY_VERIFY_H
#define SC_REPORT_VERIFY_VERIFY_H

#include "base/error.h"
#include "base/text.h"

enum sc_check {
    SC_CHECK_FILE,   /* SQLite's own check of run.db */
    SC_CHECK_KEYS,   /* each row has the key of what stands in it */
    SC_CHECK_VALUES, /* rows fit together, values are possible, prompts have their key */
    SC_CHECK_MODEL,  /* the model at hand is the run's */
    SC_CHECK_FILES,  /* predictions, analysis and page are those of run.db */
    SC_N_CHECKS
};
enum sc_check_result {
    SC_CHECK_OK,
    SC_CHECK_WRONG,
    SC_CHECK_SKIPPED, /* cannot be said: what it needs is not there, or damaged */
    SC_N_CHECK_RESULTS
};
const char *sc_check_name(enum sc_check check);
const char *sc_check_result_name(enum sc_check_result result);

struct sc_verified {
    char *folder;
    struct {
        enum sc_check_result result;
        struct sc_text words; /* what was found, one line */
    } checks[SC_N_CHECKS];
    struct sc_text damaged; /* JSON: an array of the rows whose keys are wrong */
    const char *mends; /* the command that mends it, without the folder; NULL: none, or whole */
};
struct sc_verification {
    struct sc_verified *runs; /* [n] */
    size_t n;
    bool whole; /* nothing is wrong */
};
struct sc_verify_options {
    const char *fingerprint; /* of the model at hand, or NULL */
    bool (*keep_going)(void *context);
    void *context;
};
/* Fails where there is no run; what is wrong with runs is no failure of this function. */
enum sc_status sc_verify(const char *folder, const struct sc_verify_options *options,
                         struct sc_verification *out, struct sc_error *error);
void sc_verification_free(struct sc_verification *verification);

/* One line per check; or an object. */
void sc_verification_say(const struct sc_verification *verification, struct sc_text *out);
enum sc_status sc_verification_json(const struct sc_verification *verification, struct sc_text *out,
                                    struct sc_error *error);

#endif
