/* Sentences that every presentation repeats word for word. */
#ifndef SC_ANALYSIS_SENTENCES_H
#define SC_ANALYSIS_SENTENCES_H

extern const char sc_demo_sentence[], sc_demo_judge_sentence[], sc_proxy_sentence[],
    sc_judge_sentence[], sc_detector_sentence[];

#endif
