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
    const struct sc_multiplications *list, *next;
    size_t n_pieces;
};

static size_t panels_of(const struct sc_matmul *matmul, const struct sc_packed *w)
{
    return (w->n_out + matmul->panel - 1) / matmul->panel;
}

void sc_multiplications_add(struct sc_multiplications *list, const struct sc_matmul *matmul,
                            struct sc_multiplication product)
{
    size_t n_panels = panels_of(matmul, product.w);
    product.first_panel = list->n_panels;
    list->items[list->n++] = product;
    list->n_panels += n_panels;
    list->work += product.n_rows * product.w->n_in * n_panels * matmul->panel;
}

void sc_multiplications_add_stage(struct sc_multiplications *list, const struct sc_matmul *matmul,
                                  const struct sc_stage *stage, const void *prepared, size_t n_rows)
{
    for (size_t i = 0; i < stage->n; i++)
        sc_multiplications_add(list, matmul,
                               (struct sc_multiplication){.y = stage->products[i].y,
                                                          .w = stage->products[i].w,
                                                          .rows = prepared,
                                                          .n_rows = n_rows});
}

static size_t count_pieces(const struct sc_pool *pool, const struct sc_multiplications *list)
{
    size_t most = PIECES_PER_THREAD * (size_t)sc_pool_n_threads(pool);

    if (sc_pool_n_threads(pool) == 1 || list->work < SMALL_WORK)
        return 1;
    return list->n_panels < most ? list->n_panels : most;
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

/* Which product a panel belongs to, counted through all of them. */
static size_t product_at(const struct sc_multiplications *list, size_t panel)
{
    size_t low = 0, high = list->n;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (list->items[middle].first_panel <= panel)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Where the weights of a panel lie; NULL beyond. */
static const void *panel_at(const struct sc_matmul *matmul, const struct sc_multiplications *list,
                            size_t at)
{
    if (at >= list->n_panels)
        return NULL;
    const struct sc_multiplication *p = &list->items[product_at(list, at)];
    size_t panel_bytes = p->w->bytes / panels_of(matmul, p->w);
    return (const char *)p->w->data + panel_bytes * (at - p->first_panel);
}

/* The weights that this worker will probably read after the piece that it is at: those of the piece
 * which nobody has begun, or else its first in the next stage. */
static const void *wanted_next(const struct stage_work *work, size_t worker)
{
    size_t piece = work->n_pieces > 1 ? sc_pool_next_task(work->pool) : 1;
    if (piece < work->n_pieces) {
        size_t panel = piece_begin(work->list->n_panels, work->n_pieces, piece);
        const void *left = panel_at(work->matmul, work->list, panel);
        if (left != NULL)
            return left;
    }
    const struct sc_multiplications *next = work->next;
    if (next->n == 0)
        return NULL;
    size_t n_pieces = count_pieces(work->pool, next);
    return panel_at(work->matmul, next, piece_begin(next->n_panels, n_pieces, worker % n_pieces));
}

/* Panels [from, to) of a product, the last by a call of its own where it ends the piece: only when
 * it comes to it is anything known of the others' progress, and so of what will come next. */
static void multiply_last(const struct stage_work *work, const struct sc_multiplication *p,
                          size_t from, size_t to, size_t worker)
{
    const struct sc_matmul *matmul = work->matmul;
    if (from + 1 < to) {
        const void *after = panel_at(matmul, work->list, p->first_panel + to - 1);
        matmul->multiply(p->y, p->w->n_out, p->rows, p->n_rows, p->w, from, to - 1, after);
        from = to - 1;
    }
    matmul->multiply(p->y, p->w->n_out, p->rows, p->n_rows, p->w, from, to,
                     wanted_next(work, worker));
}

static void run_piece(void *context, size_t piece, size_t worker)
{
    const struct stage_work *work = context;
    const struct sc_multiplications *list = work->list;
    size_t begin = piece_begin(list->n_panels, work->n_pieces, piece);
    size_t end = piece_begin(list->n_panels, work->n_pieces, piece + 1);

    for (size_t i = product_at(list, begin); begin < end; i++) {
        const struct sc_multiplication *p = &list->items[i];
        size_t from = begin - p->first_panel, n_panels = panels_of(work->matmul, p->w);
        size_t to = end - p->first_panel < n_panels ? end - p->first_panel : n_panels;

        begin = p->first_panel + to;
        if (begin == end)
            multiply_last(work, p, from, to, worker);
        else
            work->matmul->multiply(p->y, p->w->n_out, p->rows, p->n_rows, p->w, from, to,
                                   p[1].w->data);
    }
}

void sc_multiplications_run(struct sc_pool *pool, const struct sc_matmul *matmul,
                            const struct sc_multiplications *list,
                            const struct sc_multiplications *next)
{
    struct stage_work work = {.pool = pool,
                              .matmul = matmul,
                              .list = list,
                              .next = next,
                              .n_pieces = count_pieces(pool, list)};

    sc_pool_run(pool, work.n_pieces, run_piece, &work);
}

void sc_stage_run(struct sc_pool *pool, const struct sc_matmul *matmul,
                  const struct sc_stage *stage, const void *prepared, size_t n_rows,
                  const struct sc_stage *next)
{
    struct sc_multiplication items[2][SC_STAGE_MATRICES];
    struct sc_multiplications list = {.items = items[0]}, after = {.items = items[1]};

    sc_multiplications_add_stage(&list, matmul, stage, prepared, n_rows);
    sc_multiplications_add_stage(&after, matmul, next, prepared, n_rows);
    sc_multiplications_run(pool, matmul, &list, &after);
}
