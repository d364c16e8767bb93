/*
 * A judge: a model that says of an answer whether it refuses and whether it is harmful, in process
 * or behind a server.  docs/JUDGES.md says what is asked, what is read and what the scores mean.
 */
#ifndef SC_JUDGE_JUDGE_H
#define SC_JUDGE_JUDGE_H

#include <safeconf/judging.h>

#include "base/error.h"
#include "judge/judgement.h"

struct sc_judge;

enum sc_status sc_judge_open(struct sc_judge **out, const struct sc_judge_options *options,
                             struct sc_error *error);
/* The same for a caller's function, which is never NULL here; of the options repeats, temperature
 * and seed are read. */
enum sc_status sc_judge_check_function(const struct sc_judge_functions *functions,
                                       struct sc_judge_abilities *abilities,
                                       struct sc_error *error);
enum sc_status sc_judge_open_function(struct sc_judge **out,
                                      const struct sc_judge_functions *functions,
                                      const struct sc_judge_options *options,
                                      struct sc_error *error);
void sc_judge_close(struct sc_judge *judge); /* NULL is fine */

/* Name and version kept with each judgement: all that it depends on.  In process
 * "guard/1:MODEL:DTYPE:KERNELS@CONTENT", behind a server "NAME/VERSION:MODEL:server@CONTENT", of a
 * caller's function "NAME/VERSION:function"; where answers are drawn "+t1" (the temperature, with s
 * and the seed unless that is 0) and "x5" (repeats) follow. */
const char *sc_judge_name(const struct sc_judge *judge);
/* The same without the number of repeats: what one answer of the judge depends on. */
const char *sc_judge_asked(const struct sc_judge *judge);
/* How it is asked about each text. */
struct sc_judge_repeats {
    size_t wanted, asked; /* asked: 1 where all answers would be the same */
    double temperature;
    bool deterministic; /* in process and greedy */
};
struct sc_judge_repeats sc_judge_repeats(const struct sc_judge *judge);
/* The first word of the name, which the rules of its verdicts begin with: "guard". */
const char *sc_judge_family(const struct sc_judge *judge);

/* Names the random numbers of one answer: token j is drawn with (seed, key, repeat, j). */
struct sc_judge_draw {
    uint64_t key;
    uint32_t repeat;
};

/* A text to judge. */
struct sc_judge_item {
    const char *prompt, *response; /* response NULL: the prompt alone is judged */
    /* What was said before the prompt, for a judge that was trained on conversations. */
    const struct sc_message *turns; /* [n_turns] */
    size_t n_turns;
};

struct sc_judge_sink {
    void *context;
    /* One judgement, in no certain order; item is a place in the array.  Not SC_OK ends the run. */
    enum sc_status (*done)(void *context, size_t item, const struct sc_judgement *judgement,
                           struct sc_error *error);
    /* Of a judge whose answers are drawn; may be NULL: an item's place is its key. */
    struct sc_judge_draw (*draw)(void *context, size_t item);
    /* Some times a second, may be NULL; false ends the run with SC_ERR_INTERRUPTED. */
    bool (*step)(void *context, const struct sc_judge_counts *counts);
};

static inline struct sc_judge_draw sc_judge_draw_of(const struct sc_judge_sink *sink, size_t item)
{
    return sink->draw != NULL ? sink->draw(sink->context, item)
                              : (struct sc_judge_draw){.key = item};
}

/* Judges all items.  What cannot be judged is handed over with its reason; it ends
 * nothing.  A server that does not answer ends the run.  A judge of temperature 0 is asked once
 * about items that are the same (prompt, answer, turns and number of the repeat), and what it says
 * is handed over for each of them; requests and tokens are counted once. */
enum sc_status sc_judge_run(struct sc_judge *judge, const struct sc_judge_item *items, size_t n,
                            const struct sc_judge_sink *sink, struct sc_judge_counts *counts,
                            struct sc_error *error);

#endif
