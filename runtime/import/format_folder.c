/* JPEG and PNG files, in folders of their classes; ImageNet is one with other shares of splits.
 * Files are read one after the other, decoded by all threads, and kept in their order: at a time
 * there is a batch of files, and one image a thread. */
#include "runtime/images/image_decode.h"
#include "runtime/import/importing.h"
#include "runtime/import/prepare.h"

#include <stdlib.h>
#include <string.h>

enum { BATCH = 64, BATCH_BYTES = 64 << 20, MOST_FILE = 256 << 20 };

typedef struct Job {
    char *name, *fault;
    uint8_t *bytes;
    size_t size;
    Place place;
} Job;

typedef struct FolderState {
    Job jobs[BATCH];
    int count;
    size_t bytes;
    bool failed;
} FolderState;

static void job_free(Job *job) {
    free(job->name);
    free(job->fault);
    free(job->bytes);
    *job = (Job){0};
}

/* --- an image --- */

/* From a file to what is kept. */
static bool make_image(const Importing *importing, const Job *job, Image *made, ImageNote *note) {
    Image decoded;
    if (!image_decode(job->bytes, job->size, importing->channels, &decoded, note))
        return false;
    const ImageKind called = image_kind_of_name(job->name);
    const char *kind;
    if (called != image_kind(job->bytes, job->size, &kind) && called != IMAGE_KIND_UNKNOWN) {
        char text[64];
        snprintf(text, sizeof text, "is %s file, though its name says otherwise", kind);
        image_remark(note, text);
    }
    const ImageView view = {decoded.height, decoded.width, decoded.channels, decoded.pixels};
    if (!prepare_image(view, importing->channels, importing->settings->shorter, made, note)) {
        free(decoded.pixels);
        return false;
    }
    if (made->pixels)
        free(decoded.pixels);
    else
        *made = decoded;
    return true;
}

/* In the order of the jobs. */
static bool keep(Importing *importing, const Job *job, const Image *made, const ImageNote *note) {
    if (job->fault)
        return importing_leave_out(importing, job->name, job->fault);
    if (!made->pixels)
        return importing_leave_out(importing, job->name, note->reason);
    const ImageView view = {made->height, made->width, made->channels, made->pixels};
    return importing_put(importing, view, job->place, job->name,
                         *note->remark ? note->remark : NULL);
}

static bool run_batch(Importing *importing) {
    FolderState *state = importing->state;
#pragma omp parallel for ordered schedule(dynamic, 1) num_threads(importing->settings->threads)
    for (int i = 0; i < state->count; i++) {
        Image made = {0};
        ImageNote note = {0};
        if (!state->jobs[i].fault)
            make_image(importing, &state->jobs[i], &made, &note);
#pragma omp ordered
        {
            if (!state->failed && !keep(importing, &state->jobs[i], &made, &note))
                state->failed = true;
        }
        free(made.pixels);
        job_free(&state->jobs[i]);
    }
    state->count = 0;
    state->bytes = 0;
    return !state->failed;
}

/* --- files --- */

/* All of the member, which is not larger than may be. NULL: it is left out, or there is a fault. */
static uint8_t *read_file(Importing *importing, const SourceMember *member, size_t *size,
                          const char **fault) {
    size_t capacity = member->size > 0 ? (size_t)member->size + 1 : 1 << 16, got;
    uint8_t *bytes = NULL;
    *size = 0;
    *fault = "is larger than 256 MiB";
    for (;; capacity *= 2) {
        uint8_t *larger = capacity <= (size_t)MOST_FILE + 1 ? realloc(bytes, capacity) : NULL;
        if (!larger) {
            if (capacity <= (size_t)MOST_FILE + 1)
                *fault = "needs more memory than there is";
            break;
        }
        bytes = larger;
        if (!source_read_all(importing->source, bytes + *size, capacity - *size, &got)) {
            *fault = source_fault(importing->source);
            break;
        }
        *size += got;
        if (*size < capacity)
            return bytes;
    }
    free(bytes);
    return NULL;
}

static bool add_job(Importing *importing, const SourceMember *member) {
    FolderState *state = importing->state;
    const char *fault = member->fault;
    Job *job = &state->jobs[state->count];
    if (!fault)
        job->bytes = read_file(importing, member, &job->size, &fault);
    job->name = strdup(member->name);
    job->place = scan_place(&importing->scan, member->name);
    job->fault = job->bytes ? NULL : strdup(fault);
    if (!job->name || (!job->bytes && !job->fault)) {
        job_free(job);
        return run_no_memory(importing->error, "images");
    }
    state->count++;
    state->bytes += job->size;
    return (state->count < BATCH && state->bytes < BATCH_BYTES) || run_batch(importing);
}

static bool begin(Importing *importing) { return importing_open(importing, 3); }

static bool member(Importing *importing, const SourceMember *member) {
    if (!member->fault && !scan_is_image(importing->source, member)) {
        importing_pass_over(importing, member->name);
        return true;
    }
    return importing_skips(importing) || add_job(importing, member);
}

static bool end(Importing *importing) { return run_batch(importing); }

static void release(Importing *importing) {
    FolderState *state = importing->state;
    for (int i = 0; i < state->count; i++)
        job_free(&state->jobs[i]);
}

const ImportFormat format_folder = {
    .name = "folder",
    .files = "JPEG and PNG files in folders of their classes, perhaps in train/, val/ and test/",
    .state_bytes = sizeof(FolderState),
    .begin = begin,
    .member = member,
    .end = end,
    .release = release,
};

const ImportFormat format_imagenet = {
    .name = "imagenet",
    .files = "JPEG and PNG files in folders of their classes, in train/ and val/",
    .state_bytes = sizeof(FolderState),
    .begin = begin,
    .member = member,
    .end = end,
    .release = release,
};
