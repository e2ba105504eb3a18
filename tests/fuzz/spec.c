/* Mutated specs: reading, checking and showing what is wrong must always end well; what is accepted
 * must flatten to a spec that is accepted too and flattens to the same. The corpus: the models, and
 * the inputs of the golden cases.
 *
 *     fuzz_spec [ROUNDS [SEED]]                        the same rounds every time */
#include "frontend/spec.h"
#include "tests/fuzz/mutate.h"
#include "tests/golden/case_file.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST = 16384, LONGEST_OVERRIDE = 256, MOST_TEXTS = 256, DEFAULT_ROUNDS = 20000 };

typedef struct Corpus {
    SourceFile files[MOST_TEXTS]; /* the models first, under their names */
    size_t model_count, count;
} Corpus;

_Noreturn static void fail(const char *what, const char *text) {
    fprintf(stderr, "%s:\n%s\n", what, text);
    abort();
}

/* --- the corpus --- */

static void corpus_add(Corpus *corpus, const char *path, const char *text, size_t length) {
    if (corpus->count < MOST_TEXTS && length <= LONGEST)
        corpus->files[corpus->count++] = (SourceFile){path, text, length};
}

static void corpus_add_models(Arena *arena, Corpus *corpus) {
    glob_t found;
    Sources *sources = sources_create(arena, NULL, 0);
    if (glob(SCANLINE_SOURCE_DIR "/models/*.scan", 0, NULL, &found))
        return;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        const Source *source;
        const char *reason;
        if (sources_open(sources, found.gl_pathv[i], &source, &reason) == SOURCE_FOUND)
            corpus_add(corpus, source->name, source->text, source->length);
    }
    corpus->model_count = corpus->count;
    globfree(&found);
}

static void corpus_add_cases(Arena *arena, Corpus *corpus) {
    glob_t found;
    if (glob(SCANLINE_SOURCE_DIR "/tests/golden/spec/*.case", 0, NULL, &found))
        return;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        CaseFile file;
        if (!case_read(arena, found.gl_pathv[i], &file))
            continue;
        for (size_t j = 0; j < file.count; j++) {
            size_t length;
            const char *text = case_expand(arena, &file.sections[j], &length);
            if (!strcmp(file.sections[j].kind, "input"))
                corpus_add(corpus, "case.scan", text, length);
        }
    }
    globfree(&found);
}

/* --- one round --- */

/* The text without "# from ..." comments. */
static char *without_origins(Arena *arena, const char *text) {
    char *copy = arena_string(arena, text, strlen(text)), *to = copy;
    for (const char *from = copy; *from;) {
        const char *comment = from[0] == ' ' ? "  # from " : "# from ";
        if (!strncmp(from, comment, strlen(comment)))
            from += strcspn(from, "\n");
        else
            *to++ = *from++;
    }
    *to = '\0';
    return copy;
}

/* The flattened text of a sound spec; NULL of another. */
static const char *load(Arena *arena, const Corpus *corpus, const char *text, size_t length,
                        const char *override) {
    SourceFile *files = arena_array(arena, corpus->model_count + 1, sizeof *files);
    memcpy(files, corpus->files, corpus->model_count * sizeof *files);
    files[corpus->model_count] = (SourceFile){"fuzz.scan", text, length};
    const SpecOptions options = {.overrides = &override, .override_count = override != NULL};
    Sources *sources = sources_create(arena, files, corpus->model_count + 1);
    Diagnostics *diagnostics = diagnostics_create(arena, sources);
    const Spec *spec = spec_load(arena, sources, "fuzz.scan", &options, diagnostics);
    const char *words = diagnostics_text(diagnostics, true);
    const char *json = diagnostics_json(diagnostics);
    if (!diagnostics_error_count(diagnostics)) {
        if (!spec)
            fail("no spec and no reason", text);
        return spec_flatten(spec);
    }
    if (!*words || strlen(json) < 10)
        fail("refused without a reason", text);
    return NULL;
}

/* Whether the text was accepted. */
static bool check_text(const Corpus *corpus, const char *text, size_t length,
                       const char *override) {
    Arena *arena = arena_create();
    if (!arena || setjmp(*arena_boundary(arena)))
        exit(EXIT_FAILURE);
    const char *flat = load(arena, corpus, text, length, override);
    if (flat) {
        const char *again = load(arena, corpus, flat, strlen(flat), NULL);
        if (!again)
            fail("refused when flattened", flat);
        if (strcmp(without_origins(arena, again), without_origins(arena, flat)) != 0)
            fail("flattened differently", flat);
    }
    arena_destroy(arena);
    return flat != NULL;
}

static const char *const words[] = {
    "dim ",
    "const ",
    "input ",
    "param ",
    "fn ",
    "model ",
    "objective ",
    "extends ",
    "update ",
    "extern ",
    "use ",
    "data {",
    "train {",
    "probe {",
    "sample {",
    "sweep {",
    "repeat ",
    "tap ",
    "output ",
    "metric ",
    "loss = ",
    "return ",
    "state ",
    " as ",
    " and ",
    " or ",
    "not ",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    ",",
    ";",
    "\n",
    "=",
    "==",
    "..",
    "->",
    "~",
    "^",
    "//",
    "%",
    "10%",
    "\"",
    "\\",
    "#",
    "n",
    "d / h",
    "all",
    "objective = ar",
    "batch = 12",
    "\"igpt.scan\"",
    "\"fuzz.scan\"",
    "adam(lr = 1)",
    "\xc3\xa9",
    "\xff",
    "1..3",
    "[1, 2]",
    "3e-3",
    ": int[n] < v",
};

static const char *const overrides[] = {
    "d=128",
    "n=64",
    "train.batch=12",
    "train.objective=ar",
    "train.update=adam(1)",
    "hide=0.5",
    "e=3",
    "data.source=a b",
    "probe.layers=[1, 2]",
    "sweep.train.seed=1..3",
    "data.test=10%",
    "layers=2 * 3",
};

/* A text of the corpus, every other time a model. */
static const SourceFile *choose(Mutator *mutator, const Corpus *corpus) {
    size_t count = mutate_below(mutator, 2) ? corpus->model_count : corpus->count;
    return &corpus->files[mutate_below(mutator, count)];
}

/* Whether it was accepted. */
static bool run_round(Mutator *mutator, const Corpus *corpus) {
    static char text[LONGEST + 1], override[LONGEST_OVERRIDE + 1];
    const SourceFile *chosen = choose(mutator, corpus);
    const char *setting = overrides[mutate_below(mutator, sizeof overrides / sizeof *overrides)];
    size_t setting_length = strlen(setting);
    memcpy(text, chosen->text, chosen->length);
    memcpy(override, setting, setting_length);
    size_t length = mutate(mutator, text, chosen->length, LONGEST);
    if (mutate_below(mutator, 2))
        setting_length = mutate(mutator, override, setting_length, LONGEST_OVERRIDE);
    text[length] = override[setting_length] = '\0';
    return check_text(corpus, text, length, mutate_below(mutator, 2) ? override : NULL);
}

static Arena *load_corpus(Corpus *corpus) {
    Arena *arena = arena_create();
    if (!arena || setjmp(*arena_boundary(arena)))
        exit(EXIT_FAILURE);
    corpus_add_models(arena, corpus);
    corpus_add_cases(arena, corpus);
    if (!corpus->model_count || corpus->count == corpus->model_count)
        fail("the corpus is incomplete", SCANLINE_SOURCE_DIR);
    return arena;
}

int main(int argument_count, char **arguments) {
    const long rounds = argument_count > 1 ? strtol(arguments[1], NULL, 10) : DEFAULT_ROUNDS;
    Mutator mutator = {.state = argument_count > 2 ? strtoull(arguments[2], NULL, 10) : 1,
                       .dictionary = words,
                       .word_count = sizeof words / sizeof words[0]};
    static Corpus corpus;
    long accepted = 0;
    Arena *arena = load_corpus(&corpus);
    for (long round = 0; round < rounds; round++)
        accepted += run_round(&mutator, &corpus);
    arena_destroy(arena);
    printf("%ld specs, %ld accepted\n", rounds, accepted);
    return accepted > 0 && accepted < rounds ? EXIT_SUCCESS : EXIT_FAILURE;
}
