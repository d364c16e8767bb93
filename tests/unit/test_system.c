/* Cores and memory of this process: control groups are read as the kernel writes them. */
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

#include "base/system.h"

static char root[64], proc[96], groups[96];

static void put(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", root, name);
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int make_root(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/safeconf-system-XXXXXX");
    if (mkdtemp(root) == NULL)
        return -1;
    snprintf(proc, sizeof proc, "%s/proc", root);
    snprintf(groups, sizeof groups, "%s/cg", root);
    return 0;
}

static int remove_root(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", root);
    return system(command);
}

static void check_quota(double expected)
{
    double quota = sc_group_limits_in(proc, groups).cores;
    assert_true(quota > expected - 1e-9 && quota < expected + 1e-9);
}

static void the_smallest_quota_of_a_group_and_those_around_it_holds(void **state)
{
    (void)state;
    check_quota(0); /* no membership file */
    put("proc/self/cgroup", "0::/a/b\n");
    check_quota(0); /* no quota file */
    put("cg/a/b/cpu.max", "max 100000\n");
    check_quota(0);
    put("cg/a/cpu.max", "150000 100000\n");
    check_quota(1.5); /* of the group around it */
    put("cg/a/b/cpu.max", "50000 100000\n");
    check_quota(0.5);
    put("cg/a/b/cpu.max", "400000 100000\n");
    check_quota(1.5); /* the smaller one holds */
    put("cg/cpu.max", "100000 100000\n");
    check_quota(1); /* up to the mount */
    put("proc/self/cgroup", "0::/\n");
    check_quota(1);
    put("cg/cpu.max", "rubbish\n");
    put("cg/a/cpu.max", "-5 0\n");
    put("proc/self/cgroup", "0::/a\n");
    check_quota(0);
}

static void groups_of_version_1_count_where_they_hold_the_controller(void **state)
{
    (void)state;
    put("proc/self/cgroup", "no colons\n4:cpuset:/x\n3:cpuacct,cpu:/c\n2:cpu\n");
    check_quota(0);
    put("cg/cpu/c/cpu.cfs_quota_us", "-1\n");
    put("cg/cpu/c/cpu.cfs_period_us", "100000\n");
    check_quota(0);
    put("cg/cpu/c/cpu.cfs_quota_us", "250000\n");
    check_quota(2.5);
    put("proc/self/cgroup", "3:cpuacct:/c\n");
    check_quota(0);
    put("proc/self/cgroup", "5:memory_like:/y\n");
    put("cg/memory/y/memory.limit_in_bytes", "70000\n");
    assert_true(sc_group_limits_in(proc, groups).memory_left == SIZE_MAX);
}

static void memory_is_what_the_kernel_and_the_groups_leave(void **state)
{
    (void)state;
    assert_int_equal(sc_available_memory_in(proc, groups), (size_t)1 << 30); /* nothing known */
    put("proc/meminfo", "MemTotal: 9000 kB\nMemAvailable:    5000 kB\n");
    assert_int_equal(sc_available_memory_in(proc, groups), 5000 * 1024);
    put("proc/self/cgroup", "0::/a/b\n");
    assert_int_equal(sc_available_memory_in(proc, groups), 5000 * 1024);
    put("cg/a/b/memory.max", "max\n");
    put("cg/a/memory.max", "4000000\n");
    put("cg/a/memory.current", "3000000\n");
    assert_int_equal(sc_available_memory_in(proc, groups), 1000000);
    put("cg/a/memory.stat", "anon 5\ninactive_file 2000000\n");
    assert_int_equal(sc_available_memory_in(proc, groups), 3000000);
    put("cg/memory.max", "100\n");
    put("cg/memory.current", "200\n");
    assert_int_equal(sc_available_memory_in(proc, groups), 0);
    put("cg/memory.max", "max\n");
    put("proc/self/cgroup", "9:cpu:/x\n4:memory:/y\n");
    put("cg/memory/y/memory.limit_in_bytes", "9223372036854771712\n");
    put("cg/memory/memory.limit_in_bytes", "70000\n");
    put("cg/memory/memory.usage_in_bytes", "60000\n");
    put("cg/memory/memory.stat", "total_inactive_file 500\n");
    assert_int_equal(sc_available_memory_in(proc, groups), 10500);
}

static void a_damaged_membership_is_no_limit(void **state)
{
    (void)state;
    put("proc/meminfo", "MemAvailable: 5000 kB\n");
    static const char *const damaged[] = {
        "", "\n", "nonsense\n0:\n\n", "0::", "0::relative\n", ":::::\n"};
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        put("proc/self/cgroup", damaged[i]);
        assert_int_equal(sc_available_memory_in(proc, groups), 5000 * 1024);
        check_quota(0);
    }
    char deep[6000] = "0::";
    memset(deep + 3, '/', sizeof deep - 5);
    strcpy(deep + sizeof deep - 2, "\n");
    put("proc/self/cgroup", deep);
    check_quota(0);
}

static void this_machine_has_cores_and_memory(void **state)
{
    (void)state;
    int cores = sc_available_cores();
    assert_in_range(cores, 1, 1 << 16);
    assert_true(cores <= sysconf(_SC_NPROCESSORS_CONF));
    assert_true(sc_available_memory() > 0);
}

#define IN_ROOT(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_ROOT(the_smallest_quota_of_a_group_and_those_around_it_holds),
        IN_ROOT(groups_of_version_1_count_where_they_hold_the_controller),
        IN_ROOT(memory_is_what_the_kernel_and_the_groups_leave),
        IN_ROOT(a_damaged_membership_is_no_limit),
        cmocka_unit_test(this_machine_has_cores_and_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
