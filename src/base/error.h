/* Errors are values with text: filling a struct sc_error.  The type is public: safeconf/core.h. */
#ifndef SC_BASE_ERROR_H
#define SC_BASE_ERROR_H

#include <safeconf/core.h>
#include <stdarg.h>

/* Records status and text unless an error is there already (the first message wins); error may be
 * NULL.  Returns status, so that `return sc_fail(error, ...)` reads well.  The text is one line:
 * control characters, bidirectional marks and bytes that are not valid UTF-8 are shown escaped. */
enum sc_status sc_fail(struct sc_error *error, enum sc_status status, const char *format, ...)
    SC_PRINTF(3, 4);

/* sc_fail for an exhausted memory; what names the thing that did not fit. */
enum sc_status sc_fail_nomem(struct sc_error *error, const char *what);

/* Puts "prefix: " before the text of an error; where there is none it does nothing. */
void sc_error_prefix(struct sc_error *error, const char *format, ...) SC_PRINTF(2, 3);

/* Returns from the calling function with the status of a call that failed.  For functions that have
 * nothing to release: what is to be released belongs to a caller that releases it in any case, or
 * to a `goto done`. */
#define SC_TRY(call)                                                                               \
    do {                                                                                           \
        enum sc_status sc_try_status = (call);                                                     \
        if (sc_try_status != SC_OK)                                                                \
            return sc_try_status;                                                                  \
    } while (0)

#endif
