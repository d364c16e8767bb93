/*
 * Attention: a warp takes up to eight queries of one kv head through tiles of 32 positions.
 *
 * What a query gets of a tile follows from the query and the tile alone: its largest score m, the
 * sum l of weights exp(score - m) and their sum o over values.  Tiles are merged in ascending order
 * (gpu_merge), by the warp that computed them or by attend_merge from what warps kept: the same
 * operations, so the same bits, however the tiles were given out.  A tile whose positions lie in
 * the same places for several rows of the task is read once for them, and each row's tile is read
 * alone otherwise; rows that a tile is not for keep what they have untouched.  So one row's keys
 * that are no numbers spoil no other sequence; of one sequence they spoil the rows of the tile.
 *
 * bf16 goes to the tensor cores.  Queries and weights are f32: each is split into two bf16 numbers
 * whose sum has 16 bits of it, and since A of a product has 16 rows and there are 8 queries, the
 * upper rows are the first part and the lower ones the rest; both sums come out in the same lane.
 * Memory is read 16 bytes a lane, straight into the registers of a product: its k-th column may be
 * any number of the head and its n-th any output, as long as both factors agree.  With g = lane / 4
 * and t = lane % 4:
 *   keys: of position 8n + g, numbers 32b + 8t .. + 7 are columns (2t, 2t+1, 2t+8, 2t+9) of two
 *     products; a warp reads 64 bytes of each of 8 positions at once
 *   values: of positions 8n + 2t and 8n + 2t + 1, numbers 64c + 8g .. + 7 are column g of 8
 * products; 128 bytes of each of 4 positions at once scores of a lane: query g, positions 8n + 2t,
 * + 1; sums: numbers 64c + 16t .. + 15 Neighbouring warps of a block have neighbouring tasks of the
 * same kv head: what their rows share comes from memory once and from the multiprocessor's own
 * cache after.
 */
#ifndef SC_ENGINE_GPU_KERNELS_ATTENTION_H
#define SC_ENGINE_GPU_KERNELS_ATTENTION_H

#include "engine/gpu/kernels/attention_arguments.h"
#include "engine/gpu/kernels/threads.h"

#define GPU_MINUS_INFINITY gpu_float_of(0xff800000u)

GPU_KERNEL(places, struct sc_gpu_places, 256)
{
    const uint32_t at = gpu_block_x() * (gpu_threads() / GPU_WARP) + gpu_warp();
    if (at >= a.n_spans)
        return;
    const struct sc_gpu_attention_span span = a.spans[at];
    for (uint32_t i = gpu_lane(); i < span.n; i += GPU_WARP)
        a.places[(size_t)span.history * a.stride + span.before + i] = span.place + i;
}

/* ---- tiles of a task ------------------------------------------------------------------------- */

/* What lane i knows of row i of its task: the positions [from, end) that it sees. */
struct gpu_seen {
    uint32_t history, alike, from, end;
};

GPU_DEVICE uint32_t gpu_seen_from(uint32_t end, uint32_t window)
{
    return window > 0 && end > window ? end - window : 0;
}

GPU_DEVICE struct gpu_seen gpu_see(const struct sc_gpu_attend *a,
                                   const struct sc_gpu_attention_task *task)
{
    struct gpu_seen seen = {0, 0, 0xffffffffu, 0};
    if (gpu_lane() < task->n_rows) {
        const struct sc_gpu_attention_row row = a->rows[task->row + gpu_lane()];
        seen.history = row.history;
        seen.alike = row.alike;
        seen.from = gpu_seen_from(row.end, a->window);
        seen.end = row.end;
    }
    return seen;
}

/* The first tile of the task that any of its rows sees. */
GPU_DEVICE uint32_t gpu_first_tile(const struct gpu_seen *seen,
                                   const struct sc_gpu_attention_task *task)
{
    uint32_t from = seen->from;
    for (unsigned d = GPU_WARP / 2; d > 0; d /= 2) {
        const uint32_t other = gpu_swap_u(from, d);
        from = other < from ? other : from;
    }
    return from / SC_GPU_TILE > task->tile ? from / SC_GPU_TILE : task->tile;
}

/* Rows [begin, end) of the task, for which a tile lies in the same places; those of its positions
 * [first, last) that any of them sees are read. */
struct gpu_run {
    uint32_t begin, end, first, last;
    uint32_t place; /* of position `lane` of the tile */
};

/* The last row's history is that of all, and as long as any. */
GPU_DEVICE struct gpu_run gpu_run_of(const struct sc_gpu_attend *a, const struct gpu_seen *seen,
                                     uint32_t n_rows, uint32_t begin, uint32_t tile)
{
    const uint32_t at = tile * SC_GPU_TILE, next = at + SC_GPU_TILE;
    uint32_t from = next, end = at, i = begin;
    do {
        const uint32_t f = gpu_from_u(seen->from, i), e = gpu_from_u(seen->end, i);
        from = f < from ? f : from;
        end = e > end ? e : end;
        i++;
    } while (i < n_rows && gpu_from_u(seen->alike, i) >= next);
    const uint32_t history = gpu_from_u(seen->history, i - 1);
    struct gpu_run run = {begin, i, from > at ? from - at : 0, (end < next ? end : next) - at, 0};
    if (gpu_lane() >= run.first && gpu_lane() < run.last)
        run.place = a->places[(size_t)history * a->places_stride + at + gpu_lane()];
    return run;
}

GPU_DEVICE const unsigned char *gpu_kv_at(const struct sc_gpu_attend *a, const unsigned char *base,
                                          uint32_t place)
{
    const uint32_t head = gpu_block_y() / a->n_parts;
    return base + (size_t)(place / SC_GPU_TILE) * a->page_bytes + (size_t)head * a->head_bytes +
           (size_t)(place % SC_GPU_TILE) * a->row_bytes;
}

/* Query i of a task: its row in it, its head among all, and what it sees; end 0: there is none. */
struct gpu_query {
    uint32_t row, head, from, end;
};

GPU_DEVICE struct gpu_query gpu_query_of(const struct sc_gpu_attend *a, const struct gpu_seen *seen,
                                         uint32_t i)
{
    const uint32_t most = SC_GPU_TASK_QUERIES, kv = gpu_block_y() / a->n_parts;
    const uint32_t heads = a->heads_per_kv < most ? a->heads_per_kv : most;
    const uint32_t head = gpu_block_y() % a->n_parts * most + i % heads;
    struct gpu_query q = {i / heads, kv * a->heads_per_kv + head, 0, 0};
    q.from = gpu_from_u(seen->from, q.row);
    q.end = gpu_from_u(seen->end, q.row);
    if (head >= a->heads_per_kv)
        q.end = 0;
    if (q.end == 0)
        q.from = q.row = q.head = 0;
    return q;
}

GPU_DEVICE bool gpu_sees_tile(const struct gpu_query *q, uint32_t tile)
{
    return q->end > tile * SC_GPU_TILE && q->from < (tile + 1) * SC_GPU_TILE;
}

/* Whether the query is one of the run's and sees anything of the tile. */
GPU_DEVICE bool gpu_reads(const struct gpu_query *q, const struct gpu_run *run, uint32_t tile)
{
    return q->row >= run->begin && q->row < run->end && gpu_sees_tile(q, tile);
}

/* Whether the query of a task has anything to be written at its end: a part that a query does not
 * see has no slot. */
GPU_DEVICE bool gpu_ends(const struct sc_gpu_attend *a, const struct gpu_query *q,
                         const struct sc_gpu_attention_task *task)
{
    return a->is_spread ? gpu_sees_tile(q, task->tile) : q->end > 0;
}

GPU_DEVICE bool gpu_sees(const struct gpu_query *q, uint32_t position)
{
    return position >= q->from && position < q->end;
}

GPU_DEVICE float gpu_score(const struct sc_gpu_attend *a, float product)
{
    const float x = product * a->scale;
    return a->softcap != 0 ? a->softcap * gpu_tanh(x / a->softcap) : x;
}

/* ---- merging --------------------------------------------------------------------------------- */

/* Largest score and sum of weights; nothing yet: -infinity and 0. */
struct gpu_mark {
    float m, l;
};
/* What sums before and sums of the tile are multiplied with. */
struct gpu_shares {
    float before, tile;
};

GPU_DEVICE struct gpu_shares gpu_merge(struct gpu_mark *mark, struct gpu_mark tile)
{
    const float m = gpu_max(mark->m, tile.m);
    const struct gpu_shares s = {gpu_exp(mark->m - m), gpu_exp(tile.m - m)};
    mark->l = gpu_fma(tile.l, s.tile, mark->l * s.before);
    mark->m = m;
    return s;
}

GPU_DEVICE float gpu_merged(float before, float tile, struct gpu_shares s)
{
    return gpu_fma(tile, s.tile, before * s.before);
}

/* Numbers [from, stride) of rows, by a warp. */
GPU_DEVICE void gpu_put_zeros(const struct sc_gpu_numbers *out, uint32_t row, uint32_t n_rows,
                              uint32_t from)
{
    for (uint32_t r = row; r < row + n_rows; r++)
        for (uint32_t i = from + gpu_lane(); i < out->stride; i += GPU_WARP)
            if (out->bf16)
                ((uint16_t *)out->data)[(size_t)r * out->stride + i] = 0;
            else
                ((float *)out->data)[(size_t)r * out->stride + i] = 0;
}

GPU_DEVICE void gpu_put(const struct sc_gpu_numbers *out, size_t at, float x)
{
    if (out->bf16)
        ((uint16_t *)out->data)[at] = gpu_bf16_from_f32(x);
    else
        ((float *)out->data)[at] = x;
}

#define GPU_MERGE_WARPS 4

GPU_KERNEL(attend_merge, struct sc_gpu_attend_merge, GPU_MERGE_WARPS *GPU_WARP)
{
    const uint32_t at = gpu_block_x() * (gpu_threads() / GPU_WARP) + gpu_warp();
    const uint32_t r = at / a.n_heads, head = at % a.n_heads;
    if (r >= a.n_rows)
        return;
    const struct sc_gpu_attention_row row = a.rows[r];
    if (row.end == 0)
        return;
    const uint32_t first = gpu_seen_from(row.end, a.window) / SC_GPU_TILE;
    const uint32_t n_tiles = (row.end + SC_GPU_TILE - 1) / SC_GPU_TILE;
    for (uint32_t d = 0; d < a.head_dim; d += 4 * GPU_WARP) {
        struct gpu_mark mark = {GPU_MINUS_INFINITY, 0};
        float o[4] = {0, 0, 0, 0};
        for (uint32_t tile = first; tile < n_tiles; tile++) {
            const size_t part = (size_t)(row.slot + tile) * a.n_heads + head;
            const struct gpu_mark of_tile = {a.marks[2 * part], a.marks[2 * part + 1]};
            const float *sums = a.parts + part * a.head_dim;
            const struct gpu_shares s = gpu_merge(&mark, of_tile);
            GPU_UNROLL
            for (uint32_t i = 0; i < 4; i++) {
                const uint32_t j = d + i * GPU_WARP + gpu_lane();
                o[i] = gpu_merged(o[i], j < a.head_dim ? sums[j] : 0, s);
            }
        }
        GPU_UNROLL
        for (uint32_t i = 0; i < 4; i++) {
            const uint32_t j = d + i * GPU_WARP + gpu_lane();
            if (j < a.head_dim)
                gpu_put(&a.out, (size_t)r * a.out.stride + head * a.head_dim + j, o[i] / mark.l);
        }
    }
    if (head == a.n_heads - 1)
        gpu_put_zeros(&a.out, r, 1, a.n_heads * a.head_dim);
}

/* ---- bf16, on tensor cores ------------------------------------------------------------------- */

/* Two numbers as two bf16 each: the first of both, then what is left of both. */
GPU_DEVICE void gpu_split(uint32_t *first, uint32_t *rest, float x, float y)
{
    const uint16_t hx = gpu_bf16_from_f32(x), hy = gpu_bf16_from_f32(y);
    const uint16_t lx = gpu_bf16_from_f32(x - gpu_f32_from_bf16(hx));
    const uint16_t ly = gpu_bf16_from_f32(y - gpu_f32_from_bf16(hy));
    *first = (uint32_t)hy << 16 | hx;
    *rest = (uint32_t)ly << 16 | lx;
}

/* q[b]: numbers 32b + 8t .. + 7 of query g, as A of two products; past `dim` zeros. */
GPU_DEVICE void gpu_load_query(const struct sc_gpu_attend *a, const struct gpu_query *query,
                               uint32_t row, uint32_t (*q)[8], const uint32_t dim)
{
    const float *from =
        a->qkv + (size_t)(row + query->row) * a->qkv_stride + query->head * a->head_dim;
    GPU_UNROLL
    for (uint32_t b = 0; b < dim / 32; b++) {
        const uint32_t at = 32 * b + 8 * (gpu_lane() % 4);
        uint32_t x[8];
        gpu_load16(x, from + at, query->end > 0 && at < a->head_dim);
        gpu_load16(x + 4, from + at + 4, query->end > 0 && at < a->head_dim);
        GPU_UNROLL
        for (uint32_t i = 0; i < 4; i++)
            gpu_split(&q[b][2 * i], &q[b][2 * i + 1], gpu_float_of(x[2 * i]),
                      gpu_float_of(x[2 * i + 1]));
    }
}

/* s[n][0, 1]: products of query g with keys at 8n + 2t, + 1. */
GPU_DEVICE void gpu_multiply_keys(const struct sc_gpu_attend *a, const struct gpu_run *run,
                                  uint32_t (*q)[8], float (*s)[2], const uint32_t dim)
{
    const uint32_t g = gpu_lane() / 4, t = gpu_lane() % 4;
    const uint32_t n_b = dim / 32, at_once = dim > 128 ? 1 : 4; /* so many registers */
    GPU_UNROLL
    for (uint32_t n0 = 0; n0 < 4; n0 += at_once) {
        uint32_t k[16][4];
        GPU_UNROLL
        for (uint32_t n = 0; n < at_once; n++) {
            const uint32_t i = 8 * (n0 + n) + g;
            const unsigned char *key = gpu_kv_at(a, a->keys, gpu_from_u(run->place, i));
            const bool is_read = i >= run->first && i < run->last;
            GPU_UNROLL
            for (uint32_t b = 0; b < n_b; b++)
                gpu_load16(k[n * n_b + b], key + 16 * (4 * b + t),
                           is_read && 32 * b + 8 * t < a->head_dim);
        }
        GPU_UNROLL
        for (uint32_t n = 0; n < at_once; n++) {
            float d[4] = {0, 0, 0, 0};
            GPU_UNROLL
            for (uint32_t b = 0; b < n_b; b++) {
                gpu_mma_bf16(d, q[b], k[n * n_b + b]);
                gpu_mma_bf16(d, q[b] + 4, k[n * n_b + b] + 2);
            }
            s[n0 + n][0] = d[0] + d[2];
            s[n0 + n][1] = d[1] + d[3];
        }
    }
}

/* Products to weights in w, as A of two products; what the query does not see weighs nothing. */
GPU_DEVICE struct gpu_mark gpu_weigh(const struct sc_gpu_attend *a, const struct gpu_query *query,
                                     bool reads, uint32_t at, float (*s)[2], uint32_t (*w)[4])
{
    const uint32_t t = gpu_lane() % 4;
    struct gpu_mark mark = {GPU_MINUS_INFINITY, 0};
    bool sees[4][2];
    GPU_UNROLL
    for (uint32_t n = 0; n < 4; n++)
        GPU_UNROLL
    for (uint32_t i = 0; i < 2; i++) {
        sees[n][i] = reads && gpu_sees(query, at + 8 * n + 2 * t + i);
        s[n][i] = gpu_score(a, s[n][i]);
        if (sees[n][i])
            mark.m = gpu_max(mark.m, s[n][i]);
    }
    mark.m = gpu_max(mark.m, gpu_swap_f(mark.m, 1));
    mark.m = gpu_max(mark.m, gpu_swap_f(mark.m, 2));
    GPU_UNROLL
    for (uint32_t n = 0; n < 4; n++) {
        GPU_UNROLL
        for (uint32_t i = 0; i < 2; i++) {
            s[n][i] = sees[n][i] ? gpu_exp(s[n][i] - mark.m) : 0;
            mark.l += s[n][i];
        }
        gpu_split(&w[n / 2][n % 2 * 2], &w[n / 2][n % 2 * 2 + 1], s[n][0], s[n][1]);
    }
    mark.l += gpu_swap_f(mark.l, 1);
    mark.l += gpu_swap_f(mark.l, 2);
    return mark;
}

/* The values at 8n + 2t + h that a lane reads. */
struct gpu_value_rows {
    const unsigned char *at[4][2];
    bool is_read[4][2];
};

GPU_DEVICE void gpu_find_values(const struct sc_gpu_attend *a, const struct gpu_run *run,
                                struct gpu_value_rows *rows)
{
    GPU_UNROLL
    for (uint32_t n = 0; n < 4; n++)
        GPU_UNROLL
    for (uint32_t h = 0; h < 2; h++) {
        const uint32_t i = 8 * n + 2 * (gpu_lane() % 4) + h;
        rows->at[n][h] = gpu_kv_at(a, a->values, gpu_from_u(run->place, i));
        rows->is_read[n][h] = i >= run->first && i < run->last;
    }
}

/* v[n][h]: their numbers 64c + 8g .. + 7. */
GPU_DEVICE void gpu_load_values(const struct sc_gpu_attend *a, const struct gpu_value_rows *rows,
                                uint32_t c, uint32_t (*v)[2][4])
{
    const uint32_t at = 64 * c + 8 * (gpu_lane() / 4);
    GPU_UNROLL
    for (uint32_t n = 0; n < 4; n++)
        GPU_UNROLL
    for (uint32_t h = 0; h < 2; h++)
        gpu_load16(v[n][h], rows->at[n][h] + 2 * at, rows->is_read[n][h] && at < a->head_dim);
}

/* The j-th numbers of two positions side by side. */
GPU_DEVICE uint32_t gpu_pair(uint32_t (*v)[4], uint32_t j)
{
    const uint32_t x = v[0][j / 2], y = v[1][j / 2];
    return j % 2 == 0 ? (x & 0xffffu) | y << 16 : x >> 16 | (y & 0xffff0000u);
}

/* o[i][j], number 64c + 16t + 8i + j of query g: the sums so far with those of the tile. */
GPU_DEVICE void gpu_mix_values(uint32_t (*v)[2][4], uint32_t (*w)[4], bool reads,
                               struct gpu_shares shares, float (*o)[8])
{
    GPU_UNROLL
    for (uint32_t j = 0; j < 8; j++) {
        float d[4] = {0, 0, 0, 0};
        GPU_UNROLL
        for (uint32_t k = 0; k < 2; k++) {
            const uint32_t b[2] = {gpu_pair(v[2 * k], j), gpu_pair(v[2 * k + 1], j)};
            gpu_mma_bf16(d, w[k], b);
        }
        if (reads) {
            o[0][j] = gpu_merged(o[0][j], d[0] + d[2], shares);
            o[1][j] = gpu_merged(o[1][j], d[1] + d[3], shares);
        }
    }
}

/* A tile for the rows of a run: what it gives is merged into mark and o.  Values of the first 64
 * numbers are on their way while keys are multiplied, those of the next while these are; wide heads
 * have no registers for that. */
GPU_DEVICE void gpu_attend_tile(const struct sc_gpu_attend *a, const struct gpu_query *query,
                                const struct gpu_run *run, uint32_t tile, uint32_t (*q)[8],
                                struct gpu_mark *mark, float (*o)[2][8], const uint32_t dim)
{
    const bool reads = gpu_reads(query, run, tile), is_ahead = dim <= 128;
    struct gpu_value_rows rows;
    uint32_t v[2][4][2][4], w[2][4];
    float s[4][2];
    if (is_ahead) {
        gpu_find_values(a, run, &rows);
        gpu_load_values(a, &rows, 0, v[0]);
    }
    gpu_multiply_keys(a, run, q, s, dim);
    const struct gpu_mark of_tile = gpu_weigh(a, query, reads, tile * SC_GPU_TILE, s, w);
    struct gpu_shares shares = {1, 0};
    if (reads)
        shares = gpu_merge(mark, of_tile);
    if (!is_ahead)
        gpu_find_values(a, run, &rows);
    GPU_UNROLL
    for (uint32_t c = 0; c < dim / 64; c++) {
        if (!is_ahead)
            gpu_load_values(a, &rows, c, v[c % 2]);
        else if (c + 1 < dim / 64)
            gpu_load_values(a, &rows, c + 1, v[(c + 1) % 2]);
        gpu_mix_values(v[c % 2], w, reads, shares, o[c]);
    }
}

/* Numbers 64c + 16t + 8i .. + 7 of query g as they come out. */
GPU_DEVICE void gpu_put_sums(const struct sc_gpu_attend *a, size_t row, uint32_t head, uint32_t d,
                             const float *o, float l)
{
    uint32_t two[4];
    GPU_UNROLL
    for (uint32_t j = 0; j < 4; j++)
        two[j] =
            (uint32_t)gpu_bf16_from_f32(o[2 * j + 1] / l) << 16 | gpu_bf16_from_f32(o[2 * j] / l);
    gpu_store16((uint16_t *)a->out.data + row * a->out.stride + (size_t)head * a->head_dim + d,
                two);
}

GPU_DEVICE void gpu_keep_sums(const struct sc_gpu_attend *a, size_t part, uint32_t d,
                              const float *o)
{
    uint32_t x[8];
    GPU_UNROLL
    for (uint32_t j = 0; j < 8; j++)
        x[j] = gpu_bits_of(o[j]);
    gpu_store16(a->parts + part * a->head_dim + d, x);
    gpu_store16(a->parts + part * a->head_dim + d + 4, x + 4);
}

/* What comes out of a task, or the part that is kept of it. */
GPU_DEVICE void gpu_attend_end(const struct sc_gpu_attend *a,
                               const struct sc_gpu_attention_task *task,
                               const struct gpu_query *query, struct gpu_mark mark,
                               float (*o)[2][8], const uint32_t dim)
{
    const uint32_t row = task->row + query->row, t = gpu_lane() % 4;
    const bool ends = gpu_ends(a, query, task);
    size_t part = 0;
    if (a->is_spread && ends) {
        part = (size_t)(a->rows[row].slot + task->tile) * a->n_heads + query->head;
        if (t == 0) {
            a->marks[2 * part] = mark.m;
            a->marks[2 * part + 1] = mark.l;
        }
    }
    GPU_UNROLL
    for (uint32_t c = 0; c < dim / 64; c++)
        GPU_UNROLL
    for (uint32_t i = 0; i < 2; i++) {
        const uint32_t d = 64 * c + 16 * t + 8 * i;
        if (!ends || d >= a->head_dim)
            continue;
        if (a->is_spread)
            gpu_keep_sums(a, part, d, o[c][i]);
        else
            gpu_put_sums(a, row, query->head, d, o[c][i], mark.l);
    }
    if (!a->is_spread && gpu_block_y() == gpu_blocks_y() - 1)
        gpu_put_zeros(&a->out, task->row, task->n_rows, a->n_heads * a->head_dim);
}

GPU_DEVICE void gpu_attend_bf16(const struct sc_gpu_attend *a, const uint32_t dim)
{
    const struct sc_gpu_attention_task task =
        a->tasks[gpu_block_x() * (gpu_threads() / GPU_WARP) + gpu_warp()];
    if (task.n_rows == 0)
        return;
    const struct gpu_seen seen = gpu_see(a, &task);
    const struct gpu_query query = gpu_query_of(a, &seen, gpu_lane() / 4);
    struct gpu_mark mark = {GPU_MINUS_INFINITY, 0};
    uint32_t q[8][8];
    float o[4][2][8];
    gpu_load_query(a, &query, task.row, q, dim);
    GPU_UNROLL
    for (uint32_t c = 0; c < dim / 64; c++)
        GPU_UNROLL
    for (uint32_t j = 0; j < 8; j++)
        o[c][0][j] = o[c][1][j] = 0;
    const uint32_t end = task.tile + task.n_tiles;
    for (uint32_t tile = gpu_first_tile(&seen, &task); tile < end; tile++)
        for (uint32_t i = 0; i < task.n_rows;) {
            const struct gpu_run run = gpu_run_of(a, &seen, task.n_rows, i, tile);
            if (run.first < run.last)
                gpu_attend_tile(a, &query, &run, tile, q, &mark, o, dim);
            i = run.end;
        }
    gpu_attend_end(a, &task, &query, mark, o, dim);
}

GPU_KERNEL(attend_64, struct sc_gpu_attend, SC_GPU_ATTENTION_WARPS *GPU_WARP)
{
    gpu_attend_bf16(&a, 64);
}

GPU_KERNEL(attend_128, struct sc_gpu_attend, SC_GPU_ATTENTION_WARPS *GPU_WARP)
{
    gpu_attend_bf16(&a, 128);
}

GPU_KERNEL(attend_256, struct sc_gpu_attend, SC_GPU_ATTENTION_WARPS *GPU_WARP)
{
    gpu_attend_bf16(&a, 256);
}

#endif
