/* A hub's names, its cache on this machine, and what is read of its listings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/hub_cache.h"
#include "base/memory.h"
#include "file_server.h"
#include "hub/account.h"
#include "hub/listing.h"
#include "hub/models.h"

/* ---- names ----------------------------------------------------------------------------------- */

static void names_are_an_owner_a_model_and_perhaps_a_revision(void **state)
{
    struct sc_hub_name name;
    (void)state;
    assert_true(sc_hub_name_read("Qwen/Qwen3-0.6B", &name));
    assert_null(name.revision);
    assert_int_equal(name.n_owner, 4);
    assert_int_equal(name.n_model, 10);
    assert_true(sc_hub_name_read("a/b@refs/pr/1", &name));
    assert_string_equal(name.revision, "refs/pr/1");
    static const char *const others[] = {"",       "a",      "a/",       "/b",       "a/b/c",
                                         ".a/b",   "a/.b",   "a/b@",     "a/b@../c", "a/b@/c",
                                         "a/b@c/", "a/b@.c", "a/b@c//d", "a b/c",    "a/b c",
                                         "../b",   "a/..",   "a/b@c d",  "~/b",      "a\\b/c"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (sc_hub_name_read(others[i], &name))
            fail_msg("\"%s\" is taken for a name", others[i]);
    char longest[260];
    memset(longest, 'a', sizeof longest);
    longest[1] = '/';
    longest[sizeof longest - 1] = '\0';
    assert_false(sc_hub_name_read(longest, &name));
}

static void set(const char *name, const char *value)
{
    assert_int_equal(value != NULL ? setenv(name, value, 1) : unsetenv(name), 0);
}

static void the_cache_is_where_the_tools_of_the_hub_have_it(void **state)
{
    static const struct {
        const char *cache, *hub_home, *xdg, *home, *expected;
    } cases[] = {{"/c", "/h", "/x", "/u", "/c"},
                 {NULL, "/h", "/x", "/u", "/h/hub"},
                 {NULL, "~/h", "/x", "/u", "/u/h/hub"},
                 {"~", NULL, NULL, "/u", "/u"},
                 {NULL, "", "/x", "/u", "/x/huggingface/hub"},
                 {NULL, NULL, NULL, "/u", "/u/.cache/huggingface/hub"}};
    (void)state;
    char *before = sc_strdup(getenv("HOME"));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        set("HF_HUB_CACHE", cases[i].cache);
        set("HF_HOME", cases[i].hub_home);
        set("XDG_CACHE_HOME", cases[i].xdg);
        set("HOME", cases[i].home);
        char *found = NULL;
        assert_int_equal(sc_hub_cache(&found, NULL), SC_OK);
        assert_string_equal(found, cases[i].expected);
        sc_free(found);
    }
    set("HOME", NULL);
    char *none = NULL;
    assert_int_equal(sc_hub_cache(&none, NULL), SC_OK);
    assert_null(none);
    set("HOME", before);
    sc_free(before);
}

static void a_snapshots_folder_says_its_commit(void **state)
{
    (void)state;
    assert_string_equal(sc_hub_snapshot_commit("/c/models--a--b/snapshots/abc"), "abc");
    static const char *const others[] = {"",
                                         "abc",
                                         "/snapshots/abc",
                                         "/c/b/snapshots/abc",
                                         "/c/models--a--b/snapshots/",
                                         "/c/models--a--b/blobs/abc"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_null(sc_hub_snapshot_commit(others[i]));
}

/* ---- listings -------------------------------------------------------------------------------- */

static enum sc_status parse(const char *json, struct sc_hub_listing *out, struct sc_error *error)
{
    *error = (struct sc_error){0};
    return sc_hub_listing_parse(json, strlen(json), out, error);
}

#define SHA256 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SHA1 "0123456789abcdef0123456789abcdef01234567"

static const char good[] = "{\"sha\":\"abc\",\"gated\":\"manual\",\"siblings\":["
                           "{\"rfilename\":\"model.safetensors\",\"size\":9,\"blobId\":\"" SHA1
                           "\",\"lfs\":{\"sha256\":\"" SHA256 "\",\"size\":500}},"
                           "{\"rfilename\":\".gitattributes\"},{\"rfilename\":\"onnx/model.onnx\"},"
                           "{\"rfilename\":\"config.json\",\"size\":7,\"blobId\":\"" SHA1 "\"},"
                           "{\"rfilename\":\"tokenizer.json\"},{\"rfilename\":\"README.md\"}]}";

static void a_listing_gives_names_sizes_and_hashes(void **state)
{
    struct sc_hub_listing listing;
    struct sc_error error;
    (void)state;
    assert_int_equal(parse(good, &listing, &error), SC_OK);
    assert_string_equal(listing.commit, "abc");
    assert_true(listing.gated);
    assert_int_equal(listing.n, 4);
    assert_int_equal(sc_hub_listing_choose(&listing, SC_HUB_MODEL, &error), SC_OK);
    assert_int_equal(listing.n, 3);
    assert_string_equal(listing.files[0].name, "config.json");
    assert_string_equal(listing.files[0].git_sha1, SHA1);
    assert_string_equal(listing.files[0].etag, SHA1);
    assert_int_equal(listing.files[0].size, 7);
    assert_string_equal(listing.files[1].name, "model.safetensors");
    assert_string_equal(listing.files[1].sha256, SHA256);
    assert_string_equal(listing.files[1].git_sha1, "");
    assert_int_equal(listing.files[1].size, 500);
    assert_string_equal(listing.files[2].name, "tokenizer.json");
    assert_string_equal(listing.files[2].etag, "");
    assert_int_equal(sc_hub_listing_choose(&listing, SC_HUB_TOKENIZER, &error), SC_OK);
    assert_int_equal(listing.n, 2);
    sc_hub_listing_free(&listing);
}

static void one_file_of_weights_is_taken_before_shards(void **state)
{
    struct sc_hub_listing listing;
    struct sc_error error;
    (void)state;
    assert_int_equal(parse("{\"sha\":\"abc\",\"siblings\":[{\"rfilename\":\"model.safetensors\"},"
                           "{\"rfilename\":\"model-00001-of-00002.safetensors\"},"
                           "{\"rfilename\":\"model.safetensors.index.json\"}]}",
                           &listing, &error),
                     SC_OK);
    assert_int_equal(sc_hub_listing_choose(&listing, SC_HUB_MODEL, &error), SC_OK);
    assert_int_equal(listing.n, 1);
    sc_hub_listing_free(&listing);
}

static void hostile_listings_are_errors_of_one_line(void **state)
{
    static const char *const texts[] = {
        "",
        "[]",
        "{}",
        "{\"sha\":7,\"siblings\":[]}",
        "{\"sha\":\"a/b\",\"siblings\":[]}",
        "{\"sha\":\"..\",\"siblings\":[]}",
        "{\"sha\":\"a b\",\"siblings\":[]}",
        "{\"sha\":\"" SHA256 "0\",\"siblings\":[]}",
        "{\"sha\":\"abc\"}",
        "{\"sha\":\"abc\",\"siblings\":{}}",
        "{\"sha\":\"abc\",\"siblings\":[7]}",
        "{\"sha\":\"abc\",\"siblings\":[{\"rfilename\":\"../x\"}]}",
        "{\"sha\":\"abc\",\"siblings\":[{\"rfilename\":\"/x\"}]}",
        "{\"sha\":\"abc\",\"siblings\":[{\"rfilename\":\"a/../../x\"}]}",
        "{\"sha\":\"abc\",\"siblings\":[{\"rfilename\":\"a\\u0000b\"}]}",
        "{\"sha\":\"abc\",\"siblings\":[{\"rfilename\":\"x\"},{\"rfilename\":\"x\"}]}",
        "{\"sha\":\"abc\",\"siblings\":[{\"rfilename\":\"x\",\"size\":-1}]}",
        "{\"sha\":\"abc\",\"siblings\":[{\"rfilename\":\"x\",\"lfs\":{\"sha256\":\"../x\"}}]}"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct sc_hub_listing listing;
        struct sc_error error;
        if (parse(texts[i], &listing, &error) == SC_OK)
            fail_msg("%s is taken", texts[i]);
        assert_true(error.text[0] != '\0' && strchr(error.text, '\n') == NULL);
        assert_null(listing.files);
    }
}

static void an_etag_is_a_hash_or_only_a_name(void **state)
{
    struct sc_hub_file file = {.name = (char[]){"x"}};
    (void)state;
    assert_int_equal(sc_hub_file_set_etag(&file, "d41d8cd9-12", NULL), SC_OK);
    assert_string_equal(file.sha256, "");
    assert_string_equal(file.git_sha1, "");
    static const char *const others[] = {"", "..", ".x", "a/b", "a b", "a\nb"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(sc_hub_file_set_etag(&file, others[i], NULL), SC_ERR_FORMAT);
}

static void memory_that_runs_out_is_an_error(void **state)
{
    (void)state;
    for (size_t i = 0;; i++) {
        struct sc_hub_listing listing = {0};
        struct sc_error error = {0};
        sc_memory_fail_at(i);
        enum sc_status status = sc_hub_listing_parse(good, sizeof good - 1, &listing, &error);
        if (status == SC_OK)
            status = sc_hub_listing_choose(&listing, SC_HUB_MODEL, &error);
        bool over = sc_memory_count() <= i;
        sc_memory_fail_at(SIZE_MAX);
        sc_hub_listing_free(&listing);
        assert_int_equal(status, over ? SC_OK : SC_ERR_NOMEM);
        if (over)
            return;
    }
}

/* ---- the cache ------------------------------------------------------------------------------- */

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(sc_file_write(path, text, strlen(text), NULL), SC_OK);
}

static void a_snapshot_is_whole_when_all_that_it_names_is_there(void **state)
{
    char folder[] = "/tmp/safeconf-hub-XXXXXX", command[64];
    (void)state;
    assert_non_null(mkdtemp(folder));
    write_file(folder, "config.json", "{}");
    assert_false(sc_hub_snapshot_is_whole(folder, SC_HUB_TOKENIZER));
    write_file(folder, "tokenizer.json", "{}");
    assert_true(sc_hub_snapshot_is_whole(folder, SC_HUB_TOKENIZER));
    assert_false(sc_hub_snapshot_is_whole(folder, SC_HUB_MODEL));
    write_file(folder, "model.safetensors.index.json",
               "{\"weight_map\":{\"a\":\"1\",\"b\":\"2\"}}");
    write_file(folder, "1", "x");
    assert_false(sc_hub_snapshot_is_whole(folder, SC_HUB_MODEL));
    write_file(folder, "2", "x");
    assert_true(sc_hub_snapshot_is_whole(folder, SC_HUB_MODEL));
    write_file(folder, "model.safetensors.index.json", "{\"weight_map\":{\"a\":\"../1\"}}");
    assert_false(sc_hub_snapshot_is_whole(folder, SC_HUB_MODEL));
    write_file(folder, "model.safetensors", "x");
    assert_true(sc_hub_snapshot_is_whole(folder, SC_HUB_MODEL));
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
}

struct seen {
    size_t n;
    char name[2][64], commit[2][64];
    uint64_t n_bytes[2];
    bool whole[2];
};

static enum sc_status see(void *context, const struct sc_hub_cached *cached, struct sc_error *error)
{
    struct seen *seen = context;
    (void)error;
    assert_in_range(seen->n, 0, 1);
    snprintf(seen->name[seen->n], 64, "%s", cached->name);
    snprintf(seen->commit[seen->n], 64, "%s", cached->commit != NULL ? cached->commit : "");
    seen->n_bytes[seen->n] = cached->n_bytes;
    seen->whole[seen->n++] = cached->whole;
    return SC_OK;
}

static void models_of_the_cache_are_listed(void **state)
{
    char folder[] = "/tmp/safeconf-hub-XXXXXX", path[128], command[64];
    static const char *const made[] = {"models--a--b/refs",
                                       "models--a--b/snapshots/c1",
                                       "models--a--b/blobs",
                                       "models--z--y/blobs",
                                       "datasets--a--b",
                                       "models--nonsense",
                                       ".locks"};
    struct seen seen = {0};
    (void)state;
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, made[i]);
        assert_int_equal(sc_make_folders(path, NULL), SC_OK);
    }
    write_file(folder, "models--a--b/refs/main", "c1");
    write_file(folder, "models--a--b/blobs/1", "12345");
    static const char *const files[] = {"config.json", "tokenizer.json", "model.safetensors"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "models--a--b/snapshots/c1/%s", files[i]);
        write_file(folder, path, "{}");
    }
    assert_int_equal(sc_hub_models_cached(folder, see, &seen, NULL), SC_OK);
    assert_int_equal(seen.n, 2);
    assert_string_equal(seen.name[0], "a/b");
    assert_string_equal(seen.commit[0], "c1");
    assert_int_equal(seen.n_bytes[0], 5);
    assert_true(seen.whole[0]);
    assert_string_equal(seen.name[1], "z/y");
    assert_string_equal(seen.commit[1], "");
    assert_false(seen.whole[1]);
    assert_int_equal(sc_hub_models_cached("/nowhere at all", see, &seen, NULL), SC_OK);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
}

/* ---- pulling --------------------------------------------------------------------------------- */

/* A hub with one model: a listing and three files, of which one is large. */
static void serve(void *context, const struct file_request *request, struct file_reply *reply)
{
    static const char contents[3][8] = {"{\"a\":1}", "{\"b\":2}", "weights"};
    static const char *const names[] = {"config.json", "tokenizer.json", "model.safetensors"};
    (void)context;
    reply->status = 404;
    if (strstr(request->path, "/api/models/a/b/revision/main") != NULL) {
        reply->status = 200;
        reply->body = "{\"sha\":\"c1\",\"siblings\":[{\"rfilename\":\"config.json\"},"
                      "{\"rfilename\":\"model.safetensors\"},{\"rfilename\":\"tokenizer.json\"}]}";
        reply->n = strlen(reply->body);
    }
    for (size_t i = 0; i < 3; i++) {
        char etag[8], path[64];
        snprintf(path, sizeof path, "/a/b/resolve/c1/%s", names[i]);
        snprintf(etag, sizeof etag, "etag%zu", i);
        if (strcmp(request->path, path) == 0) {
            reply->status = 200;
            file_reply_file(request, reply, contents[i], 7, etag);
        }
    }
}

static enum sc_status look_and_pull(const struct sc_hub_place *place)
{
    struct sc_hub_model model = {0};
    const struct sc_hub_lookup lookup = {.place = place, .name = "a/b"};
    const struct sc_hub_pull pull = {.place = place, .model = &model};
    char *folder = NULL;
    SC_TRY(sc_hub_model_look(&lookup, &model, NULL));
    enum sc_status status = sc_hub_model_pull(&pull, &folder, NULL);
    sc_free(folder);
    sc_hub_model_free(&model);
    return status;
}

static void a_pull_without_memory_leaves_a_cache_that_the_next_one_completes(void **state)
{
    char cache[] = "/tmp/safeconf-hub-XXXXXX", endpoint[64], command[64], snapshot[128];
    (void)state;
    assert_non_null(mkdtemp(cache));
    struct file_server *server = file_server_start(serve, NULL);
    snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%u", file_server_port(server));
    snprintf(snapshot, sizeof snapshot, "%s/models--a--b/snapshots/c1", cache);
    const struct sc_hub_place place = {.endpoint = endpoint, .cache = cache};
    for (size_t i = 0;; i++) {
        sc_memory_fail_at(i);
        enum sc_status status = look_and_pull(&place);
        bool over = sc_memory_count() <= i;
        sc_memory_fail_at(SIZE_MAX);
        assert_true(status == SC_OK || (!over && status == SC_ERR_NOMEM));
        if (status == SC_OK)
            assert_true(sc_hub_snapshot_is_whole(snapshot, SC_HUB_MODEL));
        if (over)
            break;
    }
    file_server_stop(server);
    snprintf(command, sizeof command, "rm -rf %s", cache);
    assert_int_equal(system(command), 0);
}

/* What is sent in a header is one word. */
static void a_token_is_one_word(void **state)
{
    (void)state;
    static const char *const wrong[] = {"two words", "a\tb", "caf\xc3\xa9"};
    char *token = NULL;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        setenv("HF_TOKEN", wrong[i], 1);
        assert_int_equal(sc_hub_token(&token, NULL), SC_ERR_ARGUMENT);
        assert_null(token);
    }
    setenv("HF_TOKEN", " hf_word\n", 1);
    assert_int_equal(sc_hub_token(&token, NULL), SC_OK);
    assert_string_equal(token, "hf_word");
    sc_free(token);
    unsetenv("HF_TOKEN");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_one_word),
        cmocka_unit_test(names_are_an_owner_a_model_and_perhaps_a_revision),
        cmocka_unit_test(the_cache_is_where_the_tools_of_the_hub_have_it),
        cmocka_unit_test(a_snapshots_folder_says_its_commit),
        cmocka_unit_test(a_listing_gives_names_sizes_and_hashes),
        cmocka_unit_test(one_file_of_weights_is_taken_before_shards),
        cmocka_unit_test(hostile_listings_are_errors_of_one_line),
        cmocka_unit_test(an_etag_is_a_hash_or_only_a_name),
        cmocka_unit_test(memory_that_runs_out_is_an_error),
        cmocka_unit_test(a_snapshot_is_whole_when_all_that_it_names_is_there),
        cmocka_unit_test(models_of_the_cache_are_listed),
        cmocka_unit_test(a_pull_without_memory_leaves_a_cache_that_the_next_one_completes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
