#include "runtime/study/probed.h"

#include <stdlib.h>

/* --- what has labels --- */

static void labelled_free(LabelledImages *labelled) {
    for (int split = 0; split < DATA_SPLIT_COUNT; split++)
        free(labelled->splits[split].images);
    free(labelled->images.images);
    free(labelled->class_of);
}

/* False: no memory. */
static bool labelled_make(const DataSet *data, LabelledImages *labelled) {
    int64_t most = 1;
    for (int split = 0; split < DATA_SPLIT_COUNT; split++)
        most += data->splits[split].count;
    labelled->images.images = malloc((size_t)most * sizeof(int32_t));
    labelled->class_of = malloc((size_t)most * sizeof(int32_t));
    bool ok = labelled->images.images && labelled->class_of;
    for (int split = 0; split < DATA_SPLIT_COUNT; split++) {
        const DataImages *from = &data->splits[split];
        DataImages *to = &labelled->splits[split];
        to->images = malloc((size_t)(from->count + 1) * sizeof(int32_t));
        ok = ok && to->images;
        for (int64_t i = 0; ok && data->labels && i < from->count; i++) {
            const int32_t image = from->images[i], label = data->labels[image];
            if (label < 0 || label >= data->classes)
                continue;
            const int64_t row = labelled->images.count++;
            labelled->images.images[row] = image;
            labelled->class_of[row] = label;
            to->images[to->count++] = (int32_t)row;
        }
    }
    return ok;
}

/* --- probing --- */

static bool probe(Probed *probed, const FeaturesUse *use, const ProbedPixels *pixels,
                  RunError *error) {
    const Experiment *experiment = probed->experiment;
    const ProbeTask task = {.settings = &experiment->probe,
                            .images = probed->labelled.images.images,
                            .class_of = probed->labelled.class_of,
                            .classes = probed->data->classes,
                            .splits = probed->labelled.splits,
                            .features = probed->features.layers,
                            .feature_count = probed->features.layer_count + 1,
                            .layer_count = probed->features.layer_count,
                            .numbers = probed->features.numbers,
                            .reference = pixels && pixels->known ? &pixels->result : NULL,
                            .seed = experiment->data.seed,
                            .threads = use->threads,
                            .log = use->log};
    return probe_run(&task, &probed->report, error);
}

bool probed_make(const Program *program, const Model *model, const DataSet *data,
                 const FeaturesUse *use, const ProbedPixels *pixels, Probed *probed,
                 RunError *error) {
    *probed = (Probed){.data = data, .experiment = program->experiment};
    const bool ok =
        (labelled_make(data, &probed->labelled) || run_no_memory(error, "the images")) &&
        features_read(program, model, data, &probed->labelled.images, use, &probed->features,
                      error) &&
        probe(probed, use, pixels, error);
    if (!ok)
        probed_free(probed);
    return ok;
}

bool probed_keep_pixels(const Probed *probed, ProbedPixels *pixels) {
    if (!pixels->known)
        pixels->known = probe_result_copy(&probed->report, probed->data->classes,
                                          &probed->report.results[probed->features.layer_count],
                                          &pixels->result);
    return pixels->known;
}

void probed_free(Probed *probed) {
    labelled_free(&probed->labelled);
    probe_free(&probed->report);
    features_free(&probed->features);
    *probed = (Probed){0};
}
