/* Names of devices, as people and options give them. */
#ifndef SC_VOCABULARY_DEVICE_NAME_H
#define SC_VOCABULARY_DEVICE_NAME_H

#include "base/error.h"

enum sc_device_kind { SC_DEVICE_CPU, SC_DEVICE_GPU, SC_DEVICE_AUTO };

struct sc_device_wish {
    enum sc_device_kind kind;
    int card; /* of a GPU, from 0 on */
};

/* "cpu", "cuda", "cuda:N", "auto"; NULL is "cpu".  SC_ERR_ARGUMENT for everything else. */
enum sc_status sc_device_wish_read(struct sc_device_wish *out, const char *name,
                                   struct sc_error *error);

#endif
