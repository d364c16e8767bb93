/* See ffn.h: down(activation(gate(x)) * up(x)), or the sum of such over experts (experts.c). */
#include "engine/cpu/ffn.h"

#include "engine/cpu/experts.h"
#include "engine/cpu/rows.h"

struct sc_stage sc_ffn_stage(const struct sc_forward *f, size_t layer)
{
    const struct sc_layer_weights *w = &f->cpu->layers[layer];
    if (f->cpu->config.layer.n_experts > 0)
        return sc_experts_stage(f, layer);
    return (struct sc_stage){{{f->gate, &w->gate}, {f->up, &w->up}}, 2};
}

static void gated_task(void *context, size_t task, size_t worker)
{
    struct sc_forward *f = context;
    (void)worker;
    size_t ffn = f->cpu->config.ffn;
    struct sc_slice rows = sc_rows_slice(f, f->n_rows, task);
    for (size_t r = rows.begin; r < rows.end; r++) {
        float *gate = f->gate + r * ffn;
        sc_rows_gate(f, gate, f->up + r * ffn, ffn);
        sc_rows_prepare(f, r, gate, ffn);
    }
}

void sc_ffn_run(struct sc_forward *f, struct sc_stage next)
{
    if (f->cpu->config.layer.n_experts > 0) {
        sc_experts_run(f, &next);
        return;
    }
    const struct sc_stage down = {{{f->branch, &f->cpu->layers[f->layer].down}}, 1};
    sc_rows_multiply(f, f->n_rows, sc_ffn_stage(f, f->layer), down);
    sc_rows_run(f, f->n_rows, f->cpu->config.ffn, gated_task);
    sc_rows_multiply(f, f->n_rows, down, next);
}
