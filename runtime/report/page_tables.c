#include "runtime/report/page_parts.h"
#include "runtime/study/markup.h"

#include <math.h>
#include <string.h>

/* --- cells --- */

static void cell(FILE *out, const char *text) {
    fputs("<td>", out);
    markup_escape(out, *text ? text : "–");
    fputs("</td>", out);
}

/* 1,362,250,752; below 0: not known. */
static void count_cell(FILE *out, int64_t count) {
    char digits[32];
    snprintf(digits, sizeof digits, "%lld", (long long)count);
    fputs("<td class=\"number\">", out);
    if (count < 0)
        fputs("–", out);
    for (size_t i = 0, length = strlen(digits); count >= 0 && i < length; i++) {
        if (i && (length - i) % 3 == 0)
            fputc(',', out);
        fputc(digits[i], out);
    }
    fputs("</td>", out);
}

static void share_print(FILE *out, const Share *share) {
    fprintf(out, "%.1f&nbsp;%% <small>(%.1f to %.1f, n = %lld)</small>", 100 * share->value,
            100 * share->interval.low, 100 * share->interval.high, (long long)share->count);
}

static void steps_cell(FILE *out, const RunFindings *run) {
    const char *steps = findings_setting(run, "train.steps");
    fprintf(out, "<td class=\"number\">%lld", (long long)run->steps);
    if (steps) {
        fputs(" <small>of ", out);
        markup_escape(out, steps);
        fputs("</small>", out);
    }
    fputs("</td>", out);
}

static void loss_cell(FILE *out, const RunFindings *run) {
    fputs("<td class=\"number\">", out);
    if (isfinite(run->best_loss))
        fprintf(out, "%.4f <small>at step %lld</small>", run->best_loss, (long long)run->best_step);
    else
        fputs("–", out);
    fputs("</td>", out);
}

static void probe_cell(FILE *out, const RunFindings *run) {
    if (!run->probe) {
        cell(out, "");
        return;
    }
    fputs("<td>", out);
    markup_escape(out, run->probe->best.name);
    fputs(": ", out);
    share_print(out, &run->probe->best.test);
    fputs("</td>", out);
}

static void test_cell(FILE *out, const RunFindings *run) {
    const TestFindings *test = run->test;
    const bool judged = test && isfinite(test->loss);
    fputs("<td>", out);
    if (judged)
        fprintf(out, "loss %.4f", test->loss);
    if (test && test->accuracy.count) {
        fputs(judged ? "; " : "", out);
        share_print(out, &test->accuracy);
    }
    if (judged || (test && test->accuracy.count))
        fprintf(out, " <small>step %lld</small>", (long long)test->step);
    else
        fputs("–", out);
    fputs("</td>", out);
}

static void state_cell(FILE *out, const RunFindings *run) {
    const bool done = strncmp(run->state, "done", 4) == 0;
    fprintf(out, "<td class=\"%s\">", done ? "done" : "other");
    markup_escape(out, run->state);
    if (*run->reason) {
        fputs(" <small>", out);
        markup_escape(out, run->reason);
        fputs("</small>", out);
    }
    fputs("</td>", out);
}

/* --- the summary --- */

/* Test figures have a column where some run has any: that split is read when all is decided. */
static bool have_test(const Page *page) {
    for (uint32_t r = 0; r < page->count; r++)
        if (page->runs[r].test)
            return true;
    return false;
}

static void summary_row(FILE *out, const RunFindings *run, uint32_t number, bool with_test) {
    fprintf(out, "<tr><th scope=\"row\"><a href=\"#spec-%u\">", number);
    markup_escape(out, run->id);
    fputs("</a></th>", out);
    cell(out, run->objective);
    count_cell(out, run->parameters);
    steps_cell(out, run);
    loss_cell(out, run);
    probe_cell(out, run);
    if (with_test)
        test_cell(out, run);
    state_cell(out, run);
    fputs("</tr>\n", out);
}

void page_print_summary(FILE *out, const Page *page) {
    const bool with_test = have_test(page);
    fputs("<section id=\"runs\"><h2>Runs</h2>\n<div class=\"wide\"><table><thead><tr>"
          "<th>run</th><th>objective</th><th>parameters</th><th>steps</th>"
          "<th>best validation loss</th><th>best probe</th>",
          out);
    fputs(with_test ? "<th>test split</th><th>state</th>" : "<th>state</th>", out);
    fputs("</tr></thead><tbody>\n", out);
    for (uint32_t r = 0; r < page->count; r++)
        summary_row(out, &page->runs[r], r + 1, with_test);
    fputs(
        "</tbody></table></div>\n<p class=\"remark\">Losses in nats (of BERT per hidden token: "
        "they "
        "are not on the scale of others). Probes on the test split, with 95&nbsp;% intervals; the "
        "layer was chosen on the validation split.</p>\n",
        out);
    fputs("</section>\n", out);
}

/* --- beside a plot --- */

void page_print_table(FILE *out, const PlotTable *table) {
    if (!table->count)
        return;
    fputs("<div class=\"wide\"><table><thead><tr>", out);
    for (uint32_t column = 0; column < table->columns; column++) {
        fputs("<th scope=\"col\">", out);
        markup_escape(out, table->heads[column]);
        fputs("</th>", out);
    }
    fputs("</tr></thead><tbody>\n", out);
    for (uint32_t r = 0; r < table->count; r++) {
        fputs("<tr><th scope=\"row\">", out);
        markup_escape(out, table->rows[r][0]);
        fputs("</th>", out);
        for (uint32_t column = 1; column < table->columns; column++)
            cell(out, table->rows[r][column]);
        fputs("</tr>\n", out);
    }
    fputs("</tbody></table></div>\n<p class=\"remark\">Mean and standard deviation over runs; the "
          "layer was chosen on the validation split.</p>\n",
          out);
}

/* --- settings --- */

static void setting_row(FILE *out, const Page *page, const SettingRow *row) {
    fputs("<tr><th scope=\"row\">", out);
    markup_escape(out, row->key);
    fputs("</th>", out);
    for (uint32_t r = 0; r < page->count; r++)
        cell(out, row->values[r] ? row->values[r] : "");
    fputs("</tr>\n", out);
}

/* A line of something that run.json says. */
static void record_row(FILE *out, const Page *page, const char *key, size_t offset) {
    fprintf(out, "<tr><th scope=\"row\">%s</th>", key);
    for (uint32_t r = 0; r < page->count; r++)
        cell(out, *(const char *const *)((const char *)&page->runs[r] + offset));
    fputs("</tr>\n", out);
}

static void table_begin(FILE *out, const Page *page) {
    fputs("<div class=\"wide\"><table><thead><tr><th scope=\"col\">setting</th>", out);
    for (uint32_t r = 0; r < page->count; r++) {
        fputs("<th scope=\"col\">", out);
        markup_escape(out, page->runs[r].address);
        fputs("</th>", out);
    }
    fputs("</tr></thead><tbody>\n", out);
}

static void print_differences(FILE *out, const Page *page) {
    bool any = false;
    for (uint32_t i = 0; i < page->settings->count; i++)
        any |= page->settings->rows[i].differs;
    if (!any) {
        fputs("<p>The runs have the same settings.</p>\n", out);
        return;
    }
    fputs("<h3>What differs</h3>\n", out);
    table_begin(out, page);
    for (uint32_t i = 0; i < page->settings->count; i++)
        if (page->settings->rows[i].differs)
            setting_row(out, page, &page->settings->rows[i]);
    fputs("</tbody></table></div>\n", out);
}

void page_print_settings(FILE *out, const Page *page) {
    fputs("<section id=\"settings\"><h2>Settings</h2>\n", out);
    if (page->count > 1)
        print_differences(out, page);
    fputs("<details><summary>All settings</summary>\n", out);
    table_begin(out, page);
    record_row(out, page, "command", offsetof(RunFindings, command));
    record_row(out, page, "precision", offsetof(RunFindings, precision));
    record_row(out, page, "hash of the images", offsetof(RunFindings, data));
    record_row(out, page, "hash of the split", offsetof(RunFindings, split));
    for (uint32_t i = 0; i < page->settings->count; i++)
        setting_row(out, page, &page->settings->rows[i]);
    fputs("</tbody></table></div></details></section>\n", out);
}
