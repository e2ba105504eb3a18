/* What the pass fuse did with functions, and why: for whoever explains it. It is kept where a
 * PassContext asks for it, and decides nothing. Reasons are sentences' ends, in static memory: "the
 * product's registers would be spilled". */
#ifndef SCANLINE_PASSES_FUSION_RECORD_H
#define SCANLINE_PASSES_FUSION_RECORD_H

#include "ir/graph.h"

/* A kernel, and what it computes of the function that was fused. */
typedef struct FusedKernel {
    const char *name;    /* its body's: later passes may change the body, but keep the name */
    const NodeId *nodes; /* ascending; a node may be in several kernels */
    uint32_t count;
    const NodeId *outputs; /* result number i is that of this node */
    uint32_t output_count;
} FusedKernel;

typedef struct FusionRecord {
    const Function *function; /* as it was fused: large sums are split already */
    FusedKernel *kernels;
    uint32_t kernel_count, kernel_capacity;
    const uint32_t *first_edge; /* by node: where its sources begin in `refused` */
    const char **refused;       /* by source of a node: why one kernel does not compute both, as far
                                   as it was asked; else NULL */
    const char **stored; /* by node: why what reads it does not compute it again; NULL: as above */
    struct FusionRecord *next;
} FusionRecord;

/* Of several functions, in the order in which they were fused. All zero: none yet. */
typedef struct FusionRecords {
    FusionRecord *first, *last;
} FusionRecords;

/* In the function's arena. */
FusionRecord *fusion_record_create(const Function *function);
void fusion_records_add(FusionRecords *records, FusionRecord *record);

/* Each does nothing where the record is NULL. Lists are copied. */
void fusion_record_kernel(FusionRecord *record, FusedKernel kernel);
void fusion_record_refuse(FusionRecord *record, NodeId reader, NodeId source, const char *why);
void fusion_record_store(FusionRecord *record, NodeId node, const char *why);

#endif
