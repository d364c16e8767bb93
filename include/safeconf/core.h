/*
 * What every part of the interface rests on: conventions, the version, errors.
 *
 * Conventions
 *   - Functions that can fail return an enum sc_status (0 done, negative failed) and fill the
 *     caller's struct sc_error, which may be NULL.  The library never prints and never exits.
 *   - Opaque objects are made by sc_X_open or sc_X_new and released by sc_X_close or sc_X_free,
 *     which accept NULL.
 *   - Strings are UTF-8 and end with NUL.  Sizes are in bytes unless the name says n_<things>.
 *   - Logarithms are natural; probabilities and confidences are those of the model's raw
 *     next-token distribution, before temperature, top-k, top-p and min-p.
 *   - A struct of options that may grow begins with `size`.  Take it from its defaults function,
 *     sc_X_options_default, which sets that, and change what you want: a program that was built
 *     with an older header works with a newer library, which takes its own defaults for the rest.
 *   - A field called `reserved` is zero: a later version may give it a meaning.
 *   - Public functions check their arguments and return SC_ERR_ARGUMENT.
 *   - An object may be used from one thread at a time, unless its declaration says otherwise;
 *     distinct objects are independent, except that what is made of another borrows it.
 *   - Memory that the library hands out is released by sc_release, unless its declaration says
 *     otherwise.
 */
#ifndef SAFECONF_CORE_H
#define SAFECONF_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define SC_API __attribute__((visibility("default")))
#define SC_PRINTF(format_index, first) __attribute__((format(printf, format_index, first)))
#else
#define SC_API
#define SC_PRINTF(format_index, first)
#endif

/* ---- the version ----------------------------------------------------------------------------- */

#define SAFECONF_VERSION "0.2.0"
/* Of the interface: rises when a program that was built with an older header would go wrong. */
#define SAFECONF_API_VERSION 2

/* Those of the library that runs; never NULL. */
SC_API const char *sc_version(void);
SC_API int sc_api_version(void);

/* ---- errors -------------------------------------------------------------------------------- */

/* name, value, text */
#define SC_STATUS_MAP(X)                                                                           \
    X(OK, 0, "done")                                                                               \
    X(ERR_NOMEM, -1, "out of memory")                                                              \
    X(ERR_IO, -2, "input or output failed")                                                        \
    X(ERR_FORMAT, -3, "damaged or inconsistent data")                                              \
    X(ERR_UNSUPPORTED, -4, "not supported")                                                        \
    X(ERR_ARGUMENT, -5, "invalid argument")                                                        \
    X(ERR_LIMIT, -6, "a limit was exceeded")                                                       \
    X(ERR_NUMERIC, -7, "not a finite number")                                                      \
    X(ERR_CONFLICT, -8, "conflicts with what is there")                                            \
    X(ERR_INTERRUPTED, -9, "interrupted")                                                          \
    X(ERR_INTERNAL, -10, "internal error")

enum sc_status {
#define SC_STATUS_ENUM(name, value, text) SC_##name = value,
    SC_STATUS_MAP(SC_STATUS_ENUM)
#undef SC_STATUS_ENUM
};

/* Where and why something failed: "what: where: expected, found".  The first message wins. */
struct sc_error {
    enum sc_status status;
    char text[600];
};

/* "out of memory" and so on; never NULL. */
SC_API const char *sc_status_text(enum sc_status status);

/* ---- the whole process ----------------------------------------------------------------------- */

/* The library changes nothing that a process has only one of, unless it is asked to here.  A
 * program that owns its process calls this once, before it starts threads and before any other
 * library reads JSON; a library inside somebody else's program does not.
 *   - jansson takes its memory as safeconf does: jansson alone does not always say when memory ran
 *     out, and may then go on without the bytes that did not fit.
 *   - GSL's error handler, which ends the process, is turned off.
 *   - SQLite's log, and its calls to open, read and write files, are listened to: its messages
 *     leave out why the system refused one.
 *   - libcurl is initialised; without this it does so itself at the first server that is opened,
 *     which before its version 7.84 must not happen in two threads at once. */
SC_API enum sc_status sc_process_setup(struct sc_error *error);

/* ---- memory ---------------------------------------------------------------------------------- */

/* Releases memory that the library handed out; NULL is fine. */
SC_API void sc_release(void *memory);

#ifdef __cplusplus
}
#endif
#endif
