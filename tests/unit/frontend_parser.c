/* Trees are checked through the printer of expressions and through the fields of declarations. */
#include "frontend/parser.h"
#include "frontend/print.h"

#include <criterion/criterion.h>
#include <string.h>

static Arena *arena;
static Sources *sources;
static Diagnostics *diagnostics;

static void create(void) {
    arena = arena_create();
    sources = sources_create(arena, NULL, 0);
    diagnostics = diagnostics_create(arena, sources);
}

static void destroy(void) { arena_destroy(arena); }

TestSuite(frontend_parser, .init = create, .fini = destroy);

static const Expr *expression(const char *text) {
    return parse_expression(arena, sources_add(sources, "a.scan", text, strlen(text)), 0,
                            diagnostics);
}

static const SyntaxFile *file(const char *text) {
    const SyntaxFile *parsed =
        parse_file(arena, sources_add(sources, "a.scan", text, strlen(text)), diagnostics);
    cr_assert_eq(diagnostics_error_count(diagnostics), 0, "%s",
                 diagnostics_text(diagnostics, false));
    return parsed;
}

/* The tree with all its parentheses. */
static const char *shape(const Expr *expr) {
    switch (expr->kind) {
    case EXPR_UNARY:
        return arena_printf(arena, "(%s %s)", expr->unary.op == UNARY_NOT ? "not" : "-",
                            shape(expr->unary.operand));
    case EXPR_BINARY:
        return arena_printf(arena, "(%s %s %s)", shape(expr->binary.left),
                            binary_op_text(expr->binary.op), shape(expr->binary.right));
    default:
        return print_expression(arena, expr);
    }
}

Test(frontend_parser, operators_bind_as_they_should) {
    static const char *const pairs[][2] = {
        {"a + b * c", "(a + (b * c))"},
        {"a - b - c", "((a - b) - c)"},
        {"a / b // c % d", "(((a / b) // c) % d)"},
        {"-x^2", "(- (x ^ 2))"},
        {"-x * y", "((- x) * y)"},
        {"2^-3^2", "(2 ^ (- (3 ^ 2)))"},
        {"a^b^c", "(a ^ (b ^ c))"},
        {"not a == b", "(not (a == b))"},
        {"not a and b or c", "(((not a) and b) or c)"},
        {"a or b and not c", "(a or (b and (not c)))"},
        {"a + b <= c * d", "((a + b) <= (c * d))"},
        {"path(w) ~ \"*.g\" and b", "((path(w) ~ \"*.g\") and b)"},
        {"(a + b) * c", "((a + b) * c)"},
        {"a - (b - c)", "(a - (b - c))"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        const Expr *expr = expression(pairs[i][0]);
        cr_assert(expr, "%s", pairs[i][0]);
        cr_expect_str_eq(shape(expr), pairs[i][1]);
    }
}

Test(frontend_parser, printed_expressions_read_as_the_same_tree) {
    static const char *const texts[] = {
        "a + b * c - -d",
        "(a + b) * (c - d) / (e / f)",
        "(-x)^2 + (a^b)^c",
        "(a < b) == c",
        "not (a and b) or not not c",
        "a * (not b)",
        "sum[h, e](sum[m](softmax[m](score) * value) * wo)",
        "norm(x) as ln_1 + attention(y, see) as attn",
        "wte[v = tokens][n = 3]",
        "(a + b)[v = tokens, n = 2]",
        "random[n] < hide",
        "feature[3] as f",
        "index[m] <= index[n]",
        "rename(sum[d](x * wk), n -> m)",
        "shift[n](x, 1, fill = sos)",
        "where(see, score, -inf)",
        "adam(lr = 3e-3 * warmup(100) * cosine())",
        "[ar, ar.classify, 1..3, \"a \\\"b\\\"\", 10%, 2.0, 1e300]",
        "1..2 + 3",
        "f()",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const Expr *expr = expression(texts[i]);
        cr_assert(expr, "%s: %s", texts[i], diagnostics_text(diagnostics, false));
        const char *printed = print_expression(arena, expr);
        const Expr *again = expression(printed);
        cr_assert(again, "%s", printed);
        cr_expect_str_eq(print_expression(arena, again), printed);
        cr_expect_str_eq(shape(again), shape(expr));
    }
}

Test(frontend_parser, nodes_have_the_span_of_their_text) {
    const Expr *expr = expression("  (a + b) * sum[d](x, k = 2) as s ");
    cr_assert(expr);
    cr_expect_str_eq(source_span_text(arena, sources, expr->span),
                     "(a + b) * sum[d](x, k = 2) as s");
    cr_expect_str_eq(source_span_text(arena, sources, expr->binary.left->span), "(a + b)");
    cr_expect_str_eq(source_span_text(arena, sources, expr->binary.op_span), "*");
    const Expr *call = expr->binary.right;
    cr_expect_str_eq(source_span_text(arena, sources, call->span), "sum[d](x, k = 2) as s");
    cr_expect_str_eq(source_span_text(arena, sources, call->call.axes.at[0].span), "d");
    cr_expect_str_eq(source_span_text(arena, sources, call->call.arguments[1].keyword.span), "k");
    cr_expect_str_eq(call->call.step.text, "s");
}

Test(frontend_parser, indexing_and_calling_are_told_apart) {
    const Expr *gather = expression("wte[v = tokens]");
    cr_assert_eq(gather->kind, EXPR_INDEX);
    cr_expect_str_eq(gather->index.items[0].keyword.text, "v");
    cr_expect_str_eq(gather->index.base->name, "wte");
    const Expr *tap = expression("feature[3]");
    cr_assert_eq(tap->kind, EXPR_INDEX);
    cr_expect_null(tap->index.items[0].keyword.text);
    const Expr *call = expression("mean[n, m](x)");
    cr_assert_eq(call->kind, EXPR_CALL);
    cr_expect_eq(call->call.axes.count, 2);
}

Test(frontend_parser, functions) {
    const SyntaxFile *parsed =
        file("fn norm(x[d], eps = 1e-5) {\n  param g[d] = 1, b[d] = 0\n  return x * g\n}\n"
             "fn gelu(x) = x * sigmoid(1.702 * x)\nmodel m(x) { return x }\n");
    cr_assert_eq(parsed->count, 3);
    const FunctionDecl *norm = &parsed->at[0].function;
    cr_expect_str_eq(norm->name.text, "norm");
    cr_expect_eq(norm->parameter_count, 2);
    cr_expect_str_eq(norm->parameters[0].axes.at[0].text, "d");
    cr_expect(norm->parameters[1].fallback);
    cr_expect_null(norm->value);
    cr_assert_eq(norm->body.count, 3, "two params with values of their own are two statements");
    cr_expect_eq(norm->body.at[1].kind, STATEMENT_PARAM);
    cr_expect_str_eq(norm->body.at[1].param.tensors[0].name.text, "b");
    cr_expect(parsed->at[1].function.value);
    cr_expect(parsed->at[2].function.model);
}

Test(frontend_parser, statements) {
    const SyntaxFile *parsed = file("objective o extends a, b.c {\n"
                                    "  repeat layers as block { tap feature = x; x = x + 1 }\n"
                                    "  repeat layers { x = x }\n"
                                    "  output logits = x\n  metric accuracy = x\n"
                                    "  loss = loss + 1\n  param w[d], u[d] ~ normal(1)\n}\n");
    const ObjectiveDecl *objective = &parsed->at[0].objective;
    cr_assert_eq(objective->parents.count, 2);
    cr_expect_str_eq(objective->parents.at[1].text, "b.c");
    static const StatementKind kinds[] = {STATEMENT_REPEAT, STATEMENT_REPEAT, STATEMENT_OUTPUT,
                                          STATEMENT_METRIC, STATEMENT_LOSS,   STATEMENT_PARAM};
    cr_assert_eq(objective->body.count, 6);
    for (size_t i = 0; i < 6; i++)
        cr_expect_eq(objective->body.at[i].kind, kinds[i]);
    const Statement *repeat = &objective->body.at[0];
    cr_expect_str_eq(repeat->repeat.step.text, "block");
    cr_expect_eq(repeat->repeat.body.count, 2);
    cr_expect_str_eq(objective->body.at[1].repeat.step.text, "layers");
    cr_expect(objective->body.at[5].param.drawn);
    cr_expect_eq(objective->body.at[5].param.tensor_count, 2);
}

Test(frontend_parser, other_declarations) {
    const SyntaxFile *parsed = file(
        "use \"a.scan\"\ndim n = 64, v, e = d / h\ninput t: int[n] < v - 1\n"
        "extern fn blur(x: f32[n, d], s: f32) -> f32[n] from \"x.so\" grad g\n"
        "update sgd(w, g, lr) { state v = 0, u = 1; w = w - lr * g }\n"
        "train { batch = 64; update = sgd(lr = 1)\n\n  seed = 1 }\nsweep { train.seed = 1..3 }");
    cr_assert_eq(parsed->count, 7);
    cr_expect_str_eq(parsed->at[0].use.text, "a.scan");
    cr_expect_eq(parsed->at[1].values.count, 3);
    cr_expect_null(parsed->at[1].values.at[1].value);
    cr_expect_str_eq(print_expression(arena, parsed->at[2].input.limit), "v - 1");
    const ExternDecl *external = &parsed->at[3].external;
    cr_expect_str_eq(external->library.text, "x.so");
    cr_expect_str_eq(external->gradient.text, "g");
    cr_expect_eq(external->parameters[0].axes.count, 2);
    cr_expect_str_eq(external->result.dtype.text, "f32");
    cr_expect_eq(parsed->at[4].update.body.at[0].state.count, 2);
    cr_expect_eq(parsed->at[5].section.entry_count, 3);
    cr_expect_eq(parsed->at[6].section.entries[0].value->kind, EXPR_RANGE);
}

Test(frontend_parser, heights_are_bounded) {
    char text[4096] = "1";
    for (int i = 0; i < 398; i++)
        strcat(text, "+1");
    const Expr *expr = expression(text);
    cr_assert(expr);
    cr_expect_eq(expr->height, 399);
    strcat(text, "+1+1");
    cr_expect_null(expression(text));
}
