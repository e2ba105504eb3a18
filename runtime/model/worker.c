#include "runtime/model/worker.h"

ExecutorMode worker_mode(int64_t chunks, int threads) {
    return chunks >= threads ? EXECUTOR_ALONE : EXECUTOR_TEAM;
}

int worker_count(int64_t chunks, int threads) {
    return worker_mode(chunks, threads) == EXECUTOR_ALONE ? threads : 1;
}

static int64_t output_bytes(const PlanBinding *output) {
    return block_aligned(output->elements * (int64_t)plan_type_size(output->type));
}

int64_t worker_copy_bytes(const PlanFunction *function) {
    int64_t bytes = 0;
    for (uint32_t i = 0; i < function->output_count; i++)
        bytes += output_bytes(&function->outputs[i]);
    return bytes;
}

static bool outputs_slots(const Worker *worker, const PlanFunction *function, Slots *slots) {
    char *place = worker->outputs.bytes;
    bool added = true;
    for (uint32_t i = 0; i < function->output_count && added; i++) {
        const PlanBinding *output = &function->outputs[i];
        added = slots_add(slots, output->name, output->type, output->elements, place);
        place += output_bytes(output);
    }
    return added;
}

bool worker_create(Worker *worker, const PlanFunction *function, const Model *model, int64_t copies,
                   RunError *error) {
    *worker = (Worker){0};
    if (!chunk_create(&worker->chunk, model->experiment, error))
        return false;
    if (!block_create(&worker->outputs, copies * worker_copy_bytes(function)))
        return run_fail(error, EXIT_MACHINE, "no memory for what the function %s computes",
                        function->name);
    Slots inputs = {0}, outputs = {0};
    bool made = chunk_slots(&worker->chunk, &inputs) && model_slots(model, &inputs) &&
                        outputs_slots(worker, function, &outputs)
                    ? bound_create(&worker->bound, function, &inputs, &outputs, error)
                    : run_no_memory(error, "the run's tables");
    slots_free(&inputs);
    slots_free(&outputs);
    return made;
}

void worker_free(Worker *worker) {
    chunk_free(&worker->chunk);
    block_free(&worker->outputs);
    bound_free(&worker->bound);
}

char *worker_use_copy(Worker *worker, int64_t copy) {
    const PlanFunction *function = worker->bound.function;
    char *const first = worker->outputs.bytes + copy * worker_copy_bytes(function), *place = first;
    for (uint32_t i = 0; i < function->output_count; i++) {
        worker->bound.outputs[i] = place;
        place += output_bytes(&function->outputs[i]);
    }
    return first;
}

void *worker_first_output(const Worker *worker, int64_t output) {
    char *place = worker->outputs.bytes;
    for (int64_t i = 0; i < output; i++)
        place += output_bytes(&worker->bound.function->outputs[i]);
    return place;
}
