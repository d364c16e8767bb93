/*
 * Modules of GPUs: which one there is, and which of its cards is meant.
 *
 * A module is the file that SAFECONF_GPU_MODULE names, or libsafeconf_cuda.so beside the library or
 * the program, or in safeconf/ below the folder of libraries.  It is loaded once and stays.
 */
#ifndef SC_ENGINE_GPU_MODULES_H
#define SC_ENGINE_GPU_MODULES_H

#include "base/error.h"
#include "engine/gpu/module.h"

#define SC_GPU_MODULE_VARIABLE "SAFECONF_GPU_MODULE"

/* SC_ERR_UNSUPPORTED where there is none, with where it was looked for, or where it is not of this
 * version.  From any thread. */
enum sc_status sc_gpu_module_find(const struct sc_gpu_module **out, struct sc_error *error);

/* What a card is; SC_ERR_UNSUPPORTED where there is none of that number. */
enum sc_status sc_gpu_card_find(const struct sc_gpu_module *module, int card,
                                struct sc_gpu_card *out, struct sc_error *error);

/* Whether somebody expects a GPU to be used here: there are the files of a driver, and the
 * environment does not hide the cards, or it names a module. */
bool sc_gpu_is_there(void);

#endif
