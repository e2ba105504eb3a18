#include "frontend/cli/dispatch.h"

#include "frontend/cli/program.h"
#include "frontend/suggest.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static void print_help(const CommandList *list, FILE *stream) {
    list->print_head(stream);
    for (size_t i = 0; i < list->count; i++)
        fprintf(stream, "  %-10s %s\n", list->entries[i].name, list->entries[i].doc);
    list->print_foot(stream);
}

static const CommandEntry *command_find(const CommandList *list, const char *name) {
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->entries[i].name, name) == 0)
            return &list->entries[i];
    return NULL;
}

static ExitCode unknown_command(const CommandList *list, const char *name) {
    Suggestion suggestion = suggestion_begin(name);
    for (size_t i = 0; i < list->count; i++)
        suggestion_offer(&suggestion, list->entries[i].name);
    const char *nearest = suggestion_end(&suggestion);
    fprintf(stderr, "%s: there is no command '%s'", program_name(), name);
    if (nearest)
        fprintf(stderr, "; did you mean '%s'?", nearest);
    fprintf(stderr, "\nTry `%s --help'.\n", program_name());
    return EXIT_USAGE;
}

ExitCode dispatch(const CommandList *list, int count, char **arguments) {
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error like a full disk */
    if (count < 2) {
        print_help(list, stderr);
        return EXIT_USAGE;
    }
    const char *name = arguments[1];
    bool help = strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0;
    if (help && count == 2) {
        print_help(list, stdout);
        return EXIT_DONE;
    }
    if (strcmp(name, "--version") == 0) {
        printf("%s %s\n", program_name(), list->version);
        return EXIT_DONE;
    }
    char *asked[] = {arguments[1], "--help", NULL};
    const CommandEntry *command = command_find(list, help ? arguments[2] : name);
    if (!command)
        return unknown_command(list, help ? arguments[2] : name);
    return help ? command->run(2, asked) : command->run(count - 1, arguments + 1);
}
