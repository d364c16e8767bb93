/* What a judge in process said to one question of its kind, line by line.  Private to this room. */
#ifndef SC_JUDGE_ANSWERS_H
#define SC_JUDGE_ANSWERS_H

#include "base/text.h"
#include "engine/inference.h"
#include "judge/asking.h"
#include "judge/judgement.h"
#include "judge/labels.h"

struct sc_line_answer {
    bool said;      /* its words come to a label */
    size_t meaning; /* of that label, in the order of the line's labels */
    bool scored, forced;
    double shares[SC_MOST_LABELS], mass;
};

struct sc_answers {
    struct sc_line_answer lines[SC_MOST_LINES];
    unsigned categories;
};

/* What is needed to read them. */
struct sc_reader {
    const struct sc_judge_kind *kind;
    const struct sc_judge_config *config;
    const struct sc_kind_labels *labels;
    const struct sc_tokenizer *tokenizer;
};

/* Reads the judge's words, which are the text of the result's tokens (appended to *words, byte for
 * byte), and scores each label where it stands. */
void sc_answers_read(const struct sc_reader *reader, const struct sc_trace_result *result,
                     struct sc_text *words, struct sc_answers *out);

/* The line whose score is to be forced next: its label was asked for, or is needed to force that of
 * another, and was not said where it could be scored.  n_lines: none. */
size_t sc_answers_unscored(const struct sc_judge_kind *kind, const struct sc_answers *answers,
                           bool prompt_alone);
/* Appends the lines before that one, each with the label that was said or else is the likeliest. */
void sc_answers_put_before(const struct sc_judge_kind *kind, const struct sc_answers *answers,
                           size_t line, struct sc_text *out);
/* Takes the score of a line from the log-probabilities of the watched tokens. */
void sc_answers_score(const struct sc_reader *reader, size_t line, const float *watched,
                      struct sc_answers *answers);

/* Of a judge that is asked once for each guideline: takes up what it said of one.  A guideline is
 * broken from a share of one half, and the share of the judgement is the largest. */
void sc_answers_join(const struct sc_answers *answers, size_t ask, struct sc_judgement *out);

/* What they come to. */
void sc_answers_judge(const struct sc_judge_kind *kind, const struct sc_answers *answers,
                      bool prompt_alone, struct sc_judgement *out);

#endif
