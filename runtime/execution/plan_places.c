#include "runtime/execution/plan_places.h"

#include <stdlib.h>
#include <string.h>

static int place_order(const void *a, const void *b) {
    const PlanPlace *left = a, *right = b;
    int files = strcmp(left->file, right->file);
    return files ? files : (left->line > right->line) - (left->line < right->line);
}

static uint32_t step_places(const Plan *plan, uint32_t kernel, PlanPlace *places) {
    uint32_t count = 0;
    for (uint32_t f = 0; f < plan->function_count; f++)
        for (uint32_t s = 0; s < plan->functions[f].step_count; s++) {
            const PlanStep *step = &plan->functions[f].steps[s];
            for (uint32_t i = 0; step->kernel == kernel && i < step->place_count; i++, count++)
                if (places)
                    places[count] = step->places[i];
        }
    return count;
}

bool plan_places(const Plan *plan, uint32_t kernel, PlanPlaces *places) {
    uint32_t count = step_places(plan, kernel, NULL);
    *places = (PlanPlaces){.at = calloc(count + 1, sizeof *places->at)};
    if (!places->at)
        return false;
    step_places(plan, kernel, places->at);
    qsort(places->at, count, sizeof *places->at, place_order);
    for (uint32_t i = 0; i < count; i++)
        if (i == 0 || place_order(&places->at[places->count - 1], &places->at[i]) != 0)
            places->at[places->count++] = places->at[i];
    return true;
}

void plan_places_print(const PlanPlaces *places, FILE *to) {
    for (uint32_t i = 0; i < places->count; i++) {
        const PlanPlace *place = &places->at[i];
        if (i > 0 && strcmp(place[-1].file, place->file) == 0)
            fprintf(to, ",%lld", (long long)place->line);
        else
            fprintf(to, " %s:%lld", place->file, (long long)place->line);
    }
}

int plan_symbol_length(const char *symbol) {
    const char *hash = strrchr(symbol, '_');
    return hash && strlen(hash) > 9 ? (int)(hash - symbol) + 9 : (int)strlen(symbol);
}
