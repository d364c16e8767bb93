/*
 * Logs and reports as tables (docs/IMPORT.md): of inspect_ai one row a sample, in the order of its
 * data set and then of its epochs; of garak one row an attempt.  Private to this folder.
 *
 *   log.c         which kind of file it is; of inspect_ai an archive (.eval) or one object (.json),
 *                 and which samples it has
 *   log_sample.c  a sample's row
 *   garak.c       a report's attempts
 */
#ifndef SC_EXPERIMENT_IMPORT_LOG_H
#define SC_EXPERIMENT_IMPORT_LOG_H

#include <safeconf/vocabulary.h>

#include "base/json.h"
#include "benchmark/table.h"

enum sc_log_kind { SC_LOG_NONE, SC_LOG_INSPECT, SC_LOG_GARAK };

/* What a log says of all of its samples.  Zeros: it is none. */
struct sc_import_log {
    enum sc_log_kind kind;
    size_t n_damaged;              /* lines of a report that cannot be read */
    char *model;                   /* NULL: not said */
    bool own;                      /* written by safeconf export */
    enum sc_logprob_kind logprobs; /* of an own one, else unknown */
    size_t top_k;                  /* of its confidences, of an own one; 0: not said */
};
void sc_import_log_free(struct sc_import_log *log);

/* Reads a file of answers, a log or any other table: *out then has its rows.  Both begin as zeros;
 * on failure sc_table_free and sc_import_log_free release what was made. */
enum sc_status sc_import_table_read(const char *path, const struct sc_table_options *options,
                                    struct sc_table *out, struct sc_import_log *log,
                                    struct sc_error *error);
/* The same of n bytes; name is for the format and for messages. */
enum sc_status sc_import_table_parse(const char *name, const char *data, size_t n,
                                     const struct sc_table_options *options, struct sc_table *out,
                                     struct sc_import_log *log, struct sc_error *error);

/* The same of a report of garak.  Columns: prompt, output, fault as below; probe, category (the
 * same), goal, intent; detector_results.MODULE.CLASS, true for each answer that is a hit. */
enum sc_status sc_import_garak_parse(const char *name, const char *data, size_t n,
                                     const struct sc_table_options *options, struct sc_table *out,
                                     struct sc_import_log *log, struct sc_error *error);

/* Appends JSON with null for each number that it cannot write (NaN, Infinity). */
void sc_import_add_plain(struct sc_text *out, const char *json, size_t n);

/* The row of a sample, an object whose members are columns:
 *
 *   id, epoch, target, metadata, scores, input   as in the log (input: of the data set)
 *   prompt      a text, or messages: what the model was sent
 *   prefill     where that ends with the beginning of the answer
 *   fault       why there is no prompt: several calls of the model, tools, pictures
 *   output      choices and usage, or the error of a sample that has none
 *   label, category, harm, finish, metrics, instance_id   of an own log
 *
 * The sample is changed on the way.  SC_ERR_FORMAT: it is none. */
enum sc_status sc_import_log_row(json_t *sample, const struct sc_import_log *log, json_t **out,
                                 struct sc_error *error);

#endif
