/* Downloads from a server that answers well or badly: what stands on disk after each. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "file_server.h"
#include "hub/digest.h"
#include "hub/hub.h"
#include "hub/part.h"

enum { N_BYTES = 300000 };

/* A folder, a file's content with its hashes, a server and one that stands for another host. */
struct scene {
    char folder[64], path[128], incomplete[160], url[128], away[128];
    char bytes[N_BYTES], sha256[65], git[41];
    struct file_server *server, *other;
    /* what the server is to do */
    enum {
        WELL,
        CUTS,
        NO_RANGES,
        LIES,
        SENDS_AWAY,
        REFUSES,
        FAILS_TWICE,
        CHANGES,
        WRONG_PIECE
    } way;
    int status;
    char authorization[2][128]; /* the last that came, to each server */
    char range[64], if_range[128];
    unsigned n_failing; /* requests that FAILS_TWICE fails */
};

static void away(void *context, const struct file_request *request, struct file_reply *reply)
{
    struct scene *s = context;
    snprintf(s->authorization[1], sizeof s->authorization[1], "%s", request->authorization);
    file_reply_file(request, reply, s->bytes, N_BYTES, "elsewhere");
}

static void serve(void *context, const struct file_request *request, struct file_reply *reply)
{
    struct scene *s = context;
    snprintf(s->authorization[0], sizeof s->authorization[0], "%s", request->authorization);
    snprintf(s->range, sizeof s->range, "%s", request->range);
    snprintf(s->if_range, sizeof s->if_range, "%s", request->if_range);
    if (strcmp(request->path, "/text") == 0) {
        reply->body = "a text";
        reply->n = 6;
        return;
    }
    const char *etag = s->way == CHANGES && request->number > 0 ? "second" : "first";
    if (s->way == CHANGES && request->number == 1)
        s->bytes[7] ^= 1;
    if (s->way == REFUSES || (s->way == FAILS_TWICE && request->number < s->n_failing)) {
        reply->status = s->status;
        snprintf(reply->headers, sizeof reply->headers,
                 "X-Error-Code: GatedRepo\r\nRetry-After: 0\r\n");
        return;
    }
    if (s->way == SENDS_AWAY) {
        reply->status = 302;
        snprintf(reply->headers, sizeof reply->headers,
                 "Location: %s?signature=1\r\nX-Linked-ETag: \"%s\"\r\nX-Linked-Size: %d\r\n"
                 "X-Repo-Commit: abc\r\n",
                 s->away, s->sha256, (int)N_BYTES);
        return;
    }
    file_reply_file(request, reply, s->bytes, N_BYTES, etag);
    if (s->way == NO_RANGES && reply->status == 206) {
        reply->status = 200;
        reply->headers[0] = '\0';
        reply->body = s->bytes;
        reply->n = N_BYTES;
    }
    if (s->way == LIES)
        reply->n -= 1;
    if (s->way == WRONG_PIECE && reply->status == 206 && request->number == 1) {
        snprintf(reply->headers, sizeof reply->headers, "Content-Range: bytes 5-%d/%d\r\n",
                 N_BYTES - 1, N_BYTES);
        reply->body = s->bytes + 5;
        reply->n = N_BYTES - 5;
    }
    if ((s->way == CUTS && request->number < 4) ||
        ((s->way == NO_RANGES || s->way == CHANGES || s->way == WRONG_PIECE) &&
         request->number == 0))
        reply->cut_after = N_BYTES / 5;
}

static int set_up(void **state)
{
    struct scene *s = calloc(1, sizeof *s);
    struct sc_digest digest = {0};
    snprintf(s->folder, sizeof s->folder, "/tmp/safeconf-download-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    for (size_t i = 0; i < N_BYTES; i++)
        s->bytes[i] = (char)((i * 2654435761u) >> 11);
    assert_int_equal(sc_digest_begin(&digest, true, N_BYTES, NULL), SC_OK);
    assert_int_equal(sc_digest_add(&digest, s->bytes, N_BYTES, NULL), SC_OK);
    assert_int_equal(sc_digest_end(&digest, s->sha256, s->git, NULL), SC_OK);
    s->server = file_server_start(serve, s);
    s->other = file_server_start(away, s);
    snprintf(s->path, sizeof s->path, "%s/deep/file", s->folder);
    snprintf(s->incomplete, sizeof s->incomplete, "%s.incomplete", s->path);
    snprintf(s->url, sizeof s->url, "http://127.0.0.1:%u/file", file_server_port(s->server));
    snprintf(s->away, sizeof s->away, "http://127.0.0.1:%u/there", file_server_port(s->other));
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *s = *state;
    char command[128];
    file_server_stop(s->server);
    file_server_stop(s->other);
    snprintf(command, sizeof command, "rm -rf %s", s->folder);
    assert_int_equal(system(command), 0);
    free(s);
    return 0;
}

static const struct sc_download_options quick = {.pause = 0.02};

static struct sc_download file_of(struct scene *s)
{
    return (struct sc_download){
        .url = s->url, .path = s->path, .token = "hf_secret", .size = N_BYTES, .sha256 = s->sha256};
}

static bool is_there(struct scene *s)
{
    char *data = NULL;
    size_t n = 0;
    if (sc_file_read(s->path, N_BYTES + 1, &data, &n, NULL) != SC_OK)
        return false;
    bool same = n == N_BYTES && memcmp(data, s->bytes, n) == 0;
    sc_free(data);
    return same && !sc_file_exists(s->incomplete);
}

static void write_file(const char *path, const char *bytes, size_t n)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static void make_folder(struct scene *s)
{
    char folder[128];
    snprintf(folder, sizeof folder, "%s/deep", s->folder);
    assert_int_equal(mkdir(folder, 0777), 0);
}

/* ---- well ------------------------------------------------------------------------------------ */

static void a_file_comes_whole_and_checked(void **state)
{
    struct scene *s = *state;
    struct sc_download file = file_of(s);
    struct sc_error error = {0};
    file.git_sha1 = s->git;
    assert_int_equal(sc_download_files(&file, 1, &quick, &error), SC_OK);
    assert_true(is_there(s));
    assert_string_equal(file.found_sha256, s->sha256);
    assert_int_equal(file.found_size, N_BYTES);
    assert_string_equal(s->authorization[0], "Bearer hf_secret");
    assert_int_equal(file_server_n_requests(s->server), 1);
    /* and is not fetched again */
    assert_int_equal(sc_download_files(&file, 1, &quick, &error), SC_OK);
    assert_int_equal(file_server_n_requests(s->server), 1);
}

static void git_hashes_are_those_of_git(void **state)
{
    struct sc_digest digest = {0};
    char sha256[65], git[41];
    (void)state;
    /* git hash-object of a file "hello\n" */
    assert_int_equal(sc_digest_begin(&digest, true, 6, NULL), SC_OK);
    assert_int_equal(sc_digest_add(&digest, "hello\n", 6, NULL), SC_OK);
    assert_int_equal(sc_digest_end(&digest, sha256, git, NULL), SC_OK);
    assert_string_equal(git, "ce013625030ba8dba906f756967f9e9ca394464a");
    assert_string_equal(sha256, "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03");
}

static void several_files_come_at_a_time(void **state)
{
    struct scene *s = *state;
    struct sc_download files[7];
    char paths[7][128];
    for (size_t i = 0; i < 7; i++) {
        files[i] = file_of(s);
        snprintf(paths[i], sizeof paths[i], "%s/%zu", s->folder, i);
        files[i].path = paths[i];
    }
    struct sc_download_options options = {.parallel = 3};
    assert_int_equal(sc_download_files(files, 7, &options, NULL), SC_OK);
    for (size_t i = 0; i < 7; i++)
        assert_true(sc_file_exists(paths[i]));
    files[1].path = files[0].path;
    assert_int_equal(sc_download_files(files, 7, &options, NULL), SC_ERR_ARGUMENT);
}

/* ---- interruptions --------------------------------------------------------------------------- */

static void what_is_cut_off_is_taken_up(void **state)
{
    struct scene *s = *state;
    struct sc_download file = file_of(s);
    s->way = CUTS;
    assert_int_equal(sc_download_files(&file, 1, &quick, NULL), SC_OK);
    assert_true(is_there(s));
    assert_string_equal(s->if_range, "\"first\"");
    assert_string_not_equal(s->range, "");
}

static void a_server_without_ranges_has_it_begun_anew(void **state)
{
    struct scene *s = *state;
    struct sc_download file = file_of(s);
    s->way = NO_RANGES;
    assert_int_equal(sc_download_files(&file, 1, &quick, NULL), SC_OK);
    assert_true(is_there(s));
}

static void another_piece_than_asked_for_is_not_taken(void **state)
{
    struct scene *s = *state;
    struct sc_download file = file_of(s);
    s->way = WRONG_PIECE;
    assert_int_equal(sc_download_files(&file, 1, &quick, NULL), SC_OK);
    assert_true(is_there(s));
}

static void a_file_that_changes_meanwhile_is_begun_anew(void **state)
{
    struct scene *s = *state;
    struct sc_download file = file_of(s);
    s->way = CHANGES;
    file.sha256 = NULL; /* nothing but the ETag tells */
    file.size = 0;
    assert_int_equal(sc_download_files(&file, 1, &quick, NULL), SC_OK);
    assert_true(is_there(s));
}

static void what_an_earlier_process_left_is_taken_up_where_a_hash_tells(void **state)
{
    struct scene *s = *state;
    struct sc_download file = file_of(s);
    make_folder(s);
    write_file(s->incomplete, s->bytes, 1000);
    assert_int_equal(sc_download_files(&file, 1, &quick, NULL), SC_OK);
    assert_true(is_there(s));
    assert_string_equal(s->range, "bytes=1000-");

    assert_int_equal(unlink(s->path), 0);
    write_file(s->incomplete, s->bytes, 1000);
    file.sha256 = NULL;
    assert_int_equal(sc_download_files(&file, 1, &quick, NULL), SC_OK);
    assert_true(is_there(s));
    assert_string_equal(s->range, "");

    /* all of it was there already: nothing is asked */
    file.sha256 = s->sha256;
    assert_int_equal(rename(s->path, s->incomplete), 0);
    assert_int_equal(sc_download_files(&file, 1, &quick, NULL), SC_OK);
    assert_true(is_there(s));
    assert_int_equal(file_server_n_requests(s->server), 2);
}

static void wrong_bytes_of_an_earlier_process_cost_a_new_beginning(void **state)
{
    struct scene *s = *state;
    struct sc_download file = file_of(s);
    make_folder(s);
    write_file(s->incomplete, "not this file", 13);
    assert_int_equal(sc_download_files(&file, 1, &quick, NULL), SC_OK);
    assert_true(is_there(s));
    assert_int_equal(file_server_n_requests(s->server), 2);
}

static bool stop_at_once(void *context, const struct sc_download_progress *progress)
{
    (void)context;
    return progress->n_bytes == 0;
}

static void an_interruption_keeps_what_came(void **state)
{
    struct scene *s = *state;
    struct sc_download file = file_of(s);
    struct sc_download_options options = {.step = stop_at_once};
    struct stat info;
    s->way = CUTS; /* so that it is not whole before the first step */
    assert_int_equal(sc_download_files(&file, 1, &options, NULL), SC_ERR_INTERRUPTED);
    assert_false(sc_file_exists(s->path));
    assert_int_equal(stat(s->incomplete, &info), 0);
    assert_in_range(info.st_size, 1, N_BYTES - 1);
    s->way = WELL;
    assert_int_equal(sc_download_files(&file, 1, &quick, NULL), SC_OK);
    assert_true(is_there(s));
}

static void failures_that_may_pass_are_tried_again(void **state)
{
    struct scene *s = *state;
    static const int statuses[] = {500, 503, 429};
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        struct sc_download file = file_of(s);
        unlink(s->path);
        s->n_failing = file_server_n_requests(s->server) + 2;
        s->way = FAILS_TWICE;
        s->status = statuses[i];
        assert_int_equal(sc_download_files(&file, 1, &quick, NULL), SC_OK);
        assert_true(is_there(s));
    }
}

/* ---- lies and refusals ----------------------------------------------------------------------- */

static void assert_fails(struct scene *s, struct sc_download *file, enum sc_status status,
                         const char *words)
{
    struct sc_error error = {0};
    assert_int_equal(sc_download_files(file, 1, &quick, &error), status);
    if (strstr(error.text, words) == NULL)
        fail_msg("expected \"%s\" in \"%s\"", words, error.text);
    assert_null(strstr(error.text, "hf_secret"));
    assert_false(sc_file_exists(s->path));
}

static void a_wrong_size_is_an_error(void **state)
{
    struct scene *s = *state;
    struct sc_download file = file_of(s);
    s->way = LIES;
    assert_fails(s, &file, SC_ERR_FORMAT, "expected 300000 bytes, found 299999");
    assert_false(sc_file_exists(s->incomplete));
}

static void a_file_of_unknown_size_is_bounded(void **state)
{
    struct scene *s = *state;
    struct sc_download file = file_of(s);
    file.size = 0;
    file.sha256 = NULL;
    file.most = N_BYTES - 1;
    assert_fails(s, &file, SC_ERR_FORMAT, "expected at most 299999 bytes, found 300000");
    assert_false(sc_file_exists(s->path));
    file.most = N_BYTES;
    assert_int_equal(sc_download_files(&file, 1, &quick, NULL), SC_OK);
    assert_true(is_there(s));
}

static void a_wrong_hash_is_an_error_and_leaves_nothing(void **state)
{
    struct scene *s = *state;
    struct sc_download file = file_of(s);
    s->bytes[100] ^= 1;
    assert_fails(s, &file, SC_ERR_FORMAT, "expected SHA-256");
    assert_false(sc_file_exists(s->incomplete));
    file.sha256 = NULL;
    file.git_sha1 = s->git;
    assert_fails(s, &file, SC_ERR_FORMAT, "expected Git's SHA-1");
}

static void a_refusal_is_said_with_the_servers_code(void **state)
{
    struct scene *s = *state;
    struct sc_download file = file_of(s);
    s->way = REFUSES;
    s->status = 403;
    assert_fails(s, &file, SC_ERR_IO, "the server answered 403 (GatedRepo)");
    assert_int_equal(file.refusal.http_status, 403);
    assert_string_equal(file.refusal.code, "GatedRepo");
    assert_int_equal(file_server_n_requests(s->server), 1);
}

static void the_token_does_not_go_to_another_host(void **state)
{
    struct scene *s = *state;
    struct sc_download file = file_of(s);
    s->way = SENDS_AWAY;
    assert_int_equal(sc_download_files(&file, 1, &quick, NULL), SC_OK);
    assert_true(is_there(s));
    assert_string_equal(s->authorization[0], "Bearer hf_secret");
    assert_string_equal(s->authorization[1], "");
    assert_int_equal(file_server_n_requests(s->other), 1);
}

static void a_token_that_would_end_its_line_is_refused(void **state)
{
    struct scene *s = *state;
    struct sc_download file = file_of(s);
    file.token = "a\r\nX: 1";
    assert_fails(s, &file, SC_ERR_ARGUMENT, "visible ASCII");
    assert_int_equal(file_server_n_requests(s->server), 0);
}

static void a_disk_without_room_is_said_before_anything_is_asked(void **state)
{
    struct scene *s = *state;
    struct sc_download file = file_of(s);
    file.size = (uint64_t)9e17;
    assert_fails(s, &file, SC_ERR_IO, "expected room for 9e+11 MB");
    assert_int_equal(file_server_n_requests(s->server), 0);
    assert_false(sc_file_exists(s->incomplete));
}

static void links_in_the_way_are_not_followed(void **state)
{
    struct scene *s = *state;
    struct sc_download file = file_of(s);
    char target[128];
    make_folder(s);
    snprintf(target, sizeof target, "%s/target", s->folder);
    write_file(target, "mine", 4);
    assert_int_equal(symlink(target, s->incomplete), 0);
    assert_fails(s, &file, SC_ERR_IO, "cannot create");
    assert_int_equal(unlink(s->incomplete), 0);
    assert_int_equal(symlink(target, s->path), 0);
    assert_int_equal(sc_download_files(&file, 1, &quick, NULL), SC_OK);
    assert_true(is_there(s));
    struct stat info;
    assert_int_equal(lstat(s->path, &info), 0);
    assert_true(S_ISREG(info.st_mode));
    assert_int_equal(stat(target, &info), 0);
    assert_int_equal(info.st_size, 4);
}

/* ---- another process ------------------------------------------------------------------------- */

struct other {
    int lock;
    unsigned n_steps;
    bool waited;
};

static bool let_go_later(void *context, const struct sc_download_progress *progress)
{
    struct other *other = context;
    other->waited = other->waited || progress->n_waiting == 1;
    if (++other->n_steps == 3)
        close(other->lock);
    return true;
}

static void a_file_that_another_process_fetches_is_waited_for(void **state)
{
    struct scene *s = *state;
    struct sc_download file = file_of(s);
    char lock[128];
    snprintf(lock, sizeof lock, "%s/lock", s->folder);
    for (int own = 0; own < 2; own++) {
        if (own == 1)
            assert_int_equal(unlink(s->path), 0);
        const char *held = own == 1 ? lock : s->incomplete;
        file.lock = own == 1 ? lock : NULL;
        if (own == 0)
            make_folder(s);
        struct other other = {.lock = open(held, O_RDWR | O_CREAT | O_CLOEXEC, 0666)};
        assert_int_equal(flock(other.lock, LOCK_EX), 0);
        struct sc_download_options options = {.step = let_go_later, .context = &other};
        assert_int_equal(sc_download_files(&file, 1, &options, NULL), SC_OK);
        assert_true(other.waited);
        assert_true(is_there(s));
    }
}

/* ---- small answers --------------------------------------------------------------------------- */

static void small_answers_come_as_texts(void **state)
{
    struct scene *s = *state;
    char url[128];
    struct sc_hub_answer answer;
    struct sc_error error = {0};
    snprintf(url, sizeof url, "http://127.0.0.1:%u/text", file_server_port(s->server));
    struct sc_hub_question question = {.url = url, .most = 6};
    assert_int_equal(sc_hub_ask(&question, &answer, NULL), SC_OK);
    assert_string_equal(answer.body, "a text");
    assert_int_equal(answer.n, 6);
    assert_int_equal(answer.refusal.http_status, 0);
    sc_free(answer.body);
    question.most = 5;
    assert_int_equal(sc_hub_ask(&question, &answer, &error), SC_ERR_LIMIT);
    question.url = "file:///etc/passwd";
    question.most = 100000;
    assert_int_equal(sc_hub_ask(&question, &answer, NULL), SC_ERR_IO);
    question.url = s->url;
    s->way = REFUSES;
    s->status = 404;
    assert_int_equal(sc_hub_ask(&question, &answer, NULL), SC_OK);
    assert_int_equal(answer.refusal.http_status, 404);
    assert_string_equal(answer.body, "");
    sc_free(answer.body);
}

static bool always(void *context)
{
    (void)context;
    return true;
}

/* An answer may be endless: its end is not waited for. */
static void more_than_the_size_is_refused_as_it_comes(void **state)
{
    struct scene *s = *state;
    struct sc_download file = file_of(s);
    struct sc_part part;
    struct sc_error error = {0};
    struct stat info;
    const struct sc_part_watch watch = {always, NULL};
    bool busy = true;
    assert_int_equal(sc_part_init(&part, &file, &error), SC_OK);
    assert_int_equal(sc_part_begin(&part, &watch, &busy, &error), SC_OK);
    assert_false(busy);
    assert_int_equal(sc_part_add(&part, s->bytes, N_BYTES - 5, &error), SC_OK);
    assert_int_equal(sc_part_add(&part, s->bytes, 6, &error), SC_ERR_FORMAT);
    assert_non_null(strstr(error.text, "found more"));
    assert_int_equal(stat(s->incomplete, &info), 0);
    assert_int_equal(info.st_size, N_BYTES - 5);
    assert_int_equal(sc_part_add(&part, s->bytes + N_BYTES - 5, 5, &error), SC_OK);
    sc_part_free(&part);
}

static void headers_are_those_of_the_first_host(void **state)
{
    struct scene *s = *state;
    struct sc_hub_answer answer;
    struct sc_hub_question question = {.url = s->url, .head = true};
    s->way = SENDS_AWAY;
    assert_int_equal(sc_hub_ask(&question, &answer, NULL), SC_OK);
    assert_string_equal(answer.etag, s->sha256);
    assert_string_equal(answer.commit, "abc");
    assert_int_equal(answer.size, N_BYTES);
    assert_int_equal(file_server_n_requests(s->other), 0);
    sc_free(answer.body);
}

static void memory_that_runs_out_leaves_nothing_wrong(void **state)
{
    struct scene *s = *state;
    for (size_t i = 0;; i++) {
        struct sc_download file = file_of(s);
        struct sc_hub_answer answer = {0};
        struct sc_hub_question question = {.url = s->url, .most = N_BYTES};
        s->way = SENDS_AWAY;
        unlink(s->path);
        sc_memory_fail_at(i);
        enum sc_status status = sc_download_files(&file, 1, &quick, NULL);
        if (status == SC_OK)
            status = sc_hub_ask(&question, &answer, NULL);
        bool over = sc_memory_count() <= i;
        sc_memory_fail_at(SIZE_MAX);
        sc_free(answer.body);
        assert_true(status == SC_ERR_NOMEM || status == SC_OK);
        if (over)
            break;
    }
    assert_true(is_there(s));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_comes_whole_and_checked),
        cmocka_unit_test(git_hashes_are_those_of_git),
        TEST(several_files_come_at_a_time),
        TEST(what_is_cut_off_is_taken_up),
        TEST(a_server_without_ranges_has_it_begun_anew),
        TEST(another_piece_than_asked_for_is_not_taken),
        TEST(a_file_that_changes_meanwhile_is_begun_anew),
        TEST(what_an_earlier_process_left_is_taken_up_where_a_hash_tells),
        TEST(wrong_bytes_of_an_earlier_process_cost_a_new_beginning),
        TEST(an_interruption_keeps_what_came),
        TEST(failures_that_may_pass_are_tried_again),
        TEST(a_wrong_size_is_an_error),
        TEST(more_than_the_size_is_refused_as_it_comes),
        TEST(a_file_of_unknown_size_is_bounded),
        TEST(a_wrong_hash_is_an_error_and_leaves_nothing),
        TEST(a_refusal_is_said_with_the_servers_code),
        TEST(the_token_does_not_go_to_another_host),
        TEST(a_token_that_would_end_its_line_is_refused),
        TEST(a_disk_without_room_is_said_before_anything_is_asked),
        TEST(links_in_the_way_are_not_followed),
        TEST(a_file_that_another_process_fetches_is_waited_for),
        TEST(small_answers_come_as_texts),
        TEST(headers_are_those_of_the_first_host),
        TEST(memory_that_runs_out_leaves_nothing_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
