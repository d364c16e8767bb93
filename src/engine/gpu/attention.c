/* attention: not there yet. */
#include "engine/gpu/session.h"

enum sc_status sc_gpu_attention_open(struct sc_gpu_session *session, struct sc_error *error)
{
    (void)session;
    (void)error;
    return SC_OK;
}

void sc_gpu_attention_close(struct sc_gpu_session *session)
{
    (void)session;
}

void sc_gpu_attention_layout(struct sc_gpu_session *session, struct sc_gpu_arenas *arenas)
{
    (void)session;
    (void)arenas;
}
