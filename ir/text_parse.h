/* Reads the text form of a module; ir/README.md has its grammar. The text is not trusted: what is
 * wrong with it is told, and a module that is returned is valid (ir/verify.h). */
#ifndef SCANLINE_IR_TEXT_PARSE_H
#define SCANLINE_IR_TEXT_PARSE_H

#include "ir/graph.h"

typedef struct TextError {
    uint32_t line, column; /* from 1, in bytes */
    char text[256];
} TextError;

/* NULL and `error` when the text is at fault. Everything is the arena's. */
Module *text_parse(const char *text, size_t length, Arena *arena, TextError *error);

#endif
