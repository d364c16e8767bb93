/* What man pages say beyond the tables of options. */
#ifndef SC_CLI_MANUAL_WORDS_H
#define SC_CLI_MANUAL_WORDS_H

struct cli_example {
    const char *line, *what; /* line NULL past the last */
};

struct cli_words_of_command {
    const char *command;
    struct cli_example examples[4];
    const char *page; /* in the documentation's folder: the document about it */
};

/* NULL where there are none. */
const struct cli_words_of_command *cli_words_of_command(const char *command);

struct cli_named {
    const char *name, *what; /* name NULL past the last */
};
extern const struct cli_named cli_manual_files[], cli_manual_variables[], cli_manual_statuses[];

#endif
