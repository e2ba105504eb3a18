/* What a learning-rate search keeps and prints. Its trials are ordinary runs; the search has a
 * folder of its own beside them that says which they are and what came of them:
 *
 *     runs/search-digits-ar-s1-3fa9c2e1/search.json   replaced after every trial
 *
 * Nothing is read from there: a search that goes on finds its trials by what they are
 * (run/run_same.h). */
#ifndef SCANLINE_RUNTIME_COMMANDS_SEARCH_H
#define SCANLINE_RUNTIME_COMMANDS_SEARCH_H

#include "runtime/study/search.h"

#include <stdio.h>

bool search_write(const Search *search, const char *folder, RunError *error);

/* The table, or search.json. */
bool search_print(const Search *search, const char *folder, bool json, FILE *results,
                  RunError *error);

#endif
