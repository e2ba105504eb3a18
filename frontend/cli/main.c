/* scanline: finds the command and hands over. */
#include "frontend/cli/commands.h"
#include "frontend/cli/dispatch.h"

static const CommandEntry commands[] = {
#define COMMAND(NAME, doc) {#NAME, command_##NAME, doc},
#include "frontend/cli/commands.def"
#undef COMMAND
};

static void print_head(FILE *stream) {
    fputs("Usage: scanline COMMAND [OPTION...] [SPEC or RUN] [KEY=VALUE...]\n"
          "Compile and run image sequence transformers.\n\n",
          stream);
}

static void print_foot(FILE *stream) {
    fputs("\nA SPEC is a file, or the name of a model that comes along (digits, igpt-s, gpt2, "
          "...); the\n"
          "default is digits. A RUN is a number, a path, or @last. `scanline COMMAND --help' has "
          "the\n"
          "options of a command, and examples.\n",
          stream);
}

int main(int count, char **arguments) {
    const CommandList list = {
        .entries = commands,
        .count = sizeof commands / sizeof *commands,
        .version = SCANLINE_VERSION,
        .print_head = print_head,
        .print_foot = print_foot,
    };
    return dispatch(&list, count, arguments);
}
