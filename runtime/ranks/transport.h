/* How the processes that train together reach each other: messages of bytes, from one to another.
 * A library of its own gives this (transport_mpi.c), which is opened only where it is needed, so
 * that nobody else has to have MPI. */
#ifndef SCANLINE_RUNTIME_TRANSPORT_H
#define SCANLINE_RUNTIME_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TRANSPORT_VERSION = 1 };

/* A message under way. */
typedef struct TransportRequest {
    void *handle; /* the transport's */
} TransportRequest;

typedef enum TransportOutcome {
    TRANSPORT_DONE,
    TRANSPORT_PENDING,
    TRANSPORT_FAILED, /* it will never be done: see `fault` */
} TransportOutcome;

/* Ranks are numbered 0 ... size - 1. Functions are called by one thread at a time, which need not
 * always be the same. Messages of one tag from one rank to another arrive in their order. */
typedef struct Transport {
    int version; /* TRANSPORT_VERSION: else the rest is unknown */
    int rank, size;
    void *state; /* given to each function */

    /* Begin a message; neither waits. The memory is the transport's until `test` gives
     * TRANSPORT_DONE; a message must be as long as its receiver says. False: see `fault`. */
    bool (*send)(void *state, int to, int tag, const void *bytes, int64_t count,
                 TransportRequest *request);
    bool (*receive)(void *state, int from, int tag, void *bytes, int64_t count,
                    TransportRequest *request);

    /* How far a message is; brings all of them on. Not again once it is done. */
    TransportOutcome (*test)(void *state, TransportRequest *request);

    const char *(*fault)(void *state); /* why the last one failed */

    void (*close)(void *state); /* by every rank: waits for the others to do so */

    /* Ends the processes of all ranks, this one too; whoever started them gets the exit code. May
     * return where that takes a while. */
    void (*abort)(void *state, int code);
} Transport;

/* What the library exports. False and `fault`: it can't be used. */
typedef bool TransportOpen(Transport *transport, char *fault, size_t size);

#define TRANSPORT_MPI_LIBRARY "libscanline_mpi.so"
#define TRANSPORT_MPI_OPEN    "scanline_mpi_open"
bool scanline_mpi_open(Transport *transport, char *fault, size_t size);

#endif
