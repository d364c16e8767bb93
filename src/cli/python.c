/* See python.h. */
#include "cli/python.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/keys.h"
#include "base/memory.h"
#include "cli/cli.h"

/* Its words: our command, the module, what it needs, then the module's own.  The empty entry of the
 * path is the current folder, where anybody's matplotlib.py may lie. */
static const char script[] =
    "import sys\n"
    "sys.path = [entry for entry in sys.path if entry]\n"
    "import importlib.util, runpy\n"
    "command, module, needs = sys.argv[1:4]\n"
    "missing = [n for n in needs.split() if importlib.util.find_spec(n) is None]\n"
    "if missing:\n"
    "    others = ' '.join(n for n in missing if n != 'safeconf')\n"
    "    ways = [f'{sys.executable} -m pip install {others}'] if others else []\n"
    "    if 'safeconf' in missing:\n"
    "        ways.append(f'{sys.executable} -m pip install . in its source')\n"
    "    sys.exit(f'safeconf {command}: {sys.executable} lacks {\" and \".join(missing)}: '\n"
    "             f'{\" and \".join(ways)} (SAFECONF_PYTHON names another interpreter)')\n"
    "sys.argv = [module, *sys.argv[4:]]\n"
    "runpy.run_module(module, run_name='__main__', alter_sys=True)\n";

static const char *interpreter(void)
{
    const char *named = getenv("SAFECONF_PYTHON");
    return named != NULL && named[0] != '\0' ? named : "python3";
}

int cli_become_python(const struct cli_module *module)
{
    assert(module->module != NULL && module->needs != NULL);
    const char *python = interpreter();
    const char *const first[] = {python,          "-c",           script,
                                 module->command, module->module, module->needs};
    enum { N_FIRST = sizeof first / sizeof *first };
    size_t n = N_FIRST + module->n_words;
    char **argv = sc_alloc_zero(n + 1, sizeof *argv);
    char **environment = sc_environment_without_keys();
    bool complete = argv != NULL && environment != NULL;
    for (size_t i = 0; complete && i < n; i++) {
        argv[i] = sc_strdup(i < N_FIRST ? first[i] : module->words[i - N_FIRST]);
        complete = argv[i] != NULL;
    }
    if (complete) {
        fflush(NULL);
        execvpe(python, argv, environment);
        cli_say(module->command,
                "%s: %s: expected Python 3 with the packages %s (SAFECONF_PYTHON names an "
                "interpreter)",
                python, strerror(errno), module->needs);
    } else {
        cli_say(module->command, "out of memory");
    }
    for (size_t i = 0; argv != NULL && i < n; i++)
        sc_free(argv[i]);
    sc_free(argv);
    sc_free(environment);
    return CLI_FAILED;
}
