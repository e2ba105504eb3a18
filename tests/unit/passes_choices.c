/* The table of choices: what ships is in its bounds; a file is taken whole or every fault of it is
 * told with its place; its numbers, and nothing else, decide the hash and the cache's key. */
#include "ir/build.h"
#include "passes/compile.h"
#include "passes/emit/choices_file.h"
#include "passes/emit/target.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT = 4096 };

static const char names[] = "target depth_block group_rows kept_kib few_panels many_panels "
                            "in_place_kib height vectors attention_rows score_block score_kib\n";

typedef struct Faults {
    char text[TEXT]; /* "OFFSET+LENGTH: what" a line */
    uint32_t count;
} Faults;

static void hear(void *user, size_t offset, size_t length, const char *what) {
    Faults *faults = user;
    size_t used = strlen(faults->text);
    snprintf(faults->text + used, TEXT - used, "%zu+%zu: %s\n", offset, length, what);
    faults->count++;
}

static bool read(const char *text, ChoicesTable *table, Faults *faults) {
    *faults = (Faults){.count = 0};
    return choices_read(text, strlen(text), table, hear, faults);
}

/* --- what ships --- */

static void check_bounds(const Choices *choices, const char *name) {
    char fault[128];
    for (int i = 0; i < CHOICE_COUNT; i++)
        cr_expect_not(choice_fault(i, choices_get(choices, i), fault, sizeof fault), "%s: %s", name,
                      fault);
    cr_expect_not(choices_fault(choices, fault, sizeof fault), "%s: %s", name, fault);
}

Test(choices, what_ships_is_in_bounds) {
    static const char *const shipped[] = {
#define CHOICES(target, ...) target,
#include "passes/emit/choices.def"
#undef CHOICES
    };
    for (size_t i = 0; i < sizeof shipped / sizeof *shipped; i++)
        check_bounds(choices_find(NULL, shipped[i]), shipped[i]);
}

/* The micro-kernel that the table gives fits the registers of each target that it gives it to. */
Test(choices, every_target_has_a_line) {
    static const char *const all[] = {"native",         "x86-64-v2", "x86-64-v3", "skylake",
                                      "skylake-avx512", "znver2",    "znver5"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        Target *target = malloc(sizeof *target);
        char error[1024];
        if (!target_find(all[i], target, error, sizeof error))
            cr_skip("%s", error);
        const Choices *choices = &target->choices;
        cr_expect_leq(choices->height * choices->vectors + choices->vectors + 1,
                      target->vector_registers, "%s", all[i]);
        free(target);
    }
}

/* --- a file --- */

Test(choices, written_comes_back) {
    char *text;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    fputs("# measured\n\n", stream);
    choices_write_names(stream);
    Choices choices = *choices_find(NULL, "znver5");
    choices.depth_block = 384;
    choices_write(stream, "znver5", &choices);
    fclose(stream);
    ChoicesTable table;
    Faults faults;
    cr_assert(read(text, &table, &faults), "%s", faults.text);
    cr_assert_eq(table.count, 1);
    char given[CHOICES_TEXT], found[CHOICES_TEXT];
    choices_text(&choices, given);
    choices_text(choices_find(&table, "znver5"), found);
    cr_expect_str_eq(found, given);
    cr_expect_null(choices_find(&table, "znver4"));
    free(text);
}

Test(choices, columns_in_any_order) {
    ChoicesTable table;
    Faults faults;
    cr_assert(read("target vectors height score_kib score_block attention_rows in_place_kib "
                   "many_panels few_panels kept_kib group_rows depth_block # all\n"
                   "a 1 2 3 16 9 6 5 4 7 8 32\r\n",
                   &table, &faults),
              "%s", faults.text);
    const Choices *choices = choices_find(&table, "a");
    cr_expect_eq(choices->vectors, 1);
    cr_expect_eq(choices->height, 2);
    cr_expect_eq(choices->depth_block, 32);
    cr_expect_eq(choices->score_block, 16);
}

/* --- faults --- */

static const struct {
    const char *line, *faults;
} bad_lines[] = {
    {"a 256 96 8192 3 24 64 12 2 96 64",
     "0+1: a line has a target and 11 numbers; this one has fewer"},
    {"a 256 96 8192 3 24 64 12 2 96 64 24 7 8",
     "0+1: a line has a target and 11 numbers; this one has more"},
    {"a 250 96 8192 3 24 64 12 2 96 64 24",
     "2+3: depth_block is a number from 16 to 4096, a multiple of 16"},
    {"a 0 96 8192 3 24 64 12 2 96 64 24", "2+1: depth_block is a number from 16"},
    {"a 256 96 8192 3 24 64 12 2 96 64 -1", "33+2: score_kib is a number from 1 to 4096"},
    {"a 256 96 8192 3 24 64 0 2 96 64 24", "22+1: height is a number from 1 to 30"},
    {"a 256 9999999999999999999999 8192 3 24 64 12 2 96 64 24",
     "6+22: group_rows is a number from 1 to 4096"},
    {"a 256 96 0x10 3 24 64 12 2 96 64 24", "9+4: kept_kib is a number"},
    {"a 256 96 8192 3 24 64 12 3 96 64 24", "0+1: height times vectors is at most 32"},
    {"a 1 96 8192 3 24 64 99 2 96 64 24",
     "2+1: depth_block is a number from 16 to 4096, a multiple of 16\n20+2: height is a number"},
    {"a\x01 256 96 8192 3 24 64 12 2 96 64 24", "0+2: no name of a target"},
    {"a 256 96 8192 3 24 64 12 2 96 64 24\na 256 96 8192 3 24 64 12 2 96 64 24",
     "36+1: a has a line already"},
    {"# nothing", "there is no line of a target"},
};

/* Offsets count from the line's start. */
static void shift(char *text, size_t by) {
    char shifted[TEXT] = "", *next;
    for (char *line = text; *line; line = next + 1) {
        size_t used = strlen(shifted), offset = (size_t)strtoull(line, &line, 10);
        next = strchr(line, '\n');
        snprintf(shifted + used, TEXT - used, "%zu%.*s\n", offset - by, (int)(next - line), line);
    }
    strcpy(text, shifted);
}

Test(choices, every_bad_line_is_an_error) {
    for (size_t i = 0; i < sizeof bad_lines / sizeof *bad_lines; i++) {
        char text[TEXT];
        ChoicesTable table;
        Faults faults;
        snprintf(text, sizeof text, "%s%s", names, bad_lines[i].line);
        cr_expect_not(read(text, &table, &faults), "accepted: %s", bad_lines[i].line);
        shift(faults.text, strlen(names));
        cr_expect(strstr(faults.text, bad_lines[i].faults), "%s:\n%s", bad_lines[i].line,
                  faults.text);
    }
}

Test(choices, bad_names_are_errors) {
    static const struct {
        const char *text, *fault;
    } cases[] = {
        {"", "no line of a target"},
        {"znver5 256 96 8192 3 24 64 12 2 96 64 24\n", "the first line begins with 'target'"},
        {"target depth_block\n", "group_rows is missing"},
        {"target depth_block depth_block\n", "depth_block is there already"},
        {"target depth_blok\n", "there is no choice of that name"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ChoicesTable table;
        Faults faults;
        cr_expect_not(read(cases[i].text, &table, &faults));
        cr_expect(strstr(faults.text, cases[i].fault), "%s", faults.text);
        cr_expect_eq(table.count, 0);
    }
}

/* Whatever bytes there are: no fault goes unheard, and what is taken is in its bounds. */
Test(choices, any_bytes) {
    char good[TEXT];
    snprintf(good, sizeof good, "%sa 256 96 8192 3 24 64 12 2 96 64 24\n", names);
    for (size_t at = 0; at < strlen(good); at++)
        for (int byte = 0; byte < 256; byte += 3) {
            char text[TEXT];
            ChoicesTable table;
            Faults faults = {.count = 0};
            memcpy(text, good, sizeof text);
            text[at] = (char)byte;
            bool taken = choices_read(text, strlen(good), &table, hear, &faults);
            cr_assert_eq(taken, faults.count == 0);
            for (uint32_t i = 0; i < table.count; i++)
                check_bounds(&table.lines[i].choices, text);
        }
}

Test(choices, too_much_is_refused) {
    char *text = calloc(1, CHOICES_FILE_BYTES + 2);
    memset(text, '\n', CHOICES_FILE_BYTES + 1);
    ChoicesTable table;
    Faults faults;
    cr_expect_not(read(text, &table, &faults));
    cr_expect(strstr(faults.text, "at most 65536 bytes"), "%s", faults.text);
    free(text);
    char many[TEXT * 2];
    size_t used = (size_t)snprintf(many, sizeof many, "%s", names);
    for (int i = 0; i <= CHOICES_LINES; i++)
        used += (size_t)snprintf(many + used, sizeof many - used,
                                 "t%d 256 96 8192 3 24 64 12 2 96 64 24\n", i);
    cr_expect_not(read(many, &table, &faults));
    cr_expect(strstr(faults.text, "at most 64 targets"), "%s", faults.text);
}

/* --- what it decides --- */

Test(choices, the_hash_is_of_the_numbers) {
    char one[HASH_SIZE], other[HASH_SIZE];
    Choices choices = *choices_find(NULL, "x86-64-v4");
    choices_hash(&choices, one);
    for (int i = 0; i < CHOICE_COUNT; i++) {
        Choices changed = choices;
        *choices_at(&changed, i) += 16;
        choices_hash(&changed, other);
        cr_expect_str_neq(one, other, "%s", choice_columns[i].name);
    }
    choices_hash(choices_find(NULL, "znver4"), other);
    cr_expect_str_eq(one, other);
}

static Module *product_module(Arena *arena) {
    Module *module = module_create(arena);
    Function *function = function_create(arena, "f");
    AxisId m = function_axis(function, "m", 50), n = function_axis(function, "n", 40);
    AxisId k = function_axis(function, "k", 300);
    Axes left = axes_of((AxisId[]){m, k}, 2), right = axes_of((AxisId[]){k, n}, 2);
    Axes sum = axes_of(&k, 1);
    NodeId a = build_input(function, "a", DTYPE_F32, &left);
    NodeId b = build_input(function, "b", DTYPE_F32, &right);
    function_output(function, "y", build_contract(function, a, b, &sum), NULL);
    module_add(module, function);
    return module;
}

/* How many kernels come from the cache; the plan's table in `hash`. */
static uint32_t compile(const ChoicesTable *table, char hash[HASH_SIZE]) {
    Arena *arena = arena_create();
    cr_assert(arena && !setjmp(*arena_boundary(arena)));
    const CompileOptions options = {.target = "x86-64-v2", .table = table};
    CompileError error = {0};
    CompiledModule *compiled = compile_module(product_module(arena), &options, &error);
    cr_assert_not_null(compiled, "%s", error.text);
    uint32_t found = compiled->from_cache;
    strcpy(hash, compiled->plan->table);
    compile_free(compiled);
    arena_destroy(arena);
    return found;
}

/* A table that changes nothing in a kernel has a key of its own too. */
Test(choices, the_cache_and_the_plan_know_the_table) {
    char directory[] = "/tmp/scanline-choices-XXXXXX", command[64];
    cr_assert(mkdtemp(directory));
    setenv("SCANLINE_CACHE", directory, 1);
    ChoicesTable table = {.count = 1, .lines = {{.target = "x86-64-v2"}}};
    table.lines[0].choices = *choices_find(NULL, "x86-64-v2");
    char shipped[HASH_SIZE], same[HASH_SIZE], other[HASH_SIZE];
    cr_expect_eq(compile(NULL, shipped), 0);
    cr_expect_eq(compile(NULL, same), 1);
    cr_expect_eq(compile(&table, same), 1, "the same numbers are the same table");
    cr_expect_str_eq(shipped, same);
    table.lines[0].choices.score_kib++;
    cr_expect_eq(compile(&table, other), 0);
    cr_expect_str_neq(shipped, other);
    snprintf(command, sizeof command, "rm -rf %s", directory);
    cr_assert_eq(system(command), 0);
}

Test(choices, a_table_without_the_target_is_refused) {
    Arena *arena = arena_create();
    cr_assert(arena && !setjmp(*arena_boundary(arena)));
    ChoicesTable table = {.count = 1, .lines = {{.target = "pdp-11"}}};
    const CompileOptions options = {.target = "haswell", .table = &table};
    CompileError error = {0};
    cr_expect_null(compile_module(product_module(arena), &options, &error));
    cr_expect_str_eq(error.text, "the table of choices has no line for haswell or x86-64-v3");
    cr_expect(error.input);
    arena_destroy(arena);
}
