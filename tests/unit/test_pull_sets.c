/* Fetching sets from a server that answers well or badly: what is on disk and recorded after each.
 * The rows of the sets are made up. */
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "benchmark_files.h"
#include "file_server.h"
#include "hub/account.h"
#include "hub/digest.h"
#include "hub/record.h"
#include "hub/rows.h"
#include "hub/sets.h"

#define OLD "1111111111111111111111111111111111111111"
#define NEW "2222222222222222222222222222222222222222"
#define CONTENT "prompt,label\nHow?,unsafe\n"

enum { N_ROWS = 230, N_PAGES = 3 };

/* What the server does, and what it was asked. */
static struct {
    struct file_server *server;
    const char *content, *commit;
    char authorization[128], path[256];
    int status;           /* of files and rows; 200: well */
    const char *code;     /* X-Error-Code */
    const char *word;     /* that prompts of rows begin with */
    unsigned n_pages;     /* asked for */
    unsigned refuse_from; /* pages from this offset on; 0: none */
    enum way {
        WELL,
        CUT_CELL,
        PARTIAL,
        OTHER_ROW,
        OTHER_TOTAL,
        OTHER_COLUMNS,
        TOO_FEW,
        NO_PAGE,
        MOVES_ON
    } way;
    char body[200000], folder[300];
} s;

static void write_page(unsigned offset)
{
    struct sc_text page = {0};
    unsigned end = offset + 100 < N_ROWS ? offset + 100 : N_ROWS;
    bool wrong = offset == 100;
    sc_text_printf(&page,
                   "{\"features\":[{\"feature_idx\":0,\"name\":\"prompt\"},{\"feature_idx\":1,"
                   "\"name\":\"%s\"}],\"num_rows_total\":%d,\"partial\":%s,\"rows\":[",
                   s.way == OTHER_COLUMNS && wrong ? "harm" : "prompt_harm_label",
                   s.way == OTHER_TOTAL && wrong ? N_ROWS + 1 : N_ROWS,
                   s.way == PARTIAL ? "true" : "false");
    if (s.way == TOO_FEW && wrong)
        end--;
    for (unsigned i = offset; i < end; i++)
        sc_text_printf(&page,
                       "%s{\"row_idx\":%u,\"row\":{\"prompt\":\"%s %u? \\u00e9\\u0000\","
                       "\"prompt_harm_label\":null},\"truncated_cells\":[%s]}",
                       i > offset ? "," : "", s.way == OTHER_ROW && i == 150 ? 151 : i, s.word, i,
                       s.way == CUT_CELL && i == 150 ? "\"prompt\"" : "");
    sc_text_puts(&page, s.way == NO_PAGE && wrong ? "" : "]}");
    assert_true(page.len < sizeof s.body && !page.failed);
    memcpy(s.body, page.data, page.len + 1);
    sc_text_free(&page);
}

static void serve(void *context, const struct file_request *request, struct file_reply *reply)
{
    (void)context;
    const char *offset = strstr(request->path, "&offset=");
    snprintf(s.path, sizeof s.path, "%s", request->path);
    if (strstr(request->path, "/api/datasets/") != NULL) {
        const char *commit = s.way == MOVES_ON && s.n_pages > 0 ? NEW : s.commit;
        snprintf(s.body, sizeof s.body, "{\"id\":\"o/n\",\"sha\":\"%s\"}", commit);
        reply->body = s.body;
        reply->n = strlen(s.body);
        return;
    }
    snprintf(s.authorization, sizeof s.authorization, "%s", request->authorization);
    unsigned first = offset != NULL ? (unsigned)atoi(offset + 8) : 0;
    if (s.status != 200 || (s.refuse_from > 0 && first >= s.refuse_from)) {
        reply->status = s.status != 200 ? s.status : 404;
        if (s.code != NULL)
            snprintf(reply->headers, sizeof reply->headers, "X-Error-Code: %s\r\n", s.code);
        return;
    }
    if (offset != NULL) {
        s.n_pages++;
        write_page(first);
        reply->body = s.body;
        reply->n = strlen(s.body);
        return;
    }
    file_reply_file(request, reply, s.content, strlen(s.content), "tag");
}

static int start(void **state)
{
    char address[64];
    if (make_folder(state) != 0)
        return -1;
    s.server = file_server_start(serve, NULL);
    snprintf(address, sizeof address, "http://127.0.0.1:%u", file_server_port(s.server));
    setenv("HF_ENDPOINT", address, 1);
    setenv("HF_DATASETS_SERVER", address, 1);
    setenv("SAFECONF_RAW_ENDPOINT", address, 1);
    setenv("HOME", test_folder(), 1);
    static const char *const unset[] = {"HF_TOKEN",       "HF_TOKEN_PATH", "HF_HOME",
                                        "XDG_CACHE_HOME", "XDG_DATA_HOME", "SAFECONF_DATA",
                                        "HF_HUB_OFFLINE"};
    for (size_t i = 0; i < sizeof unset / sizeof *unset; i++)
        unsetenv(unset[i]);
    return 0;
}

static int stop(void **state)
{
    file_server_stop(s.server);
    return remove_folder(state);
}

/* Each test has a folder of sets of its own. */
static int begin(void **state)
{
    (void)state;
    static unsigned n;
    s.content = CONTENT;
    s.commit = OLD;
    s.status = 200;
    s.code = NULL;
    s.way = WELL;
    s.n_pages = s.refuse_from = 0;
    s.word = "How";
    s.authorization[0] = '\0';
    snprintf(s.folder, sizeof s.folder, "%s/sets%u", test_folder(), n++);
    unsetenv("HF_TOKEN");
    return 0;
}

static const char *content_hash(void)
{
    static char hash[65];
    assert_int_equal(sc_digest_of(CONTENT, strlen(CONTENT), hash, NULL), SC_OK);
    return hash;
}

/* A set of one file, with its checksum (known) or without. */
static struct sc_set one_file(enum sc_set_home home, bool known)
{
    return (struct sc_set){.name = "made",
                           .title = "Made up",
                           .what = "made up",
                           .licence = "CC0",
                           .home = home,
                           .repository = "o/n",
                           .revision = OLD,
                           .files = {{.path = "data/one file.csv",
                                      .name = "one.csv",
                                      .sha256 = known ? content_hash() : NULL}}};
}

static struct sc_set of_rows(void)
{
    return (struct sc_set){
        .name = "rows",
        .title = "Made of rows",
        .what = "made up",
        .licence = "CC0",
        .home = SC_SET_OF_ROWS,
        .repository = "o/n",
        .gated = true,
        .files = {{.split = "test", .path = "config test/te st", .name = "test.jsonl"},
                  {.split = "train", .path = "c/train", .name = "train.jsonl", .large = true}}};
}

static enum sc_status pull(const struct sc_set *set, const char *revision, struct sc_error *error)
{
    struct sc_set_state state;
    const struct sc_set_options options = {.folder = s.folder, .revision = revision};
    *error = (struct sc_error){0};
    enum sc_status status = sc_set_pull(set, &options, &state, error);
    sc_set_state_free(&state);
    return status;
}

static void pull_well(const struct sc_set *set, const char *revision)
{
    struct sc_error error;
    if (pull(set, revision, &error) != SC_OK)
        fail_msg("%s", error.text);
}

static void pull_badly(const struct sc_set *set, const char *revision, enum sc_status expected,
                       const char *part)
{
    struct sc_error error;
    enum sc_status status = pull(set, revision, &error);
    if (status != expected || strstr(error.text, part) == NULL)
        fail_msg("expected status %d and \"%s\", found %d and \"%s\"", expected, part, status,
                 error.text);
}

/* Content of a file in the sets' folder; NULL: there is none.  The latest one only. */
static const char *content_of(const char *name)
{
    static char *data;
    char path[400];
    size_t n;
    sc_free(data);
    data = NULL;
    snprintf(path, sizeof path, "%s/%s", s.folder, name);
    if (sc_file_exists(path) && sc_file_read(path, 1 << 20, &data, &n, NULL) != SC_OK)
        fail_msg("%s cannot be read", path);
    return data;
}

static void put_content(const char *name, const char *text)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s", s.folder, name);
    assert_int_equal(sc_file_write(path, text, strlen(text), NULL), SC_OK);
}

/* ---- files ----------------------------------------------------------------------------------- */

static void a_file_is_fetched_recorded_and_not_asked_for_again(void **state)
{
    (void)state;
    const struct sc_set set = one_file(SC_SET_OF_HUB, true);
    setenv("HF_TOKEN", " hf_secret\n", 1);
    pull_well(&set, NULL);
    assert_string_equal(s.path, "/datasets/o/n/resolve/" OLD "/data/one%20file.csv");
    assert_string_equal(s.authorization, "Bearer hf_secret");
    assert_string_equal(content_of("made/one.csv"), CONTENT);
    const char *record = content_of("made/source.json");
    assert_non_null(strstr(record, content_hash()));
    assert_non_null(strstr(record, "\"revision\":\"" OLD "\"") != NULL
                        ? record
                        : strstr(record, "\"revision\": \"" OLD "\""));
    assert_non_null(strstr(record, "CC0"));
    assert_non_null(strstr(record, "https://huggingface.co/datasets/o/n"));
    assert_null(strstr(record, "secret"));
    unsigned n = file_server_n_requests(s.server);
    pull_well(&set, NULL);
    assert_int_equal(file_server_n_requests(s.server), n);
}

static void public_repositories_get_no_token(void **state)
{
    (void)state;
    const struct sc_set set = one_file(SC_SET_OF_GITHUB, true);
    setenv("HF_TOKEN", "hf_secret", 1);
    pull_well(&set, NULL);
    assert_string_equal(s.path, "/o/n/" OLD "/data/one%20file.csv");
    assert_string_equal(s.authorization, "");
}

static void what_is_not_what_was_published_is_not_kept(void **state)
{
    (void)state;
    const struct sc_set set = one_file(SC_SET_OF_HUB, true);
    s.content = "prompt,label\nHow?,safe\n";
    pull_badly(&set, NULL, SC_ERR_FORMAT, "--revision main takes");
    assert_null(content_of("made/one.csv"));
    assert_null(content_of("made/source.json"));
    /* unless another revision is asked for, which is recorded as the commit that it is */
    s.commit = NEW;
    pull_well(&set, "main");
    assert_string_equal(content_of("made/one.csv"), s.content);
    assert_non_null(strstr(content_of("made/source.json"), NEW));
    pull_well(&set, NULL); /* what is here stays */
    pull_well(&set, "main");
    s.commit = OLD;
    pull_badly(&set, "main", SC_ERR_CONFLICT, "is of revision 222222222222");
    assert_string_equal(content_of("made/one.csv"), s.content);
}

static void what_came_first_is_what_comes_again(void **state)
{
    (void)state;
    const struct sc_set set = one_file(SC_SET_OF_HUB, false);
    char path[400];
    pull_well(&set, NULL);
    snprintf(path, sizeof path, "%s/made/one.csv", s.folder);
    assert_int_equal(unlink(path), 0);
    s.content = "prompt,label\nHow?,safe\n";
    pull_badly(&set, NULL, SC_ERR_FORMAT, "");
    assert_null(content_of("made/one.csv"));
    s.content = CONTENT;
    pull_well(&set, NULL);
    assert_string_equal(content_of("made/one.csv"), CONTENT);
}

static void a_file_that_is_there_is_never_touched(void **state)
{
    (void)state;
    const struct sc_set known = one_file(SC_SET_OF_HUB, true);
    const struct sc_set unknown = one_file(SC_SET_OF_HUB, false);
    char folder[400];
    snprintf(folder, sizeof folder, "%s/made", s.folder);
    assert_int_equal(sc_make_folders(folder, NULL), SC_OK);
    put_content("made/one.csv", "my own\n");
    pull_badly(&known, NULL, SC_ERR_CONFLICT, "is not what was published");
    pull_badly(&unknown, NULL, SC_ERR_CONFLICT, "was not fetched by safeconf");
    assert_string_equal(content_of("made/one.csv"), "my own\n");
    put_content("made/one.csv", CONTENT); /* by hand, and right */
    pull_well(&known, NULL);
    put_content("made/source.json", "{\"files\": {\"one.csv\": {\"sha256\": \"short\"}}}");
    pull_badly(&known, NULL, SC_ERR_FORMAT, "source.json: \"one.csv\"");
    put_content("made/source.json", "[]");
    pull_badly(&known, NULL, SC_ERR_FORMAT, "source.json");
}

static void a_refusal_says_what_to_do(void **state)
{
    (void)state;
    struct sc_set set = one_file(SC_SET_OF_HUB, true);
    s.status = 404;
    pull_badly(&set, NULL, SC_ERR_IO,
               "Made up: the server does not give it (status 404): see "
               "https://huggingface.co/datasets/o/n");
    s.status = 401;
    s.code = "GatedRepo";
    pull_badly(&set, NULL, SC_ERR_IO, "give it in HF_TOKEN (status 401)");
    setenv("HF_TOKEN", "hf_secret", 1);
    s.status = 403;
    pull_badly(&set, NULL, SC_ERR_IO, "the access token has no access");
    s.code = NULL;
    set.gated = true;
    pull_badly(&set, NULL, SC_ERR_IO, "agree to the terms at https://huggingface.co/datasets/o/n");
    setenv("HF_TOKEN", "two words", 1);
    struct sc_error error;
    pull(&set, NULL, &error);
    assert_null(strstr(error.text, "two words"));
    unsetenv("HF_TOKEN");
    setenv("HF_HUB_OFFLINE", "1", 1);
    pull_badly(&set, NULL, SC_ERR_IO, "HF_HUB_OFFLINE");
    unsetenv("HF_HUB_OFFLINE");
}

static bool no_more(void *context, const struct sc_download_progress *progress)
{
    *(bool *)context = progress->n_waiting == 1;
    return false;
}

static void two_do_not_fetch_the_same_at_once(void **state)
{
    (void)state;
    const struct sc_set set = one_file(SC_SET_OF_HUB, true);
    char path[400];
    bool waited = false;
    snprintf(path, sizeof path, "%s/made", s.folder);
    assert_int_equal(sc_make_folders(path, NULL), SC_OK);
    snprintf(path, sizeof path, "%s/made/.lock", s.folder);
    int lock = open(path, O_RDWR | O_CREAT, 0644);
    assert_int_equal(flock(lock, LOCK_EX), 0);
    struct sc_set_state found;
    const struct sc_set_options options = {.folder = s.folder, .step = no_more, .context = &waited};
    assert_int_equal(sc_set_pull(&set, &options, &found, NULL), SC_ERR_INTERRUPTED);
    assert_true(waited);
    close(lock);
    pull_well(&set, NULL);
}

static void splits_are_parts_and_large_ones_are_asked_for(void **state)
{
    (void)state;
    struct sc_set set = one_file(SC_SET_OF_HUB, false);
    set.files[0] = (struct sc_set_file){.split = "a", .path = "a.csv"};
    set.files[1] = (struct sc_set_file){.split = "b", .path = "b.csv"};
    set.files[2] = (struct sc_set_file){.split = "c", .path = "c.csv", .large = true};
    struct sc_set_state found;
    struct sc_set_options options = {.folder = s.folder, .split = "b"};
    assert_int_equal(sc_set_pull(&set, &options, &found, NULL), SC_OK);
    assert_int_equal(found.n_parts, 1);
    assert_true(found.parts[0].was_fetched);
    sc_set_state_free(&found);
    options.split = NULL;
    assert_int_equal(sc_set_pull(&set, &options, &found, NULL), SC_OK);
    assert_int_equal(found.n_parts, 2);
    assert_true(found.parts[0].was_fetched && !found.parts[1].was_fetched);
    sc_set_state_free(&found);
    assert_null(content_of("made/c.csv"));
    assert_int_equal(sc_set_look(&set, &options, &found, NULL), SC_OK);
    assert_int_equal(found.n_parts, 3);
    assert_true(found.parts[1].is_here && !found.parts[2].is_here);
    sc_set_state_free(&found);
    const char *record = content_of("made/source.json"); /* of both times */
    assert_true(strstr(record, "a.csv") != NULL && strstr(record, "b.csv") != NULL);
    struct sc_error error = {0};
    options.split = "d";
    assert_int_equal(sc_set_pull(&set, &options, &found, &error), SC_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "expected one of a, b, c, found \"d\""));
    const struct sc_set whole = one_file(SC_SET_OF_HUB, false);
    error = (struct sc_error){0};
    assert_int_equal(sc_set_pull(&whole, &options, &found, &error), SC_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "has no splits"));
}

/* ---- rows ------------------------------------------------------------------------------------ */

static void rows_become_lines_in_their_order(void **state)
{
    (void)state;
    const struct sc_set set = of_rows();
    setenv("HF_TOKEN", "hf_secret", 1);
    pull_well(&set, NULL);
    assert_string_equal(s.authorization, "Bearer hf_secret");
    const char *lines = content_of("rows/test.jsonl");
    unsigned n = 0;
    for (const char *line = lines; *line != '\0'; line = strchr(line, '\n') + 1, n++) {
        char expected[100];
        snprintf(expected, sizeof expected,
                 "{\"prompt\":\"How %u? \xc3\xa9\\u0000\",\"prompt_harm_label\":null}\n", n);
        assert_memory_equal(line, expected, strlen(expected));
    }
    assert_int_equal(n, N_ROWS);
    assert_non_null(strstr(content_of("rows/source.json"), OLD));
    char pages[400];
    snprintf(pages, sizeof pages, "%s/rows/.pages-test.jsonl-111111111111", s.folder);
    assert_false(sc_is_folder(pages));
    unsigned asked = file_server_n_requests(s.server);
    pull_well(&set, NULL);
    assert_int_equal(file_server_n_requests(s.server), asked);
    pull_badly(&set, "main", SC_ERR_ARGUMENT, "expected no revision");
}

static void the_address_of_rows_is_escaped(void **state)
{
    (void)state;
    const struct sc_set set = of_rows();
    s.refuse_from = 100;
    pull_badly(&set, NULL, SC_ERR_IO, "the rows of rows: ");
    assert_non_null(
        strstr(s.path, "/rows?dataset=o%2Fn&config=config%20test&split=te%20st&offset="));
}

/* Which pages lie here of a pull that failed; how many. */
static unsigned find_kept(bool kept[N_PAGES])
{
    unsigned n = 0;
    for (unsigned i = 0; i < N_PAGES; i++) {
        char page[420];
        snprintf(page, sizeof page, "%s/rows/.pages-test.jsonl-111111111111/%08u.json", s.folder,
                 100 * i);
        kept[i] = access(page, F_OK) == 0;
        n += kept[i];
    }
    return n;
}

static void what_was_fetched_of_rows_is_not_fetched_again(void **state)
{
    (void)state;
    const struct sc_set set = of_rows();
    bool kept[N_PAGES] = {false};
    s.refuse_from = 200;
    /* All pages are asked for at once, so none may have come when the last is refused. */
    for (int i = 0; i < 100 && find_kept(kept) == 0; i++)
        pull_badly(&set, NULL, SC_ERR_IO, "the rows of rows: ");
    assert_null(content_of("rows/test.jsonl"));
    assert_true(find_kept(kept) > 0 && !kept[N_PAGES - 1]);
    s.refuse_from = 0;
    s.word = "Why";
    pull_well(&set, NULL);
    for (unsigned i = 0; i < N_PAGES; i++) {
        char words[32];
        snprintf(words, sizeof words, "%s %u?", kept[i] ? "How" : "Why", 100 * i);
        assert_non_null(strstr(content_of("rows/test.jsonl"), words));
    }
}

static void rows_that_are_not_whole_are_refused(void **state)
{
    (void)state;
    static const struct {
        enum way way;
        const char *part;
    } cases[] = {{CUT_CELL, "row 150: cell \"prompt\" is cut short"},
                 {PARTIAL, "only a part of the set"},
                 {OTHER_ROW, "expected row 150, found another"},
                 {OTHER_TOTAL, "expected a set of 230 rows as before, found 231"},
                 {OTHER_COLUMNS, "the columns are not those"},
                 {TOO_FEW, "expected 100 rows from row 100 on, found 99"},
                 {NO_PAGE, "page of rows: line 1: expected JSON"}};
    const struct sc_set set = of_rows();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        s.way = cases[i].way;
        pull_badly(&set, NULL, SC_ERR_FORMAT, cases[i].part);
        assert_null(content_of("rows/test.jsonl"));
        assert_null(content_of("rows/source.json"));
    }
    s.way = WELL; /* the bad page is gone, so it comes again */
    pull_well(&set, NULL);
}

static void rows_that_move_on_meanwhile_are_refused(void **state)
{
    (void)state;
    const struct sc_set set = of_rows();
    s.way = MOVES_ON;
    pull_badly(&set, NULL, SC_ERR_IO, "changed while they came");
    assert_null(content_of("rows/test.jsonl"));
}

static void a_gated_set_of_rows_says_how_to_get_it(void **state)
{
    (void)state;
    const struct sc_set set = of_rows();
    s.status = 401;
    pull_badly(&set, NULL, SC_ERR_IO, "agree at https://huggingface.co/datasets/o/n");
}

static void pages_of_anything_are_read_with_care(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "null",
        "[]",
        "{}",
        "{\"num_rows_total\":0,\"features\":[{}],\"rows\":[]}",
        "{\"num_rows_total\":-1,\"features\":[{}],\"rows\":[]}",
        "{\"num_rows_total\":1e3,\"features\":[{}],\"rows\":[]}",
        "{\"num_rows_total\":99999999999,\"features\":[{}],\"rows\":[]}",
        "{\"num_rows_total\":1,\"features\":[],\"rows\":[{\"row_idx\":0,\"row\":{}}]}",
        "{\"num_rows_total\":1,\"features\":{},\"rows\":[{\"row_idx\":0,\"row\":{}}]}",
        "{\"num_rows_total\":1,\"features\":[{}],\"rows\":{}}",
        "{\"num_rows_total\":1,\"features\":[{}],\"rows\":[]}",
        "{\"num_rows_total\":1,\"features\":[{}],\"rows\":[3]}",
        "{\"num_rows_total\":1,\"features\":[{}],\"rows\":[{\"row_idx\":0,\"row\":[]}]}",
        "{\"num_rows_total\":1,\"features\":[{}],\"rows\":[{\"row_idx\":1,\"row\":{}}]}",
        "{\"num_rows_total\":1,\"features\":[{}],\"rows\":[{\"row_idx\":-1,\"row\":{}}]}",
        "{\"num_rows_total\":1,\"features\":[{}],\"rows\":[{\"truncated_cells\":[{}]}]}",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct sc_rows rows = {0};
        struct sc_error error = {0};
        assert_int_equal(sc_rows_add_page(&rows, wrong[i], strlen(wrong[i]), &error),
                         SC_ERR_FORMAT);
        assert_true(error.text[0] != '\0');
        sc_rows_free(&rows);
    }
    char said[256];
    static const char complaint[] = "{\"error\":\"no \\u001b such\\nset\"}";
    sc_rows_complaint(complaint, sizeof complaint - 1, said, sizeof said);
    assert_string_equal(said, "no \\x1B such set");
    sc_rows_complaint("nothing", 7, said, sizeof said);
    assert_string_equal(said, "");
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void exhausted_memory_leaves_no_half_page(void **state)
{
    (void)state;
    static const char page[] = "{\"num_rows_total\":2,\"features\":[{\"name\":\"p\"}],\"rows\":[{"
                               "\"row_idx\":0,\"row\":{\"p\":\"a\"}},{\"row_idx\":1,\"row\":{"
                               "\"p\":\"b\"}}]}";
    json_t *value;
    sc_memory_fail_at(SIZE_MAX);
    assert_int_equal(sc_json_parse_nul(page, sizeof page - 1, "", &value, NULL), SC_OK);
    json_decref(value);
    /* after the parser, which is not ours and loses bytes of long words without memory */
    for (size_t n = sc_memory_count();; n++) {
        struct sc_rows rows = {0};
        sc_memory_fail_at(n);
        enum sc_status status = sc_rows_add_page(&rows, page, sizeof page - 1, NULL);
        bool failed = sc_memory_count() > n;
        sc_memory_fail_at(SIZE_MAX);
        if (status == SC_OK)
            assert_string_equal(rows.lines.data, "{\"p\":\"a\"}\n{\"p\":\"b\"}\n");
        else
            assert_int_equal(status, SC_ERR_NOMEM);
        sc_rows_free(&rows);
        if (!failed)
            break;
    }
}

static void exhausted_memory_leaves_record_and_file_alone(void **state)
{
    (void)state;
    const struct sc_set set = one_file(SC_SET_OF_HUB, false);
    const struct sc_set_options options = {.folder = s.folder};
    pull_well(&set, NULL);
    char *before = sc_strdup(content_of("made/source.json"));
    for (size_t n = 0;; n++) {
        struct sc_set_state found;
        sc_memory_fail_at(n);
        enum sc_status status = sc_set_pull(&set, &options, &found, NULL);
        bool failed = sc_memory_count() > n;
        sc_memory_fail_at(SIZE_MAX);
        sc_set_state_free(&found);
        assert_true(status == SC_OK || status == SC_ERR_NOMEM);
        assert_string_equal(content_of("made/source.json"), before);
        assert_string_equal(content_of("made/one.csv"), CONTENT);
        if (!failed)
            break;
    }
    sc_free(before);
}

static void exhausted_memory_while_fetching_is_an_error(void **state)
{
    (void)state;
    const struct sc_set set = one_file(SC_SET_OF_HUB, true);
    char path[400];
    const struct sc_set_options options = {.folder = s.folder};
    snprintf(path, sizeof path, "%s/made/one.csv", s.folder);
    for (size_t n = 0;; n++) {
        struct sc_set_state found;
        sc_memory_fail_at(n);
        enum sc_status status = sc_set_pull(&set, &options, &found, NULL);
        bool failed = sc_memory_count() > n;
        sc_memory_fail_at(SIZE_MAX);
        sc_set_state_free(&found);
        assert_true(status == SC_OK || status == SC_ERR_NOMEM);
        assert_true(content_of("made/one.csv") == NULL ||
                    strcmp(content_of("made/one.csv"), CONTENT) == 0);
        unlink(path);
        if (!failed)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_file_is_fetched_recorded_and_not_asked_for_again, begin),
        cmocka_unit_test_setup(public_repositories_get_no_token, begin),
        cmocka_unit_test_setup(what_is_not_what_was_published_is_not_kept, begin),
        cmocka_unit_test_setup(what_came_first_is_what_comes_again, begin),
        cmocka_unit_test_setup(a_file_that_is_there_is_never_touched, begin),
        cmocka_unit_test_setup(a_refusal_says_what_to_do, begin),
        cmocka_unit_test_setup(two_do_not_fetch_the_same_at_once, begin),
        cmocka_unit_test_setup(splits_are_parts_and_large_ones_are_asked_for, begin),
        cmocka_unit_test_setup(rows_become_lines_in_their_order, begin),
        cmocka_unit_test_setup(the_address_of_rows_is_escaped, begin),
        cmocka_unit_test_setup(what_was_fetched_of_rows_is_not_fetched_again, begin),
        cmocka_unit_test_setup(rows_that_are_not_whole_are_refused, begin),
        cmocka_unit_test_setup(rows_that_move_on_meanwhile_are_refused, begin),
        cmocka_unit_test_setup(a_gated_set_of_rows_says_how_to_get_it, begin),
        cmocka_unit_test_setup(pages_of_anything_are_read_with_care, begin),
        cmocka_unit_test_setup(exhausted_memory_leaves_no_half_page, begin),
        cmocka_unit_test_setup(exhausted_memory_leaves_record_and_file_alone, begin),
        cmocka_unit_test_setup(exhausted_memory_while_fetching_is_an_error, begin),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
