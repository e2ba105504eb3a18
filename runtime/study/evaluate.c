#include "runtime/study/evaluate.h"

#include "runtime/ranks/collective.h"
#include "runtime/ranks/halving.h"
#include "runtime/run/work.h"
#include "runtime/study/vote.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char ACCURACY[] = "accuracy";
enum { MOST_CONFUSED = 1024 }; /* classes, for a table of them */

struct Evaluator {
    const Program *program;
    const DataSet *data;
    Inference *inference;
    uint32_t count;         /* of figures that the program gives: the loss, then the metrics */
    int64_t *outputs;       /* [count]: which outputs they are */
    MetricsFigure *figures; /* [count], and perhaps the accuracy */
    uint32_t figure_count;
    int draws; /* 0: no classes */
    int64_t class_output, class_width;
    bool class_by_image; /* else all images have one row of scores */
    int64_t classes;
    int64_t *confusion; /* [classes, classes]; NULL: too many of them */
    Ranks *ranks;       /* that share the images; NULL: nobody does */
    Log *log;           /* that people are told by; NULL: nobody is */
    /* of the run under way */
    const DataImages *images;
    int64_t first; /* of the images that this process computes */
    int draw;
    Work work;
    float *values;  /* [count, images] */
    int32_t *votes; /* [images, draws] */
};

int64_t evaluation_bytes(const Program *program, int threads) {
    return inference_bytes(program, "eval", threads);
}

/* --- life --- */

/* The output of that name, which must have one number an image. */
static bool add_figure(Evaluator *evaluator, const char *output, const char *name,
                       RunError *error) {
    int64_t width = 0, found = inference_output(evaluator->inference, output, &width);
    if (found < 0 || width != 1)
        return run_fail(error, EXIT_INPUT, "the program's function eval gives no %s an image",
                        output);
    evaluator->outputs[evaluator->count] = found;
    evaluator->figures[evaluator->count++].name = name;
    return true;
}

static bool add_figures(Evaluator *evaluator, RunError *error) {
    const Experiment *experiment = evaluator->program->experiment;
    if (!add_figure(evaluator, "loss", "loss", error))
        return false;
    for (uint32_t i = 0; i < experiment->metric_count; i++) {
        char name[256];
        snprintf(name, sizeof name, "metric.%s", experiment->metrics[i]);
        if (!add_figure(evaluator, name, experiment->metrics[i], error))
            return false;
    }
    evaluator->figure_count = evaluator->count;
    return true;
}

/* Where that of the accuracy is, or is to be. */
static MetricsFigure *accuracy_of(const Evaluator *evaluator) {
    for (uint32_t i = 1; i < evaluator->count; i++)
        if (strcmp(evaluator->figures[i].name, ACCURACY) == 0)
            return &evaluator->figures[i];
    return &evaluator->figures[evaluator->count];
}

/* The scores [images, classes], if there are some, and labels to hold them against; -1: there are
 * none. */
static int64_t find_classes(const PlanFunction *function, const DataSet *data) {
    const int64_t found = plan_find_output(function, "class");
    const PlanBinding *output = found < 0 ? NULL : &function->outputs[found];
    return output && output->type == PLAN_F32 && output->axis_count >= 1 && data->labels ? found
                                                                                         : -1;
}

bool evaluation_has_accuracy(const Program *program, const DataSet *data) {
    const PlanFunction *function = plan_function(program->plan, "eval");
    return function && (plan_find_output(function, "metric.accuracy") >= 0 ||
                        find_classes(function, data) >= 0);
}

double evaluation_accuracy(const Evaluation *evaluation) {
    for (uint32_t i = 1; i < evaluation->figure_count; i++)
        if (strcmp(evaluation->figures[i].name, ACCURACY) == 0)
            return evaluation->figures[i].value;
    return -1;
}

static bool add_classes(Evaluator *evaluator, RunError *error) {
    const PlanFunction *function = inference_function(evaluator->inference);
    const DataSet *data = evaluator->data;
    const int64_t found = find_classes(function, data);
    if (found < 0)
        return true;
    const PlanBinding *output = &function->outputs[found];
    evaluator->class_output = found;
    evaluator->class_by_image =
        inference_output(evaluator->inference, "class", &evaluator->class_width) >= 0;
    if (!evaluator->class_by_image)
        evaluator->class_width = output->elements;
    evaluator->classes =
        data->classes > evaluator->class_width ? data->classes : evaluator->class_width;
    const size_t cells = (size_t)evaluator->classes * (size_t)evaluator->classes;
    if (evaluator->classes <= MOST_CONFUSED) {
        evaluator->confusion = calloc(cells, sizeof *evaluator->confusion);
        if (!evaluator->confusion)
            return run_no_memory(error, "the table of classes");
    }
    evaluator->draws = plan_find_input(function, "$draw") < 0 ? 1 : VOTE_DRAWS;
    MetricsFigure *accuracy = accuracy_of(evaluator);
    if (!accuracy->name)
        evaluator->figure_count++;
    accuracy->name = ACCURACY;
    return true;
}

static bool prepare(Evaluator *evaluator, const Model *model, Executor *executor, int threads,
                    RunError *error) {
    const size_t figures = (size_t)evaluator->program->experiment->metric_count + 2;
    evaluator->outputs = calloc(figures, sizeof *evaluator->outputs);
    evaluator->figures = calloc(figures, sizeof *evaluator->figures);
    if (!evaluator->outputs || !evaluator->figures)
        return run_no_memory(error, "evaluation");
    evaluator->inference =
        inference_create(evaluator->program, "eval", model, executor, threads, error);
    return evaluator->inference && add_figures(evaluator, error) && add_classes(evaluator, error);
}

Evaluator *evaluation_create(const Program *program, const Model *model, Executor *executor,
                             int threads, const DataSet *data, RunError *error) {
    Evaluator *evaluator = calloc(1, sizeof *evaluator);
    if (!evaluator) {
        run_no_memory(error, "evaluation");
        return NULL;
    }
    evaluator->program = program;
    evaluator->data = data;
    if (prepare(evaluator, model, executor, threads, error))
        return evaluator;
    evaluation_free(evaluator);
    return NULL;
}

void evaluation_free(Evaluator *evaluator) {
    if (!evaluator)
        return;
    inference_free(evaluator->inference);
    free(evaluator->outputs);
    free(evaluator->figures);
    free(evaluator->confusion);
    free(evaluator->values);
    free(evaluator->votes);
    free(evaluator);
}

/* --- running --- */

static void take(void *user, int64_t first, int64_t count, void *const *outputs) {
    Evaluator *evaluator = user;
    first += evaluator->first;
    for (uint32_t i = 0; i < evaluator->count && evaluator->draw == 0; i++)
        memcpy(evaluator->values + i * evaluator->images->count + first,
               outputs[evaluator->outputs[i]], (size_t)count * sizeof(float));
    for (int64_t i = 0; i < count && evaluator->draws; i++) {
        const float *scores = outputs[evaluator->class_output];
        if (evaluator->class_by_image)
            scores += i * evaluator->class_width;
        evaluator->votes[(first + i) * evaluator->draws + evaluator->draw] =
            vote_cast(scores, evaluator->class_width);
    }
    work_advance(&evaluator->work, (double)count);
}

static double mean(const float *values, int64_t count) {
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += values[i];
    return count ? sum / (double)count : NAN;
}

/* Counts the votes on images that have a label, and how many are right. */
static void count_votes(Evaluator *evaluator, Evaluation *evaluation) {
    const int64_t classes = evaluator->classes;
    if (evaluator->confusion)
        memset(evaluator->confusion, 0, (size_t)(classes * classes) * sizeof(int64_t));
    for (int64_t i = 0; i < evaluator->images->count; i++) {
        const int32_t image = evaluator->images->images[i], label = evaluator->data->labels[image];
        const int32_t *votes = evaluator->votes + i * evaluator->draws;
        if (label < 0)
            continue;
        const int32_t choice = vote_majority(votes, evaluator->draws,
                                             evaluator->program->experiment->train.seed, image);
        if (evaluator->confusion)
            evaluator->confusion[label * classes + choice]++;
        evaluation->labelled++;
        evaluation->correct += choice == label;
    }
}

static bool make_room(Evaluator *evaluator, int64_t count, RunError *error) {
    free(evaluator->values);
    free(evaluator->votes);
    evaluator->values = calloc((size_t)count * evaluator->count + 1, sizeof *evaluator->values);
    evaluator->votes =
        calloc((size_t)count * (size_t)evaluator->draws + 1, sizeof *evaluator->votes);
    return (evaluator->values && evaluator->votes) || run_no_memory(error, "evaluation");
}

/* --- over ranks --- */

void evaluation_share(Evaluator *evaluator, Ranks *ranks) { evaluator->ranks = ranks; }

static int64_t smaller_of(int64_t a, int64_t b) { return a < b ? a : b; }

/* As inference cuts them. */
static int64_t chunk_count(const Evaluator *evaluator) {
    const int64_t chunk = chunk_size(evaluator->program->experiment);
    return (evaluator->images->count + chunk - 1) / chunk;
}

/* Of all images those that this process computes: whole chunks, the same as if it were alone. */
static DataImages own_images(const Evaluator *evaluator) {
    const int64_t chunk = chunk_size(evaluator->program->experiment);
    const int64_t count = evaluator->images->count;
    const HalvingPart part = halving_part(ranks_number(evaluator->ranks),
                                          ranks_levels(evaluator->ranks), chunk_count(evaluator));
    const int64_t first = smaller_of(part.first * chunk, count);
    return (DataImages){.images = evaluator->images->images + first,
                        .count = smaller_of(part.last * chunk, count) - first};
}

/* One array with a few bytes an image: from those who have computed it to all. */
static bool gather(const Evaluator *evaluator, void *data, int64_t image_bytes) {
    const RanksArray array = {data, chunk_count(evaluator),
                              chunk_size(evaluator->program->experiment) * image_bytes,
                              evaluator->images->count * image_bytes};
    return ranks_gather(evaluator->ranks, &array);
}

static bool gather_all(const Evaluator *evaluator) {
    bool gathered = true;
    for (uint32_t i = 0; i < evaluator->count && gathered; i++)
        gathered = gather(evaluator, evaluator->values + i * evaluator->images->count,
                          (int64_t)sizeof *evaluator->values);
    return gathered &&
           (!evaluator->draws || gather(evaluator, evaluator->votes,
                                        evaluator->draws * (int64_t)sizeof *evaluator->votes));
}

/* --- a whole split --- */

void evaluation_tell(Evaluator *evaluator, Log *log) { evaluator->log = log; }

void evaluation_stop_when(Evaluator *evaluator, InferenceStop *stop, void *user) {
    inference_stop_when(evaluator->inference, stop, user);
}

static bool compute(Evaluator *evaluator, RunError *error) {
    const DataImages own = own_images(evaluator);
    const int draws = evaluator->draws ? evaluator->draws : 1;
    bool whole = true;
    evaluator->first = own.images - evaluator->images->images;
    work_begin(&evaluator->work, evaluator->log, "evaluation", (double)own.count * draws);
    for (evaluator->draw = 0; evaluator->draw < draws && whole; evaluator->draw++)
        whole = inference_run_data(evaluator->inference, evaluator->data, &own, evaluator->draw,
                                   take, evaluator);
    work_end(&evaluator->work);
    return whole || run_fail(error, EXIT_STOPPED, "an evaluation was stopped");
}

static bool compute_shared(Evaluator *evaluator, RunError *error) {
    if (!compute(evaluator, error))
        return false;
    if (gather_all(evaluator))
        return true;
    if (!ranks_is_first(evaluator->ranks))
        return run_fail(error, EXIT_MACHINE, "%s", ranks_fault(evaluator->ranks));
    evaluator->ranks = NULL;
    return compute(evaluator, error);
}

bool evaluation_run(Evaluator *evaluator, DataSplit split, Evaluation *evaluation,
                    RunError *error) {
    const DataImages *images = &evaluator->data->splits[split];
    if (!make_room(evaluator, images->count, error))
        return false;
    evaluator->images = images;
    if (!compute_shared(evaluator, error))
        return false;
    for (uint32_t i = 0; i < evaluator->count; i++)
        evaluator->figures[i].value = mean(evaluator->values + i * images->count, images->count);
    *evaluation = (Evaluation){.count = images->count,
                               .loss = evaluator->figures[0].value,
                               .figures = evaluator->figures,
                               .figure_count = evaluator->figure_count,
                               .draws = evaluator->draws,
                               .classes = evaluator->classes,
                               .confusion = evaluator->confusion};
    if (evaluator->draws) {
        count_votes(evaluator, evaluation);
        accuracy_of(evaluator)->value =
            evaluation->labelled ? (double)evaluation->correct / (double)evaluation->labelled : NAN;
    }
    return true;
}
