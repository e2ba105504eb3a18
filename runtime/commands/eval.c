#include "runtime/commands/eval.h"

#include "runtime/evaluate.h"
#include "runtime/gradient.h"
#include "runtime/run_folder.h"

static const double bits_a_nat = 1.4426950408889634;

static void print_text(const Command *command, const Trained *trained, DataSplit split,
                       const Evaluation *evaluation) {
    const Experiment *experiment = command->program->experiment;
    fprintf(command->results, "%s\n%s split, n = %lld\nloss %.6f nats (%.6f bits)\n",
            trained->checkpoint, data_split_name(split), (long long)evaluation->count,
            evaluation->loss, evaluation->loss * bits_a_nat);
    for (uint32_t i = 0; i < experiment->metric_count; i++)
        fprintf(command->results, "%s %.6f\n", experiment->metrics[i], evaluation->metrics[i]);
}

static void print_json(const Command *command, const Trained *trained, DataSplit split,
                       const Evaluation *evaluation) {
    const Experiment *experiment = command->program->experiment;
    json_t *json = json_pack("{s:s, s:s, s:I, s:f}", "checkpoint", trained->checkpoint, "split",
                             data_split_name(split), "images", (json_int_t)evaluation->count,
                             "loss", evaluation->loss);
    for (uint32_t i = 0; i < experiment->metric_count; i++)
        json_object_set_new(json, experiment->metrics[i], json_real(evaluation->metrics[i]));
    if (json)
        json_dumpf(json, command->results, JSON_INDENT(2));
    fputc('\n', command->results);
    json_decref(json);
}

static bool count_read(const Command *command, DataSplit split, RunError *error) {
    FileError file_error;
    if (split != DATA_TEST || run_count_test_read(command->folder, "eval", &file_error))
        return true;
    return run_fail(error, EXIT_MACHINE, "%s", file_error.text);
}

/* The answer's metrics live as long as the evaluator. */
static bool evaluate_split(const Command *command, Evaluator *evaluator, DataSplit split,
                           Evaluation *evaluation, RunError *error) {
    return count_read(command, split, error) &&
           evaluation_run(evaluator, split, 0, evaluation, error) &&
           (evaluation->count > 0 ||
            run_fail(error, EXIT_INPUT, "the %s split has no images: give it a share in `data`",
                     data_split_name(split)));
}

bool commands_eval(const Command *command, DataSplit split, RunError *error) {
    Trained trained;
    if (!command_load(command, &trained, error))
        return false;
    const Program *program = command->program;
    const Model model = {.experiment = program->experiment, .parameters = trained.parameters};
    const ExecutorUse use = {plan_function(program->plan, "eval"),
                             gradient_mode(program->experiment, command->threads)};
    Executor *executor = executor_create(program, command->threads, &use, 1);
    Evaluator *evaluator =
        executor ? evaluation_create(program, &model, executor, trained.data, error) : NULL;
    if (!executor)
        run_no_memory(error, "the program's temporaries");
    Evaluation evaluation;
    bool done = evaluator && evaluate_split(command, evaluator, split, &evaluation, error);
    if (done && command->json)
        print_json(command, &trained, split, &evaluation);
    else if (done)
        print_text(command, &trained, split, &evaluation);
    evaluation_free(evaluator);
    executor_free(executor);
    command_unload(&trained);
    return done;
}
