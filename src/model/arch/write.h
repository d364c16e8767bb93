/* config.json of a model of random weights. */
#ifndef SC_MODEL_ARCH_WRITE_H
#define SC_MODEL_ARCH_WRITE_H

#include "model/arch/arch.h"

/* config.json with the members that all families share, family->own, shape->more and extra (NULL:
 * none). */
void sc_family_write(struct sc_text *out, const struct sc_model_config *config,
                     const struct sc_family_shape *shape, const char *dtype_name,
                     const char *extra);

#endif
