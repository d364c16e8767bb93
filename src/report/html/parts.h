/* The parts of the page that fill the template's marks; all is there without JavaScript. */
#ifndef SC_REPORT_HTML_PARTS_H
#define SC_REPORT_HTML_PARTS_H

#include "report/html/cells.h"

struct sc_analysis;
struct sc_replay;

/* root: of the run's document. */
typedef void sc_html_part(struct sc_text *out, const struct sc_node *root);

/* tables.c */
sc_html_part sc_html_title, sc_html_facts, sc_html_notes, sc_html_opening, sc_html_summary,
    sc_html_quadrants, sc_html_attacks, sc_html_policies, sc_html_categories, sc_html_confusion,
    sc_html_calibration, sc_html_proxy;
/* hypothesis.c */
sc_html_part sc_html_hypothesis, sc_html_deciles, sc_html_outcomes, sc_html_segments;
/* decided.c */
sc_html_part sc_html_decided;
/* sampling.c */
sc_html_part sc_html_refusal, sc_html_repeats;
/* forecast.c */
sc_html_part sc_html_forecast;
/* The policies of the analysis's replay, or why replay.json could not be read, or nothing. */
void sc_html_frontier(struct sc_text *out, const struct sc_analysis *analysis);
/* detectors.c: a section of its own and the link to it, or nothing.  The analysis says which
 * prompts the page lists. */
void sc_html_detectors(struct sc_text *out, const struct sc_analysis *analysis);
sc_html_part sc_html_detectors_link;

#endif
