/* See forward_logits.h. */
#include "forward_logits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/pool.h"
#include "engine/cpu/forward.h"
#include "engine/prompts.h"

float *forward_logits(const struct sc_engine *engine, const int32_t *ids, size_t n)
{
    const struct sc_cpu *cpu = engine->weights;
    const size_t n_pages = sc_prompt_pages(n);
    const struct sc_session_sizes sizes = {.max_rows = n,
                                           .max_logit_rows = n,
                                           .n_positions = n,
                                           .max_spans = n_pages,
                                           .n_pages = n_pages};
    struct sc_forward forward;
    struct sc_arena arena = {0};
    sc_forward_layout(&forward, cpu, &sizes, &arena);
    void *memory = sc_alloc_aligned(arena.used);
    assert_non_null(memory);
    arena = (struct sc_arena){.base = memory};
    sc_forward_layout(&forward, cpu, &sizes, &arena);
    struct sc_error error = {0};
    assert_int_equal(sc_pool_new(&forward.pool, (int)cpu->n_threads, &error), SC_OK);
    struct sc_row *rows = calloc(n, sizeof *rows);
    struct sc_span *history = calloc(n_pages, sizeof *history);
    float *logits = calloc(n, cpu->n_vocab * sizeof *logits);
    assert_true(rows != NULL && history != NULL && logits != NULL);
    for (size_t i = 0; i < n_pages; i++)
        history[i] = (struct sc_span){.page = (uint32_t)i, .n = SC_PAGE_POSITIONS};
    const size_t long_from = cpu->config.long_from;
    for (size_t i = 0; i < n; i++)
        rows[i] = (struct sc_row){.token = ids[i],
                                  .position = i,
                                  .history = history,
                                  .is_long = long_from > 0 && n > long_from,
                                  .wants_logits = true};
    sc_forward_run(&forward, rows, n);
    for (size_t i = 0; i < n; i++)
        memcpy(logits + i * cpu->n_vocab, sc_forward_logits(&forward, i),
               cpu->n_vocab * sizeof *logits);
    sc_pool_free(forward.pool);
    sc_free(memory);
    free(rows);
    free(history);
    return logits;
}
