/* Everything is read first; then the plots are written, and at last the page that shows them. */
#include "runtime/commands/report.h"

#include "runtime/commands/command.h"
#include "runtime/report/earlier.h"
#include "runtime/report/sections.h"
#include "runtime/report/tensorboard.h"
#include "runtime/run/run_folder.h"
#include "runtime/run/run_lock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where it goes. */
typedef struct ReportPlace {
    char *page;   /* "runs/0007-digits-ar-s1/report.html" */
    char *folder; /* of the plots: "runs/0007-digits-ar-s1/report" */
} ReportPlace;

static bool place_choose(const ReportCommand *command, ReportPlace *place, RunError *error) {
    static const char suffix[] = ".html";
    place->page =
        command->out
            ? strdup(command->out)
            : file_path(command->count == 1 ? command->runs[0].folder : runs_root(), "report.html");
    const size_t length = place->page ? strlen(place->page) : 0;
    const size_t end = sizeof suffix - 1;
    if (place->page && (length <= end || strcmp(place->page + length - end, suffix) != 0))
        return run_fail(error, EXIT_USAGE, "a report is an HTML page: -o takes NAME.html, not %s",
                        place->page);
    place->folder = place->page ? strndup(place->page, length - end) : NULL;
    return place->folder || run_no_memory(error, "a path");
}

static void place_free(ReportPlace *place) {
    free(place->page);
    free(place->folder);
}

/* --- written --- */

static bool write_plots(const ReportPlace *place, const Sections *sections, RunError *error) {
    FileError fault;
    if (mkdir(place->folder, 0777) != 0 && errno != EEXIST)
        return run_fail(error, EXIT_MACHINE, "can't make %s: %s", place->folder, strerror(errno));
    for (uint32_t s = 0; s < sections->count; s++)
        for (uint32_t i = 0; i < sections->sections[s].count; i++) {
            const PagePlot *plot = &sections->sections[s].plots[i];
            char *path;
            if (asprintf(&path, "%s/%s.svg", place->folder, plot->plot->name) < 0)
                return run_no_memory(error, "a path");
            const bool written = file_write(path, plot->svg, strlen(plot->svg), &fault);
            free(path);
            if (!written)
                return run_fail(error, EXIT_MACHINE, "%s", fault.text);
        }
    return true;
}

static bool is_made(const Sections *sections, const char *name) {
    for (uint32_t s = 0; s < sections->count; s++)
        for (uint32_t i = 0; i < sections->sections[s].count; i++)
            if (strcmp(sections->sections[s].plots[i].plot->name, name) == 0)
                return true;
    return false;
}

/* Before the page is replaced, which knows of them: after a crash in between they are found again.
 */
static bool remove_earlier(const ReportPlace *place, const Sections *sections, Pool *pool,
                           RunError *error) {
    const char **names;
    const uint32_t count = earlier_plots(place->page, pool, &names);
    for (uint32_t i = 0; i < count && !pool->failed; i++) {
        const char *path = pool_print(pool, "%s/%s.svg", place->folder, names[i]);
        if (path && !is_made(sections, names[i]) && unlink(path) != 0 && errno != ENOENT)
            return run_fail(error, EXIT_MACHINE, "can't remove %s: %s", path, strerror(errno));
    }
    return !pool->failed || run_no_memory(error, "the earlier report");
}

static bool write_page(const ReportPlace *place, const Page *page, RunError *error) {
    FileWriter writer;
    FileError fault;
    if (!file_begin(&writer, place->page, &fault))
        return run_fail(error, EXIT_MACHINE, "%s", fault.text);
    if (!page_print(writer.stream, page)) {
        file_abandon(&writer);
        return run_no_memory(error, "the page");
    }
    return file_commit(&writer, &fault) || run_fail(error, EXIT_MACHINE, "%s", fault.text);
}

/* Who trains a run writes them. */
static bool make_event_files(const ReportCommand *command, RunError *error) {
    for (uint32_t r = 0; command->tensorboard && r < command->count; r++) {
        FileError fault;
        const int lock = run_lock(command->runs[r].folder, error);
        if (lock < 0)
            return false;
        const bool made = tensorboard_make(command->runs[r].folder, &fault);
        run_unlock(lock);
        if (!made)
            return run_fail(error, EXIT_MACHINE, "%s", fault.text);
    }
    return true;
}

static void print_paths(const ReportCommand *command, const ReportPlace *place,
                        const Sections *sections) {
    json_t *plots = json_array(), *correlations = json_array();
    if (!command->json)
        fprintf(command->results, "%s\n", place->page);
    for (uint32_t s = 0; s < sections->count; s++)
        for (uint32_t i = 0; i < sections->sections[s].count; i++) {
            const Plot *plot = sections->sections[s].plots[i].plot;
            const char *name = plot->name;
            if (plot->correlated)
                json_array_append_new(correlations,
                                      json_pack("{ss sf sI}", "plot", name, "spearman",
                                                plot->correlation, "points",
                                                (json_int_t)plot->correlated));
            if (command->json)
                json_array_append_new(plots, json_sprintf("%s/%s.svg", place->folder, name));
            else
                fprintf(command->results, "%s/%s.svg\n", place->folder, name);
        }
    json_t *json = json_pack("{so so so}", "page", json_string(place->page), "plots", plots,
                             "rank_correlations", correlations);
    if (command->json)
        command_print_json(json, command->results);
    else
        json_decref(json);
}

static bool report(const ReportCommand *command, const RunFindings *runs, Pool *pool,
                   const ReportPlace *place, RunError *error) {
    const SettingTable settings = settings_compare(runs, command->count, pool);
    const char **labels = runs_label(runs, command->count, &settings, pool);
    const PlotRuns plotted = {runs, labels, &settings, command->count, pool};
    Sections sections = {0};
    if (!pool->failed)
        sections = sections_make(&plotted);
    if (!sections.sections)
        return run_no_memory(error, "the report");
    const Page page = {.runs = runs,
                       .labels = labels,
                       .count = command->count,
                       .settings = &settings,
                       .sections = sections.sections,
                       .section_count = sections.count};
    const bool written = write_plots(place, &sections, error) &&
                         remove_earlier(place, &sections, pool, error) &&
                         write_page(place, &page, error) && make_event_files(command, error);
    if (written)
        print_paths(command, place, &sections);
    sections_free(&sections);
    return written;
}

bool commands_report(const ReportCommand *command, RunError *error) {
    Pool pool = {0};
    ReportPlace place = {0};
    RunFindings *runs = pool_array(&pool, command->count, sizeof *runs);
    const bool done =
        (runs || run_no_memory(error, "the runs")) && place_choose(command, &place, error) &&
        findings_read_all(command->runs, command->count, command->log, &pool, runs, error) &&
        report(command, runs, &pool, &place, error);
    place_free(&place);
    pool_free(&pool);
    return done;
}
