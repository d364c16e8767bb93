/* The table of benchmarks that can be fetched: what it says is whole, and what is fetched is what
 * the loaders look for. */
#include "base/memory.h"
#include "benchmark/loaders.h"
#include "benchmark_files.h"
#include "hub/sets.h"

static bool is_hex(const char *text, size_t n)
{
    return strlen(text) == n && strspn(text, "0123456789abcdef") == n;
}

static void every_named_benchmark_can_be_fetched(void **state)
{
    (void)state;
    size_t n = 0;
    while (sc_set_at(n) != NULL)
        n++;
    for (size_t i = 1; sc_benchmark_name(i) != NULL; i++) { /* 0 is generated */
        assert_non_null(sc_set_at(i - 1));
        assert_string_equal(sc_set_at(i - 1)->name, sc_benchmark_name(i));
        assert_true(i <= n);
        assert_true(sc_benchmark_name(i + 1) != NULL || i == n);
    }
}

static void what_the_table_says_is_whole(void **state)
{
    (void)state;
    for (size_t i = 0; sc_set_at(i) != NULL; i++) {
        const struct sc_set *set = sc_set_at(i);
        assert_true(*set->title && *set->what && *set->licence);
        assert_non_null(strchr(set->repository, '/'));
        assert_int_equal(set->home == SC_SET_OF_ROWS, set->revision == NULL);
        assert_true(set->revision == NULL || is_hex(set->revision, 40));
        assert_non_null(set->files[0].path);
        assert_false(set->files[0].large);
        for (size_t f = 0; f < SC_SET_MOST_FILES && set->files[f].path != NULL; f++) {
            const char *name = sc_set_file_name(&set->files[f]);
            assert_true(set->files[f].sha256 == NULL || is_hex(set->files[f].sha256, 64));
            assert_true(*name && strchr(name, '/') == NULL && *name != '.');
            assert_string_not_equal(name, "source.json");
            assert_true(set->files[f].split != NULL || set->files[1].path == NULL);
        }
    }
}

/* The default part comes first, and each is where the loader finds it when asked for that split. */
static void what_is_fetched_is_what_the_loaders_look_for(void **state)
{
    (void)state;
    for (size_t i = 0; sc_set_at(i) != NULL; i++) {
        const struct sc_set *set = sc_set_at(i);
        const struct loader *loader = sc_loader_by_name(set->name);
        assert_non_null(loader);
        assert_int_equal(loader->default_split == NULL, set->files[0].split == NULL);
        if (loader->default_split != NULL)
            assert_string_equal(set->files[0].split, loader->default_split);
        for (size_t f = 0; f < SC_SET_MOST_FILES && set->files[f].path != NULL; f++) {
            char name[200], *found = NULL;
            snprintf(name, sizeof name, "fetched/%s/%s", set->name,
                     sc_set_file_name(&set->files[f]));
            char path[300];
            snprintf(path, sizeof path, "%s", write_file(name, "x"));
            assert_int_equal(
                sc_loader_find(loader, in_folder("fetched"), set->files[f].split, &found, NULL),
                SC_OK);
            assert_string_equal(found, path);
            sc_free(found);
        }
    }
}

static void sets_are_named_as_papers_spell_them(void **state)
{
    (void)state;
    assert_string_equal(sc_set_named("toxicchat")->name, "toxicchat");
    assert_string_equal(sc_set_named("OR-Bench")->name, "orbench");
    assert_string_equal(sc_set_named("aya-redteaming")->name, "ayaredteaming");
    assert_null(sc_set_named(""));
    assert_null(sc_set_named("toxic"));
    assert_null(sc_set_named("toxicchats"));
}

static void each_set_has_a_page(void **state)
{
    (void)state;
    char *page = sc_set_page(sc_set_named("xstest"));
    assert_string_equal(page, "https://github.com/paul-rottger/xstest");
    sc_free(page);
    page = sc_set_page(sc_set_named("wildguardmix"));
    assert_string_equal(page, "https://huggingface.co/datasets/allenai/wildguardmix");
    sc_free(page);
    sc_memory_fail_at(0);
    page = sc_set_page(sc_set_named("xstest"));
    sc_memory_fail_at(SIZE_MAX);
    assert_null(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_named_benchmark_can_be_fetched),
        cmocka_unit_test(what_the_table_says_is_whole),
        cmocka_unit_test(what_is_fetched_is_what_the_loaders_look_for),
        cmocka_unit_test(sets_are_named_as_papers_spell_them),
        cmocka_unit_test(each_set_has_a_page),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
