/* A golden file of numbers, one object of lists of cases; a test fails where one is missing. */
#ifndef TEST_GOLDEN_FILE_H
#define TEST_GOLDEN_FILE_H

#include <jansson.h>
#include <stddef.h>

/* NULL, and why printed, where it cannot be read; json_decref it. */
json_t *golden_load(const char *path);
/* The list of that name, which is not empty. */
json_t *golden_cases(json_t *golden, const char *name);

double golden_number(const json_t *object, const char *key);
double golden_element(const json_t *object, const char *key, size_t i);
/* Copies a list of at most `most`; returns how many there are. */
size_t golden_sizes(const json_t *object, const char *key, size_t most, size_t *out);

#endif
