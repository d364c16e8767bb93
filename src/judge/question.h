/*
 * A question that a judge answers in words: where in its words the answer stands, and what each
 * answer means.
 */
#ifndef SC_JUDGE_QUESTION_H
#define SC_JUDGE_QUESTION_H

#include <jansson.h>

#include "base/pattern.h"
#include "remote/completion.h"

enum { SC_MOST_MEANINGS = 3 };

struct sc_question {
    struct sc_pattern *pattern; /* its first group is the answer; NULL: the question is not asked */
    bool ignore_case;
    struct sc_answer {
        char *text;
        size_t meaning; /* below n_meanings; n_meanings: no label */
    } * answers;
    size_t n_answers, n_meanings;
};

/* Reads {"pattern", "values": {answer: meaning}, "ignore_case"}.  names [n_meanings + 1]: the words
 * for each meaning; the last one stands for no label. */
enum sc_status sc_question_parse(struct sc_question *out, json_t *object, const char *const *names,
                                 size_t n_meanings, const char *what, struct sc_error *error);
void sc_question_free(struct sc_question *question);

/* The meaning of the first match in n bytes, or n_meanings when there is none or its answer is none
 * of the known.  *at: where the answer begins. */
size_t sc_question_read(const struct sc_question *question, const char *text, size_t n, size_t *at);

/* The probability of each meaning where the answer stands at byte `at` of the completion's text:
 * shares [n_meanings] of their sum, and that sum.  Returns NULL, or why there is none (static;
 * *mass is then as it was). */
const char *sc_question_score(const struct sc_question *question,
                              const struct sc_completion *completion, size_t at, double *shares,
                              double *mass);

#endif
