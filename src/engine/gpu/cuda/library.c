/*
 * See cuda.h.  cuBLASLt numbers matrices by columns: our y [rows][n_out] is its n_out x rows, so it
 * multiplies W (stored as n_in x n_out, transposed) by x (n_in x rows).  Ways that split a sum over
 * blocks and add the parts are not offered: in which order they are added may follow from the
 * number of rows, or from chance.  What is left is still tried by the caller (products.h).
 *
 * The library is loaded when it is first asked for and stays: its file is some hundreds of MB, and
 * a machine may have a card without it; then kernels of our own multiply.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h" /* SC_TRY; nothing of it is called */
#include "engine/gpu/cuda/cuda.h"

#if defined __has_include && __has_include(<cublasLt.h>)
#include <cublasLt.h>

enum { MOST_ASKED = 32 }; /* ways that the library is asked for, of which some are not offered */

/* ---- the file -------------------------------------------------------------------------------- */

/* X(function, without the prefix cublasLt) */
#define FUNCTIONS(X)                                                                               \
    X(Create)                                                                                      \
    X(Destroy)                                                                                     \
    X(GetVersion)                                                                                  \
    X(Matmul)                                                                                      \
    X(MatmulAlgoConfigGetAttribute)                                                                \
    X(MatmulAlgoGetHeuristic)                                                                      \
    X(MatmulDescCreate)                                                                            \
    X(MatmulDescDestroy)                                                                           \
    X(MatmulDescSetAttribute)                                                                      \
    X(MatmulPreferenceCreate)                                                                      \
    X(MatmulPreferenceDestroy)                                                                     \
    X(MatmulPreferenceSetAttribute)                                                                \
    X(MatrixLayoutCreate)                                                                          \
    X(MatrixLayoutDestroy)

static struct {
    bool is_there;
    char why[SC_GPU_WHY]; /* SAFECONF_CUBLASLT names what cannot be used; "": it does not */
#define POINTER(name) __typeof__(cublasLt##name) *name;
    FUNCTIONS(POINTER)
#undef POINTER
} lt;
static pthread_once_t lt_once = PTHREAD_ONCE_INIT;

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
#define FILE_NAME "libcublasLt.so." TEXT(CUBLAS_VER_MAJOR)

static void load(void)
{
    const char *named = getenv("SAFECONF_CUBLASLT");
    void *file;
    if (named != NULL && *named != '\0') {
        file = dlopen(named, RTLD_NOW | RTLD_LOCAL);
        if (file == NULL)
            snprintf(lt.why, sizeof lt.why, "SAFECONF_CUBLASLT: %s", dlerror());
    } else {
        /* Where the loader looks, or where a toolkit is usually installed. */
        file = dlopen(FILE_NAME, RTLD_NOW | RTLD_LOCAL);
        if (file == NULL)
            file = dlopen("/usr/local/cuda/lib64/" FILE_NAME, RTLD_NOW | RTLD_LOCAL);
    }
    if (file == NULL)
        return;
    lt.is_there = true;
#define FIND(name)                                                                                 \
    *(void **)&lt.name = dlsym(file, "cublasLt" #name);                                            \
    lt.is_there = lt.is_there && lt.name != NULL;
    FUNCTIONS(FIND)
#undef FIND
    if (lt.is_there)
        lt.is_there = lt.GetVersion() / 10000 == CUBLAS_VER_MAJOR;
    if (!lt.is_there && named != NULL)
        snprintf(lt.why, sizeof lt.why, "SAFECONF_CUBLASLT: expected a cuBLASLt of version %d",
                 CUBLAS_VER_MAJOR);
}

enum sc_status sc_cuda_lt_name(char *out, size_t n, char *why)
{
    pthread_once(&lt_once, load);
    *out = '\0';
    if (lt.why[0] != '\0') {
        snprintf(why, SC_GPU_WHY, "%s", lt.why);
        return SC_ERR_UNSUPPORTED;
    }
    if (!lt.is_there)
        return SC_OK;
    const size_t version = lt.GetVersion(); /* 130100: 13.1.0 */
    snprintf(out, n, "cublasLt-%zu.%zu.%zu", version / 10000, version / 100 % 100, version % 100);
    return SC_OK;
}

/* ---- a card's -------------------------------------------------------------------------------- */

struct sc_cuda_lt {
    cublasLtHandle_t handle;
};

/* A way: the product's description and the algorithm. */
struct sc_cuda_way {
    cublasLtMatmulDesc_t product;
    cublasLtMatrixLayout_t w, x, y;
    cublasLtMatmulAlgo_t algorithm;
    size_t workspace_bytes;
};

static enum sc_status failed(cublasStatus_t status, const char *what, char *why)
{
    snprintf(why, SC_GPU_WHY, "cublasLt: %s: status %d", what, (int)status);
    return status == CUBLAS_STATUS_ALLOC_FAILED ? SC_ERR_NOMEM : SC_ERR_INTERNAL;
}

#define TRY_LT(call, what)                                                                         \
    do {                                                                                           \
        cublasStatus_t try_status = (call);                                                        \
        if (try_status != CUBLAS_STATUS_SUCCESS)                                                   \
            return failed(try_status, (what), why);                                                \
    } while (0)

enum sc_status sc_cuda_lt_open(struct sc_cuda_lt **out, char *why)
{
    char unused[64];
    *out = NULL;
    const enum sc_status status = sc_cuda_lt_name(unused, sizeof unused, why);
    if (status != SC_OK || !lt.is_there)
        return status;
    struct sc_cuda_lt *library = calloc(1, sizeof *library);
    if (library == NULL) {
        snprintf(why, SC_GPU_WHY, "out of memory of the host");
        return SC_ERR_NOMEM;
    }
    const cublasStatus_t created = lt.Create(&library->handle);
    if (created != CUBLAS_STATUS_SUCCESS) {
        free(library);
        return failed(created, "beginning with the card", why);
    }
    *out = library;
    return SC_OK;
}

void sc_cuda_lt_close(struct sc_cuda_lt *library)
{
    if (library == NULL)
        return;
    lt.Destroy(library->handle);
    free(library);
}

/* ---- ways ------------------------------------------------------------------------------------ */

void sc_cuda_lt_forget_way(struct sc_cuda_way *way)
{
    if (way == NULL)
        return;
    if (way->product != NULL)
        lt.MatmulDescDestroy(way->product);
    if (way->w != NULL)
        lt.MatrixLayoutDestroy(way->w);
    if (way->x != NULL)
        lt.MatrixLayoutDestroy(way->x);
    if (way->y != NULL)
        lt.MatrixLayoutDestroy(way->y);
    free(way);
}

/* In f32 products are of f32 too: "pedantic" is without the shorter numbers that are the default of
 * some settings. */
static enum sc_status describe(struct sc_cuda_way *way, const struct sc_gpu_product_shape *s,
                               uint32_t n_rows, char *why)
{
    const cudaDataType_t type = s->bf16 ? CUDA_R_16BF : CUDA_R_32F;
    const cublasComputeType_t compute = s->bf16 ? CUBLAS_COMPUTE_32F : CUBLAS_COMPUTE_32F_PEDANTIC;
    const cublasOperation_t turned = CUBLAS_OP_T;
    TRY_LT(lt.MatmulDescCreate(&way->product, compute, CUDA_R_32F), "describing a product");
    TRY_LT(lt.MatmulDescSetAttribute(way->product, CUBLASLT_MATMUL_DESC_TRANSA, &turned,
                                     sizeof turned),
           "describing a product");
    TRY_LT(lt.MatrixLayoutCreate(&way->w, type, s->n_in, s->n_out, s->w_stride), "describing W");
    TRY_LT(lt.MatrixLayoutCreate(&way->x, type, s->n_in, n_rows, s->x_stride), "describing x");
    TRY_LT(lt.MatrixLayoutCreate(&way->y, CUDA_R_32F, s->n_out, n_rows, s->y_stride),
           "describing y");
    return SC_OK;
}

static enum sc_status new_way(struct sc_cuda_way **out, const struct sc_gpu_product_shape *shape,
                              uint32_t n_rows, char *why)
{
    *out = calloc(1, sizeof **out);
    if (*out == NULL) {
        snprintf(why, SC_GPU_WHY, "out of memory of the host");
        return SC_ERR_NOMEM;
    }
    const enum sc_status status = describe(*out, shape, n_rows, why);
    if (status != SC_OK) {
        sc_cuda_lt_forget_way(*out);
        *out = NULL;
    }
    return status;
}

/* The library's wishes are of MatmulPreference: a workspace of at most ours, no sums in parts. */
static enum sc_status wish(cublasLtMatmulPreference_t wishes, char *why)
{
    const uint64_t workspace = SC_CUDA_WORKSPACE;
    /* Of what may begin with any row. */
    const uint32_t reductions = CUBLASLT_REDUCTION_SCHEME_NONE, alignment = 64 * sizeof(uint16_t);
    static const cublasLtMatmulPreferenceAttributes_t of[] = {
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES};
    TRY_LT(lt.MatmulPreferenceSetAttribute(wishes, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                           &workspace, sizeof workspace),
           "bounding the workspace");
    TRY_LT(lt.MatmulPreferenceSetAttribute(wishes, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
                                           &reductions, sizeof reductions),
           "excluding sums in parts");
    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        TRY_LT(lt.MatmulPreferenceSetAttribute(wishes, of[i], &alignment, sizeof alignment),
               "saying how memory is aligned");
    return SC_OK;
}

/* An algorithm that says it splits sums all the same is not offered. */
static bool sums_whole(const cublasLtMatmulAlgo_t *algorithm)
{
    int32_t parts = 0;
    uint32_t reduction = CUBLASLT_REDUCTION_SCHEME_MASK;
    size_t written;
    return lt.MatmulAlgoConfigGetAttribute(algorithm, CUBLASLT_ALGO_CONFIG_SPLITK_NUM, &parts,
                                           sizeof parts, &written) == CUBLAS_STATUS_SUCCESS &&
           lt.MatmulAlgoConfigGetAttribute(algorithm, CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME,
                                           &reduction, sizeof reduction,
                                           &written) == CUBLAS_STATUS_SUCCESS &&
           parts <= 1 && reduction == CUBLASLT_REDUCTION_SCHEME_NONE;
}

/* Algorithms for what `like` describes. */
struct algorithms {
    cublasLtMatmulHeuristicResult_t item[MOST_ASKED];
    int n;
};

static enum sc_status ask_with(struct sc_cuda_lt *library, const struct sc_cuda_way *like,
                               cublasLtMatmulPreference_t wishes, struct algorithms *out, char *why)
{
    SC_TRY(wish(wishes, why));
    /* A product that the library does not do has none. */
    if (lt.MatmulAlgoGetHeuristic(library->handle, like->product, like->w, like->x, like->y,
                                  like->y, wishes, MOST_ASKED, out->item,
                                  &out->n) != CUBLAS_STATUS_SUCCESS)
        out->n = 0;
    return SC_OK;
}

static enum sc_status ask(struct sc_cuda_lt *library, const struct sc_cuda_way *like,
                          struct algorithms *out, char *why)
{
    cublasLtMatmulPreference_t wishes;
    out->n = 0;
    TRY_LT(lt.MatmulPreferenceCreate(&wishes), "saying what is wanted");
    const enum sc_status status = ask_with(library, like, wishes, out, why);
    lt.MatmulPreferenceDestroy(wishes);
    return status;
}

enum sc_status sc_cuda_lt_find_ways(struct sc_cuda_lt *library,
                                    const struct sc_gpu_product_shape *shape, uint32_t n_rows,
                                    void **ways, size_t most, size_t *n, char *why)
{
    struct algorithms found;
    struct sc_cuda_way *like;
    *n = 0;
    SC_TRY(new_way(&like, shape, n_rows, why));
    enum sc_status status = ask(library, like, &found, why);
    sc_cuda_lt_forget_way(like);
    for (int i = 0; i < found.n && *n < most && status == SC_OK; i++) {
        const cublasLtMatmulHeuristicResult_t *one = &found.item[i];
        struct sc_cuda_way *way;
        if (one->state != CUBLAS_STATUS_SUCCESS || !sums_whole(&one->algo) ||
            one->workspaceSize > SC_CUDA_WORKSPACE)
            continue;
        status = new_way(&way, shape, n_rows, why);
        if (status != SC_OK)
            break;
        way->algorithm = one->algo;
        way->workspace_bytes = one->workspaceSize;
        ways[(*n)++] = way;
    }
    while (status != SC_OK && *n > 0)
        sc_cuda_lt_forget_way(ways[--*n]);
    return status;
}

enum sc_status sc_cuda_lt_multiply(const struct sc_cuda_queue *queue, const struct sc_cuda_way *way,
                                   const struct sc_gpu_operands *operands, char *why)
{
    const float one = 1, none = 0;
    TRY_LT(lt.Matmul(queue->library->handle, way->product, &one, operands->w, way->w, operands->x,
                     way->x, &none, operands->y, way->y, operands->y, way->y, &way->algorithm,
                     queue->workspace, way->workspace_bytes, queue->stream),
           "a product");
    return SC_OK;
}

#else /* the toolkit came without it: as if it were not installed */

enum sc_status sc_cuda_lt_name(char *out, size_t n, char *why)
{
    (void)why;
    if (n > 0)
        *out = '\0';
    return SC_OK;
}

enum sc_status sc_cuda_lt_open(struct sc_cuda_lt **out, char *why)
{
    (void)why;
    *out = NULL;
    return SC_OK;
}

void sc_cuda_lt_close(struct sc_cuda_lt *library)
{
    (void)library;
}

enum sc_status sc_cuda_lt_find_ways(struct sc_cuda_lt *library,
                                    const struct sc_gpu_product_shape *shape, uint32_t n_rows,
                                    void **ways, size_t most, size_t *n, char *why)
{
    (void)library, (void)shape, (void)n_rows, (void)ways, (void)most, (void)why;
    *n = 0;
    return SC_OK;
}

void sc_cuda_lt_forget_way(struct sc_cuda_way *way)
{
    (void)way;
}

enum sc_status sc_cuda_lt_multiply(const struct sc_cuda_queue *queue, const struct sc_cuda_way *way,
                                   const struct sc_gpu_operands *operands, char *why)
{
    (void)queue, (void)way, (void)operands;
    snprintf(why, SC_GPU_WHY, "the module was built without cuBLASLt");
    return SC_ERR_UNSUPPORTED;
}

#endif
