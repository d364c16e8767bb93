/*
 * Models in this process: a tokenizer, a checkpoint, an engine made of it, and sessions in which
 * traces are sampled.  examples/sample.c is all of it in a hundred lines.
 *
 *   sc_model_locate   a name becomes a folder
 *   sc_tokenizer_open, sc_model_open   its files, read and checked
 *   sc_engine_open    the weights packed for an arithmetic: dear, shared, immutable
 *   sc_session_open   memory for traces and prompts; several on one engine
 *   sc_session_sample traces of a prompt
 *
 * Tokenizers, models and engines may be used from any number of threads at once; a session from one
 * at a time.  What is made of another must be closed before it.
 */
#ifndef SAFECONF_ENGINE_H
#define SAFECONF_ENGINE_H

#include <safeconf/vocabulary.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Finds a model: a folder in Hugging Face layout; the name of a bundled model ("demo"); a hub name
 * "owner/model" in the local Hugging Face cache (HF_HOME, HF_HUB_CACHE or ~/.cache/huggingface).
 * Nothing is fetched.  *folder is allocated; release it with sc_release. */
SC_API enum sc_status sc_model_locate(const char *name, char **folder, struct sc_error *error);

/* ---- tokenizer ------------------------------------------------------------------------------- */

struct sc_tokenizer;

/* Reads tokenizer.json (and tokenizer_config.json if present) in the folder. */
SC_API enum sc_status sc_tokenizer_open(struct sc_tokenizer **out, const char *folder,
                                        struct sc_error *error);
SC_API void sc_tokenizer_close(struct sc_tokenizer *tokenizer);

/* Encodes n_bytes of UTF-8, U+0000 included.  With special, special tokens written in the text
 * become control tokens; without, they are text.  *ids is allocated; release it with sc_release. */
SC_API enum sc_status sc_tokenizer_encode(const struct sc_tokenizer *tokenizer, const char *text,
                                          size_t n_bytes, bool special, int32_t **ids,
                                          size_t *n_ids, struct sc_error *error);

/* Decodes ids to valid UTF-8 (bytes that are none, and NUL, become U+FFFD); special tokens are left
 * out unless with_special.  *text is allocated; release it with sc_release. */
SC_API enum sc_status sc_tokenizer_decode(const struct sc_tokenizer *tokenizer, const int32_t *ids,
                                          size_t n_ids, bool with_special, char **text,
                                          struct sc_error *error);

/* ---- how prompts are framed ------------------------------------------------------------------ */

struct sc_chat_format; /* a chat template with its arguments, for one tokenizer; immutable */

/* Strings and arrays are borrowed until the format is open. */
struct sc_chat_options {
    size_t size; /* set by the defaults function */
    /* A file with a template; "raw": the prompt alone, for base models; "chatml": the frame of
     * Qwen3, without a system message of its own; NULL: the model's own template. */
    const char *chat_template;
    const char *const *template_args; /* [n_template_args] "name=value": variables of the template;
                                         a value is what it says as JSON, or else a text */
    size_t n_template_args;
    const char *template_date; /* "YYYY-MM-DD": today, as templates tell it; NULL: 2024-07-26 */
    bool thinking;             /* the model is to reason before it answers */
    bool special;              /* control tokens written in messages are control tokens */
};
SC_API struct sc_chat_options sc_chat_options_default(void);

/* Opens the frame of a tokenizer's model (docs/TEMPLATES.md).  SC_ERR_UNSUPPORTED where the model
 * has no template and none is given, or where one uses what is not known here.  options NULL: the
 * defaults. */
SC_API enum sc_status sc_chat_format_open(struct sc_chat_format **out,
                                          const struct sc_tokenizer *tokenizer,
                                          const struct sc_chat_options *options,
                                          struct sc_error *error);
SC_API void sc_chat_format_close(struct sc_chat_format *format);

/* Frames a conversation (roles "system", "user", "assistant") as the model was trained to read it,
 * up to where its answer begins.  When the last message is the assistant's, the answer begins with
 * it.  What is written in a text is never a control token, unless the format is special.  An
 * unknown role is SC_ERR_UNSUPPORTED, with its name, and so is what a template refuses, with its
 * words.  *ids is allocated; release it with sc_release. */
SC_API enum sc_status sc_chat_frame(const struct sc_chat_format *format,
                                    const struct sc_message *messages, size_t n_messages,
                                    int32_t **ids, size_t *n_ids, struct sc_error *error);

/* ---- model and engine ------------------------------------------------------------------------ */

struct sc_model;  /* a checkpoint: configuration and memory-mapped weights; immutable */
struct sc_engine; /* a model made ready for one dtype and instruction set; immutable */

/* Opens a folder in Hugging Face layout; every tensor's name, dtype and shape is checked. */
SC_API enum sc_status sc_model_open(struct sc_model **out, const char *folder,
                                    struct sc_error *error);
SC_API void sc_model_close(struct sc_model *model);

/* How its makers advise to sample (generation_config.json, or what they publish). */
SC_API struct sc_sampling sc_model_sampling(const struct sc_model *model);

/* Tokens that end an answer: those of generation_config.json, the tokenizer's own end, and the end
 * of a turn in the frame; tokenizer and format may be NULL.  Returns how many it put into ids [8].
 */
SC_API size_t sc_model_end_ids(const struct sc_model *model, const struct sc_tokenizer *tokenizer,
                               const struct sc_chat_format *format, int32_t *ids);

/* Fails when a weight file is no longer the one that was opened (replaced, written to, cut short):
 * what was computed since may rest on other weights.  A call of stat per file. */
SC_API enum sc_status sc_model_unchanged(const struct sc_model *model, struct sc_error *error);

struct sc_engine_options {
    size_t size;          /* set by the defaults function */
    int dtype;            /* an enum sc_dtype, or -1 for the model's own */
    int n_threads;        /* of each session; 0: one per available core */
    const char *kernels;  /* instruction set by name, NULL for the best that this machine has */
    int n_vocab;          /* ids below it are in P; 0: the tokens of the tokenizer in the model's
                             folder, or all rows of the embedding where there is none */
    int confidence_top_k; /* k of the confidence; 20 */
    /* Asked now and then while the weights are packed, by the caller's thread, with context; false
     * ends that with SC_ERR_INTERRUPTED.  NULL: go on. */
    bool (*keep_going)(void *context);
    void *context;
    /* What computes: "cpu"; "cuda" or "cuda:N", a GPU, the first one or number N; "auto": a GPU
     * that is there, computes the model and has the memory for it, and else the CPU, as also where
     * n_threads or kernels are given.  NULL: "cpu". */
    const char *device;
};

SC_API struct sc_engine_options sc_engine_options_default(void);

/* Packs the weights.  options NULL: the defaults. */
SC_API enum sc_status sc_engine_open(struct sc_engine **out, const struct sc_model *model,
                                     const struct sc_engine_options *options,
                                     struct sc_error *error);
SC_API void sc_engine_close(struct sc_engine *engine);

/* What was chosen.  NULL has 0 of everything, and no name. */
SC_API enum sc_dtype sc_engine_dtype(const struct sc_engine *engine);
/* Instruction set, or kind of GPU with its library: what figures follow from beside dtype and
 * model.  It lives with the engine. */
SC_API const char *sc_engine_kernels(const struct sc_engine *engine);
/* For people: "cpu", "cuda:0 NVIDIA H200"; and why "auto" did not take a GPU that seems to be
 * there, in a line, or NULL.  They live with the engine. */
SC_API const char *sc_engine_device(const struct sc_engine *engine);
SC_API const char *sc_engine_device_reason(const struct sc_engine *engine);
SC_API size_t sc_engine_n_threads(const struct sc_engine *engine);    /* that a session starts */
SC_API size_t sc_engine_weight_bytes(const struct sc_engine *engine); /* packed, resident */
SC_API size_t sc_engine_n_vocab(const struct sc_engine *engine);      /* tokens that are in P */
SC_API size_t sc_engine_confidence_top_k(const struct sc_engine *engine);

/* Where the scores of a text of n tokens go: [n] each, or NULL.  logprob[0] is NaN, logprob[i] =
 * log P(ids[i] | ids[0..i-1]); confidence[i] and entropy[i] describe the distribution after ids[i].
 */
struct sc_score_arrays {
    float *logprob, *confidence, *entropy;
};
/* Scores a given text. */
SC_API enum sc_status sc_engine_score(const struct sc_engine *engine, const int32_t *ids, size_t n,
                                      const struct sc_score_arrays *out, struct sc_error *error);

/* ---- sampling -------------------------------------------------------------------------------- */

struct sc_session; /* memory and threads in which traces are sampled */

struct sc_session_options {
    size_t size;              /* set by the defaults function */
    size_t parallel;          /* traces in flight, at most; 0: chosen for the machine and memory */
    size_t max_prompt_tokens; /* of the longest prompt; 1024 */
    size_t max_new_tokens;    /* of the longest answer; 256 */
    size_t max_bytes;         /* memory limit; 0: a share of what is available */
};

SC_API struct sc_session_options sc_session_options_default(void);

/* Takes the memory: afterwards sampling takes none.  options NULL: the defaults. */
SC_API enum sc_status sc_session_open(struct sc_session **out, const struct sc_engine *engine,
                                      const struct sc_session_options *options,
                                      struct sc_error *error);
SC_API void sc_session_close(struct sc_session *session);

/* One trace.  The arrays live until the callback that it was handed to returns. */
struct sc_sampled_trace {
    uint32_t index;
    enum sc_finish finish;
    const int32_t *ids;                 /* [n] the answer, the end token included */
    const struct sc_token_stats *stats; /* [n] what is measured of each */
    size_t n;
    const char *failure; /* why, when finish is SC_FINISH_FAILED; else NULL */
};

struct sc_sample_options {
    size_t size;           /* set by the defaults function */
    const int32_t *prompt; /* [n_prompt], such as sc_chat_frame gives */
    size_t n_prompt;
    const char *instance_id; /* names the prompt among others: part of what a trace follows from */
    uint64_t seed;           /* 0 */
    uint32_t first_trace;    /* index of the first; 0 */
    size_t n_traces;         /* 1 */
    size_t max_new_tokens;   /* 0: those of the session */
    struct sc_sampling sampling; /* the model's own */
    const int32_t *end_ids;      /* [n_end_ids] tokens that end an answer */
    size_t n_end_ids;
    void *context; /* handed to the functions below */
    /* A trace ended; they come as they end, in no promised order.  A status other than SC_OK ends
     * the sampling with it. */
    enum sc_status (*trace)(void *context, const struct sc_sampled_trace *trace,
                            struct sc_error *error);
    /* After each step of the network and some times a second within a long one, may be NULL: false
     * ends the sampling with SC_ERR_INTERRUPTED and drops the traces under way. */
    bool (*keep_going)(void *context);
};

/* end_ids are those of generation_config.json, which the model keeps; where it has none, take
 * sc_model_end_ids. */
SC_API struct sc_sample_options sc_sample_options_default(const struct sc_model *model);

/* Samples n_traces traces.  Trace i is a function of (model, dtype, instruction set, prompt,
 * sampling, end_ids, max_new_tokens, seed, instance_id, i), bit for bit: not of the session, of
 * what ran before or beside it, or of the number of threads; traces 3 and 4 of a call for five are
 * those of a call with first_trace 3.  A trace that cannot be computed fails alone, with a reason;
 * a prompt that does not fit the session fails all of them so. */
SC_API enum sc_status sc_session_sample(struct sc_session *session,
                                        const struct sc_sample_options *options,
                                        struct sc_error *error);

#ifdef __cplusplus
}
#endif
#endif
