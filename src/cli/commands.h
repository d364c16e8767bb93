/* A row of the table of commands, which stands in main.c, for what goes through all of them. */
#ifndef SC_CLI_COMMANDS_H
#define SC_CLI_COMMANDS_H

struct cli_command {
    const char *name;                  /* NULL past the last */
    int (*run)(int argc, char **argv); /* argv[0] is the first word after the command */
    const char *summary;               /* one line, without a full stop */
};

#endif
