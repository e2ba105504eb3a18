/* Each rank hands in a record: how it stands, and a hash of every fact. All get all records, so all
 * come to the same answer. */
#include "runtime/ranks/ranks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

enum { TAG_MEET = 4 };

typedef struct Record {
    int32_t code; /* ExitCode */
    char host[64];
    char text[sizeof((RunError *)NULL)->text];
    uint64_t facts[RANKS_MOST_FACTS];
} Record;

static void record_fill(Record *record, const RunError *own, const RanksFact *facts,
                        uint32_t count) {
    memset(record, 0, sizeof *record); /* padding is sent too */
    record->code = (int32_t)own->code;
    snprintf(record->text, sizeof record->text, "%s", own->code ? own->text : "");
    if (gethostname(record->host, sizeof record->host - 1) != 0)
        snprintf(record->host, sizeof record->host, "?");
    for (uint32_t i = 0; i < count; i++)
        record->facts[i] = XXH3_64bits(facts[i].value, strlen(facts[i].value));
}

/* To each from each: it is done a few times in a training. Numbers that are no power of two have to
 * be able to meet, to be told so; rank 0 collects and hands out. */
static bool records_collect(Ranks *ranks, Record *records) {
    const int size = ranks_count(ranks), rank = ranks_number(ranks);
    TransportRequest request;
    for (int other = 1; other < size && rank == 0; other++)
        if (!ranks_receive(ranks, other, TAG_MEET, &records[other], sizeof *records, &request) ||
            !ranks_wait(ranks, &request, NULL))
            return false;
    return rank == 0 ||
           (ranks_send(ranks, 0, TAG_MEET, &records[rank], sizeof *records, &request) &&
            ranks_wait(ranks, &request, NULL));
}

static bool records_hand_out(Ranks *ranks, Record *records) {
    const int size = ranks_count(ranks), rank = ranks_number(ranks);
    const int64_t bytes = size * (int64_t)sizeof *records;
    TransportRequest request;
    for (int other = 1; other < size && rank == 0; other++)
        if (!ranks_send(ranks, other, TAG_MEET, records, bytes, &request) ||
            !ranks_wait(ranks, &request, NULL))
            return false;
    return rank == 0 || (ranks_receive(ranks, 0, TAG_MEET, records, bytes, &request) &&
                         ranks_wait(ranks, &request, NULL));
}

/* What came from elsewhere ends where it should. */
static void record_close(Record *record) {
    record->host[sizeof record->host - 1] = 0;
    record->text[sizeof record->text - 1] = 0;
}

static bool judge_codes(const Ranks *ranks, const Record *records, RunError *error) {
    for (int rank = 0; rank < ranks_count(ranks); rank++) {
        const Record *record = &records[rank];
        if (record->code && rank == ranks_number(ranks))
            return run_fail(error, (ExitCode)record->code, "%s", record->text);
        if (record->code)
            return run_fail(error, (ExitCode)record->code, "rank %d (%s): %s", rank, record->host,
                            record->text);
    }
    return true;
}

static bool judge_facts(const Ranks *ranks, const Record *records, const RanksFact *facts,
                        uint32_t count, RunError *error) {
    for (int rank = 1; rank < ranks_count(ranks); rank++)
        for (uint32_t i = 0; i < count; i++)
            if (records[rank].facts[i] != records[0].facts[i])
                return run_fail(error, EXIT_INPUT,
                                "rank %d (%s) has another %s than rank 0 (%s): all ranks must "
                                "train the same",
                                rank, records[rank].host, facts[i].name, records[0].host);
    return true;
}

static bool meet(Ranks *ranks, Record *records, const RanksFact *facts, uint32_t count,
                 RunError *error) {
    if (!records_collect(ranks, records) || !records_hand_out(ranks, records))
        return run_fail(error, EXIT_MACHINE, "the ranks do not come together: %s",
                        ranks_fault(ranks));
    for (int rank = 0; rank < ranks_count(ranks); rank++)
        record_close(&records[rank]);
    return judge_codes(ranks, records, error) && judge_facts(ranks, records, facts, count, error);
}

bool ranks_meet(Ranks *ranks, const RunError *own, const RanksFact *facts, uint32_t count,
                RunError *error) {
    if (!ranks) {
        *error = *own;
        return own->code == EXIT_DONE;
    }
    Record *records = calloc((size_t)ranks_count(ranks), sizeof *records);
    if (!records)
        return run_no_memory(error, "the ranks' records");
    record_fill(&records[ranks_number(ranks)], own, facts, count);
    const bool all = meet(ranks, records, facts, count, error);
    if (!all)
        ranks_part(ranks);
    free(records);
    return all;
}
