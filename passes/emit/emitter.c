/* Each helper is one or a few calls of LLVM's C API; what is decided here is the form of loops
 * (tested at the top, so none runs zero times by mistake; LLVM rotates them), the trees of lane
 * reductions, and the attributes of functions. */
#include "passes/emit/emitter.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { OPERAND_ALIGNMENT = 64 };

void emitter_open(Emitter *emitter, Arena *arena, const Target *target, LLVMModuleRef module) {
    LLVMContextRef context = LLVMGetModuleContext(module);
    *emitter = (Emitter){
        .target = target,
        .arena = arena,
        .context = context,
        .module = module,
        .builder = LLVMCreateBuilderInContext(context),
        .void_type = LLVMVoidTypeInContext(context),
        .i1 = LLVMInt1TypeInContext(context),
        .i8 = LLVMInt8TypeInContext(context),
        .i16 = LLVMInt16TypeInContext(context),
        .i32 = LLVMInt32TypeInContext(context),
        .i64 = LLVMInt64TypeInContext(context),
        .f32 = LLVMFloatTypeInContext(context),
        .pointer = LLVMPointerTypeInContext(context, 0),
        .lanes = target_lanes(target),
    };
}

void emitter_close(Emitter *emitter) {
    lines_close(emitter);
    if (emitter->builder)
        LLVMDisposeBuilder(emitter->builder);
    emitter->builder = NULL;
}

/* --- types and constants --- */

LLVMTypeRef emit_vector_type(Emitter *emitter, LLVMTypeRef element, uint32_t lanes) {
    (void)emitter;
    return lanes == 1 ? element : LLVMVectorType(element, lanes);
}

LLVMTypeRef emit_memory_type(Emitter *emitter, DType dtype) {
    switch (dtype) {
    case DTYPE_F32:
        return emitter->f32;
    case DTYPE_BF16:
        return emitter->i16;
    case DTYPE_I32:
        return emitter->i32;
    case DTYPE_BOOL:
        return emitter->i8;
    case DTYPE_NONE:
        break;
    }
    assert(!"a tensor has a type");
    return emitter->i8;
}

uint32_t emit_lanes(LLVMValueRef value) {
    LLVMTypeRef type = LLVMTypeOf(value);
    return LLVMGetTypeKind(type) == LLVMVectorTypeKind ? LLVMGetVectorSize(type) : 1;
}

LLVMValueRef emit_i64(Emitter *emitter, int64_t value) {
    return LLVMConstInt(emitter->i64, (unsigned long long)value, true);
}

LLVMValueRef emit_i32(Emitter *emitter, int32_t value) {
    return LLVMConstInt(emitter->i32, (unsigned long long)value, true);
}

LLVMValueRef emit_f32(Emitter *emitter, double value) {
    return LLVMConstReal(emitter->f32, (double)(float)value);
}

LLVMValueRef emit_f32_lanes(Emitter *emitter, double value, uint32_t lanes) {
    return emit_splat(emitter, emit_f32(emitter, value), lanes);
}

LLVMValueRef emit_i32_lanes(Emitter *emitter, int32_t value, uint32_t lanes) {
    return emit_splat(emitter, emit_i32(emitter, value), lanes);
}

LLVMValueRef emit_ramp(Emitter *emitter, uint32_t lanes) {
    if (lanes == 1)
        return emit_i32(emitter, 0);
    LLVMValueRef *numbers = arena_array(emitter->arena, lanes, sizeof *numbers);
    for (uint32_t i = 0; i < lanes; i++)
        numbers[i] = emit_i32(emitter, (int32_t)i);
    return LLVMConstVector(numbers, lanes);
}

LLVMValueRef emit_splat(Emitter *emitter, LLVMValueRef scalar, uint32_t lanes) {
    if (lanes == 1)
        return scalar;
    LLVMTypeRef type = LLVMVectorType(LLVMTypeOf(scalar), lanes);
    if (LLVMIsConstant(scalar)) {
        LLVMValueRef *copies = arena_array(emitter->arena, lanes, sizeof *copies);
        for (uint32_t i = 0; i < lanes; i++)
            copies[i] = scalar;
        return LLVMConstVector(copies, lanes);
    }
    LLVMValueRef first = LLVMBuildInsertElement(emitter->builder, LLVMGetPoison(type), scalar,
                                                emit_i64(emitter, 0), "");
    LLVMValueRef zeros = LLVMConstNull(LLVMVectorType(emitter->i32, lanes));
    return LLVMBuildShuffleVector(emitter->builder, first, LLVMGetPoison(type), zeros, "");
}

/* --- addresses and integers --- */

LLVMValueRef emit_add(Emitter *emitter, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildNSWAdd(emitter->builder, a, b, "");
}

LLVMValueRef emit_sub(Emitter *emitter, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildNSWSub(emitter->builder, a, b, "");
}

LLVMValueRef emit_mul(Emitter *emitter, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildNSWMul(emitter->builder, a, b, "");
}

LLVMValueRef emit_add_const(Emitter *emitter, LLVMValueRef a, int64_t b) {
    return b ? emit_add(emitter, a, emit_i64(emitter, b)) : a;
}

LLVMValueRef emit_mul_const(Emitter *emitter, LLVMValueRef a, int64_t b) {
    return b == 1 ? a : emit_mul(emitter, a, emit_i64(emitter, b));
}

LLVMValueRef emit_div_const(Emitter *emitter, LLVMValueRef a, int64_t b) {
    assert(b > 0);
    return b == 1 ? a : LLVMBuildUDiv(emitter->builder, a, emit_i64(emitter, b), "");
}

LLVMValueRef emit_mod_const(Emitter *emitter, LLVMValueRef a, int64_t b) {
    assert(b > 0);
    return b == 1 ? emit_i64(emitter, 0)
                  : LLVMBuildURem(emitter->builder, a, emit_i64(emitter, b), "");
}

LLVMValueRef emit_min_i64(Emitter *emitter, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildSelect(emitter->builder, emit_less(emitter, a, b), a, b, "");
}

LLVMValueRef emit_max_i64(Emitter *emitter, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildSelect(emitter->builder, emit_less(emitter, a, b), b, a, "");
}

LLVMValueRef emit_less(Emitter *emitter, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildICmp(emitter->builder, LLVMIntSLT, a, b, "");
}

LLVMValueRef emit_element(Emitter *emitter, LLVMTypeRef type, LLVMValueRef base,
                          LLVMValueRef index) {
    return LLVMBuildInBoundsGEP2(emitter->builder, type, base, &index, 1, "");
}

/* --- memory --- */

LLVMValueRef emit_load(Emitter *emitter, LLVMTypeRef type, LLVMValueRef pointer,
                       uint32_t alignment) {
    LLVMValueRef load = LLVMBuildLoad2(emitter->builder, type, pointer, "");
    LLVMSetAlignment(load, alignment);
    return load;
}

void emit_store(Emitter *emitter, LLVMValueRef value, LLVMValueRef pointer, uint32_t alignment) {
    LLVMSetAlignment(LLVMBuildStore(emitter->builder, value, pointer), alignment);
}

static LLVMValueRef call_intrinsic(Emitter *emitter, const char *name, LLVMTypeRef *overloads,
                                   uint32_t overload_count, LLVMValueRef *arguments,
                                   uint32_t count) {
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    assert(id);
    LLVMValueRef function =
        LLVMGetIntrinsicDeclaration(emitter->module, id, overloads, overload_count);
    LLVMTypeRef type = LLVMGlobalGetValueType(function);
    return LLVMBuildCall2(emitter->builder, type, function, arguments, count, "");
}

void emit_prefetch(Emitter *emitter, LLVMValueRef pointer, PrefetchTo to) {
    enum { SECOND = 2, NEAREST = 3, DATA = 1 };
    LLVMValueRef arguments[] = {pointer, emit_i32(emitter, to == PREFETCH_TO_WRITE),
                                emit_i32(emitter, to == PREFETCH_L2 ? SECOND : NEAREST),
                                emit_i32(emitter, DATA)};
    call_intrinsic(emitter, "llvm.prefetch", &emitter->pointer, 1, arguments, 4);
}

LLVMValueRef emit_load_masked(Emitter *emitter, LLVMTypeRef type, LLVMValueRef pointer,
                              LLVMValueRef mask, uint32_t alignment) {
    LLVMTypeRef overloads[] = {type, emitter->pointer};
    LLVMValueRef arguments[] = {pointer, emit_i32(emitter, (int32_t)alignment), mask,
                                LLVMConstNull(type)};
    return call_intrinsic(emitter, "llvm.masked.load", overloads, 2, arguments, 4);
}

void emit_store_masked(Emitter *emitter, LLVMValueRef value, LLVMValueRef pointer,
                       LLVMValueRef mask, uint32_t alignment) {
    LLVMTypeRef overloads[] = {LLVMTypeOf(value), emitter->pointer};
    LLVMValueRef arguments[] = {value, pointer, emit_i32(emitter, (int32_t)alignment), mask};
    call_intrinsic(emitter, "llvm.masked.store", overloads, 2, arguments, 4);
}

LLVMValueRef emit_count_mask(Emitter *emitter, LLVMValueRef count, uint32_t lanes) {
    LLVMValueRef limit = emit_i64(emitter, lanes), zero = emit_i64(emitter, 0);
    LLVMValueRef clamped = emit_max_i64(emitter, emit_min_i64(emitter, count, limit), zero);
    LLVMValueRef narrow = LLVMBuildTrunc(emitter->builder, clamped, emitter->i32, "");
    return LLVMBuildICmp(emitter->builder, LLVMIntSLT, emit_ramp(emitter, lanes),
                         emit_splat(emitter, narrow, lanes), "");
}

LLVMValueRef emit_shuffle(Emitter *emitter, LLVMValueRef a, LLVMValueRef b, const uint32_t *numbers,
                          uint32_t count) {
    if (count == 1) {
        uint32_t lanes = emit_lanes(a);
        LLVMValueRef from = numbers[0] < lanes ? a : b;
        return LLVMBuildExtractElement(emitter->builder, from,
                                       emit_i64(emitter, numbers[0] % lanes), "");
    }
    LLVMValueRef *places = arena_array(emitter->arena, count, sizeof *places);
    for (uint32_t i = 0; i < count; i++)
        places[i] = emit_i32(emitter, (int32_t)numbers[i]);
    return LLVMBuildShuffleVector(emitter->builder, a, b, LLVMConstVector(places, count), "");
}

LLVMValueRef emit_range_mask(Emitter *e, LLVMValueRef first, LLVMValueRef last, LLVMValueRef at,
                             uint32_t lanes) {
    LLVMValueRef before = emit_count_mask(e, emit_sub(e, first, at), lanes);
    LLVMValueRef within = emit_count_mask(e, emit_sub(e, last, at), lanes);
    return LLVMBuildAnd(e->builder, within, LLVMBuildNot(e->builder, before, ""), "");
}

LLVMValueRef emit_load_lanes(Emitter *emitter, LLVMTypeRef element, uint32_t count, uint32_t lanes,
                             LLVMValueRef pointer, uint32_t alignment) {
    LLVMTypeRef part_type = emit_vector_type(emitter, element, count);
    LLVMValueRef part = emit_load(emitter, part_type, pointer, alignment);
    if (count == lanes)
        return part;
    LLVMValueRef zeros = LLVMConstNull(emit_vector_type(emitter, element, lanes));
    if (count == 1)
        return LLVMBuildInsertElement(emitter->builder, zeros, part, emit_i64(emitter, 0), "");
    uint32_t *numbers = arena_array(emitter->arena, lanes, sizeof *numbers);
    for (uint32_t i = 0; i < lanes; i++)
        numbers[i] = i < count ? i : count; /* count: the first of the zeros */
    return emit_shuffle(emitter, part, LLVMConstNull(part_type), numbers, lanes);
}

LLVMValueRef emit_frame_array(Emitter *emitter, LLVMTypeRef type, uint32_t count,
                              const char *name) {
    LLVMBasicBlockRef here = LLVMGetInsertBlock(emitter->builder);
    LLVMBasicBlockRef entry = LLVMGetEntryBasicBlock(emitter->function);
    LLVMValueRef first = LLVMGetFirstInstruction(entry);
    LLVMMetadataRef line = lines_save(emitter);
    if (first)
        LLVMPositionBuilderBefore(emitter->builder, first);
    else
        LLVMPositionBuilderAtEnd(emitter->builder, entry);
    LLVMValueRef array = LLVMBuildAlloca(emitter->builder, LLVMArrayType2(type, count), name);
    LLVMSetAlignment(array, OPERAND_ALIGNMENT);
    LLVMPositionBuilderAtEnd(emitter->builder, here);
    lines_restore(emitter, line);
    return array;
}

/* --- arithmetic --- */

LLVMValueRef emit_intrinsic(Emitter *emitter, const char *name, const LLVMValueRef *arguments,
                            uint32_t count) {
    LLVMTypeRef overload = LLVMTypeOf(arguments[0]);
    LLVMValueRef copies[4];
    assert(count <= 4);
    memcpy(copies, arguments, count * sizeof *arguments);
    return call_intrinsic(emitter, name, &overload, 1, copies, count);
}

LLVMValueRef emit_instruction(Emitter *emitter, const char *name, LLVMValueRef *arguments,
                              uint32_t count) {
    return call_intrinsic(emitter, name, NULL, 0, arguments, count);
}

LLVMValueRef emit_fma(Emitter *emitter, LLVMValueRef a, LLVMValueRef b, LLVMValueRef c) {
    if (emitter->target->has_fma)
        return emit_intrinsic(emitter, "llvm.fma", (LLVMValueRef[]){a, b, c}, 3);
    LLVMValueRef product = LLVMBuildFMul(emitter->builder, a, b, "");
    return LLVMBuildFAdd(emitter->builder, product, c, "");
}

LLVMValueRef emit_max_f32(Emitter *emitter, LLVMValueRef a, LLVMValueRef b) {
    LLVMValueRef greater = LLVMBuildFCmp(emitter->builder, LLVMRealOGT, a, b, "");
    return LLVMBuildSelect(emitter->builder, greater, a, b, "");
}

/* The lanes from `first` on, `count` of them, as a vector (or a scalar). */
static LLVMValueRef take_lanes(Emitter *emitter, LLVMValueRef vector, uint32_t first,
                               uint32_t count) {
    uint32_t *numbers = arena_array(emitter->arena, count, sizeof *numbers);
    for (uint32_t i = 0; i < count; i++)
        numbers[i] = first + i;
    return emit_shuffle(emitter, vector, LLVMGetPoison(LLVMTypeOf(vector)), numbers, count);
}

typedef LLVMValueRef Combine(Emitter *emitter, LLVMValueRef a, LLVMValueRef b);

static LLVMValueRef add_f32(Emitter *emitter, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildFAdd(emitter->builder, a, b, "");
}

/* Lane i with lane i + half, until one is left; lanes are a power of two. */
static LLVMValueRef reduce_lanes(Emitter *emitter, LLVMValueRef vector, Combine *combine) {
    for (uint32_t lanes = emit_lanes(vector); lanes > 1; lanes /= 2) {
        assert(lanes % 2 == 0);
        LLVMValueRef low = take_lanes(emitter, vector, 0, lanes / 2);
        LLVMValueRef high = take_lanes(emitter, vector, lanes / 2, lanes / 2);
        vector = combine(emitter, low, high);
    }
    return vector;
}

LLVMValueRef emit_sum_lanes(Emitter *emitter, LLVMValueRef vector) {
    return reduce_lanes(emitter, vector, add_f32);
}

LLVMValueRef emit_max_lanes(Emitter *emitter, LLVMValueRef vector) {
    return reduce_lanes(emitter, vector, emit_max_f32);
}

/* --- control --- */

static LLVMBasicBlockRef append_block(Emitter *emitter, const char *name) {
    return LLVMAppendBasicBlockInContext(emitter->context, emitter->function, name);
}

void emit_loop_begin(Emitter *emitter, Loop *loop, LLVMValueRef from, LLVMValueRef to, int64_t step,
                     const char *name) {
    LLVMBasicBlockRef before = LLVMGetInsertBlock(emitter->builder);
    *loop = (Loop){.step = step, .head = append_block(emitter, name)};
    LLVMBuildBr(emitter->builder, loop->head);
    LLVMPositionBuilderAtEnd(emitter->builder, loop->head);
    loop->index = LLVMBuildPhi(emitter->builder, emitter->i64, "");
    LLVMAddIncoming(loop->index, &from, &before, 1);
    loop->test = emit_less(emitter, loop->index, to);
    LLVMBasicBlockRef body = append_block(emitter, "body");
    loop->exit = append_block(emitter, "exit");
    LLVMBuildCondBr(emitter->builder, loop->test, body, loop->exit);
    LLVMPositionBuilderAtEnd(emitter->builder, body);
}

LLVMValueRef emit_loop_carry(Emitter *emitter, Loop *loop, LLVMValueRef initial) {
    assert(loop->carried_count < LOOP_MAX_CARRIED);
    LLVMBasicBlockRef body = LLVMGetInsertBlock(emitter->builder);
    LLVMBasicBlockRef before = LLVMGetIncomingBlock(loop->index, 0);
    LLVMMetadataRef line = lines_save(emitter);
    LLVMPositionBuilderBefore(emitter->builder, loop->index);
    LLVMValueRef carried = LLVMBuildPhi(emitter->builder, LLVMTypeOf(initial), "");
    LLVMAddIncoming(carried, &initial, &before, 1);
    LLVMPositionBuilderAtEnd(emitter->builder, body);
    lines_restore(emitter, line);
    loop->carried[loop->carried_count++] = carried;
    return carried;
}

void emit_loop_end(Emitter *emitter, Loop *loop, const LLVMValueRef *next) {
    LLVMBasicBlockRef latch = LLVMGetInsertBlock(emitter->builder);
    LLVMValueRef index = emit_add_const(emitter, loop->index, loop->step);
    LLVMAddIncoming(loop->index, &index, &latch, 1);
    for (uint32_t i = 0; i < loop->carried_count; i++) {
        LLVMValueRef value = next[i];
        LLVMAddIncoming(loop->carried[i], &value, &latch, 1);
    }
    LLVMBuildBr(emitter->builder, loop->head);
    LLVMPositionBuilderAtEnd(emitter->builder, loop->exit);
}

void emit_copy(Emitter *e, LLVMTypeRef type, LLVMValueRef from, LLVMValueRef to, int64_t count,
               uint32_t alignment) {
    const uint32_t sizes[] = {e->lanes, 1};
    int64_t done = 0;
    for (int i = 0; i < 2; i++) {
        const int64_t until = done + (count - done) / sizes[i] * sizes[i];
        if (until == done)
            continue;
        LLVMTypeRef lanes = emit_vector_type(e, type, sizes[i]);
        Loop loop;
        emit_loop_begin(e, &loop, emit_i64(e, done), emit_i64(e, until), sizes[i], "copy");
        emit_store(e, emit_load(e, lanes, emit_element(e, type, from, loop.index), alignment),
                   emit_element(e, type, to, loop.index), alignment);
        emit_loop_end(e, &loop, NULL);
        done = until;
    }
}

void emit_branch_begin(Emitter *emitter, Branch *branch, LLVMValueRef condition, const char *name) {
    LLVMBasicBlockRef then = append_block(emitter, name);
    *branch = (Branch){.otherwise = append_block(emitter, "else"),
                       .after = append_block(emitter, "after")};
    LLVMBuildCondBr(emitter->builder, condition, then, branch->otherwise);
    LLVMPositionBuilderAtEnd(emitter->builder, then);
}

void emit_branch_else(Emitter *emitter, Branch *branch) {
    branch->has_else = true;
    LLVMBuildBr(emitter->builder, branch->after);
    LLVMPositionBuilderAtEnd(emitter->builder, branch->otherwise);
}

void emit_branch_end(Emitter *emitter, Branch *branch) {
    LLVMBuildBr(emitter->builder, branch->after);
    if (!branch->has_else) {
        LLVMPositionBuilderAtEnd(emitter->builder, branch->otherwise);
        LLVMBuildBr(emitter->builder, branch->after);
    }
    LLVMPositionBuilderAtEnd(emitter->builder, branch->after);
}

/* --- functions --- */

static LLVMAttributeRef flag_attribute(Emitter *emitter, const char *name, uint64_t value) {
    unsigned kind = LLVMGetEnumAttributeKindForName(name, strlen(name));
    return LLVMCreateEnumAttribute(emitter->context, kind, value);
}

static void add_text_attribute(Emitter *emitter, LLVMValueRef function, const char *name,
                               const char *value) {
    LLVMAttributeRef attribute = LLVMCreateStringAttribute(
        emitter->context, name, (unsigned)strlen(name), value, (unsigned)strlen(value));
    LLVMAddAttributeAtIndex(function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex, attribute);
}

static void add_function_attribute(Emitter *emitter, LLVMValueRef function, const char *name) {
    LLVMAddAttributeAtIndex(function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                            flag_attribute(emitter, name, 0));
}

/* Workers run with denormals flushed, and vectors are to be as wide as they were written: some CPUs
 * would otherwise be given two halves. */
static void describe_function(Emitter *emitter, LLVMValueRef function) {
    add_function_attribute(emitter, function, "nounwind");
    add_text_attribute(emitter, function, "denormal-fp-math", "preserve-sign,preserve-sign");
    char bits[16];
    snprintf(bits, sizeof bits, "%u", emitter->target->vector_bytes * 8);
    add_text_attribute(emitter, function, "prefer-vector-width", bits);
    add_text_attribute(emitter, function, "min-legal-vector-width", bits);
}

static LLVMValueRef add_function(Emitter *emitter, const char *name, LLVMTypeRef type) {
    LLVMValueRef function = LLVMAddFunction(emitter->module, name, type);
    describe_function(emitter, function);
    emitter->function = function;
    LLVMPositionBuilderAtEnd(emitter->builder, append_block(emitter, "entry"));
    lines_function(emitter, function, name);
    return function;
}

Place emit_function_enter(Emitter *emitter, const char *name, LLVMTypeRef type, bool inlined) {
    Place place = {emitter->function, LLVMGetInsertBlock(emitter->builder)};
    LLVMValueRef function = add_function(emitter, name, type);
    LLVMSetLinkage(function, LLVMInternalLinkage);
    add_function_attribute(emitter, function, inlined ? "alwaysinline" : "noinline");
    return place;
}

LLVMValueRef emit_function_leave(Emitter *emitter, Place place) {
    LLVMValueRef function = emitter->function;
    LLVMBuildRetVoid(emitter->builder);
    emitter->function = place.function;
    if (place.block)
        LLVMPositionBuilderAtEnd(emitter->builder, place.block);
    lines_return(emitter, place.function);
    return function;
}

LLVMValueRef emit_call(Emitter *emitter, LLVMValueRef function, const LLVMValueRef *arguments,
                       uint32_t count) {
    LLVMValueRef *copies = arena_array(emitter->arena, count, sizeof *copies);
    if (count)
        memcpy(copies, arguments, count * sizeof *arguments);
    LLVMTypeRef type = LLVMGlobalGetValueType(function);
    return LLVMBuildCall2(emitter->builder, type, function, copies, count, "");
}

void emit_parameter_pointer(Emitter *emitter, LLVMValueRef function, uint32_t index,
                            uint32_t alignment, bool noalias) {
    LLVMAddAttributeAtIndex(function, index + 1, flag_attribute(emitter, "align", alignment));
    if (noalias)
        LLVMAddAttributeAtIndex(function, index + 1, flag_attribute(emitter, "noalias", 0));
}

void emit_kernel_begin(Emitter *emitter, KernelFrame *frame, const char *symbol,
                       uint32_t operand_count, const bool *noalias) {
    uint32_t count = operand_count + 4;
    LLVMTypeRef *types = arena_array(emitter->arena, count, sizeof *types);
    for (uint32_t i = 0; i < operand_count + 2; i++)
        types[i] = emitter->pointer;
    types[operand_count + 2] = types[operand_count + 3] = emitter->i64;
    LLVMTypeRef type = LLVMFunctionType(emitter->void_type, types, count, false);
    emit_function_enter(emitter, arena_printf(emitter->arena, "%s.tiles", symbol), type, false);

    *frame = (KernelFrame){.symbol = symbol, .operand_count = operand_count};
    frame->operands = arena_array(emitter->arena, operand_count, sizeof *frame->operands);
    for (uint32_t i = 0; i < operand_count; i++) {
        frame->operands[i] = LLVMGetParam(emitter->function, i);
        emit_parameter_pointer(emitter, emitter->function, i, OPERAND_ALIGNMENT, noalias[i]);
    }
    frame->immediates = LLVMGetParam(emitter->function, operand_count);
    frame->scratch = LLVMGetParam(emitter->function, operand_count + 1);
    frame->first = LLVMGetParam(emitter->function, operand_count + 2);
    frame->last = LLVMGetParam(emitter->function, operand_count + 3);
    emit_parameter_pointer(emitter, emitter->function, operand_count, 8, true);
    emit_parameter_pointer(emitter, emitter->function, operand_count + 1, OPERAND_ALIGNMENT, true);
}

/* The exported function unpacks the operands, so that each can carry its own attributes. */
void emit_kernel_end(Emitter *emitter, KernelFrame *frame) {
    LLVMValueRef tiles = emit_function_leave(emitter, (Place){NULL, NULL});
    LLVMTypeRef types[] = {emitter->pointer, emitter->pointer, emitter->pointer, emitter->i64,
                           emitter->i64};
    LLVMTypeRef type = LLVMFunctionType(emitter->void_type, types, 5, false);
    LLVMValueRef function = add_function(emitter, frame->symbol, type);
    uint32_t count = frame->operand_count;
    LLVMValueRef *arguments = arena_array(emitter->arena, count + 4, sizeof *arguments);
    for (uint32_t i = 0; i < count; i++) {
        LLVMValueRef slot = emit_element(emitter, emitter->pointer, LLVMGetParam(function, 0),
                                         emit_i64(emitter, i));
        arguments[i] = emit_load(emitter, emitter->pointer, slot, 8);
    }
    for (uint32_t i = 0; i < 4; i++)
        arguments[count + i] = LLVMGetParam(function, i + 1);
    emit_call(emitter, tiles, arguments, count + 4);
    LLVMBuildRetVoid(emitter->builder);
    emitter->function = NULL;
}
