/* Benchmarks: fetching one, listing all, and offering one that a run lacks. */
#include <string.h>

#include "base/json_writer.h"
#include "base/memory.h"
#include "benchmark/benchmark.h"
#include "cli/cli.h"
#include "cli/fetching.h"
#include "cli/pull.h"

/* ---- one set --------------------------------------------------------------------------------- */

static void put_part(struct sc_json_writer *out, const struct sc_set_part *part)
{
    sc_json_put_object(out, NULL);
    sc_json_put_string(out, "name", sc_set_file_name(part->file));
    if (part->file->split != NULL)
        sc_json_put_string(out, "split", part->file->split);
    if (part->file->n_prompts > 0)
        sc_json_put_count(out, "prompts", part->file->n_prompts);
    sc_json_put_bool(out, "here", part->is_here);
    if (part->is_here)
        sc_json_put_count(out, "bytes", part->bytes);
    if (part->sha256[0] != '\0' && part->is_here)
        sc_json_put_string(out, "sha256", part->sha256);
    if (part->revision[0] != '\0' && part->is_here)
        sc_json_put_string(out, "revision", part->revision);
    sc_json_put_end_object(out);
}

static void put_set(struct sc_json_writer *out, const struct sc_set *set,
                    const struct sc_set_state *state)
{
    char *page = sc_set_page(set);
    out->text->failed = out->text->failed || page == NULL;
    sc_json_put_object(out, NULL);
    sc_json_put_string(out, "name", set->name);
    sc_json_put_string(out, "title", set->title);
    sc_json_put_string(out, "what", set->what);
    sc_json_put_string(out, "page", page != NULL ? page : "");
    sc_json_put_string(out, "licence", set->licence);
    sc_json_put_bool(out, "gated", set->gated);
    sc_json_put_string(out, "folder", state->folder);
    sc_json_put_array(out, "files");
    for (size_t i = 0; i < state->n_parts; i++)
        put_part(out, &state->parts[i]);
    sc_json_put_end_array(out);
    sc_json_put_end_object(out);
    sc_free(page);
}

static void describe_part(struct sc_text *text, const struct sc_set_part *part)
{
    char bytes[32];
    const char *name = sc_set_file_name(part->file);
    sc_text_printf(text, "  %s: ", name);
    if (part->file->n_prompts > 0)
        sc_text_printf(text, "%zu prompts, ", part->file->n_prompts);
    sc_text_printf(text, "%s, SHA-256 %.12s..., %s\n", cli_bytes((double)part->bytes, bytes),
                   part->sha256, part->was_fetched ? "fetched" : "was here");
}

static void describe_set(struct sc_text *text, const struct sc_set *set,
                         const struct sc_set_state *state)
{
    char *page = sc_set_page(set);
    text->failed = text->failed || page == NULL;
    sc_text_printf(text, "%s (%s), licence: %s\n", set->title, page != NULL ? page : "",
                   set->licence);
    for (size_t i = 0; i < state->n_parts; i++)
        describe_part(text, &state->parts[i]);
    sc_text_puts(text, "in ");
    sc_text_add_visible(text, state->folder, strlen(state->folder), false);
    sc_text_printf(text, "; safeconf run --benchmark %s takes it\n", set->name);
    sc_free(page);
}

static int show_set(const struct cli_pull *pull, const struct sc_set *set,
                    const struct sc_set_state *state)
{
    struct sc_text text = {0};
    if (pull->json) {
        struct sc_json_writer out = {.text = &text};
        put_set(&out, set, state);
        sc_text_putc(&text, '\n');
    } else {
        describe_set(&text, set, state);
    }
    bool written = cli_write("pull", &text);
    sc_text_free(&text);
    return written ? CLI_DONE : CLI_FAILED;
}

static int fetch(const char *command, const struct cli_pull *pull, const struct sc_set *set,
                 struct sc_set_state *state)
{
    struct sc_error error = {0};
    struct cli_fetching progress;
    cli_fetching_begin(&progress, pull->quiet);
    const struct sc_set_options options = {.folder = pull->folder,
                                           .split = pull->split,
                                           .revision = pull->revision,
                                           .step = cli_fetching_step,
                                           .context = &progress};
    enum sc_status status = sc_set_pull(set, &options, state, &error);
    cli_fetching_end(&progress);
    if (status == SC_ERR_INTERRUPTED) {
        cli_say(command, "interrupted; the same command goes on where it stopped");
        return CLI_INTERRUPTED;
    }
    return status == SC_OK ? CLI_DONE : cli_report_error(command, &error);
}

int cli_pull_set(const struct cli_pull *pull, const struct sc_set *set)
{
    struct sc_set_state state;
    int exit_status = fetch("pull", pull, set, &state);
    if (exit_status != CLI_DONE)
        return exit_status;
    exit_status = show_set(pull, set, &state);
    sc_set_state_free(&state);
    return exit_status;
}

/* ---- all sets -------------------------------------------------------------------------------- */

/* The parts that are here: "test, train", or "yes" of a set that is not divided; "-": none. */
static void add_here(struct sc_text *text, const struct sc_set_state *state)
{
    size_t n = 0;
    for (size_t i = 0; i < state->n_parts; i++)
        if (state->parts[i].is_here) {
            const char *split = state->parts[i].file->split;
            sc_text_printf(text, "%s%s", n++ > 0 ? ", " : "", split != NULL ? split : "yes");
        }
    sc_text_puts(text, n == 0 ? "-" : "");
}

static void list_set(struct sc_text *text, const struct sc_set *set,
                     const struct sc_set_state *state)
{
    struct sc_text here = {0};
    size_t n_prompts = 0;
    for (size_t i = 0; i < state->n_parts; i++)
        if (!state->parts[i].file->large)
            n_prompts += state->parts[i].file->n_prompts;
    add_here(&here, state);
    sc_text_printf(text, "%-18s %7zu  %-17s  %-5s  %-8s  %s\n", set->name, n_prompts, set->licence,
                   set->gated ? "gated" : "", here.data != NULL ? here.data : "?", set->what);
    sc_text_free(&here);
}

int cli_list_sets(const struct cli_pull *pull, struct sc_text *out)
{
    struct sc_error error = {0};
    struct sc_json_writer json = {.text = out};
    const struct sc_set_options options = {.folder = pull->folder};
    if (pull->json) {
        sc_json_put_object(&json, NULL);
        sc_json_put_array(&json, "sets");
    } else {
        sc_text_printf(out, "%-18s %7s  %-17s  %-5s  %-8s  %s\n", "benchmark", "prompts", "licence",
                       "", "here", "what");
    }
    for (size_t i = 0; sc_set_at(i) != NULL; i++) {
        struct sc_set_state state;
        if (sc_set_look(sc_set_at(i), &options, &state, &error) != SC_OK)
            return cli_report_error("pull", &error);
        if (pull->json)
            put_set(&json, sc_set_at(i), &state);
        else
            list_set(out, sc_set_at(i), &state);
        sc_set_state_free(&state);
    }
    if (pull->json) {
        sc_json_put_end_array(&json);
        sc_json_put_array(&json, "models");
    }
    int exit_status = cli_list_models(pull, &json);
    if (exit_status == CLI_DONE && pull->json) {
        sc_json_put_end_array(&json);
        sc_json_put_end_object(&json);
        sc_text_putc(out, '\n');
    }
    return exit_status;
}

/* ---- a set that a run lacks ------------------------------------------------------------------ */

/* What a person should know before saying yes. */
static bool ask_for(const struct sc_set *set, const char *split)
{
    char bytes[32];
    uint64_t n_bytes = 0;
    for (size_t i = 0; i < SC_SET_MOST_FILES && set->files[i].path != NULL; i++)
        if (split != NULL ? strcmp(set->files[i].split, split) == 0 : !set->files[i].large)
            n_bytes += set->files[i].about_bytes;
    struct sc_text question = {0};
    char *page = sc_set_page(set);
    sc_text_printf(&question, "%s is not here: fetch it", set->title);
    if (n_bytes > 0)
        sc_text_printf(&question, ", about %s,", cli_bytes((double)n_bytes, bytes));
    sc_text_printf(&question, " from %s (licence: %s)?", page != NULL ? page : "its home",
                   set->licence);
    bool yes = !question.failed && cli_confirm(question.data);
    sc_text_free(&question);
    sc_free(page);
    return yes;
}

int cli_offer_benchmark(const char *command, const struct sc_benchmark_options *benchmark, bool yes,
                        bool quiet)
{
    const char *name = sc_benchmark_missing(benchmark);
    const struct sc_set *set = name != NULL ? sc_set_named(name) : NULL;
    if (set == NULL || (!yes && !(cli_can_ask() && ask_for(set, benchmark->split))))
        return CLI_DONE;
    const struct cli_pull pull = {.split = benchmark->split, .quiet = quiet};
    struct sc_set_state state;
    int exit_status = fetch(command, &pull, set, &state);
    if (exit_status == CLI_DONE)
        sc_set_state_free(&state);
    return exit_status;
}
