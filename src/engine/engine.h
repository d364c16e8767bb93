/*
 * The engine's inside: a model and the device that has its weights.  Immutable once open; any
 * number of sessions may use it at once.
 */
#ifndef SC_ENGINE_ENGINE_H
#define SC_ENGINE_ENGINE_H

#include "engine/device.h"

struct sc_engine {
    const struct sc_model *model;
    struct sc_model_config config;
    size_t n_vocab; /* tokens in P: the output matrix has this many rows */
    size_t confidence_top_k;
    const struct sc_device *device;
    char device_name[128];   /* for people: "cpu", "cuda:0 NVIDIA H200" */
    char device_reason[600]; /* why it is not the GPU that there is; "": no more is to be said */
    void *weights;           /* the device's */
    enum sc_dtype dtype;     /* in which it computes */
    const char *arithmetic;  /* how: the name of an instruction set, or of a kind of card with its
                              * library; static or the weights' */
    size_t n_threads;        /* that a session of it starts */
    size_t weight_bytes;     /* packed, resident */
};

/* Scores with n_rows positions a step: sc_engine_score with the step made visible for tests. */
enum sc_status sc_score_in_steps(const struct sc_engine *engine, const int32_t *ids, size_t n,
                                 size_t n_rows, const struct sc_score_arrays *out,
                                 struct sc_error *error);

#endif
