/* Engines that are started for a run: their command lines, and that they and all that they started
 * end with it, whoever is killed. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"
#include "source/launch/child.h"
#include "source/launch/gpus.h"
#include "source/launch/launch.h"

static char folder[64], path_before[4096];

static char *in_folder(const char *name)
{
    static char paths[8][128];
    static size_t next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

/* A program of that name in the test's folder, which is on PATH. */
static void write_program(const char *name, const char *text)
{
    FILE *file = fopen(in_folder(name), "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod(in_folder(name), 0755), 0);
}

static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/safeconf-launch-XXXXXX");
    assert_non_null(mkdtemp(folder));
    char path[4200];
    snprintf(path_before, sizeof path_before, "%s", getenv("PATH"));
    snprintf(path, sizeof path, "%s:%s", folder, path_before);
    setenv("PATH", path, 1);
    unsetenv("CUDA_VISIBLE_DEVICES");
    unsetenv("SAFECONF_VLLM");
    return 0;
}

static int tear_down(void **state)
{
    char command[128];
    (void)state;
    setenv("PATH", path_before, 1);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

/* ---- command lines --------------------------------------------------------------------------- */

static void words_are_quoted_as_a_shell_reads_them(void **state)
{
    static const char *const words[] = {"vllm",    "a b",   "it's",       "",
                                        "--x=1,2", "$(no)", "\xc3\xa9\n*"};
    struct sc_command command = {0};
    struct sc_text text = {0}, said = {0};
    (void)state;

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        assert_int_equal(sc_command_add(&command, words[i], NULL), SC_OK);
    sc_command_quote(&command, &text);
    assert_string_equal(text.data, "vllm 'a b' 'it'\\''s' '' --x=1,2 '$(no)' '\xc3\xa9\n*'");
    /* and does it? */
    struct sc_text script = {0};
    int status;
    sc_text_printf(&script, "printf '[%%s]' %s", text.data);
    char shell[] = "sh", option[] = "-c";
    char *ask[] = {shell, option, script.data, NULL};
    assert_int_equal(sc_child_read(ask, 10, &said, &status, NULL), SC_OK);
    assert_int_equal(status, 0);
    assert_string_equal(said.data, "[vllm][a b][it's][][--x=1,2][$(no)][\xc3\xa9\n*]");
    sc_text_free(&script);
    sc_text_free(&said);
    sc_text_free(&text);
    sc_command_free(&command);
}

static void engines_are_started_with_what_a_run_needs(void **state)
{
    static const char *const more[] = {"--max-model-len", "4096"};
    static const struct {
        enum sc_engine_kind kind;
        int n_gpus;
        const char *dtype, *expected;
    } cases[] = {
        {SC_ENGINE_VLLM, 0, NULL,
         "vllm serve /m --served-model-name n --host 127.0.0.1 --port 8000 --max-logprobs 20 "
         "--enable-prefix-caching --generation-config vllm --uvicorn-log-level warning "
         "--max-model-len 4096"},
        {SC_ENGINE_VLLM, 4, "bf16",
         "vllm serve /m --served-model-name n --host 127.0.0.1 --port 8000 --max-logprobs 20 "
         "--enable-prefix-caching --generation-config vllm --uvicorn-log-level warning "
         "--dtype bfloat16 --data-parallel-size 4 --max-model-len 4096"},
        {SC_ENGINE_SGLANG, 2, "f32",
         "python3 -m sglang.launch_server --model-path /m --served-model-name n --host 127.0.0.1 "
         "--port 8000 --log-level-http warning --dtype float32 --dp-size 2 --max-model-len 4096"},
        {SC_ENGINE_LLAMA_SERVER, 1, NULL,
         "llama-server --model /m --alias n --host 127.0.0.1 --port 8000 --parallel 8 --ctx-size "
         "32768 --jinja --n-gpu-layers 999 --max-model-len 4096"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sc_engine_choice choice;
        struct sc_command command;
        struct sc_text text = {0};
        const struct sc_launch_options options = {.model = "/m",
                                                  .name = "n",
                                                  .host = "127.0.0.1",
                                                  .port = 8000,
                                                  .n_gpus = cases[i].n_gpus,
                                                  .n_top = 20,
                                                  .dtype = cases[i].dtype,
                                                  .more = more,
                                                  .n_more = 2};
        assert_int_equal(sc_engine_elsewhere(cases[i].kind, &choice, NULL), SC_OK);
        assert_int_equal(sc_launch_command(&choice, &options, &command, NULL), SC_OK);
        sc_command_quote(&command, &text);
        assert_string_equal(text.data, cases[i].expected);
        sc_text_free(&text);
        sc_command_free(&command);
        sc_engine_choice_free(&choice);
    }
}

static void gpus_are_divided_by_what_fits_one(void **state)
{
    static const struct {
        int n;
        double model, gpu; /* GB */
        int tensor, data;
    } cases[] = {
        {1, 1000, 80, 1, 1}, {8, 16, 80, 1, 8}, {8, 140, 80, 4, 2}, {8, 0, 0, 1, 8},
        {3, 140, 80, 2, 1},  {6, 60, 80, 2, 3}, {2, 30, 0, 2, 1},   {8, 5000, 80, 8, 1},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sc_gpu_split split = sc_gpu_split(cases[i].n, (uint64_t)(cases[i].model * 1e9),
                                                 (uint64_t)(cases[i].gpu * 1e9));
        assert_int_equal(split.tensor, cases[i].tensor);
        assert_int_equal(split.data, cases[i].data);
    }
}

/* ---- choosing -------------------------------------------------------------------------------- */

/* Programs that say that there are two GPUs, whatever this machine has, and that Python has
 * nothing. */
static void pretend_gpus(void)
{
    write_program("nvidia-smi", "#!/bin/sh\n"
                                "case $1 in -L) echo 'GPU 0: One'; echo 'GPU 1: Two';;\n"
                                "*) echo 81559; echo 40960;; esac\n");
    write_program("python3", "#!/bin/sh\nexit 1\n");
}

static void auto_is_the_cpu_without_devices_or_engines(void **state)
{
    struct sc_engine_choice choice;
    (void)state;

    pretend_gpus();
    setenv("CUDA_VISIBLE_DEVICES", "", 1);
    assert_int_equal(sc_engine_choose(SC_ENGINE_AUTO, &choice, NULL), SC_OK);
    assert_int_equal(choice.kind, SC_ENGINE_CPU);
    assert_string_equal(choice.why, "no CUDA device is visible");
    sc_engine_choice_free(&choice);

    unsetenv("CUDA_VISIBLE_DEVICES");
    assert_true(sc_gpus_visible() > 0);
    assert_int_equal(sc_engine_choose(SC_ENGINE_AUTO, &choice, NULL), SC_OK);
    assert_int_equal(choice.kind, SC_ENGINE_CPU);
    assert_non_null(strstr(choice.why, "neither vllm nor sglang is installed"));
    sc_engine_choice_free(&choice);

    write_program("vllm", "#!/bin/sh\n");
    assert_int_equal(sc_engine_choose(SC_ENGINE_AUTO, &choice, NULL), SC_OK);
    assert_int_equal(choice.kind, SC_ENGINE_VLLM);
    assert_string_equal(choice.program.words[0], "vllm");
    sc_engine_choice_free(&choice);
}

static void python_modules_are_engines_too(void **state)
{
    struct sc_engine_choice choice;
    (void)state;

    pretend_gpus();
    write_program("python3", "#!/bin/sh\ncase $2 in *sglang*) exit 0;; esac\nexit 1\n");
    assert_int_equal(sc_engine_choose(SC_ENGINE_AUTO, &choice, NULL), SC_OK);
    assert_int_equal(choice.kind, SC_ENGINE_SGLANG);
    assert_string_equal(choice.program.words[2], "sglang.launch_server");
    sc_engine_choice_free(&choice);
}

static void an_engine_that_is_missing_is_one_line(void **state)
{
    struct sc_engine_choice choice;
    struct sc_error error = {0};
    (void)state;

    write_program("python3", "#!/bin/sh\nexit 1\n");
    setenv("PATH", folder, 1);
    assert_int_equal(sc_engine_choose(SC_ENGINE_VLLM, &choice, &error), SC_ERR_ARGUMENT);
    assert_string_equal(error.text, "engine: expected vllm on PATH, a python3 that has vllm, or a "
                                    "path in SAFECONF_VLLM, found none");
    error = (struct sc_error){0};
    assert_int_equal(sc_engine_choose(SC_ENGINE_LLAMA_SERVER, &choice, &error), SC_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "llama-server on PATH"));
    setenv("SAFECONF_VLLM", "/nowhere", 1);
    error = (struct sc_error){0};
    assert_int_equal(sc_engine_choose(SC_ENGINE_VLLM, &choice, &error), SC_ERR_ARGUMENT);
    assert_string_equal(error.text, "SAFECONF_VLLM: expected a program, found \"/nowhere\"");
}

static void visible_devices_are_those_of_the_list(void **state)
{
    static const struct {
        const char *list;
        int n;
    } cases[] = {{"", 0}, {"-1", 0}, {"0", 1}, {"1,-1,0", 1}, {"NoDevFiles", 0}, {"GPU-1f", 1}};
    (void)state;

    pretend_gpus();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        setenv("CUDA_VISIBLE_DEVICES", cases[i].list, 1);
        assert_int_equal(sc_gpus_visible(), cases[i].n);
    }
    assert_true(sc_gpu_bytes() == UINT64_C(40960) << 20);
}

/* ---- children -------------------------------------------------------------------------------- */

static void start(struct sc_child *child, const char *script)
{
    char shell[] = "sh", option[] = "-c", *copy = strdup(script);
    char *words[] = {shell, option, copy, NULL};
    struct sc_error error = {0};
    FILE *log = fopen(in_folder("log"), "a");
    assert_non_null(log);
    fclose(log);
    if (sc_child_start(child, &(struct sc_child_program){.words = words}, in_folder("log"),
                       &error) != SC_OK)
        fail_msg("%s", error.text);
    free(copy);
}

static void pause_for(double seconds)
{
    struct timespec time = {.tv_sec = (time_t)seconds,
                            .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&time, NULL);
}

/* Waits up to five seconds for a process's number in a file, and for its end. */
static pid_t pid_in(const char *name)
{
    for (int i = 0; i < 500; i++, pause_for(0.01)) {
        long pid = 0;
        FILE *file = fopen(in_folder(name), "r");
        bool read = file != NULL && fscanf(file, "%ld\n", &pid) == 1;
        if (file != NULL)
            fclose(file);
        if (read)
            return (pid_t)pid;
    }
    fail_msg("%s: nothing came", name);
    return 0;
}

/* Whether a process is gone, or dead and not yet taken notice of. */
static bool is_over(pid_t pid)
{
    char path[64], line[256] = "";
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return true;
    size_t n = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    const char *state = strrchr(line, ')');
    return n == 0 || state == NULL || state[2] == 'Z' || state[2] == 'X';
}

static bool ends(pid_t pid)
{
    for (int i = 0; i < 500; i++, pause_for(0.01))
        if (is_over(pid))
            return true;
    return false;
}

/* A worker in the program's group, one in a session of its own, and one whose parent is gone. */
#define WORKERS                                                                                    \
    "cd \"$FOLDER\"; sleep 60 & echo $! >one; setsid sh -c 'echo $$ >two; exec sleep 60' & "       \
    "(setsid sh -c 'echo $$ >three; exec sleep 60' &); "

static void start_with_workers(struct sc_child *child, const char *rest, pid_t *workers)
{
    char script[512];
    unlink(in_folder("one"));
    unlink(in_folder("two"));
    unlink(in_folder("three"));
    setenv("FOLDER", folder, 1);
    snprintf(script, sizeof script, WORKERS "%s", rest);
    start(child, script);
    workers[0] = pid_in("one");
    workers[1] = pid_in("two");
    workers[2] = pid_in("three");
}

static void assert_all_end(const pid_t *workers)
{
    for (size_t i = 0; i < 3; i++)
        assert_true(ends(workers[i]));
}

static void a_child_ends_with_its_workers_when_asked(void **state)
{
    struct sc_child child;
    pid_t workers[3];
    (void)state;

    start_with_workers(&child, "exec sleep 60", workers);
    assert_true(sc_child_runs(&child));
    pid_t program = child.program;
    double begin = sc_seconds();
    sc_child_end(&child);
    assert_true(sc_seconds() - begin < SC_CHILD_GRACE);
    assert_true(ends(program));
    assert_all_end(workers);
    sc_child_end(&child); /* again: nothing */
}

static void a_child_that_is_killed_takes_its_workers_along(void **state)
{
    struct sc_child child;
    pid_t workers[3];
    (void)state;

    start_with_workers(&child, "exec sleep 60", workers);
    kill(child.program, SIGKILL);
    assert_all_end(workers);
    while (sc_child_runs(&child))
        pause_for(0.01);
    assert_int_equal(child.status, 128 + SIGKILL);
    sc_child_end(&child);
}

static void a_child_that_ends_by_itself_says_how(void **state)
{
    struct sc_child child;
    (void)state;

    start(&child, "echo words; exit 7");
    while (sc_child_runs(&child))
        pause_for(0.01);
    assert_true(child.ended);
    assert_int_equal(child.status, 7);
    sc_child_end(&child);
}

static void a_keeper_that_is_killed_leaves_no_program(void **state)
{
    struct sc_child child;
    (void)state;

    start(&child, "exec sleep 60");
    pid_t program = child.program;
    kill(child.keeper, SIGKILL);
    assert_true(ends(program));
    while (sc_child_runs(&child))
        pause_for(0.01);
    sc_child_end(&child);
}

static void a_process_that_is_killed_leaves_nothing(void **state)
{
    pid_t workers[3];
    (void)state;

    pid_t self = fork();
    if (self == 0) {
        struct sc_child child;
        setenv("FOLDER", folder, 1);
        start(&child, WORKERS "echo $$ >program; exec sleep 60");
        for (;;)
            pause();
    }
    pid_t program = pid_in("program");
    workers[0] = pid_in("one");
    workers[1] = pid_in("two");
    workers[2] = pid_in("three");
    kill(self, SIGKILL);
    waitpid(self, NULL, 0);
    assert_true(ends(program));
    assert_all_end(workers);
}

static void a_program_that_is_not_there_is_an_error(void **state)
{
    char name[] = "/nowhere/at-all", *words[] = {name, NULL};
    struct sc_child child;
    struct sc_error error = {0};
    (void)state;

    write_program("log", "");
    assert_int_equal(sc_child_start(&child, &(struct sc_child_program){.words = words},
                                    in_folder("log"), &error),
                     SC_ERR_IO);
    assert_string_equal(error.text, "/nowhere/at-all: No such file or directory");
    assert_int_equal(child.keeper, 0);
    error = (struct sc_error){0};
    assert_int_equal(
        sc_child_start(&child, &(struct sc_child_program){.words = words}, "/nowhere/log", &error),
        SC_ERR_IO);
    assert_string_equal(error.text, "/nowhere/log: No such file or directory");
}

static void a_short_program_is_read_and_not_waited_for_long(void **state)
{
    char shell[] = "sh", option[] = "-c", quick[] = "echo a; exit 3", slow[] = "echo b; sleep 60";
    char *words[] = {shell, option, quick, NULL}, name[] = "/nowhere", *missing[] = {name, NULL};
    struct sc_text said = {0};
    int status = -1;
    (void)state;

    assert_int_equal(sc_child_read(words, 10, &said, &status, NULL), SC_OK);
    assert_string_equal(said.data, "a\n");
    assert_int_equal(status, 3);
    words[2] = slow;
    double begin = sc_seconds();
    assert_int_equal(sc_child_read(words, 0.2, &said, &status, NULL), SC_OK);
    assert_true(sc_seconds() - begin < 5);
    assert_string_equal(said.data, "a\nb\n");
    assert_int_equal(status, 128 + SIGKILL);
    assert_int_equal(sc_child_read(missing, 10, &said, &status, NULL), SC_OK);
    assert_int_equal(status, 127);
    sc_text_free(&said);
}

static void keys_are_not_passed_on(void **state)
{
    static const char *const names[] = {"OPENAI_API_KEY", "HF_TOKEN", "safeconf_secret",
                                        "A_PASSWORD"};
    char shell[] = "sh", option[] = "-c", all[] = "env", *words[] = {shell, option, all, NULL};
    struct sc_text said = {0};
    int status = -1;
    (void)state;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        setenv(names[i], "never-to-be-passed-on", 1);
    setenv("KEY_TO_NOTHING", "is-passed-on", 1);
    assert_int_equal(sc_child_read(words, 10, &said, &status, NULL), SC_OK);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
    assert_int_equal(status, 0);
    assert_null(strstr(said.data, "never-to-be-passed-on"));
    assert_non_null(strstr(said.data, "KEY_TO_NOTHING=is-passed-on"));
    sc_text_free(&said);
}

/* ---- starting -------------------------------------------------------------------------------- */

static bool give_up_soon(void *context, double seconds, const char *line)
{
    char *seen = context;
    if (*line != '\0')
        snprintf(seen, 64, "%s", line);
    return seconds < 0.3;
}

static enum sc_status begin(const char *program, double timeout, char *seen, struct sc_error *error)
{
    struct sc_engine_choice choice;
    struct sc_launch *launch = NULL;
    write_program("vllm", program);
    assert_int_equal(sc_engine_choose(SC_ENGINE_VLLM, &choice, NULL), SC_OK);
    const struct sc_launch_start start = {.choice = &choice,
                                          .options = {.model = "/m", .name = "m", .n_top = 20},
                                          .log = in_folder("server.log"),
                                          .timeout = timeout,
                                          .step = seen != NULL ? give_up_soon : NULL,
                                          .context = seen};
    enum sc_status status = sc_launch_begin(&start, &launch, error);
    assert_null(launch);
    sc_engine_choice_free(&choice);
    return status;
}

static void engines_that_do_not_come_up_are_one_line_with_the_end_of_the_log(void **state)
{
    static const char failing[] = "#!/bin/sh\necho 'ValueError: no such\x1b model' >&2\n"
                                  "echo later\necho 'RuntimeError: see above'\nexit 1\n";
    struct sc_error error = {0};
    (void)state;

    assert_int_equal(begin(failing, 5, NULL, &error), SC_ERR_IO);
    assert_non_null(strstr(error.text, "engine: vllm ended with status 1 before it answered; "));
    assert_non_null(strstr(error.text, "server.log ends: RuntimeError: see above; first error: "
                                       "ValueError: no such\\x1B model"));
    error = (struct sc_error){0}; /* what was printed before is not this start's */
    assert_int_equal(begin("#!/bin/sh\nkill -9 $$\n", 5, NULL, &error), SC_ERR_IO);
    assert_non_null(strstr(error.text, "was ended by signal 9 before it answered; "));
    assert_non_null(strstr(error.text, "ends: (nothing)"));
    error = (struct sc_error){0};
    assert_int_equal(begin("#!/bin/sh\necho loading; exec sleep 60\n", 0.2, NULL, &error),
                     SC_ERR_IO);
    assert_non_null(strstr(error.text, "did not answer within 0.2 seconds; "));
    assert_non_null(strstr(error.text, "ends: loading"));
}

static void loading_is_shown_and_may_be_interrupted(void **state)
{
    char seen[64] = "";
    (void)state;

    assert_int_equal(begin("#!/bin/sh\nprintf 'shards:  10%%\\rshards:  50%%\\r'; exec sleep 60\n",
                           60, seen, NULL),
                     SC_ERR_INTERRUPTED);
    assert_string_equal(seen, "shards: 50%");
}

static void exhausted_memory_is_an_error(void **state)
{
    enum sc_status status = SC_ERR_NOMEM;
    char seen[64] = "";
    (void)state;

    for (size_t n = 0; status == SC_ERR_NOMEM && n < 400; n += 1 + n / 8) {
        struct sc_engine_choice choice;
        struct sc_launch *launch = NULL;
        write_program("vllm", "#!/bin/sh\nexit 1\n");
        assert_int_equal(sc_engine_choose(SC_ENGINE_VLLM, &choice, NULL), SC_OK);
        const struct sc_launch_start start = {.choice = &choice,
                                              .options = {.model = "/m", .name = "m", .n_top = 20},
                                              .log = in_folder("server.log"),
                                              .timeout = 5,
                                              .step = give_up_soon,
                                              .context = seen};
        sc_memory_fail_at(n);
        status = sc_launch_begin(&start, &launch, NULL);
        assert_false(status == SC_OK && sc_memory_failed());
        sc_memory_fail_at(SIZE_MAX);
        assert_null(launch);
        sc_engine_choice_free(&choice);
    }
    assert_int_equal(status, SC_ERR_IO);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(words_are_quoted_as_a_shell_reads_them),
        TEST(engines_are_started_with_what_a_run_needs),
        TEST(gpus_are_divided_by_what_fits_one),
        TEST(auto_is_the_cpu_without_devices_or_engines),
        TEST(python_modules_are_engines_too),
        TEST(an_engine_that_is_missing_is_one_line),
        TEST(visible_devices_are_those_of_the_list),
        TEST(a_child_ends_with_its_workers_when_asked),
        TEST(a_child_that_is_killed_takes_its_workers_along),
        TEST(a_child_that_ends_by_itself_says_how),
        TEST(a_keeper_that_is_killed_leaves_no_program),
        TEST(a_process_that_is_killed_leaves_nothing),
        TEST(a_program_that_is_not_there_is_an_error),
        TEST(a_short_program_is_read_and_not_waited_for_long),
        TEST(keys_are_not_passed_on),
        TEST(engines_that_do_not_come_up_are_one_line_with_the_end_of_the_log),
        TEST(loading_is_shown_and_may_be_interrupted),
        TEST(exhausted_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
