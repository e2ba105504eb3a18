#include "frontend/cli/library_header.h"

#include <string.h>

__asm__(".section .rodata\n"
        "library_header_text:\n"
        ".incbin \"" SCANLINE_LIBRARY_HEADER "\"\n"
        ".byte 0\n"
        ".previous\n");
extern const char library_header_text[] __attribute__((visibility("hidden")));

static const char *input_text(Arena *arena, const DataInput *input) {
    const bool label = strcmp(input->name, "label") == 0;
    const char *text = arena_printf(arena, " *     %s  int32 [images", label ? "labels" : "tokens");
    for (uint32_t axis = 0; axis < input->axis_count; axis++)
        text = arena_printf(arena, "%s, %s = %lld", text, input->axes[axis],
                            (long long)input->extents[axis]);
    return arena_printf(arena, "%s], from 0 to %lld\n", text, (long long)input->limit - 1);
}

const char *library_header(Arena *arena, const Experiment *experiment) {
    const char *head =
        arena_printf(arena, "/* %s, objective %s: batches of %lld images.\n *\n", experiment->name,
                     experiment->train.objective, (long long)experiment->train.batch);
    for (uint32_t i = 0; i < experiment->input_count; i++)
        head = arena_printf(arena, "%s%s", head, input_text(arena, &experiment->inputs[i]));
    return arena_printf(arena, "%s */\n\n%s", head, library_header_text);
}
