/* The text form of functions and modules; ir/README.md has its grammar. What is printed can be
 * parsed (ir/text_parse.h), and then prints to the same bytes. */
#ifndef SCANLINE_IR_TEXT_PRINT_H
#define SCANLINE_IR_TEXT_PRINT_H

#include "ir/graph.h"

/* The functions in order, each after the bodies that it needs; in the arena. Of functions of one
 * name the later are printed as NAME.2, NAME.3 ... */
char *text_print_module(const Module *module, Arena *arena);

/* The same without the places in specs, and without the folders of libraries: equal where the same
 * is computed in the same way. */
char *text_print_bare(const Module *module, Arena *arena);

/* One function, after its bodies. */
char *text_print_function(const Function *function, Arena *arena);

/* One node without its places, "%7: f32[n] = shift[n] by 1 %5, %2". */
char *text_print_node(const Function *function, NodeId id, Arena *arena);

#endif
