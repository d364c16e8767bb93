/*
 * Opening a source of traces by what a run wants (safeconf/source.h says what a source is).  An
 * experiment sees sources through this header alone, so that a new kind touches this room only.
 */
#ifndef SC_SOURCE_SOURCE_H
#define SC_SOURCE_SOURCE_H

#include <safeconf/engine.h>
#include <safeconf/source.h>

#include "base/error.h"

/* The model in this process.  Nothing here changes a result but model, chat, dtype and
 * kernels. */
struct sc_local_options {
    const char *model;           /* folder, hub name or "demo" */
    struct sc_chat_options chat; /* thinking and special are the wish's */
    int dtype;                   /* enum sc_dtype or -1: the model's own */
    const char *kernels;         /* NULL: best */
    int n_threads;               /* 0: one per core */
    size_t parallel;             /* traces in flight; 0: chosen for the machine and memory */
    size_t max_bytes;            /* memory limit for traces and prompts; 0: automatic */
    bool no_sharing;             /* compute what traces have said in common for each of them */
};

/* Only notes the options: the model is opened by describe.  Close it with sc_source_close. */
enum sc_status sc_source_open_local(const struct sc_local_options *options, struct sc_source *out,
                                    struct sc_error *error);

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
