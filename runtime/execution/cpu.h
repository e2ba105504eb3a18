/* What the processor can do, as far as compiled kernels ask for it; and the choice among several
 * programs by that. Without LLVM, so that a program compiled ahead of time can ask before it runs
 * any of its kernels. */
#ifndef SCANLINE_RUNTIME_CPU_H
#define SCANLINE_RUNTIME_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The features of this machine, of those in cpu.def, by their place there. On machines other than
 * x86-64 there are none. Tiles (amx-...) must be asked of the system before they are used: this
 * does, and they are in the answer where it allows them. */
uint64_t cpu_features(void);

/* The features of a list of names with spaces between them; and all of x86-64-v2, -v3, -v4. Names
 * that are not in cpu.def are passed over by cpu_features_of. */
uint64_t cpu_features_of(const char *names);
uint64_t cpu_features_of_level(int level);

/* The names of features, with spaces between them; cut off at `size` bytes. */
void cpu_names(uint64_t features, char *names, size_t size);

/* The highest level that a machine with these features has: "x86-64-v3"; "x86-64" at the least. */
const char *cpu_level(uint64_t features);

/* Of `count` programs, each with the features that it needs, the best that runs on a machine with
 * features `here`: the one that needs the most, of equals the first. -1: none runs. */
int64_t cpu_choose(const uint64_t *needs, size_t count, uint64_t here);

#endif
