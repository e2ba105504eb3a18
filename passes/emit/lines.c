/* One unit a kernel, line tables alone. A place in another file than the function's is in a block
 * of that file. */
#include "passes/emit/lines.h"

#include "passes/emit/emitter.h"
#include "passes/emit/kernel.h"

#include <llvm-c/DebugInfo.h>
#include <string.h>

struct Lines {
    LLVMDIBuilderRef builder;
    Span place; /* of the kernel; file NULL: it has none */
    LLVMMetadataRef file, type;
};

static LLVMMetadataRef file_of(const Lines *lines, const char *name) {
    return LLVMDIBuilderCreateFile(lines->builder, name, strlen(name), ".", 1);
}

/* That of the op that the kernel is built around, or else the first that there is. */
static Span body_place(const Function *body) {
    NodeId anchor = kernel_anchor(body);
    const SpanSet *spans = anchor == NODE_NONE ? NULL : graph_node(body, anchor)->spans;
    for (NodeId id = 0; id < body->node_count && !(spans && spans->count); id++)
        spans = graph_node(body, id)->spans;
    return spans && spans->count ? spans->at[0] : (Span){0};
}

static void add_flag(Emitter *emitter, const char *name, uint32_t value) {
    LLVMValueRef number = LLVMConstInt(emitter->i32, value, false);
    LLVMAddModuleFlag(emitter->module, LLVMModuleFlagBehaviorWarning, name, strlen(name),
                      LLVMValueAsMetadata(number));
}

void lines_open(Emitter *emitter, const Function *body) {
    enum { DWARF_VERSION = 4 };
    static const char producer[] = "scanline";
    const Span place = body_place(body);
    if (!place.file)
        return;
    Lines *lines = arena_alloc(emitter->arena, sizeof *lines);
    *lines = (Lines){.builder = LLVMCreateDIBuilder(emitter->module), .place = place};
    lines->file = file_of(lines, place.file);
    lines->type =
        LLVMDIBuilderCreateSubroutineType(lines->builder, lines->file, NULL, 0, LLVMDIFlagZero);
    add_flag(emitter, "Debug Info Version", LLVMDebugMetadataVersion());
    add_flag(emitter, "Dwarf Version", DWARF_VERSION);
    LLVMDIBuilderCreateCompileUnit(lines->builder, LLVMDWARFSourceLanguageC, lines->file, producer,
                                   strlen(producer), true, "", 0, 0, "", 0,
                                   LLVMDWARFEmissionLineTablesOnly, 0, false, false, "", 0, "", 0);
    emitter->lines = lines;
}

void lines_close(Emitter *emitter) {
    if (!emitter->lines)
        return;
    LLVMDIBuilderFinalize(emitter->lines->builder);
    LLVMDisposeDIBuilder(emitter->lines->builder);
    emitter->lines = NULL;
}

/* --- places --- */

static void set_place(Emitter *emitter, LLVMMetadataRef scope, const Span *span) {
    LLVMMetadataRef place =
        LLVMDIBuilderCreateDebugLocation(emitter->context, span->line, span->column, scope, NULL);
    LLVMSetCurrentDebugLocation2(emitter->builder, place);
}

void lines_function(Emitter *emitter, LLVMValueRef function, const char *name) {
    const Lines *lines = emitter->lines;
    if (!lines)
        return;
    LLVMMetadataRef scope = LLVMDIBuilderCreateFunction(
        lines->builder, lines->file, name, strlen(name), name, strlen(name), lines->file,
        lines->place.line, lines->type, true, true, lines->place.line, LLVMDIFlagZero, true);
    LLVMSetSubprogram(function, scope);
    set_place(emitter, scope, &lines->place);
}

void lines_return(Emitter *emitter, LLVMValueRef function) {
    if (emitter->lines && function)
        set_place(emitter, LLVMGetSubprogram(function), &emitter->lines->place);
}

LLVMMetadataRef lines_node(Emitter *emitter, const Node *node) {
    const Lines *lines = emitter->lines;
    LLVMMetadataRef before = lines_save(emitter);
    if (!lines || !node->spans || !node->spans->count)
        return before;
    const Span *span = &node->spans->at[0];
    LLVMMetadataRef scope = LLVMGetSubprogram(emitter->function);
    if (strcmp(span->file, lines->place.file) != 0)
        scope = LLVMDIBuilderCreateLexicalBlockFile(lines->builder, scope,
                                                    file_of(lines, span->file), 0);
    set_place(emitter, scope, span);
    return before;
}

LLVMMetadataRef lines_save(const Emitter *emitter) {
    return emitter->lines ? LLVMGetCurrentDebugLocation2(emitter->builder) : NULL;
}

void lines_restore(Emitter *emitter, LLVMMetadataRef place) {
    if (emitter->lines)
        LLVMSetCurrentDebugLocation2(emitter->builder, place);
}
