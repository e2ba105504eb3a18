/* A table from functions to numbers. Its order is that of addresses, so it is only ever asked,
 * never listed. */
#ifndef SCANLINE_IR_FUNCTION_MAP_H
#define SCANLINE_IR_FUNCTION_MAP_H

#include "ir/graph.h"

typedef struct FunctionMap FunctionMap;

#define FUNCTION_ABSENT UINT32_MAX

FunctionMap *function_map_create(Arena *arena);
uint32_t function_map_find(const FunctionMap *map,
                           const Function *function); /* or FUNCTION_ABSENT */
void function_map_add(FunctionMap *map, const Function *function, uint32_t value); /* if absent */

#endif
