/* The plots of a report: what runs have found, as points and lines (runtime/study/plot.h). */
#ifndef SCANLINE_RUNTIME_PLOTS_H
#define SCANLINE_RUNTIME_PLOTS_H

#include "runtime/report/differences.h"
#include "runtime/study/plot.h"

/* The runs, and what all plots need to know of them. */
typedef struct PlotRuns {
    const RunFindings *runs;
    const char *const *labels;
    const SettingTable *settings;
    uint32_t count;
    Pool *pool;
} PlotRuns;

/* Figures to be read beside a plot: the first column names the rows. */
typedef struct PlotTable {
    const char *const *heads; /* [columns] */
    uint32_t columns;
    const char ***rows; /* [count][columns] */
    uint32_t count;
} PlotTable;

typedef struct PlotList {
    Plot *plots;       /* those without points are left out */
    PlotTable *tables; /* of each plot; without rows: it has none */
    uint32_t count;
} PlotList;

/* Training and validation loss by step: a plot for each objective and data set, as losses of two
 * are not on one scale (BERT's is a mean over hidden pixels). */
PlotList plots_of_loss(const PlotRuns *runs);

/* Accuracy of classifiers on the validation split by step. */
PlotList plots_of_accuracy(const PlotRuns *runs);

/* Probe accuracy by layer, on the test split: a plot for each data set. */
PlotList plots_of_layers(const PlotRuns *runs);

/* The best layer's accuracy against the validation loss of the checkpoint that was probed: a plot
 * for each objective and data set, a series for each run. With the rank correlation of the two,
 * from three points on. */
PlotList plots_of_loss_and_probe(const PlotRuns *runs);

/* Mean accuracy by layer of all runs that are alike but for their seeds, with the 95 % interval of
 * the mean; where there are several objectives. The table has the best layer's accuracy, and that
 * of the classifiers among the runs that were finetuned from them. */
PlotList plots_of_objectives(const PlotRuns *runs);

#endif
