/* Features of all images by one pass, a probe of each layer, and what came of it as JSON, SVG and
 * text. */
#include "runtime/commands/probe.h"

#include "runtime/run/run_folder.h"
#include "runtime/study/features.h"
#include "runtime/study/probe.h"
#include "runtime/study/probe_report.h"

#include <stdlib.h>
#include <string.h>

enum { DRAWS = 5 }; /* of few labels */

static bool run_probe(const Command *command, const Trained *trained, const Features *features,
                      ProbeReport *report, RunError *error) {
    const Experiment *experiment = command->program->experiment;
    const ProbeTask task = {.class_of = trained->data->labels,
                            .classes = trained->data->classes,
                            .splits = trained->data->splits,
                            .features = features->layers,
                            .feature_count = features->layer_count + 1,
                            .layer_count = features->layer_count,
                            .labels = experiment->probe.labels,
                            .subsets = DRAWS,
                            .seed = experiment->data.seed};
    FileError fault;
    if (!run_count_test_read(command->folder, "probe", &fault))
        return run_fail(error, EXIT_MACHINE, "%s", fault.text);
    DataError refusal;
    return probe_run(&task, report, &refusal) || run_fail(error, EXIT_INPUT, "%s", refusal.text);
}

/* One chart: as SVG into the folder, as text to the results. */
static bool show_chart(const Command *command, const ProbeSummary *summary, bool few,
                       RunError *error) {
    ProbeChart chart;
    if (!probe_chart_make(summary, few, &chart))
        return run_no_memory(error, "a chart");
    char *svg = chart_svg(&chart.chart), *text = chart_text(&chart.chart, &command->style);
    bool ok = command_write_text(command, few ? "probe/few_labels.svg" : "probe/accuracy.svg", svg,
                                 error);
    if (ok && !text)
        ok = run_no_memory(error, "a chart");
    if (ok && !command->json)
        fprintf(command->results, "%s\n", text);
    free(svg);
    free(text);
    probe_chart_free(&chart);
    return ok;
}

static bool write_json(const Command *command, const Trained *trained, const ProbeSummary *summary,
                       RunError *error) {
    json_t *json = probe_json(summary);
    const bool whole =
        json && json_object_set_new(json, "checkpoint", json_string(trained->checkpoint)) == 0 &&
        json_object_set_new(json, "step", json_integer(trained->state.step)) == 0 &&
        json_object_set_new(json, "data_hash", json_string(trained->data->hash)) == 0 &&
        json_object_set_new(json, "split_hash", json_string(trained->data->split_hash)) == 0 &&
        (!command->transfer ||
         json_object_set_new(json, "trained_on",
                             json_pack("{s:s, s:s}", "data_hash", trained->state.data_hash,
                                       "split_hash", trained->state.split_hash)) == 0);
    char *text = whole ? command_json_text(json) : NULL;
    const bool ok = command_write_text(command, "probe/probe.json", text, error);
    if (ok && command->json)
        fputs(text, command->results);
    free(text);
    json_decref(json);
    return ok;
}

static bool say_file(const Command *command, const char *name, RunError *error) {
    char *path = command->json ? NULL : command_path(command, name);
    if (!path)
        return command->json || run_no_memory(error, "a path");
    fprintf(command->results, "%s\n", path);
    free(path);
    return true;
}

static bool show(const Command *command, const Trained *trained, const ProbeSummary *summary,
                 RunError *error) {
    const bool few = summary->report->subsets > 0;
    if (!command_directory(command, "probe", error) ||
        !write_json(command, trained, summary, error) ||
        !show_chart(command, summary, false, error) ||
        (few && !show_chart(command, summary, true, error)))
        return false;
    return say_file(command, "probe/probe.json", error) &&
           say_file(command, "probe/accuracy.svg", error) &&
           (!few || say_file(command, "probe/few_labels.svg", error));
}

bool commands_probe(const Command *command, RunError *error) {
    const Experiment *experiment = command->program->experiment;
    Trained trained;
    if (!command_load(command, &trained, error))
        return false;
    Features features = {0};
    ProbeReport report = {0};
    const char *slash = strrchr(command->folder, '/'); /* a run is known by its folder's name */
    const char *title = slash && slash[1] ? slash + 1 : command->folder;
    const ProbeSummary summary = {&report, &features, title, experiment->probe.labels};
    const bool ok = features_read(command->program, &trained.model, trained.data, command->threads,
                                  &features, error) &&
                    run_probe(command, &trained, &features, &report, error) &&
                    show(command, &trained, &summary, error);
    probe_free(&report);
    features_free(&features);
    command_unload(&trained);
    return ok;
}
