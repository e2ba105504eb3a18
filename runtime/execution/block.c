#include "runtime/execution/block.h"

#include "runtime/execution/plan.h"

#include <sys/mman.h>

enum { HUGE_FROM = 4 << 20 };

bool block_create(PageBlock *block, int64_t size) {
    *block = (PageBlock){NULL, size};
    if (size == 0)
        return true;
    void *bytes =
        mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (bytes == MAP_FAILED)
        return false;
    if (size >= HUGE_FROM)
        madvise(bytes, (size_t)size, MADV_HUGEPAGE); /* advice: may be refused */
    block->bytes = bytes;
    return true;
}

void block_free(PageBlock *block) {
    if (block->bytes)
        munmap(block->bytes, (size_t)block->size);
    *block = (PageBlock){0};
}

int64_t block_aligned(int64_t bytes) {
    return (bytes + PLAN_ALIGNMENT - 1) / PLAN_ALIGNMENT * PLAN_ALIGNMENT;
}
