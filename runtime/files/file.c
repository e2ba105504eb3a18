#include "runtime/files/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool file_fail(FileError *error, const char *what, const char *path) {
    snprintf(error->text, sizeof error->text, "%s %s: %s", what, path, strerror(errno));
    return false;
}

bool file_fault(FileError *error, const char *path, const char *format, ...) {
    char reason[320];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    snprintf(error->text, sizeof error->text, "%.180s: %s", path, reason);
    return false;
}

char *file_path(const char *folder, const char *name) {
    char *path;
    return asprintf(&path, "%s/%s", folder, name) < 0 ? NULL : path;
}

char *file_directory(const char *path) {
    const char *slash = strrchr(path, '/');
    size_t length = !slash ? 1 : slash == path ? 1 : (size_t)(slash - path);
    return strndup(slash ? path : ".", length);
}

bool file_sync_directory(const char *path, FileError *error) {
    char *directory = file_directory(path);
    int file = directory ? open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    bool synced = file >= 0 && fsync(file) == 0;
    if (!synced)
        file_fail(error, "cannot sync the directory of", path);
    if (file >= 0)
        close(file);
    free(directory);
    return synced;
}

static void writer_release(FileWriter *writer) {
    free(writer->path);
    free(writer->temporary);
    *writer = (FileWriter){0};
}

/* mkostemp makes files that only the owner may read; give what open() would have given. */
static void permissions_as_usual(int file) {
    mode_t mask = umask(0);
    umask(mask);
    fchmod(file, 0666 & ~mask);
}

bool file_begin(FileWriter *writer, const char *path, FileError *error) {
    *writer = (FileWriter){.path = strdup(path)};
    int file = -1;
    if (writer->path && asprintf(&writer->temporary, "%s.tmp-XXXXXX", path) >= 0)
        file = mkostemp(writer->temporary, O_CLOEXEC);
    else
        writer->temporary = NULL;
    if (file >= 0) {
        permissions_as_usual(file);
        writer->stream = fdopen(file, "wb");
    }
    if (writer->stream)
        return true;
    file_fail(error, "cannot write", path);
    if (file >= 0) {
        close(file);
        unlink(writer->temporary);
    }
    writer_release(writer);
    return false;
}

bool file_commit(FileWriter *writer, FileError *error) {
    bool written = fflush(writer->stream) == 0 && !ferror(writer->stream) &&
                   fsync(fileno(writer->stream)) == 0;
    int reason = errno;
    if (fclose(writer->stream) != 0 && written) {
        written = false;
        reason = errno;
    }
    writer->stream = NULL;
    if (written && rename(writer->temporary, writer->path) != 0) {
        written = false;
        reason = errno;
    }
    if (written) {
        bool synced = file_sync_directory(writer->path, error);
        writer_release(writer);
        return synced;
    }
    errno = reason;
    file_fail(error, "cannot write", writer->path);
    unlink(writer->temporary);
    writer_release(writer);
    return false;
}

void file_abandon(FileWriter *writer) {
    if (writer->stream)
        fclose(writer->stream);
    if (writer->temporary)
        unlink(writer->temporary);
    writer_release(writer);
}

bool file_write(const char *path, const void *bytes, size_t size, FileError *error) {
    FileWriter writer;
    if (!file_begin(&writer, path, error))
        return false;
    fwrite(bytes, 1, size, writer.stream); /* a failure is kept in the stream, for the commit */
    return file_commit(&writer, error);
}

static bool file_copy(const char *from, const char *to, FileError *error) {
    enum { BLOCK = 1 << 16 };
    char block[BLOCK];
    FileWriter writer;
    FILE *stream = fopen(from, "rbe");
    if (!stream)
        return file_fail(error, "cannot read", from);
    bool copied = file_begin(&writer, to, error);
    if (copied) {
        for (size_t count; (count = fread(block, 1, BLOCK, stream)) > 0;)
            fwrite(block, 1, count, writer.stream);
        copied = !ferror(stream);
        if (copied) {
            copied = file_commit(&writer, error);
        } else {
            file_fail(error, "cannot read", from);
            file_abandon(&writer);
        }
    }
    fclose(stream);
    return copied;
}

/* Of two names of one file, rename leaves both: then the temporary one has to go. */
static bool link_over(const char *from, const char *to, const char *temporary) {
    if ((unlink(temporary) != 0 && errno != ENOENT) || link(from, temporary) != 0)
        return false;
    bool renamed = rename(temporary, to) == 0;
    unlink(temporary);
    return renamed;
}

bool file_share(const char *from, const char *to, FileError *error) {
    char *temporary;
    if (asprintf(&temporary, "%s.new", to) < 0) {
        errno = ENOMEM;
        return file_fail(error, "cannot write", to);
    }
    bool linked = link_over(from, to, temporary);
    free(temporary);
    return linked ? file_sync_directory(to, error) : file_copy(from, to, error);
}

char *file_read(const char *path, size_t most, size_t *size, FileError *error) {
    FILE *stream = fopen(path, "rbe");
    if (!stream) {
        file_fail(error, "cannot read", path);
        return NULL;
    }
    char *bytes = NULL;
    size_t count = 0, capacity = 0;
    for (;;) {
        if (count + 1 >= capacity) {
            capacity = capacity ? 2 * capacity : 64 * 1024;
            char *larger = realloc(bytes, capacity);
            if (!larger)
                break;
            bytes = larger;
        }
        size_t more = fread(bytes + count, 1, capacity - 1 - count, stream);
        count += more;
        if (!more || count > most)
            break;
    }
    if (count > most)
        errno = EFBIG;
    bool whole = bytes && feof(stream) && !ferror(stream) && count <= most;
    if (!whole)
        file_fail(error, "cannot read", path);
    fclose(stream);
    if (!whole) {
        free(bytes);
        return NULL;
    }
    bytes[count] = 0;
    *size = count;
    return bytes;
}
