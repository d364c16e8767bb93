/* The folders of runs at and below a folder. */
#ifndef SC_REPORT_VERIFY_FOLDERS_H
#define SC_REPORT_VERIFY_FOLDERS_H

#include "base/error.h"

struct sc_folders {
    char **paths; /* [n] in the order of their names */
    size_t n, cap;
};
/* An error where there is none. */
enum sc_status sc_folders_find(struct sc_folders *folders, const char *folder,
                               struct sc_error *error);
void sc_folders_free(struct sc_folders *folders);

#endif
