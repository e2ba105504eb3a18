#include "runtime/report/page_parts.h"

#include "runtime/files/file.h"
#include "runtime/report/base64.h"
#include "runtime/study/markup.h"

#include <stdlib.h>
#include <string.h>

enum { PICTURE_BYTES = 16 * 1024 * 1024 };

void page_print_absent(FILE *out, const char *text) {
    bool code = false;
    fputs("<p class=\"absent\">", out);
    for (;; code = !code) {
        const size_t length = strcspn(text, "`");
        markup_escape_part(out, text, length);
        text += length;
        if (!*text++)
            break;
        fputs(code ? "</code>" : "<code>", out);
    }
    fputs(code ? "</code></p>\n" : "</p>\n", out);
}

/* --- samples --- */

static bool print_picture(FILE *out, const char *path) {
    static const unsigned char signature[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
    FileError error;
    size_t size;
    char *bytes = file_read(path, PICTURE_BYTES, &size, &error);
    const bool is_png =
        bytes && size > sizeof signature && memcmp(bytes, signature, sizeof signature) == 0;
    const char *slash = strrchr(path, '/');
    if (is_png) {
        fputs("<figure class=\"picture\"><img alt=\"", out);
        markup_escape(out, slash ? slash + 1 : path);
        fputs("\" src=\"data:image/png;base64,", out);
        base64_print(out, bytes, size);
        fputs("\"><figcaption>", out);
        markup_escape(out, slash ? slash + 1 : path);
        fputs("</figcaption></figure>\n", out);
    }
    free(bytes);
    return is_png;
}

void page_print_samples(FILE *out, const Page *page) {
    fputs("<section id=\"samples\"><h2>Samples</h2>\n", out);
    for (uint32_t r = 0; r < page->count; r++) {
        const RunFindings *run = &page->runs[r];
        if (!run->picture_count)
            continue;
        fputs("<h3>", out);
        markup_escape(out, page->labels[r]);
        fputs("</h3>\n<div class=\"pictures\">", out);
        for (uint32_t i = 0; i < run->picture_count; i++)
            if (!print_picture(out, run->pictures[i])) {
                fputs("<p class=\"absent\">No PNG picture, or too large: ", out);
                markup_escape(out, run->pictures[i]);
                fputs("</p>\n", out);
            }
        fputs("</div>\n", out);
    }
    for (uint32_t r = 0; r < page->count; r++)
        if (!page->runs[r].picture_count && strncmp(page->runs[r].objective, "bert", 4) != 0) {
            fputs("<p class=\"absent\">No samples yet: <code>scanline sample ", out);
            markup_escape(out, page->runs[r].address);
            fputs("</code></p>\n", out);
        }
    fputs("</section>\n", out);
}

/* --- text --- */

void page_print_specs(FILE *out, const Page *page) {
    fputs("<section id=\"specs\"><h2>Spec</h2>\n", out);
    for (uint32_t r = 0; r < page->count; r++) {
        fprintf(out, "<details id=\"spec-%u\"><summary>", r + 1);
        markup_escape(out, page->runs[r].id);
        fputs("</summary><pre>", out);
        markup_escape(out, page->runs[r].spec);
        fputs("</pre></details>\n", out);
    }
    fputs("</section>\n", out);
}

void page_print_notes(FILE *out, const Page *page) {
    bool any = false;
    for (uint32_t r = 0; r < page->count; r++)
        for (uint32_t i = 0; i < page->runs[r].note_count; i++) {
            fputs(any ? "" : "<section id=\"notes\"><h2>What could not be read</h2>\n<ul>\n", out);
            any = true;
            fputs("<li>", out);
            markup_escape(out, page->runs[r].address);
            fputs(": ", out);
            markup_escape(out, page->runs[r].notes[i]);
            fputs("</li>\n", out);
        }
    fputs(any ? "</ul></section>\n" : "", out);
}
