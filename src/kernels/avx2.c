#if defined(__x86_64__)
#include "kernels/levels.h"
void sc_level_avx2(struct sc_kernels *table)
{
    table->name = "avx2";
}
#else
typedef int sc_no_avx2; /* a translation unit must not be empty */
#endif
