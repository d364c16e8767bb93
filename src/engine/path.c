/* Where an answer stands: see path.h. */
#include "engine/path.h"

#include "base/memory.h"

size_t sc_path_most(const struct sc_trace_request *r)
{
    size_t reasoning =
        r->budget.n_tokens > 0 ? sc_size_add(r->budget.n_tokens, r->budget.n_closing) : 0;
    return sc_size_add(reasoning, r->max_new_tokens);
}

void sc_path_begin(struct sc_path *path, const struct sc_trace_request *request,
                   size_t max_positions)
{
    size_t most = sc_path_most(request), left = max_positions - request->n_prompt;
    *path = (struct sc_path){
        .limit = most < left ? most : left, .left = left, .reasons = request->budget.n_tokens > 0};
}

/* The answer begins with the next token: from here on it has its own limit. */
static void begin_answer(struct sc_path *path, const struct sc_trace_request *request)
{
    size_t limit = sc_size_add(path->n + path->n_to_force, request->max_new_tokens);
    path->reasons = false;
    path->limit = limit < path->left ? limit : path->left;
}

bool sc_path_add(struct sc_path *path, const struct sc_trace_request *request, int32_t id)
{
    const struct sc_reasoning_budget *budget = &request->budget;
    path->n++;
    if (path->n_to_force > 0) {
        path->n_to_force--;
        path->n_forced++;
        return false;
    }
    if (path->reasons && id == budget->close_id) {
        begin_answer(path, request);
    } else if (path->reasons && path->n == budget->n_tokens) {
        path->forced_begin = path->n;
        path->n_to_force = budget->n_closing;
        begin_answer(path, request);
    }
    return true;
}

int32_t sc_path_forced(const struct sc_path *path, const struct sc_trace_request *request)
{
    return request->budget.closing[path->n_forced];
}

bool sc_path_ended(const struct sc_path *path, const struct sc_trace_request *request, int32_t id,
                   bool sampled, enum sc_finish *finish)
{
    for (size_t i = 0; sampled && i < request->n_end_ids; i++)
        if (request->end_ids[i] == id) {
            *finish = SC_FINISH_STOP;
            return true;
        }
    *finish = SC_FINISH_LENGTH;
    return path->n == path->limit;
}
