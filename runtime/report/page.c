#include "runtime/report/page.h"

#include "runtime/report/assets.h"
#include "runtime/report/page_parts.h"
#include "runtime/report/plot_json.h"
#include "runtime/study/markup.h"

#include <stdlib.h>

/* --- plots --- */

static void print_plot(FILE *out, const PagePlot *shown) {
    const Plot *plot = shown->plot;
    fprintf(out, "<figure class=\"plot\" id=\"%s\"><figcaption><b>", plot->name);
    markup_escape(out, plot->title);
    fputs("</b>", out);
    if (plot->subtitle) {
        fputs(" <span>", out);
        markup_escape(out, plot->subtitle);
        fputs("</span>", out);
    }
    fprintf(out,
            "</figcaption><div class=\"chart\"><canvas data-plot=\"%s\" role=\"img\" aria-label=\"",
            plot->name);
    markup_escape(out, plot->title);
    fprintf(out, "\"></canvas></div><div class=\"paper\">%s</div></figure>\n", shown->svg);
}

static void print_section(FILE *out, const PageSection *section) {
    fputs("<section><h2>", out);
    markup_escape(out, section->title);
    fputs("</h2>\n", out);
    for (uint32_t i = 0; i < section->count; i++) {
        print_plot(out, &section->plots[i]);
        page_print_table(out, section->plots[i].table);
    }
    for (uint32_t i = 0; i < section->absent_count; i++)
        page_print_absent(out, section->absent[i]);
    fputs("</section>\n", out);
}

static json_t *plots_json(const Page *page) {
    json_t *all = json_object();
    for (uint32_t s = 0; s < page->section_count; s++)
        for (uint32_t i = 0; i < page->sections[s].count; i++) {
            const Plot *plot = page->sections[s].plots[i].plot;
            if (json_object_set_new(all, plot->name, plot_json(plot)) != 0) {
                json_decref(all);
                return NULL;
            }
        }
    return all;
}

/* In a script element no text may look like its end: `<' is written as an escape of JSON. */
static bool print_data(FILE *out, const Page *page) {
    json_t *json = plots_json(page);
    char *text = json ? json_dumps(json, JSON_COMPACT | JSON_ENSURE_ASCII |
                                             JSON_REAL_PRECISION(PLOT_JSON_DIGITS))
                      : NULL;
    const bool made = text != NULL;
    fputs(PAGE_PLOTS, out);
    for (const char *at = text; at && *at; at++) {
        if (*at == '<' || *at == '>' || *at == '&')
            fprintf(out, "\\u%04x", (unsigned)*at);
        else
            fputc(*at, out);
    }
    fputs("</script>\n", out);
    free(text);
    json_decref(json);
    return made;
}

/* --- the whole --- */

static void print_asset(FILE *out, const char *tag, const char *text, size_t size) {
    fprintf(out, "<%s>", tag);
    fwrite(text, 1, size, out);
    fprintf(out, "</%s>\n", tag);
}

static void print_head(FILE *out, const Page *page) {
    size_t size;
    fputs(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
        "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n<title>",
        out);
    markup_escape(out, page->count == 1 ? page->runs[0].id : "scanline report");
    fputs("</title>\n", out);
    const char *style = asset_style(&size);
    print_asset(out, "style", style, size);
    fputs("</head>\n<body>\n<header><h1>", out);
    if (page->count == 1)
        markup_escape(out, page->runs[0].id);
    else
        fprintf(out, "Report of %u runs", page->count);
    fputs("</h1></header>\n<main>\n", out);
}

bool page_print(FILE *out, const Page *page) {
    size_t size;
    print_head(out, page);
    page_print_summary(out, page);
    for (uint32_t s = 0; s < page->section_count; s++)
        print_section(out, &page->sections[s]);
    page_print_samples(out, page);
    page_print_settings(out, page);
    page_print_specs(out, page);
    page_print_notes(out, page);
    fputs("</main>\n<footer>Made by scanline; it needs no network.</footer>\n", out);
    const bool made = print_data(out, page);
    const char *charts = asset_charts(&size);
    print_asset(out, "script", charts, size);
    const char *script = asset_script(&size);
    print_asset(out, "script", script, size);
    fputs("</body>\n</html>\n", out);
    return made;
}
