/* Large memory: anonymous pages from the kernel, zero until written, so that what is never touched
 * costs nothing and the peak of a run is the sum of what it reserves and uses. */
#ifndef SCANLINE_RUNTIME_BLOCK_H
#define SCANLINE_RUNTIME_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

typedef struct PageBlock {
    char *bytes;  /* page-aligned; NULL: empty */
    int64_t size; /* as it was asked for */
} PageBlock;

/* Huge pages are advised from a few MB on. A size of 0 gives an empty block. False: no memory. */
bool block_create(PageBlock *block, int64_t size);
void block_free(PageBlock *block);

/* `bytes` rounded up to PLAN_ALIGNMENT: where tensors that lie one after another begin. */
int64_t block_aligned(int64_t bytes);

#endif
