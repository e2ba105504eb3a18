#include "frontend/suggest.h"

#include <criterion/criterion.h>
#include <string.h>

static const char *nearest(const char *wanted, const char *const *names) {
    Suggestion suggestion = suggestion_begin(wanted);
    for (; *names; names++)
        suggestion_offer(&suggestion, *names);
    return suggestion_end(&suggestion);
}

Test(frontend_suggest, distances) {
    static const struct {
        const char *a, *b;
        uint32_t distance;
    } pairs[] = {
        {"", "", 0},       {"abc", "abc", 0},     {"abc", "ab", 1},      {"abc", "xabc", 1},
        {"abc", "axc", 1}, {"abc", "acb", 1},     {"abcd", "badc", 2},   {"kitten", "sitting", 3},
        {"", "abc", 3},    {"batch", "bacth", 1}, {"steps", "seeds", 2},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        cr_expect_eq(name_distance(pairs[i].a, pairs[i].b, 9), pairs[i].distance, "%s %s",
                     pairs[i].a, pairs[i].b);
        cr_expect_eq(name_distance(pairs[i].b, pairs[i].a, 9), pairs[i].distance);
    }
    cr_expect_eq(name_distance("kitten", "sitting", 2), 3, "beyond the limit: limit + 1");
}

Test(frontend_suggest, the_nearest_is_suggested) {
    const char *const names[] = {"batch", "steps", "seed", "d", "h", NULL};
    cr_expect_str_eq(nearest("bacth", names), "batch");
    cr_expect_str_eq(nearest("step", names), "steps");
    cr_expect_str_eq(nearest("q", names), "d", "a single letter may be any other");
    cr_expect_null(nearest("unknown", names));
    cr_expect_null(nearest("xy", names));
}

Test(frontend_suggest, endless_names_are_not_near) {
    char endless[5001];
    memset(endless, 'a', sizeof endless - 1);
    endless[5000] = '\0';
    const char *const names[] = {endless, NULL};
    cr_expect_null(nearest("aaa", names));
    cr_expect_null(nearest(endless, names));
}
