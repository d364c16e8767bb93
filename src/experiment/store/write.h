/* Statements that a store writes with. */
#ifndef SC_EXPERIMENT_STORE_WRITE_H
#define SC_EXPERIMENT_STORE_WRITE_H

#include "experiment/store/database.h"

enum sc_status sc_store_prepare_writing(struct sc_store *store, struct sc_error *error);

#endif
