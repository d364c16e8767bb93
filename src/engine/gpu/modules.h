/*
 * Modules of GPUs: which one there is, and which of its cards is meant.
 *
 * A module is the file that SAFECONF_GPU_MODULE names, or libsafeconf_cuda.so beside the library or
 * program, or in safeconf/ below the folder of libraries.  It is loaded once and stays.
 */
#ifndef SC_ENGINE_GPU_MODULES_H
#define SC_ENGINE_GPU_MODULES_H

#include "base/error.h"
#include "engine/gpu/module.h"

/* SC_ERR_UNSUPPORTED where there is none, with where it was looked for, or where it is not of this
 * version. */
enum sc_status sc_gpu_module_find(const struct sc_gpu_module **out, struct sc_error *error);

#endif
