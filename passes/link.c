/* Objects are written to a folder of their own under $TMPDIR, linked there, and the result is
 * written to its place as any other file is. */
#include "passes/link.h"

#include "passes/pipeline.h"
#include "runtime/files/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define ARCHIVE "libscanline_standalone.a"

enum { MOST_WORDS_BESIDE = 64, LONGEST_COMPLAINT = 700, MOST_BYTES = INT_MAX };

typedef struct Link {
    LinkKind kind;
    char folder[PATH_MAX];
    char archive[PATH_MAX];
    CompileError *error;
} Link;

/* --- what it takes --- */

/* The first of these compilers that PATH has. */
static const char *find_compiler(CompileError *error) {
    static const char *const names[] = {"cc", "gcc", "clang"};
    const char *path = getenv("PATH");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (const char *at = path ? path : ""; *at;) {
            const size_t length = strcspn(at, ":");
            char file[PATH_MAX];
            if (snprintf(file, sizeof file, "%.*s/%s", (int)length, at, names[i]) <
                    (int)sizeof file &&
                access(file, X_OK) == 0)
                return names[i];
            at += length + (at[length] == ':');
        }
    compile_fail(error,
                 "linking takes a C compiler, and PATH has no cc, gcc or clang; on Debian and "
                 "Ubuntu: apt install gcc libc6-dev");
    return NULL;
}

/* Beside this program: in lib/ where it was built, in ../lib/scanline/ where it was installed. */
static bool find_archive(Link *link) {
    static const char *const folders[] = {"lib", "../lib/scanline"};
    char self[PATH_MAX];
    const ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    char *slash = length > 0 ? memrchr(self, '/', (size_t)length) : NULL;
    if (!slash)
        return compile_fail(link->error, "it can't be told where this program is (/proc)");
    *slash = 0;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (snprintf(link->archive, sizeof link->archive, "%s/%s/" ARCHIVE, self, folders[i]) <
                (int)sizeof link->archive &&
            access(link->archive, R_OK) == 0)
            return true;
    return compile_fail(link->error,
                        "there is no " ARCHIVE " in %.300s/lib or %.300s/../lib/scanline: it comes "
                        "with this program, and what is compiled ahead of time is made of it",
                        self, self);
}

static bool make_folder(Link *link) {
    const char *temporary = getenv("TMPDIR");
    snprintf(link->folder, sizeof link->folder, "%s/scanline-XXXXXX",
             temporary && *temporary ? temporary : "/tmp");
    return mkdtemp(link->folder) || compile_fail(link->error, "can't make a folder like %.500s: %s",
                                                 link->folder, strerror(errno));
}

static bool write_file(const Link *link, const char *name, const char *bytes, size_t size) {
    char path[PATH_MAX + NAME_MAX];
    snprintf(path, sizeof path, "%s/%s", link->folder, name);
    FILE *file = fopen(path, "wb");
    const bool written = file && fwrite(bytes, 1, size, file) == size;
    const bool closed = file && fclose(file) == 0;
    return (written && closed) ||
           compile_fail(link->error, "can't write %.600s: %s", path, strerror(errno));
}

/* What is in the folder is what was put there. */
static void remove_folder(const Link *link, size_t count) {
    static const char *const others[] = {"exports", "said", "result"};
    char path[PATH_MAX + NAME_MAX];
    for (size_t i = 0; i < count + sizeof others / sizeof *others; i++) {
        if (i < count)
            snprintf(path, sizeof path, "%s/%zu.o", link->folder, i);
        else
            snprintf(path, sizeof path, "%s/%s", link->folder, others[i - count]);
        unlink(path);
    }
    rmdir(link->folder);
}

/* --- the linker's words --- */

typedef struct Words {
    char **at;
    size_t count;
    bool complete; /* else there was no memory for one */
} Words;

static void words_add(Words *words, const char *word) {
    words->at[words->count] = strdup(word);
    words->complete &= words->at[words->count] != NULL;
    words->count += words->at[words->count] != NULL;
}

static void words_add_all(Words *words, const char *list) {
    while (*list) {
        char word[128];
        const size_t length = strcspn(list, " ");
        snprintf(word, sizeof word, "%.*s", (int)length, list);
        if (length)
            words_add(words, word);
        list += length + (list[length] == ' ');
    }
}

static void words_free(Words *words) {
    for (size_t i = 0; i < words->count; i++)
        free(words->at[i]);
    free(words->at);
}

static bool words_make(const Link *link, const char *compiler, size_t objects, Words *words) {
    *words = (Words){calloc(objects + MOST_WORDS_BESIDE, sizeof *words->at), 0, true};
    if (!words->at)
        return compile_fail(link->error, "no memory to link");
    words_add(words, compiler);
    words_add_all(words, "-o result");
    if (link->kind == LINK_OBJECT)
        words_add_all(words, "-r -nostdlib");
    if (link->kind == LINK_LIBRARY)
        words_add_all(words, "-shared -Wl,-z,defs -Wl,-u,scanline_create -Wl,-u,scanline_sample "
                             "-Wl,--version-script=exports");
    for (size_t i = 0; i < objects; i++) {
        char name[32];
        snprintf(name, sizeof name, "%zu.o", i);
        words_add(words, name);
    }
    if (link->kind != LINK_OBJECT) {
        words_add(words, link->archive);
        words_add_all(words, "-Wl,--as-needed -Wl,--gc-sections -Wl,--strip-debug -Wl,-z,relro "
                             "-Wl,-z,now -Wl,-z,noexecstack " SCANLINE_LINK_WORDS);
    }
    return words->complete || compile_fail(link->error, "no memory to link");
}

/* --- running it --- */

static void take_complaint(const Link *link, const char *compiler) {
    char path[PATH_MAX + 8], text[LONGEST_COMPLAINT + 1] = "";
    snprintf(path, sizeof path, "%s/said", link->folder);
    FILE *file = fopen(path, "rb");
    if (file) {
        text[fread(text, 1, LONGEST_COMPLAINT, file)] = 0;
        fclose(file);
    }
    compile_fail(link->error, "%s could not link: %s", compiler, *text ? text : "it said nothing");
}

static bool run_in_folder(const Link *link, char **words) {
    posix_spawn_file_actions_t actions;
    pid_t process;
    int status = 0, fault = posix_spawn_file_actions_init(&actions);
    if (fault)
        return compile_fail(link->error, "no memory to link");
    posix_spawn_file_actions_addchdir_np(&actions, link->folder);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "said", O_WRONLY | O_CREAT, 0600);
    fault = posix_spawnp(&process, words[0], &actions, NULL, words, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (fault)
        return compile_fail(link->error, "can't run %s: %s", words[0], strerror(fault));
    while (waitpid(process, &status, 0) < 0 && errno == EINTR)
        continue;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        take_complaint(link, words[0]);
        return false;
    }
    return true;
}

/* By all who may read it. */
static bool make_runnable(const Link *link, const char *path) {
    struct stat status;
    return link->kind == LINK_OBJECT ||
           (stat(path, &status) == 0 &&
            chmod(path, (status.st_mode & 0777) | (status.st_mode & 0444) >> 2) == 0);
}

static bool take_result(const Link *link, const char *path) {
    char result[PATH_MAX + 8];
    FileError fault;
    FileWriter writer;
    size_t size;
    snprintf(result, sizeof result, "%s/result", link->folder);
    char *bytes = file_read(result, MOST_BYTES, &size, &fault);
    bool taken = bytes && file_begin(&writer, path, &fault);
    if (taken &&
        (fwrite(bytes, 1, size, writer.stream) != size || !make_runnable(link, writer.temporary))) {
        file_fail(&fault, "cannot write", path);
        file_abandon(&writer);
        taken = false;
    }
    taken = taken && file_commit(&writer, &fault);
    free(bytes);
    return taken || compile_fail(link->error, "%s", fault.text);
}

static bool link_in_folder(const Link *link, const char *compiler, const ObjectCode *objects,
                           size_t count, const char *path) {
    static const char exports[] = "{ global: scanline_*; local: *; };\n";
    Words words = {0};
    bool good = write_file(link, "exports", exports, sizeof exports - 1);
    for (size_t i = 0; good && i < count; i++) {
        char name[32];
        snprintf(name, sizeof name, "%zu.o", i);
        good = write_file(link, name, objects[i].bytes, objects[i].size);
    }
    good = good && words_make(link, compiler, count, &words) && run_in_folder(link, words.at) &&
           take_result(link, path);
    words_free(&words);
    return good;
}

bool link_objects(LinkKind kind, const ObjectCode *objects, size_t count, const char *path,
                  CompileError *error) {
    Link link = {.kind = kind, .error = error};
    const char *compiler = find_compiler(error);
    if (!compiler || (kind != LINK_OBJECT && !find_archive(&link)) || !make_folder(&link))
        return false;
    const bool good = link_in_folder(&link, compiler, objects, count, path);
    remove_folder(&link, count);
    return good;
}
