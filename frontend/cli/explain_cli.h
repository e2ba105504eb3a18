/* What the files of `explain` share. */
#ifndef SCANLINE_FRONTEND_CLI_EXPLAIN_CLI_H
#define SCANLINE_FRONTEND_CLI_EXPLAIN_CLI_H

#include "frontend/cli/session.h"
#include "frontend/spec_line.h"
#include "passes/explain.h"

typedef struct Explained {
    const Session *session;
    const Explanation *explanation;
    ExplainPeaks peaks;
    bool measured;        /* the peaks; else they were given */
    int threads;          /* that they are of */
    const char *function; /* --function; NULL: what training runs */
} Explained;

/* --- explain_words.c --- */

/* "block.0..5.attn, ln_f": calls put together where they differ by one number; "" for none. */
const char *explain_calls_text(Arena *arena, const char *const *calls, uint32_t count);
/* "igpt.scan:52,53 adam.scan:7" */
const char *explain_places_text(Arena *arena, const ExplainPlace *places, uint32_t count);
/* "contract_07c1b3e4": the op and half of the hash, which is enough to tell kernels apart. */
const char *explain_kernel_name(Arena *arena, const PlanKernel *kernel);
const char *explain_part_name(ExplainPart part);
/* Whether a function of the plan is one that is asked for. */
bool explain_is_wanted(const Explained *explained, const ExplainFunction *function);
/* Whether the plan's function runs what was fused as that function of the IR. */
bool explain_runs(const ExplainFunction *function, const FusionRecord *record);

/* --- explain_text.c, explain_json.c --- */

void explain_print_line(const Explained *explained, const SpecLine *line);
void explain_print_table(const Explained *explained);
/* EXIT_MACHINE: no memory. */
ExitCode explain_line_json(const Explained *explained, const SpecLine *line);
ExitCode explain_table_json(const Explained *explained);

#endif
