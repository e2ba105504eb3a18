#include "runtime/model/inference.h"

#include "runtime/model/worker.h"

#include <omp.h>
#include <stdlib.h>

struct Inference {
    const PlanFunction *function;
    Executor *executor, *own; /* own: NULL where it is the caller's */
    ExecutorMode mode;
    int64_t chunk; /* images at once */
    int worker_count;
    Worker *workers;
    InferenceStop *stop; /* NULL: nobody does */
    void *stopper;
};

/* --- life --- */

int64_t inference_bytes(const Program *program, const char *function, int threads) {
    const PlanFunction *found = plan_function(program->plan, function);
    int64_t worker = chunk_bytes(program->experiment) + (found ? worker_copy_bytes(found) : 0);
    return worker * worker_count(program->experiment->train.chunks, threads);
}

static bool prepare(Inference *inference, const Program *program, const Model *model, int threads,
                    RunError *error) {
    if (!inference->executor) {
        const ExecutorUse use = {inference->function, inference->mode};
        inference->executor = inference->own = executor_create(program, threads, &use, 1);
    }
    if (!inference->executor)
        return run_no_memory(error, "the program's temporaries");
    inference->workers = calloc((size_t)inference->worker_count, sizeof *inference->workers);
    if (!inference->workers)
        return run_no_memory(error, "running the model");
    for (int i = 0; i < inference->worker_count; i++)
        if (!worker_create(&inference->workers[i], inference->function, model, 1, error))
            return false;
    return true;
}

Inference *inference_create(const Program *program, const char *function, const Model *model,
                            Executor *executor, int threads, RunError *error) {
    const PlanFunction *found = plan_function(program->plan, function);
    if (!found) {
        run_fail(error, EXIT_INPUT, "the program has no function %s", function);
        return NULL;
    }
    Inference *inference = calloc(1, sizeof *inference);
    if (!inference) {
        run_no_memory(error, "running the model");
        return NULL;
    }
    threads = executor ? executor_threads(executor) : threads;
    *inference =
        (Inference){.function = found,
                    .executor = executor,
                    .mode = worker_mode(program->experiment->train.chunks, threads),
                    .chunk = chunk_size(program->experiment),
                    .worker_count = worker_count(program->experiment->train.chunks, threads)};
    if (prepare(inference, program, model, threads, error))
        return inference;
    inference_free(inference);
    return NULL;
}

void inference_free(Inference *inference) {
    if (!inference)
        return;
    for (int i = 0; inference->workers && i < inference->worker_count; i++)
        worker_free(&inference->workers[i]);
    free(inference->workers);
    executor_free(inference->own);
    free(inference);
}

const PlanFunction *inference_function(const Inference *inference) { return inference->function; }

int64_t inference_output(const Inference *inference, const char *name, int64_t *width) {
    const int64_t found = plan_find_output(inference->function, name);
    const PlanBinding *output = found < 0 ? NULL : &inference->function->outputs[found];
    if (!output || output->type != PLAN_F32 || output->axis_count < 1 ||
        output->extents[0] != inference->chunk)
        return -1;
    *width = output->elements / inference->chunk;
    return found;
}

void inference_stop_when(Inference *inference, InferenceStop *stop, void *user) {
    inference->stop = stop;
    inference->stopper = user;
}

/* --- running --- */

/* What is done with each chunk. */
typedef struct InferenceRun {
    Inference *inference;
    int64_t count;
    int32_t draw;
    InferenceFill *fill;
    InferenceTake *take;
    void *user;
} InferenceRun;

/* False: the run is to end. */
static bool chunk_run(const InferenceRun *run, int thread, int64_t number) {
    const Inference *inference = run->inference;
    if (inference->stop && inference->stop(inference->stopper))
        return false;
    Worker *worker = &inference->workers[thread];
    const int64_t first = number * inference->chunk, left = run->count - first;
    const int64_t count = left < inference->chunk ? left : inference->chunk;
    *worker->chunk.draw = run->draw;
    run->fill(run->user, first, count, &worker->chunk);
    if (inference->mode == EXECUTOR_TEAM)
        executor_run(inference->executor, inference->function, worker->bound.inputs,
                     worker->bound.outputs);
    else
        executor_run_alone(inference->executor, thread, inference->function, worker->bound.inputs,
                           worker->bound.outputs);
    run->take(run->user, first, count, worker->bound.outputs);
    return true;
}

bool inference_run(Inference *inference, int64_t count, int32_t draw, InferenceFill *fill,
                   InferenceTake *take, void *user) {
    const InferenceRun run = {inference, count, draw, fill, take, user};
    const int64_t chunks = (count + inference->chunk - 1) / inference->chunk;
    bool whole = true;
    if (inference->mode == EXECUTOR_TEAM) {
        for (int64_t number = 0; number < chunks && whole; number++)
            whole = chunk_run(&run, 0, number);
        return whole;
    }
#pragma omp parallel for schedule(dynamic, 1) num_threads(inference->worker_count)                 \
    reduction(&& : whole)
    for (int64_t number = 0; number < chunks; number++)
        whole = chunk_run(&run, omp_get_thread_num(), number) && whole;
    return whole;
}

/* --- images of a data set --- */

typedef struct DataRun {
    const DataSet *data;
    const DataImages *images;
    InferenceTake *take;
    void *user;
} DataRun;

static void fill_from_data(void *user, int64_t first, int64_t count, Chunk *chunk) {
    const DataRun *run = user;
    for (int64_t i = 0; i < chunk->size; i++)
        chunk->image[i] = run->images->images[first + (i < count ? i : count - 1)];
    chunk_read(chunk, run->data, NULL, 0);
}

static void pass_on(void *user, int64_t first, int64_t count, void *const *outputs) {
    const DataRun *run = user;
    run->take(run->user, first, count, outputs);
}

bool inference_run_data(Inference *inference, const DataSet *data, const DataImages *images,
                        int32_t draw, InferenceTake *take, void *user) {
    DataRun run = {data, images, take, user};
    return inference_run(inference, images->count, draw, fill_from_data, pass_on, &run);
}
