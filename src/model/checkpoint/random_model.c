/*
 * Random-weight checkpoints for benchmarks and tests: the published shapes, and values drawn from a
 * normal distribution, streamed to disk through a bounded buffer.
 *
 * A weight is one of the 65,536 quantiles of the normal distribution at (i + 1/2) / 65536, picked
 * by 16 random bits: the tails end at 4.3 standard deviations, which no benchmark notices, and a
 * weight costs a quarter of a Philox block and one load.  Weight i of tensor t is a function of
 * (seed, t, i) alone, so the files do not depend on the number of threads.
 *
 * Files are written under other names and renamed when all are whole, config.json last: what looks
 * like a model is one.  Read next: model.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <gsl/gsl_cdf.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/pool.h"
#include "base/random.h"
#include "base/system.h"
#include "kernels/kernels.h"
#include "model/arch/write.h"
#include "model/chat/chat.h"
#include "model/chat/source.h"
#include "model/checkpoint/checkpoint.h"
#include "model/tokenizer/tokenizer.h"

#define SHARD_BYTES_MAX 5000000000U /* as the hub's own tools cut */
#define N_QUANTILES 65536
#define CHUNK 1048576 /* weights in the buffer */
#define TASK 32768    /* weights drawn by one task; a multiple of 4 */
#define TOKENIZER_BYTES_MAX ((size_t)64 << 20)

/* What is drawn around 0 or 1: matrices and biases around 0, gains around what changes nothing. */
enum kind { MATRIX, GAIN, LAST_GAIN, BIAS, APART, N_KINDS };

/* Of an embedding before experts: as in a trained model, tokens are to lie apart; or else what all
 * rows have in common decides, they take the same experts, and a step reads too few weights. */
static const double APART_SIGMA = 2;

/* A tensor to be written. */
struct planned {
    char *name;
    enum kind kind;
    size_t n_rows, n_cols; /* n_rows 0: a vector */
    size_t shard;
    uint64_t begin, end; /* in the shard's data */
};

/* A file under its temporary name. */
struct part {
    char *temporary, *final;
    bool renamed;
};

struct writer {
    struct sc_family_shape shape; /* with the ids of the tokenizer, if there is one */
    struct sc_model_config config;
    const char *folder;
    uint64_t seed;
    double head_scale;       /* of the last norm's gain */
    struct planned *tensors; /* [n_tensors] */
    size_t n_tensors, tensors_cap, n_shards;
    uint64_t total_bytes;
    struct part *parts; /* [n_parts] */
    size_t n_parts, parts_cap;
    struct sc_pool *pool;
    void *quantiles[N_KINDS]; /* in the dtype written: [N_QUANTILES] */
    void *buffer;             /* [CHUNK] */
    /* what the pool's tasks draw now */
    const void *table;
    size_t tensor, first, n;
};

static size_t element_bytes(const struct writer *w)
{
    return sc_dtype_bytes(w->config.dtype);
}

/* ---- plan ------------------------------------------------------------------------------------ */

static enum kind kind_of(const struct sc_model_config *config, const struct sc_tensor_slot *slot)
{
    const bool is_embedding = strcmp(slot->name, SC_EMBEDDING_NAME) == 0;
    if (is_embedding && config->layer.n_experts > 0 && !config->tied)
        return APART;
    const size_t n = strlen(slot->name), ending = sizeof ".bias" - 1;
    if (n > ending && strcmp(slot->name + n - ending, ".bias") == 0)
        return BIAS;
    if (strcmp(slot->name, SC_FINAL_NORM_NAME) == 0)
        return LAST_GAIN;
    return slot->n_rows == 0 ? GAIN : MATRIX;
}

static enum sc_status plan_tensor(void *context, const struct sc_tensor_slot *slot,
                                  struct sc_error *error)
{
    struct writer *w = context;
    if (slot->first_row > 0)
        return SC_OK; /* came with the first part */
    uint64_t bytes =
        (uint64_t)(slot->all_rows == 0 ? 1 : slot->all_rows) * slot->n_cols * element_bytes(w);
    struct planned *last = w->n_tensors > 0 ? &w->tensors[w->n_tensors - 1] : NULL;
    uint64_t begin = last != NULL ? last->end : 0;
    size_t shard = last != NULL ? last->shard : 0;
    char *name = sc_strdup(slot->name);

    if (name == NULL ||
        sc_grow((void **)&w->tensors, w->n_tensors, &w->tensors_cap, sizeof *w->tensors) != 0) {
        sc_free(name);
        return sc_fail_nomem(error, "plan of the tensors");
    }
    if (begin > 0 && begin + bytes > SHARD_BYTES_MAX) {
        shard++;
        begin = 0;
    }
    w->tensors[w->n_tensors++] = (struct planned){
        name, kind_of(&w->config, slot), slot->all_rows, slot->n_cols, shard, begin, begin + bytes};
    w->n_shards = shard + 1;
    w->total_bytes += bytes;
    return SC_OK;
}

/* The text of config.json, as it will be written; sc_text_free. */
static struct sc_text config_text(const struct writer *w)
{
    static const char *const names[] = {
        [SC_DTYPE_F32] = "float32", [SC_DTYPE_BF16] = "bfloat16", [SC_DTYPE_F16] = "float16"};
    struct sc_text text = {0};
    const char *dtype = names[w->config.dtype];
    if (w->config.family->write != NULL)
        w->config.family->write(&text, &w->config, &w->shape, dtype);
    else
        sc_family_write(&text, &w->config, &w->shape, dtype, NULL);
    return text;
}

/* What follows from the shape is what the written config.json is read as. */
static enum sc_status plan(struct writer *w, const struct sc_family *family, enum sc_dtype dtype,
                           struct sc_error *error)
{
    const struct sc_family_shape *s = &w->shape;
    bool given = false;
    w->config = (struct sc_model_config){.family = family,
                                         .n_vocab = s->n_vocab,
                                         .hidden = s->hidden,
                                         .n_layers = s->n_layers,
                                         .n_heads = s->n_heads,
                                         .n_kv_heads = s->n_kv_heads,
                                         .head_dim = s->head_dim,
                                         .ffn = s->ffn,
                                         .max_positions = s->max_positions,
                                         .tied = s->tied,
                                         .dtype = dtype};
    struct sc_text text = config_text(w);
    enum sc_status status = text.failed
                                ? sc_fail_nomem(error, "config.json")
                                : sc_config_parse(text.data, text.len, &w->config, &given, error);
    sc_text_free(&text);
    SC_TRY(status);
    return sc_config_visit(&w->config, plan_tensor, w, error);
}

/* A clear word before the work, rather than a failure after it. */
static enum sc_status check_space(const struct writer *w, struct sc_error *error)
{
    struct statvfs disk;

    if (statvfs(w->folder, &disk) != 0)
        return SC_OK;
    uint64_t available = (uint64_t)disk.f_bavail * disk.f_frsize;
    if (available < w->total_bytes) {
        return sc_fail(error, SC_ERR_IO, "%.300s: disk full: the model takes %.2f GB, %.2f GB free",
                       w->folder, (double)w->total_bytes / 1e9, (double)available / 1e9);
    }
    return SC_OK;
}

/* ---- drawing --------------------------------------------------------------------------------- */

static enum sc_status fill_quantiles(struct writer *w, struct sc_error *error)
{
    const double offset = (double)w->config.layer.gain_offset, scale = w->head_scale;
    const double mean[N_KINDS] = {[GAIN] = 1 - offset, [LAST_GAIN] = scale - offset};
    const double sigma[N_KINDS] = {[MATRIX] = w->shape.sigma,
                                   [GAIN] = w->shape.norm_sigma,
                                   [LAST_GAIN] = scale * w->shape.norm_sigma,
                                   [BIAS] = w->shape.norm_sigma,
                                   [APART] = APART_SIGMA};

    for (size_t kind = 0; kind < N_KINDS; kind++) {
        void *table = sc_alloc_array(N_QUANTILES, element_bytes(w));

        if (table == NULL)
            return sc_fail_nomem(error, "random weights");
        w->quantiles[kind] = table;
        for (size_t i = 0; i < N_QUANTILES; i++) {
            double z = gsl_cdf_ugaussian_Pinv(((double)i + 0.5) / N_QUANTILES);
            float x = (float)(mean[kind] + sigma[kind] * z);

            if (w->config.dtype == SC_DTYPE_F32) {
                ((float *)table)[i] = x;
            } else {
                ((uint16_t *)table)[i] =
                    w->config.dtype == SC_DTYPE_BF16 ? sc_bf16_from_f32(x) : sc_f16_from_f32(x);
            }
        }
    }
    w->buffer = sc_alloc_array(CHUNK, element_bytes(w));
    return w->buffer != NULL ? SC_OK : sc_fail_nomem(error, "random weights");
}

/* Weights [task * TASK, ...) of the chunk that begins at w->first. */
static void draw(void *context, size_t task, size_t worker)
{
    const struct writer *w = context;
    size_t begin = task * TASK, end = begin + TASK < w->n ? begin + TASK : w->n;
    bool wide = w->config.dtype == SC_DTYPE_F32;

    (void)worker;
    for (size_t i = begin; i < end; i += 4) {
        uint64_t bits =
            sc_random_bits(SC_STREAM_WEIGHTS, w->seed, (w->first + i) / 4, (uint32_t)w->tensor, 0);

        for (size_t k = i; k < i + 4 && k < end; k++, bits >>= 16) {
            size_t pick = bits & 0xffff;

            if (wide)
                ((float *)w->buffer)[k] = ((const float *)w->table)[pick];
            else
                ((uint16_t *)w->buffer)[k] = ((const uint16_t *)w->table)[pick];
        }
    }
}

/* ---- files ----------------------------------------------------------------------------------- */

static enum sc_status write_all(int fd, const char *path, const void *bytes, size_t n,
                                struct sc_error *error)
{
    const char *at = bytes;

    while (n > 0) {
        ssize_t put = write(fd, at, n);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return sc_fail(error, SC_ERR_IO, "%s: cannot write: %s", path, strerror(errno));
        at += put;
        n -= (size_t)put;
    }
    return SC_OK;
}

/* Notes a file to be made; it is written under part->temporary. */
static enum sc_status add_part(struct writer *w, const char *name, struct part **part,
                               struct sc_error *error)
{
    struct sc_text temporary = {0}, final = {0};

    if (sc_grow((void **)&w->parts, w->n_parts, &w->parts_cap, sizeof *w->parts) != 0)
        return sc_fail_nomem(error, name);
    sc_text_printf(&final, "%s/%s", w->folder, name);
    sc_text_printf(&temporary, "%s/%s.part-%ld", w->folder, name, (long)getpid());
    struct part *p = &w->parts[w->n_parts++];
    *p = (struct part){sc_text_take(&temporary), sc_text_take(&final), false};
    *part = p;
    return p->temporary != NULL && p->final != NULL ? SC_OK : sc_fail_nomem(error, name);
}

static enum sc_status write_part(struct writer *w, const char *name, const char *bytes, size_t n,
                                 struct sc_error *error)
{
    struct part *part;
    SC_TRY(add_part(w, name, &part, error));
    return sc_file_write(part->temporary, bytes, n, error);
}

/* Writes the text and releases it. */
static enum sc_status write_text(struct writer *w, const char *name, struct sc_text *text,
                                 struct sc_error *error)
{
    enum sc_status status = text->failed ? sc_fail_nomem(error, name)
                                         : write_part(w, name, text->data, text->len, error);

    sc_text_free(text);
    return status;
}

static void shard_name(const struct writer *w, size_t shard, char *name, size_t size)
{
    if (w->n_shards == 1)
        snprintf(name, size, "model.safetensors");
    else
        snprintf(name, size, "model-%05zu-of-%05zu.safetensors", shard + 1, w->n_shards);
}

static enum sc_status write_header(const struct writer *w, size_t shard, int fd, const char *path,
                                   struct sc_error *error)
{
    static const char *const names[] = {
        [SC_DTYPE_F32] = "F32", [SC_DTYPE_BF16] = "BF16", [SC_DTYPE_F16] = "F16"};
    struct sc_text header = {0};
    unsigned char length[8];

    sc_text_puts(&header, "{\"__metadata__\":{\"format\":\"pt\"}");
    for (size_t i = 0; i < w->n_tensors; i++) {
        const struct planned *t = &w->tensors[i];

        if (t->shard != shard)
            continue;
        sc_text_printf(&header, ",\"%s\":{\"dtype\":\"%s\",\"shape\":[", t->name,
                       names[w->config.dtype]);
        if (t->n_rows > 0)
            sc_text_printf(&header, "%zu,", t->n_rows);
        sc_text_printf(&header, "%zu],\"data_offsets\":[%llu,%llu]}", t->n_cols,
                       (unsigned long long)t->begin, (unsigned long long)t->end);
    }
    sc_text_putc(&header, '}');
    while (!header.failed && header.len % 8 != 0)
        sc_text_putc(&header, ' ');
    for (size_t i = 0; i < 8; i++)
        length[i] = (unsigned char)((uint64_t)header.len >> (8 * i));
    enum sc_status status =
        header.failed ? sc_fail_nomem(error, path) : write_all(fd, path, length, 8, error);
    if (status == SC_OK)
        status = write_all(fd, path, header.data, header.len, error);
    sc_text_free(&header);
    return status;
}

static enum sc_status write_tensor(struct writer *w, size_t tensor, int fd, const char *path,
                                   struct sc_error *error)
{
    const struct planned *t = &w->tensors[tensor];
    size_t n = (t->n_rows == 0 ? 1 : t->n_rows) * t->n_cols;
    w->table = w->quantiles[t->kind];
    w->tensor = tensor;
    for (w->first = 0; w->first < n; w->first += CHUNK) {
        w->n = n - w->first < CHUNK ? n - w->first : CHUNK;
        sc_pool_run(w->pool, (w->n + TASK - 1) / TASK, draw, w);
        SC_TRY(write_all(fd, path, w->buffer, w->n * element_bytes(w), error));
    }
    return SC_OK;
}

static enum sc_status fill_shard(struct writer *w, size_t shard, int fd, const char *path,
                                 struct sc_error *error)
{
    SC_TRY(write_header(w, shard, fd, path, error));
    for (size_t i = 0; i < w->n_tensors; i++)
        if (w->tensors[i].shard == shard)
            SC_TRY(write_tensor(w, i, fd, path, error));
    if (fsync(fd) != 0)
        return sc_fail(error, SC_ERR_IO, "%s: cannot write: %s", path, strerror(errno));
    return SC_OK;
}

static enum sc_status write_shard(struct writer *w, size_t shard, struct sc_error *error)
{
    char name[64];
    shard_name(w, shard, name, sizeof name);
    struct part *part;
    SC_TRY(add_part(w, name, &part, error));
    int fd = open(part->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return sc_fail(error, SC_ERR_IO, "%s: cannot create: %s", part->temporary, strerror(errno));
    enum sc_status status = fill_shard(w, shard, fd, part->final, error);
    if (close(fd) != 0 && status == SC_OK)
        status = sc_fail(error, SC_ERR_IO, "%s: cannot write: %s", part->final, strerror(errno));
    return status;
}

static enum sc_status write_index(struct writer *w, struct sc_error *error)
{
    struct sc_text text = {0};
    sc_text_printf(&text, "{\n  \"metadata\": {\n    \"total_size\": %llu\n  },\n",
                   (unsigned long long)w->total_bytes);
    sc_text_puts(&text, "  \"weight_map\": {\n");
    for (size_t i = 0; i < w->n_tensors; i++) {
        char name[64];
        shard_name(w, w->tensors[i].shard, name, sizeof name);
        sc_text_printf(&text, "    \"%s\": \"%s\"%s\n", w->tensors[i].name, name,
                       i + 1 < w->n_tensors ? "," : "");
    }
    sc_text_puts(&text, "  }\n}\n");
    return write_text(w, "model.safetensors.index.json", &text, error);
}

/* The id that config.json has under this key, or the fallback. */
static int32_t id_in(const json_t *config, const char *key, int32_t fallback)
{
    const json_t *value = json_object_get(config, key);
    return json_is_integer(value) ? (int32_t)json_integer_value(value) : fallback;
}

static void write_generation_fields(const struct writer *w, const json_t *config,
                                    struct sc_text *text)
{
    const struct sc_sampling *sampling = &w->config.family->sampling;
    const int end = (int)w->shape.end_id, pad = (int)w->shape.pad_id;
    sc_text_printf(text, "{\n  \"bos_token_id\": %d,\n  \"do_sample\": true,\n",
                   (int)id_in(config, "bos_token_id", w->shape.pad_id));
    if (end == pad)
        sc_text_printf(text, "  \"eos_token_id\": %d,\n", end);
    else
        sc_text_printf(text, "  \"eos_token_id\": [\n    %d,\n    %d\n  ],\n", end, pad);
    sc_text_printf(text, "  \"pad_token_id\": %d,\n",
                   (int)id_in(config, "pad_token_id", w->shape.pad_id));
    if (sampling->temperature != 1)
        sc_text_printf(text, "  \"temperature\": %g,\n", sampling->temperature);
    if (sampling->top_k > 0)
        sc_text_printf(text, "  \"top_k\": %d,\n", (int)sampling->top_k);
    if (sampling->top_p < 1)
        sc_text_printf(text, "  \"top_p\": %g,\n", sampling->top_p);
    sc_text_puts(text, "  \"transformers_version\": \"4.51.0\"\n}\n");
}

static enum sc_status write_generation(struct writer *w, struct sc_error *error)
{
    struct sc_text config = config_text(w), text = {0};
    json_t *top = NULL;
    enum sc_status status =
        config.failed ? sc_fail_nomem(error, "config.json")
                      : sc_json_parse(config.data, config.len, "config.json", &top, error);
    sc_text_free(&config);
    SC_TRY(status);
    write_generation_fields(w, top, &text);
    json_decref(top);
    return write_text(w, "generation_config.json", &text, error);
}

static enum sc_status write_config(struct writer *w, struct sc_error *error)
{
    struct sc_text text = config_text(w);
    return write_text(w, "config.json", &text, error);
}

/* ---- the tokenizer's files ------------------------------------------------------------------- */

static enum sc_status copy_path(struct writer *w, const char *path, const char *name,
                                struct sc_error *error)
{
    char *text = NULL;
    size_t n = 0;
    SC_TRY(sc_file_read(path, TOKENIZER_BYTES_MAX, &text, &n, error));
    enum sc_status status = write_part(w, name, text, n, error);
    sc_free(text);
    return status;
}

static enum sc_status copy_file(struct writer *w, const char *from_folder, const char *name,
                                bool needed, struct sc_error *error)
{
    char *path = sc_path_join(from_folder, name);
    if (path == NULL)
        return sc_fail_nomem(error, name);
    enum sc_status status =
        needed || sc_file_exists(path) ? copy_path(w, path, name, error) : SC_OK;
    sc_free(path);
    return status;
}

/* How families spell the end of a turn, and that of a text. */
enum { N_ENDS = 5 };
static const char *const turn_ends[N_ENDS] = {"<|im_end|>", "<|eot_id|>", "<end_of_turn>",
                                              "<|end|>", "</s>"};
static const char *const text_ends[N_ENDS] = {
    "<|endoftext|>", "<|end_of_text|>",
    "<\357\275\234end\342\226\201of\342\226\201sentence\357\275\234>", /* DeepSeek */
    "<eos>", "</s>"};

/* The id of the first of these that the tokenizer has, or the fallback. */
static int32_t first_id(const struct sc_tokenizer *tokenizer, const char *const *names, size_t n,
                        int32_t fallback)
{
    for (size_t i = 0; i < n; i++) {
        const int32_t id = sc_tokenizer_id(tokenizer, names[i]);
        if (id >= 0)
            return id;
    }
    return fallback;
}

/* Whether a tokenizer was trained on ChatML and comes without a template: our own says how then. */
static bool has_chatml_alone(const struct sc_tokenizer *tokenizer)
{
    const struct sc_chat_source *source = sc_tokenizer_chat_source(tokenizer);
    return source->text == NULL && source->fault == NULL &&
           sc_tokenizer_id(tokenizer, "<|im_start|>") >= 0 &&
           sc_tokenizer_id(tokenizer, "<|im_end|>") >= 0;
}

/* Opens the tokenizer first: it must be whole, and its ids must have rows in the embedding. */
static enum sc_status copy_tokenizer(struct writer *w, const char *folder, struct sc_error *error)
{
    struct sc_tokenizer *tokenizer = NULL;
    SC_TRY(sc_tokenizer_open(&tokenizer, folder, error));
    enum sc_status status = SC_OK;
    if (sc_tokenizer_n_tokens(tokenizer) > w->config.n_vocab) {
        status = sc_fail(error, SC_ERR_ARGUMENT,
                         "%.300s: the tokenizer has %zu tokens, the shape %s %zu rows", folder,
                         sc_tokenizer_n_tokens(tokenizer), w->shape.name, w->config.n_vocab);
    } else {
        w->shape.end_id = first_id(tokenizer, turn_ends, N_ENDS, w->shape.end_id);
        w->shape.pad_id = first_id(tokenizer, text_ends, N_ENDS, w->shape.pad_id);
    }
    bool chatml = has_chatml_alone(tokenizer);
    sc_tokenizer_close(tokenizer);
    SC_TRY(status);
    SC_TRY(copy_file(w, folder, "tokenizer.json", true, error));
    SC_TRY(copy_file(w, folder, "tokenizer_config.json", false, error));
    SC_TRY(copy_file(w, folder, "special_tokens_map.json", false, error));
    return chatml ? write_part(w, "chat_template.jinja", sc_chatml_template,
                               strlen(sc_chatml_template), error)
                  : copy_file(w, folder, "chat_template.jinja", false, error);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static enum sc_status refuse_occupied(const char *folder, struct sc_error *error)
{
    static const char *const files[] = {"config.json", "model.safetensors",
                                        "model.safetensors.index.json"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char *path = sc_path_join(folder, files[i]);
        if (path == NULL)
            return sc_fail_nomem(error, "model");
        bool occupied = sc_file_exists(path);
        if (occupied)
            sc_fail(error, SC_ERR_CONFLICT, "%s: expected no model there, found one", path);
        sc_free(path);
        if (occupied)
            return SC_ERR_CONFLICT;
    }
    return SC_OK;
}

static enum sc_status rename_all(struct writer *w, struct sc_error *error)
{
    for (size_t i = 0; i < w->n_parts; i++) {
        struct part *part = &w->parts[i];

        if (i + 1 == w->n_parts) /* config.json, which makes it a model */
            SC_TRY(sc_sync_folder_of(part->final, error));
        if (rename(part->temporary, part->final) != 0) {
            return sc_fail(error, SC_ERR_IO, "%s: cannot rename into place: %s", part->final,
                           strerror(errno));
        }
        part->renamed = true;
    }
    return w->n_parts > 0 ? sc_sync_folder_of(w->parts[0].final, error) : SC_OK;
}

static enum sc_status write_model(struct writer *w, const char *tokenizer_folder,
                                  struct sc_error *error)
{
    if (tokenizer_folder != NULL)
        SC_TRY(copy_tokenizer(w, tokenizer_folder, error));
    SC_TRY(sc_pool_new(&w->pool, sc_available_cores(), error));
    SC_TRY(fill_quantiles(w, error));
    for (size_t i = 0; i < w->n_shards; i++)
        SC_TRY(write_shard(w, i, error));
    if (w->n_shards > 1)
        SC_TRY(write_index(w, error));
    SC_TRY(write_generation(w, error));
    SC_TRY(write_config(w, error));
    return rename_all(w, error);
}

/* Takes back what was made when it did not become a model. */
static void writer_free(struct writer *w, bool keep)
{
    for (size_t i = 0; i < w->n_parts; i++) {
        struct part *part = &w->parts[i];

        if (!keep && part->temporary != NULL && part->final != NULL)
            unlink(part->renamed ? part->final : part->temporary);
        sc_free(part->temporary);
        sc_free(part->final);
    }
    for (size_t i = 0; i < w->n_tensors; i++)
        sc_free(w->tensors[i].name);
    sc_free(w->parts);
    sc_free(w->tensors);
    for (size_t kind = 0; kind < N_KINDS; kind++)
        sc_free(w->quantiles[kind]);
    sc_free(w->buffer);
    sc_pool_free(w->pool);
}

static enum sc_status make_model(struct writer *w, const struct sc_family *family,
                                 const struct sc_random_options *options, struct sc_error *error)
{
    SC_TRY(sc_make_folders(w->folder, error));
    SC_TRY(refuse_occupied(w->folder, error));
    SC_TRY(plan(w, family, options->dtype, error));
    SC_TRY(check_space(w, error));
    return write_model(w, options->tokenizer_folder, error);
}

enum sc_status sc_model_write_random_as(const char *shape, const struct sc_random_options *options,
                                        const char *out_folder, struct sc_error *error)
{
    const enum sc_dtype dtype = options->dtype;
    const struct sc_family *family = NULL;
    const struct sc_family_shape *found = sc_family_find_shape(shape, &family);
    if (found == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "shape: expected one of those that 'safeconf model --help' lists, found "
                       "\"%.60s\"",
                       shape);
    if (dtype != SC_DTYPE_F32 && dtype != SC_DTYPE_BF16 && dtype != SC_DTYPE_F16)
        return sc_fail(error, SC_ERR_ARGUMENT, "dtype: expected f32, bf16 or f16, found \"%s\"",
                       sc_dtype_name(dtype));
    if (options->n_layers > SC_MOST_LAYERS)
        return sc_fail(error, SC_ERR_ARGUMENT, "layers: expected 1 to %d, found %zu",
                       SC_MOST_LAYERS, options->n_layers);
    struct writer w = {.shape = *found,
                       .folder = out_folder,
                       .seed = options->seed,
                       .head_scale = options->head_scale > 0 ? options->head_scale : 1};
    if (options->n_layers > 0)
        w.shape.n_layers = options->n_layers;
    bool was_there = sc_is_folder(out_folder);
    enum sc_status status = make_model(&w, family, options, error);
    writer_free(&w, status == SC_OK);
    if (status != SC_OK && !was_there)
        rmdir(out_folder); /* only when it is empty */
    return status;
}

enum sc_status sc_model_write_random(const char *shape, const char *tokenizer_folder,
                                     enum sc_dtype dtype, uint64_t seed, const char *out_folder,
                                     struct sc_error *error)
{
    const struct sc_random_options options = {
        .tokenizer_folder = tokenizer_folder, .dtype = dtype, .seed = seed};
    return sc_model_write_random_as(shape, &options, out_folder, error);
}
