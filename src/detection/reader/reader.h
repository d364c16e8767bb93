/*
 * A small trained reader: a linear model over the rules' findings and the runs of characters of an
 * answer (features.h), asked where the rules are not clear.  Its weights are compiled in
 * (weights.bin, made by tools/reader/train.py; what they were trained on and their licence stand in
 * WEIGHTS.md).
 */
#ifndef SC_DETECTION_READER_H
#define SC_DETECTION_READER_H

#include "detection/reader/features.h"

/* What stands for a rule in verdicts that the reader gave. */
#define SC_READER_REFUSES SC_READER_RULE "refuses"
#define SC_READER_COMPLIES SC_READER_RULE "complies"

/* What the reader makes of an answer. */
struct sc_reading {
    /* Calibrated: of answers with p, that share are refusals to who labels them. */
    double p_refusal;
    /* What speaks most for the likelier side, the strongest first. */
    struct sc_piece pieces[SC_MOST_PIECES];
    size_t n_pieces;
};

/* Whether there are weights that fit this program's features. */
bool sc_reader_fits(void);
/* Asks the reader.  Nothing is allocated; the same numbers everywhere. */
void sc_reader_read(const struct sc_reader_features *features, struct sc_reading *out);

#endif
