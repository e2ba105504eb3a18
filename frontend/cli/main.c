/* scanline: finds the command and hands over. */
#include "frontend/cli/commands.h"

#include "frontend/suggest.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

typedef struct Command {
    const char *name;
    ExitCode (*run)(int count, char **arguments);
    const char *doc;
} Command;

static const Command commands[] = {
#define COMMAND(NAME, doc) {#NAME, command_##NAME, doc},
#include "frontend/cli/commands.def"
#undef COMMAND
};
enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

static void print_help(FILE *stream) {
    fputs("Usage: scanline COMMAND [OPTION...] [SPEC or RUN] [KEY=VALUE...]\n"
          "Compile and run image sequence transformers.\n\n",
          stream);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(stream, "  %-10s %s\n", commands[i].name, commands[i].doc);
    fputs("\nA SPEC is a file, or the name of a model that comes along (digits, igpt-s, gpt2, "
          "...); the\n"
          "default is digits. A RUN is a number, a path, or @last. `scanline COMMAND --help' has "
          "the\n"
          "options of a command, and examples.\n",
          stream);
}

static const Command *command_find(const char *name) {
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static ExitCode unknown_command(const char *name) {
    Suggestion suggestion = suggestion_begin(name);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        suggestion_offer(&suggestion, commands[i].name);
    const char *nearest = suggestion_end(&suggestion);
    fprintf(stderr, "scanline: there is no command '%s'", name);
    if (nearest)
        fprintf(stderr, "; did you mean '%s'?", nearest);
    fputs("\nTry `scanline --help'.\n", stderr);
    return EXIT_USAGE;
}

int main(int count, char **arguments) {
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error like a full disk */
    if (count < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    const char *name = arguments[1];
    bool help = strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0;
    if (help && count == 2) {
        print_help(stdout);
        return EXIT_DONE;
    }
    if (strcmp(name, "--version") == 0) {
        puts("scanline " SCANLINE_VERSION);
        return EXIT_DONE;
    }
    char *asked[] = {arguments[1], "--help", NULL};
    const Command *command = command_find(help ? arguments[2] : name);
    if (!command)
        return unknown_command(help ? arguments[2] : name);
    return help ? command->run(2, asked) : command->run(count - 1, arguments + 1);
}
