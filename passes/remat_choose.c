/* Which forward steps to run again.
 *
 * What the forward part leaves for the backward part is alive together when the one ends and the
 * other begins, so that is what has to shrink. Steps are put in an order in which they would be
 * dropped: next comes the step that frees the most there for what running it again costs, given
 * those before it. (To free a GELU costs a pass over its input, which is kept anyway; queries, keys
 * and values cost a product each; the sum that a block hands on costs all of the block.) The first
 * so many of them are dropped; and then those are restored, the dearest first, without which the
 * peak stays low enough: what the last layers leave is needed before anything else has been freed,
 * so nothing is won there.
 *
 * The cheapest are dropped in any case, where there is memory to be saved. */
#include "passes/remat.h"

#include <stdlib.h>
#include <string.h>

/* What is dropped without being asked for does little but read and write, takes at most this part
 * of the time of all steps... */
static const double free_share = 0.03;
/* ...and leaves less memory than this alone. */
static const int64_t least_bytes = 64 << 20;

enum { MOST_PREFIXES = 512 /* that are tried */ };

typedef struct Order {
    const RematGraph *graph;
    uint32_t
        *late_reads; /* by buffer: how often the backward part, and what runs again, reads it */
    bool *is_dropped;
    uint32_t *steps; /* in the order of dropping */
    uint32_t count;
} Order;

/* --- the order --- */

static bool is_kept(const Order *order, uint32_t buffer) {
    const RematGraph *graph = order->graph;
    uint32_t writer = graph->buffers[buffer].step;
    return graph->steps[writer].is_forward && !order->is_dropped[writer] &&
           order->late_reads[buffer] > 0;
}

/* Bytes that are kept no longer when the step is dropped, less those that must be for it. */
static int64_t bytes_freed(const Order *order, uint32_t id) {
    const RematGraph *graph = order->graph;
    const RematStep *step = &graph->steps[id];
    int64_t bytes = 0;
    for (uint32_t i = 0; i < step->result_count; i++)
        if (is_kept(order, step->first_result + i))
            bytes += graph->buffers[step->first_result + i].bytes;
    for (uint32_t i = 0; i < step->read_count; i++) {
        uint32_t buffer = step->reads[i];
        if (!order->is_dropped[graph->buffers[buffer].step] && !order->late_reads[buffer])
            bytes -= graph->buffers[buffer].bytes;
    }
    return bytes;
}

/* step_count: there is none that frees anything. Of equals the first: its result waits the longest.
 */
static uint32_t find_next(const Order *order) {
    const RematGraph *graph = order->graph;
    uint32_t best = graph->step_count;
    double best_rate = 0;
    for (uint32_t i = 0; i < graph->step_count; i++) {
        if (!graph->steps[i].is_forward || order->is_dropped[i])
            continue;
        double rate = (double)bytes_freed(order, i) / (graph->steps[i].cost + 1);
        if (rate > best_rate) {
            best_rate = rate;
            best = i;
        }
    }
    return best;
}

static void drop(Order *order, uint32_t id) {
    const RematStep *step = &order->graph->steps[id];
    order->is_dropped[id] = true;
    for (uint32_t i = 0; i < step->read_count; i++)
        order->late_reads[step->reads[i]]++;
    order->steps[order->count++] = id;
}

static Order find_order(const RematGraph *graph) {
    Arena *arena = graph->function->arena;
    Order order = {
        .graph = graph,
        .late_reads = arena_array(arena, graph->buffer_count, sizeof *order.late_reads),
        .is_dropped = arena_array(arena, graph->step_count, sizeof *order.is_dropped),
        .steps = arena_array(arena, graph->step_count, sizeof *order.steps),
    };
    for (uint32_t i = 0; i < graph->step_count; i++)
        for (uint32_t k = 0; !graph->steps[i].is_forward && k < graph->steps[i].read_count; k++)
            order.late_reads[graph->steps[i].reads[k]]++;
    for (uint32_t next; (next = find_next(&order)) < graph->step_count;)
        drop(&order, next);
    return order;
}

/* --- how many --- */

static void drop_first(const Order *order, uint32_t count, RematSchedule *schedule, bool *dropped) {
    memset(dropped, 0, order->graph->step_count * sizeof *dropped);
    for (uint32_t i = 0; i < count; i++)
        dropped[order->steps[i]] = true;
    remat_schedule(schedule, dropped);
}

/* As many as cost next to nothing, if that saves anything. */
static void drop_free(const Order *order, RematSchedule *schedule, bool *dropped) {
    const RematGraph *graph = order->graph;
    double left = free_share * graph->cost;
    uint32_t count = 0;
    for (; count < order->count; count++) {
        const RematStep *step = &graph->steps[order->steps[count]];
        left -= step->cost;
        if (left < 0 || step->flops > step->cost / 2)
            break;
    }
    drop_first(order, 0, schedule, dropped);
    int64_t before = schedule->peak;
    if (before < least_bytes)
        return;
    drop_first(order, count, schedule, dropped);
    if (schedule->peak >= before)
        drop_first(order, 0, schedule, dropped);
}

typedef struct Prefix {
    uint32_t count;
    int64_t peak;
} Prefix;

typedef struct Prefixes {
    Prefix at[MOST_PREFIXES + 1];
    uint32_t count, smallest;
} Prefixes;

static void try_prefixes(const Order *order, RematSchedule *schedule, bool *dropped,
                         Prefixes *prefixes) {
    const uint32_t tried = order->count < MOST_PREFIXES ? order->count : MOST_PREFIXES;
    for (uint32_t i = 0; i <= tried; i++) {
        uint32_t count = tried ? (uint32_t)((uint64_t)order->count * i / tried) : 0;
        drop_first(order, count, schedule, dropped);
        prefixes->at[i] = (Prefix){count, schedule->peak};
        if (schedule->peak < prefixes->at[prefixes->smallest].peak)
            prefixes->smallest = i;
    }
    prefixes->count = tried + 1;
}

/* Puts steps back without which the peak stays at `most` or below, the dearest first. */
static void restore(const Order *order, int64_t most, RematSchedule *schedule, bool *dropped) {
    const RematStep *steps = order->graph->steps;
    for (uint32_t i = order->count; i-- > 0;) { /* what was dropped late is dear */
        uint32_t id = order->steps[i];
        if (!dropped[id] || !schedule->is_again[id] || steps[id].cost <= 0)
            continue;
        double before = schedule->cost;
        dropped[id] = false;
        remat_schedule(schedule, dropped);
        if (schedule->peak > most || schedule->cost >= before)
            dropped[id] = true;
        if (dropped[id])
            remat_schedule(schedule, dropped);
    }
}

/* The first so many, as far as they are needed for the peak; the arena that this takes. */
static int64_t settle(const Order *order, Prefix prefix, RematSchedule *schedule, bool *dropped) {
    drop_first(order, prefix.count, schedule, dropped);
    restore(order, prefix.peak, schedule, dropped);
    return remat_arena(schedule);
}

static void choose_smallest(const Order *order, const Prefixes *prefixes, RematSchedule *schedule,
                            bool *dropped) {
    drop_first(order, 0, schedule, dropped);
    const int64_t plain = remat_arena(schedule);
    if (settle(order, prefixes->at[prefixes->smallest], schedule, dropped) >= plain)
        drop_first(order, 0, schedule, dropped);
}

void remat_choose(RematSchedule *schedule, int64_t limit, bool *dropped) {
    const Order order = find_order(schedule->graph);
    drop_free(&order, schedule, dropped);
    if (!limit || remat_arena(schedule) <= limit)
        return;
    Prefixes *prefixes = arena_alloc(schedule->graph->function->arena, sizeof *prefixes);
    try_prefixes(&order, schedule, dropped, prefixes);
    for (int64_t most = limit;;) {
        uint32_t i = 0;
        while (i < prefixes->count && prefixes->at[i].peak > most)
            i++;
        if (i == prefixes->count)
            break;
        int64_t arena = settle(&order, (Prefix){prefixes->at[i].count, most}, schedule, dropped);
        if (arena <= limit)
            return;
        most -= arena - limit; /* gaps between buffers */
    }
    choose_smallest(&order, prefixes, schedule, dropped);
}
