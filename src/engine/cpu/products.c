/* See products.h. */
#include "engine/cpu/products.h"

/* Pieces of a stage per thread.  They shrink from the first to the last: large ones, since each
 * begins with weights that nobody has asked for long before, and small ones at the end, so that all
 * threads end together, also one that was held up meanwhile. */
enum { PIECES_PER_THREAD = 8 };
/* Work below this many multiplications is not worth waking other threads for. */
enum { SMALL_WORK = 65536 };

struct stage_work {
    struct sc_pool *pool;
    const struct sc_matmul *matmul;
    const struct sc_stage *stage, *next;
    const void *prepared;
    size_t n_rows, n_panels, n_pieces;
};

static size_t panels_of(const struct sc_matmul *matmul, const struct sc_packed *w)
{
    return (w->n_out + matmul->panel - 1) / matmul->panel;
}

static size_t panels_in(const struct sc_matmul *matmul, const struct sc_stage *stage)
{
    size_t n = 0;

    for (size_t i = 0; i < stage->n; i++)
        n += panels_of(matmul, stage->products[i].w);
    return n;
}

static size_t count_pieces(const struct sc_pool *pool, size_t n_rows, size_t n_in, size_t n_panels,
                           size_t panel)
{
    size_t most = PIECES_PER_THREAD * (size_t)sc_pool_n_threads(pool);

    if (sc_pool_n_threads(pool) == 1 || n_rows * n_in * n_panels * panel < SMALL_WORK)
        return 1;
    return n_panels < most ? n_panels : most;
}

/* The first panel of a piece.  What is left from piece i on is (1 - i / n)^2 of all panels, so
 * sizes fall in a line from 2 / n of all to next to nothing; the last may have none.  Where a piece
 * has one or two panels on average there is nothing to graduate. */
static size_t piece_begin(size_t n_panels, size_t n_pieces, size_t piece)
{
    size_t left = n_pieces - piece, square = n_pieces * n_pieces;

    if (n_panels < 2 * n_pieces)
        return n_panels * piece / n_pieces;
    return n_panels - (n_panels * left * left + square / 2) / square;
}

/* Where the weights of a stage's panel lie, counted through all its matrices; NULL beyond. */
static const void *panel_at(const struct sc_matmul *matmul, const struct sc_stage *stage, size_t at)
{
    for (size_t i = 0; i < stage->n; i++) {
        const struct sc_packed *w = stage->products[i].w;
        size_t n_panels = panels_of(matmul, w);

        if (at < n_panels)
            return (const char *)w->data + w->bytes / n_panels * at;
        at -= n_panels;
    }
    return NULL;
}

/* The weights that this worker will probably read after the piece that it is at: those of the piece
 * which nobody has begun, or else its first in the next stage. */
static const void *wanted_next(const struct stage_work *work, size_t worker)
{
    size_t piece = work->n_pieces > 1 ? sc_pool_next_task(work->pool) : 1;
    if (piece < work->n_pieces) {
        size_t panel = piece_begin(work->n_panels, work->n_pieces, piece);
        const void *left = panel_at(work->matmul, work->stage, panel);
        if (left != NULL)
            return left;
    }
    const struct sc_stage *next = work->next;
    if (next->n == 0)
        return NULL;
    size_t n_panels = panels_in(work->matmul, next);
    size_t n_pieces = count_pieces(work->pool, work->n_rows, next->products[0].w->n_in, n_panels,
                                   work->matmul->panel);
    return panel_at(work->matmul, next, piece_begin(n_panels, n_pieces, worker % n_pieces));
}

/* The last panel by a call of its own: only when it comes to it is anything known of the others'
 * progress, and so of what will come next. */
static void run_piece(void *context, size_t piece, size_t worker)
{
    const struct stage_work *work = context;
    const struct sc_matmul *matmul = work->matmul;
    size_t begin = piece_begin(work->n_panels, work->n_pieces, piece);
    size_t end = piece_begin(work->n_panels, work->n_pieces, piece + 1), first = 0;

    for (size_t i = 0; i < work->stage->n && first < end; i++) {
        const struct sc_product *p = &work->stage->products[i];
        size_t n_panels = panels_of(matmul, p->w), n_out = p->w->n_out;
        size_t from = begin > first ? begin - first : 0;
        size_t to = end - first < n_panels ? end - first : n_panels;
        bool last = first + to == end;

        if (from < to && last && from + 1 < to) {
            const void *after = panel_at(matmul, work->stage, first + to - 1);

            matmul->multiply(p->y, n_out, work->prepared, work->n_rows, p->w, from, to - 1, after);
            from = to - 1;
        }
        if (from < to)
            matmul->multiply(p->y, n_out, work->prepared, work->n_rows, p->w, from, to,
                             last ? wanted_next(work, worker)
                                  : panel_at(matmul, work->stage, first + to));
        first += n_panels;
    }
}

void sc_stage_run(struct sc_pool *pool, const struct sc_matmul *matmul,
                  const struct sc_stage *stage, const void *prepared, size_t n_rows,
                  const struct sc_stage *next)
{
    struct stage_work work = {.pool = pool,
                              .matmul = matmul,
                              .stage = stage,
                              .next = next,
                              .prepared = prepared,
                              .n_rows = n_rows,
                              .n_panels = panels_in(matmul, stage)};

    work.n_pieces =
        count_pieces(pool, n_rows, stage->products[0].w->n_in, work.n_panels, matmul->panel);
    sc_pool_run(pool, work.n_pieces, run_piece, &work);
}
