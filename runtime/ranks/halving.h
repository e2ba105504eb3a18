/* Which part of something is whose when ranks halve it again and again ("recursive halving",
 * Thakur, Rabenseifner, Gropp, "Optimization of Collective Communication Operations in MPICH",
 * 2005): at level l a rank shares what it has with the one whose number differs in bit l, and keeps
 * the half that this bit says. Neighbours come first, so where every rank has a node of a balanced
 * binary tree, in the order of the leaves, level l adds the halves of a node, as the tree says. */
#ifndef SCANLINE_RUNTIME_HALVING_H
#define SCANLINE_RUNTIME_HALVING_H

#include <stdint.h>

typedef struct HalvingPart {
    int64_t first, last; /* exclusive */
} HalvingPart;

/* What `rank` has of 0 ... count - 1 after so many levels. */
static inline HalvingPart halving_part(int rank, int levels, int64_t count) {
    HalvingPart part = {0, count};
    for (int level = 0; level < levels; level++) {
        const int64_t middle = part.first + (part.last - part.first) / 2;
        if (rank >> level & 1)
            part.first = middle;
        else
            part.last = middle;
    }
    return part;
}

static inline int halving_partner(int rank, int level) { return rank ^ 1 << level; }

#endif
