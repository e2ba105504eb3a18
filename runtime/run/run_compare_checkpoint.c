#include "runtime/run/run_compare_checkpoint.h"

#include "runtime/files/safetensors.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- bytes --- */

static bool streams_same(FILE *left, FILE *right) {
    enum { BLOCK = 1 << 16 };
    char a[BLOCK], b[BLOCK];
    for (;;) {
        size_t count = fread(a, 1, BLOCK, left), other = fread(b, 1, BLOCK, right);
        if (count != other || memcmp(a, b, count) != 0)
            return false;
        if (count < BLOCK)
            return !ferror(left) && !ferror(right);
    }
}

static bool files_same(const char *run, const char *reproduction, bool *same, RunError *error) {
    FILE *left = fopen(run, "rbe"), *right = fopen(reproduction, "rbe");
    int reason = errno;
    bool opened = left && right;
    if (opened)
        *same = streams_same(left, right);
    else
        run_fail(error, EXIT_INPUT, "cannot read %s: %s", left ? reproduction : run,
                 strerror(reason));
    if (left)
        fclose(left);
    if (right)
        fclose(right);
    return opened;
}

/* --- in what --- */

static void differ(RunDifference *difference, const char *what, const char *run,
                   const char *reproduction) {
    snprintf(difference->what, sizeof difference->what, "%s", what);
    snprintf(difference->run, sizeof difference->run, "%s", run ? run : "absent");
    snprintf(difference->reproduction, sizeof difference->reproduction, "%s",
             reproduction ? reproduction : "absent");
}

static bool metadata_differs(const Safetensors *run, const Safetensors *reproduction,
                             RunDifference *difference) {
    static const char *const keys[] = {"version", "step",      "target",    "table",
                                       "data",    "split",     "spec",      "evaluation",
                                       "waited",  "best_step", "best_loss", "best_accuracy"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *here = safetensors_metadata(run, keys[i]);
        const char *there = safetensors_metadata(reproduction, keys[i]);
        if (here && there ? strcmp(here, there) == 0 : here == there)
            continue;
        bool spec = strcmp(keys[i], "spec") == 0;
        differ(difference, keys[i], spec ? "one text" : here, spec ? "another" : there);
        return true;
    }
    return false;
}

/* "block.0.attn.wq[3, 5]" of the element at `index`. */
static void print_place(char text[DIFFERENCE_TEXT], const Tensor *tensor, int64_t index) {
    int64_t at[SAFETENSORS_MAX_RANK];
    for (uint32_t i = tensor->rank; i-- > 0; index /= tensor->extents[i])
        at[i] = index % tensor->extents[i];
    size_t used = (size_t)snprintf(text, DIFFERENCE_TEXT, "%.200s", tensor->name);
    for (uint32_t i = 0; i < tensor->rank; i++)
        used += (size_t)snprintf(text + used, DIFFERENCE_TEXT - used, "%s%lld", i ? ", " : "[",
                                 (long long)at[i]);
    if (tensor->rank)
        snprintf(text + used, DIFFERENCE_TEXT - used, "]");
}

static void print_element(char text[64], TensorType type, const char *bytes) {
    float value;
    if (type == TENSOR_F32) {
        memcpy(&value, bytes, sizeof value);
        snprintf(text, 64, "%.9g", (double)value);
        return;
    }
    size_t used = (size_t)snprintf(text, 64, "bytes");
    for (size_t i = 0; i < tensor_type_size(type); i++)
        used += (size_t)snprintf(text + used, 64 - used, " %02x", (unsigned char)bytes[i]);
}

/* Of tensors with the same type and shape. */
static bool values_differ(const Tensor *tensor, const char *run, const char *reproduction,
                          RunDifference *difference) {
    size_t size = tensor_type_size(tensor->type);
    for (int64_t i = 0; i < tensor->elements; i++) {
        size_t at = (size_t)i * size;
        if (memcmp(run + at, reproduction + at, size) == 0)
            continue;
        char place[DIFFERENCE_TEXT], here[64], there[64];
        print_place(place, tensor, i);
        print_element(here, tensor->type, run + at);
        print_element(there, tensor->type, reproduction + at);
        differ(difference, place, here, there);
        return true;
    }
    return false;
}

static bool same_form(const Tensor *a, const Tensor *b) {
    return a->type == b->type && a->rank == b->rank &&
           memcmp(a->extents, b->extents, a->rank * sizeof *a->extents) == 0;
}

/* The values of one tensor of both. */
static bool tensor_compare(const Safetensors *run, const Safetensors *reproduction,
                           const Tensor *tensor, const Tensor *other, RunDifference *difference,
                           bool *found, RunError *error) {
    size_t bytes = (size_t)tensor->elements * tensor_type_size(tensor->type);
    char *here = malloc(bytes ? bytes : 1), *there = malloc(bytes ? bytes : 1);
    FileError fault = {"no memory for a tensor"};
    bool read = here && there && safetensors_read(run, tensor, here, &fault) &&
                safetensors_read(reproduction, other, there, &fault);
    if (read)
        *found = values_differ(tensor, here, there, difference);
    free(here);
    free(there);
    return read || run_fail(error, EXIT_MACHINE, "%s", fault.text);
}

static bool tensors_differ(const Safetensors *run, const Safetensors *reproduction,
                           RunDifference *difference, RunError *error) {
    bool found = false;
    for (uint32_t i = 0; i < safetensors_count(run) && !found; i++) {
        const Tensor *tensor = safetensors_at(run, i);
        const Tensor *other = safetensors_find(reproduction, tensor->name);
        if (!other || !same_form(tensor, other)) {
            differ(difference, tensor->name, "a tensor", other ? "of another shape" : NULL);
            return true;
        }
        if (!tensor_compare(run, reproduction, tensor, other, difference, &found, error))
            return false;
    }
    if (!found)
        differ(difference, "the bytes of the file", "one order", "another");
    return true;
}

bool checkpoints_compare(const char *run, const char *reproduction, RunDifference *difference,
                         bool *same, RunError *error) {
    FileError fault;
    if (!files_same(run, reproduction, same, error))
        return false;
    if (*same)
        return true;
    difference->found = true;
    Safetensors *left = safetensors_open(run, &fault);
    if (!left) { /* the run's own file is damaged: that is the difference */
        differ(difference, "the file", fault.text, "a checkpoint");
        return true;
    }
    Safetensors *right = safetensors_open(reproduction, &fault);
    bool told = right ? metadata_differs(left, right, difference) ||
                            tensors_differ(left, right, difference, error)
                      : run_fail(error, EXIT_MACHINE, "%s", fault.text);
    safetensors_close(left);
    safetensors_close(right);
    return told;
}
