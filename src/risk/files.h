/*
 * Lines of prompts, and the folder that they are kept in: risk.jsonl grows by a line whenever a
 * prompt is finished; risk.json binds the folder to a configuration and says what all lines come
 * to; risk.html shows them.
 */
#ifndef SC_RISK_FILES_H
#define SC_RISK_FILES_H

#include "base/json.h"
#include "experiment/store/lock.h"

/* Begins as zeros; sc_risk_folder_close in any case. */
struct sc_risk_folder {
    const char *path; /* NULL: nothing is kept */
    char *lines_path, *summary_path, *configuration;
    struct sc_lock lock;
    bool locked;
    int descriptor;   /* of risk.jsonl */
    json_t *lines;    /* of finished prompts, in the order of the file, without their trees */
    json_t *by_id;    /* id -> its line */
    size_t n_resumed; /* that were there when it was opened */
};

/* path NULL: lines are kept in memory alone.  SC_ERR_CONFLICT: the folder is in use, or holds
 * prompts that were explored with another configuration. */
enum sc_status sc_risk_folder_open(struct sc_risk_folder *folder, const char *path,
                                   const char *configuration, struct sc_error *error);
bool sc_risk_folder_has(const struct sc_risk_folder *folder, const char *instance_id);
/* Takes a line up and, where there is a folder, writes it through to the disk. */
enum sc_status sc_risk_folder_add(struct sc_risk_folder *folder, const struct sc_text *line,
                                  struct sc_error *error);
void sc_risk_folder_close(struct sc_risk_folder *folder);

/* The line of an instance as it stands in the file, with its tree. */
typedef enum sc_status sc_risk_take_line(void *context, json_t *line, struct sc_error *error);
enum sc_status sc_risk_folder_read(const struct sc_risk_folder *folder, sc_risk_take_line *take,
                                   void *context, struct sc_error *error);

#endif
