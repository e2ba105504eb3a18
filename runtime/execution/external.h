/* Functions of users' shared libraries: what a plan's calls call.
 *
 * A library is opened by dlopen (RTLD_NOW, RTLD_LOCAL), and so what it does when it is loaded is
 * done: open the plans and specs that you trust. Where it is looked for: its path as the plan has
 * it (a relative one from `folder`), then its last name in `folder`, then that name by the loader
 * (LD_LIBRARY_PATH, the system's folders).
 *
 * The C function is given the extents of the axes that its signature names, in the order in which
 * they come in it, each once, as int64_t; then its parameters: tensors as pointers to const (float,
 * int32_t, bool), row by row in the declared order; numbers by value; last a pointer to the result.
 *
 *     blur(x: f32[n, d], s: f32) -> f32[n, d]
 *     void blur(int64_t n, int64_t d, const float *x, float s, float *result);
 *
 * Its gradient is given what it is given, a pointer to the gradient of the result in the place of
 * the result, and pointers to the gradients of all parameters of f32, of numbers too:
 *
 *     void blur_grad(int64_t n, int64_t d, const float *x, float s, const float *result_gradient,
 *                    float *x_gradient, float *s_gradient);
 *
 * It writes its results entirely, and depends on its arguments alone. It is called once for each
 * position along the axes that its arguments carry (images), by several threads at a time.
 *
 * A library that has a string `NAME_signature` says by that what it was built for; it must be the
 * signature of the plan. The header that scanline writes for a spec defines it. */
#ifndef SCANLINE_RUNTIME_EXTERNAL_H
#define SCANLINE_RUNTIME_EXTERNAL_H

#include "runtime/execution/plan.h"
#include "runtime/files/hash.h"

typedef enum ExternalFault {
    EXTERNAL_LIBRARY,   /* it is not there, or cannot be opened */
    EXTERNAL_SYMBOL,    /* it lacks the function */
    EXTERNAL_SIGNATURE, /* it was built for another */
    EXTERNAL_MEMORY,
} ExternalFault;

typedef struct ExternalError {
    ExternalFault fault;
    const PlanCall *call; /* which; NULL: none in particular */
    char text[1024];      /* what is wrong */
    char hint[512];       /* what to do about it; may be "" */
} ExternalError;

/* --- one function --- */

typedef struct ExternalCall ExternalCall;

/* `folder` may be NULL. The call must outlive it. NULL and `error`. */
ExternalCall *external_call_open(const PlanCall *call, const char *folder, ExternalError *error);
void external_call_close(ExternalCall *external);

/* Computes the tiles first ... last - 1; operands and scratch as of a KernelFunction. Threads may
 * share it. */
void external_call_run(const ExternalCall *external, char *const *operands, char *scratch,
                       int64_t first, int64_t last);

/* --- those of a plan --- */

typedef struct Externals Externals;

/* A library that is open. */
typedef struct ExternalLibrary {
    const char *name; /* the last name of its path */
    const char *path; /* where it was found */
    char hash[HASH_SIZE];
} ExternalLibrary;

/* Opens what all calls of the plan call, which must outlive it. NULL and `error`. */
Externals *externals_open(const Plan *plan, const char *folder, ExternalError *error);
void externals_close(Externals *externals);

/* That of a kernel of the plan, which is a call. */
const ExternalCall *externals_call(const Externals *externals, uint32_t kernel);

/* Each library once, in the order of the plan. `externals` may be NULL. */
const ExternalLibrary *externals_libraries(const Externals *externals, uint32_t *count);

#endif
