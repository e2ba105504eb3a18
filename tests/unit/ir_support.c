#include "tests/unit/ir_support.h"

#include "ir/text_parse.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

Function *ir_parse(Arena *arena, const char *text) {
    TextError error;
    const Module *module = text_parse(text, strlen(text), arena, &error);
    cr_assert(module, "%u:%u: %s in\n%s", error.line, error.column, error.text, text);
    return module->functions[module->function_count - 1];
}

double **ir_values(Arena *arena, const Function *function, const InterpretBinding *bindings,
                   size_t count) {
    InterpretError error;
    double **values = interpret(function, bindings, count, arena, &error);
    cr_assert(values, "%s: %s", function->name, error.text);
    return values;
}

bool ir_near(double value, double expected, double tolerance) {
    if (value == expected || (isnan(value) && isnan(expected)))
        return true;
    return fabs(value - expected) <= tolerance * fmax(1, fabs(expected));
}
