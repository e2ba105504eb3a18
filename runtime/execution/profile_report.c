#include "runtime/execution/profile_report.h"

#include "runtime/execution/peak.h"
#include "runtime/execution/plan_places.h"

#include <stdlib.h>
#include <string.h>

static const char *const part_names[PROFILE_PARTS] = {
    [PROFILE_LOOP] = "around the steps: metrics, checkpoints, progress",
    [PROFILE_BATCH] = "reading of images",
    [PROFILE_EXECUTOR] = "from one kernel to the next",
    [PROFILE_SUM] = "sum of the gradients of chunks, and whether it is finite",
    [PROFILE_RANKS] = "waiting for the sum over ranks",
    [PROFILE_SCALARS] = "scalars of the update, and copies of what is not in place",
    [PROFILE_EVALUATION] = "evaluation, with its kernels",
    [PROFILE_WAITING] = "threads that wait for others",
};

/* A kernel that was called. */
typedef struct Row {
    const PlanKernel *kernel;
    ProfileLine line;
    double flops, bytes; /* a second */
    PlanPlaces places;
} Row;

typedef struct Rows {
    Row *rows; /* the longest first */
    uint32_t count;
} Rows;

ProfilePeak profile_peak(const Profile *profile) {
    ProfilePeak peak = {.flops = peak_fma(profile_threads(profile))};
    peak_read(profile_threads(profile), &peak.read);
    return peak;
}

/* --- rows --- */

static int row_order(const void *a, const void *b) {
    const Row *left = a, *right = b;
    return (left->line.seconds < right->line.seconds) - (left->line.seconds > right->line.seconds);
}

static void rows_free(Rows *rows) {
    for (uint32_t i = 0; rows->rows && i < rows->count; i++)
        free(rows->rows[i].places.at);
    free(rows->rows);
}

static bool rows_make(const Profile *profile, Rows *rows) {
    const Plan *plan = profile_program(profile)->plan;
    *rows = (Rows){.rows = calloc(plan->kernel_count + 1, sizeof *rows->rows)};
    if (!rows->rows)
        return false;
    for (uint32_t i = 0; i < plan->kernel_count; i++) {
        const PlanKernel *kernel = &plan->kernels[i];
        ProfileLine line = profile_line(profile, PROFILE_PARTS + i);
        if (line.calls == 0)
            continue;
        double rate = line.seconds > 0 ? (double)line.calls / line.seconds : 0;
        Row *row = &rows->rows[rows->count++];
        *row = (Row){kernel, line, rate * kernel->flops, rate * kernel->bytes, {0}};
        if (!plan_places(plan, i, &row->places))
            return false;
    }
    qsort(rows->rows, rows->count, sizeof *rows->rows, row_order);
    return true;
}

static double share_of(const Profile *profile, double seconds) {
    return profile_seconds(profile) > 0 ? seconds / profile_seconds(profile) : 0;
}

/* --- text --- */

/* Seconds, and a step's part of them. */
static void print_time(const Profile *profile, double seconds, FILE *to) {
    double steps = (double)profile_steps(profile);
    fprintf(to, "%6.2f %%%10.3f%10.1f", 100 * share_of(profile, seconds), seconds,
            steps > 0 ? 1e6 * seconds / steps : 0);
}

static void print_rate(double flops, ProfilePeak peak, FILE *to) {
    fprintf(to, "%9.1f", flops * 1e-9);
    if (peak.flops > 0)
        fprintf(to, "%8.1f %%", 100 * flops / peak.flops);
    else
        fprintf(to, "%10s", "-");
}

static void print_row(const Profile *profile, const Row *row, ProfilePeak peak, FILE *to) {
    print_time(profile, row->line.seconds, to);
    fprintf(to, "%9lld", (long long)row->line.calls);
    print_rate(row->flops, peak, to);
    fprintf(to, "%8.1f  %-.*s", row->bytes * 1e-9, plan_symbol_length(row->kernel->symbol),
            row->kernel->symbol);
    plan_places_print(&row->places, to);
    fputc('\n', to);
}

static void print_head(const Profile *profile, ProfilePeak peak, FILE *to) {
    double seconds = profile_seconds(profile);
    long long steps = (long long)profile_steps(profile);
    fprintf(to,
            "\nprofile: %lld steps in %.3f s by %d threads; at most %.0f GFLOP/s (f32 fused "
            "multiply-adds), %.1f GB/s (reading)\n",
            steps, seconds, profile_threads(profile), peak.flops * 1e-9, peak.read * 1e-9);
    fprintf(to, "%8s%10s%10s%9s%9s%10s%8s  %s\n", "share", "seconds", "us/step", "calls", "GFLOP/s",
            "of peak", "GB/s", "kernel");
}

/* A line that is not a kernel's; with the rate of so many FLOP. */
static void print_sum(const Profile *profile, double seconds, double flops, ProfilePeak peak,
                      const char *what, FILE *to) {
    print_time(profile, seconds, to);
    fprintf(to, "%9s", "");
    if (flops > 0 && seconds > 0)
        print_rate(flops / seconds, peak, to);
    else
        fprintf(to, "%19s", "");
    fprintf(to, "%8s  %s\n", "", what);
}

bool profile_print(const Profile *profile, ProfilePeak peak, FILE *to) {
    Rows rows;
    bool made = rows_make(profile, &rows);
    double seconds = 0, flops = 0;
    print_head(profile, peak, to);
    for (uint32_t i = 0; i < rows.count && made; i++) {
        print_row(profile, &rows.rows[i], peak, to);
        seconds += rows.rows[i].line.seconds;
        flops += rows.rows[i].flops * rows.rows[i].line.seconds;
    }
    rows_free(&rows);
    print_sum(profile, seconds, flops, peak, "all kernels", to);
    for (uint32_t part = 0; part < PROFILE_PARTS; part++) {
        double outside = profile_line(profile, part).seconds;
        print_sum(profile, outside, 0, peak, part_names[part], to);
        seconds += outside;
    }
    print_sum(profile, seconds, flops, peak, "all", to);
    return made;
}

/* --- JSON --- */

static json_t *row_json(const Profile *profile, const Row *row, ProfilePeak peak) {
    json_t *places = json_array();
    for (uint32_t i = 0; i < row->places.count; i++)
        json_array_append_new(places, json_sprintf("%s:%lld", row->places.at[i].file,
                                                   (long long)row->places.at[i].line));
    return json_pack("{s:s, s:I, s:f, s:f, s:f, s:f, s:o, s:o}", "kernel", row->kernel->symbol,
                     "calls", (json_int_t)row->line.calls, "seconds", row->line.seconds, "share",
                     share_of(profile, row->line.seconds), "flops_per_second", row->flops,
                     "bytes_per_second", row->bytes, "peak_share",
                     peak.flops > 0 ? json_real(row->flops / peak.flops) : json_null(), "places",
                     places);
}

json_t *profile_json(const Profile *profile, ProfilePeak peak) {
    Rows rows;
    json_t *kernels = json_array(), *outside = json_array();
    bool made = rows_make(profile, &rows);
    for (uint32_t i = 0; i < rows.count && made; i++)
        json_array_append_new(kernels, row_json(profile, &rows.rows[i], peak));
    for (uint32_t part = 0; part < PROFILE_PARTS; part++) {
        double seconds = profile_line(profile, part).seconds;
        json_array_append_new(outside,
                              json_pack("{s:s, s:f, s:f}", "what", part_names[part], "seconds",
                                        seconds, "share", share_of(profile, seconds)));
    }
    rows_free(&rows);
    json_t *json = json_pack("{s:f, s:I, s:i, s:f, s:f, s:o, s:o}", "seconds",
                             profile_seconds(profile), "steps", (json_int_t)profile_steps(profile),
                             "threads", profile_threads(profile), "peak_flops", peak.flops,
                             "peak_read", peak.read, "kernels", kernels, "outside", outside);
    if (made)
        return json;
    json_decref(json);
    return NULL;
}
