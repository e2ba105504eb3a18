/* The command line: what all commands share, on top of glibc's argp.
 *
 *     scanline COMMAND [OPTION...] [SPEC or RUN] [KEY=VALUE...]
 *
 * A word with '=' in it is a setting; the first other word is the spec (or the run). */
#ifndef SCANLINE_FRONTEND_CLI_OPTIONS_H
#define SCANLINE_FRONTEND_CLI_OPTIONS_H

#include "runtime/exit_code.h"

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

/* Which groups of options a command takes. */
typedef enum OptionGroup {
    OPTIONS_JSON = 1,        /* --json */
    OPTIONS_COMPILE = 2,     /* program_compile_keys: --target and others */
    OPTIONS_THREADS = 4,     /* --threads */
    OPTIONS_OUT = 8,         /* --out */
    OPTIONS_SETTINGS = 16,   /* KEY=VALUE */
    OPTIONS_MEMORY = 32,     /* --memory */
    OPTIONS_CHECKPOINT = 64, /* --checkpoint, of a run */
    OPTIONS_PERF = 128,      /* program_perf_keys: --perf-map */
} OptionGroup;

/* The keys of program_compile_keys and program_perf_keys (program.h). */
enum {
    OPTION_TARGET = 0x2000,
    OPTION_TABLE,
    OPTION_DUMP,
    OPTION_STOP_AFTER,
    OPTION_NO_PASS,
    OPTION_VERIFY,
    OPTION_CHECK_PASSES,
    OPTION_PERF_MAP,
};

typedef struct Options {
    const char *command;
    const char *subject;   /* SPEC or RUN; NULL: not given */
    const char **settings; /* "key=value" */
    uint32_t setting_count;
    bool json;
    const char *target; /* a CPU; NULL: this machine, or the best that there is for it */
    const char *table;  /* a file; NULL: what ships */
    const char *dump, *stop_after, *skip; /* names of passes, as in passes/compile.h */
    bool verify, check;
    const char *out;
    const char *checkpoint; /* a file; NULL: the run's best */
    int threads;            /* 0: SCANLINE_THREADS, or every core */
    bool perf_map;          /* kernels are to be known to perf and gdb */
    const char *memory;     /* train.memory, over what the spec says; NULL: not given */
} Options;

/* What an option sets: a text to its argument, or a flag. */
typedef struct OptionTarget {
    int key;
    const char **text;
    bool *flag;
} OptionTarget;

/* A command's own options, beside the shared ones: `keys` as for argp. Those that `targets` has not
 * are given to `parse`, and so are further words; it answers 0, EINVAL for an argument that the key
 * can't have, or ARGP_ERR_UNKNOWN. */
typedef struct CommandLine {
    const char *command;
    const char *arguments; /* "[SPEC] [KEY=VALUE...]" */
    const char *doc;       /* what it does; after '\v' examples */
    unsigned groups;       /* OptionGroup */
    const struct argp_option *keys;
    const OptionTarget *targets; /* the last one's key is 0; NULL: none */
    error_t (*parse)(int key, char *argument, void *user);
    void *user;
} CommandLine;

/* Parses; on a fault prints it to stderr and exits with EXIT_USAGE, as argp does for --help too. */
void options_parse(const CommandLine *line, int count, char **arguments, Options *options);

/* Adds a setting to those given: "key=value", to outlive the options. False: no memory. */
bool options_set(Options *options, const char *setting);

/* The words of a command with spaces between them, as people type them. malloc'ed; NULL: no memory.
 */
char *options_words(int count, char **words);

/* Threads to use: options->threads, else SCANLINE_THREADS, else the cores this process may use: its
 * share of the machine's where several ranks were started there. */
int options_threads(const Options *options);

#endif
