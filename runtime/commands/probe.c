/* Features of all images by one pass, a probe of each layer, and what came of it as JSON, SVG and
 * text. */
#include "runtime/commands/probe.h"

#include "runtime/run/run_folder.h"
#include "runtime/study/probe_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The name of a chart's file: accuracy, or few_labels_25. */
static char *chart_name(const Probed *probed, int few) {
    char *name = NULL;
    const int length = few < 0 ? asprintf(&name, "probe/accuracy.svg")
                               : asprintf(&name, "probe/few_labels_%lld.svg",
                                          (long long)probed->report.labels[few]);
    return length < 0 ? NULL : name;
}

static bool say_file(const Command *command, const char *name, RunError *error) {
    char *path = command->json ? NULL : command_path(command, name);
    if (!path)
        return command->json || run_no_memory(error, "a path");
    fprintf(command->results, "%s\n", path);
    free(path);
    return true;
}

/* One chart: as SVG into the folder, as text to the results. */
static bool show_chart(const Command *command, const Probed *probed, int few, RunError *error) {
    const char *slash = strrchr(command->folder, '/'); /* a run is known by its folder's name */
    const char *title = slash && slash[1] ? slash + 1 : command->folder;
    ProbeChart chart;
    if (!probe_chart_make(probed, title, few, &chart))
        return run_no_memory(error, "a chart");
    char *svg = chart_svg(&chart.chart), *text = chart_text(&chart.chart, &command->style);
    char *name = chart_name(probed, few);
    bool ok = (name && text) || run_no_memory(error, "a chart");
    ok = ok && command_write_text(command, name, svg, error);
    if (ok && !command->json)
        fprintf(command->results, "%s\n", text);
    ok = ok && say_file(command, name, error);
    free(svg);
    free(text);
    free(name);
    probe_chart_free(&chart);
    return ok;
}

static bool write_json(const Command *command, const Trained *trained, const Probed *probed,
                       RunError *error) {
    json_t *json = probe_json(probed);
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

static bool show(const Command *command, const Trained *trained, const Probed *probed,
                 RunError *error) {
    bool ok = write_json(command, trained, probed, error) && show_chart(command, probed, -1, error);
    for (uint32_t i = 0; ok && i < probed->report.label_count; i++)
        ok = show_chart(command, probed, (int)i, error);
    return ok && say_file(command, "probe/probe.json", error);
}

/* `pixels` may be NULL. */
static bool probe(const Command *command, const Trained *trained, ProbedPixels *pixels,
                  RunError *error) {
    FileError fault;
    char *folder = command_path(command, "probe/.");
    if (!folder)
        return run_no_memory(error, "a path");
    if (!command->program->experiment->data.labelled) /* else it was said already */
        command_say_unlabelled(command, trained->data);
    const FeaturesUse use = {command->threads, folder, command->log};
    Probed probed;
    bool ok = command_directory(command, "probe", error) &&
              (run_count_test_read(command->folder, "probe", &fault) ||
               run_fail(error, EXIT_MACHINE, "%s", fault.text));
    if (ok && probed_make(command->program, &trained->model, trained->data, &use, pixels, &probed,
                          error)) {
        ok = show(command, trained, &probed, error) &&
             (!pixels || probed_keep_pixels(&probed, pixels) || run_no_memory(error, "the probe"));
        probed_free(&probed);
    } else {
        ok = false;
    }
    free(folder);
    return ok;
}

bool commands_probe_sharing(const Command *command, ProbedPixels *pixels, RunError *error) {
    Trained trained;
    if (!command_load(command, &trained, error))
        return false;
    const bool ok = probe(command, &trained, pixels, error);
    command_unload(&trained);
    return ok;
}

bool commands_probe(const Command *command, RunError *error) {
    return commands_probe_sharing(command, NULL, error);
}
