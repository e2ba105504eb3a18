#include "frontend/cli/again.h"

#include <stdlib.h>
#include <string.h>

/* "contract igpt.scan:43:22" of the origin "contract_64cae5a6 igpt.scan:43:22, igpt.scan:44:3". */
static const char *what_of(Arena *arena, const char *origin) {
    const char *space = strchr(origin, ' ');
    size_t symbol = space ? (size_t)(space - origin) : strlen(origin), kind = symbol;
    while (kind > 1 && origin[kind - 1] != '_')
        kind--;
    kind = kind > 1 ? kind - 1 : symbol;
    size_t place = space ? strcspn(space + 1, ",") : 0;
    return arena_printf(arena, "%.*s%s%.*s", (int)kind, origin, place ? " " : "", (int)place,
                        space ? space + 1 : "");
}

static int by_work(const void *left, const void *right) {
    const AgainPlace *a = left, *b = right;
    if (a->flops != b->flops)
        return a->flops > b->flops ? -1 : 1;
    return strcmp(a->what, b->what);
}

static AgainPlace *place_of(Again *again, const char *what) {
    for (uint32_t i = 0; i < again->place_count; i++)
        if (strcmp(again->places[i].what, what) == 0)
            return &again->places[i];
    AgainPlace *place = &again->places[again->place_count++];
    *place = (AgainPlace){.what = what};
    return place;
}

Again again_of(Arena *arena, const Plan *plan) {
    const PlanFunction *function = plan_gradients(plan);
    Again again = {0};
    double once = 0;
    if (!function)
        return again;
    again.places = arena_array(arena, function->step_count, sizeof *again.places);
    for (uint32_t i = 0; i < function->step_count; i++) {
        const PlanStep *step = &function->steps[i];
        double flops = plan->kernels[step->kernel].flops;
        if (!step->is_again) {
            once += flops;
            continue;
        }
        AgainPlace *place = place_of(&again, what_of(arena, step->origin));
        place->count++;
        place->flops += flops;
        again.flops += flops;
    }
    again.share = once > 0 ? again.flops / once : 0;
    qsort(again.places, again.place_count, sizeof *again.places, by_work);
    return again;
}
