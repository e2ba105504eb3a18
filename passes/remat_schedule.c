/* Steps run in the order that they have; one that runs again does so right before the first step of
 * the backward part that needs it, and once. So what it computes is alive for as short as it can
 * be. When that is settled, the steps of the update go between the others, as early as can be. */
#include "passes/memory.h"
#include "passes/remat.h"
#include "runtime/execution/plan.h"

#include <string.h>

RematSchedule remat_schedule_create(const RematGraph *graph) {
    Arena *arena = graph->function->arena;
    const size_t steps = graph->step_count, buffers = graph->buffer_count;
    size_t edges = 1;
    for (uint32_t i = 0; i < steps; i++)
        edges += graph->steps[i].read_count;
    return (RematSchedule){
        .graph = graph,
        .runs = arena_array(arena, 2 * steps, sizeof(RematRun)),
        .birth = arena_array(arena, 2 * buffers, sizeof(uint32_t)),
        .death = arena_array(arena, 2 * buffers, sizeof(uint32_t)),
        .change = arena_array(arena, 2 * steps + 1, sizeof(int64_t)),
        .is_again = arena_array(arena, steps, sizeof(bool)),
        .stack = arena_array(arena, edges, sizeof(uint32_t)),
        .placing = {.runs = arena_array(arena, 2 * steps, sizeof(RematRun)),
                    .last_read = arena_array(arena, graph->input_count, sizeof(uint32_t)),
                    .place = arena_array(arena, steps, sizeof(uint32_t)),
                    .first = arena_array(arena, 2 * steps + 1, sizeof(uint32_t)),
                    .next = arena_array(arena, steps, sizeof(uint32_t))},
    };
}

static void run(RematSchedule *schedule, uint32_t id, bool is_again) {
    schedule->runs[schedule->run_count++] = (RematRun){id, is_again};
    if (is_again)
        schedule->cost += schedule->graph->steps[id].cost;
}

/* Pushes the dropped steps that must run again before a late step does. */
static uint32_t push_needs(const RematSchedule *schedule, const bool *dropped, uint32_t id,
                           uint32_t depth) {
    const RematGraph *graph = schedule->graph;
    const RematStep *step = &graph->steps[id];
    for (uint32_t i = step->read_count; i-- > 0;) {
        uint32_t writer = graph->buffers[step->reads[i]].step;
        if (dropped[writer] && !schedule->is_again[writer])
            schedule->stack[depth++] = writer;
    }
    return depth;
}

/* Runs again what a step of the backward part needs. */
static void run_needs(RematSchedule *schedule, const bool *dropped, uint32_t id) {
    uint32_t depth = push_needs(schedule, dropped, id, 0);
    while (depth) {
        uint32_t step = schedule->stack[depth - 1];
        uint32_t needs =
            schedule->is_again[step] ? depth : push_needs(schedule, dropped, step, depth);
        if (needs > depth) {
            depth = needs;
            continue;
        }
        depth--;
        if (!schedule->is_again[step])
            run(schedule, step, true);
        schedule->is_again[step] = true;
    }
}

/* The buffer that a run reads, or the one that is written again. */
static uint32_t read_by(const RematGraph *graph, const bool *dropped, const RematRun *run,
                        uint32_t buffer) {
    const bool is_late = run->is_again || !graph->steps[run->step].is_forward;
    return buffer + (is_late && dropped[graph->buffers[buffer].step] ? graph->buffer_count : 0);
}

static void find_lifetimes(RematSchedule *schedule, const bool *dropped) {
    const RematGraph *graph = schedule->graph;
    memset(schedule->birth, 0, 2 * (size_t)graph->buffer_count * sizeof *schedule->birth);
    for (uint32_t now = 1; now <= schedule->run_count; now++) {
        const RematRun *this = &schedule->runs[now - 1];
        const RematStep *step = &graph->steps[this->step];
        for (uint32_t i = 0; i < step->result_count; i++) {
            uint32_t buffer = step->first_result + i + (this->is_again ? graph->buffer_count : 0);
            schedule->birth[buffer] = schedule->death[buffer] = now;
        }
        for (uint32_t i = 0; i < step->read_count; i++)
            schedule->death[read_by(graph, dropped, this, step->reads[i])] = now;
    }
}

/* --- the update --- */

static void raise(uint32_t *place, uint32_t other) { *place = other > *place ? other : *place; }

/* After which run, + 1, each step of the update can come: the loss is known, what it reads is
 * there, and the last that reads what it replaces is done, be it of the update or not. */
static void find_places(RematSchedule *schedule, const bool *dropped) {
    const RematGraph *graph = schedule->graph;
    RematPlacing *placing = &schedule->placing;
    uint32_t forward_end = 1;
    memset(placing->last_read, 0, graph->input_count * sizeof *placing->last_read);
    for (uint32_t now = 1; now <= schedule->run_count; now++) {
        const RematStep *step = &graph->steps[schedule->runs[now - 1].step];
        if (step->is_forward && !schedule->runs[now - 1].is_again)
            forward_end = now;
        for (uint32_t i = 0; i < step->input_count; i++)
            placing->last_read[step->inputs[i]] = now;
    }
    for (uint32_t id = 0; id < graph->step_count; id++) {
        const RematStep *step = &graph->steps[id];
        if (!step->is_update)
            continue;
        placing->place[id] = forward_end;
        for (uint32_t i = 0; i < step->read_count; i++) {
            const uint32_t writer = graph->buffers[step->reads[i]].step;
            const RematRun late = {id, false};
            raise(&placing->place[id],
                  graph->steps[writer].is_update
                      ? placing->place[writer]
                      : schedule->birth[read_by(graph, dropped, &late, step->reads[i])]);
        }
        for (uint32_t i = 0; i < step->replace_count; i++)
            raise(&placing->place[id], placing->last_read[step->replaces[i]]);
        for (uint32_t i = 0; i < step->input_count; i++)
            raise(&placing->last_read[step->inputs[i]], placing->place[id]);
    }
}

static void place_updates(RematSchedule *schedule) {
    const RematGraph *graph = schedule->graph;
    RematPlacing *placing = &schedule->placing;
    const uint32_t others = schedule->run_count;
    memset(placing->first, 0, (others + 1) * sizeof *placing->first);
    for (uint32_t id = graph->step_count; id-- > 0;)
        if (graph->steps[id].is_update) {
            placing->next[id] = placing->first[placing->place[id]];
            placing->first[placing->place[id]] = id + 1;
        }
    memcpy(placing->runs, schedule->runs, others * sizeof *placing->runs);
    schedule->run_count = 0;
    for (uint32_t now = 1; now <= others; now++) {
        schedule->runs[schedule->run_count++] = placing->runs[now - 1];
        for (uint32_t id = placing->first[now]; id; id = placing->next[id - 1])
            run(schedule, id - 1, false);
    }
}

/* --- the whole --- */

/* Of a buffer, or of one that is written again. */
static int64_t bytes_of(const RematGraph *graph, uint32_t buffer) {
    return buffer < graph->buffer_count ? graph->buffers[buffer].bytes
                                        : graph->buffers[buffer - graph->buffer_count].bytes_again;
}

static void find_peak(RematSchedule *schedule) {
    const RematGraph *graph = schedule->graph;
    memset(schedule->change, 0, (schedule->run_count + 1) * sizeof *schedule->change);
    for (uint32_t i = 0; i < 2 * graph->buffer_count; i++)
        if (schedule->birth[i]) {
            schedule->change[schedule->birth[i] - 1] += bytes_of(graph, i);
            schedule->change[schedule->death[i]] -= bytes_of(graph, i);
        }
    schedule->peak = 0;
    int64_t alive = 0;
    for (uint32_t i = 0; i < schedule->run_count; i++) {
        alive += schedule->change[i];
        schedule->peak = alive > schedule->peak ? alive : schedule->peak;
    }
}

void remat_schedule(RematSchedule *schedule, const bool *dropped) {
    const RematGraph *graph = schedule->graph;
    schedule->run_count = 0;
    schedule->cost = 0;
    memset(schedule->is_again, 0, graph->step_count * sizeof *schedule->is_again);
    bool updates = false;
    for (uint32_t i = 0; i < graph->step_count; i++) {
        if (!graph->steps[i].is_forward)
            run_needs(schedule, dropped, i);
        if (!graph->steps[i].is_update)
            run(schedule, i, false);
        updates |= graph->steps[i].is_update;
    }
    find_lifetimes(schedule, dropped);
    if (updates) {
        find_places(schedule, dropped);
        place_updates(schedule);
        find_lifetimes(schedule, dropped);
    }
    find_peak(schedule);
}

int64_t remat_arena(const RematSchedule *schedule) {
    const RematGraph *graph = schedule->graph;
    Lifetime *lifetimes =
        arena_array(graph->function->arena, 2 * (size_t)graph->buffer_count, sizeof *lifetimes);
    uint32_t count = 0;
    for (uint32_t i = 0; i < schedule->run_count; i++) {
        const RematStep *step = &graph->steps[schedule->runs[i].step];
        for (uint32_t k = 0; k < step->result_count; k++) {
            uint32_t buffer =
                step->first_result + k + (schedule->runs[i].is_again ? graph->buffer_count : 0);
            if (bytes_of(graph, buffer))
                lifetimes[count++] = (Lifetime){.bytes = bytes_of(graph, buffer),
                                                .birth = schedule->birth[buffer],
                                                .death = schedule->death[buffer]};
        }
    }
    return memory_place(graph->function->arena, lifetimes, count, PLAN_ALIGNMENT);
}
