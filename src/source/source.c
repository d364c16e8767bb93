/* What all sources share: names, checks, and the functions that a source may leave out. */
#include "source/source.h"

#include <assert.h>
#include <string.h>

#include "base/options.h"

static const char *const reproducible_names[SC_N_REPRODUCIBLES] = {"no", "yes", "unknown"};

const char *sc_reproducible_name(enum sc_reproducible reproducible)
{
    return (unsigned)reproducible < SC_N_REPRODUCIBLES ? reproducible_names[reproducible] : "?";
}

int sc_reproducible_parse(const char *name)
{
    for (int i = 0; i < SC_N_REPRODUCIBLES; i++)
        if (strcmp(reproducible_names[i], name) == 0)
            return i;
    return -1;
}

enum sc_status sc_source_adopt(const struct sc_source *given, struct sc_source_functions *functions,
                               struct sc_source *out, struct sc_error *error)
{
    assert(given != NULL);
    if (given->functions == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT, "source: expected its functions, found none");
    *functions = (struct sc_source_functions){0};
    SC_TRY(sc_options_take(functions, sizeof *functions, given->functions, given->functions->size,
                           "source", error));
    if (functions->describe == NULL || functions->prepare == NULL || functions->sample == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "source: expected functions to describe, prepare and sample");
    *out = (struct sc_source){functions, given->context};
    return SC_OK;
}

enum sc_status sc_source_plan(const struct sc_source *source, struct sc_source_plan *plan,
                              struct sc_error *error)
{
    *plan = (struct sc_source_plan){0};
    return source->functions->plan != NULL ? source->functions->plan(source->context, plan, error)
                                           : SC_OK;
}

enum sc_status sc_source_unchanged(const struct sc_source *source, struct sc_error *error)
{
    return source->functions->check != NULL ? source->functions->check(source->context, error)
                                            : SC_OK;
}

void sc_source_drop(const struct sc_source *source, void *prompt)
{
    if (prompt != NULL && source->functions->drop != NULL)
        source->functions->drop(source->context, prompt);
}

void sc_source_close(struct sc_source *source)
{
    if (source->functions != NULL && source->functions->close != NULL)
        source->functions->close(source->context);
    *source = (struct sc_source){0};
}
