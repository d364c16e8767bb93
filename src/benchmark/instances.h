/* A growing list of instances, and what is done with all of them.  Private to this room. */
#ifndef SC_BENCHMARK_INSTANCES_H
#define SC_BENCHMARK_INSTANCES_H

#include "benchmark/benchmark.h"

struct sc_instance_list {
    struct sc_instance *items;
    size_t n, cap;
};

/* Takes the item's strings, also when it fails; id, prompt or category NULL: out of memory. */
enum sc_status sc_instance_list_add(struct sc_instance_list *list, struct sc_instance item,
                                    struct sc_error *error);
/* XXH3 over ids, prompts, labels, categories and, where there are any, conversations and prefills,
 * in hexadecimal. */
void sc_instance_list_fingerprint(const struct sc_instance_list *list, char out[17]);
/* The first two instances with one id, in the order of their lines; NULL and NULL: there are none.
 */
enum sc_status sc_instance_list_twins(const struct sc_instance_list *list,
                                      const struct sc_instance *twins[2], struct sc_error *error);
/* Ids are the keys of random streams and of resumption, so two equal ones are an error, which names
 * the source. */
enum sc_status sc_instance_list_check_ids(const struct sc_instance_list *list, const char *source,
                                          struct sc_error *error);
/* Keeps n of the instances, 0 for all: the first, or a seeded sample without replacement in the old
 * order. */
enum sc_status sc_instance_list_keep(struct sc_instance_list *list, size_t n, bool first,
                                     uint64_t seed, struct sc_error *error);

#endif
