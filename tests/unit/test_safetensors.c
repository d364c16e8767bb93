/* One safetensors file: what is accepted, and every way in which it can be broken. */
#include "model/checkpoint/checkpoint.h"
#include "model_fixture.h"

static unsigned char buffer[65536];

/* Lays out a header and n_data bytes of data; returns the size. */
static size_t lay_out(const char *header, size_t n_data)
{
    size_t n = strlen(header);

    for (size_t i = 0; i < 8; i++) {
        buffer[i] = (unsigned char)((uint64_t)n >> (8 * i));
    }
    memcpy(buffer + 8, header, n);
    for (size_t i = 0; i < n_data; i++) {
        buffer[8 + n + i] = (unsigned char)i;
    }
    return 8 + n + n_data;
}

static enum sc_status parse(const char *header, size_t n_data, struct sc_shard *shard,
                            struct sc_error *error)
{
    size_t n = lay_out(header, n_data);

    return sc_shard_parse(shard, "test.safetensors", buffer, n, error);
}

static void tensors_are_found_with_their_shape(void **state)
{
    struct sc_shard shard;
    struct sc_tensor tensor;
    struct sc_error error = {0};

    (void)state;
    assert_int_equal(parse("{\"__metadata__\":{\"format\":\"pt\"},"
                           "\"m\":{\"dtype\":\"BF16\",\"shape\":[3,2],\"data_offsets\":[0,12]},"
                           "\"v\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[13,21]},"
                           "\"overlap\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[4,8]},"
                           "\"other\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,8]}}",
                           24, &shard, &error),
                     SC_OK);
    assert_true(sc_shard_has(&shard, "m"));
    assert_false(sc_shard_has(&shard, "n"));
    assert_int_equal(sc_shard_tensor(&shard, "m", 3, 2, &tensor, &error), SC_OK);
    assert_int_equal(tensor.dtype, SC_DTYPE_BF16);
    assert_int_equal(tensor.n_rows, 3);
    assert_int_equal(tensor.n_cols, 2);
    assert_int_equal(((const unsigned char *)tensor.data)[11], 11);
    /* At an odd address: readers copy. */
    assert_int_equal(sc_shard_tensor(&shard, "v", 0, 2, &tensor, &error), SC_OK);
    assert_int_equal(tensor.n_rows, 1);
    assert_int_equal(((const unsigned char *)tensor.data)[0], 13);
    assert_int_equal(sc_shard_tensor(&shard, "overlap", 0, 2, &tensor, &error), SC_OK);
    assert_int_equal(tensor.dtype, SC_DTYPE_F16);
    sc_shard_close(&shard);
}

static void tensors_that_do_not_fit_are_refused(void **state)
{
    static const struct {
        const char *name;
        size_t n_rows, n_cols;
        const char *says;
    } cases[] = {{"m", 2, 3, "[3, 2]"},       {"m", 0, 6, "[3, 2]"},  {"v", 1, 4, "[4]"},
                 {"v", 0, 5, "expected [5]"}, {"gone", 0, 4, "gone"}, {"odd", 0, 4, "F8_E5M2"}};
    struct sc_shard shard;
    struct sc_error error = {0};

    (void)state;
    assert_int_equal(parse("{\"m\":{\"dtype\":\"BF16\",\"shape\":[3,2],\"data_offsets\":[0,12]},"
                           "\"odd\":{\"dtype\":\"F8_E5M2\",\"shape\":[4],\"data_offsets\":[0,4]},"
                           "\"v\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}}",
                           16, &shard, &error),
                     SC_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sc_tensor tensor;

        error = (struct sc_error){0};
        assert_int_not_equal(sc_shard_tensor(&shard, cases[i].name, cases[i].n_rows,
                                             cases[i].n_cols, &tensor, &error),
                             SC_OK);
        assert_clear(&error);
        assert_non_null(strstr(error.text, cases[i].says));
    }
    sc_shard_close(&shard);
}

static void broken_headers_are_refused(void **state)
{
    static const char *const headers[] = {
        "",
        "{",
        "[]",
        "null",
        "{{{{{{{{",
        "{\"m\":1}",
        "{\"m\":{}}",
        "{\"m\":{\"dtype\":1,\"shape\":[4],\"data_offsets\":[0,8]}}",
        "{\"m\":{\"dtype\":\"BF16\",\"shape\":4,\"data_offsets\":[0,8]}}",
        "{\"m\":{\"dtype\":\"BF16\",\"shape\":[-1,4],\"data_offsets\":[0,8]}}",
        "{\"m\":{\"dtype\":\"BF16\",\"shape\":[4.0],\"data_offsets\":[0,8]}}",
        "{\"m\":{\"dtype\":\"BF16\",\"shape\":[\"4\"],\"data_offsets\":[0,8]}}",
        "{\"m\":{\"dtype\":\"BF16\",\"shape\":[1,1,1,1,1,1,1,1,4],\"data_offsets\":[0,8]}}",
        "{\"m\":{\"dtype\":\"BF16\",\"shape\":[4],\"data_offsets\":[0]}}",
        "{\"m\":{\"dtype\":\"BF16\",\"shape\":[4],\"data_offsets\":[0,8,16]}}",
        "{\"m\":{\"dtype\":\"BF16\",\"shape\":[4],\"data_offsets\":[8,0]}}",
        "{\"m\":{\"dtype\":\"BF16\",\"shape\":[4],\"data_offsets\":[-8,0]}}",
        "{\"m\":{\"dtype\":\"BF16\",\"shape\":[4],\"data_offsets\":[16,24]}}",
        "{\"m\":{\"dtype\":\"BF16\",\"shape\":[4],\"data_offsets\":[0,1125899906842624]}}",
        "{\"m\":{\"dtype\":\"BF16\",\"shape\":[4],\"data_offsets\":[0,99999999999999999999]}}",
        "{\"m\":{\"dtype\":\"BF16\",\"shape\":[5],\"data_offsets\":[0,8]}}",
        "{\"m\":{\"dtype\":\"BF16\",\"shape\":[],\"data_offsets\":[0,8]}}",
        /* 2^32 * 2^31 * 2 bytes is 2^64, which must not come out as 0. */
        "{\"m\":{\"dtype\":\"BF16\",\"shape\":[4294967296,2147483648],\"data_offsets\":[0,0]}}",
        "{\"m\":{\"dtype\":\"F8\",\"shape\":[4],\"data_offsets\":[0,17]}}",
        /* the same name twice */
        ("{\"m\":{\"dtype\":\"I8\",\"shape\":[],\"data_offsets\":[0,1]},"
         "\"m\":{\"dtype\":\"I8\",\"shape\":[],\"data_offsets\":[0,1]}}"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        struct sc_shard shard;
        struct sc_error error = {0};

        assert_int_not_equal(parse(headers[i], 16, &shard, &error), SC_OK);
        assert_clear(&error);
        assert_non_null(strstr(error.text, "test.safetensors"));
    }
}

static void a_header_longer_than_the_file_is_refused(void **state)
{
    static const char header[] =
        "{\"m\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}}";
    size_t n = lay_out(header, 16);
    struct sc_shard shard;
    struct sc_error error = {0};

    (void)state;
    assert_int_equal(sc_shard_parse(&shard, "t", buffer, n, &error), SC_OK);
    sc_shard_close(&shard);
    /* Every shorter file fails, wherever it was cut. */
    for (size_t cut = 0; cut < n; cut++) {
        error = (struct sc_error){0};
        assert_int_not_equal(sc_shard_parse(&shard, "t", buffer, cut, &error), SC_OK);
        assert_clear(&error);
    }
    for (size_t byte = 1; byte < 8; byte++) {
        lay_out(header, 16);
        buffer[byte] = 0x80;
        error = (struct sc_error){0};
        assert_int_not_equal(sc_shard_parse(&shard, "t", buffer, n, &error), SC_OK);
        assert_clear(&error);
    }
}

static void parsing_survives_failing_allocations(void **state)
{
    size_t n = lay_out("{\"m\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}", 16);
    bool done = false;

    (void)state;
    for (size_t at = 0; !done; at++) {
        struct sc_shard shard;
        struct sc_error error = {0};
        enum sc_status status;

        assert_in_range(at, 0, 1000);
        sc_memory_fail_at(at);
        status = sc_shard_parse(&shard, "t", buffer, n, &error);
        done = sc_memory_count() <= at;
        sc_memory_fail_at(SIZE_MAX);
        assert_true(!done || status == SC_OK);
        assert_int_equal(error.status, status);
        if (status == SC_OK) {
            sc_shard_close(&shard);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_are_found_with_their_shape),
        cmocka_unit_test(tensors_that_do_not_fit_are_refused),
        cmocka_unit_test(broken_headers_are_refused),
        cmocka_unit_test(a_header_longer_than_the_file_is_refused),
        cmocka_unit_test(parsing_survives_failing_allocations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
