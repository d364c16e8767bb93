/* The degenerate end of an answer: blanks, or one piece of text over and over up to the limit. */
#ifndef SC_DETECTION_TAIL_H
#define SC_DETECTION_TAIL_H

#include <stddef.h>

/* Bytes of the text without blanks at its end, and with what it repeats at least four times there,
 * up to 256 bytes long and 160 bytes in all, only once. */
size_t sc_without_tail(const char *text, size_t n);

#endif
