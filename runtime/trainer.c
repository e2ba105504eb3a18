#include "runtime/trainer.h"

#include "runtime/executor.h"
#include "runtime/float_mode.h"
#include "runtime/tensors.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_LEVELS = 32 };

/* The chunks that one thread (or the team) runs: a subtree. A chunk's gradient goes to a free
 * buffer; sums wait at their level, as the digits of a binary counter do, until their neighbour is
 * there. */
typedef struct Group {
    Tensors buffers[MOST_LEVELS]; /* level_count of them */
    void **inputs, **outputs;     /* of grad */
} Group;

struct Trainer {
    const Program *program;
    const PlanFunction *grad, *update;
    int threads, group_count, level_count;
    Executor *executor;
    Tensors parameters, states;
    Group *groups;
    float *chunk_losses;
    Batch batch;
    int32_t seed, step, draw; /* what the inputs of these names point at */
    float *scalars;           /* of the schedule */
    double *scalar_values;
    void **update_inputs, **update_outputs;
    Tensors spare_parameters,
        spare_states; /* outputs of update that can't take their inputs' place */
};

/* --- how the work is divided --- */

typedef struct Division {
    int groups, levels;
    ExecutorMode mode;
} Division;

static Division divide(const Experiment *experiment, int threads) {
    Division division = {.groups = 1, .levels = 1, .mode = EXECUTOR_TEAM};
    int64_t chunks = experiment->train.chunks;
    if (chunks >= threads)
        division.mode = EXECUTOR_ALONE;
    while (division.mode == EXECUTOR_ALONE && division.groups * 2 <= threads)
        division.groups *= 2;
    for (int64_t each = chunks / division.groups; each > 1; each /= 2)
        division.levels++;
    return division;
}

static uint32_t uses_of(const Program *program, int threads, ExecutorUse uses[3]) {
    uses[0] = (ExecutorUse){plan_function(program->plan, "grad"),
                            divide(program->experiment, threads).mode};
    uses[1] = (ExecutorUse){plan_function(program->plan, "update"), EXECUTOR_TEAM};
    uses[2] = (ExecutorUse){plan_function(program->plan, "init"), EXECUTOR_TEAM};
    return 3;
}

static int64_t data_elements(const Experiment *experiment, const char *name) {
    for (uint32_t i = 0; i < experiment->input_count; i++) {
        const DataInput *input = &experiment->inputs[i];
        if (strcmp(input->name, name) != 0)
            continue;
        int64_t elements = 1;
        for (uint32_t axis = 0; axis < input->axis_count; axis++)
            elements *= input->extents[axis];
        return elements;
    }
    return 0;
}

static bool has_spares(const PlanFunction *update) {
    for (uint32_t i = 0; update && i < update->output_count; i++)
        if (update->outputs[i].donated < 0)
            return true;
    return false;
}

int64_t trainer_bytes(const Program *program, int threads) {
    const Experiment *experiment = program->experiment;
    Division division = divide(experiment, threads);
    ExecutorUse uses[3];
    uint32_t use_count = uses_of(program, threads, uses);
    int64_t parameters = tensors_bytes(experiment->parameters, experiment->parameter_count);
    int64_t states = tensors_bytes(experiment->states, experiment->state_count);
    int64_t batch = experiment->train.batch * (int64_t)sizeof(int32_t) *
                    (data_elements(experiment, "tokens") + data_elements(experiment, "label") + 2);
    int64_t spare = has_spares(uses[1].function) ? parameters + states : 0;
    return parameters * (1 + division.groups * division.levels) + states + spare + batch +
           executor_bytes(program->plan, threads, uses, use_count);
}

/* --- making --- */

/* Aligned to PLAN_ALIGNMENT, as operands must be; zero. NULL: no memory. */
static void *aligned_zeros(int64_t bytes) {
    int64_t padded = block_aligned(bytes ? bytes : 1);
    void *memory = aligned_alloc(PLAN_ALIGNMENT, (size_t)padded);
    return memory ? memset(memory, 0, (size_t)padded) : NULL;
}

static bool batch_create(Batch *batch, const Experiment *experiment) {
    int64_t images = experiment->train.batch, size = (int64_t)sizeof(int32_t);
    int64_t tokens = data_elements(experiment, "tokens"),
            labels = data_elements(experiment, "label");
    batch->tokens = tokens ? aligned_zeros(images * size * tokens) : NULL;
    batch->labels = labels ? aligned_zeros(images * size * labels) : NULL;
    batch->images = aligned_zeros(images * size);
    batch->weights = aligned_zeros(images * size);
    return (batch->tokens || !tokens) && (batch->labels || !labels) && batch->images &&
           batch->weights;
}

static bool groups_create(Trainer *trainer) {
    const Experiment *experiment = trainer->program->experiment;
    trainer->groups = calloc((size_t)trainer->group_count, sizeof *trainer->groups);
    for (int i = 0; trainer->groups && i < trainer->group_count; i++) {
        Group *group = &trainer->groups[i];
        group->inputs = calloc(trainer->grad->input_count + 1, sizeof *group->inputs);
        group->outputs = calloc(trainer->grad->output_count + 1, sizeof *group->outputs);
        for (int level = 0; level < trainer->level_count; level++)
            if (!tensors_create(&group->buffers[level], experiment->parameters,
                                experiment->parameter_count))
                return false;
        if (!group->inputs || !group->outputs)
            return false;
    }
    return trainer->groups != NULL;
}

static bool trainer_allocate(Trainer *trainer) {
    const Experiment *experiment = trainer->program->experiment;
    const Schedule *schedule = &experiment->schedule;
    ExecutorUse uses[3];
    uint32_t use_count = uses_of(trainer->program, trainer->threads, uses);
    trainer->executor = executor_create(trainer->program, trainer->threads, uses, use_count);
    trainer->chunk_losses = aligned_zeros(experiment->train.chunks * PLAN_ALIGNMENT);
    trainer->scalars = aligned_zeros((int64_t)schedule->output_count * PLAN_ALIGNMENT);
    trainer->scalar_values = calloc(schedule->output_count + 1, sizeof *trainer->scalar_values);
    uint32_t most_outputs = plan_function(trainer->program->plan, "init")->output_count;
    if (trainer->update->output_count > most_outputs)
        most_outputs = trainer->update->output_count;
    trainer->update_inputs = calloc(trainer->update->input_count + 1, sizeof(void *));
    trainer->update_outputs = calloc(most_outputs + 1, sizeof(void *));
    bool made =
        trainer->executor && trainer->chunk_losses && trainer->scalars && trainer->scalar_values &&
        trainer->update_inputs && trainer->update_outputs &&
        tensors_create(&trainer->parameters, experiment->parameters, experiment->parameter_count) &&
        tensors_create(&trainer->states, experiment->states, experiment->state_count) &&
        batch_create(&trainer->batch, experiment) && groups_create(trainer);
    if (made && has_spares(trainer->update))
        made = tensors_create(&trainer->spare_parameters, experiment->parameters,
                              experiment->parameter_count) &&
               tensors_create(&trainer->spare_states, experiment->states, experiment->state_count);
    return made;
}

Trainer *trainer_create(const Program *program, int threads, RunError *error) {
    Trainer *trainer = calloc(1, sizeof *trainer);
    if (!trainer) {
        run_no_memory(error, "the training");
        return NULL;
    }
    Division division = divide(program->experiment, threads);
    *trainer = (Trainer){
        .program = program,
        .grad = plan_function(program->plan, "grad"),
        .update = plan_function(program->plan, "update"),
        .threads = threads,
        .group_count = division.groups,
        .level_count = division.levels,
    };
    if (!trainer->grad || !trainer->update || !plan_function(program->plan, "init"))
        run_fail(error, EXIT_INPUT, "this program has no training: it lacks init, grad or update");
    else if (trainer_allocate(trainer))
        return trainer;
    else
        run_no_memory(error, "the training (`scanline check' says how much it takes)");
    trainer_free(trainer);
    return NULL;
}

void trainer_free(Trainer *trainer) {
    if (!trainer)
        return;
    for (int i = 0; trainer->groups && i < trainer->group_count; i++) {
        for (int level = 0; level < trainer->level_count; level++)
            tensors_free(&trainer->groups[i].buffers[level]);
        free(trainer->groups[i].inputs);
        free(trainer->groups[i].outputs);
    }
    free(trainer->groups);
    tensors_free(&trainer->parameters);
    tensors_free(&trainer->states);
    tensors_free(&trainer->spare_parameters);
    tensors_free(&trainer->spare_states);
    free(trainer->batch.tokens);
    free(trainer->batch.labels);
    free(trainer->batch.images);
    free(trainer->batch.weights);
    free(trainer->chunk_losses);
    free(trainer->scalars);
    free(trainer->scalar_values);
    free(trainer->update_inputs);
    free(trainer->update_outputs);
    executor_free(trainer->executor);
    free(trainer);
}

float *const *trainer_parameters(const Trainer *trainer) { return trainer->parameters.values; }

float *const *trainer_states(const Trainer *trainer) { return trainer->states.values; }

Batch *trainer_batch(Trainer *trainer) { return &trainer->batch; }

/* --- binding by name --- */

static float *tensor_named(const Parameter *parameters, uint32_t count, const Tensors *tensors,
                           const char *name) {
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(parameters[i].path, name) == 0)
            return tensors->values[i];
    return NULL;
}

static float *parameter_named(const Trainer *trainer, const Tensors *tensors, const char *name) {
    const Experiment *experiment = trainer->program->experiment;
    return tensor_named(experiment->parameters, experiment->parameter_count, tensors, name);
}

static float *state_named(const Trainer *trainer, const Tensors *tensors, const char *name) {
    const Experiment *experiment = trainer->program->experiment;
    return tensor_named(experiment->states, experiment->state_count, tensors, name);
}

/* "grad:PATH" -> "PATH"; NULL when it is another name. */
static const char *gradient_path(const char *name) {
    return strncmp(name, "grad:", 5) == 0 ? name + 5 : NULL;
}

/* What an input of `grad` is, for images from `first` on. */
static void *grad_input(Trainer *trainer, const char *name, int64_t first) {
    const Experiment *experiment = trainer->program->experiment;
    Batch *batch = &trainer->batch;
    if (strcmp(name, "tokens") == 0)
        return batch->tokens + first * data_elements(experiment, name);
    if (strcmp(name, "label") == 0)
        return batch->labels + first * data_elements(experiment, name);
    if (strcmp(name, "$image") == 0)
        return batch->images + first;
    if (strcmp(name, "$weight") == 0)
        return batch->weights + first;
    if (strcmp(name, "$seed") == 0)
        return &trainer->seed;
    if (strcmp(name, "$step") == 0)
        return &trainer->step;
    if (strcmp(name, "$draw") == 0)
        return &trainer->draw;
    return parameter_named(trainer, &trainer->parameters, name);
}

static void bind_chunk(Trainer *trainer, Group *group, int64_t chunk, const Tensors *gradients) {
    const PlanFunction *grad = trainer->grad;
    const TrainSettings *train = &trainer->program->experiment->train;
    int64_t first = chunk * (train->batch / train->chunks);
    for (uint32_t i = 0; i < grad->input_count; i++)
        group->inputs[i] = grad_input(trainer, grad->inputs[i].name, first);
    for (uint32_t i = 0; i < grad->output_count; i++) {
        const char *path = gradient_path(grad->outputs[i].name);
        if (path)
            group->outputs[i] = parameter_named(trainer, gradients, path);
        else
            group->outputs[i] = (char *)trainer->chunk_losses + chunk * PLAN_ALIGNMENT;
    }
}

/* --- a step --- */

static void group_run(Trainer *trainer, int number, int thread) {
    Group *group = &trainer->groups[number];
    int64_t each = trainer->program->experiment->train.chunks / trainer->group_count;
    Tensors *waiting[MOST_LEVELS] = {0}, *free_buffers[MOST_LEVELS];
    int free_count = 0;
    for (int level = 0; level < trainer->level_count; level++)
        free_buffers[free_count++] = &group->buffers[level];
    for (int64_t i = 0; i < each; i++) {
        Tensors *sum = free_buffers[--free_count];
        bind_chunk(trainer, group, number * each + i, sum);
        if (thread >= 0)
            executor_run_alone(trainer->executor, thread, trainer->grad, group->inputs,
                               group->outputs);
        else
            executor_run(trainer->executor, trainer->grad, group->inputs, group->outputs);
        int level = 0;
        for (; waiting[level]; level++) { /* the earlier neighbour first */
            tensors_add(waiting[level], sum);
            free_buffers[free_count++] = sum;
            sum = waiting[level];
            waiting[level] = NULL;
        }
        waiting[level] = sum;
    }
    Tensors *result = waiting[trainer->level_count - 1];
    if (result != &group->buffers[0]) { /* the sum goes where the groups' sums are looked for */
        Tensors kept = group->buffers[0];
        group->buffers[0] = *result;
        *result = kept;
    }
}

/* All chunks' gradients, into the first buffer of the first group. */
static void gradients_compute(Trainer *trainer) {
    uint64_t mode = float_mode_flush();
    if (trainer->group_count == 1) {
        bool team = trainer->program->experiment->train.chunks < trainer->threads;
        group_run(trainer, 0, team ? -1 : 0);
    } else {
#pragma omp parallel num_threads(trainer->group_count)
        {
            uint64_t own = float_mode_flush();
            group_run(trainer, omp_get_thread_num(), omp_get_thread_num());
            float_mode_restore(own);
        }
    }
    for (int apart = 1; apart < trainer->group_count; apart *= 2)
        for (int i = 0; i + apart < trainer->group_count; i += 2 * apart)
            tensors_add(&trainer->groups[i].buffers[0], &trainer->groups[i + apart].buffers[0]);
    float_mode_restore(mode);
}

static double losses_sum(const Trainer *trainer, int64_t first, int64_t count) {
    if (count == 1)
        return *(const float *)((const char *)trainer->chunk_losses + first * PLAN_ALIGNMENT);
    return losses_sum(trainer, first, count / 2) +
           losses_sum(trainer, first + count / 2, count / 2);
}

static void *update_input(Trainer *trainer, const char *name) {
    const char *path = gradient_path(name);
    if (path)
        return parameter_named(trainer, &trainer->groups[0].buffers[0], path);
    if (strncmp(name, "$scalar.", 8) == 0)
        return (char *)trainer->scalars + atoll(name + 8) * PLAN_ALIGNMENT;
    void *state = state_named(trainer, &trainer->states, name);
    return state ? state : parameter_named(trainer, &trainer->parameters, name);
}

static void *update_output(Trainer *trainer, const PlanBinding *output) {
    bool spare = output->donated < 0;
    void *state =
        state_named(trainer, spare ? &trainer->spare_states : &trainer->states, output->name);
    return state
               ? state
               : parameter_named(trainer, spare ? &trainer->spare_parameters : &trainer->parameters,
                                 output->name);
}

static void update_run(Trainer *trainer) {
    const PlanFunction *update = trainer->update;
    for (uint32_t i = 0; i < update->input_count; i++)
        trainer->update_inputs[i] = update_input(trainer, update->inputs[i].name);
    for (uint32_t i = 0; i < update->output_count; i++)
        trainer->update_outputs[i] = update_output(trainer, &update->outputs[i]);
    executor_run(trainer->executor, update, trainer->update_inputs, trainer->update_outputs);
    for (uint32_t i = 0; i < update->output_count; i++)
        if (update->outputs[i].donated < 0)
            memcpy(update_input(trainer, update->outputs[i].name), trainer->update_outputs[i],
                   (size_t)update->outputs[i].elements * sizeof(float));
}

bool trainer_step(Trainer *trainer, int64_t seed, int64_t step, double *loss) {
    const Experiment *experiment = trainer->program->experiment;
    trainer->seed = (int32_t)seed;
    trainer->step = (int32_t)step;
    trainer->draw = 0;
    if (schedule_evaluate(&experiment->schedule, step, trainer->scalar_values))
        return false;
    for (uint32_t i = 0; i < experiment->schedule.output_count; i++)
        *(float *)((char *)trainer->scalars + i * PLAN_ALIGNMENT) =
            (float)trainer->scalar_values[i];
    gradients_compute(trainer);
    *loss = losses_sum(trainer, 0, experiment->train.chunks);
    if (isfinite(*loss))
        update_run(trainer);
    return true;
}

void trainer_initialise(Trainer *trainer, int64_t seed) {
    const PlanFunction *init = plan_function(trainer->program->plan, "init");
    void *inputs[1] = {&trainer->seed};
    void **outputs = trainer->update_outputs;
    trainer->seed = (int32_t)seed;
    for (uint32_t i = 0; i < init->output_count; i++) {
        void *state = state_named(trainer, &trainer->states, init->outputs[i].name);
        outputs[i] =
            state ? state : parameter_named(trainer, &trainer->parameters, init->outputs[i].name);
    }
    executor_run(trainer->executor, init, inputs, outputs);
}

/* --- where a fault arose --- */

typedef struct FaultSearch {
    bool any; /* infinities count too */
    const char *origin;
} FaultSearch;

static bool look_for_fault(void *user, const PlanStep *step, const PlanKernel *kernel,
                           char *const *operands) {
    FaultSearch *search = user;
    for (uint32_t i = kernel->operand_count - kernel->output_count; i < kernel->operand_count;
         i++) {
        if (kernel->operands[i].type != PLAN_F32)
            continue;
        const float *values = (const float *)operands[i];
        for (int64_t j = 0; j < kernel->operands[i].elements; j++)
            if (isnan(values[j]) || (search->any && isinf(values[j]))) {
                search->origin = step->origin;
                return false;
            }
    }
    return true;
}

const char *trainer_find_fault(Trainer *trainer, int64_t seed, int64_t step) {
    Group *group = &trainer->groups[0];
    trainer->seed = (int32_t)seed;
    trainer->step = (int32_t)step;
    for (int any = 0; any < 2; any++)
        for (int64_t chunk = 0; chunk < trainer->program->experiment->train.chunks; chunk++) {
            FaultSearch search = {.any = any, .origin = NULL};
            bind_chunk(trainer, group, chunk, &group->buffers[0]);
            executor_run_watched(trainer->executor, trainer->grad, group->inputs, group->outputs,
                                 look_for_fault, &search);
            if (search.origin)
                return search.origin;
        }
    return "";
}
