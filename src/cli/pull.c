/* safeconf pull: benchmarks and models from their homes, by name. */
#include "cli/pull.h"

#include <string.h>

#include "cli/cli.h"

/* ---- names that are nearly right ------------------------------------------------------------- */

enum { LONGEST_NAME = 40 };

static size_t least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Letters to change, insert or leave out between two names (Levenshtein's distance). */
static size_t distance(const char *a, const char *b)
{
    size_t row[LONGEST_NAME + 1], n = strlen(b);
    if (n > LONGEST_NAME)
        return n;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t above = row[j];
            row[j] = least(row[j - 1] + 1, above + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[n];
}

/* Names that contain it, and the nearest ones if they are near. */
static void add_nearest(struct sc_text *text, const char *name)
{
    size_t nearest = strlen(name) / 3 + 1, n = 0;
    for (size_t i = 0; sc_set_at(i) != NULL; i++) {
        size_t d = distance(name, sc_set_at(i)->name);
        nearest = d < nearest ? d : nearest;
    }
    for (size_t i = 0; sc_set_at(i) != NULL; i++)
        if (distance(name, sc_set_at(i)->name) == nearest ||
            (*name != '\0' && strstr(sc_set_at(i)->name, name) != NULL))
            sc_text_printf(text, "%s%s", n++ > 0 ? " or " : "did you mean ", sc_set_at(i)->name);
    sc_text_puts(text, n > 0 ? "? " : "");
}

static int refuse_name(const char *name)
{
    struct sc_text nearest = {0};
    add_nearest(&nearest, name);
    int exit_status = cli_usage_error(
        "pull",
        "\"%.200s\": no benchmark of that name: %s(safeconf pull --list names them; a model is "
        "OWNER/MODEL)",
        name, nearest.data != NULL ? nearest.data : "");
    sc_text_free(&nearest);
    return exit_status;
}

/* ---- the command ----------------------------------------------------------------------------- */

static int pull_name(const struct cli_pull *pull, const char *name)
{
    const struct sc_set *set = sc_set_named(name);
    if (strchr(name, '/') != NULL)
        return cli_pull_model(pull, name);
    return set != NULL ? cli_pull_set(pull, set) : refuse_name(name);
}

static int list(const struct cli_pull *pull)
{
    struct sc_text text = {0};
    int exit_status = cli_list_sets(pull, &text);
    if (exit_status == CLI_DONE && !cli_write("pull", &text))
        exit_status = CLI_FAILED;
    sc_text_free(&text);
    return exit_status;
}

/* All names, one after another, as far as there is no interruption; the first failure counts. */
static int pull_names(const struct cli_pull *pull, const char *const *names, size_t n)
{
    int exit_status = CLI_DONE;
    for (size_t i = 0; i < n && exit_status != CLI_INTERRUPTED; i++) {
        int one = pull_name(pull, names[i]);
        if (exit_status == CLI_DONE || one == CLI_INTERRUPTED)
            exit_status = one;
    }
    return exit_status;
}

int cli_pull(int argc, char **argv)
{
    struct cli_pull pull = {0};
    struct cli_options options = {
        .command = "pull",
        .synopsis = "NAME|OWNER/MODEL[@REVISION]... | --list",
        .summary =
            "Fetches benchmarks from where their makers publish them, at a pinned revision\n"
            "and with their checksum, to where run --benchmark NAME finds them; and models\n"
            "from the Hugging Face hub into its local cache, where --model OWNER/MODEL finds\n"
            "them.  Goes on where it stopped, and checks what is there already.",
        .max_positionals = 64};
    cli_add_flag(&options, "list", &pull.list, "what can be fetched, and what is here");
    cli_add_text(&options, "split", &pull.split, "NAME",
                 "this part alone (all but the large ones)");
    cli_add_text(&options, "revision", &pull.revision, "REV",
                 "a branch, tag or commit of a model (main); of a benchmark instead of the pinned "
                 "one, whose checksum then says nothing");
    cli_add_text(
        &options, "benchmark-folder", &pull.folder, "DIR",
        "where named benchmarks lie (SAFECONF_DATA, or ~/.local/share/safeconf/benchmarks)");
    cli_add_flag(&options, "yes", &pull.yes, "models without a question on the terminal");
    cli_add_flag(&options, "json", &pull.json, "the result as JSON");
    cli_add_flag(&options, "quiet", &pull.quiet, "no progress");
    int parsed = cli_parse(&options, argc, argv);
    if (parsed >= 0)
        return parsed;
    if (pull.list == (options.n_positionals > 0))
        return cli_usage_error("pull", "expected a name of a benchmark or a model, or --list");
    if (pull.list && (pull.split != NULL || pull.revision != NULL))
        return cli_usage_error("pull", "--split and --revision go with a name, not with --list");
    cli_catch_signals();
    return pull.list ? list(&pull) : pull_names(&pull, options.positionals, options.n_positionals);
}
