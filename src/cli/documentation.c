/* See documentation.h. */
#include "cli/documentation.h"

#include <assert.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/manual.h"

static const struct cli_completion *const shells[] = {&cli_completion_bash, &cli_completion_zsh,
                                                      &cli_completion_fish};
enum { N_SHELLS = sizeof shells / sizeof *shells };

struct documents {
    const struct cli_command *commands;
    const char *folder, *date;
    struct sc_text scripts[N_SHELLS];
    const struct cli_command *command; /* whose table is awaited; NULL once it was read */
    enum sc_status status;             /* of what was written when the table was read */
    struct sc_error *error;
};

static enum sc_status write_in(const char *place, const char *name, const struct sc_text *text,
                               struct sc_error *error)
{
    SC_TRY(sc_make_folders(place, error));
    char *path = sc_path_join(place, name);
    if (path == NULL)
        return sc_fail_nomem(error, name);
    enum sc_status status = sc_file_write(path, text->data, text->len, error);
    sc_free(path);
    return status;
}

/* FOLDER/BELOW/NAME; takes the text. */
static enum sc_status write_text(const struct documents *documents, const char *below,
                                 const char *name, struct sc_text *text)
{
    char *place = sc_path_join(documents->folder, below);
    enum sc_status status = place == NULL || text->failed
                                ? sc_fail_nomem(documents->error, name)
                                : write_in(place, name, text, documents->error);
    sc_free(place);
    sc_text_free(text);
    return status;
}

static void read_table(void *context, const struct cli_options *options)
{
    struct documents *documents = context;
    assert(documents->command != NULL);
    char name[80];
    snprintf(name, sizeof name, "safeconf-%s.1", documents->command->name);
    struct sc_text page = {0};
    cli_manual_command(&page, documents->command, options, documents->date);
    documents->status = write_text(documents, "man/man1", name, &page);
    for (size_t i = 0; i < N_SHELLS; i++)
        shells[i]->command(&documents->scripts[i], options);
    documents->command = NULL;
}

static enum sc_status read_tables(struct documents *documents)
{
    char *none[] = {NULL};
    for (const struct cli_command *command = documents->commands; command->name != NULL;
         command++) {
        documents->command = command;
        command->run(0, none);
        if (documents->command != NULL)
            return sc_fail(documents->error, SC_ERR_FORMAT, "%s: has no table of options",
                           command->name);
        SC_TRY(documents->status);
    }
    return SC_OK;
}

static enum sc_status write_all(struct documents *documents)
{
    for (size_t i = 0; i < N_SHELLS; i++)
        shells[i]->begin(&documents->scripts[i], documents->commands);
    SC_TRY(read_tables(documents));
    for (size_t i = 0; i < N_SHELLS; i++) {
        shells[i]->end(&documents->scripts[i]);
        SC_TRY(write_text(documents, shells[i]->folder, shells[i]->file, &documents->scripts[i]));
    }
    struct sc_text page = {0};
    cli_manual_program(&page, documents->commands, documents->date);
    return write_text(documents, "man/man1", "safeconf.1", &page);
}

int cli_documentation(const struct cli_command *commands, int argc, char **argv)
{
    if (argc != 2 || argv[0][0] == '\0' || strspn(argv[1], "0123456789-") != strlen(argv[1]))
        return cli_usage_error(CLI_DOCUMENTATION, "expected a folder and a date, YYYY-MM-DD");
    struct sc_error error = {0};
    struct documents documents = {
        .commands = commands, .folder = argv[0], .date = argv[1], .error = &error};
    cli_hand_tables_to(read_table, &documents);
    enum sc_status status = write_all(&documents);
    cli_hand_tables_to(NULL, NULL);
    for (size_t i = 0; i < N_SHELLS; i++)
        sc_text_free(&documents.scripts[i]);
    return status == SC_OK ? CLI_DONE : cli_report_error(CLI_DOCUMENTATION, &error);
}
