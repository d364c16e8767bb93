/* For tests of benchmarks: files in a folder of the test's own, and loading them. */
#ifndef TEST_BENCHMARK_FILES_H
#define TEST_BENCHMARK_FILES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "benchmark/benchmark.h"

/* Setup and teardown of a group. */
int make_folder(void **state);
int remove_folder(void **state);
const char *test_folder(void);

/* Path of a file in the folder; the latest one only. */
const char *in_folder(const char *name);
/* Writes it, with the folders above it. */
const char *write_file(const char *name, const char *text);

/* Fails the test when it cannot be loaded. */
struct sc_benchmark load(const struct sc_benchmark_options *options);
struct sc_benchmark load_path(const char *path);
/* That it cannot be loaded, with a message that has this part. */
void refuse(const struct sc_benchmark_options *options, const char *part);
void count_labels(const struct sc_benchmark *b, size_t counts[SC_N_LABELS]);
/* The labels in order: "us?" is unsafe, safe, unknown. */
void assert_labels(const struct sc_benchmark *b, const char *expected);
/* That what is said of the file has this part; part NULL: that nothing is said. */
void assert_remark(const struct sc_benchmark *b, const char *part);
/* Loads with each allocation failing in turn: an error, or the same content as with none failing.
 */
void exhaust(const struct sc_benchmark_options *options);

#endif
