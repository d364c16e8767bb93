/*
 * What is needed to ask a model behind a server as judge: a JSON file, or one of those that are
 * compiled in.  docs/JUDGES.md describes the file.
 */
#ifndef SC_JUDGE_CONFIG_H
#define SC_JUDGE_CONFIG_H

#include <safeconf/judging.h>

#include "base/text.h"
#include "judge/judgement.h"
#include "judge/question.h"
#include "judge/rubric.h"
#include "remote/completion.h"

enum { SC_MOST_JUDGE_FILE = 1 << 20 }; /* bytes of a configuration or template */

struct sc_frame {
    char *text; /* NULL: there is none */
    size_t n;
};

struct sc_judge_config {
    char *family, *version; /* "name" and "version" of the file */
    char *name;             /* kept with each judgement: all that it depends on */
    char *url;              /* NULL: to be given */
    char *model;
    char *key_variable; /* of the environment, or NULL */
    bool key_required;
    enum sc_endpoint endpoint;
    struct sc_frame answer, prompt; /* for an answer, for a prompt alone */
    /* In the place of frames: prompt and answer are sent as the messages of a chat, around which
     * the model's own template says what it is asked. */
    bool messages;
    size_t max_tokens, n_top, n_retries;
    uint64_t seed;
    double connect_timeout, timeout, stall_timeout; /* seconds */
    json_t *more;                                   /* fields of a request, or NULL */
    char **controls; /* [n_controls] strings that the server takes for control tokens */
    size_t n_controls;
    struct sc_question refusal;           /* meanings: enum sc_refused */
    struct sc_question harm, prompt_harm; /* meanings: enum sc_safety */
    struct sc_rubric rubric;              /* in the place of harm: its score says it */
    struct sc_pattern *categories;        /* its first group is a list, or NULL */
    char **category_names;                /* [n_category_names] NULL: Qwen3Guard's nine */
    size_t n_category_names;
};

/* Reads one that is compiled in ("guard", "wildguard", ...) or a file: options->judge.  Of the
 * options model, url and frame are read besides; where they are given they take the place of the
 * configuration's. */
enum sc_status sc_judge_config_open(struct sc_judge_config *out,
                                    const struct sc_judge_options *options, struct sc_error *error);
void sc_judge_config_free(struct sc_judge_config *config);

/* Where a configuration comes from. */
struct sc_judge_source {
    const char *what; /* names it in messages */
    /* Hands over a template by its name in the file; *text: sc_free it. */
    enum sc_status (*frame)(const void *context, const char *name, char **text, size_t *n,
                            struct sc_error *error);
    const void *context;
    const char *model, *url; /* in the place of the configuration's; NULL: its own */
    const char *answer;      /* a file in the place of "template", or NULL */
};

/* The same from n bytes of JSON.  After an error there is nothing to free. */
enum sc_status sc_judge_config_parse(struct sc_judge_config *out, const char *json, size_t n,
                                     const struct sc_judge_source *source, struct sc_error *error);

/* What the judge can say. */
bool sc_judge_config_asks_harm(const struct sc_judge_config *config); /* of an answer */
bool sc_judge_config_asks_prompts(const struct sc_judge_config *config);

/* The text that is sent about a prompt and its answer, or about a prompt alone (response NULL).  An
 * error where a text holds what the server would take for a control token. */
enum sc_status sc_judge_config_render(const struct sc_judge_config *config, const char *prompt,
                                      const char *response, struct sc_text *out,
                                      struct sc_error *error);

/* The categories that n bytes of a judge's words name (judgement.h). */
unsigned sc_judge_config_categories(const struct sc_judge_config *config, const char *text,
                                    size_t n);

/* The messages that are sent where the configuration asks with messages: what was said before
 * (turns [n_turns], without system messages and what comes before the first question), the prompt
 * and, unless NULL, its answer.  *out: json_decref it. */
struct sc_judge_item;
enum sc_status sc_judge_config_messages(const struct sc_judge_config *config,
                                        const struct sc_judge_item *item, json_t **out,
                                        struct sc_error *error);

/* Reads the words and scores of an answer.  *out borrows the completion's text. */
void sc_judge_config_read(const struct sc_judge_config *config,
                          const struct sc_completion *completion, bool prompt_alone,
                          struct sc_judgement *out);
/* Whether memory ran out while one of its patterns was tried: what was read since may lack what
 * they find, and is not to be kept. */
bool sc_judge_config_ran_out(const struct sc_judge_config *config);

#endif
