#include "frontend/cli/explain_cli.h"

#include "runtime/execution/plan_places.h"

#include <stdlib.h>
#include <string.h>

/* --- calls --- */

/* A path with one number left out: "block.", ".attn", and that number. */
typedef struct Numbered {
    const char *path;
    size_t at, length; /* of the number; 0, 0: it has none */
    uint64_t first, last;
} Numbered;

static Numbered number_of(const char *path) {
    for (size_t at = 0; path[at]; at++) {
        const size_t length = strspn(path + at, "0123456789");
        const bool starts = at == 0 || path[at - 1] == '.';
        if (starts && length && (path[at + length] == '.' || !path[at + length])) {
            const uint64_t number = strtoull(path + at, NULL, 10);
            return (Numbered){path, at, length, number, number};
        }
    }
    return (Numbered){.path = path};
}

/* Takes b into a, where it is the same with the next number. */
static bool extend(Numbered *a, const Numbered *b) {
    const bool alike = a->length && b->length && a->at == b->at &&
                       strncmp(a->path, b->path, a->at) == 0 &&
                       strcmp(a->path + a->at + a->length, b->path + b->at + b->length) == 0;
    if (!alike || b->first != a->last + 1)
        return false;
    a->last = b->last;
    return true;
}

static const char *numbered_text(Arena *arena, const Numbered *numbered) {
    if (numbered->first == numbered->last)
        return numbered->path;
    return arena_printf(arena, "%.*s%llu..%llu%s", (int)numbered->at, numbered->path,
                        (unsigned long long)numbered->first, (unsigned long long)numbered->last,
                        numbered->path + numbered->at + numbered->length);
}

/* block.2 before block.10. */
static int by_version(const void *left, const void *right) {
    return strverscmp(*(const char *const *)left, *(const char *const *)right);
}

const char *explain_calls_text(Arena *arena, const char *const *calls, uint32_t count) {
    enum { MOST_SHOWN = 6 };
    const char **sorted = arena_array(arena, count, sizeof *sorted);
    if (count)
        memcpy(sorted, calls, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_version);
    Numbered *groups = arena_array(arena, count, sizeof *groups);
    uint32_t group_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        const Numbered next = number_of(sorted[i]);
        uint32_t g = 0;
        while (g < group_count && !extend(&groups[g], &next))
            g++;
        if (g == group_count && *sorted[i])
            groups[group_count++] = next;
    }
    const char *text = "";
    for (uint32_t g = 0; g < group_count && g < MOST_SHOWN; g++)
        text = arena_printf(arena, "%s%s%s", text, g ? ", " : "", numbered_text(arena, &groups[g]));
    if (group_count > MOST_SHOWN)
        text = arena_printf(arena, "%s and %u more", text, group_count - MOST_SHOWN);
    return text;
}

/* --- names --- */

const char *explain_places_text(Arena *arena, const ExplainPlace *places, uint32_t count) {
    const char *text = "";
    for (uint32_t i = 0; i < count; i++) {
        const bool same_file = i && strcmp(places[i - 1].file, places[i].file) == 0;
        text = same_file ? arena_printf(arena, "%s,%u", text, places[i].line)
                         : arena_printf(arena, "%s%s%s:%u", text, i ? " " : "", places[i].file,
                                        places[i].line);
    }
    return text;
}

const char *explain_kernel_name(Arena *arena, const PlanKernel *kernel) {
    return arena_string(arena, kernel->symbol, (size_t)plan_symbol_length(kernel->symbol));
}

const char *explain_part_name(ExplainPart part) {
    static const char *const names[EXPLAIN_PARTS] = {
        [EXPLAIN_WHOLE] = "",
        [EXPLAIN_FORWARD] = "forward",
        [EXPLAIN_BACKWARD] = "backward",
        [EXPLAIN_AGAIN] = "forward, computed again",
        [EXPLAIN_UPDATE] = "update",
    };
    return names[part];
}

/* --- functions --- */

bool explain_is_wanted(const Explained *explained, const ExplainFunction *function) {
    if (explained->function)
        return strcmp(function->plan->name, explained->function) == 0;
    return function->runs > 0;
}

bool explain_runs(const ExplainFunction *function, const FusionRecord *record) {
    for (uint32_t i = 0; i < function->plan->step_count; i++)
        if (function->steps[i].record == record)
            return true;
    return false;
}
