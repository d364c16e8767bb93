/* CUDA devices of this machine, as far as CUDA_VISIBLE_DEVICES lets see them.  Private to this
 * folder. */
#ifndef SC_SOURCE_LAUNCH_GPUS_H
#define SC_SOURCE_LAUNCH_GPUS_H

#include <stdint.h>

int sc_gpus_visible(void); /* 0: none */
/* Bytes of memory of the smallest one, as nvidia-smi says; 0: not known. */
uint64_t sc_gpu_bytes(void);

#endif
