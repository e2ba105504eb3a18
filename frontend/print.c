/* An operand is put in parentheses where it binds less tightly than its place asks for. */
#include "frontend/print.h"

#include "frontend/precedence.h"
#include "frontend/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_in(Text *text, const Expr *expr, Precedence least);

char *print_number(Arena *arena, double value) {
    char digits[40];
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, value);
        if (strtod(digits, NULL) == value)
            break;
    }
    return arena_string(arena, digits, strlen(digits));
}

static void print_number_in(Text *text, const Expr *expr) {
    if (expr->number.integer) {
        text_format(text, "%.0f", expr->number.value);
        return;
    }
    const char *digits = print_number(text->arena, expr->number.value);
    text_string(text, digits);
    if (!strpbrk(digits, ".e"))
        text_string(text, ".0"); /* or it would be read as an integer */
}

static Precedence expr_precedence(const Expr *expr) {
    switch (expr->kind) {
    case EXPR_RANGE:
    case EXPR_ARROW:
        return PRECEDENCE_OR;
    case EXPR_UNARY:
        return expr->unary.op == UNARY_NOT ? PRECEDENCE_NOT : PRECEDENCE_NEGATE;
    case EXPR_BINARY:
        return binary_op_precedence(expr->binary.op);
    default:
        return PRECEDENCE_LEAF;
    }
}

static void print_unary(Text *text, const Expr *expr) {
    bool not = expr->unary.op == UNARY_NOT;
    text_string(text, not ? "not " : "-");
    print_in(text, expr->unary.operand, not ? PRECEDENCE_COMPARE : PRECEDENCE_POW);
}

static void print_binary(Text *text, const Expr *expr) {
    Precedence own = binary_op_precedence(expr->binary.op);
    bool right = expr->binary.op == BINARY_POW, left = own != PRECEDENCE_COMPARE && !right;
    print_in(text, expr->binary.left, left ? own : own + 1);
    text_format(text, right ? "%s" : " %s ", binary_op_text(expr->binary.op));
    print_in(text, expr->binary.right, right ? own : own + 1);
}

static void print_arguments(Text *text, const Argument *arguments, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        text_string(text, i ? ", " : "");
        if (arguments[i].keyword.text)
            text_format(text, "%s = ", arguments[i].keyword.text);
        print_in(text, arguments[i].value, PRECEDENCE_OR);
    }
}

static void print_call(Text *text, const Expr *expr) {
    text_string(text, expr->call.callee.text);
    for (uint32_t i = 0; i < expr->call.axes.count; i++)
        text_format(text, "%s%s", i ? ", " : "[", expr->call.axes.at[i].text);
    text_string(text, expr->call.axes.count ? "](" : "(");
    print_arguments(text, expr->call.arguments, expr->call.argument_count);
    text_string(text, ")");
    if (expr->call.step.text)
        text_format(text, " as %s", expr->call.step.text);
}

static void print_index(Text *text, const Expr *expr) {
    print_in(text, expr->index.base, PRECEDENCE_LEAF);
    text_string(text, "[");
    print_arguments(text, expr->index.items, expr->index.item_count);
    text_string(text, "]");
    if (expr->index.step.text)
        text_format(text, " as %s", expr->index.step.text);
}

static void print_list(Text *text, const Expr *expr) {
    text_string(text, "[");
    for (uint32_t i = 0; i < expr->list.count; i++) {
        text_string(text, i ? ", " : "");
        print_in(text, expr->list.at[i], PRECEDENCE_OR);
    }
    text_string(text, "]");
}

static void print_bare(Text *text, const Expr *expr) {
    switch (expr->kind) {
    case EXPR_NUMBER:
        print_number_in(text, expr);
        break;
    case EXPR_STRING:
        text_literal(text, expr->string);
        break;
    case EXPR_NAME:
        text_string(text, expr->name);
        break;
    case EXPR_LIST:
        print_list(text, expr);
        break;
    case EXPR_RANGE:
        print_in(text, expr->range.first, PRECEDENCE_OR);
        text_string(text, "..");
        print_in(text, expr->range.last, PRECEDENCE_OR);
        break;
    case EXPR_ARROW:
        text_format(text, "%s -> %s", expr->arrow.from.text, expr->arrow.to.text);
        break;
    case EXPR_UNARY:
        print_unary(text, expr);
        break;
    case EXPR_BINARY:
        print_binary(text, expr);
        break;
    case EXPR_CALL:
        print_call(text, expr);
        break;
    case EXPR_INDEX:
        print_index(text, expr);
        break;
    }
}

static void print_in(Text *text, const Expr *expr, Precedence least) {
    bool bare = expr_precedence(expr) >= least;
    text_string(text, bare ? "" : "(");
    print_bare(text, expr);
    text_string(text, bare ? "" : ")");
}

char *print_expression(Arena *arena, const Expr *expr) {
    Text text = text_create(arena);
    print_in(&text, expr, PRECEDENCE_OR);
    return text_end(&text);
}
