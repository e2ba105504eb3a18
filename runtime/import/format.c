#include "runtime/import/format.h"

#include <string.h>

const ImportFormat *const import_format_table[IMPORT_FORMAT_COUNT] = {
    &format_cifar10, &format_cifar100, &format_stl10,    &format_idx,
    &format_npy,     &format_folder,   &format_imagenet,
};

const ImportFormat *import_format_find(const char *name) {
    for (int i = 0; i < IMPORT_FORMAT_COUNT; i++)
        if (strcmp(import_format_table[i]->name, name) == 0)
            return import_format_table[i];
    return NULL;
}
