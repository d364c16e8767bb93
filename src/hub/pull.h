/* What the files share that fetch a set.  Private to this room. */
#ifndef SC_HUB_PULL_H
#define SC_HUB_PULL_H

#include "base/text.h"
#include "hub/account.h"
#include "hub/record.h"
#include "hub/sets.h"

struct sc_puller {
    const struct sc_set *set;
    const struct sc_set_options *options;
    struct sc_set_state *state;          /* the wanted parts */
    const char *token;                   /* for the hub; NULL: none */
    char revision[SC_SET_REVISION_SIZE]; /* what is fetched */
};

/* In puller.c. */
/* The SHA-256 of the part's file at the puller's revision; NULL: nothing is known. */
const char *sc_set_part_expected(const struct sc_puller *puller, const struct sc_set_part *part);
/* Records a part that came at the puller's revision, and whose bytes and sha256 are set. */
enum sc_status sc_set_part_done(const struct sc_puller *puller, struct sc_set_part *part,
                                struct sc_error *error);
/* A small answer of the hub or what stands beside it; takes the URL, NULL: memory is exhausted.
 * sc_free(answer->body). */
enum sc_status sc_set_ask(const struct sc_puller *puller, char *url, size_t most,
                          struct sc_hub_answer *answer, struct sc_error *error);
/* The commit that a revision of a set of the hub is now. */
enum sc_status sc_set_ask_revision(const struct sc_puller *puller, const char *revision,
                                   char out[SC_SET_REVISION_SIZE], struct sc_error *error);
/* An error that says what a refusal asks of the user. */
enum sc_status sc_set_refused(const struct sc_puller *puller, const struct sc_hub_refusal *refusal,
                              struct sc_error *error);
/* Appends a part of a URL, with everything escaped that is neither letter, digit, one of "-_.~" nor
 * among those that are kept. */
void sc_text_add_escaped(struct sc_text *text, const char *part, const char *kept);

/* In pull_rows.c: the missing parts of a set that comes through the rows interface. */
enum sc_status sc_set_pull_rows(struct sc_puller *puller, struct sc_error *error);

#endif
