/* Which images are for training, validation and test: the rule that runtime/images/split.h
 * describes.
 */
#ifndef SCANLINE_RUNTIME_DATA_SPLIT_H
#define SCANLINE_RUNTIME_DATA_SPLIT_H

#include "runtime/data/data.h"

/* The lists that `splits` [count], of DataSplit, stands for: each is the caller's to free. False:
 * no memory, and nothing is left to free. */
bool data_split_lists(const uint8_t *splits, int64_t count, DataImages lists[DATA_SPLIT_COUNT]);

/* Fills `splits`; each list is the caller's to free. labels may be NULL: one class. False: no
 * memory, and nothing is left to free. */
bool data_split_make(const int32_t *labels, int64_t count, double validation, double test,
                     int64_t seed, DataImages splits[DATA_SPLIT_COUNT]);

/* Leaves in a list the images that have a label. */
void data_split_keep_labelled(DataImages *list, const int32_t *labels);

/* At most `per_class` images of each class from `from`, by the same kind of draw with another seed:
 * what a probe with few labels trains on. labels is that of the whole set (NULL: one class); taken
 * is the caller's to free. */
bool data_split_subset(const DataImages *from, const int32_t *labels, int64_t per_class,
                       int64_t seed, DataImages *taken);

/* The same draw, of a share of each class, rounded, but of none less than one. */
bool data_split_share(const DataImages *from, const int32_t *labels, double share, int64_t seed,
                      DataImages *taken);

#endif
