#include "detection/reading.h"
const char *foreign_refusal(const char *answer, size_t n, size_t *begin, size_t *end)
{ (void)answer;(void)n; *begin=*end=0; return NULL; }
