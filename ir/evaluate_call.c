/* Values of call and call_grad: once for each position along the carried axes, the caller that the
 * interpreter was given is handed the blocks of all arguments, each row by row in the order that
 * its signature declares. */
#include "ir/evaluate.h"
#include "ir/external.h"
#include "ir/loop.h"

/* A block of one argument or result, and the tensor that it is a part of. */
typedef struct Block {
    Axes declared, whole; /* of the signature; of the tensor */
    double *values;       /* of the block, dense */
} Block;

typedef struct Calling {
    Evaluation *evaluation;
    const External *external;
    Axes carried;
    int64_t positions[MAX_AXES]; /* along the carried axes */
    Block arguments[EXTERNAL_MAX_PARAMETERS + 1], results[EXTERNAL_MAX_PARAMETERS];
    uint32_t argument_count, result_count;
} Calling;

static Block block_take(const Calling *calling, const ExternalType *type, const Axes *whole) {
    const Function *function = calling->evaluation->function;
    Block block = {.whole = *whole};
    external_axes(function, type, &block.declared);
    block.values = pool_take(calling->evaluation->pool, axes_elements(function, &block.declared));
    return block;
}

static void block_give(const Calling *calling, const Block *block) {
    pool_give(calling->evaluation->pool, block->values,
              axes_elements(calling->evaluation->function, &block->declared));
}

/* Copies between the block and its place in the tensor. */
static void block_copy(const Calling *calling, const Block *block, double *tensor, bool to_tensor) {
    const Function *function = calling->evaluation->function;
    Loop loop = loop_over(function, &block->declared, &block->declared);
    int64_t base = 0;
    for (int i = 0; i < calling->carried.count; i++)
        base +=
            calling->positions[i] * axes_stride(function, &block->whole, calling->carried.at[i]);
    loop_operand(&loop, 0, &block->declared);
    loop_operand(&loop, 1, &block->whole);
    do {
        for (int64_t i = 0; i < loop.inner; i++) {
            double *dense = &block->values[loop.offsets[0] + i * loop.steps[0]];
            double *strided = &tensor[base + loop.offsets[1] + i * loop.steps[1]];
            *(to_tensor ? strided : dense) = to_tensor ? *dense : *strided;
        }
    } while (loop_next(&loop));
}

/* Steps to the next position along the carried axes; false after the last. */
static bool next_position(Calling *calling) {
    const Function *function = calling->evaluation->function;
    for (int i = calling->carried.count; i-- > 0;) {
        if (++calling->positions[i] < graph_axis(function, calling->carried.at[i])->extent)
            return true;
        calling->positions[i] = 0;
    }
    return false;
}

static bool call_once(Calling *calling, const InterpretCall *call) {
    Evaluation *evaluation = calling->evaluation;
    const InterpretCaller *caller = evaluation->pool->caller;
    for (uint32_t i = 0; i < calling->argument_count; i++)
        block_copy(calling, &calling->arguments[i], (double *)evaluation_value(evaluation, i),
                   false);
    if (!caller->call(caller->user, call, evaluation->pool->error))
        return false;
    for (uint32_t i = 0; i < calling->result_count; i++)
        block_copy(calling, &calling->results[i], evaluation->results[i], true);
    return true;
}

/* Makes the calls; a fault is kept, and leaves the results as they are. */
static void call_all(Calling *calling, bool is_gradient) {
    const Function *function = calling->evaluation->function;
    Pool *pool = calling->evaluation->pool;
    const char *dims[EXTERNAL_MAX_DIMS];
    int64_t extents[EXTERNAL_MAX_DIMS];
    const double *arguments[EXTERNAL_MAX_PARAMETERS + 1];
    double *results[EXTERNAL_MAX_PARAMETERS];
    const uint32_t dim_count = external_dims(calling->external, dims);
    for (uint32_t i = 0; i < dim_count; i++)
        extents[i] = graph_axis(function, function_find_axis(function, dims[i]))->extent;
    for (uint32_t i = 0; i < calling->argument_count; i++)
        arguments[i] = calling->arguments[i].values;
    for (uint32_t i = 0; i < calling->result_count; i++)
        results[i] = calling->results[i].values;
    const InterpretCall call = {calling->external, is_gradient, extents, arguments, results};
    if (!pool->caller && !pool->failed)
        interpret_fail(pool->error, "%s of %s is called, and nobody here can call it",
                       calling->external->name, calling->external->library);
    pool->failed = pool->failed || !pool->caller;
    while (!pool->failed) {
        pool->failed = !call_once(calling, &call);
        if (!next_position(calling))
            break;
    }
}

static Calling calling_begin(Evaluation *evaluation) {
    const Node *node = evaluation->node;
    Calling calling = {.evaluation = evaluation,
                       .external = node->attributes.external,
                       .argument_count = node->source_count};
    external_carried(evaluation->function, node, &calling.carried);
    for (uint32_t i = 0; i < node->source_count; i++)
        calling.arguments[i] = block_take(&calling, external_source_type(calling.external, i),
                                          &evaluation_source(evaluation, i)->axes);
    return calling;
}

static void calling_end(Calling *calling) {
    for (uint32_t i = 0; i < calling->argument_count; i++)
        block_give(calling, &calling->arguments[i]);
    for (uint32_t i = 0; i < calling->result_count; i++)
        block_give(calling, &calling->results[i]);
}

void evaluate_call(Evaluation *evaluation) {
    Calling calling = calling_begin(evaluation);
    calling.result_count = 1;
    calling.results[0] = block_take(&calling, &calling.external->result, &evaluation->node->axes);
    call_all(&calling, false);
    calling_end(&calling);
}

void evaluate_call_grad(Evaluation *evaluation) {
    Calling calling = calling_begin(evaluation);
    const External *external = calling.external;
    calling.result_count = external_gradient_count(external);
    for (uint32_t i = 0; i < calling.result_count; i++) {
        DType dtype;
        Axes axes;
        graph_result_type(evaluation->function, evaluation->node, i, &dtype, &axes);
        const uint32_t parameter = external_gradient_parameter(external, i);
        calling.results[i] = block_take(&calling, &external->parameters[parameter].type, &axes);
    }
    call_all(&calling, true);
    calling_end(&calling);
}
