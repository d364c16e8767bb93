/* What the Python package does for a command: this process becomes an interpreter that has it. */
#ifndef SC_CLI_PYTHON_H
#define SC_CLI_PYTHON_H

#include <stddef.h>

/* A module of the package, run as `python3 -m MODULE WORDS`. */
struct cli_module {
    const char *command; /* of ours, whose messages name it */
    const char *module;
    const char *needs; /* packages, with blanks between; what is missing is said in one line */
    const char *const *words;
    size_t n_words;
};

/* Standard output is written first.  The environment's SAFECONF_PYTHON names the interpreter, else
 * it is python3 on the path; no shell is asked.  Nothing of the current folder is imported. Returns
 * an exit status, and only when the interpreter cannot be started. */
int cli_become_python(const struct cli_module *module);

#endif
