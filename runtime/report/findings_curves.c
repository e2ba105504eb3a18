#include "runtime/report/findings_read.h"
#include "runtime/run/metrics_read.h"

#include <math.h>
#include <string.h>

typedef struct Reading {
    RunFindings *run;
    Pool *pool;
    uint64_t odd; /* lines with a figure that is not finite */
} Reading;

static bool all_finite(const MetricsFigure *figures, uint32_t count) {
    while (count && isfinite(figures[count - 1].value))
        count--;
    return !count;
}

static double figure_of(const MetricsFigure *figures, uint32_t count, const char *name) {
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(figures[i].name, name) == 0)
            return figures[i].value;
    return NAN;
}

static void add_line(void *user, int64_t step, const char *split, const MetricsFigure *figures,
                     uint32_t count) {
    Reading *reading = user;
    if (!all_finite(figures, count)) {
        reading->odd++;
        return;
    }
    const CurvePoint point = {step, figure_of(figures, count, "loss"),
                              figure_of(figures, count, "accuracy")};
    Curve *curve = strcmp(split, "train") == 0        ? &reading->run->train
                   : strcmp(split, "validation") == 0 ? &reading->run->validation
                                                      : NULL;
    if (!curve || !isfinite(point.loss))
        return;
    CurvePoint *larger =
        pool_grow(reading->pool, curve->points, curve->count, sizeof *curve->points);
    if (!larger)
        return;
    curve->points = larger;
    larger[curve->count++] = point;
}

/* What the lines say is newer than what run.json says. */
static void sum_up(RunFindings *run) {
    const Curve *train = &run->train, *validation = &run->validation;
    if (train->count)
        run->steps = train->points[train->count - 1].step;
    if (validation->count && validation->points[validation->count - 1].step > run->steps)
        run->steps = validation->points[validation->count - 1].step;
    if (validation->count)
        run->best_loss = INFINITY;
    for (uint32_t i = 0; i < validation->count; i++)
        if (validation->points[i].loss < run->best_loss) {
            run->best_loss = validation->points[i].loss;
            run->best_step = validation->points[i].step;
        }
}

void findings_read_curves(RunFindings *run, Pool *pool) {
    FileError error;
    uint64_t strange;
    Reading reading = {run, pool, 0};
    if (!metrics_read(run->folder, add_line, &reading, &strange, &error))
        findings_note(run, pool, "%s", error.text);
    if (strange + reading.odd)
        findings_note(run, pool, "%llu lines of metrics.jsonl are no figures, and left out",
                      (unsigned long long)(strange + reading.odd));
    sum_up(run);
}

double findings_loss_at(const RunFindings *run, int64_t step) {
    for (uint32_t i = 0; i < run->validation.count; i++)
        if (run->validation.points[i].step == step)
            return run->validation.points[i].loss;
    return NAN;
}
