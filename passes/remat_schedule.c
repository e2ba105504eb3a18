/* Steps run in the order that they have; one that runs again does so right before the first step of
 * the backward part that needs it, and once. So what it computes is alive for as short as it can
 * be. */
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
    };
}

static void run(RematSchedule *schedule, const bool *dropped, uint32_t id, bool is_again) {
    const RematGraph *graph = schedule->graph;
    const RematStep *step = &graph->steps[id];
    const bool is_late = is_again || !step->is_forward;
    const uint32_t now = schedule->run_count + 1;
    schedule->runs[schedule->run_count++] = (RematRun){id, is_again};
    for (uint32_t i = 0; i < step->result_count; i++) {
        uint32_t buffer = step->first_result + i + (is_again ? graph->buffer_count : 0);
        schedule->birth[buffer] = schedule->death[buffer] = now;
    }
    for (uint32_t i = 0; i < step->read_count; i++) {
        uint32_t buffer = step->reads[i];
        bool second = is_late && dropped[graph->buffers[buffer].step];
        schedule->death[buffer + (second ? graph->buffer_count : 0)] = now;
    }
    if (is_again)
        schedule->cost += step->cost;
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
            run(schedule, dropped, step, true);
        schedule->is_again[step] = true;
    }
}

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
    memset(schedule->birth, 0, 2 * (size_t)graph->buffer_count * sizeof *schedule->birth);
    memset(schedule->is_again, 0, graph->step_count * sizeof *schedule->is_again);
    for (uint32_t i = 0; i < graph->step_count; i++) {
        if (!graph->steps[i].is_forward)
            run_needs(schedule, dropped, i);
        run(schedule, dropped, i, false);
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
