#include "runtime/report/timeline.h"

#include "runtime/files/file.h"

#include <math.h>
#include <stdlib.h>

enum { LINE_SIZE = 512 };

static double end_of(const Timeline *timeline) {
    return timeline->count ? timeline->marks[timeline->count - 1].seconds : 0;
}

/* A training that goes on may do so from an earlier step. */
static void drop_from(Timeline *timeline, int64_t step) {
    while (timeline->count && timeline->marks[timeline->count - 1].step >= step)
        timeline->count--;
}

static void add_mark(Timeline *timeline, const TimelineMark *mark, Pool *pool) {
    TimelineMark *larger =
        pool_grow(pool, timeline->marks, timeline->count, sizeof *timeline->marks);
    if (!larger)
        return;
    timeline->marks = larger;
    larger[timeline->count++] = *mark;
}

Timeline timeline_read(const char *folder, int64_t last, Pool *pool) {
    Timeline timeline = {0};
    char line[LINE_SIZE];
    char *path = file_path(folder, "timing.jsonl");
    FILE *stream = path ? fopen(path, "re") : NULL;
    double before = 0, previous = 0; /* of earlier processes; in this one */
    while (stream && fgets(line, sizeof line, stream)) {
        long long step;
        double seconds;
        if (sscanf(line, "{\"step\": %lld, \"seconds\": %lf,", &step, &seconds) != 2 || step < 0 ||
            step > last || !(seconds >= 0 && seconds < 1e12))
            continue;
        drop_from(&timeline, step);
        if (seconds < previous) /* each process counts from 0 */
            before = end_of(&timeline);
        previous = seconds;
        add_mark(&timeline, &(TimelineMark){step, before + seconds}, pool);
    }
    if (stream)
        fclose(stream);
    free(path);
    return timeline;
}

double timeline_at(const Timeline *timeline, int64_t step) {
    const TimelineMark *marks = timeline->marks;
    uint32_t next = 0;
    while (next < timeline->count && marks[next].step < step)
        next++;
    if (next == timeline->count)
        return next ? marks[next - 1].seconds : 0;
    if (marks[next].step == step || next == 0)
        return marks[next].seconds;
    const TimelineMark *from = &marks[next - 1], *to = &marks[next];
    const double share = (double)(step - from->step) / (double)(to->step - from->step);
    return from->seconds + share * (to->seconds - from->seconds);
}
