#include "runtime/import/import.h"

#include "runtime/files/printable.h"
#include "runtime/import/finish.h"
#include "runtime/import/importing.h"
#include "runtime/import/prepare.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { LAYOUT_OF_IMPORTS = 1 }; /* another one: what drafts hold means something else */

static bool writer_fault(Importing *importing, const FileError *fault) {
    return run_fail(importing->error, EXIT_MACHINE, "%s", fault->text);
}

/* --- for formats --- */

static void tell_broken(const Importing *importing, const char *name, const char *reason) {
    char *shown = printable(name, strlen(name));
    importing->result->broken++;
    if (importing->listener->broken)
        importing->listener->broken(importing->listener->user, shown ? shown : "?", reason);
    free(shown);
}

static void tell_progress(const Importing *importing) {
    if (importing->listener->progress)
        importing->listener->progress(importing->listener->user, importing->position,
                                      importing->bytes, importing->scan.bytes);
}

void importing_note(const Importing *importing, const char *format, ...) {
    char text[600];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (importing->listener->note)
        importing->listener->note(importing->listener->user, text);
}

/* What a draft must have been made of, and how, to be gone on with. */
static bool make_key(const Importing *importing, char **key) {
    const ImportSettings *settings = importing->settings;
    return asprintf(key, "%d %s %s %lld %d %d", LAYOUT_OF_IMPORTS, importing->scan.format->name,
                    importing->scan.fingerprint, (long long)settings->shorter, settings->grey,
                    settings->coarse) >= 0;
}

bool importing_open(Importing *importing, int64_t channels) {
    FileError fault;
    char *key;
    int64_t remarks;
    if (!make_key(importing, &key))
        return run_no_memory(importing->error, "the import");
    importing->channels = importing->settings->grey ? 1 : channels;
    importing->writer =
        image_writer_open(importing->settings->path, importing->channels, key, &fault);
    free(key);
    if (!importing->writer)
        return writer_fault(importing, &fault);
    importing->result->resumed = image_writer_entries(importing->writer);
    if (importing->result->resumed)
        importing_note(importing, "going on behind %lld images of an import that did not end",
                       (long long)importing->result->resumed);
    const ImageRemark *at = image_writer_remarks(importing->writer, &remarks);
    for (int64_t i = 0; i < remarks; i++)
        if (at[i].left_out)
            tell_broken(importing, at[i].name, at[i].text);
    return true;
}

bool importing_skips(Importing *importing) {
    if (importing->position >= importing->result->resumed)
        return false;
    importing->position++;
    return true;
}

bool importing_put(Importing *importing, ImageView image, Place place, const char *name,
                   const char *remark) {
    FileError fault;
    importing->position++;
    if (!image_writer_add(importing->writer, image, place.label, place.split, name, remark, &fault))
        return writer_fault(importing, &fault);
    tell_progress(importing);
    return true;
}

bool importing_add(Importing *importing, ImageView image, Place place, const char *name) {
    Image made;
    ImageNote note = {0};
    if (!prepare_image(image, importing->channels, importing->settings->shorter, &made, &note))
        return importing_leave_out(importing, name ? name : "an image", note.reason);
    const ImageView prepared =
        made.pixels ? (ImageView){made.height, made.width, made.channels, made.pixels} : image;
    const bool done = importing_put(importing, prepared, place, name, NULL);
    free(made.pixels);
    return done;
}

bool importing_leave_out(Importing *importing, const char *name, const char *reason) {
    FileError fault;
    importing->position++;
    tell_broken(importing, name, reason);
    return image_writer_leave_out(importing->writer, name, reason, &fault) ||
           writer_fault(importing, &fault);
}

void importing_pass_over(Importing *importing, const char *name) {
    const size_t length = strlen(importing->passed_over_names);
    char *shown = printable(name, strlen(name));
    if (importing->passed_over++ < 3)
        snprintf(importing->passed_over_names + length,
                 sizeof importing->passed_over_names - length, "%s%.60s", length ? ", " : "",
                 shown ? shown : "?");
    free(shown);
}

bool importing_fault(Importing *importing, const char *name, const char *format, ...) {
    char reason[480];
    char *shown = printable(name, strlen(name));
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    run_fail(importing->error, EXIT_INPUT, "%s %s", shown ? shown : "a file", reason);
    free(shown);
    return false;
}

bool importing_read(Importing *importing, void *to, size_t size, bool *whole) {
    size_t got;
    if (!source_read_all(importing->source, to, size, &got))
        return false;
    *whole = got == size;
    return true;
}

unsigned char *importing_read_bytes(Importing *importing, const SourceMember *member, size_t size) {
    unsigned char *bytes = malloc(size ? size : 1);
    bool whole = false;
    if (!bytes)
        run_no_memory(importing->error, "an array");
    else if (!importing_read(importing, bytes, size, &whole))
        importing_fault(importing, member->name, "%s", source_fault(importing->source));
    else if (!whole)
        importing_fault(importing, member->name, "is cut off");
    if (whole)
        return bytes;
    free(bytes);
    return NULL;
}

bool importing_read_names(Importing *importing, const SourceMember *member) {
    enum { MOST = 1 << 20 };
    char text[320], *bytes = malloc(MOST);
    size_t got = 0;
    if (!bytes)
        return run_no_memory(importing->error, "names of classes");
    class_names_free(&importing->names);
    const bool ok = source_read_all(importing->source, bytes, MOST, &got);
    if (!ok || !class_names_parse(bytes, got, member->name, &importing->names, text, sizeof text))
        importing_note(importing, "classes have no names: %s",
                       ok ? text : source_fault(importing->source));
    free(bytes);
    return true;
}

/* --- the whole --- */

/* A member that the format knows, or that may be an image. */
static bool take_member(Importing *importing, const SourceMember *member) {
    const ImportFormat *format = importing->scan.format;
    if (format->claim && !member->ends && format->claim(member->name) == CLAIM_NONE) {
        importing_pass_over(importing, member->name);
        return true;
    }
    if (format->claim && member->fault)
        return importing_fault(importing, member->name, "%s", member->fault);
    return format->member(importing, member);
}

static bool read_members(Importing *importing, Fingerprint *fingerprint) {
    SourceMember member;
    while (source_next(importing->source, &member)) {
        fingerprint_add(fingerprint, &member);
        if (!take_member(importing, &member))
            return false;
        importing->bytes += member.size > 0 ? member.size : 0;
        tell_progress(importing);
    }
    return true;
}

static bool read_all(Importing *importing) {
    const ImportFormat *format = importing->scan.format;
    Fingerprint fingerprint;
    char found[HASH_SIZE];
    if (!fingerprint_begin(&fingerprint))
        return run_no_memory(importing->error, "the import");
    const bool ok =
        format->begin(importing) && read_members(importing, &fingerprint) && format->end(importing);
    fingerprint_end(&fingerprint, found);
    if (ok && strcmp(found, importing->scan.fingerprint) != 0)
        return run_fail(importing->error, EXIT_INPUT,
                        "%s has changed while it was read; import it again",
                        importing->settings->sources[0]);
    return ok;
}

/* Broken images end it here, when all are known; the draft has everything else. */
static bool check_broken(const Importing *importing) {
    const ImportResult *result = importing->result;
    if (!image_writer_count(importing->writer))
        return run_fail(importing->error, EXIT_INPUT, "no image of %s could be read",
                        importing->settings->sources[0]);
    if (!result->broken || importing->settings->skip_broken)
        return true;
    return run_fail(
        importing->error, EXIT_INPUT,
        "%lld of %lld images are broken, as said above; with --skip-broken they are left "
        "out (the others are kept in %s.draft until then, so that takes no time)",
        (long long)result->broken, (long long)result->entries, importing->settings->path);
}

static bool import_open_source(Importing *importing) {
    FileError fault;
    const ImportSettings *settings = importing->settings;
    source_close(importing->source);
    importing->source = source_open(settings->sources, settings->source_count, &fault);
    return importing->source || run_fail(importing->error, EXIT_INPUT, "%s", fault.text);
}

static bool import(Importing *importing) {
    if (!import_open_source(importing) ||
        !scan_source(importing->source, importing->settings->format, importing->listener,
                     &importing->scan, importing->error) ||
        !import_open_source(importing))
        return false;
    importing->result->format = importing->scan.format->name;
    importing->state = calloc(1, importing->scan.format->state_bytes);
    if (!importing->state)
        return run_no_memory(importing->error, "the import");
    const bool read = read_all(importing);
    importing->result->entries = importing->position;
    if (importing->scan.format->release)
        importing->scan.format->release(importing);
    return read && check_broken(importing) && import_finish(importing);
}

bool import_run(const ImportSettings *settings, const ImportListener *listener,
                ImportResult *result, RunError *error) {
    static const ImportListener nobody;
    Importing importing = {.settings = settings,
                           .listener = listener ? listener : &nobody,
                           .result = result,
                           .error = error};
    *result = (ImportResult){0};
    const bool done = import(&importing);
    image_writer_close(importing.writer, false);
    source_close(importing.source);
    class_names_free(&importing.names);
    scan_free(&importing.scan);
    free(importing.state);
    return done;
}
