/*
 * Files by URL to paths (hub.h): each is a job that goes from waiting for its turn, over tries and
 * pauses between them, to its end.  fetch.c is one try, part.c the file on disk.
 */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/sigpipe.h"
#include "base/text.h"
#include "hub/fetch.h"
#include "hub/part.h"
#include "hub/room.h"

enum {
    DEFAULT_PARALLEL = 4,
    STEP_MS = 100,
    MOST_VAIN = 5,        /* tries in a row that bring nothing, after the first */
    LEAST_GAIN = 8 << 10, /* bytes of a try that was too slow, for it not to be in vain */
    N_SAMPLES = 16        /* of the speed, half a second apart */
};

static const double lock_pause = 0.1, sample_seconds = 0.5, default_stall_timeout = 30;

enum state { PENDING, PAUSING, ACTIVE, DONE };

struct job {
    struct sc_download *want;
    struct batch *batch;
    struct sc_part part;
    struct sc_fetch fetch;
    enum state state;
    bool begun;      /* the file on disk is open and locked */
    bool elsewhere;  /* another process has it now */
    bool answering;  /* bytes of this try's answer come */
    uint64_t best;   /* most bytes that there ever were */
    unsigned n_vain; /* tries since that rose */
    double due;
    enum sc_status status; /* why take stopped it */
};

struct batch {
    struct job *jobs; /* [n] */
    size_t n;
    const struct sc_download_options *options;
    size_t parallel, n_done;
    CURLM *multi;
    uint64_t n_total, n_received; /* bytes: of all files, 0 unknown; in this call */
    struct {
        double at;
        uint64_t n;
    } samples[N_SAMPLES];
    size_t n_samples; /* ever taken */
    struct sc_error *error;
};

/* ---- progress -------------------------------------------------------------------------------- */

static void take_sample(struct batch *batch, double now)
{
    size_t last = (batch->n_samples + N_SAMPLES - 1) % N_SAMPLES;
    if (batch->n_samples > 0 && now - batch->samples[last].at < sample_seconds)
        return;
    size_t at = batch->n_samples++ % N_SAMPLES;
    batch->samples[at].at = now;
    batch->samples[at].n = batch->n_received;
}

static double speed(const struct batch *batch, double now)
{
    size_t oldest = batch->n_samples > N_SAMPLES ? batch->n_samples % N_SAMPLES : 0;
    double seconds = batch->n_samples > 0 ? now - batch->samples[oldest].at : 0;
    return seconds > 0 ? (double)(batch->n_received - batch->samples[oldest].n) / seconds : 0;
}

static struct sc_download_progress look(struct batch *batch)
{
    double now = sc_seconds();
    take_sample(batch, now);
    struct sc_download_progress progress = {.n_bytes_total = batch->n_total,
                                            .n_files = batch->n_done,
                                            .n_files_total = batch->n,
                                            .bytes_per_second = speed(batch, now),
                                            .seconds_left = NAN};
    for (size_t i = 0; i < batch->n; i++) {
        progress.n_bytes += batch->jobs[i].part.n;
        progress.n_waiting += batch->jobs[i].elsewhere;
    }
    if (batch->n_total >= progress.n_bytes && progress.bytes_per_second > 0)
        progress.seconds_left =
            (double)(batch->n_total - progress.n_bytes) / progress.bytes_per_second;
    return progress;
}

static bool go_on(void *context)
{
    struct batch *batch = context;
    if (batch->options->step == NULL)
        return true;
    struct sc_download_progress progress = look(batch);
    return batch->options->step(batch->options->context, &progress);
}

/* ---- room on disk ---------------------------------------------------------------------------- */

static enum sc_status check_room(const struct batch *batch, struct sc_error *error)
{
    struct sc_room_need *needs = sc_alloc_zero(batch->n, sizeof *needs);
    if (needs == NULL)
        return sc_fail_nomem(error, "a download");
    for (size_t i = 0; i < batch->n; i++) {
        const struct job *job = &batch->jobs[i];
        uint64_t found = sc_part_found(&job->part), size = job->want->size;
        needs[i] = (struct sc_room_need){job->want->path, size > found ? size - found : 0};
    }
    enum sc_status status = sc_room_check(needs, batch->n, error);
    sc_free(needs);
    return status;
}

/* ---- an answer ------------------------------------------------------------------------------- */

static enum sc_status check_size(const struct job *job, uint64_t found, struct sc_error *error)
{
    const uint64_t most = sc_part_most(&job->part);
    const bool known = job->want->size > 0;
    if (known ? found == most : found <= most)
        return SC_OK;
    return sc_fail(error, SC_ERR_FORMAT, "%s: expected %s%llu bytes, found %llu", job->want->url,
                   known ? "" : "at most ", (unsigned long long)most, (unsigned long long)found);
}

/* The first bytes of an answer: where do they belong?  A server that gives all from the beginning,
 * or another piece than was asked for, has the file begun anew. */
static enum sc_status place_answer(struct job *job, struct sc_error *error)
{
    struct sc_fetch *fetch = &job->fetch;
    const struct sc_fetch_headers *h = &fetch->headers;
    const bool piece = fetch->http_status == 206;
    if (!piece && h->has_length)
        SC_TRY(check_size(job, h->length, error));
    if (piece && h->has_range && h->range_total > 0)
        SC_TRY(check_size(job, h->range_total, error));
    memcpy(fetch->validator, h->is_weak ? "" : h->etag, h->is_weak ? 1 : sizeof h->etag);
    if (piece && (!h->has_range || h->range_first != job->part.n)) {
        SC_TRY(sc_part_restart(&job->part, error));
        return SC_ERR_CONFLICT; /* this try is of no use; the next one asks for all */
    }
    return piece || job->part.n == 0 ? SC_OK : sc_part_restart(&job->part, error);
}

static bool take(void *context, const char *bytes, size_t n)
{
    struct job *job = context;
    struct sc_error *error = job->batch->error;
    job->status = SC_OK;
    if (!job->answering)
        job->status = place_answer(job, error);
    job->answering = true;
    if (job->status == SC_OK)
        job->status = sc_part_add(&job->part, bytes, n, error);
    if (job->status == SC_OK)
        job->batch->n_received += n;
    return job->status == SC_OK;
}

/* ---- a job ----------------------------------------------------------------------------------- */

static enum sc_status start_try(struct job *job, bool onward, struct sc_error *error)
{
    struct sc_fetch *fetch = &job->fetch;
    if (!sc_part_is_checked(&job->part) && *fetch->validator == '\0' && job->part.n > 0)
        SC_TRY(sc_part_restart(&job->part, error));
    fetch->from = job->part.n;
    job->answering = false;
    SC_TRY(sc_fetch_start(fetch, onward, error));
    if (curl_multi_add_handle(job->batch->multi, fetch->easy) != CURLM_OK)
        return sc_fail_nomem(error, "a download");
    job->state = ACTIVE;
    return SC_OK;
}

static void end_job(struct job *job)
{
    job->state = DONE;
    job->batch->n_done++;
    job->part.n = job->want->found_size;
    sc_fetch_free(&job->fetch);
}

/* Opens and locks the file; what stands there already may be all of it. */
static enum sc_status begin_job(struct job *job, struct sc_error *error)
{
    const struct batch *batch = job->batch;
    const double stall_timeout = batch->options->stall_timeout;
    const struct sc_part_watch watch = {.go_on = go_on, .context = job->batch};
    bool busy;
    SC_TRY(sc_part_begin(&job->part, &watch, &busy, error));
    job->elsewhere = busy;
    if (busy) {
        job->state = PAUSING;
        job->due = sc_seconds() + lock_pause;
        return SC_OK;
    }
    job->begun = true;
    job->best = job->part.n;
    if (!job->part.whole && job->want->size > 0 && job->part.n == job->want->size)
        SC_TRY(sc_part_end(&job->part, error));
    if (job->part.whole) {
        end_job(job);
        return SC_OK;
    }
    SC_TRY(sc_fetch_init(&job->fetch, job->want->url, job->want->token,
                         stall_timeout > 0 ? stall_timeout : default_stall_timeout, error));
    job->fetch.take = take;
    job->fetch.context = job;
    return start_try(job, false, error);
}

static enum sc_status give_up(struct job *job, enum sc_fetch_end end, struct sc_error *error)
{
    struct sc_hub_refusal *refusal = &job->want->refusal;
    if (end == SC_FETCH_REFUSED || (end == SC_FETCH_AGAIN && job->fetch.http_status == 429)) {
        refusal->http_status = job->fetch.http_status;
        memcpy(refusal->code, job->fetch.headers.code, sizeof refusal->code);
    }
    return sc_fail(error, SC_ERR_IO, "%s: %s%s", job->want->url, job->fetch.failure,
                   job->part.n > 0 && sc_part_is_checked(&job->part)
                       ? " (what came is kept, and the same command goes on with it)"
                       : "");
}

/* A try failed in a way that may pass: a pause, unless nothing came for too long. */
static enum sc_status try_again(struct job *job, struct sc_error *error)
{
    const uint64_t gain = job->part.n > job->best ? job->part.n - job->best : 0;
    if (gain >= (job->fetch.slow ? (uint64_t)LEAST_GAIN : 1)) {
        job->best = job->part.n;
        job->n_vain = 0;
    } else if (++job->n_vain > MOST_VAIN) {
        return give_up(job, SC_FETCH_AGAIN, error);
    }
    if (job->fetch.http_status == 416)
        SC_TRY(sc_part_restart(&job->part, error));
    job->state = PAUSING;
    job->due = sc_seconds() + sc_fetch_pause(&job->fetch, job->n_vain, job->batch->options->pause);
    return SC_OK;
}

static enum sc_status end_try(struct job *job, struct sc_error *error)
{
    /* An answer without a length ends as a whole one does: the expected size tells. */
    if (job->want->size > 0 && job->part.n < job->want->size) {
        snprintf(job->fetch.failure, sizeof job->fetch.failure,
                 "the answer ended after %llu of %llu bytes", (unsigned long long)job->part.n,
                 (unsigned long long)job->want->size);
        return try_again(job, error);
    }
    SC_TRY(sc_part_end(&job->part, error));
    if (!job->part.whole)
        return start_try(job, false, error);
    end_job(job);
    return SC_OK;
}

static enum sc_status settle(struct job *job, CURLcode code, struct sc_error *error)
{
    curl_multi_remove_handle(job->batch->multi, job->fetch.easy);
    const enum sc_fetch_end end = sc_fetch_finish(&job->fetch, code);
    switch (end) {
    case SC_FETCH_DONE:
        return end_try(job, error);
    case SC_FETCH_ONWARD:
        return start_try(job, true, error);
    case SC_FETCH_AGAIN:
        return try_again(job, error);
    case SC_FETCH_STOPPED:
        if (job->status != SC_ERR_CONFLICT)
            return job->status;
        snprintf(job->fetch.failure, sizeof job->fetch.failure,
                 "the server gives another piece than was asked for");
        return try_again(job, error);
    case SC_FETCH_NO_MEMORY:
        return sc_fail_nomem(error, "a download");
    default:
        return give_up(job, end, error);
    }
}

/* ---- the loop -------------------------------------------------------------------------------- */

static enum sc_status fill(struct batch *batch, struct sc_error *error)
{
    size_t n_busy = 0;
    double now = sc_seconds();
    for (size_t i = 0; i < batch->n; i++)
        n_busy += batch->jobs[i].state == ACTIVE ||
                  (batch->jobs[i].state == PAUSING && !batch->jobs[i].elsewhere);
    for (size_t i = 0; i < batch->n; i++) {
        struct job *job = &batch->jobs[i];
        if (job->state == PAUSING && job->begun && job->due <= now)
            SC_TRY(start_try(job, false, error));
        if (job->begun || n_busy >= batch->parallel || (job->state == PAUSING && job->due > now))
            continue;
        SC_TRY(begin_job(job, error));
        n_busy += job->state == ACTIVE;
    }
    return SC_OK;
}

static enum sc_status collect(struct batch *batch, struct sc_error *error)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(batch->multi, &left)) != NULL) {
        char *fetch = NULL;
        CURLcode code = message->data.result;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &fetch);
        SC_TRY(settle(((struct sc_fetch *)(void *)fetch)->context, code, error));
    }
    return SC_OK;
}

/* Milliseconds until something is due, at most a step. */
static int patience(const struct batch *batch)
{
    double now = sc_seconds(), least = STEP_MS / 1e3;
    for (size_t i = 0; i < batch->n; i++)
        if (batch->jobs[i].state == PAUSING)
            least = fmin(least, batch->jobs[i].due - now);
    return least > 0 ? (int)(least * 1e3) + 1 : 0;
}

static enum sc_status loop(struct batch *batch, struct sc_error *error)
{
    for (;;) {
        int running = 0;
        SC_TRY(fill(batch, error));
        if (curl_multi_perform(batch->multi, &running) != CURLM_OK)
            return sc_fail_nomem(error, "a download");
        SC_TRY(collect(batch, error));
        if (batch->n_done == batch->n)
            return SC_OK;
        if (!go_on(batch))
            return sc_fail(error, SC_ERR_INTERRUPTED, "interrupted");
        if (curl_multi_poll(batch->multi, NULL, 0, patience(batch), NULL) != CURLM_OK)
            return sc_fail_nomem(error, "a download");
    }
}

/* ---- the batch ------------------------------------------------------------------------------- */

/* Two jobs of one path would wait for each other's lock. */
static enum sc_status check_files(const struct sc_download *files, size_t n, struct sc_error *error)
{
    for (size_t i = 0; i < n; i++) {
        if (files[i].url == NULL || files[i].path == NULL || files[i].path[0] == '\0')
            return sc_fail(error, SC_ERR_ARGUMENT, "download: expected a URL and a path");
        if (files[i].size > (uint64_t)1e18)
            return sc_fail(error, SC_ERR_FORMAT, "%s: expected at most 1e18 bytes, found %llu",
                           files[i].url, (unsigned long long)files[i].size);
        for (size_t k = 0; k < i; k++)
            if (strcmp(files[i].path, files[k].path) == 0)
                return sc_fail(error, SC_ERR_ARGUMENT,
                               "download: expected one file for %s, found two", files[i].path);
    }
    return SC_OK;
}

static enum sc_status prepare(struct batch *batch, struct sc_download *files,
                              struct sc_error *error)
{
    SC_TRY(check_files(files, batch->n, error));
    batch->jobs = sc_alloc_zero(batch->n, sizeof *batch->jobs);
    if (batch->jobs == NULL)
        return sc_fail_nomem(error, "a download");
    bool sizes_known = true;
    for (size_t i = 0; i < batch->n; i++) {
        struct job *job = &batch->jobs[i];
        files[i].refusal = (struct sc_hub_refusal){0};
        files[i].found_sha256[0] = '\0';
        files[i].found_size = 0;
        job->want = &files[i];
        job->batch = batch;
        job->part.fd = job->part.lock = -1;
        sizes_known = sizes_known && files[i].size > 0;
        batch->n_total += files[i].size;
    }
    batch->n_total = sizes_known ? batch->n_total : 0;
    for (size_t i = 0; i < batch->n; i++)
        SC_TRY(sc_part_init(&batch->jobs[i].part, &files[i], error));
    SC_TRY(check_room(batch, error));
    batch->multi = curl_multi_init();
    return batch->multi != NULL ? SC_OK : sc_fail_nomem(error, "a download");
}

static void release(struct batch *batch)
{
    for (size_t i = 0; batch->jobs != NULL && i < batch->n; i++) {
        struct job *job = &batch->jobs[i];
        if (job->state == ACTIVE)
            curl_multi_remove_handle(batch->multi, job->fetch.easy);
        sc_fetch_free(&job->fetch);
        sc_part_free(&job->part);
    }
    if (batch->multi != NULL)
        curl_multi_cleanup(batch->multi);
    sc_free(batch->jobs);
}

static enum sc_status run(struct batch *batch, struct sc_download *files, struct sc_error *error)
{
    SC_TRY(prepare(batch, files, error));
    return loop(batch, error);
}

enum sc_status sc_download_files(struct sc_download *files, size_t n,
                                 const struct sc_download_options *options, struct sc_error *error)
{
    static const struct sc_download_options plain = {0};
    struct sc_error own = {0};
    struct batch batch = {.n = n,
                          .options = options != NULL ? options : &plain,
                          .error = error != NULL ? error : &own};
    batch.parallel =
        batch.options->parallel > 0 ? batch.options->parallel : (size_t)DEFAULT_PARALLEL;
    if (n == 0)
        return SC_OK;
    struct sc_sigpipe pipe;
    sc_sigpipe_hold(&pipe);
    enum sc_status status = run(&batch, files, batch.error);
    release(&batch);
    sc_sigpipe_release(&pipe);
    return status;
}
