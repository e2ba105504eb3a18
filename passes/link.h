/* Objects to a file that other machines can use: a program, a shared library or one object. The
 * linker is the C compiler's, `cc`, found in PATH; what every such program is made of besides its
 * kernels is an archive beside this program (frontend/standalone/). */
#ifndef SCANLINE_PASSES_LINK_H
#define SCANLINE_PASSES_LINK_H

#include "passes/compile.h"

typedef enum LinkKind { LINK_PROGRAM, LINK_LIBRARY, LINK_OBJECT } LinkKind;

/* The file appears whole or not at all. False and `error`: what is missing and where to have it
 * from, or what the linker said. */
bool link_objects(LinkKind kind, const ObjectCode *objects, size_t count, const char *path,
                  CompileError *error);

#endif
