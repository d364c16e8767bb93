/*
 * A model made ready for use: the one way from a name to a tokenizer, an engine, and what follows
 * from their files.  Whoever samples, judges or scores opens its model here, so that all agree on
 * which tokens exist, what ends an answer, and what is refused.
 *
 * In two steps, from cheap to dear: sc_opened_read looks at the files, so that a caller can refuse
 * what does not suit it; sc_opened_start packs the weights.
 */
#ifndef SC_ENGINE_OPEN_H
#define SC_ENGINE_OPEN_H

#include "base/text.h"
#include "engine/inference.h"

struct sc_tokenizer;
struct sc_chat_format;
struct sc_chat_options;

struct sc_opened {
    char *folder;
    char name[256];       /* as results carry it: it names no place */
    const char *revision; /* the commit, of a model in the hub's cache; NULL; inside folder */
    bool demo;            /* the bundled demonstration model, however it was named */
    struct sc_model *model;
    struct sc_tokenizer *tokenizer; /* NULL: the folder has none */
    char tokenizer_fingerprint[17]; /* hexadecimal; "" without a tokenizer */
    struct sc_chat_format *format;  /* NULL until sc_opened_frame */
    size_t n_vocab;              /* tokens that exist and have a row in the embedding: those in P */
    size_t context;              /* tokens of a prompt and its answer together */
    struct sc_sampling sampling; /* as the model's makers advise */
    int32_t end_ids[8];          /* [n_end_ids] any of them ends an answer */
    size_t n_end_ids;
    struct sc_text remarks;   /* lines for people: where the files ask for what is not done here */
    struct sc_engine *engine; /* NULL until sc_opened_start */
    double seconds;           /* that reading and starting took */
};

/* Finds the model (sc_model_locate), opens its files and fills all but the engine.  On failure
 * nothing is left to close. */
enum sc_status sc_opened_read(struct sc_opened *out, const char *name, struct sc_error *error);

/* Refuses a folder without a tokenizer. */
enum sc_status sc_opened_need_tokenizer(const struct sc_opened *opened, struct sc_error *error);

/* Opens the frame of the model's prompts; what ends an answer and the remarks take it up.  Refuses
 * a model without a tokenizer or a usable chat template. */
enum sc_status sc_opened_frame(struct sc_opened *opened, const struct sc_chat_options *options,
                               struct sc_error *error);

/* Opens the engine.  options->n_vocab is not read: it is opened->n_vocab. */
enum sc_status sc_opened_start(struct sc_opened *opened, const struct sc_engine_options *options,
                               struct sc_error *error);

/* Whether an engine that somebody else has opened computes this model: made of the same files, with
 * the same tokens.  SC_ERR_ARGUMENT: it does not. */
enum sc_status sc_opened_suits(const struct sc_opened *opened, const struct sc_engine *engine,
                               struct sc_error *error);

void sc_opened_close(struct sc_opened *opened); /* what is all zero is fine */

#endif
