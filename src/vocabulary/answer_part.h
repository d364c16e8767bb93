/*
 * Which part of an output is the answer.  What comes before it is the model's reasoning, however it
 * marks it: <think> ... </think> and its like, also where the opening mark stood in the prompt; the
 * channels of harmony, also where the special tokens were dropped ("analysis...assistantfinal...").
 * A mark in quotes or in code is one that the answer is about.
 */
#ifndef SC_VOCABULARY_ANSWER_PART_H
#define SC_VOCABULARY_ANSWER_PART_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the output.  !reached: it is reasoning to its end, where begin and end lie. */
struct sc_answer_part {
    size_t begin, end;
    bool reached;
};

/* Text of n bytes, of any kind. */
struct sc_answer_part sc_answer_part(const char *text, size_t n);

#endif
