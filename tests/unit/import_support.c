#include "tests/unit/import_support.h"

#include "runtime/files/file.h"

#include <archive.h>
#include <archive_entry.h>
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define IMAGES SCANLINE_SOURCE_DIR "/tests/unit/vectors/images"

char import_folder[64];

void import_make_folder(void) {
    strcpy(import_folder, "/tmp/scanline-import-XXXXXX");
    cr_assert(mkdtemp(import_folder));
}

void import_remove_folder(void) {
    char command[256];
    snprintf(command, sizeof command, "chmod -R u+rwx %s; rm -rf %s", import_folder, import_folder);
    cr_assert_eq(system(command), 0);
}

const char *import_path(const char *name) {
    static char path[4][512];
    static int next;
    char *made = path[next = (next + 1) % 4];
    snprintf(made, sizeof path[0], "%s/%s", import_folder, name);
    for (char *slash = strchr(made + strlen(import_folder) + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdir(made, 0777);
        *slash = '/';
    }
    return made;
}

void import_put(const char *name, const void *bytes, size_t size) {
    FileError error;
    cr_assert(file_write(import_path(name), bytes, size, &error), "%s", error.text);
}

void import_put_text(const char *name, const char *text) { import_put(name, text, strlen(text)); }

/* --- vectors --- */

int import_vectors(ImportVector vectors[IMPORT_MOST_VECTORS]) {
    FileError error;
    int count = 0;
    FILE *list = fopen(IMAGES "/images.txt", "r");
    cr_assert(list);
    for (ImportVector *v = vectors; count < IMPORT_MOST_VECTORS; v++, count++) {
        char path[256];
        if (fscanf(list, "%63s %*d %*d %llx %*x", v->name, &v->hash) != 2)
            break;
        snprintf(path, sizeof path, IMAGES "/%s", v->name);
        v->bytes = (uint8_t *)file_read(path, 1 << 20, &v->size, &error);
        cr_assert(v->bytes, "%s", error.text);
    }
    fclose(list);
    return count;
}

unsigned long long import_hash(ImageView image) {
    uint64_t hash = UINT64_C(0xCBF29CE484222325);
    for (int64_t i = 0; i < image_bytes(image); i++)
        hash = (hash ^ image.pixels[i]) * UINT64_C(0x100000001B3);
    return hash;
}

/* --- an import --- */

static void on_progress(void *user, int64_t entries, int64_t bytes, int64_t all_bytes) {
    const ImportTold *told = user;
    (void)bytes, (void)all_bytes;
    if (told->kill_at && entries >= told->kill_at)
        kill(getpid(), SIGKILL);
}

static void on_broken(void *user, const char *name, const char *reason) {
    ImportTold *told = user;
    const size_t length = strlen(told->broken);
    snprintf(told->broken + length, sizeof told->broken - length, "%s %s\n", name, reason);
}

static void on_note(void *user, const char *text) {
    ImportTold *told = user;
    const size_t length = strlen(told->notes);
    snprintf(told->notes + length, sizeof told->notes - length, "%s\n", text);
}

bool import_do(const char *name, ImportSettings settings, ImportTold *told) {
    const ImportListener listener = {told, NULL, on_progress, on_broken, on_note};
    char source[512], out[512];
    snprintf(source, sizeof source, "%s", import_path(name));
    snprintf(out, sizeof out, "%s", import_path("out.images"));
    const char *const sources[] = {source};
    settings.sources = sources;
    settings.source_count = 1;
    settings.path = out;
    settings.threads = settings.threads ? settings.threads : 2;
    *told->broken = *told->notes = 0;
    told->error = (RunError){0};
    return import_run(&settings, &listener, &told->result, &told->error);
}

ImageFile *import_open(void) {
    FileError error;
    ImageFile *file = image_file_open(import_path("out.images"), &error);
    cr_assert(file, "%s", error.text);
    return file;
}

/* --- archives --- */

void import_put_archive(const char *name, const char *form, const ImportEntry *entries, int count) {
    struct archive *archive = archive_write_new();
    if (strcmp(form, "zip") == 0)
        archive_write_set_format_zip(archive);
    else
        archive_write_set_format_pax_restricted(archive);
    if (strcmp(form, "tgz") == 0)
        archive_write_add_filter_gzip(archive);
    cr_assert_eq(archive_write_open_filename(archive, import_path(name)), ARCHIVE_OK);
    for (int i = 0; i < count; i++) {
        struct archive_entry *entry = archive_entry_new();
        archive_entry_set_pathname(entry, entries[i].name);
        archive_entry_set_size(entry, (la_int64_t)entries[i].size);
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_perm(entry, 0644);
        cr_assert_eq(archive_write_header(archive, entry), ARCHIVE_OK);
        archive_write_data(archive, entries[i].bytes, entries[i].size);
        archive_entry_free(entry);
    }
    cr_assert_eq(archive_write_free(archive), ARCHIVE_OK);
}
