/* The attributes of each op's text. */
#include "ir/text_form.h"

TextForm text_form(OpCode op) {
    switch (op) {
    case OP_CONST:
        return (TextForm){.value = true};
    case OP_PARAM:
    case OP_INPUT:
        return (TextForm){.name = true};
    case OP_RANDOM:
    case OP_RANDOM_NORMAL:
        return (TextForm){.axes = true, .key = true};
    case OP_SHIFT:
        return (TextForm){.axes = true, .amount = true};
    case OP_ATTENTION:
    case OP_ATTENTION_GRAD:
        return (TextForm){.axes = true, .body = true};
    case OP_KERNEL:
        return (TextForm){.body = true};
    case OP_CALL:
    case OP_CALL_GRAD:
        return (TextForm){.external = true};
    case OP_RESULT:
        return (TextForm){.which = true};
    default:
        return (TextForm){.axes = !op_is_elementwise(op)};
    }
}

bool text_is_name_start(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$';
}

bool text_is_name_part(char c) {
    return text_is_name_start(c) || (c >= '0' && c <= '9') || c == '.';
}

bool text_is_file_part(char c) { return text_is_name_part(c) || c == '/' || c == '-'; }
