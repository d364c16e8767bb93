/* The words of `safeconf run` for the runs of a suite. */
#ifndef SC_CLI_SUITE_WORDS_H
#define SC_CLI_SUITE_WORDS_H

#include "suite/suite.h"

struct cli_words {
    char **items; /* [n], owned */
    size_t n, cap;
    char key[17]; /* of the words, the program's version and the files that they name: when one of
                   * these is another, the run is looked at again; hex */
};

/* The words of a run whose results go to `out`.  folder: of the suite's file, from which the files
 * that its options name are looked for.  An option that `run` does not have, or that cannot have
 * such a value, is named.  cli_words_free in any case. */
enum sc_status cli_suite_words(const struct sc_suite_run *run, const char *folder, const char *out,
                               struct cli_words *words, struct sc_error *error);
void cli_words_free(struct cli_words *words);

/* Appends "safeconf run ..." as a shell takes it. */
void cli_words_put(struct sc_text *text, const struct cli_words *words);

/* "FOLDER/PATH", or PATH where that begins at the root or the folder is the current one ("."); NULL
 * without memory. */
char *cli_path_from(const char *folder, const char *path);

#endif
