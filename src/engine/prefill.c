/* See prefill.h. */
#include "engine/prefill.h"

#include "base/memory.h"
#include "engine/prompts.h"

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

void sc_prefill_place(struct sc_prefill *p, const struct sc_model_config *c, size_t max_new)
{
    p->is_long =
        c->long_from > 0 && min_size(sc_size_add(p->n, max_new), c->max_positions) > c->long_from;
    for (size_t i = 0; i < sc_prompt_pages(p->n); i++) {
        size_t n = min_size(p->n - i * SC_PAGE_POSITIONS, SC_PAGE_POSITIONS);
        p->spans[i] = (struct sc_span){.page = (uint32_t)i, .n = (uint16_t)n};
    }
}

enum sc_status sc_prefill_run(const struct sc_prefill *p, const struct sc_device *device,
                              void *session, struct sc_row *rows, struct sc_error *error)
{
    struct sc_step_seconds unused;
    for (size_t begin = 0; begin < p->n; begin += SC_PREFILL_ROWS) {
        size_t n = min_size(p->n - begin, SC_PREFILL_ROWS);
        for (size_t r = 0; r < n; r++)
            rows[r] = (struct sc_row){.token = p->ids[begin + r],
                                      .position = begin + r,
                                      .history = p->spans,
                                      .is_long = p->is_long,
                                      .wants_logits = begin + r + 1 == p->n};
        SC_TRY(device->forward(session, rows, n, NULL, &unused, error));
    }
    device->keep(session, 0, 0);
    return SC_OK;
}
