/*
 * Opening a source of traces by what a run wants (safeconf/source.h says what a source is).  An
 * experiment sees sources through this header alone, so that a new kind touches this room only.
 */
#ifndef SC_SOURCE_SOURCE_H
#define SC_SOURCE_SOURCE_H

#include <safeconf/engine.h>
#include <safeconf/source.h>

#include "base/error.h"

/* A caller's source as this version sees it: *functions, which *out points to, holds the caller's
 * and NULL for those that are newer than the caller.  SC_ERR_ARGUMENT says what is missing. */
enum sc_status sc_source_adopt(const struct sc_source *given, struct sc_source_functions *functions,
                               struct sc_source *out, struct sc_error *error);

/* Calls the function where the source has one. */
enum sc_status sc_source_plan(const struct sc_source *source, struct sc_source_plan *plan,
                              struct sc_error *error);
enum sc_status sc_source_unchanged(const struct sc_source *source, struct sc_error *error);
void sc_source_drop(const struct sc_source *source, void *prompt);

#endif
