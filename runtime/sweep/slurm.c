#include "runtime/sweep/slurm.h"

#include "runtime/files/file.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_ANSWER = 4096 };

/* --- scripts --- */

/* As one word of the shell. */
static void put_word(FILE *out, const char *word) {
    fputc('\'', out);
    for (; *word; word++)
        if (*word == '\'')
            fputs("'\\''", out);
        else
            fputc(*word, out);
    fputc('\'', out);
}

static void put_head(FILE *out, const SlurmArray *array, const char *what, const char *log) {
    fprintf(out, "#!/bin/sh\n#SBATCH --job-name=%s%s\n#SBATCH --output=%s/%s\n", array->name, what,
            array->folder, log);
    for (uint32_t i = 0; i < array->option_count; i++)
        fprintf(out, "#SBATCH %s\n", array->options[i]);
}

/* What decides where runs and models are found is as it was when the sweep was submitted. */
static void put_place(FILE *out) {
    static const char *const names[] = {"SCANLINE_RUNS", "SCANLINE_MODELS", "SCANLINE_CACHE"};
    char *here = getcwd(NULL, 0);
    fputs("cd ", out);
    put_word(out, here ? here : ".");
    fputs(" || exit 3\n", out);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (getenv(names[i])) {
            fprintf(out, "export %s=", names[i]);
            put_word(out, getenv(names[i]));
            fputc('\n', out);
        }
    free(here);
}

/* A minute before its time is over a task is asked to stop: its trials save. */
static void put_array(FILE *out, const SlurmArray *array) {
    put_head(out, array, "", "part-%a.log");
    fprintf(out,
            "#SBATCH --array=0-%lld\n#SBATCH --signal=B:TERM@60\n"
            "# Each task: its part of the trials, with a database of its own. Submitted again, it "
            "goes on.\n",
            (long long)array->parts - 1);
    put_place(out);
    fputs("exec", out);
    for (uint32_t i = 0; i < array->word_count; i++) {
        fputc(' ', out);
        put_word(out, array->words[i]);
    }
    fprintf(out, " --part \"$SLURM_ARRAY_TASK_ID/%lld\" --db ", (long long)array->parts);
    put_word(out, array->folder);
    fputs("/part-\"$SLURM_ARRAY_TASK_ID\".db\n", out);
}

static void put_merge(FILE *out, const SlurmArray *array) {
    put_head(out, array, "-merge", "merge.log");
    put_place(out);
    fputs("exec ", out);
    put_word(out, array->words[0]);
    fputs(" sweep merge ", out);
    put_word(out, array->folder);
    fputs("/sweep.db ", out);
    put_word(out, array->folder);
    fputs("/part-*.db\n", out);
}

static bool write_script(const SlurmArray *array, const char *name,
                         void (*put)(FILE *out, const SlurmArray *array), RunError *error) {
    FileWriter writer;
    FileError fault = {"no memory for a path"};
    char *path = file_path(array->folder, name);
    bool written = path && file_begin(&writer, path, &fault);
    if (written) {
        put(writer.stream, array);
        written = file_commit(&writer, &fault);
    }
    free(path);
    return written || run_fail(error, EXIT_MACHINE, "%s", fault.text);
}

/* A line of a script is what a name or an option ends in. */
static bool one_line(const char *text, RunError *error) {
    for (const char *at = text; *at; at++)
        if (iscntrl((unsigned char)*at))
            return run_fail(error, EXIT_USAGE,
                            "a path or an option for sbatch has a line end in "
                            "it, or another control character");
    return true;
}

/* --- submitted --- */

/* What a command prints, up to its first line end. */
static bool answer_of(char *const *words, char answer[MOST_ANSWER], RunError *error) {
    int ends[2], status = 0;
    if (pipe(ends) != 0)
        return run_fail(error, EXIT_MACHINE, "cannot run %s: %s", words[0], strerror(errno));
    fflush(NULL);
    const pid_t process = fork();
    if (process == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execvp(words[0], words);
        _exit(127);
    }
    close(ends[1]);
    size_t used = 0;
    for (ssize_t count; used + 1 < MOST_ANSWER &&
                        (count = read(ends[0], answer + used, MOST_ANSWER - 1 - used)) > 0;)
        used += (size_t)count;
    close(ends[0]);
    answer[used] = 0;
    answer[strcspn(answer, "\n")] = 0;
    while (process > 0 && waitpid(process, &status, 0) < 0 && errno == EINTR)
        ;
    if (process > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    if (process > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return run_fail(error, EXIT_MACHINE,
                        "there is no %s here: --slurm is for a machine that jobs are submitted "
                        "from (Debian: slurm-client)",
                        words[0]);
    return run_fail(error, EXIT_MACHINE, "%s did not take the job (it says why above)", words[0]);
}

/* --parsable: "JOB" or "JOB;CLUSTER". */
static bool submit(const SlurmArray *array, const char *script, const char *after,
                   char job[MOST_ANSWER], RunError *error) {
    char *path = file_path(array->folder, script), *dependency = NULL;
    bool able = path && (!after || asprintf(&dependency, "--dependency=afterany:%s", after) >= 0);
    char *words[] = {(char *)"sbatch", (char *)"--parsable", after ? dependency : path,
                     after ? path : NULL, NULL};
    able = able ? answer_of(words, job, error) : run_no_memory(error, "a command");
    free(path);
    if (after)
        free(dependency);
    if (!able)
        return false;
    job[strspn(job, "0123456789")] = 0;
    return *job || run_fail(error, EXIT_MACHINE, "sbatch did not say which job it made");
}

static void say(const SlurmArray *array, const char *job, const char *merge, bool json,
                FILE *results) {
    if (!json) {
        fprintf(results,
                "job %s: %lld tasks, each with its part of the trials; job %s merges them\n"
                "%s\nscanline sweep show %s/sweep.db    (when they are merged; a part: "
                "part-0.db)\n",
                job, (long long)array->parts, merge, array->folder, array->folder);
        return;
    }
    json_t *said = json_pack("{s:s, s:s, s:I, s:s}", "job", job, "merge", merge, "parts",
                             (json_int_t)array->parts, "folder", array->folder);
    json_dumpf(said, results, JSON_INDENT(2));
    fputc('\n', results);
    json_decref(said);
}

bool slurm_submit(const SlurmArray *array, bool json, FILE *results, RunError *error) {
    char job[MOST_ANSWER], merge[MOST_ANSWER];
    bool sound = one_line(array->folder, error);
    for (uint32_t i = 0; i < array->option_count && sound; i++)
        sound = one_line(array->options[i], error);
    if (!sound || !write_script(array, "sweep.sbatch", put_array, error) ||
        !write_script(array, "merge.sbatch", put_merge, error) ||
        !submit(array, "sweep.sbatch", NULL, job, error) ||
        !submit(array, "merge.sbatch", job, merge, error))
        return false;
    say(array, job, merge, json, results);
    return true;
}
