/* Whoever works long asks now and then whether it is still wanted. */
#ifndef SC_BASE_INTERRUPT_H
#define SC_BASE_INTERRUPT_H

#include <stdbool.h>
#include <stddef.h>

/* What a caller gave to be asked; zeros: nobody wants to know. */
struct sc_interrupt {
    bool (*keep_going)(void *context);
    void *context;
};

static inline bool sc_interrupted(const struct sc_interrupt *interrupt)
{
    return interrupt->keep_going != NULL && !interrupt->keep_going(interrupt->context);
}

#endif
