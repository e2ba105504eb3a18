/* Messages by MPI. This file alone is linked with it, as a library of its own. Errors are returned
 * by MPI instead of ending the process: what is lost with another rank is this file's user's to
 * decide. */
#include "runtime/ranks/transport.h"

#include <limits.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct Connection {
    MPI_Comm ranks;
    char fault[MPI_MAX_ERROR_STRING + 64];
} Connection;

/* MPI's request, and how long the message is to be; -1: it is sent. */
typedef struct Message {
    MPI_Request request;
    int64_t expected;
} Message;

static bool note_fault(Connection *connection, const char *what, int result) {
    char text[MPI_MAX_ERROR_STRING] = "";
    int length;
    MPI_Error_string(result, text, &length);
    snprintf(connection->fault, sizeof connection->fault, "%s: %s", what, text);
    return false;
}

/* Requests of MPI are opaque, so each is kept in memory of its own. */
static Message *message_create(Connection *connection, int64_t count) {
    Message *message = count <= INT_MAX ? malloc(sizeof *message) : NULL;
    if (!message)
        snprintf(connection->fault, sizeof connection->fault,
                 "no memory for a message, or it is too long");
    return message;
}

static bool begun(Connection *connection, Message *message, const char *what, int result,
                  TransportRequest *request) {
    *request = (TransportRequest){message};
    if (result == MPI_SUCCESS)
        return true;
    free(message);
    return note_fault(connection, what, result);
}

static bool mpi_send(void *state, int to, int tag, const void *bytes, int64_t count,
                     TransportRequest *request) {
    Connection *connection = state;
    Message *message = message_create(connection, count);
    if (!message)
        return false;
    message->expected = -1;
    const int result =
        MPI_Isend(bytes, (int)count, MPI_BYTE, to, tag, connection->ranks, &message->request);
    return begun(connection, message, "a message cannot be sent", result, request);
}

static bool mpi_receive(void *state, int from, int tag, void *bytes, int64_t count,
                        TransportRequest *request) {
    Connection *connection = state;
    Message *message = message_create(connection, count);
    if (!message)
        return false;
    message->expected = count;
    const int result =
        MPI_Irecv(bytes, (int)count, MPI_BYTE, from, tag, connection->ranks, &message->request);
    return begun(connection, message, "no message can be received", result, request);
}

static bool is_whole(Connection *connection, const Message *message, const MPI_Status *status) {
    int count = 0;
    if (message->expected < 0 ||
        (MPI_Get_count(status, MPI_BYTE, &count) == MPI_SUCCESS && count == message->expected))
        return true;
    snprintf(connection->fault, sizeof connection->fault,
             "a message of %d bytes came in the place of one of %lld", count,
             (long long)message->expected);
    return false;
}

static TransportOutcome mpi_test(void *state, TransportRequest *request) {
    Connection *connection = state;
    Message *message = request->handle;
    MPI_Status status;
    int done = 0;
    const int result = MPI_Test(&message->request, &done, &status);
    if (result == MPI_SUCCESS && !done)
        return TRANSPORT_PENDING;
    const bool whole = result == MPI_SUCCESS
                           ? is_whole(connection, message, &status)
                           : note_fault(connection, "another rank cannot be reached", result);
    free(message);
    request->handle = NULL;
    return whole ? TRANSPORT_DONE : TRANSPORT_FAILED;
}

static const char *mpi_fault(void *state) {
    const Connection *connection = state;
    return connection->fault;
}

static void mpi_close(void *state) {
    Connection *connection = state;
    MPI_Comm_free(&connection->ranks);
    MPI_Finalize();
    free(connection);
}

static void mpi_abort(void *state, int code) {
    const Connection *connection = state;
    MPI_Abort(connection->ranks, code);
}

static bool connect_ranks(Connection *connection, Transport *transport) {
    int result = MPI_Comm_dup(MPI_COMM_WORLD, &connection->ranks);
    if (result == MPI_SUCCESS)
        result = MPI_Comm_set_errhandler(connection->ranks, MPI_ERRORS_RETURN);
    if (result == MPI_SUCCESS)
        result = MPI_Comm_rank(connection->ranks, &transport->rank);
    if (result == MPI_SUCCESS)
        result = MPI_Comm_size(connection->ranks, &transport->size);
    return result == MPI_SUCCESS || note_fault(connection, "the ranks cannot be connected", result);
}

static bool start(Connection *connection, Transport *transport) {
    int provided = 0;
    const int result = MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &provided);
    if (result != MPI_SUCCESS)
        return note_fault(connection, "MPI does not start", result);
    if (provided >= MPI_THREAD_SERIALIZED)
        return connect_ranks(connection, transport);
    snprintf(connection->fault, sizeof connection->fault,
             "this MPI allows no calls from more than one thread");
    return false;
}

bool scanline_mpi_open(Transport *transport, char *fault, size_t size) {
    Connection *connection = calloc(1, sizeof *connection);
    if (!connection) {
        snprintf(fault, size, "no memory");
        return false;
    }
    *transport = (Transport){
        .version = TRANSPORT_VERSION,
        .state = connection,
        .send = mpi_send,
        .receive = mpi_receive,
        .test = mpi_test,
        .fault = mpi_fault,
        .close = mpi_close,
        .abort = mpi_abort,
    };
    if (start(connection, transport))
        return true;
    snprintf(fault, size, "%s", connection->fault);
    free(connection);
    return false;
}
