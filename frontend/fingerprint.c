#include "frontend/fingerprint.h"

#include "ir/text_print.h"

void fingerprint(Arena *arena, const Module *lowered, const Experiment *experiment,
                 char hash[HASH_SIZE]) {
    const TrainSettings *train = &experiment->train;
    const char *text = arena_printf(arena, "%s\n%s\n%s", train->precision,
                                    train->chunks > 1 ? "several chunks" : "one chunk",
                                    text_print_bare(lowered, arena));
    hash_text(text, hash);
}
