/* The policies that `safeconf replay` tried, as replay.json says them: for the page's picture. */
#ifndef SC_ANALYSIS_FRONTIER_H
#define SC_ANALYSIS_FRONTIER_H

#include "base/error.h"

enum { SC_FRONTIER_MOST = 2000 };

/* One policy; shares in percent, NaN when not there. */
struct sc_frontier_point {
    char name[80], kind[24];                   /* untrusted text, cut to fit */
    char metric[16];                           /* "" when it reads none */
    double saved, saved_low, saved_high;       /* tokens */
    double changed, changed_low, changed_high; /* verdicts */
    double unseen;                             /* of the harmful answers */
    double null_saved, null_changed;           /* with shuffled confidences */
    double null_low, null_high;                /* interval of null_saved */
    bool beats_null;
};

struct sc_frontier {
    struct sc_frontier_point *points; /* [n] */
    size_t n;
    char recommended[80], why[600]; /* untrusted */
    bool proxy;
};

/* Reads replay.json of the folder.  *found false: there is none.  The file may have been made by
 * anybody: SC_ERR_FORMAT when it is not what replay writes. */
enum sc_status sc_frontier_read(const char *folder, struct sc_frontier *out, bool *found,
                                struct sc_error *error);
void sc_frontier_free(struct sc_frontier *frontier);

#endif
