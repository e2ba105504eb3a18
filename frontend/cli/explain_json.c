/* For programs. Numbers of nodes are those of the IR that was fused, by function. */
#include "frontend/cli/explain_cli.h"

#include "ir/text_print.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static json_t *place_json(const ExplainPlace *place) {
    return place->file ? json_sprintf("%s:%u", place->file, place->line) : json_null();
}

static json_t *seconds_json(double seconds) {
    return seconds > 0 ? json_real(seconds) : json_null();
}

static json_t *texts_json(const char *const *texts, uint32_t count) {
    json_t *array = json_array();
    for (uint32_t i = 0; i < count; i++)
        json_array_append_new(array, json_string(texts[i]));
    return array;
}

static json_t *nodes_json(const NodeId *nodes, uint32_t count) {
    json_t *array = json_array();
    for (uint32_t i = 0; i < count; i++)
        json_array_append_new(array, json_integer(nodes[i]));
    return array;
}

/* --- a line --- */

static json_t *calls_json(const Explained *explained, const ExplainCalls *calls) {
    json_t *nodes = json_array();
    for (uint32_t i = 0; i < calls->node_count; i++) {
        const ExplainNode *node = &calls->nodes[i];
        const char *text = text_print_node(node->function, node->id, explained->session->arena);
        const char *in = node->function == calls->record->function ? NULL : node->function->name;
        json_array_append_new(nodes,
                              json_pack("{s:I, s:s, s:b, s:s?}", "node", (json_int_t)node->id,
                                        "text", text, "backward", node->is_backward, "in", in));
    }
    return json_pack("{s:s, s:o, s:o}", "function", calls->record->function->name, "calls",
                     texts_json(calls->calls, calls->call_count), "nodes", nodes);
}

static json_t *value_json(const ExplainValue *value) {
    json_t *readers = json_array();
    for (uint32_t i = 0; i < value->reader_count; i++) {
        const ExplainReader *reader = &value->readers[i];
        json_array_append_new(readers, json_pack("{s:s, s:s, s:I, s:s}", "kernel",
                                                 reader->step->kernel->symbol, "part",
                                                 explain_part_name(reader->step->part), "count",
                                                 (json_int_t)reader->count, "why", reader->why));
    }
    return json_pack("{s:I, s:I, s:b, s:s?, s:s?, s:s, s:o}", "node", (json_int_t)value->node,
                     "bytes", (json_int_t)value->bytes, "kept", value->is_kept, "output",
                     value->output, "stored", value->stored, "from", value->from->kernel->symbol,
                     "readers", readers);
}

static json_t *values_json(const ExplainValue *values, uint32_t count) {
    json_t *array = json_array();
    for (uint32_t i = 0; i < count; i++)
        json_array_append_new(array, value_json(&values[i]));
    return array;
}

static json_t *use_json(const Explained *explained, const ExplainUse *use) {
    const ExplainStep *first = use->steps[0];
    json_t *others = json_array();
    for (uint32_t i = 0; i < use->other_count; i++)
        json_array_append_new(others, place_json(&use->others[i]));
    bool by_memory;
    const double seconds = explain_seconds(first, &explained->peaks, &by_memory);
    json_t *run = json_pack("{s:f, s:f, s:o, s:s?}", "flops", first->kernel->flops, "bytes",
                            first->kernel->bytes, "seconds", seconds_json(seconds), "bound",
                            seconds > 0 ? by_memory ? "memory" : "arithmetic" : NULL);
    return json_pack("{s:s, s:s, s:s, s:I, s:f, s:o, s:I, s:I, s:f, s:o, s:o, s:o, s:o, s:o, s:o}",
                     "function", use->function->plan->name, "kernel", first->kernel->symbol, "part",
                     explain_part_name(first->part), "times", (json_int_t)use->step_count,
                     "runs_per_step", use->function->runs * use->step_count, "calls",
                     texts_json(use->calls, use->call_count), "tiles",
                     (json_int_t)first->kernel->tiles, "scratch_bytes",
                     (json_int_t)first->kernel->scratch_bytes, "share", use->share, "shared_with",
                     others, "takes", values_json(use->takes, use->take_count), "gives",
                     values_json(use->gives, use->give_count), "inside",
                     nodes_json(use->inside, use->inside_count), "computed_again",
                     nodes_json(use->copies, use->copy_count), "run", run);
}

static ExitCode print(const Explained *explained, json_t *root) {
    char *text = root ? json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(root);
    if (!text)
        return session_fail(explained->session, EXIT_MACHINE, "memory", "out of memory");
    puts(text);
    free(text);
    return EXIT_DONE;
}

ExitCode explain_line_json(const Explained *explained, const SpecLine *line) {
    const ExplainPlace place = {line->source->name, line->line};
    const ExplainLine what = explain_line(explained->explanation, &place);
    json_t *calls = json_array(), *uses = json_array();
    for (uint32_t i = 0; i < what.call_count; i++)
        json_array_append_new(calls, calls_json(explained, &what.calls[i]));
    for (uint32_t i = 0; i < what.use_count; i++)
        if (!explained->function || explain_is_wanted(explained, what.uses[i].function))
            json_array_append_new(uses, use_json(explained, &what.uses[i]));
    const char *nothing =
        what.call_count || what.use_count
            ? NULL
            : spec_line_absence(explained->session->spec, line, explained->session->lowered);
    return print(explained,
                 json_pack("{s:s, s:o, s:s, s:s?, s:o, s:o}", "target",
                           explained->explanation->plan->target, "line", place_json(&place), "text",
                           line->text, "nothing", nothing, "ir", calls, "kernels", uses));
}

/* --- the table --- */

static json_t *sum_json(const ExplainSum *sum) {
    return json_pack("{s:o, s:f, s:f, s:f, s:I}", "seconds", seconds_json(sum->seconds), "flops",
                     sum->flops, "bytes", sum->bytes, "kept_bytes", sum->kept, "kernels",
                     (json_int_t)sum->kernels);
}

static json_t *rate_json(double rate) { return rate > 0 ? json_real(rate) : json_null(); }

ExitCode explain_table_json(const Explained *explained) {
    const ExplainTable table =
        explain_lines(explained->explanation, &explained->peaks, explained->function);
    json_t *rows = json_array();
    for (uint32_t i = 0; i < table.row_count; i++) {
        json_t *row = sum_json(&table.rows[i].sum);
        json_object_set_new(row, "line", place_json(&table.rows[i].place));
        json_array_append_new(rows, row);
    }
    const ExplainPeaks *peaks = &explained->peaks;
    return print(explained,
                 json_pack("{s:s, s:s?, s:{s:o, s:o, s:o, s:b, s:i}, s:o, s:o}", "target",
                           explained->explanation->plan->target, "function", explained->function,
                           "peaks", "flops", rate_json(peaks->flops), "bf16_flops",
                           rate_json(peaks->bf16_flops), "bytes", rate_json(peaks->bytes),
                           "measured", explained->measured, "threads", explained->threads, "lines",
                           rows, "all", sum_json(&table.all)));
}
