/* For the tests of imports: files in a folder of the test's own, an import with what it says, and
 * the small images of vectors/images. */
#ifndef SCANLINE_TESTS_IMPORT_SUPPORT_H
#define SCANLINE_TESTS_IMPORT_SUPPORT_H

#include "runtime/images/image_file.h"
#include "runtime/import/import.h"

#include <stddef.h>

extern char import_folder[64];

void import_make_folder(void);
void import_remove_folder(void);

/* In the test's folder; the folders of it are made. */
const char *import_path(const char *name);
void import_put(const char *name, const void *bytes, size_t size);
void import_put_text(const char *name, const char *text);

/* A file of vectors/images; the pixels' hash as in images.txt, in three channels. */
typedef struct ImportVector {
    char name[64];
    uint8_t *bytes;
    size_t size;
    unsigned long long hash;
} ImportVector;

enum { IMPORT_MOST_VECTORS = 32 };
int import_vectors(ImportVector vectors[IMPORT_MOST_VECTORS]);
unsigned long long import_hash(ImageView image);

/* What an import said. */
typedef struct ImportTold {
    ImportResult result;
    RunError error;
    char broken[1 << 16]; /* "name reason" a line */
    char notes[4096];
    int64_t kill_at; /* entries after which the process is killed; 0: never */
} ImportTold;

/* Imports what is at a path of the test's folder to out.images there. */
bool import_do(const char *name, ImportSettings settings, ImportTold *told);

/* Opens out.images. */
ImageFile *import_open(void);

/* An archive of files; `form` is "tar", "tgz", "zip". */
typedef struct ImportEntry {
    const char *name;
    const void *bytes;
    size_t size;
} ImportEntry;
void import_put_archive(const char *name, const char *form, const ImportEntry *entries, int count);

#endif
