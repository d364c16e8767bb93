/* Several runs in one table: leaderboard.json, leaderboard.csv and a terminal's table. */
#ifndef SC_REPORT_LEADERBOARD_H
#define SC_REPORT_LEADERBOARD_H

#include "analysis/document/document.h"
#include "base/text.h"

struct sc_leaderboard_wish {
    const char *out;          /* folder of the files, which is made */
    struct sc_text *terminal; /* gets the table */
    size_t width;             /* of it */
    bool colour;
    /* Asked before each run is loaded; false ends it with SC_ERR_INTERRUPTED.  NULL: go on. */
    bool (*keep_going)(void *context);
    void *context;
};
/* Nothing is written into the runs' own folders. */
enum sc_status sc_report_leaderboard(const char *const *folders, size_t n,
                                     const struct sc_leaderboard_wish *wish,
                                     struct sc_error *error);

/* The document (analysis/leaderboard.h) as tables. */
enum sc_status sc_render_leaderboard_terminal(const struct sc_document *document, size_t width,
                                              bool colour, struct sc_text *out,
                                              struct sc_error *error);
void sc_render_leaderboard_csv(const struct sc_document *document, struct sc_text *out);

#endif
