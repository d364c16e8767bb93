/* What else people have where a checkpoint is expected, named with what to do about it. */
#ifndef SC_MODEL_CHECKPOINT_FOREIGN_H
#define SC_MODEL_CHECKPOINT_FOREIGN_H

#include "base/error.h"

/* Fails for a folder that lacks `missing` ("config.json", say): an adapter, weights in another
 * form, shards without their index, nothing at all. */
enum sc_status sc_foreign_folder(const char *folder, const char *missing, struct sc_error *error);
/* Fails for a file that was named where a model's folder is expected. */
enum sc_status sc_foreign_file(const char *path, struct sc_error *error);

#endif
