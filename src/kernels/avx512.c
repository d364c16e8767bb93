#if defined(__x86_64__)
#include "kernels/levels.h"
void sc_level_avx512(struct sc_kernels *table)
{
    table->name = "avx512";
}
#else
typedef int sc_no_avx512; /* a translation unit must not be empty */
#endif
