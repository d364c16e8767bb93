/* The lock of a run's folder: one holder at a time. */
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "experiment/store/lock.h"
#include "run_fixture.h"

/* Takes the lock again and again; 1: somebody else was in, 2: another error. */
static int contend(const char *folder, const char *inside)
{
    for (size_t round = 0; round < 3000; round++) {
        struct sc_lock lock;
        enum sc_status status = sc_lock_take(&lock, folder, NULL);
        if (status != SC_OK && status != SC_ERR_CONFLICT)
            return 2;
        if (status != SC_OK)
            continue;
        int mark = open(inside, O_CREAT | O_EXCL | O_WRONLY, 0600);
        if (mark < 0)
            return 1;
        close(mark);
        sched_yield();
        unlink(inside);
        sc_lock_release(&lock);
    }
    return 0;
}

/* A holder that goes removes the file, and whoever had opened it by then must not hold what is no
 * longer there beside one who made it anew. */
static void one_process_at_a_time_holds_a_folder(void **state)
{
    (void)state;
    enum { N = 4 };
    char folder[] = "/tmp/safeconf-test-XXXXXX", inside[64];
    pid_t processes[N];
    assert_non_null(mkdtemp(folder));
    snprintf(inside, sizeof inside, "%s/inside", folder);
    for (size_t i = 0; i < N; i++) {
        processes[i] = fork();
        assert_true(processes[i] >= 0);
        if (processes[i] == 0)
            _exit(contend(folder, inside));
    }
    int worst = 0;
    for (size_t i = 0; i < N; i++) {
        int status = 0;
        assert_int_equal(waitpid(processes[i], &status, 0), processes[i]);
        worst = status > worst ? status : worst;
    }
    unlink(inside);
    fixture_remove_folder(folder);
    assert_int_equal(worst, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_process_at_a_time_holds_a_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
