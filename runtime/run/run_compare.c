#include "runtime/run/run_compare.h"

#include "runtime/run/checkpoint.h"
#include "runtime/run/metrics.h"
#include "runtime/run/run_compare_checkpoint.h"
#include "runtime/run/run_folder.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char metrics_name[] = "metrics.jsonl", last_name[] = "checkpoints/last.safetensors",
                  best_name[] = "checkpoints/best.safetensors";

/* --- lines --- */

/* Two files that are read line by line, from the same place. */
typedef struct Lines {
    FILE *run, *reproduction;
    char *run_line, *reproduction_line;
    size_t run_capacity, reproduction_capacity;
} Lines;

/* A line that is whole; NULL: none. */
static const char *next_line(FILE *stream, char **line, size_t *capacity) {
    ssize_t length = getline(line, capacity, stream);
    return length > 0 && (*line)[length - 1] == '\n' ? *line : NULL;
}

static FILE *open_at(const char *folder, long at, RunError *error) {
    char *path = file_path(folder, metrics_name);
    FILE *stream = path ? fopen(path, "re") : NULL;
    if (!stream || fseek(stream, at, SEEK_SET) != 0)
        run_fail(error, EXIT_INPUT, "cannot read %s of %s: %s", metrics_name, folder,
                 strerror(errno));
    free(path);
    return stream;
}

static bool lines_open(Lines *lines, const RunComparison *comparison, RunError *error) {
    *lines = (Lines){.run = open_at(comparison->run, comparison->at, error)};
    lines->reproduction =
        lines->run ? open_at(comparison->reproduction, comparison->at, error) : NULL;
    return lines->run && lines->reproduction;
}

static void lines_close(Lines *lines) {
    if (lines->run)
        fclose(lines->run);
    if (lines->reproduction)
        fclose(lines->reproduction);
    free(lines->run_line);
    free(lines->reproduction_line);
}

/* --- what differs in a line --- */

static int64_t step_of(const char *line) {
    long long step;
    return line && sscanf(line, "{\"step\": %lld,", &step) == 1 ? step : -1;
}

static void print_value(char text[DIFFERENCE_TEXT], const json_t *value) {
    if (json_is_number(value))
        snprintf(text, DIFFERENCE_TEXT, "%.17g", json_number_value(value));
    else
        snprintf(text, DIFFERENCE_TEXT, "%s", value ? "something else" : "absent");
}

static void print_line(char text[DIFFERENCE_TEXT], const char *line) {
    int length = line ? (int)strcspn(line, "\n") : 0;
    snprintf(text, DIFFERENCE_TEXT, "%.*s", length, line ? line : "");
    if (!line)
        snprintf(text, DIFFERENCE_TEXT, "no such line");
}

/* A figure of the same step and split that is another. */
static bool find_figure(RunDifference *difference, json_t *run, json_t *reproduction) {
    const char *split = json_string_value(json_object_get(run, "split"));
    const char *name;
    json_t *value;
    if (!split ||
        !json_equal(json_object_get(run, "step"), json_object_get(reproduction, "step")) ||
        !json_equal(json_object_get(run, "split"), json_object_get(reproduction, "split")))
        return false;
    json_object_foreach(run, name, value) {
        const json_t *other = json_object_get(reproduction, name);
        if (json_equal(value, other))
            continue;
        snprintf(difference->what, sizeof difference->what, "%.100s %.200s", split, name);
        print_value(difference->run, value);
        print_value(difference->reproduction, other);
        return true;
    }
    return false;
}

/* Either line may be missing. */
static void describe_lines(RunDifference *difference, const char *run, const char *reproduction) {
    int64_t here = step_of(run), there = step_of(reproduction);
    difference->found = true;
    difference->step = here < 0 || (there >= 0 && there < here) ? there : here;
    strcpy(difference->file, metrics_name);
    json_t *left = run ? json_loads(run, 0, NULL) : NULL;
    json_t *right = reproduction ? json_loads(reproduction, 0, NULL) : NULL;
    if (!left || !right || !find_figure(difference, left, right)) {
        strcpy(difference->what, "the line");
        print_line(difference->run, run);
        print_line(difference->reproduction, reproduction);
    }
    json_decref(left);
    json_decref(right);
}

/* A run that was killed may have got a little further than its record is whole: no line, or the
 * evaluation that its last checkpoint says is due. */
static bool is_open_end(const RunComparison *comparison, const char *run,
                        const char *reproduction) {
    if (!run)
        return comparison->open_end;
    return !reproduction && comparison->evaluation_due && step_of(run) == comparison->until;
}

/* All lines of the reproduction so far; `ended`: there will be no more. */
static void compare_lines(RunComparison *comparison, Lines *lines, bool ended) {
    for (;;) {
        const char *run = next_line(lines->run, &lines->run_line, &lines->run_capacity);
        const char *reproduction = next_line(lines->reproduction, &lines->reproduction_line,
                                             &lines->reproduction_capacity);
        if (run && step_of(run) > comparison->until)
            run = NULL;
        bool over = is_open_end(comparison, run, reproduction) || (!reproduction && !ended);
        if (over || (!run && !reproduction))
            return;
        if (!run || !reproduction || strcmp(run, reproduction) != 0) {
            describe_lines(&comparison->difference, run, reproduction);
            return;
        }
        comparison->at += (long)strlen(run);
        comparison->lines++;
    }
}

static bool compare_metrics(RunComparison *comparison, bool ended, RunError *error) {
    Lines lines;
    bool opened = lines_open(&lines, comparison, error);
    if (opened)
        compare_lines(comparison, &lines, ended);
    lines_close(&lines);
    return opened;
}

/* --- checkpoints --- */

static bool compare_files(RunComparison *comparison, const char *run_name,
                          const char *reproduction_name, int64_t step, RunError *error) {
    bool same = false;
    char *run = file_path(comparison->run, run_name);
    char *reproduction = file_path(comparison->reproduction, reproduction_name);
    bool compared = run && reproduction ? checkpoints_compare(run, reproduction,
                                                              &comparison->difference, &same, error)
                                        : run_no_memory(error, "a path");
    free(run);
    free(reproduction);
    comparison->checkpoints += same;
    if (compared && !same) {
        comparison->difference.step = step;
        snprintf(comparison->difference.file, sizeof comparison->difference.file, "%s", run_name);
    }
    return compared;
}

static bool is_there(const char *folder, const char *name) {
    char *path = file_path(folder, name);
    bool there = path && access(path, R_OK) == 0;
    free(path);
    return there;
}

static void clean(char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || (unsigned char)*text > '~')
            *text = '?';
}

static void clean_difference(RunDifference *difference) {
    clean(difference->what);
    clean(difference->run);
    clean(difference->reproduction);
}

static bool compare_checkpoint(RunComparison *comparison, int64_t step, RunError *error) {
    char name[64];
    snprintf(name, sizeof name, "checkpoints/step-%06lld.safetensors", (long long)step);
    const char *run_name = step == comparison->last ? last_name : name;
    return step > comparison->until || !is_there(comparison->run, run_name) ||
           compare_files(comparison, run_name, name, step, error);
}

bool run_compare_step(RunComparison *comparison, int64_t step, RunError *error) {
    bool compared = compare_metrics(comparison, false, error) &&
                    (comparison->difference.found || compare_checkpoint(comparison, step, error));
    clean_difference(&comparison->difference);
    return compared;
}

/* Of a run that was killed the best may be from after its last checkpoint, or of the evaluation
 * that is due there. */
static bool compare_best(RunComparison *comparison, RunError *error) {
    CheckpointState state;
    FileError fault;
    char *path = file_path(comparison->run, best_name);
    bool read = path && checkpoint_state(path, &state, &fault);
    bool there = path && access(path, F_OK) == 0;
    free(path);
    if (!there || !is_there(comparison->reproduction, best_name))
        return true;
    if (!read)
        return run_fail(error, EXIT_INPUT, "%s", fault.text);
    return state.step + comparison->evaluation_due > comparison->until ||
           compare_files(comparison, best_name, best_name, state.step, error);
}

bool run_compare_end(RunComparison *comparison, RunError *error) {
    bool compared = compare_metrics(comparison, true, error) &&
                    (comparison->difference.found || compare_best(comparison, error));
    clean_difference(&comparison->difference);
    return compared;
}

/* --- how far a run's record goes --- */

/* The step of the last whole line; -1: there is none. */
static int64_t last_line(const char *folder) {
    char *path = file_path(folder, metrics_name), *line = NULL;
    size_t capacity = 0;
    int64_t step = -1;
    FILE *stream = path ? fopen(path, "re") : NULL;
    while (stream && next_line(stream, &line, &capacity))
        step = step_of(line) >= 0 ? step_of(line) : step;
    if (stream)
        fclose(stream);
    free(line);
    free(path);
    return step;
}

bool run_compare_begin(RunComparison *comparison, const char *run, bool ended, RunError *error) {
    *comparison = (RunComparison){.run = run, .last = -1};
    CheckpointState state = {0};
    FileError fault;
    char *path = file_path(run, last_name);
    bool there = path && access(path, F_OK) == 0;
    bool read = !there || checkpoint_state(path, &state, &fault);
    free(path);
    if (!read)
        return run_fail(error, EXIT_INPUT, "%s", fault.text);
    if (there)
        comparison->last = state.step;
    comparison->open_end = !there && !ended;
    comparison->until = there && !ended ? state.step : last_line(run);
    if (ended && comparison->last > comparison->until)
        comparison->until = comparison->last;
    comparison->evaluation_due = state.evaluation_due && comparison->last == comparison->until;
    return comparison->until >= 0 ||
           run_fail(error, EXIT_INPUT,
                    "%s has no record of any step: there is nothing to reproduce; `scanline train "
                    "--resume' begins it",
                    run);
}
