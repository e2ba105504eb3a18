#include "runtime/import/pack.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { BLOCK = 1 << 18, PEEK = 512, USTAR = 257 };

struct Pack {
    struct archive *outer, *inner; /* inner: a tar in the outer one, or NULL */
    char *raw_name;                /* of a packed file that is no archive */
    char *inner_name;              /* the folder that the tar's files are in */
    char *name;                    /* of the member */
    bool failed;                   /* which has not been told yet */
    bool done;
    char fault[320];
    unsigned char block[BLOCK]; /* of the inner tar */
};

/* --- what is one --- */

static bool ends_with(const char *name, const char *ending) {
    const size_t length = strlen(name), wanted = strlen(ending);
    return length > wanted && strcasecmp(name + length - wanted, ending) == 0;
}

static bool is_packed_name(const char *name) {
    static const char *const endings[] = {".tar", ".tgz", ".tbz2", ".txz", ".tzst", ".zip",
                                          ".npz", ".gz",  ".bz2",  ".xz",  ".zst"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (ends_with(name, endings[i]))
            return true;
    return false;
}

static bool begins_packed(const unsigned char *bytes, size_t size) {
    static const char *const magics[] = {"\x1F\x8B", "BZh",
                                         "\xFD"
                                         "7zXZ",
                                         "\x28\xB5\x2F\xFD", "PK\x03\x04"};
    for (size_t i = 0; i < sizeof magics / sizeof *magics; i++)
        if (size >= strlen(magics[i]) && memcmp(bytes, magics[i], strlen(magics[i])) == 0)
            return true;
    return size >= USTAR + 5 && memcmp(bytes + USTAR, "ustar", 5) == 0;
}

bool pack_is(const char *path, bool look) {
    unsigned char bytes[PEEK];
    if (is_packed_name(path) || !look)
        return is_packed_name(path);
    FILE *stream = fopen(path, "rbe");
    const size_t got = stream ? fread(bytes, 1, sizeof bytes, stream) : 0;
    if (stream)
        fclose(stream);
    return begins_packed(bytes, got);
}

/* --- opening --- */

static struct archive *archive_of(bool raw) {
    struct archive *archive = archive_read_new();
    if (!archive)
        return NULL;
    archive_read_support_filter_all(archive);
    archive_read_support_format_tar(archive);
    archive_read_support_format_gnutar(archive);
    archive_read_support_format_zip(archive);
    if (raw)
        archive_read_support_format_raw(archive);
    return archive;
}

static void say(Pack *pack, struct archive *archive) {
    const char *text = archive_error_string(archive);
    pack->failed = true;
    snprintf(pack->fault, sizeof pack->fault, "is damaged or cut off: %.250s",
             text ? text : "no archive");
}

Pack *pack_open(const char *path, const char *name, FileError *fault) {
    Pack *pack = calloc(1, sizeof *pack);
    if (pack) {
        pack->raw_name = strdup(name);
        pack->outer = archive_of(!ends_with(path, ".tar") && !ends_with(path, ".zip") &&
                                 !ends_with(path, ".npz"));
    }
    if (!pack || !pack->raw_name || !pack->outer) {
        snprintf(fault->text, sizeof fault->text, "can't be read: no memory");
    } else if (archive_read_open_filename(pack->outer, path, BLOCK) == ARCHIVE_OK) {
        return pack;
    } else {
        say(pack, pack->outer);
        snprintf(fault->text, sizeof fault->text, "%s", pack->fault);
    }
    pack_close(pack);
    return NULL;
}

void pack_close(Pack *pack) {
    if (!pack)
        return;
    if (pack->inner)
        archive_read_free(pack->inner);
    if (pack->outer)
        archive_read_free(pack->outer);
    free(pack->raw_name);
    free(pack->inner_name);
    free(pack->name);
    free(pack);
}

/* --- a tar in an archive --- */

static ssize_t read_inner(struct archive *archive, void *user, const void **bytes) {
    Pack *pack = user;
    *bytes = pack->block;
    const ssize_t got = archive_read_data(pack->outer, pack->block, BLOCK);
    if (got < 0)
        archive_set_error(archive, archive_errno(pack->outer), "%s",
                          archive_error_string(pack->outer));
    return got < 0 ? -1 : got;
}

static bool open_inner(Pack *pack, const char *name) {
    free(pack->inner_name);
    pack->inner_name = strndup(name, strlen(name) - strlen(".tar"));
    pack->inner = archive_of(false);
    return pack->inner_name && pack->inner &&
           archive_read_open(pack->inner, pack, NULL, read_inner, NULL) == ARCHIVE_OK;
}

static void close_inner(Pack *pack) {
    archive_read_free(pack->inner);
    pack->inner = NULL;
}

/* --- members --- */

/* The name in front of which nothing says "here". */
static bool take_name(Pack *pack, const char *name) {
    while (strncmp(name, "./", 2) == 0 || *name == '/')
        name += *name == '/' ? 1 : 2;
    free(pack->name);
    pack->name = pack->inner ? file_path(pack->inner_name, name) : strdup(name);
    return pack->name != NULL;
}

static bool is_hidden(const char *name) {
    const char *slash = strrchr(name, '/');
    return *name == '.' || (slash && slash[1] == '.') || strstr(name, "/.") ||
           strncmp(name, "__MACOSX/", strlen("__MACOSX/")) == 0;
}

static PackStep out_of_memory(Pack *pack, const char **name) {
    *name = NULL;
    pack->done = true;
    snprintf(pack->fault, sizeof pack->fault, "can't be read: no memory");
    return PACK_FAULT;
}

/* What has failed ends; of a tar in an archive that is the tar alone. */
static PackStep end_failed(Pack *pack, const char **name) {
    *name = NULL;
    pack->failed = false;
    if (pack->inner) {
        free(pack->name);
        if (asprintf(&pack->name, "%s.tar", pack->inner_name) < 0)
            pack->name = NULL;
        *name = pack->name;
        close_inner(pack);
    } else {
        pack->done = true;
    }
    return PACK_FAULT;
}

/* The next entry, of the inner tar while there is one. */
static struct archive_entry *advance(Pack *pack, int *status) {
    struct archive_entry *entry = NULL;
    *status = archive_read_next_header(pack->inner ? pack->inner : pack->outer, &entry);
    if (*status == ARCHIVE_EOF && pack->inner) {
        close_inner(pack);
        *status = archive_read_next_header(pack->outer, &entry);
    }
    if (*status < ARCHIVE_WARN || *status == ARCHIVE_RETRY) /* a header that makes no sense */
        say(pack, pack->inner ? pack->inner : pack->outer);
    return entry;
}

/* Whether an entry is a member; a tar is opened instead. */
static bool take_entry(Pack *pack, struct archive_entry *entry, bool *memory) {
    const bool raw = archive_format(pack->outer) == ARCHIVE_FORMAT_RAW;
    const char *path = raw ? pack->raw_name : archive_entry_pathname(entry);
    *memory = true;
    if (!raw && archive_entry_filetype(entry) != AE_IFREG)
        return false;
    *memory = path && take_name(pack, path);
    if (!*memory || is_hidden(pack->name))
        return false;
    if (raw || pack->inner || !ends_with(pack->name, ".tar"))
        return true;
    if (!open_inner(pack, pack->name) && pack->inner)
        say(pack, pack->inner);
    *memory = pack->inner != NULL;
    return false;
}

PackStep pack_next(Pack *pack, const char **name, int64_t *size, int64_t *stamp) {
    while (!pack->done) {
        int status;
        bool memory;
        if (pack->failed)
            return end_failed(pack, name);
        struct archive_entry *entry = advance(pack, &status);
        if (status == ARCHIVE_EOF)
            return PACK_END;
        if (pack->failed)
            continue;
        if (take_entry(pack, entry, &memory)) {
            *name = pack->name;
            *size = archive_entry_size_is_set(entry) ? archive_entry_size(entry) : -1;
            *stamp =
                archive_entry_mtime(entry) * INT64_C(1000000000) + archive_entry_mtime_nsec(entry);
            return PACK_MEMBER;
        }
        if (!memory)
            return out_of_memory(pack, name);
    }
    return PACK_END;
}

ssize_t pack_read(Pack *pack, void *to, size_t size) {
    struct archive *archive = pack->inner ? pack->inner : pack->outer;
    const ssize_t got = archive_read_data(archive, to, size);
    if (got >= 0)
        return got;
    say(pack, archive);
    pack->failed = got <= ARCHIVE_FATAL; /* else it is this member alone */
    return -1;
}

const char *pack_fault(const Pack *pack) { return pack->fault; }
