/* See emulated.h.  Next: fibers.c, which runs the kernels. */
#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/gpu/emulated/emulated.h"

enum { SHARED_BYTES = 96 << 10 };

enum kind { UPLOAD, DOWNLOAD, COPY, LAUNCH, MULTIPLY, MARK, REPLAY };

struct work {
    enum kind kind;
    void *to;
    const void *from;
    size_t bytes;
    struct sc_gpu_launch launch;
    unsigned char arguments[SC_GPU_MOST_ARGUMENTS];
    void *way;
    struct sc_gpu_operands operands;
    unsigned mark;
    const struct recording *recording;
};

struct recording {
    struct work *items;
    size_t n, room;
};

struct gpu {
    struct sc_emulated_options options;
    int card;
    size_t taken;
};

/* Bytes taken of each card, by all that opened it. */
enum { MOST_CARDS = 64 };
static size_t taken_of[MOST_CARDS];
static pthread_mutex_t taken_lock = PTHREAD_MUTEX_INITIALIZER;

struct queue {
    struct gpu *gpu;
    struct sc_fibers *fibers;
    struct recording waiting, *recording; /* recording: what is being kept, or NULL */
    double marks[SC_GPU_MARKS];
    bool is_lost;
};

/* ---- failures -------------------------------------------------------------------------------- */

static unsigned long n_calls;
static pthread_mutex_t calls_lock = PTHREAD_MUTEX_INITIALIZER;

/* Every call that can fail comes here; it is the one that is to fail, or not. */
static bool is_to_fail(const struct sc_emulated_options *options, const char *what, char *why)
{
    if (options->fail_at == 0)
        return false;
    pthread_mutex_lock(&calls_lock);
    bool fails = ++n_calls == options->fail_at;
    pthread_mutex_unlock(&calls_lock);
    if (fails)
        snprintf(why, SC_GPU_WHY, "emulated: %s failed, as was asked", what);
    return fails;
}

static bool read_number(const char *word, const char *name, unsigned long *out)
{
    size_t n = strlen(name);
    char *end;
    if (strncmp(word, name, n) != 0 || word[n] != '=')
        return false;
    *out = strtoul(word + n + 1, &end, 10);
    return *end == '\0' && end != word + n + 1;
}

static bool read_word(struct sc_emulated_options *o, const char *word)
{
    unsigned long n;
    if (read_number(word, "cards", &n)) {
        o->n_cards = (int)n;
        return n <= MOST_CARDS;
    }
    if (read_number(word, "bytes", &n)) {
        o->bytes = n;
        return true;
    }
    if (read_number(word, "fail", &n)) {
        o->fail_at = n;
        return true;
    }
    static const struct {
        const char *word;
        int order, ways;
    } words[] = {{"order=ascending", SC_FIBERS_ASCENDING, -1},
                 {"order=descending", SC_FIBERS_DESCENDING, -1},
                 {"order=shuffled", SC_FIBERS_SHUFFLED, -1},
                 {"ways=same", -1, SC_WAYS_SAME},
                 {"ways=none", -1, SC_WAYS_NONE},
                 {"ways=other", -1, SC_WAYS_OTHER}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(word, words[i].word) == 0) {
            if (words[i].order >= 0)
                o->order = (enum sc_fiber_order)words[i].order;
            if (words[i].ways >= 0)
                o->ways = (enum sc_emulated_ways)words[i].ways;
            return true;
        }
    return false;
}

bool sc_emulated_options(struct sc_emulated_options *out, char *why)
{
    const char *said = getenv("SAFECONF_EMULATED_GPU");
    *out = (struct sc_emulated_options){.n_cards = 1, .bytes = (size_t)1 << 30};
    while (said != NULL && *said != '\0') {
        char word[64];
        size_t n = strcspn(said, ",");
        snprintf(word, sizeof word, "%.*s", (int)(n < 63 ? n : 63), said);
        if (!read_word(out, word)) {
            snprintf(why, SC_GPU_WHY, "SAFECONF_EMULATED_GPU: %s: not understood", word);
            return false;
        }
        said += n + (said[n] == ',');
    }
    return true;
}

/* ---- cards ----------------------------------------------------------------------------------- */

static enum sc_status count(int *n, char *why)
{
    struct sc_emulated_options o;
    *n = 0;
    if (!sc_emulated_options(&o, why) || is_to_fail(&o, "count", why))
        return SC_ERR_UNSUPPORTED;
    *n = o.n_cards;
    return SC_OK;
}

static enum sc_status describe(int card, struct sc_gpu_card *out, char *why)
{
    struct sc_emulated_options o;
    if (!sc_emulated_options(&o, why) || is_to_fail(&o, "describe", why))
        return SC_ERR_UNSUPPORTED;
    if (card < 0 || card >= o.n_cards) {
        snprintf(why, SC_GPU_WHY, "emulated: no card %d", card);
        return SC_ERR_UNSUPPORTED;
    }
    *out = (struct sc_gpu_card){.name = "emulated GPU",
                                .arithmetic = "emulated",
                                .versions = "emulated on the processor",
                                .bytes = o.bytes,
                                .shared_bytes = SHARED_BYTES,
                                .n_processors = 4};
    pthread_mutex_lock(&taken_lock);
    out->free_bytes = o.bytes - (taken_of[card] < o.bytes ? taken_of[card] : o.bytes);
    pthread_mutex_unlock(&taken_lock);
    snprintf(out->library, sizeof out->library, "%s", o.ways == SC_WAYS_NONE ? "" : "loops");
    return SC_OK;
}

static enum sc_status gpu_open(void **out, int card, char *why)
{
    struct sc_gpu_card unused;
    *out = NULL;
    enum sc_status status = describe(card, &unused, why);
    if (status != SC_OK)
        return status;
    struct gpu *gpu = calloc(1, sizeof *gpu);
    if (gpu == NULL)
        return snprintf(why, SC_GPU_WHY, "emulated: out of memory"), SC_ERR_NOMEM;
    sc_emulated_options(&gpu->options, why);
    gpu->card = card;
    *out = gpu;
    return SC_OK;
}

static void gpu_close(void *opened)
{
    struct gpu *gpu = opened;
    if (gpu == NULL)
        return;
    assert(gpu->taken == 0 && "memory of a card was not given back");
    free(gpu);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static bool count_bytes(struct gpu *gpu, size_t bytes)
{
    pthread_mutex_lock(&taken_lock);
    size_t *of_card = &taken_of[gpu->card];
    const bool fits = *of_card <= gpu->options.bytes && bytes <= gpu->options.bytes - *of_card;
    if (fits) {
        *of_card += bytes;
        gpu->taken += bytes;
    }
    pthread_mutex_unlock(&taken_lock);
    return fits;
}

static void uncount_bytes(struct gpu *gpu, size_t bytes)
{
    pthread_mutex_lock(&taken_lock);
    taken_of[gpu->card] -= bytes;
    gpu->taken -= bytes;
    pthread_mutex_unlock(&taken_lock);
}

/* How much it is stands before it. */
static enum sc_status take(void *opened, size_t bytes, void **memory, char *why)
{
    struct gpu *gpu = opened;
    *memory = NULL;
    if (is_to_fail(&gpu->options, "memory of the card", why))
        return SC_ERR_NOMEM;
    void *block = NULL;
    const bool fits = count_bytes(gpu, bytes);
    if (!fits || posix_memalign(&block, SC_GPU_ALIGNMENT, bytes + SC_GPU_ALIGNMENT) != 0) {
        snprintf(why, SC_GPU_WHY, "emulated: %zu bytes: the card has not so much left", bytes);
        if (fits)
            uncount_bytes(gpu, bytes);
        return SC_ERR_NOMEM;
    }
    memcpy(block, &bytes, sizeof bytes);
    *memory = (unsigned char *)block + SC_GPU_ALIGNMENT;
    memset(*memory, 0xff, bytes);
    return SC_OK;
}

static void release(void *opened, void *memory)
{
    size_t bytes;
    if (memory == NULL)
        return;
    void *block = (unsigned char *)memory - SC_GPU_ALIGNMENT;
    memcpy(&bytes, block, sizeof bytes);
    uncount_bytes(opened, bytes);
    free(block);
}

static enum sc_status take_host(void *opened, size_t bytes, void **memory, char *why)
{
    struct gpu *gpu = opened;
    *memory = NULL;
    if (is_to_fail(&gpu->options, "memory of the host", why))
        return SC_ERR_NOMEM;
    if (posix_memalign(memory, SC_GPU_ALIGNMENT, bytes > 0 ? bytes : 1) != 0) {
        snprintf(why, SC_GPU_WHY, "emulated: out of memory");
        return SC_ERR_NOMEM;
    }
    return SC_OK;
}

static void release_host(void *opened, void *memory)
{
    (void)opened;
    free(memory);
}

static enum sc_status store(void *opened, void *to, const void *from, size_t bytes, char *why)
{
    struct gpu *gpu = opened;
    if (is_to_fail(&gpu->options, "a copy to the card", why))
        return SC_ERR_INTERNAL;
    memcpy(to, from, bytes);
    return SC_OK;
}

/* ---- queues ---------------------------------------------------------------------------------- */

static enum sc_status queue_open(void *opened, void **out, char *why)
{
    struct gpu *gpu = opened;
    *out = NULL;
    if (is_to_fail(&gpu->options, "a queue", why))
        return SC_ERR_INTERNAL;
    struct queue *q = calloc(1, sizeof *q);
    struct sc_fibers *fibers = sc_fibers_new(gpu->options.order);
    if (q == NULL || fibers == NULL) {
        sc_fibers_free(fibers);
        free(q);
        return snprintf(why, SC_GPU_WHY, "emulated: out of memory"), SC_ERR_NOMEM;
    }
    q->gpu = gpu;
    q->fibers = fibers;
    *out = q;
    return SC_OK;
}

static void queue_close(void *opened)
{
    struct queue *q = opened;
    if (q == NULL)
        return;
    if (q->recording != NULL)
        free(q->recording->items);
    free(q->recording);
    free(q->waiting.items);
    sc_fibers_free(q->fibers);
    free(q);
}

static enum sc_status add(struct queue *q, const struct work *work, const char *what, char *why)
{
    struct recording *to = q->recording != NULL ? q->recording : &q->waiting;
    if (q->is_lost)
        return snprintf(why, SC_GPU_WHY, "emulated: the queue is lost"), SC_ERR_INTERNAL;
    if (is_to_fail(&q->gpu->options, what, why)) {
        q->is_lost = true;
        return SC_ERR_INTERNAL;
    }
    if (to->n == to->room) {
        size_t room = to->room > 0 ? 2 * to->room : 64;
        struct work *items = realloc(to->items, room * sizeof *items);
        if (items == NULL)
            return snprintf(why, SC_GPU_WHY, "emulated: out of memory"), SC_ERR_NOMEM;
        to->items = items;
        to->room = room;
    }
    to->items[to->n++] = *work;
    return SC_OK;
}

static enum sc_status upload(void *q, void *to, const void *from, size_t bytes, char *why)
{
    return add(q, &(struct work){.kind = UPLOAD, .to = to, .from = from, .bytes = bytes},
               "a copy to the card", why);
}

static enum sc_status download(void *q, void *to, const void *from, size_t bytes, char *why)
{
    return add(q, &(struct work){.kind = DOWNLOAD, .to = to, .from = from, .bytes = bytes},
               "a copy from the card", why);
}

static enum sc_status copy(void *q, void *to, const void *from, size_t bytes, char *why)
{
    return add(q, &(struct work){.kind = COPY, .to = to, .from = from, .bytes = bytes},
               "a copy on the card", why);
}

static enum sc_status launch(void *q, const struct sc_gpu_launch *l, char *why)
{
    struct work work = {.kind = LAUNCH, .launch = *l};
    assert((unsigned)l->kernel < SC_GPU_N_KERNELS);
    const struct sc_emulated_kernel *kernel = &sc_emulated_kernels[l->kernel];
    assert(l->argument_bytes == kernel->argument_bytes);
    assert(l->argument_bytes <= SC_GPU_MOST_ARGUMENTS);
    /* What a card would refuse. */
    if (l->threads == 0 || l->threads % 32 != 0 || l->threads > kernel->most_threads ||
        l->blocks[0] == 0 || l->blocks[1] == 0 || l->blocks[2] == 0 || l->blocks[1] > 65535 ||
        l->blocks[2] > 65535 || l->shared_bytes > SHARED_BYTES) {
        snprintf(why, SC_GPU_WHY,
                 "emulated: kernel %d: a launch of %u x %u x %u blocks of %u "
                 "threads and %u bytes",
                 (int)l->kernel, l->blocks[0], l->blocks[1], l->blocks[2], l->threads,
                 l->shared_bytes);
        return SC_ERR_INTERNAL;
    }
    memcpy(work.arguments, l->arguments, l->argument_bytes);
    return add(q, &work, "a launch", why);
}

static enum sc_status multiply(void *q, void *way, const struct sc_gpu_operands *operands,
                               char *why)
{
    return add(q, &(struct work){.kind = MULTIPLY, .way = way, .operands = *operands}, "a product",
               why);
}

static enum sc_status mark(void *opened, unsigned at, char *why)
{
    struct queue *q = opened;
    assert(at < SC_GPU_MARKS && q->recording == NULL);
    return add(q, &(struct work){.kind = MARK, .mark = at}, "a mark", why);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static enum sc_status do_all(struct queue *q, const struct recording *list, char *why)
{
    enum sc_status status = SC_OK;
    for (size_t i = 0; i < list->n && status == SC_OK; i++) {
        struct work *w = &list->items[i];
        switch (w->kind) {
        case UPLOAD:
        case DOWNLOAD:
        case COPY:
            memmove(w->to, w->from, w->bytes);
            break;
        case LAUNCH:
            w->launch.arguments = w->arguments;
            status = sc_fibers_run(q->fibers, sc_emulated_kernels[w->launch.kernel].run, &w->launch,
                                   why);
            break;
        case MULTIPLY:
            sc_emulated_multiply(w->way, &w->operands);
            break;
        case MARK:
            q->marks[w->mark] = now();
            break;
        case REPLAY:
            status = do_all(q, w->recording, why);
            break;
        }
    }
    return status;
}

static enum sc_status wait_for(void *opened, char *why)
{
    struct queue *q = opened;
    if (q->is_lost || is_to_fail(&q->gpu->options, "work", why)) {
        if (q->is_lost)
            snprintf(why, SC_GPU_WHY, "emulated: the queue is lost");
        q->is_lost = true;
        return SC_ERR_INTERNAL;
    }
    enum sc_status status = do_all(q, &q->waiting, why);
    q->waiting.n = 0;
    q->is_lost = status != SC_OK;
    return status;
}

static double seconds(void *opened, unsigned from, unsigned to)
{
    const struct queue *q = opened;
    return q->marks[to] - q->marks[from];
}

static enum sc_status record(void *opened, char *why)
{
    struct queue *q = opened;
    assert(q->recording == NULL);
    if (is_to_fail(&q->gpu->options, "a recording", why))
        return SC_ERR_INTERNAL;
    q->recording = calloc(1, sizeof *q->recording);
    if (q->recording == NULL)
        return snprintf(why, SC_GPU_WHY, "emulated: out of memory"), SC_ERR_NOMEM;
    return SC_OK;
}

static void forget(void *opened, void *kept)
{
    struct recording *recording = kept;
    (void)opened;
    if (recording == NULL)
        return;
    free(recording->items);
    free(recording);
}

static enum sc_status record_end(void *opened, void **out, char *why)
{
    struct queue *q = opened;
    assert(q->recording != NULL);
    *out = q->recording;
    q->recording = NULL;
    if (!is_to_fail(&q->gpu->options, "a recording", why))
        return SC_OK;
    forget(q, *out);
    *out = NULL;
    return SC_ERR_INTERNAL;
}

static enum sc_status replay(void *q, void *recording, char *why)
{
    return add(q, &(struct work){.kind = REPLAY, .recording = recording}, "a replay", why);
}

/* ---- products -------------------------------------------------------------------------------- */

static enum sc_status find_ways(void *opened, const struct sc_gpu_product_shape *shape,
                                uint32_t n_rows, void **ways, size_t most, size_t *n, char *why)
{
    const struct gpu *gpu = opened;
    *n = 0;
    if (is_to_fail(&gpu->options, "ways of a product", why))
        return SC_ERR_INTERNAL;
    return sc_emulated_find_ways(&gpu->options, shape, n_rows, ways, most, n, why);
}

static void forget_way(void *opened, void *way)
{
    (void)opened;
    free(way);
}

__attribute__((visibility("default"))) const struct sc_gpu_module *sc_gpu_module(void)
{
    static const struct sc_gpu_module module = {
        .version = SC_GPU_MODULE_VERSION,
        .bytes = sizeof(struct sc_gpu_module),
        .name = "emulated",
        .count = count,
        .describe = describe,
        .open = gpu_open,
        .close = gpu_close,
        .take = take,
        .release = release,
        .take_host = take_host,
        .release_host = release_host,
        .store = store,
        .queue_open = queue_open,
        .queue_close = queue_close,
        .upload = upload,
        .download = download,
        .copy = copy,
        .launch = launch,
        .mark = mark,
        .wait = wait_for,
        .seconds = seconds,
        .record = record,
        .record_end = record_end,
        .forget = forget,
        .replay = replay,
        .find_ways = find_ways,
        .forget_way = forget_way,
        .multiply = multiply,
    };
    return &module;
}
