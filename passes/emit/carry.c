/* Constants of LLVM: pointers and 64-bit integers, laid out as the structs of carried.h are, and
 * no code. */
#include "passes/emit/carry.h"

#include "passes/emit/machine.h"

#include <llvm-c/Core.h>
#include <stdlib.h>
#include <string.h>

/* One module in the making. */
typedef struct Carry {
    LLVMContextRef context;
    LLVMModuleRef module;
    LLVMTypeRef number;
} Carry;

enum { MOST_FIELDS = 16 };

/* A struct in the making, field by field. */
typedef struct Fields {
    LLVMValueRef at[MOST_FIELDS];
    unsigned count;
} Fields;

static void add(Fields *fields, LLVMValueRef value) { fields->at[fields->count++] = value; }

static void add_number(const Carry *carry, Fields *fields, uint64_t number) {
    add(fields, LLVMConstInt(carry->number, number, false));
}

static LLVMValueRef struct_of(const Carry *carry, Fields *fields) {
    return LLVMConstStructInContext(carry->context, fields->at, fields->count, false);
}

/* A constant that nothing outside the object sees; a pointer to it. */
static LLVMValueRef place(const Carry *carry, LLVMValueRef value) {
    LLVMValueRef global = LLVMAddGlobal(carry->module, LLVMTypeOf(value), "");
    LLVMSetInitializer(global, value);
    LLVMSetGlobalConstant(global, true);
    LLVMSetLinkage(global, LLVMPrivateLinkage);
    return global;
}

/* A NUL follows the text. */
static void add_bytes(const Carry *carry, Fields *fields, const char *bytes, uint64_t length) {
    add(fields, place(carry, LLVMConstStringInContext2(carry->context, bytes, length, false)));
}

static void add_text(const Carry *carry, Fields *fields, const char *text) {
    add_bytes(carry, fields, text, strlen(text));
}

/* The address of an array and its length. False: no memory. */
typedef LLVMValueRef Element(const Carry *carry, const void *user, uint64_t index);
static bool add_array(const Carry *carry, Fields *fields, uint64_t count, Element *element,
                      const void *user) {
    LLVMValueRef *values = calloc(count + 1, sizeof *values);
    if (!values)
        return false;
    for (uint64_t i = 0; i < count; i++)
        values[i] = element(carry, user, i);
    const LLVMTypeRef type = count ? LLVMTypeOf(values[0]) : carry->number;
    add(fields, place(carry, LLVMConstArray2(type, values, count)));
    add_number(carry, fields, count);
    free(values);
    return true;
}

static LLVMValueRef text_at(const Carry *carry, const void *user, uint64_t index) {
    Fields fields = {.count = 0};
    add_text(carry, &fields, ((const char *const *)user)[index]);
    return fields.at[0];
}

static LLVMValueRef file_at(const Carry *carry, const void *user, uint64_t index) {
    const CarriedFile *file = (const CarriedFile *)user + index;
    Fields fields = {.count = 0};
    add_text(carry, &fields, file->path);
    add_bytes(carry, &fields, file->text, file->length);
    add_number(carry, &fields, file->length);
    return struct_of(carry, &fields);
}

static LLVMValueRef kernel_at(const Carry *carry, const void *user, uint64_t index) {
    const PlanKernel *planned = &((const Plan *)user)->kernels[index];
    const char *symbol = planned->symbol;
    if (planned->call) /* it is in a library: runtime/execution/external.h */
        return LLVMConstNull(LLVMPointerTypeInContext(carry->context, 0));
    LLVMValueRef kernel = LLVMGetNamedGlobal(carry->module, symbol);
    if (!kernel)
        kernel = LLVMAddGlobal(carry->module, LLVMInt8TypeInContext(carry->context), symbol);
    LLVMSetVisibility(kernel, LLVMHiddenVisibility);
    return kernel;
}

/* The targets and their plans. */
typedef struct Targets {
    const CarriedTarget *at;
    const Plan *const *plans;
    bool failed;
} Targets;

static LLVMValueRef target_at(const Carry *carry, const void *user, uint64_t index) {
    Targets *targets = (Targets *)user;
    const CarriedTarget *target = &targets->at[index];
    const Plan *plan = targets->plans[index];
    Fields fields = {.count = 0};
    add_text(carry, &fields, target->name);
    add_text(carry, &fields, target->needs);
    add_bytes(carry, &fields, target->plan, target->plan_length);
    add_number(carry, &fields, target->plan_length);
    targets->failed |= !add_array(carry, &fields, plan->kernel_count, kernel_at, plan);
    return struct_of(carry, &fields);
}

static bool build(const Carry *carry, const Carried *carried, const Plan *const *plans) {
    Targets targets = {carried->targets, plans, false};
    Fields fields = {.count = 0};
    add_text(carry, &fields, carried->version);
    add_text(carry, &fields, carried->llvm);
    add_text(carry, &fields, carried->fingerprint);
    add_text(carry, &fields, carried->main);
    const bool whole =
        add_array(carry, &fields, carried->file_count, file_at, carried->files) &&
        add_array(carry, &fields, carried->directory_count, text_at, carried->directories) &&
        add_array(carry, &fields, carried->setting_count, text_at, carried->settings) &&
        add_array(carry, &fields, carried->target_count, target_at, &targets);
    if (!whole || targets.failed)
        return false;
    LLVMValueRef value = struct_of(carry, &fields);
    LLVMValueRef global = LLVMAddGlobal(carry->module, LLVMTypeOf(value), "scanline_carried");
    LLVMSetInitializer(global, value);
    LLVMSetGlobalConstant(global, true);
    LLVMSetVisibility(global, LLVMHiddenVisibility);
    return true;
}

bool carry_emit(const Carried *carried, const Plan *const *plans, char **bytes, size_t *size,
                char *error, size_t error_size) {
    Target generic;
    if (!target_find("x86-64-v2", &generic, error, error_size) &&
        !target_find("generic", &generic, error, error_size))
        return false;
    Carry carry = {.context = LLVMContextCreate()};
    carry.module = LLVMModuleCreateWithNameInContext("carried", carry.context);
    carry.number = LLVMInt64TypeInContext(carry.context);
    LLVMTargetMachineRef machine = machine_open(&generic, carry.module, error, error_size);
    bool made = false;
    if (machine && build(&carry, carried, plans))
        made = machine_write(machine, carry.module, MACHINE_OBJECT, bytes, size, error, error_size);
    else if (machine)
        machine_fail(error, error_size, "no memory", "the program's data");
    if (machine)
        LLVMDisposeTargetMachine(machine);
    LLVMDisposeModule(carry.module);
    LLVMContextDispose(carry.context);
    return made;
}
