/* Whether the files that were made of a run are what is made of it now. */
#ifndef SC_REPORT_VERIFY_FILES_H
#define SC_REPORT_VERIFY_FILES_H

#include "experiment/store/run_data.h"
#include "report/verify/verify.h"

void sc_verified_set(struct sc_verified *run, enum sc_check check, enum sc_check_result result,
                     const char *words);
/* Words of an error, without the folder that they begin with. */
void sc_verified_set_wrong(struct sc_verified *run, enum sc_check check,
                           const struct sc_error *error);

/* predictions, analysis, page and replay of the folder, and where a folder within it has them the
 * CSV files and the tables for papers.  Fails only when interrupted or out of memory. */
enum sc_status sc_verify_files(struct sc_verified *run, const struct sc_run *loaded,
                               const struct sc_verify_options *options, struct sc_error *error);

#endif
