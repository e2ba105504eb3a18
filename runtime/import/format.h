/* The formats that are imported: a file each. */
#ifndef SCANLINE_RUNTIME_IMPORT_FORMAT_H
#define SCANLINE_RUNTIME_IMPORT_FORMAT_H

#include "runtime/import/source.h"

typedef struct Importing Importing;

/* What a file is to a format, by what it is called; folders in front do not matter. */
typedef enum Claim {
    CLAIM_NONE,
    CLAIM_IMAGES,
    CLAIM_BESIDE, /* labels, names of classes */
} Claim;

typedef struct ImportFormat {
    const char *name;
    const char *files; /* what it is made of, for people */
    /* NULL: members are images; then faulty ones are the format's to handle too. Otherwise it sees
     * those alone that it claims. */
    Claim (*claim)(const char *name);
    size_t state_bytes; /* of importing->state */
    bool (*begin)(Importing *importing);
    bool (*member)(Importing *importing, const SourceMember *member);
    bool (*end)(Importing *importing); /* all members have been read */
    void (*release)(Importing *importing);
} ImportFormat;

extern const ImportFormat format_cifar10, format_cifar100, format_stl10, format_idx, format_npy,
    format_folder, format_imagenet;

/* All of them. */
enum { IMPORT_FORMAT_COUNT = 7 };
extern const ImportFormat *const import_format_table[IMPORT_FORMAT_COUNT];

/* NULL: there is none of that name. */
const ImportFormat *import_format_find(const char *name);

#endif
