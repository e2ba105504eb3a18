/* An import that is going on: what formats see of it. */
#ifndef SCANLINE_RUNTIME_IMPORTING_H
#define SCANLINE_RUNTIME_IMPORTING_H

#include "runtime/images/class_names.h"
#include "runtime/images/image_writer.h"
#include "runtime/import/import.h"
#include "runtime/import/scan.h"

struct Importing {
    const ImportSettings *settings;
    const ImportListener *listener;
    ImportResult *result;
    RunError *error;
    Source *source;
    Scan scan;
    void *state; /* the format's */

    ImageWriter *writer; /* NULL: not opened yet */
    int64_t channels;
    int64_t position; /* entries so far, of this process */
    int64_t bytes;    /* of the members that are done */
    int64_t passed_over;
    char passed_over_names[200]; /* the first ones */

    int64_t classes;
    ClassNames names; /* none, or of all classes at least */
};

/* Opens the writer; formats that know the channels only later call it then. Once. */
bool importing_open(Importing *importing, int64_t channels);

/* Whether the next entry is done already, by an earlier import. It has been counted then. */
bool importing_skips(Importing *importing);

/* The next entry, as it is to be kept. */
bool importing_put(Importing *importing, ImageView image, Place place, const char *name,
                   const char *remark);

/* The next entry, made smaller and grey as the settings say. */
bool importing_add(Importing *importing, ImageView image, Place place, const char *name);

/* The next entry is broken. */
bool importing_leave_out(Importing *importing, const char *name, const char *reason);

/* A file that is no part of the set. */
void importing_pass_over(Importing *importing, const char *name);

/* Something that people should know. */
void importing_note(const Importing *importing, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The source is at fault, in a way that nothing can be left out for. False. */
bool importing_fault(Importing *importing, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Fills `to`; `*whole` is false where the member ends before. False: fault, in source_fault. */
bool importing_read(Importing *importing, void *to, size_t size, bool *whole);

/* The next `size` bytes of the member, malloc'ed. NULL: there are not so many, or another fault. */
unsigned char *importing_read_bytes(Importing *importing, const SourceMember *member, size_t size);

/* The names of classes that a member lists. */
bool importing_read_names(Importing *importing, const SourceMember *member);

#endif
