/* Memory for features: the process's own, or a file without a name, mapped, so that the system may
 * write out what does not fit. */
#ifndef SCANLINE_RUNTIME_FEATURE_STORE_H
#define SCANLINE_RUNTIME_FEATURE_STORE_H

#include "runtime/run_error.h"

#include <stddef.h>

typedef struct FeatureStore {
    void *bytes;
    size_t size;
    bool mapped;
} FeatureStore;

/* folder: where the file is to be; NULL: memory. The space is taken at once, so that a full disk is
 * an error here and nothing later. False and `error`. */
bool feature_store_create(FeatureStore *store, size_t size, const char *folder, RunError *error);
void feature_store_free(FeatureStore *store);

#endif
