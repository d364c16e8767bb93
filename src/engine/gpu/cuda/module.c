/*
 * See cuda.h.  Entry points are called from any thread, and which card is current is a thread's
 * own: each makes its own card so before anything else.  Next: library.c.
 *
 * A queue is a stream that does not wait for the default one; what is recorded in it becomes a
 * graph.  Waiting for it spins, which is what the runtime does as long as there are fewer cards in
 * use than processors: a step takes about a millisecond, and waking a thread some hundredths of it.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h" /* SC_TRY; nothing of it is called */
#include "engine/gpu/cuda/cuda.h"

enum {
    LEAST_SM = 80,   /* copies to shared memory that are waited for in groups, products of bf16 */
    MOST_CARDS = 64, /* of a machine, that are looked at */
};

struct gpu {
    int ordinal;
    struct sc_cuda_lt *library; /* NULL: not installed */
};

/* ---- errors ---------------------------------------------------------------------------------- */

enum sc_status sc_cuda_failed(cudaError_t error, const char *what, char *why)
{
    snprintf(why, SC_GPU_WHY, "%s: %s", what, cudaGetErrorString(error));
    cudaGetLastError();
    switch (error) {
    case cudaErrorMemoryAllocation:
        return SC_ERR_NOMEM;
    case cudaErrorInsufficientDriver:
    case cudaErrorStubLibrary:
    case cudaErrorNoDevice:
    case cudaErrorInvalidDevice:
    case cudaErrorDevicesUnavailable:
    case cudaErrorNoKernelImageForDevice:
    case cudaErrorUnsupportedPtxVersion:
    case cudaErrorSystemDriverMismatch:
    case cudaErrorSystemNotReady:
        return SC_ERR_UNSUPPORTED;
    default:
        return SC_ERR_INTERNAL;
    }
}

/* Returns why an expression of the runtime failed, where it did. */
#define TRY_CUDA(call, what)                                                                       \
    do {                                                                                           \
        cudaError_t try_error = (call);                                                            \
        if (try_error != cudaSuccess)                                                              \
            return sc_cuda_failed(try_error, (what), why);                                         \
    } while (0)

static enum sc_status out_of_memory(char *why)
{
    snprintf(why, SC_GPU_WHY, "out of memory of the host");
    return SC_ERR_NOMEM;
}

/* ---- cards ----------------------------------------------------------------------------------- */

static int attribute(int ordinal, enum cudaDeviceAttr which)
{
    int value = 0;
    return cudaDeviceGetAttribute(&value, which, ordinal) == cudaSuccess ? value : 0;
}

static int sm_of(int ordinal)
{
    return 10 * attribute(ordinal, cudaDevAttrComputeCapabilityMajor) +
           attribute(ordinal, cudaDevAttrComputeCapabilityMinor);
}

/* How many cards the driver shows. */
static enum sc_status count_all(int *n, char *why)
{
    int driver = 0;
    const cudaError_t error = cudaGetDeviceCount(n);
    if (error == cudaSuccess)
        return SC_OK;
    *n = 0;
    cudaDriverGetVersion(&driver);
    const enum sc_status status = sc_cuda_failed(error, "looking for cards", why);
    if (error == cudaErrorInsufficientDriver && driver == 0)
        snprintf(why, SC_GPU_WHY, "no driver of NVIDIA is installed (libcuda.so.1 is missing)");
    else if (error == cudaErrorInsufficientDriver)
        snprintf(why, SC_GPU_WHY,
                 "the driver is for CUDA %d.%d at most, and the module needs one for CUDA %d",
                 driver / 1000, driver % 1000 / 10, CUDART_VERSION / 1000);
    else if (error == cudaErrorNoDevice)
        snprintf(why, SC_GPU_WHY, "the driver shows no card%s",
                 getenv("CUDA_VISIBLE_DEVICES") != NULL ? " (CUDA_VISIBLE_DEVICES is set)" : "");
    return status;
}

/* Cards that can be used, in CUDA's order. */
static enum sc_status usable(int ordinals[MOST_CARDS], int *n, char *why)
{
    int n_all;
    *n = 0;
    SC_TRY(count_all(&n_all, why));
    for (int i = 0; i < n_all && *n < MOST_CARDS; i++)
        if (sm_of(i) >= LEAST_SM)
            ordinals[(*n)++] = i;
    if (*n > 0)
        return SC_OK;
    struct cudaDeviceProp properties;
    TRY_CUDA(cudaGetDeviceProperties(&properties, 0), "reading what the card is");
    snprintf(why, SC_GPU_WHY, "%.96s is sm_%d, and sm_%d or later is needed", properties.name,
             sm_of(0), LEAST_SM);
    return SC_ERR_UNSUPPORTED;
}

static enum sc_status count(int *n, char *why)
{
    int ordinals[MOST_CARDS];
    return usable(ordinals, n, why);
}

static enum sc_status find_card(int card, int *ordinal, char *why)
{
    int ordinals[MOST_CARDS], n;
    SC_TRY(usable(ordinals, &n, why));
    if (card < 0 || card >= n) {
        snprintf(why, SC_GPU_WHY, "no card %d: there %s %d, numbered from 0", card,
                 n == 1 ? "is" : "are", n);
        return SC_ERR_UNSUPPORTED;
    }
    *ordinal = ordinals[card];
    return SC_OK;
}

static enum sc_status describe(int card, struct sc_gpu_card *out, char *why)
{
    struct cudaDeviceProp properties;
    int ordinal, driver = 0;
    memset(out, 0, sizeof *out);
    SC_TRY(find_card(card, &ordinal, why));
    SC_TRY(sc_cuda_lt_name(out->library, sizeof out->library, why));
    TRY_CUDA(cudaSetDevice(ordinal), "taking the card");
    TRY_CUDA(cudaGetDeviceProperties(&properties, ordinal), "reading what the card is");
    TRY_CUDA(cudaMemGetInfo(&out->free_bytes, &out->bytes), "reading how much memory is free");
    TRY_CUDA(cudaDriverGetVersion(&driver), "reading the driver's version");
    snprintf(out->name, sizeof out->name, "%.95s", properties.name);
    snprintf(out->arithmetic, sizeof out->arithmetic, "sm_%d", sm_of(ordinal));
    snprintf(out->versions, sizeof out->versions, "driver for CUDA %d.%d, runtime %d.%d",
             driver / 1000, driver % 1000 / 10, CUDART_VERSION / 1000, CUDART_VERSION % 1000 / 10);
    out->shared_bytes = (size_t)attribute(ordinal, cudaDevAttrMaxSharedMemoryPerBlockOptin);
    out->n_processors = (uint32_t)attribute(ordinal, cudaDevAttrMultiProcessorCount);
    return SC_OK;
}

/* Every kernel is loaded, so that none is while work is recorded, and may have all of the shared
 * memory that a block can have. */
static enum sc_status prepare_kernels(int ordinal, char *why)
{
    const int shared = attribute(ordinal, cudaDevAttrMaxSharedMemoryPerBlockOptin);
    for (size_t i = 0; i < SC_GPU_N_KERNELS; i++) {
        const struct sc_cuda_kernel *kernel = &sc_cuda_kernels[i];
        struct cudaFuncAttributes is;
        char what[96];
        snprintf(what, sizeof what, "loading the kernel %s for sm_%d", kernel->name,
                 sm_of(ordinal));
        TRY_CUDA(cudaFuncGetAttributes(&is, kernel->function), what);
        TRY_CUDA(cudaFuncSetAttribute(kernel->function, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                      shared - (int)is.sharedSizeBytes),
                 what);
    }
    return SC_OK;
}

static void gpu_close(void *opened)
{
    struct gpu *gpu = opened;
    if (gpu == NULL)
        return;
    cudaSetDevice(gpu->ordinal);
    sc_cuda_lt_close(gpu->library);
    free(gpu);
}

static enum sc_status gpu_try_open(struct gpu *gpu, int card, char *why)
{
    SC_TRY(find_card(card, &gpu->ordinal, why));
    TRY_CUDA(cudaSetDevice(gpu->ordinal), "taking the card");
    TRY_CUDA(cudaFree(NULL), "beginning with the card"); /* the card's context */
    SC_TRY(prepare_kernels(gpu->ordinal, why));
    return sc_cuda_lt_open(&gpu->library, why);
}

static enum sc_status gpu_open(void **out, int card, char *why)
{
    *out = NULL;
    struct gpu *gpu = calloc(1, sizeof *gpu);
    if (gpu == NULL)
        return out_of_memory(why);
    const enum sc_status status = gpu_try_open(gpu, card, why);
    if (status != SC_OK)
        gpu_close(gpu);
    else
        *out = gpu;
    return status;
}

/* ---- memory ---------------------------------------------------------------------------------- */

static enum sc_status take(void *opened, size_t bytes, void **memory, char *why)
{
    const struct gpu *gpu = opened;
    char what[64];
    *memory = NULL;
    snprintf(what, sizeof what, "%zu bytes of the card's memory", bytes);
    TRY_CUDA(cudaSetDevice(gpu->ordinal), what);
    TRY_CUDA(cudaMalloc(memory, bytes > 0 ? bytes : 1), what); /* 256-byte aligned at least */
    return SC_OK;
}

static void release(void *opened, void *memory)
{
    const struct gpu *gpu = opened;
    if (memory == NULL)
        return;
    cudaSetDevice(gpu->ordinal);
    cudaFree(memory);
}

static enum sc_status take_host(void *opened, size_t bytes, void **memory, char *why)
{
    const struct gpu *gpu = opened;
    char what[64];
    *memory = NULL;
    snprintf(what, sizeof what, "%zu pinned bytes of the host's memory", bytes);
    TRY_CUDA(cudaSetDevice(gpu->ordinal), what);
    TRY_CUDA(cudaHostAlloc(memory, bytes > 0 ? bytes : 1, cudaHostAllocDefault),
             what); /* whole pages */
    return SC_OK;
}

static void release_host(void *opened, void *memory)
{
    const struct gpu *gpu = opened;
    if (memory == NULL)
        return;
    cudaSetDevice(gpu->ordinal);
    cudaFreeHost(memory);
}

/* In the thread's own stream, since threads store at the same time, and waited for: cudaMemcpy of
 * memory that is not pinned may return before all is there. */
static enum sc_status store(void *opened, void *to, const void *from, size_t bytes, char *why)
{
    const struct gpu *gpu = opened;
    TRY_CUDA(cudaSetDevice(gpu->ordinal), "a copy to the card");
    TRY_CUDA(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, cudaStreamPerThread),
             "a copy to the card");
    TRY_CUDA(cudaStreamSynchronize(cudaStreamPerThread), "a copy to the card");
    return SC_OK;
}

/* ---- queues ---------------------------------------------------------------------------------- */

static void queue_close(void *opened)
{
    struct sc_cuda_queue *q = opened;
    if (q == NULL)
        return;
    cudaSetDevice(q->ordinal);
    if (q->is_recording) {
        cudaGraph_t graph = NULL;
        if (cudaStreamEndCapture(q->stream, &graph) == cudaSuccess)
            cudaGraphDestroy(graph);
    }
    /* What is under way may write memory that the caller gives back next. */
    if (q->stream != NULL)
        cudaStreamSynchronize(q->stream);
    for (size_t i = 0; i < SC_GPU_MARKS; i++)
        if (q->marks[i] != NULL)
            cudaEventDestroy(q->marks[i]);
    cudaFree(q->workspace);
    if (q->stream != NULL)
        cudaStreamDestroy(q->stream);
    cudaGetLastError();
    free(q);
}

static enum sc_status queue_try_open(struct sc_cuda_queue *q, char *why)
{
    TRY_CUDA(cudaSetDevice(q->ordinal), "a queue");
    TRY_CUDA(cudaStreamCreateWithFlags(&q->stream, cudaStreamNonBlocking), "a queue");
    for (size_t i = 0; i < SC_GPU_MARKS; i++)
        TRY_CUDA(cudaEventCreate(&q->marks[i]), "a queue's marks");
    if (q->library != NULL)
        TRY_CUDA(cudaMalloc(&q->workspace, SC_CUDA_WORKSPACE), "a queue's workspace");
    return SC_OK;
}

static enum sc_status queue_open(void *opened, void **out, char *why)
{
    const struct gpu *gpu = opened;
    *out = NULL;
    struct sc_cuda_queue *q = calloc(1, sizeof *q);
    if (q == NULL)
        return out_of_memory(why);
    q->ordinal = gpu->ordinal;
    q->library = gpu->library;
    const enum sc_status status = queue_try_open(q, why);
    if (status != SC_OK)
        queue_close(q);
    else
        *out = q;
    return status;
}

/* Makes a queue's card current, unless the queue is lost. */
static enum sc_status begin(struct sc_cuda_queue *q, char *why)
{
    if (q->is_lost) {
        snprintf(why, SC_GPU_WHY, "the queue is lost");
        return SC_ERR_INTERNAL;
    }
    TRY_CUDA(cudaSetDevice(q->ordinal), "taking the card");
    return SC_OK;
}

static enum sc_status end(struct sc_cuda_queue *q, cudaError_t error, const char *what, char *why)
{
    if (error == cudaSuccess)
        return SC_OK;
    q->is_lost = true;
    return sc_cuda_failed(error, what, why);
}

static enum sc_status send(void *opened, void *to, const void *from, size_t bytes,
                           enum cudaMemcpyKind kind, char *why)
{
    struct sc_cuda_queue *q = opened;
    SC_TRY(begin(q, why));
    return end(q, cudaMemcpyAsync(to, from, bytes, kind, q->stream),
               kind == cudaMemcpyHostToDevice   ? "a copy to the card"
               : kind == cudaMemcpyDeviceToHost ? "a copy from the card"
                                                : "a copy on the card",
               why);
}

static enum sc_status upload(void *q, void *to, const void *from, size_t bytes, char *why)
{
    return send(q, to, from, bytes, cudaMemcpyHostToDevice, why);
}

static enum sc_status download(void *q, void *to, const void *from, size_t bytes, char *why)
{
    return send(q, to, from, bytes, cudaMemcpyDeviceToHost, why);
}

static enum sc_status copy(void *q, void *to, const void *from, size_t bytes, char *why)
{
    return send(q, to, from, bytes, cudaMemcpyDeviceToDevice, why);
}

static enum sc_status launch(void *opened, const struct sc_gpu_launch *l, char *why)
{
    struct sc_cuda_queue *q = opened;
    assert((unsigned)l->kernel < SC_GPU_N_KERNELS);
    const struct sc_cuda_kernel *kernel = &sc_cuda_kernels[l->kernel];
    assert(l->argument_bytes == kernel->argument_bytes);
    SC_TRY(begin(q, why));
    unsigned char arguments[SC_GPU_MOST_ARGUMENTS]; /* the runtime asks for what may be written */
    memcpy(arguments, l->arguments, l->argument_bytes);
    void *parameters[] = {arguments};
    const dim3 blocks = {l->blocks[0], l->blocks[1], l->blocks[2]}, threads = {l->threads, 1, 1};
    const cudaError_t error =
        cudaLaunchKernel(kernel->function, blocks, threads, parameters, l->shared_bytes, q->stream);
    if (error == cudaSuccess)
        return SC_OK;
    char what[160];
    snprintf(what, sizeof what, "%s with %u x %u x %u blocks of %u threads and %u shared bytes",
             kernel->name, blocks.x, blocks.y, blocks.z, threads.x, l->shared_bytes);
    return end(q, error, what, why);
}

static enum sc_status mark(void *opened, unsigned at, char *why)
{
    struct sc_cuda_queue *q = opened;
    assert(at < SC_GPU_MARKS && !q->is_recording);
    SC_TRY(begin(q, why));
    return end(q, cudaEventRecord(q->marks[at], q->stream), "a mark", why);
}

static enum sc_status wait_for(void *opened, char *why)
{
    struct sc_cuda_queue *q = opened;
    assert(!q->is_recording);
    SC_TRY(begin(q, why));
    return end(q, cudaStreamSynchronize(q->stream), "the work", why);
}

static double seconds(void *opened, unsigned from, unsigned to)
{
    const struct sc_cuda_queue *q = opened;
    float milliseconds = 0;
    if (cudaSetDevice(q->ordinal) != cudaSuccess ||
        cudaEventElapsedTime(&milliseconds, q->marks[from], q->marks[to]) != cudaSuccess)
        return cudaGetLastError(), 0;
    return 1e-3 * (double)milliseconds;
}

static enum sc_status record(void *opened, char *why)
{
    struct sc_cuda_queue *q = opened;
    assert(!q->is_recording);
    SC_TRY(begin(q, why));
    TRY_CUDA(cudaStreamBeginCapture(q->stream, cudaStreamCaptureModeThreadLocal), "a recording");
    q->is_recording = true;
    return SC_OK;
}

/* What failed meanwhile was never work: a stream that is captured does none, and is as it was when
 * that ends. */
static enum sc_status record_end(void *opened, void **recording, char *why)
{
    struct sc_cuda_queue *q = opened;
    cudaGraph_t graph = NULL;
    cudaGraphExec_t made = NULL;
    assert(q->is_recording);
    const bool has_failed = q->is_lost;
    q->is_recording = q->is_lost = false;
    *recording = NULL;
    cudaSetDevice(q->ordinal);
    cudaError_t error = cudaStreamEndCapture(q->stream, &graph);
    if (error == cudaSuccess)
        error = cudaGraphInstantiate(&made, graph, 0);
    if (error == cudaSuccess)
        error = cudaGraphUpload(made, q->stream); /* or the first replay would bring it there */
    if (graph != NULL)
        cudaGraphDestroy(graph);
    if (error == cudaSuccess && !has_failed) {
        *recording = made;
        return SC_OK;
    }
    if (made != NULL)
        cudaGraphExecDestroy(made);
    return sc_cuda_failed(error != cudaSuccess ? error : cudaErrorStreamCaptureInvalidated,
                          "a recording", why);
}

static void forget(void *opened, void *recording)
{
    const struct sc_cuda_queue *q = opened;
    if (recording == NULL)
        return;
    cudaSetDevice(q->ordinal);
    cudaGraphExecDestroy(recording);
}

static enum sc_status replay(void *opened, void *recording, char *why)
{
    struct sc_cuda_queue *q = opened;
    SC_TRY(begin(q, why));
    return end(q, cudaGraphLaunch(recording, q->stream), "a replay", why);
}

/* ---- products -------------------------------------------------------------------------------- */

static enum sc_status find_ways(void *opened, const struct sc_gpu_product_shape *shape,
                                uint32_t n_rows, void **ways, size_t most, size_t *n, char *why)
{
    const struct gpu *gpu = opened;
    *n = 0;
    if (gpu->library == NULL)
        return SC_OK;
    TRY_CUDA(cudaSetDevice(gpu->ordinal), "taking the card");
    return sc_cuda_lt_find_ways(gpu->library, shape, n_rows, ways, most, n, why);
}

static void forget_way(void *opened, void *way)
{
    (void)opened;
    sc_cuda_lt_forget_way(way);
}

static enum sc_status multiply(void *opened, void *way, const struct sc_gpu_operands *operands,
                               char *why)
{
    struct sc_cuda_queue *q = opened;
    SC_TRY(begin(q, why));
    const enum sc_status status = sc_cuda_lt_multiply(q, way, operands, why);
    q->is_lost = status != SC_OK;
    return status;
}

__attribute__((visibility("default"))) const struct sc_gpu_module *sc_gpu_module(void)
{
    static const struct sc_gpu_module module = {
        .version = SC_GPU_MODULE_VERSION,
        .bytes = sizeof(struct sc_gpu_module),
        .name = "cuda",
        .count = count,
        .describe = describe,
        .open = gpu_open,
        .close = gpu_close,
        .take = take,
        .release = release,
        .take_host = take_host,
        .release_host = release_host,
        .store = store,
        .queue_open = queue_open,
        .queue_close = queue_close,
        .upload = upload,
        .download = download,
        .copy = copy,
        .launch = launch,
        .mark = mark,
        .wait = wait_for,
        .seconds = seconds,
        .record = record,
        .record_end = record_end,
        .forget = forget,
        .replay = replay,
        .find_ways = find_ways,
        .forget_way = forget_way,
        .multiply = multiply,
    };
    return &module;
}
