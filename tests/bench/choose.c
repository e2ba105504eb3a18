/* Measures a line of the table of choices (passes/emit/choices.def) for this machine, on one
 * thread: for the kernels of the rungs' training each choice in turn, the others held, over a few
 * values; what is faster stays. Then the products as they are with it, beside OpenBLAS.
 *
 *     bench_choose [-s SECONDS a kernel and value] [-c CHOICE, that alone] [-t TABLE to begin from]
 *                  [-o FILE] [RUNG...]
 *
 * A gain is the time that all kernels of a rung's step take less, each as often as a step has it.
 */
#include "passes/emit/choices_file.h"
#include "passes/emit/object.h"
#include "runtime/files/file.h"
#include "tests/bench/choose_blas.h"
#include "tests/bench/race.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Less is noise. */
static const double least_gain = 0.005;

/* --- what is tried --- */

enum { MOST_VALUES = 8, NO_COLUMN = -1 };

/* One column, or two that only mean something together. */
typedef struct Coordinate {
    int columns[2];
    uint32_t count;
    int64_t values[MOST_VALUES][2];
} Coordinate;

static const Coordinate coordinates[] = {
    {{CHOICE_height, CHOICE_vectors},
     8,
     {{12, 2}, {14, 2}, {8, 3}, {9, 3}, {6, 4}, {24, 1}, {6, 2}, {4, 3}}},
    {{CHOICE_depth_block, NO_COLUMN}, 5, {{128}, {192}, {256}, {384}, {512}}},
    {{CHOICE_group_rows, NO_COLUMN}, 5, {{24}, {48}, {96}, {192}, {384}}},
    {{CHOICE_many_panels, NO_COLUMN}, 5, {{6}, {12}, {24}, {48}, {96}}},
    {{CHOICE_few_panels, NO_COLUMN}, 5, {{1}, {3}, {6}, {12}, {24}}},
    {{CHOICE_in_place_kib, NO_COLUMN}, 5, {{16}, {32}, {64}, {128}, {1024}}},
    {{CHOICE_kept_kib, NO_COLUMN}, 3, {{256}, {1024}, {8192}}},
    {{CHOICE_score_block, NO_COLUMN}, 4, {{32}, {64}, {96}, {128}}},
    {{CHOICE_attention_rows, NO_COLUMN}, 4, {{48}, {96}, {192}, {384}}},
    {{CHOICE_score_kib, NO_COLUMN}, 4, {{8}, {16}, {24}, {40}}},
};

/* With the `which`-th value of a coordinate. */
static Choices with_value(const Choices *choices, const Coordinate *coordinate, uint32_t which) {
    Choices changed = *choices;
    for (int i = 0; i < 2; i++)
        if (coordinate->columns[i] != NO_COLUMN)
            *choices_at(&changed, coordinate->columns[i]) = coordinate->values[which][i];
    return changed;
}

/* Sums, the right side and one broadcast fit the registers. */
static bool fits(const Target *target, const Choices *choices) {
    return choices->height * choices->vectors + choices->vectors + 1 <= target->vector_registers;
}

/* --- what it is tried on --- */

/* The kernels of a rung in one precision. */
typedef struct Group {
    char name[32];
    uint32_t count;
    BenchKernel kernels[BENCH_KERNELS];
    double seconds[BENCH_KERNELS]; /* once, as things stand */
} Group;

enum { MOST_GROUPS = 16 };

typedef struct Chooser {
    Arena *arena;
    Target target; /* with the best choices so far */
    double seconds;
    const char *only; /* the coordinate to be measured; NULL: all */
    uint32_t group_count;
    Group *groups;
    RunError error;
} Chooser;

static bool group_open(Chooser *chooser, const char *rung, const char *precision) {
    if (chooser->group_count == MOST_GROUPS)
        return run_fail(&chooser->error, EXIT_USAGE, "at most %d rungs", MOST_GROUPS / 2);
    Group *group = &chooser->groups[chooser->group_count++];
    snprintf(group->name, sizeof group->name, "%.20s %s", rung, precision);
    group->count = bench_kernels(chooser->arena, rung, precision, group->kernels, &chooser->error);
    return group->count > 0;
}

/* --- measuring --- */

/* A kernel under some choices, ready to run. */
typedef struct Ready {
    Harness harness;
    KernelFunction code;
    char *scratch;
} Ready;

static void run_ready(const void *user) {
    const Ready *ready = user;
    char *operands[HARNESS_MAX_OPERANDS];
    int64_t keys[HARNESS_MAX_OPERANDS] = {0};
    for (uint32_t i = 0; i < ready->harness.operand_count; i++)
        operands[i] = ready->harness.operands[i].bytes;
    ready->code(operands, keys, ready->scratch, 0, ready->harness.shape.tiles);
}

static void ready_close(Ready *ready) {
    if (!ready)
        return;
    harness_close(&ready->harness);
    free(ready->scratch);
    free(ready);
}

static Ready *ready_open(Chooser *chooser, const Function *body, const Choices *choices) {
    Ready *ready = calloc(1, sizeof *ready);
    if (ready && harness_open_with(&ready->harness, body, NULL, choices, 1) &&
        harness_run(&ready->harness, 0)) {
        ready->code = jit_kernels(ready->harness.jit)[0];
        ready->scratch = aligned_alloc(64, (size_t)ready->harness.shape.scratch_bytes + 64);
        if (ready->scratch)
            return ready;
    }
    run_fail(&chooser->error, EXIT_MACHINE, "%s", ready ? ready->harness.error : "out of memory");
    ready_close(ready);
    return NULL;
}

static bool emit(Chooser *chooser, const Function *body, const Choices *choices,
                 ObjectCode *object) {
    static const ObjectOptions options = {0};
    Target target = chooser->target;
    char text[HARNESS_TEXT];
    target.choices = *choices;
    return object_emit(&target, body, "kernel_under_test", &options, &object->bytes, &object->size,
                       text, sizeof text) ||
           run_fail(&chooser->error, EXIT_MACHINE, "%s", text);
}

/* Whether choices make other code of a kernel; most kernels do not have what a choice is about. */
static bool differs(Chooser *chooser, const Function *body, const Choices *choices, bool *other) {
    ObjectCode now = {0}, then = {0};
    bool good =
        emit(chooser, body, &chooser->target.choices, &now) && emit(chooser, body, choices, &then);
    *other = good && (now.size != then.size || memcmp(now.bytes, then.bytes, now.size) != 0);
    free(now.bytes);
    free(then.bytes);
    return good;
}

/* The kernel's time under `choices` over that as things stand. */
static bool ratio_measure(Chooser *chooser, const Function *body, const Choices *choices,
                          double *ratio) {
    bool other;
    *ratio = 1;
    if (!differs(chooser, body, choices, &other))
        return false;
    if (!other)
        return true;
    Ready *now = ready_open(chooser, body, &chooser->target.choices);
    Ready *then = now ? ready_open(chooser, body, choices) : NULL;
    if (then) {
        Racer racers[] = {{.work = run_ready, .user = now}, {.work = run_ready, .user = then}};
        race(racers, 2, chooser->seconds);
        *ratio = racers[1].best / racers[0].best;
    }
    ready_close(now);
    ready_close(then);
    return then != NULL;
}

static bool seconds_measure(Chooser *chooser) {
    for (uint32_t g = 0; g < chooser->group_count; g++) {
        Group *group = &chooser->groups[g];
        for (uint32_t i = 0; i < group->count; i++) {
            Ready *ready = ready_open(chooser, group->kernels[i].body, &chooser->target.choices);
            if (!ready)
                return false;
            Racer racer = {.work = run_ready, .user = ready};
            race(&racer, 1, chooser->seconds);
            group->seconds[i] = racer.best;
            ready_close(ready);
        }
    }
    return true;
}

/* --- choosing --- */

/* What choices would gain, and the ratio of each kernel's time. */
typedef struct Trial {
    Choices choices;
    double gain;
    double gains[MOST_GROUPS];
    double ratios[MOST_GROUPS][BENCH_KERNELS];
} Trial;

static bool trial_measure(Chooser *chooser, Trial *trial) {
    trial->gain = 0;
    for (uint32_t g = 0; g < chooser->group_count; g++) {
        const Group *group = &chooser->groups[g];
        double before = 0, after = 0;
        for (uint32_t i = 0; i < group->count; i++) {
            double *ratio = &trial->ratios[g][i];
            if (!ratio_measure(chooser, group->kernels[i].body, &trial->choices, ratio))
                return false;
            const double share = (double)group->kernels[i].times * group->seconds[i];
            before += share;
            after += share * *ratio;
        }
        trial->gains[g] = 1 - after / before;
        trial->gain += trial->gains[g] / chooser->group_count;
    }
    return true;
}

static void trial_print(const Chooser *chooser, const Coordinate *coordinate, const Trial *trial) {
    char value[64];
    const int second = coordinate->columns[1];
    snprintf(value, sizeof value, "%" PRId64, choices_get(&trial->choices, coordinate->columns[0]));
    if (second != NO_COLUMN)
        snprintf(value + strlen(value), sizeof value - strlen(value), "x%" PRId64,
                 choices_get(&trial->choices, second));
    printf("%-16s %6s %+11.2f %%", choice_columns[coordinate->columns[0]].name, value,
           100 * trial->gain);
    for (uint32_t g = 0; g < chooser->group_count; g++)
        printf(" %+11.2f %%", 100 * trial->gains[g]);
    putchar('\n');
    fflush(stdout);
}

static void trial_take(Chooser *chooser, const Trial *trial) {
    chooser->target.choices = trial->choices;
    for (uint32_t g = 0; g < chooser->group_count; g++)
        for (uint32_t i = 0; i < chooser->groups[g].count; i++)
            chooser->groups[g].seconds[i] *= trial->ratios[g][i];
}

static bool coordinate_choose(Chooser *chooser, const Coordinate *coordinate, Trial trials[2]) {
    Trial *best = &trials[0], *trial = &trials[1];
    best->gain = least_gain;
    const Choices *now = &chooser->target.choices;
    bool found = false;
    for (uint32_t i = 0; i < coordinate->count; i++) {
        trial->choices = with_value(now, coordinate, i);
        if (memcmp(&trial->choices, now, sizeof *now) == 0 ||
            !fits(&chooser->target, &trial->choices))
            continue;
        if (!trial_measure(chooser, trial))
            return false;
        trial_print(chooser, coordinate, trial);
        if (trial->gain > best->gain) {
            Trial *last = best;
            best = trial;
            trial = last;
            found = true;
        }
    }
    if (found)
        trial_take(chooser, best);
    return true;
}

static bool is_wanted(const Chooser *chooser, const Coordinate *coordinate) {
    return !chooser->only ||
           strcmp(chooser->only, choice_columns[coordinate->columns[0]].name) == 0;
}

static bool choose(Chooser *chooser) {
    printf("%-16s %6s %13s", "choice", "value", "gain");
    for (uint32_t g = 0; g < chooser->group_count; g++)
        printf(" %13s", chooser->groups[g].name);
    putchar('\n');
    Trial *trials = calloc(2, sizeof *trials);
    bool good = trials && seconds_measure(chooser);
    for (size_t i = 0; good && i < sizeof coordinates / sizeof *coordinates; i++)
        if (is_wanted(chooser, &coordinates[i]))
            good = coordinate_choose(chooser, &coordinates[i], trials);
    free(trials);
    return good;
}

/* --- beside OpenBLAS --- */

static bool compare(Chooser *chooser, Group *group, BlasSum *sum) {
    for (uint32_t i = 0; i < group->count; i++) {
        const BenchKernel *kernel = &group->kernels[i];
        Ready *ready = ready_open(chooser, kernel->body, &chooser->target.choices);
        if (!ready)
            return false;
        Racer ours = {.work = run_ready, .user = ready};
        blas_compare(group->name, kernel, &chooser->target, &ready->harness, ours, chooser->seconds,
                     sum);
        ready_close(ready);
    }
    return true;
}

static bool compare_all(Chooser *chooser) {
    BlasSum sum = {0};
    blas_print_names();
    for (uint32_t g = 0; g < chooser->group_count; g++)
        if (!compare(chooser, &chooser->groups[g], &sum))
            return false;
    blas_print_sum(&sum);
    return true;
}

/* --- the table --- */

static bool table_write(Chooser *chooser, const char *path) {
    char *text = NULL;
    size_t size = 0;
    FileError fault = {"no memory for the table"};
    FILE *stream = open_memstream(&text, &size);
    if (!stream)
        return run_no_memory(&chooser->error, "the table");
    fprintf(stream, "# measured by tests/bench/choose.sh on %s\n", chooser->target.cpu);
    choices_write_names(stream);
    choices_write(stream, chooser->target.cpu, &chooser->target.choices);
    bool good = fclose(stream) == 0 && (!path || file_write(path, text, size, &fault));
    if (good)
        printf("\n%s", text);
    free(text);
    return good || run_fail(&chooser->error, EXIT_MACHINE, "%s", fault.text);
}

static void hear(void *user, size_t offset, size_t length, const char *what) {
    Chooser *chooser = user;
    (void)length;
    if (!*chooser->error.text)
        run_fail(&chooser->error, EXIT_INPUT, "the table, byte %zu: %s", offset, what);
}

static bool table_take(Chooser *chooser, const char *path) {
    FileError fault;
    size_t size;
    char *text = path ? file_read(path, CHOICES_FILE_BYTES, &size, &fault) : NULL;
    if (path && !text)
        return run_fail(&chooser->error, EXIT_INPUT, "%s", fault.text);
    ChoicesTable *table = arena_alloc(chooser->arena, sizeof *table);
    bool good = !path || choices_read(text, size, table, hear, chooser);
    free(text);
    char why[256];
    return good && (!path || target_choose(&chooser->target, table, why, sizeof why) ||
                    run_fail(&chooser->error, EXIT_INPUT, "%s", why));
}

/* --- the program --- */

typedef struct Words {
    double seconds;
    const char *only, *table, *out;
    uint32_t rung_count;
    const char *const *rungs;
} Words;

static bool words_read(int count, char **words, Words *to) {
    static const char *const all[] = {"digits", "tiny", "small", "S"};
    *to = (Words){.seconds = 0.03, .rung_count = sizeof all / sizeof *all, .rungs = all};
    for (int key; (key = getopt(count, words, "s:c:t:o:")) != -1;)
        switch (key) {
        case 's':
            to->seconds = atof(optarg);
            break;
        case 'c':
            to->only = optarg;
            break;
        case 't':
            to->table = optarg;
            break;
        case 'o':
            to->out = optarg;
            break;
        default:
            return false;
        }
    if (optind < count) {
        to->rungs = (const char *const *)words + optind;
        to->rung_count = (uint32_t)(count - optind);
    }
    return to->seconds > 0;
}

static bool groups_open(Chooser *chooser, const Words *words) {
    chooser->groups = arena_array(chooser->arena, MOST_GROUPS, sizeof *chooser->groups);
    for (uint32_t i = 0; i < words->rung_count; i++) {
        if (!group_open(chooser, words->rungs[i], "fp32"))
            return false;
        if (chooser->target.has_bf16_dot && !group_open(chooser, words->rungs[i], "bf16"))
            return false;
    }
    return true;
}

static bool only_check(Chooser *chooser) {
    bool known = false;
    for (size_t i = 0; i < sizeof coordinates / sizeof *coordinates; i++)
        known = known || is_wanted(chooser, &coordinates[i]);
    return known || run_fail(&chooser->error, EXIT_USAGE, "there is no choice '%s' to be measured",
                             chooser->only);
}

static bool work(Chooser *chooser, const Words *words) {
    chooser->seconds = words->seconds;
    chooser->only = words->only;
    return target_find(NULL, &chooser->target, chooser->error.text, sizeof chooser->error.text) &&
           only_check(chooser) && table_take(chooser, words->table) &&
           groups_open(chooser, words) && choose(chooser) && compare_all(chooser) &&
           table_write(chooser, words->out);
}

int main(int count, char **arguments) {
    Words words;
    if (!words_read(count, arguments, &words)) {
        fprintf(stderr,
                "usage: bench_choose [-s SECONDS] [-c CHOICE] [-t TABLE] [-o FILE] [RUNG...]\n");
        return EXIT_USAGE;
    }
    Chooser *chooser = calloc(1, sizeof *chooser);
    Arena *arena = arena_create();
    if (!chooser || !arena || setjmp(*arena_boundary(arena))) {
        fprintf(stderr, "bench_choose: out of memory\n");
        return EXIT_MACHINE;
    }
    chooser->arena = arena;
    bool good = work(chooser, &words);
    if (!good)
        fprintf(stderr, "bench_choose: %s\n", chooser->error.text);
    arena_destroy(arena);
    free(chooser);
    return good ? 0 : 1;
}
