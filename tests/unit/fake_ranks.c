#include "tests/unit/fake_ranks.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct Message {
    int from, to, tag;
    int64_t count;
    struct Message *next;
    char bytes[];
} Message;

typedef struct Place {
    FakeRanks *fake;
    int rank;
} Place;

struct FakeRanks {
    int size, aborted;
    bool is_broken;
    uint32_t draw;
    int64_t bytes;
    pthread_mutex_t mutex;
    Message *first, *last;
    Place places[FAKE_MOST_RANKS];
};

typedef struct Request {
    bool receives;
    int from, tag;
    void *bytes;
    int64_t count;
} Request;

FakeRanks *fake_ranks_create(int size) {
    FakeRanks *fake = calloc(1, sizeof *fake);
    cr_assert(fake && size <= FAKE_MOST_RANKS);
    fake->size = size;
    pthread_mutex_init(&fake->mutex, NULL);
    return fake;
}

void fake_ranks_free(FakeRanks *fake) {
    while (fake->first) {
        Message *next = fake->first->next;
        free(fake->first);
        fake->first = next;
    }
    pthread_mutex_destroy(&fake->mutex);
    free(fake);
}

int fake_ranks_aborted(const FakeRanks *fake) { return fake->aborted; }
int64_t fake_ranks_bytes(const FakeRanks *fake) { return fake->bytes; }

void fake_ranks_break(FakeRanks *fake) {
    pthread_mutex_lock(&fake->mutex);
    fake->is_broken = true;
    pthread_mutex_unlock(&fake->mutex);
}

/* --- the transport --- */

static TransportRequest request_create(Request what) {
    Request *request = malloc(sizeof *request);
    cr_assert(request);
    *request = what;
    return (TransportRequest){request};
}

static bool fake_send(void *state, int to, int tag, const void *bytes, int64_t count,
                      TransportRequest *request) {
    const Place *place = state;
    FakeRanks *fake = place->fake;
    Message *message = malloc(sizeof *message + (size_t)count);
    cr_assert(message && to != place->rank && to >= 0 && to < fake->size);
    *message = (Message){place->rank, to, tag, count, NULL};
    memcpy(message->bytes, bytes, (size_t)count);
    pthread_mutex_lock(&fake->mutex);
    *(fake->first ? &fake->last->next : &fake->first) = message;
    fake->last = message;
    fake->bytes += count;
    pthread_mutex_unlock(&fake->mutex);
    *request = request_create((Request){0});
    return true;
}

static bool fake_receive(void *state, int from, int tag, void *bytes, int64_t count,
                         TransportRequest *request) {
    const Place *place = state;
    cr_assert(from != place->rank && from >= 0 && from < place->fake->size);
    *request = request_create((Request){true, from, tag, bytes, count});
    return true;
}

static Message *message_take(FakeRanks *fake, int to, const Request *request) {
    Message *before = NULL, *message = fake->first;
    while (message &&
           (message->from != request->from || message->to != to || message->tag != request->tag)) {
        before = message;
        message = message->next;
    }
    if (!message)
        return NULL;
    *(before ? &before->next : &fake->first) = message->next;
    if (fake->last == message)
        fake->last = before;
    return message;
}

/* One time in three it is late. */
static bool is_late(FakeRanks *fake) {
    fake->draw = fake->draw * 1664525U + 1013904223U;
    return (fake->draw >> 16) % 3 == 0;
}

static TransportOutcome fake_test(void *state, TransportRequest *handle) {
    const Place *place = state;
    FakeRanks *fake = place->fake;
    Request *request = handle->handle;
    pthread_mutex_lock(&fake->mutex);
    const bool broken = fake->is_broken, late = is_late(fake);
    Message *message =
        broken || late || !request->receives ? NULL : message_take(fake, place->rank, request);
    pthread_mutex_unlock(&fake->mutex);
    if (!broken && (late || (request->receives && !message)))
        return TRANSPORT_PENDING;
    if (message) {
        cr_assert_eq(message->count, request->count);
        memcpy(request->bytes, message->bytes, (size_t)message->count);
        free(message);
    }
    free(request);
    return broken ? TRANSPORT_FAILED : TRANSPORT_DONE;
}

static const char *fake_fault(void *state) {
    (void)state;
    return "the fake is broken";
}

static void fake_close(void *state) { (void)state; }

static void fake_abort(void *state, int code) {
    const Place *place = state;
    cr_assert_neq(code, 0);
    __atomic_add_fetch(&place->fake->aborted, 1, __ATOMIC_SEQ_CST);
}

/* --- running --- */

typedef struct Thread {
    pthread_t thread;
    Ranks *ranks;
    int rank;
    FakeWork *work;
    void *user;
} Thread;

static void *thread_run(void *user) {
    Thread *thread = user;
    thread->work(thread->ranks, thread->rank, thread->user);
    return NULL;
}

void fake_ranks_run(FakeRanks *fake, FakeWork *work, void *user) {
    Thread threads[FAKE_MOST_RANKS];
    for (int rank = 0; rank < fake->size; rank++) {
        fake->places[rank] = (Place){fake, rank};
        const Transport transport = {
            TRANSPORT_VERSION, rank,      fake->size, &fake->places[rank], fake_send,
            fake_receive,      fake_test, fake_fault, fake_close,          fake_abort};
        threads[rank] =
            (Thread){.ranks = ranks_create(&transport), .rank = rank, .work = work, .user = user};
        cr_assert(threads[rank].ranks);
    }
    for (int rank = 0; rank < fake->size; rank++)
        cr_assert_eq(pthread_create(&threads[rank].thread, NULL, thread_run, &threads[rank]), 0);
    for (int rank = 0; rank < fake->size; rank++)
        pthread_join(threads[rank].thread, NULL);
}
