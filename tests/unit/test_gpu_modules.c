/* Finding a module for GPUs and a card of it, and what is done and said where there is none. */
#include <stdlib.h>

#include "engine/engine.h"
#include "engine/gpu/modules.h"
#include "model_fixture.h"
#include "vocabulary/device_name.h"

static char folder[64];
static struct sc_model *model; /* both for the whole program */

static int set_up(void **state)
{
    struct sc_error error = {0};
    char path[128];
    (void)state;
    make_folder(folder, sizeof folder);
    snprintf(path, sizeof path, "%s/model", folder);
    if (sc_model_write_random("tiny", NULL, SC_DTYPE_BF16, 1, path, &error) != SC_OK ||
        sc_model_open(&model, path, &error) != SC_OK) {
        printf("%s\n", error.text);
        return -1;
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sc_model_close(model);
    remove_folder(folder);
    return 0;
}

/* module: a file, or NULL: none is named; card: words of the emulated GPU. */
static void environment(const char *module, const char *card)
{
    if (module != NULL)
        setenv("SAFECONF_GPU_MODULE", module, 1);
    else
        unsetenv("SAFECONF_GPU_MODULE");
    setenv("SAFECONF_EMULATED_GPU", card, 1);
}

static enum sc_status open_with(const char *device, int dtype, struct sc_engine **engine,
                                struct sc_error *error)
{
    struct sc_engine_options options = sc_engine_options_default();
    options.dtype = dtype;
    options.device = device;
    *error = (struct sc_error){0};
    return sc_engine_open(engine, model, &options, error);
}

/* Named, it is an error that says so; chosen by itself, it is the CPU with the same reason. */
static void expect_refused(int dtype, enum sc_status status, const char *says)
{
    struct sc_engine *engine = NULL;
    struct sc_error error;
    assert_int_equal(open_with("cuda", dtype, &engine, &error), status);
    assert_null(engine);
    assert_clear(&error);
    if (strstr(error.text, says) == NULL)
        fail_msg("expected \"%s\" in: %s", says, error.text);
    assert_int_equal(open_with("auto", dtype, &engine, &error), SC_OK);
    assert_string_equal(sc_engine_device(engine), "cpu");
    assert_non_null(sc_engine_device_reason(engine));
    assert_non_null(strstr(sc_engine_device_reason(engine), says));
    sc_engine_close(engine);
}

static void modules_that_do_not_do(void **state)
{
    (void)state;
    char text[128], here[256];
    snprintf(text, sizeof text, "%s/text.so", folder);
    put_string(folder, "text.so", "not a library\n");
    snprintf(here, sizeof here, "the device cuda: its module cannot be loaded: %s", text);
    environment("/nowhere/module.so", "");
    expect_refused(-1, SC_ERR_UNSUPPORTED, "its module cannot be loaded: /nowhere/module.so");
    environment(text, "");
    expect_refused(-1, SC_ERR_UNSUPPORTED, here);
    environment("libm.so.6", "");
    expect_refused(-1, SC_ERR_UNSUPPORTED, "libm.so.6 is not a module for it");
    environment(TEST_GPU_OTHER_MODULE, "");
    expect_refused(-1, SC_ERR_UNSUPPORTED, "expected the module of this program (version ");
}

static void cards_that_do_not_do(void **state)
{
    (void)state;
    struct sc_engine *engine = NULL;
    struct sc_error error;
    char weights_alone[64];
    environment(TEST_GPU_MODULE, "cards=0");
    expect_refused(-1, SC_ERR_UNSUPPORTED, "there is no GPU");
    environment(TEST_GPU_MODULE, "no such word");
    expect_refused(-1, SC_ERR_UNSUPPORTED, "not understood");
    environment(TEST_GPU_MODULE, "bytes=4096");
    expect_refused(-1, SC_ERR_LIMIT, "of the card's 0.00 GiB are free");
    environment(TEST_GPU_MODULE, "");
    assert_int_equal(open_with("cuda", -1, &engine, &error), SC_OK);
    snprintf(weights_alone, sizeof weights_alone, "bytes=%zu",
             sc_engine_weight_bytes(engine) + 999);
    sc_engine_close(engine);
    environment(TEST_GPU_MODULE, weights_alone);
    expect_refused(-1, SC_ERR_LIMIT, "and a trace ");
    environment(TEST_GPU_MODULE, "");
    expect_refused(SC_DTYPE_INT8, SC_ERR_UNSUPPORTED, "dtype int8 is not computed");
    assert_int_equal(open_with("cuda:1", -1, &engine, &error), SC_ERR_UNSUPPORTED);
    assert_string_equal(error.text, "the device emulated: expected a GPU from 0 to 0, found 1");
    environment(TEST_GPU_MODULE, "cards=2");
    assert_int_equal(open_with("cuda:1", -1, &engine, &error), SC_OK);
    assert_string_equal(sc_engine_device(engine), "cuda:1 emulated GPU");
    sc_engine_close(engine);
}

/* A machine without a GPU says nothing of GPUs, unless it is asked for one. */
static void where_no_gpu_is_expected(void **state)
{
    (void)state;
    struct sc_engine *engine = NULL;
    struct sc_error error;
    environment(NULL, "");
    setenv("CUDA_VISIBLE_DEVICES", "", 1);
    assert_false(sc_gpu_is_there());
    assert_int_equal(open_with("auto", -1, &engine, &error), SC_OK);
    assert_null(sc_engine_device_reason(engine));
    assert_string_equal(sc_engine_device(engine), "cpu");
    sc_engine_close(engine);
    unsetenv("CUDA_VISIBLE_DEVICES");
}

/* Threads and instruction sets are the processor's. */
static void words_that_mean_the_processor(void **state)
{
    (void)state;
    struct sc_engine *engine = NULL;
    struct sc_error error = {0};
    struct sc_engine_options options = sc_engine_options_default();
    environment(TEST_GPU_MODULE, "");
    options.device = "auto";
    options.n_threads = 1;
    assert_int_equal(sc_engine_open(&engine, model, &options, &error), SC_OK);
    assert_string_equal(sc_engine_device(engine), "cpu");
    assert_null(sc_engine_device_reason(engine));
    sc_engine_close(engine);
    options.n_threads = 0;
    options.kernels = "portable";
    assert_int_equal(sc_engine_open(&engine, model, &options, &error), SC_OK);
    assert_string_equal(sc_engine_device(engine), "cpu");
    sc_engine_close(engine);
}

static void names_of_devices(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum sc_device_kind kind;
        int card;
    } good[] = {{NULL, SC_DEVICE_CPU, 0},      {"cpu", SC_DEVICE_CPU, 0},
                {"auto", SC_DEVICE_AUTO, 0},   {"cuda", SC_DEVICE_GPU, 0},
                {"cuda:0", SC_DEVICE_GPU, 0},  {"cuda:7", SC_DEVICE_GPU, 7},
                {"cuda:12", SC_DEVICE_GPU, 12}};
    static const char *const bad[] = {"",        "CUDA",   "gpu",     "cuda:",      "cuda:-1",
                                      "cuda:1x", "cuda 1", "cuda:+1", "cuda:12345", "cpu:0"};
    struct sc_device_wish wish;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(sc_device_wish_read(&wish, good[i].name, NULL), SC_OK);
        assert_int_equal(wish.kind, good[i].kind);
        assert_int_equal(wish.card, good[i].card);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct sc_error error = {0};
        assert_int_equal(sc_device_wish_read(&wish, bad[i], &error), SC_ERR_ARGUMENT);
        assert_clear(&error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modules_that_do_not_do),   cmocka_unit_test(cards_that_do_not_do),
        cmocka_unit_test(where_no_gpu_is_expected), cmocka_unit_test(words_that_mean_the_processor),
        cmocka_unit_test(names_of_devices),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
