/* What printer and parser agree on: which attributes the text of an op has, and which names are
 * plain. */
#ifndef SCANLINE_IR_TEXT_FORM_H
#define SCANLINE_IR_TEXT_FORM_H

#include "ir/graph.h"

typedef struct TextForm {
    bool axes;     /* [n, d] */
    bool which;    /* [0]: the amount, for result */
    bool body;     /* @name */
    bool external; /* @name, of a function of a library */
    bool value;    /* a number */
    bool name;     /* a string */
    bool amount;   /* by 1 */
    bool key;      /* key 0x1f */
} TextForm;

TextForm text_form(OpCode op);

/* A letter, _ or $, then letters, digits, _, $ and dots: such a name needs no quotes. */
bool text_is_name_start(char c);
bool text_is_name_part(char c);

/* A part of a file name that needs no quotes. */
bool text_is_file_part(char c);

#endif
