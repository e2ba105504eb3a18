/* The libraries of a spec's extern functions: opened, and what is wrong with one shown where the
 * spec declares it. */
#include "frontend/cli/session.h"

#include <string.h>

static SourceSpan place_of(const ExternDecl *declaration, const ExternalError *error) {
    const Name *gradient = &declaration->gradient;
    if (error->fault == EXTERNAL_LIBRARY)
        return declaration->library.span;
    return gradient->text && strcmp(gradient->text, error->call->symbol) == 0 &&
                   error->fault == EXTERNAL_SYMBOL
               ? gradient->span
               : declaration->name.span;
}

static ExitCode fault_declared(const Session *session, const ExternDecl *declaration,
                               const ExternalError *error) {
    static const char *const codes[] = {[EXTERNAL_LIBRARY] = "extern-library",
                                        [EXTERNAL_SYMBOL] = "extern-symbol",
                                        [EXTERNAL_SIGNATURE] = "extern-signature"};
    const bool is_path = error->call->library[0] == '/';
    Diagnostic *d = diagnostics_error(session->diagnostics, codes[error->fault],
                                      place_of(declaration, error), "%s", error->text);
    if (error->fault == EXTERNAL_LIBRARY && !is_path) {
        diagnostic_label(d, "there is no %s", spec_library_beside(session->spec, declaration));
        diagnostic_hint(d, "build it there, or put its folder into LD_LIBRARY_PATH");
    } else if (error->hint[0]) {
        diagnostic_hint(d, "%s", error->hint);
    }
    return session_show(session);
}

ExitCode session_open_libraries(Session *session, const Plan *plan) {
    ExternalError error;
    externals_close(session->externals); /* of another plan */
    session->externals = NULL;
    if (!plan_has_calls(plan))
        return EXIT_DONE;
    session->externals = externals_open(plan, session->library_folder, &error);
    if (session->externals)
        return EXIT_DONE;
    if (error.fault == EXTERNAL_MEMORY)
        return session_fail(session, EXIT_MACHINE, "memory", "%s", error.text);
    const Symbol *symbol =
        session->spec && error.call ? spec_symbol(session->spec, error.call->name) : NULL;
    if (symbol && symbol->kind == SYMBOL_EXTERN)
        return fault_declared(session, symbol->external, &error);
    return session_fail(session, EXIT_INPUT, "extern", "%s%s%s", error.text,
                        error.hint[0] ? "; " : "", error.hint);
}
