/* The server as a whole, within one process: clients of several threads at once, some of which go
 * away; what a request becomes when memory runs out; its end. */
#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/memory.h"
#include "serving/job.h"
#include "serving/serving.h"

enum { N_CLIENTS = 6, ANSWER_BYTES = 1 << 18 };

static atomic_bool is_over;

static bool ends(void)
{
    return atomic_load(&is_over);
}

static void *watch(void *serving)
{
    size_t n_dropped = 0;
    sc_serving_run(serving, ends, &n_dropped);
    return (void *)(n_dropped > 0 ? serving : NULL);
}

static struct sc_serving *start(size_t parallel)
{
    struct sc_serving_options options = sc_serving_options_default();
    struct sc_serving *serving = NULL;
    struct sc_error error = {0};
    options.parallel = parallel;
    options.max_new = 64;
    options.max_prompt = 128;
    options.engine.n_threads = 2;
    if (sc_serving_open(&serving, &options, &error) != SC_OK)
        fail_msg("%s", error.text);
    return serving;
}

/* A connection with a request sent; -1: none. */
static int ask(uint16_t port, const char *body)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    char head[256];
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at) != 0)
        return -1;
    int n = snprintf(head, sizeof head,
                     "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                     "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                     strlen(body));
    bool sent = send(fd, head, (size_t)n, MSG_NOSIGNAL) == n &&
                send(fd, body, strlen(body), MSG_NOSIGNAL) == (ssize_t)strlen(body);
    return sent ? fd : -1;
}

/* All that is answered, with a 0 behind it. */
static char *read_all(int fd)
{
    char *answer = calloc(1, ANSWER_BYTES);
    size_t n = 0;
    for (ssize_t got; answer != NULL && n + 1 < ANSWER_BYTES; n += (size_t)got) {
        got = recv(fd, answer + n, ANSWER_BYTES - 1 - n, 0);
        if (got <= 0)
            break;
    }
    close(fd);
    return answer;
}

struct client {
    uint16_t port;
    unsigned seed;
    char text[1 << 16]; /* of its choices, one behind another */
    bool went_well;
};

/* Asks three times; the answers to equal requests must be equal. */
static void *be_client(void *context)
{
    struct client *client = context;
    char body[256];
    snprintf(body, sizeof body,
             "{\"prompt\":\"Bread is\",\"n\":3,\"max_tokens\":24,\"seed\":%u,\"logprobs\":%u}",
             client->seed, client->seed % 3);
    for (int round = 0; round < 3; round++) {
        int gone =
            ask(client->port, "{\"prompt\":\"Once\",\"n\":9,\"max_tokens\":60,\"stream\":true}");
        char *answer = read_all(ask(client->port, body));
        char *from = answer != NULL ? strstr(answer, "\"choices\"") : NULL;
        char *to = from != NULL ? strstr(from, "\"usage\"") : NULL;
        close(gone); /* with its stream unread */
        if (to == NULL || to - from >= (long)sizeof client->text) {
            free(answer);
            return NULL;
        }
        *to = '\0';
        client->went_well = round == 0 || strcmp(client->text, from) == 0;
        snprintf(client->text, sizeof client->text, "%s", from);
        free(answer);
        if (!client->went_well)
            return NULL;
    }
    return NULL;
}

static void many_clients_get_their_own_answers(void **state)
{
    (void)state;
    static struct client clients[2][N_CLIENTS];
    for (size_t run = 0; run < 2; run++) {
        struct sc_serving *serving = start(run == 0 ? 2 : 8);
        pthread_t watcher, threads[N_CLIENTS];
        void *dropped = NULL;
        atomic_store(&is_over, false);
        assert_int_equal(pthread_create(&watcher, NULL, watch, serving), 0);
        for (unsigned i = 0; i < N_CLIENTS; i++) {
            clients[run][i].port = sc_serving_facts(serving).port;
            clients[run][i].seed = i / 2; /* two ask the same */
            assert_int_equal(pthread_create(&threads[i], NULL, be_client, &clients[run][i]), 0);
        }
        for (unsigned i = 0; i < N_CLIENTS; i++)
            pthread_join(threads[i], NULL);
        atomic_store(&is_over, true);
        pthread_join(watcher, &dropped);
        assert_null(dropped);
        sc_serving_close(serving);
        for (unsigned i = 0; i < N_CLIENTS; i++) {
            assert_true(clients[run][i].went_well);
            assert_string_equal(clients[run][i].text, clients[run][i / 2 * 2].text);
        }
    }
    for (unsigned i = 0; i < N_CLIENTS; i++) /* however many rows there are */
        assert_string_equal(clients[0][i].text, clients[1][i].text);
    assert_string_not_equal(clients[0][0].text, clients[0][2].text);
}

/* Closed with requests in hand: they are dropped. */
static void a_server_ends_with_requests_in_hand(void **state)
{
    (void)state;
    struct sc_serving *serving = start(1);
    int fds[4];
    for (size_t i = 0; i < 4; i++)
        fds[i] = ask(sc_serving_facts(serving).port,
                     i % 2 ? "{\"prompt\":\"Once\",\"n\":99,\"max_tokens\":64}"
                           : "{\"prompt\":\"Once\",\"n\":99,\"max_tokens\":64,\"stream\":true,"
                             "\"logprobs\":2}");
    sc_serving_close(serving);
    for (size_t i = 0; i < 4; i++)
        free(read_all(fds[i]));
}

static void a_port_that_is_taken(void **state)
{
    (void)state;
    struct sc_serving *first = start(1), *second = NULL;
    struct sc_serving_options options = sc_serving_options_default();
    struct sc_error error = {0};
    options.port = sc_serving_facts(first).port;
    assert_int_equal(sc_serving_open(&second, &options, &error), SC_ERR_IO);
    assert_non_null(strstr(error.text, "cannot listen"));
    assert_null(second);
    sc_serving_close(first);
}

static enum sc_status make_job(struct sc_serving_model *model, const char *body, bool chat)
{
    struct sc_serving_request request = {0};
    struct sc_serving_encoding encoding = {0};
    struct sc_serving_prompts book = {0};
    struct sc_serving_job *job = NULL;
    struct sc_error error = {0};
    char field[64];
    enum sc_status status =
        sc_serving_request_read(&request, chat, body, strlen(body), field, &error);
    if (status != SC_OK)
        goto done;
    status = sc_serving_model_resolve(model, &request, field, &error);
    if (status != SC_OK)
        goto done;
    status = sc_serving_job_encode(model, &request, &encoding, field, &error);
    if (status != SC_OK)
        goto done;
    status = sc_serving_job_new(&job, model, &request, &encoding, &book, &error);
done:
    assert_true(status == SC_OK || error.text[0] != '\0');
    assert_true((status == SC_OK) == (job != NULL));
    sc_serving_job_leave(job);
    sc_serving_encoding_free(&encoding);
    sc_serving_request_free(&request);
    sc_serving_prompts_free(&book);
    return status;
}

static void a_request_without_memory_fails(void **state)
{
    (void)state;
    static struct sc_serving_model model = {.name = "demo",
                                            .path = "demo",
                                            .max_prompt = 64,
                                            .max_new = 16,
                                            .max_top = 3,
                                            .lock = PTHREAD_MUTEX_INITIALIZER};
    model.chat = sc_chat_options_default();
    assert_int_equal(sc_opened_read(&model.opened, "demo", NULL), SC_OK);
    assert_int_equal(sc_opened_frame(&model.opened, &model.chat, NULL), SC_OK);
    static const char *const bodies[] = {
        "{\"prompt\":[\"a b\",[1,2]],\"n\":2,\"echo\":true,\"logprobs\":1,\"seed\":1}",
        "{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"stop\":\"x\",\"seed\":1}"};
    for (size_t b = 0; b < 2; b++)
        for (size_t n = 0;; n++) {
            sc_serving_model_forget(&model);
            sc_memory_fail_at(n);
            enum sc_status status = make_job(&model, bodies[b], b == 1);
            size_t count = sc_memory_count();
            sc_memory_fail_at(SIZE_MAX);
            if (count <= n) {
                assert_int_equal(status, SC_OK);
                break;
            }
        }
    sc_serving_model_forget(&model);
    sc_opened_close(&model.opened);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_clients_get_their_own_answers),
        cmocka_unit_test(a_server_ends_with_requests_in_hand),
        cmocka_unit_test(a_port_that_is_taken),
        cmocka_unit_test(a_request_without_memory_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
