/* What the machine gives at most, asked for again and again: a line on standard input, whatever it
 * holds, is answered by a line of JSON.
 *
 *     bench_peak      {"fma": FLOP/s, "bf16": FLOP/s (0: the CPU has none), "read": bytes/s} */
#include "runtime/execution/peak.h"

#include <omp.h>
#include <stdio.h>

int main(void) {
    int threads = omp_get_num_procs();
    char line[64];
    double read = 0;
    while (fgets(line, sizeof line, stdin)) {
        if (!peak_read(threads, &read)) {
            fprintf(stderr, "bench_peak: no memory to measure reading by; 256 MB are needed\n");
            return 1;
        }
        printf("{\"fma\": %.4e, \"bf16\": %.4e, \"read\": %.4e}\n", peak_fma(threads),
               peak_bf16(threads), read);
        fflush(stdout);
    }
    return 0;
}
