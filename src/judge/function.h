/* A caller's function as a judge (struct sc_judge_functions).  Private to this room. */
#ifndef SC_JUDGE_FUNCTION_H
#define SC_JUDGE_FUNCTION_H

#include "base/error.h"
#include "judge/judge.h"

struct sc_function_judge;

/* Refuses a name that would be read as another's, and a function that says nothing. */
enum sc_status sc_function_judge_check(const struct sc_judge_functions *functions,
                                       struct sc_error *error);
enum sc_status sc_function_judge_open(struct sc_function_judge **out,
                                      const struct sc_judge_functions *functions,
                                      struct sc_error *error);
void sc_function_judge_close(struct sc_function_judge *judge); /* NULL is fine */

const char *sc_function_judge_name(const struct sc_function_judge *judge);   /* "mine/1:function" */
const char *sc_function_judge_family(const struct sc_function_judge *judge); /* "mine" */

/* Judges all items, batch after batch.  A reply with a number that is no label or no probability
 * ends the run with SC_ERR_ARGUMENT. */
enum sc_status sc_function_judge_run(struct sc_function_judge *judge,
                                     const struct sc_judge_item *items, size_t n,
                                     const struct sc_judge_sink *sink,
                                     struct sc_judge_counts *counts, struct sc_error *error);

#endif
