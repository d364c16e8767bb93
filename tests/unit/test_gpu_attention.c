/*
 * Attention on the emulated GPU: against plain loops in double, and bit for bit in whatever company
 * a row is and wherever its history lies.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/device.h"
#include "engine/gpu/session.h"
#include "gpu_fixture.h"

enum { MOST_POSITIONS = 2048, MOST_SPANS = 1024, N_PAGES = 1200, MOST_ROWS = 256 };

/* A sequence: where its positions lie, and of which stream what lies there is. */
struct history {
    struct sc_span spans[MOST_SPANS];
    uint32_t streams[MOST_POSITIONS];
    size_t n_spans, n;
};

/* A row and the number from which its queries follow. */
struct asked {
    const struct history *history;
    size_t position;
    uint32_t queries;
};

struct shape {
    size_t n_heads, n_kv_heads, head_dim;
    bool bf16;
    struct sc_layer_kind kind; /* windows are those of layer 1 */
};

struct stage {
    struct gpu_fixture gpu;
    struct sc_gpu_weights weights;
    struct sc_gpu_session session;
    unsigned char *pages; /* the host's copy, NaN where nothing was put */
    void *arenas[2];
    uint32_t n_pages;
    uint32_t random;
};

/* ---- numbers --------------------------------------------------------------------------------- */

static uint32_t mixed(uint32_t x)
{
    x ^= x >> 16;
    x *= 0x7feb352du;
    x ^= x >> 15;
    x *= 0x846ca68bu;
    return x ^ x >> 16;
}

static uint32_t below(struct stage *s, uint32_t n)
{
    s->random = s->random * 1664525u + 1013904223u;
    return (s->random >> 8) % n;
}

/* Between -1 and 1, a function of what it is for. */
static float number_of(uint32_t kind, uint32_t a, size_t b, size_t i)
{
    uint32_t x = mixed(mixed(mixed(kind * 977 + a) + (uint32_t)b) + (uint32_t)i);
    return (float)((double)x / 2147483648.0 - 1);
}

static float stored(const struct stage *s, float x)
{
    if (!s->weights.bf16)
        return x;
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000u;
    memcpy(&x, &bits, sizeof x);
    return x;
}

enum { QUERIES, KEYS, VALUES };

static float kv_number(const struct stage *s, uint32_t kind, uint32_t stream, size_t position,
                       size_t i)
{
    return stored(s, number_of(kind, stream, position, i) * (kind == KEYS ? 3 : 1));
}

/* ---- the stage ------------------------------------------------------------------------------- */

static size_t element_bytes(const struct stage *s)
{
    return s->weights.bf16 ? 2 : 4;
}

static void lay_out(struct stage *s)
{
    struct sc_gpu_arenas sizes = {0};
    struct sc_error error = {0};
    sc_gpu_attention_layout(&s->session, &sizes);
    assert_true(sizes.card.used < SIZE_MAX && sizes.host.used < SIZE_MAX);
    s->arenas[0] = gpu_room(&s->gpu, sizes.card.used);
    s->arenas[1] = aligned_alloc(64, sizes.host.used);
    struct sc_gpu_arenas arenas = {{s->arenas[0], 0}, {s->arenas[1], 0}};
    if (sc_gpu_attention_open(&s->session, &error) != SC_OK)
        fail_msg("%s", error.text);
    sc_gpu_attention_layout(&s->session, &arenas);
    assert_int_equal(arenas.card.used, sizes.card.used);
    assert_int_equal(arenas.host.used, sizes.host.used);
}

static void begin(struct stage *s, const struct shape *shape, const char *options)
{
    *s = (struct stage){.gpu = gpu_begin(options), .random = 7};
    struct sc_model_config *c = &s->weights.config;
    c->n_layers = 2;
    c->n_heads = shape->n_heads;
    c->n_kv_heads = shape->n_kv_heads;
    c->head_dim = shape->head_dim;
    c->layer = shape->kind;
    c->local_layers[0] = 2;
    s->weights.bf16 = shape->bf16;
    s->weights.module = s->gpu.module;
    s->weights.card.n_processors = 4;
    struct sc_gpu_session *session = &s->session;
    session->weights = &s->weights;
    session->queue = (struct sc_gpu_queue){s->gpu.module, s->gpu.queue};
    session->sizes = (struct sc_session_sizes){.max_rows = MOST_ROWS,
                                               .n_positions = MOST_POSITIONS,
                                               .max_spans = MOST_SPANS,
                                               .n_pages = N_PAGES};
    session->max_rows = MOST_ROWS;
    session->page_bytes = c->n_layers * 2 * c->n_kv_heads * 32 * c->head_dim * element_bytes(s);
    session->pages = gpu_room(&s->gpu, N_PAGES * session->page_bytes);
    s->pages = malloc(N_PAGES * session->page_bytes);
    assert_non_null(s->pages);
    memset(s->pages, 0xff, N_PAGES * session->page_bytes);
    session->qkv =
        gpu_room(&s->gpu, MOST_ROWS * sizeof(float) *
                              sc_gpu_stride((c->n_heads + 2 * c->n_kv_heads) * c->head_dim));
    session->attended =
        gpu_room(&s->gpu, MOST_ROWS * element_bytes(s) * sc_gpu_stride(c->n_heads * c->head_dim));
    lay_out(s);
}

static void end(struct stage *s)
{
    sc_gpu_attention_close(&s->session);
    free(s->arenas[1]);
    free(s->pages);
    gpu_end(&s->gpu);
}

/* ---- histories ------------------------------------------------------------------------------- */

static void put_number(struct stage *s, size_t at, float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    uint16_t half = (uint16_t)(bits >> 16);
    if (s->weights.bf16)
        memcpy(s->pages + 2 * at, &half, sizeof half);
    else
        memcpy(s->pages + 4 * at, &bits, sizeof bits);
}

static void put_position(struct stage *s, uint32_t page, size_t place, uint32_t stream,
                         size_t position)
{
    const struct sc_model_config *c = &s->weights.config;
    size_t begin_at = page * s->session.page_bytes / element_bytes(s);
    for (size_t l = 0; l < c->n_layers; l++)
        for (size_t kind = 0; kind < 2; kind++)
            for (size_t h = 0; h < c->n_kv_heads; h++)
                for (size_t i = 0; i < c->head_dim; i++)
                    put_number(
                        s,
                        begin_at +
                            ((((l * 2 + kind) * c->n_kv_heads + h) * 32 + place) * c->head_dim) + i,
                        kv_number(s, kind == 0 ? KEYS : VALUES, stream, position,
                                  (l * c->n_kv_heads + h) * c->head_dim + i));
}

/* n more positions, of a stream, in new pages: whole ones, or spans of odd lengths. */
static void grow(struct stage *s, struct history *h, size_t n, uint32_t stream, bool odd)
{
    while (n > 0) {
        uint32_t first = odd ? below(s, 32) : 0, room = 32 - first;
        uint32_t n_here = odd ? 1 + below(s, room) : room;
        n_here = n < n_here ? (uint32_t)n : n_here;
        assert_true(h->n_spans < MOST_SPANS && s->n_pages < N_PAGES);
        h->spans[h->n_spans++] = (struct sc_span){s->n_pages, (uint16_t)first, (uint16_t)n_here};
        for (uint32_t i = 0; i < n_here; i++, h->n++) {
            h->streams[h->n] = stream;
            put_position(s, s->n_pages, first + i, stream, h->n);
        }
        s->n_pages++;
        n -= n_here;
    }
}

static struct history *history_of(struct stage *s, size_t n, uint32_t stream, bool odd)
{
    struct history *h = calloc(1, sizeof *h);
    assert_non_null(h);
    grow(s, h, n, stream, odd);
    return h;
}

/* The same positions in the same places, to be gone on with. */
static struct history *branch_of(const struct history *from)
{
    struct history *h = malloc(sizeof *h);
    assert_non_null(h);
    *h = *from;
    return h;
}

/* The same numbers in other places. */
static struct history *copy_of(struct stage *s, const struct history *from)
{
    struct history *h = calloc(1, sizeof *h);
    assert_non_null(h);
    for (size_t i = 0; i < from->n;) {
        size_t n = 1;
        while (i + n < from->n && from->streams[i + n] == from->streams[i])
            n++;
        grow(s, h, n, from->streams[i], true);
        i += n;
    }
    return h;
}

/* ---- a step ---------------------------------------------------------------------------------- */

static void send(struct stage *s, void *to, const void *from, size_t bytes)
{
    char why[SC_GPU_WHY];
    assert_int_equal(s->gpu.module->store(s->gpu.gpu, to, from, bytes, why), SC_OK);
}

static void send_queries(struct stage *s, const struct asked *asked, size_t n)
{
    const struct sc_model_config *c = &s->weights.config;
    size_t stride = sc_gpu_stride((c->n_heads + 2 * c->n_kv_heads) * c->head_dim);
    float *qkv = malloc(MOST_ROWS * stride * sizeof *qkv);
    assert_non_null(qkv);
    memset(qkv, 0xff, MOST_ROWS * stride * sizeof *qkv);
    for (size_t r = 0; r < n; r++)
        for (size_t i = 0; i < c->n_heads * c->head_dim; i++)
            qkv[r * stride + i] = number_of(QUERIES, asked[r].queries, 0, i) * 2;
    send(s, s->session.qkv, qkv, MOST_ROWS * stride * sizeof *qkv);
    free(qkv);
}

/* Of all rows [MOST_ROWS][stride]; bf16 is widened. */
static float *attended(struct stage *s)
{
    const struct sc_model_config *c = &s->weights.config;
    size_t n = MOST_ROWS * sc_gpu_stride(c->n_heads * c->head_dim);
    unsigned char *raw = malloc(n * element_bytes(s));
    float *out = malloc(n * sizeof *out);
    assert_non_null(raw);
    assert_non_null(out);
    gpu_get(&s->gpu, raw, s->session.attended, n * element_bytes(s));
    for (size_t i = 0; i < n; i++) {
        uint16_t half;
        uint32_t bits;
        if (s->weights.bf16) {
            memcpy(&half, raw + 2 * i, sizeof half);
            bits = (uint32_t)half << 16;
        } else {
            memcpy(&bits, raw + 4 * i, sizeof bits);
        }
        memcpy(&out[i], &bits, sizeof bits);
    }
    free(raw);
    return out;
}

static float *attend(struct stage *s, const struct asked *asked, size_t n, size_t layer)
{
    struct sc_error error = {0};
    struct sc_row rows[MOST_ROWS];
    uint32_t extent;
    for (size_t r = 0; r < n; r++)
        rows[r] =
            (struct sc_row){.position = asked[r].position, .history = asked[r].history->spans};
    send(s, s->session.pages, s->pages, s->n_pages * s->session.page_bytes);
    send_queries(s, asked, n);
    if (sc_gpu_attention_prepare(&s->session, rows, n, &extent, &error) != SC_OK ||
        sc_gpu_attention_run(&s->session, layer, (n + 15) / 16 * 16, extent, &error) != SC_OK)
        fail_msg("%s", error.text);
    return attended(s);
}

/* ---- what is expected ------------------------------------------------------------------------ */

static double dot(const struct stage *s, const struct asked *a, size_t head, size_t at,
                  size_t layer)
{
    const struct sc_model_config *c = &s->weights.config;
    size_t kv = head / (c->n_heads / c->n_kv_heads);
    double sum = 0;
    for (size_t i = 0; i < c->head_dim; i++)
        sum += (double)(number_of(QUERIES, a->queries, 0, head * c->head_dim + i) * 2) *
               (double)kv_number(s, KEYS, a->history->streams[at], at,
                                 (layer * c->n_kv_heads + kv) * c->head_dim + i);
    return sum;
}

/* out [head_dim] */
static void expect(const struct stage *s, const struct asked *a, size_t head, size_t layer,
                   double *out)
{
    const struct sc_model_config *c = &s->weights.config;
    size_t kv = head / (c->n_heads / c->n_kv_heads), from = 0;
    double weights[MOST_POSITIONS], most = -INFINITY, sum = 0;
    double scale = c->layer.attention_scale != 0 ? (double)c->layer.attention_scale
                                                 : 1 / sqrt((double)c->head_dim);
    double cap = (double)c->layer.attention_softcap;
    if (layer == 1 && c->layer.window > 0 && a->position >= c->layer.window)
        from = a->position + 1 - c->layer.window;
    for (size_t p = from; p <= a->position; p++) {
        double x = dot(s, a, head, p, layer) * scale;
        weights[p] = cap != 0 ? cap * tanh(x / cap) : x;
        most = fmax(most, weights[p]);
    }
    for (size_t p = from; p <= a->position; p++)
        sum += weights[p] = exp(weights[p] - most);
    memset(out, 0, c->head_dim * sizeof *out);
    for (size_t p = from; p <= a->position; p++)
        for (size_t i = 0; i < c->head_dim; i++)
            out[i] += weights[p] / sum *
                      (double)kv_number(s, VALUES, a->history->streams[p], p,
                                        (layer * c->n_kv_heads + kv) * c->head_dim + i);
}

/* Within 1e-5, beside what rounding to bf16 takes: half of a unit of its last place. */
static void check_row(const struct stage *s, const struct asked *a, size_t layer, const float *got)
{
    const struct sc_model_config *c = &s->weights.config;
    double *want = malloc(c->head_dim * sizeof *want);
    assert_non_null(want);
    for (size_t h = 0; h < c->n_heads; h++) {
        expect(s, a, h, layer, want);
        for (size_t i = 0; i < c->head_dim; i++) {
            double x = (double)got[h * c->head_dim + i];
            double most = 1e-5 + (s->weights.bf16 ? fabs(want[i]) / 256 : 0);
            if (!(fabs(x - want[i]) <= most))
                fail_msg("position %zu head %zu number %zu: %g, expected %g", a->position, h, i, x,
                         want[i]);
        }
    }
    for (size_t i = c->n_heads * c->head_dim; i < sc_gpu_stride(c->n_heads * c->head_dim); i++)
        assert_true(got[i] == 0);
    free(want);
}

static void check_step(struct stage *s, const struct asked *asked, size_t n, size_t layer)
{
    size_t stride = sc_gpu_stride(s->weights.config.n_heads * s->weights.config.head_dim);
    float *got = attend(s, asked, n, layer);
    for (size_t r = 0; r < n; r++)
        check_row(s, &asked[r], layer, got + r * stride);
    free(got);
}

/* ---- tests ----------------------------------------------------------------------------------- */

/* Two prompts of which one is shared by traces that have gone on apart, and rows of a prompt. */
enum { N_TRACES = 5, N_COMPANY = N_TRACES + 1 + 6 };
struct company {
    struct history *histories[N_COMPANY];
    struct asked asked[N_COMPANY];
    size_t n_histories;
};

static struct company make_company(struct stage *s, size_t n_prompt)
{
    struct company all = {0};
    struct history *prompt = history_of(s, n_prompt, 1, false);
    size_t n = 0;
    all.histories[all.n_histories++] = prompt;
    for (uint32_t i = 0; i < N_TRACES; i++) {
        struct history *trace = branch_of(prompt);
        grow(s, trace, 1 + 17 * i, 10 + i, i % 2 != 0);
        all.histories[all.n_histories++] = trace;
        all.asked[n++] = (struct asked){trace, trace->n - 1, 100 + i};
    }
    struct history *other = history_of(s, 45, 2, true);
    all.histories[all.n_histories++] = other;
    for (uint32_t i = 0; i < 6; i++)
        all.asked[n++] = (struct asked){other, 30 + i, 200 + i};
    all.asked[n++] = (struct asked){prompt, 0, 300};
    assert_int_equal(n, N_COMPANY);
    return all;
}

static void free_company(struct company *all)
{
    for (size_t i = 0; i < all->n_histories; i++)
        free(all->histories[i]);
}

static void check_shape(const struct shape *shape)
{
    struct stage s;
    begin(&s, shape, "order=shuffled");
    struct company all = make_company(&s, 70);
    check_step(&s, all.asked, N_COMPANY, 0);
    check_step(&s, all.asked, N_COMPANY, 1);
    free_company(&all);
    end(&s);
}

static void test_shapes(void **state)
{
    (void)state;
    static const struct shape shapes[] = {
        {2, 2, 64, true, {.window = 40}},
        {4, 2, 16, true, {.window = 33, .attention_softcap = 2, .attention_scale = 0.3f}},
        {3, 1, 96, true, {.window = 1}},
        {4, 1, 128, true, {.window = 32}},
        {5, 1, 8, true, {.window = 500}},
        {8, 1, 80, true, {.attention_softcap = 3}},
        {2, 1, 256, true, {.window = 64}},
        {16, 1, 24, true, {.window = 7}},
        {6, 3, 20, true, {.window = 40}},
        {2, 1, 264, true, {.window = 40}},
        {4, 2, 20, false, {.window = 40}},
        {12, 1, 6, false, {.window = 5, .attention_softcap = 2}},
        {2, 1, 128, false, {.window = 64}},
        {2, 1, 512, false, {.window = 33}},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        check_shape(&shapes[i]);
}

/* Each row alone, beside others, and with its history in other places: the same bits. */
static void check_bits(const struct shape *shape, const char *options)
{
    struct stage s;
    begin(&s, shape, options);
    struct company all = make_company(&s, 70);
    size_t stride = sc_gpu_stride(shape->n_heads * shape->head_dim);
    for (size_t layer = 0; layer < 2; layer++) {
        float *together = attend(&s, all.asked, N_COMPANY, layer);
        for (size_t r = 0; r < N_COMPANY; r++) {
            struct history *elsewhere = copy_of(&s, all.asked[r].history);
            struct asked moved = all.asked[r];
            moved.history = elsewhere;
            float *alone = attend(&s, &all.asked[r], 1, layer),
                  *apart = attend(&s, &moved, 1, layer);
            assert_memory_equal(alone, together + r * stride, stride * sizeof *alone);
            assert_memory_equal(apart, together + r * stride, stride * sizeof *apart);
            free(alone);
            free(apart);
            free(elsewhere);
        }
        free(together);
    }
    free_company(&all);
    end(&s);
}

static void test_company(void **state)
{
    (void)state;
    static const struct shape bf16 = {4, 2, 64, true, {.window = 40}};
    static const struct shape f32 = {6, 2, 20, false, {.window = 40, .attention_softcap = 2}};
    check_bits(&bf16, "order=ascending");
    check_bits(&f32, "order=shuffled");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_company),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
