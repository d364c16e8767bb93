/* ends: not there yet. */
#include "engine/gpu/session.h"

enum sc_status sc_gpu_ends_open(struct sc_gpu_session *session, struct sc_error *error)
{
    (void)session;
    (void)error;
    return SC_OK;
}

void sc_gpu_ends_close(struct sc_gpu_session *session)
{
    (void)session;
}

void sc_gpu_ends_layout(struct sc_gpu_session *session, struct sc_gpu_arenas *arenas)
{
    (void)session;
    (void)arenas;
}

enum sc_status sc_gpu_draw(struct sc_gpu_session *session, struct sc_draw *draws, size_t n,
                           struct sc_error *error)
{
    (void)session;
    (void)draws;
    (void)n;
    return sc_fail(error, SC_ERR_UNSUPPORTED, "the device cuda: ends: not there yet");
}

enum sc_status sc_gpu_describe(struct sc_gpu_session *session, struct sc_description *rows,
                               size_t n, struct sc_error *error)
{
    (void)session;
    (void)rows;
    (void)n;
    return sc_fail(error, SC_ERR_UNSUPPORTED, "the device cuda: ends: not there yet");
}

enum sc_status sc_gpu_branch(struct sc_gpu_session *session, struct sc_branching *rows, size_t n,
                             struct sc_error *error)
{
    (void)session;
    (void)rows;
    (void)n;
    return sc_fail(error, SC_ERR_UNSUPPORTED, "the device cuda: ends: not there yet");
}
