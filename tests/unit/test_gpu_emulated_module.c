/* The emulated GPU as a module: what a caller may not rely on does not hold, what a card would
 * refuse is refused, and what the environment says of it. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/gpu/emulated/watched.h"
#include "gpu_fixture.h"

enum { ROWS = 4, HIDDEN = 64 };

#ifdef SC_WATCHED /* there addresses of the program are not looked for */
enum { N_FOREIGN = 0 };
#else
enum { N_FOREIGN = 3 };
#endif

static char why[SC_GPU_WHY]; /* of the last call */

/* x = embedding rows by tokens, on the card. */
struct embedded {
    struct sc_gpu_embed a;
    void *tokens_there;
    int32_t *tokens; /* of the host */
    float *x;        /* of the host */
};

static struct embedded embed_begin(struct gpu_fixture *f)
{
    static float embedding[8 * HIDDEN];
    const uint32_t n_rows = ROWS;
    struct embedded e = {.tokens = calloc(ROWS, sizeof *e.tokens),
                         .x = calloc(ROWS * HIDDEN, sizeof *e.x)};
    for (size_t i = 0; i < 8 * HIDDEN; i++)
        embedding[i] = (float)i;
    e.a =
        (struct sc_gpu_embed){.x = gpu_room(f, ROWS * HIDDEN * sizeof(float)),
                              .embedding = {gpu_put(f, embedding, sizeof embedding), HIDDEN, false},
                              .n_rows = gpu_put(f, &n_rows, sizeof n_rows),
                              .x_stride = HIDDEN,
                              .hidden = HIDDEN,
                              .scale = 1};
    e.a.tokens = e.tokens_there = gpu_room(f, ROWS * sizeof(int32_t));
    return e;
}

static void embed_end(struct embedded *e)
{
    free(e->tokens);
    free(e->x);
}

static struct sc_gpu_launch embed_launch(const struct embedded *e)
{
    return (struct sc_gpu_launch){SC_GPU_embed, {ROWS, 1, 1}, 32, 0, &e->a, sizeof e->a};
}

static void ok(enum sc_status status)
{
    if (status != SC_OK)
        fail_msg("%s", why);
}

static void put_all(struct gpu_fixture *f, struct embedded *e)
{
    const struct sc_gpu_module *m = f->module;
    const struct sc_gpu_launch launch = embed_launch(e);
    ok(m->upload(f->queue, e->tokens_there, e->tokens, ROWS * sizeof *e->tokens, why));
    ok(m->launch(f->queue, &launch, why));
    ok(m->download(f->queue, e->x, e->a.x, ROWS * HIDDEN * sizeof *e->x, why));
}

static void expect_tokens(const struct embedded *e, int32_t first)
{
    for (size_t i = 0; i < (size_t)ROWS * HIDDEN; i++)
        assert_true(e->x[i] ==
                    (float)((first + (int32_t)(i / HIDDEN)) * HIDDEN + (int32_t)(i % HIDDEN)));
}

static void set_tokens(struct embedded *e, int32_t first)
{
    for (int32_t i = 0; i < ROWS; i++)
        e->tokens[i] = first + i;
}

/* ---- time ------------------------------------------------------------------------------------ */

static void test_work_is_late_or_early(void **state)
{
    (void)state;
    for (int early = 0; early < 2; early++) {
        struct gpu_fixture f = gpu_begin(early == 1 ? "work=early" : "work=late");
        struct embedded e = embed_begin(&f);
        set_tokens(&e, 1);
        e.x[0] = 7;
        put_all(&f, &e);
        assert_true(early == 1 ? e.x[0] == HIDDEN : e.x[0] != e.x[0]);
        set_tokens(&e, 3); /* while the card may still read it */
        ok(f.module->wait(f.queue, why));
        expect_tokens(&e, early == 1 ? 1 : 3);
        embed_end(&e);
        gpu_end(&f);
    }
}

static void test_recordings(void **state)
{
    (void)state;
    struct gpu_fixture f = gpu_begin(NULL);
    struct embedded e = embed_begin(&f);
    void *recording = NULL;
    e.x[0] = 7;
    ok(f.module->record(f.queue, why));
    put_all(&f, &e);
    ok(f.module->record_end(f.queue, &recording, why));
    ok(f.module->wait(f.queue, why));
    assert_true(e.x[0] == 7); /* it was kept, not done */
    e.a.scale = 100;          /* it was put in with other arguments */
    for (int32_t first = 0; first < 4; first++) {
        set_tokens(&e, first);
        ok(f.module->mark(f.queue, 0, why));
        ok(f.module->replay(f.queue, recording, why));
        ok(f.module->mark(f.queue, 1, why));
        ok(f.module->wait(f.queue, why));
        expect_tokens(&e, first);
        assert_true(f.module->seconds(f.queue, 0, 1) > 0);
    }
    f.module->forget(f.queue, recording);
    f.module->forget(f.queue, NULL);
    /* A queue that is closed while it records, with work that was never waited for. */
    ok(f.module->record(f.queue, why));
    put_all(&f, &e);
    embed_end(&e);
    gpu_end(&f);
}

/* ---- what a card would refuse ---------------------------------------------------------------- */

static void test_launches_that_are_refused(void **state)
{
    (void)state;
    struct gpu_fixture f = gpu_begin("shared=50000");
    struct embedded e = embed_begin(&f);
    for (int what = 0; what < 9; what++) {
        struct sc_gpu_launch l = embed_launch(&e);
        uint32_t *const fields[] = {&l.threads,   &l.threads,   &l.threads,
                                    &l.blocks[0], &l.blocks[1], &l.blocks[2],
                                    &l.blocks[1], &l.blocks[2], &l.shared_bytes};
        static const uint32_t values[] = {0, 33, 1056, 0, 0, 0, 65536, 65536, 50001};
        *fields[what] = values[what];
        assert_int_equal(f.module->launch(f.queue, &l, why), SC_ERR_INTERNAL);
        assert_non_null(strstr(why, "a launch of"));
    }
    set_tokens(&e, 2);
    put_all(&f, &e); /* the queue is as it was */
    ok(f.module->wait(f.queue, why));
    expect_tokens(&e, 2);
    /* Addresses of the program: of the heap, of a stack, of what is constant. */
    static const int32_t constant[ROWS] = {0};
    const int32_t on_stack[ROWS] = {0};
    const int32_t *const foreign[] = {e.tokens, on_stack, constant};
    for (size_t i = 0; i < N_FOREIGN; i++) {
        struct embedded other = e;
        /* What could as well be a number and what stood behind it is not seen. */
        other.a.tokens = foreign[i] + ((uintptr_t)foreign[i] % 256 == 0);
        if ((uint32_t)(uintptr_t)foreign[i] < 1u << 24)
            continue;
        struct sc_gpu_launch l = embed_launch(&other);
        assert_int_equal(f.module->launch(f.queue, &l, why), SC_ERR_INTERNAL);
        assert_non_null(strstr(why, "an address of the program"));
    }
    /* Memory of the host that the card may read. */
    void *host = NULL;
    ok(f.module->take_host(f.gpu, ROWS * sizeof(int32_t), &host, why));
    memcpy(host, e.tokens, ROWS * sizeof(int32_t));
    struct embedded other = e;
    other.a.tokens = host;
    struct sc_gpu_launch l = embed_launch(&other);
    ok(f.module->launch(f.queue, &l, why));
    ok(f.module->wait(f.queue, why));
    f.module->release_host(f.gpu, host);
    embed_end(&e);
    gpu_end(&f);
}

static void test_copies_that_are_refused(void **state)
{
    (void)state;
    char host[100] = "", other[100];
    for (int what = 0; what < 7; what++) {
        struct gpu_fixture f = gpu_begin(NULL);
        const struct sc_gpu_module *m = f.module;
        char *card = gpu_room(&f, 100);
        assert_int_equal(what == 0   ? m->upload(f.queue, host, other, 100, why)
                         : what == 1 ? m->upload(f.queue, card, card, 100, why)
                         : what == 2 ? m->upload(f.queue, card + 1, host, 100, why)
                         : what == 3 ? m->download(f.queue, host, other, 100, why)
                         : what == 4 ? m->download(f.queue, host, card, 101, why)
                         : what == 5 ? m->copy(f.queue, card, host, 100, why)
                                     : m->store(f.gpu, card, host, 101, why),
                         SC_ERR_INTERNAL);
        if (what < 6)
            assert_int_equal(m->wait(f.queue, why), SC_ERR_INTERNAL);
        gpu_end(&f);
    }
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void test_memory(void **state)
{
    (void)state;
    struct gpu_fixture f = gpu_begin("bytes=1000");
    void *first = NULL, *second = NULL, *host = NULL;
    struct sc_gpu_card card;
    ok(f.module->take(f.gpu, 900, &first, why));
    assert_int_equal((uintptr_t)first % SC_GPU_ALIGNMENT, 0);
    ok(f.module->describe(0, &card, why));
    assert_int_equal(card.bytes, 1000);
    assert_int_equal(card.free_bytes, 100);
    assert_int_equal(f.module->take(f.gpu, 101, &second, why), SC_ERR_NOMEM);
    assert_null(second);
    assert_non_null(strstr(why, "the card has not so much left"));
    ok(f.module->take(f.gpu, 100, &second, why));
    f.module->release(f.gpu, first);
    assert_int_equal(f.module->take(f.gpu, SIZE_MAX, &first, why), SC_ERR_NOMEM);
    ok(f.module->take(f.gpu, 900, &first, why));
    float numbers[225];
    gpu_get(&f, numbers, first, sizeof numbers);
    for (size_t i = 0; i < 225; i++)
        assert_true(numbers[i] != numbers[i]);        /* nobody wrote there */
    ok(f.module->take_host(f.gpu, 2000, &host, why)); /* which is not the card's */
    f.module->release_host(f.gpu, host);
    f.module->release_host(f.gpu, NULL);
    f.module->release(f.gpu, first);
    f.module->release(f.gpu, second);
    f.module->release(f.gpu, NULL);
    gpu_end(&f);
}

enum { READS_THE_CARD, WRITES_BEHIND, KEEPS_MEMORY, FINE };

static void misbehave(int what)
{
    struct gpu_fixture f = gpu_begin(NULL);
    volatile char *card = gpu_room(&f, 1000);
    (void)!freopen("/dev/null", "w", stderr);
    if (what == READS_THE_CARD)
        (void)card[0];
    if (what == WRITES_BEHIND) {
        struct embedded e = embed_begin(&f);
        e.a.hidden += 1; /* of the last row it is behind x */
        struct sc_gpu_launch l = embed_launch(&e);
        put_all(&f, &e);
        gpu_run(&f, &l);
    }
    if (what == KEEPS_MEMORY) {
        void *kept = NULL;
        ok(f.module->take(f.gpu, 10, &kept, why));
    }
    gpu_end(&f);
}

static void test_what_ends_a_program(void **state)
{
    (void)state;
    for (int what = READS_THE_CARD; what <= FINE; what++) {
        int status = 0;
        pid_t child = fork();
        if (child == 0) {
            signal(SIGSEGV, SIG_DFL); /* which the tests' frame would catch */
            signal(SIGABRT, SIG_DFL);
            misbehave(what);
            _exit(0);
        }
        assert_true(child > 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true((WIFEXITED(status) && WEXITSTATUS(status) == 0) == (what == FINE));
    }
}

/* ---- what the environment says --------------------------------------------------------------- */

static void test_words(void **state)
{
    (void)state;
    struct sc_emulated_options o;
    setenv("SAFECONF_EMULATED_GPU",
           "cards=3,bytes=12345,shared=777,processors=132,order=descending,work=early,fail=9,"
           "ways=other",
           1);
    assert_true(sc_emulated_options(&o, why));
    assert_int_equal(o.n_cards, 3);
    assert_int_equal(o.bytes, 12345);
    assert_int_equal(o.shared_bytes, 777);
    assert_int_equal(o.n_processors, 132);
    assert_int_equal(o.order, SC_FIBERS_DESCENDING);
    assert_true(o.is_early);
    assert_int_equal(o.fail_at, 9);
    assert_int_equal(o.ways, SC_WAYS_OTHER);
    setenv("SAFECONF_EMULATED_GPU", "", 1);
    assert_true(sc_emulated_options(&o, why));
    assert_int_equal(o.n_cards, 1);
    assert_int_equal(o.order, SC_FIBERS_ASCENDING);
    assert_false(o.is_early);
    static const char *const wrong[] = {"cards",      "cards=",       "cards=x",  "cards=65",
                                        "order=none", "ways=all",     "work=now", "processors=0",
                                        "bytes=1k",   "cards=1,what", "shared=a"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        int n;
        setenv("SAFECONF_EMULATED_GPU", wrong[i], 1);
        assert_int_equal(sc_gpu_module()->count(&n, why), SC_ERR_UNSUPPORTED);
        assert_non_null(strstr(why, "not understood"));
    }
}

static void test_cards(void **state)
{
    (void)state;
    const struct sc_gpu_module *m = sc_gpu_module();
    struct sc_gpu_card card;
    int n;
    void *gpu;
    setenv("SAFECONF_EMULATED_GPU", "cards=2,bytes=500,shared=9000,processors=7,ways=none", 1);
    ok(m->count(&n, why));
    assert_int_equal(n, 2);
    ok(m->describe(1, &card, why));
    assert_int_equal(card.shared_bytes, 9000);
    assert_int_equal(card.n_processors, 7);
    assert_string_equal(card.library, "");
    assert_int_equal(m->describe(2, &card, why), SC_ERR_UNSUPPORTED);
    assert_int_equal(m->open(&gpu, 2, why), SC_ERR_UNSUPPORTED);
    assert_int_equal(m->open(&gpu, -1, why), SC_ERR_UNSUPPORTED);
    setenv("SAFECONF_EMULATED_GPU", "cards=0", 1);
    ok(m->count(&n, why));
    assert_int_equal(n, 0);
}

/* All that can fail, in order, from opening to the end of a step; false when one failed. */
static bool way_through(const struct sc_gpu_module *m)
{
    static float embedding[8 * HIDDEN];
    void *gpu = NULL, *queue = NULL, *card = NULL, *host = NULL, *recording = NULL, *ways[1];
    const struct sc_gpu_product_shape shape = {4, 4, 4, 4, 4, false};
    size_t n_ways = 0;
    int n;
    bool fine = m->count(&n, why) == SC_OK && m->open(&gpu, 0, why) == SC_OK &&
                m->take(gpu, sizeof embedding, &card, why) == SC_OK &&
                m->take_host(gpu, 100, &host, why) == SC_OK &&
                m->store(gpu, card, embedding, sizeof embedding, why) == SC_OK &&
                m->find_ways(gpu, &shape, 1, ways, 1, &n_ways, why) == SC_OK &&
                m->queue_open(gpu, &queue, why) == SC_OK;
    const struct sc_gpu_operands operands = {card, card, card};
    struct sc_gpu_embed a = {.x = card, .n_rows = card};
    const struct sc_gpu_launch l = {SC_GPU_embed, {1, 1, 1}, 32, 0, &a, sizeof a};
    fine = fine && m->record(queue, why) == SC_OK;
    const bool is_recording = fine;
    fine = fine && m->upload(queue, card, embedding, 16, why) == SC_OK &&
           m->launch(queue, &l, why) == SC_OK;
    if (is_recording) /* whatever happened between */
        fine &= m->record_end(queue, &recording, why) == SC_OK;
    fine = fine && m->mark(queue, 0, why) == SC_OK && m->replay(queue, recording, why) == SC_OK &&
           m->copy(queue, card, card, 16, why) == SC_OK &&
           m->multiply(queue, ways[0], &operands, why) == SC_OK &&
           m->download(queue, host, card, 16, why) == SC_OK && m->wait(queue, why) == SC_OK;
    m->forget(queue, recording);
    if (n_ways > 0)
        m->forget_way(gpu, ways[0]);
    m->queue_close(queue);
    m->release_host(gpu, host);
    m->release(gpu, card);
    m->close(gpu);
    return fine;
}

static void test_every_call_that_can_fail(void **state)
{
    (void)state;
    unsigned n_failed = 0;
    for (unsigned i = 1; n_failed == i - 1; i++) {
        char said[32];
        snprintf(said, sizeof said, "fail=%u", i);
        setenv("SAFECONF_EMULATED_GPU", said, 1);
        why[0] = '\0';
        if (!way_through(sc_gpu_module())) {
            n_failed++;
            assert_true(why[0] != '\0');
        }
    }
    assert_int_equal(n_failed, 17);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_work_is_late_or_early),
        cmocka_unit_test(test_recordings),
        cmocka_unit_test(test_launches_that_are_refused),
        cmocka_unit_test(test_copies_that_are_refused),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_what_ends_a_program),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_cards),
        cmocka_unit_test(test_every_call_that_can_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
