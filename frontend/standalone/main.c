/* The main of a program compiled ahead of time (scanline compile SPEC -o NAME). */
#include "frontend/cli/commands.h"
#include "frontend/cli/dispatch.h"
#include "frontend/cli/program.h"
#include "frontend/standalone/carried_target.h"
#include "frontend/standalone/settable.h"

static const CommandEntry commands[] = {
#define COMMAND(NAME, doc) {#NAME, command_##NAME, doc},
#include "frontend/standalone/commands.def"
#undef COMMAND
};

static void print_head(FILE *stream) {
    char names[400];
    carried_target_names(&scanline_carried, names, sizeof names);
    fprintf(stream,
            "Usage: %s COMMAND [OPTION...] [RUN] [KEY=VALUE...]\n"
            "An image sequence transformer, compiled by scanline %s for %s.\n\n",
            program_name(), scanline_carried.version, names);
}

static void print_foot(FILE *stream) {
    Arena *volatile arena = arena_create();
    fprintf(stream,
            "\nA RUN is a number, a path, or @last. `%s COMMAND --help' has the options of a "
            "command.\n",
            program_name());
    if (arena && !setjmp(*arena_boundary(arena)))
        settable_print(&scanline_carried, arena, stream);
    arena_destroy(arena);
}

int main(int count, char **arguments) {
    const CommandList list = {
        .entries = commands,
        .count = sizeof commands / sizeof *commands,
        .version = scanline_carried.version,
        .print_head = print_head,
        .print_foot = print_foot,
    };
    return dispatch(&list, count, arguments);
}
