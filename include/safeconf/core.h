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
 *   - An object may be used from one thread at a time; distinct objects are independent, except
 *     that an engine borrows the model that it was made from.
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

#define SAFECONF_VERSION "0.2.0"

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

/* Releases memory that the library handed out. */
SC_API void sc_release(void *memory);

#ifdef __cplusplus
}
#endif
#endif
