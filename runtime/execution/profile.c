#include "runtime/execution/profile.h"

#include "runtime/clock.h"

#include <assert.h>
#include <omp.h>
#include <stdlib.h>

/* What one thread writes, in cache lines of its own. */
typedef struct ProfileThread {
    double since; /* it is in its line */
    uint32_t line;
    ProfileLine *lines;
} __attribute__((aligned(64))) ProfileThread;

struct Profile {
    const Program *program;
    int threads;
    uint32_t line_count;
    ProfilePart gathered; /* PROFILE_PARTS: lines are kept apart */
    bool running;
    double started, seconds;
    int64_t steps;
    ProfileThread *thread;
};

/* --- life --- */

static void *aligned_zeroes(size_t count, size_t size) {
    size_t bytes = (count * size + 63) / 64 * 64;
    char *memory = aligned_alloc(64, bytes);
    for (size_t i = 0; memory && i < bytes; i++)
        memory[i] = 0;
    return memory;
}

Profile *profile_create(const Program *program, int threads) {
    Profile *profile = calloc(1, sizeof *profile);
    if (!profile)
        return NULL;
    *profile = (Profile){
        .program = program,
        .threads = threads,
        .line_count = PROFILE_PARTS + program->plan->kernel_count,
        .gathered = PROFILE_PARTS,
        .thread = aligned_zeroes((size_t)threads, sizeof *profile->thread),
    };
    bool made = profile->thread;
    for (int i = 0; i < threads && made; i++) {
        profile->thread[i].lines = aligned_zeroes(profile->line_count, sizeof(ProfileLine));
        made = profile->thread[i].lines;
    }
    if (made)
        return profile;
    profile_free(profile);
    return NULL;
}

void profile_free(Profile *profile) {
    if (!profile)
        return;
    for (int i = 0; profile->thread && i < profile->threads; i++)
        free(profile->thread[i].lines);
    free(profile->thread);
    free(profile);
}

void profile_start(Profile *profile) {
    if (!profile)
        return;
    profile->running = true;
    profile->started = clock_seconds();
    for (int i = 0; i < profile->threads; i++) {
        profile->thread[i].since = profile->started;
        profile->thread[i].line = i == 0 ? PROFILE_LOOP : PROFILE_WAITING;
    }
}

static void thread_leave(ProfileThread *thread, double time) {
    thread->lines[thread->line].seconds += time - thread->since;
    thread->since = time;
}

void profile_stop(Profile *profile) {
    if (!profile || !profile->running)
        return;
    const double time = clock_seconds();
    for (int i = 0; i < profile->threads; i++)
        thread_leave(&profile->thread[i], time);
    profile->seconds += time - profile->started;
    profile->running = false;
}

/* --- lines --- */

uint32_t profile_enter(Profile *profile, uint32_t line) {
    if (!profile || !profile->running)
        return line;
    assert(omp_get_thread_num() < profile->threads);
    ProfileThread *thread = &profile->thread[omp_get_thread_num()];
    uint32_t before = thread->line;
    thread_leave(thread, clock_seconds());
    bool gathered = profile->gathered != PROFILE_PARTS && line != PROFILE_WAITING;
    thread->line = gathered ? profile->gathered : line;
    return before;
}

void profile_enter_kernel(Profile *profile, uint32_t kernel, int calls) {
    if (!profile || !profile->running)
        return;
    profile_enter(profile, PROFILE_PARTS + kernel);
    ProfileThread *thread = &profile->thread[omp_get_thread_num()];
    thread->lines[thread->line].calls += calls;
}

void profile_gather(Profile *profile, ProfilePart part) {
    if (!profile || !profile->running)
        return;
    profile->gathered = part;
    profile_enter(profile, PROFILE_LOOP);
}

void profile_step(Profile *profile) {
    if (profile && profile->running)
        profile->steps++;
}

/* --- what was measured --- */

const Program *profile_program(const Profile *profile) { return profile->program; }
int profile_threads(const Profile *profile) { return profile->threads; }
double profile_seconds(const Profile *profile) { return profile->seconds; }
int64_t profile_steps(const Profile *profile) { return profile->steps; }

ProfileLine profile_line(const Profile *profile, uint32_t line) {
    ProfileLine sum = {0};
    for (int i = 0; i < profile->threads; i++) {
        sum.seconds += profile->thread[i].lines[line].seconds / profile->threads;
        sum.calls += profile->thread[i].lines[line].calls;
    }
    return sum;
}
