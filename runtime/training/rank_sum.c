#include "runtime/training/rank_sum.h"

#include "runtime/execution/block.h"
#include "runtime/execution/float_mode.h"
#include "runtime/training/rank_exchange.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

/* Buckets under way: while one waits for the others, the next is added up. */
enum { LANES = 4 };

typedef struct Lane {
    RankExchange exchange;
    int bucket; /* -1: free */
} Lane;

struct RankSum {
    Ranks *ranks;
    const Buckets *buckets;
    RankSumPlaces places;
    PageBlock memory;
    Lane lanes[LANES]; /* the thread's alone, and so is is_finite until `done` says so */
    bool is_finite;

    pthread_t thread;
    bool has_thread;
    pthread_mutex_t mutex; /* of what follows */
    pthread_cond_t changed;
    int workers;
    int *passed;  /* by worker: buckets */
    int64_t step; /* that was begun */
    int ready;    /* buckets that all workers are past */
    int done;     /* buckets that are where they go */
    bool is_lost, is_over;
};

/* --- the thread --- */

/* Waits until bucket `next` is ready, or does not wait (`busy`); whether it is. */
static bool is_ready(RankSum *sum, int next, bool busy) {
    pthread_mutex_lock(&sum->mutex);
    while (!busy && next >= sum->ready && !sum->is_over)
        pthread_cond_wait(&sum->changed, &sum->mutex);
    const bool ready = next < sum->ready && !sum->is_over;
    pthread_mutex_unlock(&sum->mutex);
    return ready;
}

static bool lane_begin(RankSum *sum, Lane *lane, int bucket) {
    lane->bucket = bucket;
    lane->exchange.count = sum->buckets->all[bucket].floats;
    sum->places.take(sum->places.user, &sum->buckets->all[bucket], lane->exchange.sum);
    return rank_exchange_begin(&lane->exchange);
}

static void lane_end(RankSum *sum, Lane *lane) {
    sum->places.put(sum->places.user, &sum->buckets->all[lane->bucket], lane->exchange.sum);
    sum->is_finite &= lane->exchange.is_finite;
    lane->bucket = -1;
    pthread_mutex_lock(&sum->mutex);
    sum->done++;
    pthread_cond_broadcast(&sum->changed);
    pthread_mutex_unlock(&sum->mutex);
}

/* Brings on what is under way; how many lanes are. -1: the ranks are lost. */
static int lanes_advance(RankSum *sum, bool *moved) {
    int busy = 0;
    for (int i = 0; i < LANES; i++) {
        Lane *lane = &sum->lanes[i];
        if (lane->bucket < 0)
            continue;
        const TransportOutcome outcome = rank_exchange_advance(&lane->exchange, moved);
        if (outcome == TRANSPORT_FAILED)
            return -1;
        if (outcome == TRANSPORT_DONE)
            lane_end(sum, lane);
        else
            busy++;
    }
    return busy;
}

/* All buckets of a step, in their order; bucket i in lane i % LANES, so that its tags are those of
 * the same bucket elsewhere. False: the ranks are lost. */
static bool step_sum(RankSum *sum) {
    RanksPause pause = {0};
    int next = 0, busy = 0;
    while (next < sum->buckets->count || busy) {
        Lane *lane = &sum->lanes[next % LANES];
        bool moved = false;
        if (next < sum->buckets->count && lane->bucket < 0 && is_ready(sum, next, busy > 0)) {
            if (!lane_begin(sum, lane, next++))
                return false;
            moved = true;
        } else if (!busy) {
            return true; /* it is over */
        }
        busy = lanes_advance(sum, &moved);
        if (busy < 0)
            return false;
        if (moved)
            pause = (RanksPause){0};
        else if (!ranks_pause(sum->ranks, &pause))
            return false;
    }
    return true;
}

static void give_up(RankSum *sum) {
    pthread_mutex_lock(&sum->mutex);
    sum->is_lost = true;
    pthread_cond_broadcast(&sum->changed);
    pthread_mutex_unlock(&sum->mutex);
}

/* Waits for a step that was not summed yet; false: there will be none. */
static bool wait_for_step(RankSum *sum, int64_t *step) {
    pthread_mutex_lock(&sum->mutex);
    while (sum->step == *step && !sum->is_over)
        pthread_cond_wait(&sum->changed, &sum->mutex);
    const bool over = sum->is_over;
    *step = sum->step;
    pthread_mutex_unlock(&sum->mutex);
    return !over;
}

static void *thread_run(void *user) {
    RankSum *sum = user;
    int64_t step = 0;
    float_mode_flush(); /* it adds as the workers do */
    while (wait_for_step(sum, &step))
        if (!step_sum(sum)) {
            give_up(sum);
            break;
        }
    return NULL;
}

/* --- life --- */

static int64_t half_of(int64_t floats) { return (floats + 1) / 2; }

static int64_t lane_bytes(const Buckets *buckets) {
    const int64_t size = (int64_t)sizeof(float);
    return block_aligned(buckets->most_floats * size) +
           block_aligned(half_of(buckets->most_floats) * size);
}

int64_t rank_sum_bytes(const Buckets *buckets) { return LANES * lane_bytes(buckets); }

static void lanes_lay_out(RankSum *sum) {
    const int64_t size = (int64_t)sizeof(float);
    for (int i = 0; i < LANES; i++) {
        char *own = sum->memory.bytes + i * lane_bytes(sum->buckets);
        char *incoming = own + block_aligned(sum->buckets->most_floats * size);
        sum->lanes[i] = (Lane){
            .bucket = -1,
            .exchange = {.ranks = sum->ranks,
                         .sum = (float *)(void *)own,
                         .incoming = (float *)(void *)incoming,
                         .tag = RANK_EXCHANGE_TAG + i * rank_exchange_stages(sum->ranks)},
        };
    }
}

/* Signals are for the thread that trains. */
static bool thread_start(RankSum *sum) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    sum->has_thread = pthread_create(&sum->thread, NULL, thread_run, sum) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return sum->has_thread;
}

RankSum *rank_sum_create(Ranks *ranks, const Buckets *buckets, int workers,
                         const RankSumPlaces *places, RunError *error) {
    RankSum *sum = calloc(1, sizeof *sum);
    if (!sum) {
        run_no_memory(error, "the sum over ranks");
        return NULL;
    }
    *sum = (RankSum){.ranks = ranks,
                     .buckets = buckets,
                     .places = *places,
                     .workers = workers,
                     .passed = calloc((size_t)workers, sizeof *sum->passed)};
    pthread_mutex_init(&sum->mutex, NULL);
    pthread_cond_init(&sum->changed, NULL);
    if (sum->passed && block_create(&sum->memory, rank_sum_bytes(buckets))) {
        lanes_lay_out(sum);
        if (thread_start(sum))
            return sum;
    }
    run_no_memory(error, "the sum over ranks");
    rank_sum_free(sum);
    return NULL;
}

void rank_sum_free(RankSum *sum) {
    if (!sum)
        return;
    if (sum->has_thread) {
        pthread_mutex_lock(&sum->mutex);
        sum->is_over = true;
        pthread_cond_broadcast(&sum->changed);
        pthread_mutex_unlock(&sum->mutex);
        pthread_join(sum->thread, NULL);
    }
    pthread_cond_destroy(&sum->changed);
    pthread_mutex_destroy(&sum->mutex);
    block_free(&sum->memory);
    free(sum->passed);
    free(sum);
}

/* --- a step --- */

void rank_sum_begin(RankSum *sum) {
    pthread_mutex_lock(&sum->mutex);
    for (int i = 0; i < sum->workers; i++)
        sum->passed[i] = 0;
    sum->step++;
    sum->ready = sum->done = 0;
    sum->is_finite = true;
    pthread_cond_broadcast(&sum->changed);
    pthread_mutex_unlock(&sum->mutex);
}

void rank_sum_pass(RankSum *sum, int worker, int count) {
    pthread_mutex_lock(&sum->mutex);
    sum->passed[worker] = count;
    int ready = count;
    for (int i = 0; i < sum->workers; i++)
        ready = sum->passed[i] < ready ? sum->passed[i] : ready;
    if (ready > sum->ready) {
        sum->ready = ready;
        pthread_cond_broadcast(&sum->changed);
    }
    pthread_mutex_unlock(&sum->mutex);
}

bool rank_sum_end(RankSum *sum) {
    pthread_mutex_lock(&sum->mutex);
    while (sum->done < sum->buckets->count && !sum->is_lost)
        pthread_cond_wait(&sum->changed, &sum->mutex);
    const bool finite = sum->is_finite && !sum->is_lost;
    pthread_mutex_unlock(&sum->mutex);
    return finite;
}
