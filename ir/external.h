/* Functions of shared libraries, written by users in C: what the ops call and call_grad call.
 *
 * A function takes tensors and numbers and gives one tensor. Its signature names the axes that it
 * works with; axes that its arguments carry besides (images, for one) are its caller's, who calls
 * it once for each position along them. It is pure: its result depends on its arguments alone. */
#ifndef SCANLINE_IR_EXTERNAL_H
#define SCANLINE_IR_EXTERNAL_H

#include "ir/graph.h"

enum { EXTERNAL_MAX_PARAMETERS = 16, EXTERNAL_MAX_DIMS = 32 };

/* f32[n, d]; without axes a number. */
typedef struct ExternalType {
    DType dtype; /* f32, i32 or bool */
    uint32_t axis_count;
    const char *axes[MAX_AXES]; /* their names; outermost first, as they lie in memory */
} ExternalType;

typedef struct ExternalParameter {
    const char *name;
    ExternalType type;
} ExternalParameter;

typedef struct External {
    const char *name;     /* its symbol */
    const char *library;  /* a path, or the name of a file that the loader finds */
    const char *gradient; /* the symbol of its gradient; NULL: it has none */
    uint32_t parameter_count;
    const ExternalParameter *parameters;
    ExternalType result;
    Span place; /* of its declaration; file NULL: none */
} External;

/* NULL, or what is wrong with it (in the arena): too much of something, two parameters of one name,
 * an axis twice, an element type that no C function is given. */
const char *external_check(const External *external, Arena *arena);

/* The same function of the same library with the same types; places may differ. */
bool external_equal(const External *a, const External *b);

/* "blur(x: f32[n, d], s: f32) -> f32[n, d]", in the arena. */
char *external_signature(const External *external, Arena *arena);

/* The axes that the signature names, each once, in the order in which it does: their extents are
 * what the C function is given first. Returns how many. */
uint32_t external_dims(const External *external, const char *dims[EXTERNAL_MAX_DIMS]);

/* Number of gradients: of parameters that are f32. */
uint32_t external_gradient_count(const External *external);
/* The parameter whose gradient is number `which`. */
uint32_t external_gradient_parameter(const External *external, uint32_t which);

/* The axes of a type in a function, in the type's order; false when the function lacks one. */
bool external_axes(const Function *function, const ExternalType *type, Axes *axes);

/* The type of a call's source: a parameter's; of call_grad the result's after them. */
const ExternalType *external_source_type(const External *external, uint32_t which);

/* The axes of a call's source, in the order in which the library takes it: what is carried
 * outermost, as the source has it, then the type's own in their order. */
Axes external_source_order(const Function *function, const Node *call, uint32_t which);

/* Of a node that calls: the axes that its arguments carry, in the order in which they are met. Its
 * results have them, then their own. False: too many for one tensor. */
bool external_carried(const Function *function, const Node *node, Axes *carried);

#endif
