#ifndef SC_BASE_CLOCK_H
#define SC_BASE_CLOCK_H

/* Seconds of a clock that never goes back. */
double sc_seconds(void);

#endif
