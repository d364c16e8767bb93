/* An answer that is sent while it is sampled: events, as their reader takes them. */
#ifndef SC_SERVING_STREAM_H
#define SC_SERVING_STREAM_H

#include "serving/answer.h"

/* How far a choice was sent. */
struct sc_serving_sent {
    size_t n; /* tokens */
    bool has_begun, has_ended;
};

/* Zeros are a stream that has not begun.  What was made and not yet taken is some events at most:
 * a reader who does not read has only the job's own tokens pile up. */
struct sc_serving_stream {
    struct sc_serving_sent *sent; /* [n_choices] */
    struct sc_text text;          /* events that were made */
    size_t at;                    /* bytes of them that were taken */
    bool is_over;                 /* nothing comes behind these */
};

enum sc_serving_next {
    SC_SERVING_BYTES, /* some were given */
    SC_SERVING_LATER, /* nothing now */
    SC_SERVING_OVER,
    SC_SERVING_BROKEN /* out of memory */
};
/* Gives at most `most` bytes; the lock is held as long as the job has not ended. */
enum sc_serving_next sc_serving_stream_next(struct sc_serving_stream *stream,
                                            const struct sc_serving_job *job,
                                            const struct sc_serving_signature *signature, char *to,
                                            size_t most, size_t *n);
void sc_serving_stream_free(struct sc_serving_stream *stream);

#endif
