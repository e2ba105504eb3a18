#include "runtime/commands/eval.h"

#include "runtime/evaluate.h"
#include "runtime/run_folder.h"

static const double bits_a_nat = 1.4426950408889634;

static void print_text(const Command *command, const Trained *trained, DataSplit split,
                       const Evaluation *evaluation) {
    const Experiment *experiment = command->program->experiment;
    fprintf(command->results, "%s\n%s split, n = %lld\nloss %.6f nats (%.6f bits)\n",
            trained->checkpoint, data_split_name(split), (long long)evaluation->images,
            evaluation->loss, evaluation->loss * bits_a_nat);
    for (uint32_t i = 0; i < experiment->metric_count && i < EVALUATION_MAX_METRICS; i++)
        fprintf(command->results, "%s %.6f\n", experiment->metrics[i], evaluation->metrics[i]);
}

static void print_json(const Command *command, const Trained *trained, DataSplit split,
                       const Evaluation *evaluation) {
    const Experiment *experiment = command->program->experiment;
    json_t *json = json_pack("{s:s, s:s, s:I, s:f}", "checkpoint", trained->checkpoint, "split",
                             data_split_name(split), "images", (json_int_t)evaluation->images,
                             "loss", evaluation->loss);
    for (uint32_t i = 0; i < experiment->metric_count && i < EVALUATION_MAX_METRICS; i++)
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

bool commands_eval(const Command *command, DataSplit split, RunError *error) {
    Trained trained;
    if (!command_load(command, &trained, error))
        return false;
    Evaluation evaluation;
    Evaluator *evaluator =
        evaluation_create(command->program, trained.data, command->threads, error);
    bool done = evaluator && count_read(command, split, error) &&
                evaluate(evaluator, trained.parameters.values,
                         command->program->experiment->train.seed, 0, split, &evaluation, error);
    if (done && command->json)
        print_json(command, &trained, split, &evaluation);
    else if (done)
        print_text(command, &trained, split, &evaluation);
    evaluation_free(evaluator);
    command_unload(&trained);
    return done;
}
