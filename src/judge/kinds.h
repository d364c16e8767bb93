/*
 * Judges that run in process, as a table: what a kind of model is asked, and where in its words its
 * labels stand.  How its words are read is said by the configuration of the same name (config.h),
 * in process as behind a server.  docs/JUDGES.md describes each.
 */
#ifndef SC_JUDGE_KINDS_H
#define SC_JUDGE_KINDS_H

#include <stdbool.h>
#include <stddef.h>

/* The judges that have a name, as messages list them. */
#define SC_JUDGE_NAMES "guard, wildguard, llamaguard, shieldgemma, harmbench, strongreject"

enum { SC_MOST_ASKS = 4, SC_MOST_LINES = 3, SC_MOST_LABELS = 3, SC_MOST_VARIANTS = 4 };

enum sc_line_asks {
    SC_LINE_FIXED,   /* no question: words that the model writes between two */
    SC_LINE_HARM,    /* of the answer; of a prompt alone where there is no SC_LINE_PROMPT_HARM */
    SC_LINE_REFUSAL, /* of the answer */
    SC_LINE_PROMPT_HARM, /* of the prompt */
};

/* A line of the model's words. */
struct sc_judge_line {
    enum sc_line_asks asks;
    const char *lead; /* what stands before the label; of a fixed line all of it */
    /* In the order of the meanings (harmless, harmful, controversial; compliance, refusal), each in
     * all ways in which the model may begin it; NULL ends both lists. */
    const char *labels[SC_MOST_LABELS][SC_MOST_VARIANTS];
};

/* Where a judge's frame comes from. */
enum sc_frame_from {
    SC_FRAME_BUILT_IN, /* its configuration's templates */
    SC_FRAME_FILE,     /* to be given: its makers' text is not ours to copy */
    SC_FRAME_MODEL,    /* the chat template of its model */
};

/* A rule that a judge is asked about, one at a time. */
struct sc_guideline {
    const char *answer, *prompt; /* as it is put about an answer, about a prompt alone */
};

struct sc_judge_kind {
    const char *name;       /* of --judge, and of the configuration */
    const char *model;      /* what is to be given: "a Qwen3Guard-Gen model" */
    const char *in_name[2]; /* a model whose name holds one of these is of this kind */
    enum sc_frame_from frame;
    const char *bos;     /* the control token that a text frame begins with, or NULL */
    bool controls_exist; /* a tokenizer without the frame's control tokens is refused */
    bool conversations;  /* trained on earlier turns: "USER: ...", "ASSISTANT: ..." */
    struct sc_judge_line lines[SC_MOST_LINES];
    size_t n_lines;
    /* Of a judge that is asked once for each, in the order of its categories; its first line's
     * second label breaks the rule.  n 0: it is asked once. */
    struct sc_guideline guidelines[SC_MOST_ASKS];
    size_t n_guidelines;
};

/* The kind of that name; NULL: none runs in process. */
const struct sc_judge_kind *sc_judge_kind_find(const char *name);
/* The kind of a model by the name that its folder or hub gives it; the first, Qwen3Guard, where the
 * name says nothing. */
const struct sc_judge_kind *sc_judge_kind_of_model(const char *model);
/* Whether a line answers a question about an answer, or about a prompt alone. */
bool sc_judge_kind_asks(const struct sc_judge_kind *kind, size_t line, bool prompt_alone);

#endif
