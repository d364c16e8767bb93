/* See suite_words.h. */
#include "cli/suite_words.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json_writer.h"
#include "base/memory.h"
#include "base/random.h"
#include "cli/run.h"

/* What is being made. */
struct making {
    struct cli_words *words;
    const char *folder;
    bool remote;    /* the model is a server's, by its name there */
    uint64_t files; /* what the files that are named look like */
};

/* ---- files ------------------------------------------------------------------------------------
 */

char *cli_path_from(const char *folder, const char *path)
{
    return path[0] == '/' || strcmp(folder, ".") == 0 ? sc_strdup(path)
                                                      : sc_path_join(folder, path);
}

/* Size and time of one file; the order in which files are met plays no part. */
static void look_at_file(struct making *making, const char *path)
{
    struct sc_file_stamp stamp;
    if (sc_file_stamp(path, &stamp, NULL) != SC_OK)
        return;
    uint64_t parts[] = {sc_hash64(path, strlen(path)), stamp.size, (uint64_t)stamp.modified[0],
                        (uint64_t)stamp.modified[1]};
    making->files += sc_hash64(parts, sizeof parts);
}

static void look_at_folder(struct making *making, const char *path)
{
    DIR *folder = opendir(path);
    const struct dirent *entry;
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        char *name = entry->d_name[0] != '.' ? sc_path_join(path, entry->d_name) : NULL;
        if (name != NULL && !sc_is_folder(name))
            look_at_file(making, name);
        sc_free(name);
    }
    if (folder != NULL)
        closedir(folder);
}

static void look_at(struct making *making, const char *path)
{
    if (sc_is_folder(path))
        look_at_folder(making, path);
    else if (sc_file_exists(path))
        look_at_file(making, path);
}

/* ---- which values are paths -------------------------------------------------------------------
 */

/* What the argument of an option, as --help shows it, lets a value be. */
struct meaning {
    bool path, name; /* FILE or DIR; anything else in capitals */
    bool at_file;    /* @FILE */
    bool word;       /* the value is one of the words that are spelt out */
};

static struct meaning meaning_of(const char *argument, const char *value)
{
    struct meaning meaning = {0};
    for (const char *p = argument; p != NULL && *p != '\0';) {
        size_t n = strcspn(p, "|");
        bool path = (n == 4 && memcmp(p, "FILE", 4) == 0) || (n == 3 && memcmp(p, "DIR", 3) == 0);
        bool at = n == 5 && memcmp(p, "@FILE", 5) == 0;
        meaning.path = meaning.path || path;
        meaning.at_file = meaning.at_file || at;
        meaning.name = meaning.name || (!path && !at);
        meaning.word = meaning.word || (n == strlen(value) && memcmp(p, value, n) == 0);
        p += n + (p[n] == '|');
    }
    return meaning;
}

/* The value with its path from the suite's file; *out NULL: the value is no path. */
static enum sc_status resolve(struct making *making, const struct cli_option *option,
                              const char *value, char **out, struct sc_error *error)
{
    struct meaning meaning = meaning_of(option->argument, value);
    bool at = meaning.at_file && value[0] == '@' && value[1] != '@' && value[1] != '\0';
    *out = NULL;
    bool is_far = making->remote && strcmp(option->name, "model") == 0;
    if (meaning.word || is_far || (!at && !meaning.path))
        return SC_OK;
    if (sc_input_is_unnamed(value + at))
        return sc_fail(error, SC_ERR_FORMAT, "%s: a run of a suite cannot read %s", option->name,
                       sc_input_name(value + at));
    char *path = cli_path_from(making->folder, value + at);
    if (path == NULL)
        return sc_fail_nomem(error, option->name);
    bool is_name =
        !at && meaning.name && value[0] != '.' && !sc_file_exists(path) && !sc_is_folder(path);
    if (is_name) {
        sc_free(path);
        return SC_OK;
    }
    look_at(making, path);
    *out = path;
    if (!at)
        return SC_OK;
    struct sc_text text = {0};
    sc_text_printf(&text, "@%s", path);
    sc_free(path);
    *out = sc_text_take(&text);
    return *out != NULL ? SC_OK : sc_fail_nomem(error, option->name);
}

/* ---- words ------------------------------------------------------------------------------------
 */

/* Takes the text's content. */
static enum sc_status add_word(struct cli_words *words, struct sc_text *text,
                               struct sc_error *error)
{
    char *word = sc_text_take(text);
    if (word == NULL ||
        sc_grow((void **)&words->items, words->n, &words->cap, sizeof *words->items) != 0) {
        sc_free(word);
        return sc_fail_nomem(error, "words of a run");
    }
    words->items[words->n++] = word;
    return SC_OK;
}

static enum sc_status fail_value(const struct cli_option *option, const char *expected,
                                 const json_t *found, struct sc_error *error)
{
    return sc_fail(error, SC_ERR_FORMAT, "%s: expected %s, found %s", option->name, expected,
                   sc_json_kind(found));
}

static enum sc_status add_flag(struct making *making, const struct cli_option *option,
                               const json_t *value, struct sc_error *error)
{
    struct sc_text word = {0};
    if (!json_is_boolean(value))
        return fail_value(option, "true or false", value, error);
    if (!json_boolean_value(value))
        return SC_OK;
    sc_text_printf(&word, "--%s", option->name);
    return add_word(making->words, &word, error);
}

/* Appends a value as it stands behind "=". */
static enum sc_status put_value(struct making *making, const struct cli_option *option,
                                const json_t *value, struct sc_text *word, struct sc_error *error)
{
    char *path = NULL;
    if (json_is_integer(value)) {
        sc_text_printf(word, "%lld", (long long)json_integer_value(value));
        return SC_OK;
    }
    if (json_is_real(value)) {
        sc_text_add_json_number(word, json_real_value(value));
        return SC_OK;
    }
    if (!json_is_string(value))
        return fail_value(option, "a text or a number", value, error);
    SC_TRY(resolve(making, option, json_string_value(value), &path, error));
    sc_text_puts(word, path != NULL ? path : json_string_value(value));
    sc_free(path);
    return SC_OK;
}

/* "--NAME=VALUE"; several values have commas between. */
static enum sc_status add_value(struct making *making, const struct cli_option *option,
                                const json_t *value, struct sc_error *error)
{
    struct sc_text word = {0};
    const json_t *item;
    size_t i;
    enum sc_status status = SC_OK;
    sc_text_printf(&word, "--%s=", option->name);
    if (!json_is_array(value))
        status = put_value(making, option, value, &word, error);
    json_array_foreach(value, i, item)
    {
        sc_text_puts(&word, i > 0 ? "," : "");
        status = put_value(making, option, item, &word, error);
        if (status != SC_OK)
            break;
    }
    if (status != SC_OK) {
        sc_text_free(&word);
        return status;
    }
    return add_word(making->words, &word, error);
}

static enum sc_status add_values(struct making *making, const struct cli_option *option,
                                 const json_t *values, struct sc_error *error)
{
    const json_t *item;
    size_t i;
    if (!json_is_array(values))
        return add_value(making, option, values, error);
    json_array_foreach(values, i, item) SC_TRY(add_value(making, option, item, error));
    return SC_OK;
}

static enum sc_status add_option(struct making *making, const char *name, const json_t *value,
                                 struct sc_error *error)
{
    struct cli_option option;
    if (strcmp(name, "out") == 0)
        return sc_fail(
            error, SC_ERR_FORMAT,
            "out: runs of a suite lie below its own folder (out at the head of the file)");
    if (!cli_run_option(name, &option))
        return sc_fail(error, SC_ERR_FORMAT,
                       "unknown option \"%.60s\" (safeconf run --help lists them)", name);
    option.name = name;
    if (option.kind == CLI_FLAG)
        return add_flag(making, &option, value, error);
    if (option.kind == CLI_LIST)
        return add_values(making, &option, value, error);
    bool list = option.argument != NULL && strcmp(option.argument, "LIST") == 0;
    if (json_is_array(value) && !list)
        return sc_fail(error, SC_ERR_FORMAT,
                       "%s: expected one value, found a list (under [phase.matrix] a list makes a "
                       "run of each)",
                       name);
    return add_value(making, &option, value, error);
}

static void make_key(struct making *making)
{
    struct cli_words *words = making->words;
    uint64_t key = sc_hash64(SAFECONF_VERSION, strlen(SAFECONF_VERSION));
    for (size_t i = 0; i < words->n; i++) {
        uint64_t parts[] = {key, sc_hash64(words->items[i], strlen(words->items[i]))};
        key = sc_hash64(parts, sizeof parts);
    }
    uint64_t parts[] = {key, making->files};
    snprintf(words->key, sizeof words->key, "%016llx",
             (unsigned long long)sc_hash64(parts, sizeof parts));
}

enum sc_status cli_suite_words(const struct sc_suite_run *run, const char *folder, const char *out,
                               struct cli_words *words, struct sc_error *error)
{
    struct making making = {.words = words,
                            .folder = folder,
                            .remote = json_object_get(run->options, "endpoint") != NULL};
    struct sc_text word = {0};
    const char *name;
    json_t *value;
    *words = (struct cli_words){0};
    sc_text_puts(&word, "run");
    SC_TRY(add_word(words, &word, error));
    json_object_foreach(run->options, name, value) SC_TRY(add_option(&making, name, value, error));
    make_key(&making);
    sc_text_printf(&word, "--out=%s", out);
    return add_word(words, &word, error);
}

void cli_words_free(struct cli_words *words)
{
    for (size_t i = 0; i < words->n; i++)
        sc_free(words->items[i]);
    sc_free(words->items);
    *words = (struct cli_words){0};
}

/* ---- for people -------------------------------------------------------------------------------
 */

/* As a shell takes it: in single quotes where it holds more than plain letters.  What a terminal
 * must not get raw is made visible. */
static void put_word(struct sc_text *text, const char *word)
{
    bool plain = *word != '\0';
    for (const char *p = word; *p != '\0'; p++)
        plain = plain && (sc_is_name_char(*p) || strchr("/=,:@+%", *p) != NULL);
    struct sc_text quoted = {0};
    for (const char *p = word; *p != '\0'; p++)
        if (*p == '\'')
            sc_text_puts(&quoted, "'\\''");
        else
            sc_text_putc(&quoted, *p);
    sc_text_puts(text, plain ? " " : " '");
    sc_text_add_visible(text, quoted.data != NULL ? quoted.data : "", quoted.len, false);
    sc_text_puts(text, plain ? "" : "'");
    text->failed = text->failed || quoted.failed;
    sc_text_free(&quoted);
}

void cli_words_put(struct sc_text *text, const struct cli_words *words)
{
    sc_text_puts(text, "safeconf");
    for (size_t i = 0; i < words->n; i++)
        put_word(text, words->items[i]);
}
