#include "runtime/commands/eval.h"

#include "runtime/run/run_folder.h"
#include "runtime/study/evaluate.h"
#include "runtime/study/interval.h"

#include <stdlib.h>
#include <string.h>

static const double bits_a_nat = 1.4426950408889634;

/* --- as text --- */

/* What is known of the accuracy besides its value. */
static void print_accuracy(FILE *out, const Evaluation *evaluation) {
    const Interval interval = interval_of_share(evaluation->correct, evaluation->labelled);
    fprintf(out, "  (%lld of %lld; 95 %% interval %.4f to %.4f", (long long)evaluation->correct,
            (long long)evaluation->labelled, interval.low, interval.high);
    if (evaluation->draws > 1)
        fprintf(out, "; vote: %d masks", evaluation->draws);
    fputc(')', out);
}

static void print_text(const Command *command, const Trained *trained, DataSplit split,
                       const Evaluation *evaluation) {
    FILE *out = command->results;
    fprintf(out, "%s\n%s split, n = %lld\nloss %.6f nats (%.6f bits)\n", trained->checkpoint,
            data_split_name(split), (long long)evaluation->count, evaluation->loss,
            evaluation->loss * bits_a_nat);
    for (uint32_t i = 1; i < evaluation->figure_count; i++) {
        const MetricsFigure *figure = &evaluation->figures[i];
        fprintf(out, "%s %.6f", figure->name, figure->value);
        if (evaluation->draws && strcmp(figure->name, "accuracy") == 0)
            print_accuracy(out, evaluation);
        fputc('\n', out);
    }
}

/* --- as JSON --- */

static json_t *confusion_json(const Evaluation *evaluation) {
    const int64_t classes = evaluation->classes;
    json_t *rows = json_array();
    for (int64_t label = 0; rows && label < classes; label++) {
        json_t *row = json_array();
        for (int64_t c = 0; c < classes; c++)
            json_array_append_new(row, json_integer(evaluation->confusion[label * classes + c]));
        json_array_append_new(rows, row);
    }
    return rows;
}

static json_t *classes_json(const DataSet *data, const Evaluation *evaluation) {
    const Interval interval = interval_of_share(evaluation->correct, evaluation->labelled);
    json_t *json = json_pack("{s:I, s:I, s:[f, f], s:i}", "n", (json_int_t)evaluation->labelled,
                             "correct", (json_int_t)evaluation->correct, "interval", interval.low,
                             interval.high, "masks", evaluation->draws);
    if (evaluation->confusion) {
        json_object_set_new(json, "names", command_class_names(data, evaluation->classes));
        json_object_set_new(json, "confusion", confusion_json(evaluation));
    }
    return json;
}

static json_t *evaluation_json(const Trained *trained, DataSplit split,
                               const Evaluation *evaluation) {
    json_t *json = json_pack("{ss ss sI sI ss ss}", "checkpoint", trained->checkpoint, "split",
                             data_split_name(split), "images", (json_int_t)evaluation->count,
                             "step", (json_int_t)trained->state.step, "data_hash",
                             trained->data->hash, "split_hash", trained->data->split_hash);
    for (uint32_t i = 0; i < evaluation->figure_count; i++)
        json_object_set_new(json, evaluation->figures[i].name,
                            json_real(evaluation->figures[i].value));
    if (evaluation->draws)
        json_object_set_new(json, "classes", classes_json(trained->data, evaluation));
    return json;
}

/* Into the run's folder, as eval/SPLIT.json; to the results as well where they are JSON. */
static bool keep(const Command *command, const Trained *trained, DataSplit split,
                 const Evaluation *evaluation, RunError *error) {
    char name[64];
    snprintf(name, sizeof name, "eval/%s.json", data_split_name(split));
    json_t *json = evaluation_json(trained, split, evaluation);
    char *text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;
    const bool ok =
        command_directory(command, "eval", error) && command_write_text(command, name, text, error);
    if (ok && command->json)
        fprintf(command->results, "%s\n", text);
    free(text);
    json_decref(json);
    return ok;
}

/* --- the command --- */

static bool count_read(const Command *command, DataSplit split, const char *by, RunError *error) {
    FileError file_error;
    if (split != DATA_TEST || run_count_test_read(command->folder, by, &file_error))
        return true;
    return run_fail(error, EXIT_MACHINE, "%s", file_error.text);
}

/* The answer lives as long as the evaluator. */
static bool evaluate_split(const Command *command, Evaluator *evaluator, DataSplit split,
                           const char *by, Evaluation *evaluation, RunError *error) {
    return count_read(command, split, by, error) &&
           evaluation_run(evaluator, split, evaluation, error) &&
           (evaluation->count > 0 ||
            run_fail(error, EXIT_INPUT, "the %s split has no images: give it a share in `data`",
                     data_split_name(split)));
}

/* What is done with an evaluation, which lives no longer. */
typedef bool EvaluationUse(const Command *command, const Trained *trained, DataSplit split,
                           const Evaluation *evaluation, void *user, RunError *error);

static bool evaluate(const Command *command, DataSplit split, const char *by, EvaluationUse *use,
                     void *user, RunError *error) {
    Trained trained;
    if (!command_load(command, &trained, error))
        return false;
    Evaluator *evaluator = evaluation_create(command->program, &trained.model, NULL,
                                             command->threads, trained.data, error);
    Evaluation evaluation;
    if (evaluator)
        evaluation_tell(evaluator, command->log);
    const bool done = evaluator &&
                      evaluate_split(command, evaluator, split, by, &evaluation, error) &&
                      use(command, &trained, split, &evaluation, user, error);
    evaluation_free(evaluator);
    command_unload(&trained);
    return done;
}

static bool keep_and_print(const Command *command, const Trained *trained, DataSplit split,
                           const Evaluation *evaluation, void *user, RunError *error) {
    (void)user;
    if (!keep(command, trained, split, evaluation, error))
        return false;
    if (!command->json)
        print_text(command, trained, split, evaluation);
    return true;
}

bool commands_eval(const Command *command, DataSplit split, RunError *error) {
    return evaluate(command, split, "eval", keep_and_print, NULL, error);
}

static bool take_accuracy(const Command *command, const Trained *trained, DataSplit split,
                          const Evaluation *evaluation, void *user, RunError *error) {
    (void)split;
    *(EvalAccuracy *)user = (EvalAccuracy){evaluation->labelled, evaluation->correct};
    return evaluation->draws ||
           run_fail(error, EXIT_INPUT, "the objective %s has no classes on %s",
                    command->program->experiment->train.objective, trained->data->source);
}

bool commands_accuracy(const Command *command, DataSplit split, const char *by,
                       EvalAccuracy *accuracy, RunError *error) {
    return evaluate(command, split, by, take_accuracy, accuracy, error);
}
