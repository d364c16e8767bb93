/*
 * See modules.h.  The loader gives the same module for the same file, however often it is asked, so
 * nothing is kept here.
 */
#include "engine/gpu/modules.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "engine/gpu/queue.h"

#define MODULE_FILE "libsafeconf_cuda.so"

#if defined(__x86_64__)
#define MULTIARCH "lib/x86_64-linux-gnu/safeconf"
#elif defined(__aarch64__)
#define MULTIARCH "lib/aarch64-linux-gnu/safeconf"
#else
#define MULTIARCH "lib/safeconf"
#endif

/* Folders seen from the one that the library is in, and from the one above the program's. */
static const char *const beside_library[] = {"", "safeconf", NULL};
static const char *const above_program[] = {"lib/safeconf", "lib64/safeconf", MULTIARCH, NULL};

struct search {
    char *found;           /* path of the file, or NULL */
    struct sc_text looked; /* where it is not */
};

/* The first `n` bytes of a path without its last `n_up` parts. */
static size_t folder_of(const char *file, size_t n_up)
{
    size_t n = strlen(file);
    for (size_t up = 0; up < n_up && n > 0; up++)
        do
            n--;
        while (n > 0 && file[n] != '/');
    return n;
}

static void look_in(struct search *s, const char *root, size_t n_root, const char *folder)
{
    struct sc_text path = {0};
    sc_text_add(&path, root, n_root);
    if (*folder != '\0')
        sc_text_printf(&path, "/%s", folder);
    sc_text_printf(&path, "/%s", MODULE_FILE);
    s->looked.failed |= path.failed;
    if (!path.failed && sc_file_exists(path.data)) {
        s->found = path.data;
        return;
    }
    if (!path.failed && strstr(s->looked.data != NULL ? s->looked.data : "", path.data) == NULL)
        sc_text_printf(&s->looked, "%s%s", s->looked.len > 0 ? ", " : "", path.data);
    sc_text_free(&path);
}

static void look_beside_library(struct search *s)
{
    static const char here = 0;
    Dl_info library;
    if (dladdr(&here, &library) == 0 || library.dli_fname == NULL || library.dli_fname[0] != '/')
        return;
    const size_t n = folder_of(library.dli_fname, 1);
    for (size_t i = 0; s->found == NULL && beside_library[i] != NULL; i++)
        look_in(s, library.dli_fname, n, beside_library[i]);
}

static void look_beside_program(struct search *s)
{
    char exe[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (n <= 0 || (size_t)n >= sizeof exe - 1)
        return;
    exe[n] = '\0';
    if (s->found == NULL)
        look_in(s, exe, folder_of(exe, 1), "");
    for (size_t i = 0; s->found == NULL && above_program[i] != NULL; i++)
        look_in(s, exe, folder_of(exe, 2), above_program[i]);
}

/* The path of the module, which is the caller's, also after a failure. */
static enum sc_status find_file(char **path, struct sc_error *error)
{
    const char *named = getenv(SC_GPU_MODULE_VARIABLE);
    *path = NULL;
    if (named != NULL && *named != '\0') {
        *path = sc_strdup(named);
        return *path != NULL ? SC_OK : sc_fail_nomem(error, "module for GPUs");
    }
    struct search s = {0};
    look_beside_library(&s);
    look_beside_program(&s);
    enum sc_status status = SC_OK;
    if (s.looked.failed)
        status = sc_fail_nomem(error, "module for GPUs");
    else if (s.found == NULL)
        status = sc_fail(error, SC_ERR_UNSUPPORTED,
                         "the device cuda: its module is not installed: looked for %.420s",
                         s.looked.len > 0 ? s.looked.data : "no place");
    sc_text_free(&s.looked);
    *path = s.found;
    return status;
}

static enum sc_status load(const struct sc_gpu_module **out, const char *path,
                           struct sc_error *error)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL)
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "the device cuda: its module cannot be loaded: %.400s", dlerror());
    sc_gpu_module_function *function = NULL;
    void *symbol = dlsym(handle, SC_GPU_MODULE_SYMBOL);
    memcpy(&function, &symbol, sizeof function); /* C has no cast between them */
    const struct sc_gpu_module *module = function != NULL ? function() : NULL;
    if (module == NULL)
        return sc_fail(error, SC_ERR_UNSUPPORTED, "the device cuda: %.400s is not a module for it",
                       path);
    if (module->version != SC_GPU_MODULE_VERSION || module->bytes != sizeof *module)
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "the device cuda: %.400s: expected the module of this program (version %d, "
                       "%zu bytes), found another (version %u, %u bytes)",
                       path, SC_GPU_MODULE_VERSION, sizeof *module, module->version, module->bytes);
    *out = module;
    return SC_OK;
}

enum sc_status sc_gpu_module_find(const struct sc_gpu_module **out, struct sc_error *error)
{
    char *path = NULL;
    *out = NULL;
    enum sc_status status = find_file(&path, error);
    if (path != NULL && status == SC_OK)
        status = load(out, path, error);
    sc_free(path);
    return status;
}

enum sc_status sc_gpu_card_find(const struct sc_gpu_module *module, int card,
                                struct sc_gpu_card *out, struct sc_error *error)
{
    char why[SC_GPU_WHY] = "";
    int n = 0;
    enum sc_status status = module->count(&n, why);
    if (status != SC_OK)
        return sc_gpu_failed(module, status, why, error);
    if (n == 0)
        return sc_gpu_failed(module, SC_ERR_UNSUPPORTED, "there is no GPU", error);
    if (card < 0 || card >= n)
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "the device %s: expected a GPU from 0 to %d, found %d", module->name, n - 1,
                       card);
    status = module->describe(card, out, why);
    return status == SC_OK ? SC_OK : sc_gpu_failed(module, status, why, error);
}

bool sc_gpu_is_there(void)
{
    const char *visible = getenv("CUDA_VISIBLE_DEVICES");
    const char *named = getenv(SC_GPU_MODULE_VARIABLE);
    if (named != NULL && *named != '\0')
        return true;
    if (visible != NULL && (*visible == '\0' || *visible == '-'))
        return false;
    return access("/dev/nvidiactl", F_OK) == 0 || access("/dev/dxg", F_OK) == 0;
}
