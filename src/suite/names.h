/* Names that become folders: of phases, of runs, and of what a matrix makes of its values. */
#ifndef SC_SUITE_NAMES_H
#define SC_SUITE_NAMES_H

#include "base/json.h"
#include "base/text.h"

/* Whether a name can be a folder's and be spoken of in conditions: letters and digits of ASCII,
 * '-',
 * '_', and '.' within (dots: not in names of phases), not a word of conditions, not a file of the
 * suite's own. */
bool sc_suite_name_fits(const char *name, bool dots);
/* What messages say of such names. */
#define SC_SUITE_NAME_EXPECTED "a name of letters, digits, - and _"

/* Appends the name of the value number i of a list under a key of the matrix: texts by the last
 * part of their path (whole where two would be the same), numbers and truth values with their key.
 */
void sc_suite_name_value(struct sc_text *out, const char *key, const json_t *values, size_t i);

#endif
