/* Answers of a prompt as a tree: each distinct beginning passes the network once, and every trace
 * is what it is alone, whatever is asked for when, cut, given up and begun again. */
#include <math.h>

#include "base/memory.h"
#include "base/random.h"
#include "engine/batch.h"
#include "inference_fixture.h"

enum { N_PROMPTS = 5, N_TRACES = 16, N = N_PROMPTS * N_TRACES, MOST_PROMPT = 70, MOST_NEW = 70 };
enum { BUDGET = 6, N_CLOSING = 3, CLOSE = 7 };

static const int32_t ends[] = {3, 20, 54, 71};
static const int32_t closing[N_CLOSING] = {90, CLOSE, 91};

struct trace {
    enum sc_finish finish;
    size_t n, n_forced;
    int32_t ids[MOST_NEW];
    struct sc_token_stats stats[MOST_NEW];
    int n_done;
};

/* How traces are asked for, and what becomes of them. */
struct manner {
    double temperature;
    size_t batch; /* traces of a prompt asked for at once; the rest when these have ended; 0: all */
    bool known;   /* how many may be asked for is said */
    bool cuts;    /* traces 1, 4, 7 ... at a length of their own */
    bool budget, penalty, backwards, fails;
    size_t max_new, n_ends;
};

struct work {
    struct manner manner;
    int32_t prompts[N_PROMPTS][MOST_PROMPT];
    size_t n_prompt[N_PROMPTS];
    size_t n_asked[N_PROMPTS], n_running[N_PROMPTS];
    struct trace traces[N];
    size_t n_seen[N]; /* tokens of each that keep saw last */
    size_t n_again;   /* traces that began anew */
    struct sc_step_report last;
    size_t memory_count;
};

static struct work *work_new(void)
{
    struct work *w = sc_alloc_zero(1, sizeof *w);
    struct sc_random random = {SC_STREAM_BENCHMARK, 11, 0, 0};
    const size_t lengths[N_PROMPTS] = {1, 33, 64, 70, 20};
    assert_non_null(w);
    for (size_t p = 0; p < N_PROMPTS; p++) {
        w->n_prompt[p] = lengths[p];
        for (size_t i = 0; i < lengths[p]; i++)
            w->prompts[p][i] = (int32_t)sc_random_below(&random, 131);
    }
    return w;
}

/* The next prompt that wants a trace: its batch is not all asked for, or has ended. */
static bool wants(const struct work *w, size_t p)
{
    size_t batch = w->manner.batch ? w->manner.batch : N_TRACES;
    if (w->n_asked[p] == N_TRACES)
        return false;
    return w->n_asked[p] % batch != 0 || w->n_running[p] == 0;
}

static int next(void *context, struct sc_trace_request *request)
{
    struct work *w = context;
    size_t p = 0, n_running = 0;
    if (w->memory_count == 0)
        w->memory_count = sc_memory_count();
    for (size_t i = 0; i < N_PROMPTS; i++)
        n_running += w->n_running[i];
    while (p < N_PROMPTS && !wants(w, p))
        p++;
    if (p == N_PROMPTS)
        return n_running > 0 ? 0 : -1;
    size_t t = w->n_asked[p]++;
    t = w->manner.backwards ? N_TRACES - 1 - t : t;
    w->n_running[p]++;
    *request =
        (struct sc_trace_request){.prompt_key = 100 + p,
                                  .prompt = w->prompts[p],
                                  .n_prompt = w->n_prompt[p],
                                  .instance_key = p,
                                  .trace_index = (uint32_t)t,
                                  .n_traces = w->manner.known ? N_TRACES : 0,
                                  .seed = 3,
                                  .sampling = {.temperature = w->manner.temperature,
                                               .top_p = 1,
                                               .repetition_penalty = w->manner.penalty ? 1.3 : 0},
                                  .max_new_tokens = w->manner.max_new,
                                  .end_ids = ends,
                                  .n_end_ids = w->manner.n_ends,
                                  .user = &w->traces[p * N_TRACES + t]};
    if (w->manner.budget)
        request->budget = (struct sc_reasoning_budget){BUDGET, CLOSE, closing, N_CLOSING};
    return 1;
}

static enum sc_status done(void *context, const struct sc_trace_result *result,
                           struct sc_error *error)
{
    struct work *w = context;
    struct trace *t = result->request->user;
    (void)error;
    w->n_running[(size_t)(t - w->traces) / N_TRACES]--;
    t->n_done++;
    t->finish = result->finish;
    t->n = result->n;
    t->n_forced = result->n_forced;
    assert_int_equal(t->finish == SC_FINISH_FAILED, w->manner.fails);
    if (w->manner.fails)
        return SC_OK;
    assert_in_range(t->n, 1, MOST_NEW);
    memcpy(t->ids, result->ids, t->n * sizeof *t->ids);
    memcpy(t->stats, result->stats, t->n * sizeof *t->stats);
    return SC_OK;
}

/* Sees every sampled token of a trace in order, from the first on where it began anew. */
static bool keep(void *context, const struct sc_trace_request *request,
                 const struct sc_token_stats *stats, size_t n)
{
    struct work *w = context;
    const struct trace *t = request->user;
    size_t *seen = &w->n_seen[t - w->traces];
    assert_true(isfinite(stats[n - 1].confidence));
    w->n_again += n == 1 && *seen > 0;
    assert_true(n == 1 || n == *seen + 1 || (w->manner.budget && n == *seen + 1 + N_CLOSING));
    *seen = n;
    return !w->manner.cuts || request->trace_index % 3 != 1 || n < 1 + request->trace_index;
}

static bool step(void *context, const struct sc_step_report *report)
{
    struct work *w = context;
    w->last = *report;
    assert_true(report->width <= report->parallel);
    assert_int_equal(sc_memory_count(), w->memory_count);
    return true;
}

struct room {
    size_t parallel;
    bool no_sharing;
    size_t n_pages, n_ahead; /* of the book of answers, 0: as planned */
};

static void run(struct work *w, const struct sc_engine *engine, const struct manner *manner,
                const struct room *room)
{
    const struct sc_batch_options options = {.parallel = room->parallel,
                                             .max_new_tokens = MOST_NEW,
                                             .max_prompt = MOST_PROMPT,
                                             .no_sharing = room->no_sharing};
    const struct sc_trace_source source = {
        .context = w, .next = next, .done = done, .keep = keep, .step = step};
    struct sc_batch_plan plan;
    struct sc_session *session;
    struct sc_error error = {0};
    assert_int_equal(sc_batch_plan(engine, &options, &plan, &error), SC_OK);
    assert_int_equal(sc_session_start(&session, engine, &plan, &options, &error), SC_OK);
    if (room->n_pages > 0)
        session->sizes.book.n_pages = room->n_pages;
    if (room->n_ahead > 0)
        session->sizes.book.n_ahead = room->n_ahead;
    struct sc_arena arena = {.base = session->memory};
    sc_batch_layout(&session->batch, &session->sizes, &arena);
    w->manner = *manner;
    memset(w->traces, 0, sizeof w->traces);
    memset(w->n_asked, 0, sizeof w->n_asked);
    memset(w->n_running, 0, sizeof w->n_running);
    memset(w->n_seen, 0, sizeof w->n_seen);
    w->n_again = w->memory_count = 0;
    if (sc_session_run(session, &source, &error) != SC_OK)
        fail_msg("%s", error.text);
    uint64_t n_sampled = 0;
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(w->traces[i].n_done, 1);
        n_sampled += w->traces[i].n - w->traces[i].n_forced;
    }
    assert_int_equal(w->last.n_generated, n_sampled);
    /* Nothing is held behind a run. */
    const struct sc_book *book = &session->batch.book;
    assert_int_equal(book->n_free_pages, book->sizes.n_pages);
    assert_int_equal(book->n_free_pieces, book->sizes.n_pages * SC_PAGE_PIECES);
    assert_int_equal(book->n_ahead + book->n_pending, 0);
    for (size_t i = 0; i < session->batch.cache.n_prompts; i++)
        assert_int_equal(session->batch.cache.prompts[i].n_refs, 0);
    sc_session_close(session);
}

/* Rows that the answers take at least: their distinct beginnings but for last tokens. */
static uint64_t n_beginnings(const struct work *w)
{
    uint64_t n = 0;
    for (size_t i = 0; i < N; i++)
        for (size_t length = 1; length < w->traces[i].n; length++) {
            bool seen = false;
            for (size_t j = i - i % N_TRACES; j < i && !seen; j++)
                seen = w->traces[j].n > length &&
                       memcmp(w->traces[j].ids, w->traces[i].ids, length * sizeof(int32_t)) == 0;
            n += !seen;
        }
    return n;
}

static const struct manner manners[] = {
    {.temperature = 1, .max_new = 12, .n_ends = 4, .known = true}, /* hardly anything alike */
    {.temperature = 0, .max_new = MOST_NEW, .known = true},        /* all alike */
    {.temperature = 0.3, .max_new = MOST_NEW, .n_ends = 4, .known = true},
    {.temperature = 0.3, .max_new = 40, .n_ends = 4, .known = true, .batch = 3},
    {.temperature = 0.3, .max_new = 40, .n_ends = 4, .batch = 1},
    {.temperature = 0.2, .max_new = 33, .known = true, .batch = 5, .cuts = true},
    {.temperature = 0.2, .max_new = 33, .known = true, .cuts = true, .penalty = true},
    {.temperature = 0.3, .max_new = 9, .n_ends = 4, .known = true, .batch = 2, .budget = true},
    {.temperature = 0.4, .max_new = 9, .known = true, .budget = true, .cuts = true},
    {.temperature = 0.3, .max_new = 40, .n_ends = 4, .known = true, .backwards = true},
};
enum { N_MANNERS = sizeof manners / sizeof *manners };

static void every_beginning_passes_the_network_once(void **state)
{
    struct fixture f = fixture_open("tied_bf16", -1, 2, NULL, 0, 20);
    struct work *alone = work_new(), *w = work_new();
    const struct room rooms[] = {
        {.parallel = 1}, {.parallel = 3}, {.parallel = 32}, {.parallel = 100}};
    size_t n_shared = 0;
    (void)state;
    for (size_t m = 0; m < N_MANNERS; m++) {
        run(alone, f.engine, &manners[m], &(struct room){.parallel = 4, .no_sharing = true});
        uint64_t n_rows = 0;
        for (size_t i = 0; i < N; i++)
            n_rows += alone->traces[i].n - 1;
        assert_int_equal(alone->last.n_rows, n_rows);
        for (size_t r = 0; r < sizeof rooms / sizeof *rooms; r++) {
            run(w, f.engine, &manners[m], &rooms[r]);
            assert_memory_equal(w->traces, alone->traces, sizeof w->traces);
            print_message("manner %zu parallel %zu: %llu of %llu rows, %llu distinct, %zu again\n",
                          m, rooms[r].parallel, (unsigned long long)w->last.n_rows,
                          (unsigned long long)n_rows, (unsigned long long)n_beginnings(w),
                          w->n_again);
            if (manners[m].known && !manners[m].backwards && rooms[r].parallel >= 32)
                assert_int_equal(w->last.n_rows, n_beginnings(w));
            assert_in_range(w->last.n_rows, n_beginnings(w), n_rows);
            n_shared += w->last.n_rows < n_rows;
        }
    }
    assert_true(n_shared > 2 * N_MANNERS);
    fixture_close(&f);
    sc_free(alone);
    sc_free(w);
}

/* Too little of everything: what is given up begins again and says the same. */
static void what_is_given_up_changes_no_bit(void **state)
{
    struct fixture f = fixture_open("tied_bf16", -1, 2, NULL, 0, 20);
    struct work *alone = work_new(), *w = work_new();
    const struct room rooms[] = {{1, false, 3, 4},  {1, false, 4, 200}, {3, false, 3, 1},
                                 {3, false, 5, 30}, {5, false, 9, 12},  {32, false, 3, 100},
                                 {32, false, 12, 7}};
    size_t n_again = 0;
    (void)state;
    for (size_t m = 0; m < N_MANNERS; m++) {
        run(alone, f.engine, &manners[m], &(struct room){.parallel = 4, .no_sharing = true});
        for (size_t r = 0; r < sizeof rooms / sizeof *rooms; r++) {
            run(w, f.engine, &manners[m], &rooms[r]);
            assert_memory_equal(w->traces, alone->traces, sizeof w->traces);
            n_again += w->n_again;
        }
    }
    print_message("%zu traces began again\n", n_again);
    assert_true(n_again > 100);
    fixture_close(&f);
    sc_free(alone);
    sc_free(w);
}

static void logits_that_are_no_numbers_fail_what_was_asked_for(void **state)
{
    struct fixture f = fixture_open("tied_bf16", SC_DTYPE_F32, 2, NULL, 0, 20);
    struct work *w = work_new();
    (void)state;
    fixture_cpu(&f)->norms[3] = INFINITY;
    for (size_t batch = 0; batch < 4; batch += 3) {
        const struct manner manner = {
            .temperature = 1, .max_new = 12, .known = true, .fails = true, .batch = batch};
        run(w, f.engine, &manner, &(struct room){.parallel = 3});
        for (size_t i = 0; i < N; i++)
            assert_int_equal(w->traces[i].n, 0);
        assert_int_equal(w->last.n_rows, 0);
    }
    fixture_close(&f);
    sc_free(w);
}

/* ---- the book alone -------------------------------------------------------------------------- */

enum { BOOK_PAGES = 24, BOOK_TRACES = 24, BOOK_LONGEST = 100 };

/* Groups of one trace each that grow, branch and go, with what each has said, and what stands in
 * the pages of a device that believes the book. */
struct grown {
    uint32_t group; /* SC_NONE: gone */
    size_t n;       /* tokens, the group's own one included */
    int32_t ids[BOOK_LONGEST];
};

struct garden {
    struct sc_book book;
    uint32_t tree;
    int32_t device[BOOK_PAGES][SC_PAGE_POSITIONS];
    struct grown grown[BOOK_TRACES];
};

static void check_grown(struct garden *garden, const struct grown *grown)
{
    struct sc_book *book = &garden->book;
    int32_t ids[BOOK_LONGEST];
    struct sc_token_stats stats[BOOK_LONGEST];
    struct sc_span spans[BOOK_PAGES * SC_PAGE_PIECES];
    size_t n = 0;
    assert_int_equal(sc_group_depth(book, grown->group) + 1, grown->n);
    sc_group_path(book, grown->group, ids, stats);
    assert_memory_equal(ids, grown->ids, (grown->n - 1) * sizeof *ids);
    assert_int_equal(book->groups[grown->group].token, grown->ids[grown->n - 1]);
    size_t n_spans = sc_group_spans(book, grown->group, spans);
    for (size_t i = 0; i < n_spans; i++)
        for (size_t at = spans[i].begin; at < spans[i].begin + spans[i].n; at++, n++) {
            assert_int_equal(garden->device[spans[i].page][at], grown->ids[n]);
            assert_true((float)grown->ids[n] == stats[n].logprob);
        }
    assert_int_equal(n + 1, grown->n);
}

/* A group gets its next token, as a strand does. */
static bool grow(struct garden *garden, struct grown *grown, int32_t token)
{
    struct sc_group *g = &garden->book.groups[grown->group];
    if (!sc_group_feed(&garden->book, grown->group))
        return false;
    const struct sc_span at = sc_group_position(&garden->book, grown->group);
    assert_int_equal(at.n, 1);
    garden->device[at.page][at.begin] = g->token;
    g->token = grown->ids[grown->n++] = token;
    g->stats.logprob = (float)token;
    return true;
}

/* A group beside another, which says something else from its last token on. */
static void branch(struct garden *garden, const struct grown *from, struct grown *to, int32_t token)
{
    const struct sc_group *g = &garden->book.groups[from->group];
    *to = *from;
    to->group = sc_group_open(&garden->book, garden->tree, g->piece, g->piece_n);
    to->ids[to->n - 1] = garden->book.groups[to->group].token = token;
    garden->book.groups[to->group].stats.logprob = (float)token;
    sc_member_add(&garden->book, to->group, (uint32_t)(to - garden->grown));
}

static void the_book_knows_every_path(void **state)
{
    const struct sc_book_sizes sizes = {
        .n_trees = 1, .n_seats = 1, .n_ahead = BOOK_TRACES, .n_pages = BOOK_PAGES};
    struct garden *garden = sc_alloc_zero(1, sizeof *garden);
    struct sc_random random = {SC_STREAM_BENCHMARK, 5, 0, 0};
    struct sc_arena arena = {0};
    size_t n_full = 0, n_branches = 0, n_deep = 0;
    (void)state;
    sc_book_layout(&garden->book, &sizes, &arena);
    arena = (struct sc_arena){.base = sc_alloc_aligned(arena.used)};
    void *memory = arena.base;
    sc_book_layout(&garden->book, &sizes, &arena);
    garden->tree = sc_tree_open(&garden->book, &(struct sc_tree_key){.seed = 1}, false);
    assert_int_equal(sc_tree_open(&garden->book, &(struct sc_tree_key){.seed = 2}, false), SC_NONE);
    for (size_t i = 0; i < BOOK_TRACES; i++)
        garden->grown[i].group = SC_NONE;
    for (int32_t round = 0; round < 20000; round++) {
        struct grown *grown = &garden->grown[sc_random_below(&random, BOOK_TRACES)];
        struct grown *other = &garden->grown[sc_random_below(&random, BOOK_TRACES)];
        size_t what = sc_random_below(&random, 200);
        if (grown->group == SC_NONE && other->group == SC_NONE) { /* a beginning */
            *grown = (struct grown){.group = sc_group_open(&garden->book, garden->tree, SC_NONE, 0),
                                    .n = 1};
            grown->ids[0] = garden->book.groups[grown->group].token = round;
            garden->book.groups[grown->group].stats.logprob = (float)round;
            sc_member_add(&garden->book, grown->group, 0);
        } else if (grown->group == SC_NONE) {
            branch(garden, other, grown, round);
            n_branches++;
        } else if (what == 0 || grown->n == BOOK_LONGEST) {
            n_deep += grown->n == BOOK_LONGEST;
            sc_group_close(&garden->book, grown->group);
            grown->group = SC_NONE;
        } else {
            for (size_t i = 0; i < what % 7 && grown->n < BOOK_LONGEST; i++)
                if (!grow(garden, grown, round)) {
                    n_full++;
                    assert_int_equal(garden->book.n_free_pieces, 0);
                    sc_group_close(&garden->book, grown->group);
                    grown->group = SC_NONE;
                    break;
                }
        }
        for (size_t i = 0; i < BOOK_TRACES; i++)
            if (garden->grown[i].group != SC_NONE)
                check_grown(garden, &garden->grown[i]);
    }
    print_message("%zu branches, %zu to their full length, %zu times no page\n", n_branches, n_deep,
                  n_full);
    assert_true(n_branches > 100 && n_deep > 10 && n_full > 10);
    sc_tree_leave(&garden->book, garden->tree);
    assert_int_equal(sc_tree_idlest(&garden->book), garden->tree);
    sc_tree_close(&garden->book, garden->tree);
    assert_int_equal(garden->book.n_free_pages, BOOK_PAGES);
    assert_int_equal(garden->book.n_ahead, 0);
    sc_free(memory);
    sc_free(garden);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_book_knows_every_path),
        cmocka_unit_test(every_beginning_passes_the_network_once),
        cmocka_unit_test(what_is_given_up_changes_no_bit),
        cmocka_unit_test(logits_that_are_no_numbers_fail_what_was_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
