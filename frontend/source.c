/* A file is read in two steps, with the memory made in between: nothing but arena memory may be
 * held while the arena allocates (ir/arena.h), so no descriptor is open then. */
#include "frontend/source.h"

#include "frontend/vector.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct SourceEntry {
    Source source;
    bool on_disk;
    dev_t device; /* of a file on disk: which one it is, by whatever path */
    ino_t inode;
    const SourceFile *file; /* of a memory file */
} SourceEntry;

struct Sources {
    Arena *arena;
    const SourceFile *files;
    size_t file_count;
    bool is_sealed; /* the disk is not looked at */
    Vector entries; /* SourceEntry * */
};

Sources *sources_create(Arena *arena, const SourceFile *files, size_t file_count) {
    Sources *sources = arena_alloc(arena, sizeof *sources);
    *sources = (Sources){.arena = arena, .files = files, .file_count = file_count};
    return sources;
}

static SourceEntry *sources_entry(const Sources *sources, uint32_t index) {
    return ((SourceEntry **)sources->entries.items)[index];
}

static void source_map_lines(Arena *arena, Source *source) {
    uint32_t count = 1;
    const char *end = source->text + source->length;
    for (const char *at = source->text; (at = memchr(at, '\n', (size_t)(end - at))); at++)
        count++;
    source->line_starts = arena_array(arena, count, sizeof *source->line_starts);
    source->line_count = 1;
    for (const char *at = source->text; (at = memchr(at, '\n', (size_t)(end - at))); at++)
        source->line_starts[source->line_count++] = (uint32_t)(at + 1 - source->text);
}

/* `text` is the arena's and NUL-terminated. */
static SourceEntry *sources_append(Sources *sources, const char *path, const char *text,
                                   size_t length) {
    SourceEntry *entry = arena_alloc(sources->arena, sizeof *entry);
    const char *slash = strrchr(path, '/');
    Source *source = &entry->source;
    source->path = arena_string(sources->arena, path, strlen(path));
    source->name = slash ? source->path + (slash + 1 - path) : source->path;
    source->text = text;
    source->length = (uint32_t)length;
    source_map_lines(sources->arena, source);
    source->index = sources->entries.count;
    *(SourceEntry **)vector_add(&sources->entries, sources->arena, sizeof entry) = entry;
    return entry;
}

void sources_seal(Sources *sources) { sources->is_sealed = true; }

const Source *sources_add(Sources *sources, const char *path, const char *text, size_t length) {
    if (length > SOURCE_MAX_BYTES)
        return NULL;
    return &sources_append(sources, path, arena_string(sources->arena, text, length), length)
                ->source;
}

static SourceStatus sources_open_memory(Sources *sources, const SourceFile *file,
                                        const Source **source, const char **reason) {
    for (uint32_t i = 0; i < sources->entries.count; i++) {
        if (sources_entry(sources, i)->file == file) {
            *source = &sources_entry(sources, i)->source;
            return SOURCE_FOUND;
        }
    }
    *source = sources_add(sources, file->path, file->text, file->length);
    if (!*source) {
        *reason = "it is larger than 64 MiB";
        return SOURCE_UNREADABLE;
    }
    sources_entry(sources, (*source)->index)->file = file;
    return SOURCE_FOUND;
}

/* Reads at most `size` bytes; returns how many, or -1. */
static ssize_t read_whole(const char *path, char *text, size_t size) {
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return -1;
    size_t done = 0;
    ssize_t got = 1;
    while (done < size && got != 0) {
        got = read(descriptor, text + done, size - done);
        if (got < 0 && errno != EINTR)
            break;
        done += got > 0 ? (size_t)got : 0;
    }
    int failure = got < 0 ? errno : 0;
    close(descriptor);
    errno = failure;
    return failure ? -1 : (ssize_t)done;
}

static SourceStatus sources_open_disk(Sources *sources, const char *path, const Source **source,
                                      const char **reason) {
    struct stat status;
    if (stat(path, &status)) {
        *reason = strerror(errno);
        return errno == ENOENT || errno == ENOTDIR ? SOURCE_ABSENT : SOURCE_UNREADABLE;
    }
    if (!S_ISREG(status.st_mode)) {
        *reason = S_ISDIR(status.st_mode) ? "it is a directory" : "it is not a regular file";
        return SOURCE_UNREADABLE;
    }
    if (status.st_size > SOURCE_MAX_BYTES) {
        *reason = "it is larger than 64 MiB";
        return SOURCE_UNREADABLE;
    }
    for (uint32_t i = 0; i < sources->entries.count; i++) {
        const SourceEntry *entry = sources_entry(sources, i);
        if (entry->on_disk && entry->device == status.st_dev && entry->inode == status.st_ino) {
            *source = &entry->source;
            return SOURCE_FOUND;
        }
    }
    char *text = arena_alloc(sources->arena, (size_t)status.st_size + 1);
    ssize_t length = read_whole(path, text, (size_t)status.st_size);
    if (length < 0) {
        *reason = strerror(errno);
        return SOURCE_UNREADABLE;
    }
    text[length] = '\0';
    SourceEntry *entry = sources_append(sources, path, text, (size_t)length);
    entry->on_disk = true;
    entry->device = status.st_dev;
    entry->inode = status.st_ino;
    *source = &entry->source;
    return SOURCE_FOUND;
}

SourceStatus sources_open(Sources *sources, const char *path, const Source **source,
                          const char **reason) {
    *source = NULL;
    *reason = NULL;
    for (size_t i = 0; i < sources->file_count; i++)
        if (!strcmp(sources->files[i].path, path))
            return sources_open_memory(sources, &sources->files[i], source, reason);
    if (!sources->is_sealed)
        return sources_open_disk(sources, path, source, reason);
    *reason = "it is not among the files that came along";
    return SOURCE_ABSENT;
}

const Source *sources_at(const Sources *sources, uint32_t index) {
    return &sources_entry(sources, index)->source;
}

bool sources_on_disk(const Sources *sources, uint32_t index) {
    return sources_entry(sources, index)->on_disk;
}

uint32_t source_line(const Source *source, uint32_t offset) {
    uint32_t low = 0, high = source->line_count; /* the line is in [low, high) */
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (source->line_starts[middle] <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

const char *source_line_text(const Source *source, uint32_t line, uint32_t *length) {
    uint32_t start = source->line_starts[line];
    uint32_t end =
        line + 1 < source->line_count ? source->line_starts[line + 1] - 1 : source->length;
    if (end > start && source->text[end - 1] == '\r')
        end--;
    *length = end - start;
    return source->text + start;
}

Span source_place(const Sources *sources, SourceSpan span) {
    const Source *source = sources_at(sources, span.source);
    uint32_t line = source_line(source, span.offset);
    return (Span){.file = source->name,
                  .line = line + 1,
                  .column = span.offset - source->line_starts[line] + 1};
}

const char *source_place_text(Arena *arena, const Sources *sources, SourceSpan span) {
    Span place = source_place(sources, span);
    return arena_printf(arena, "%s:%u:%u", place.file, place.line, place.column);
}

char *source_span_text(Arena *arena, const Sources *sources, SourceSpan span) {
    return arena_string(arena, sources_at(sources, span.source)->text + span.offset, span.length);
}

SourceSpan source_join(SourceSpan first, SourceSpan last) {
    return (SourceSpan){first.source, first.offset, last.offset + last.length - first.offset};
}
