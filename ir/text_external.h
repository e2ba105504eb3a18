/* The text of external functions: declarations before the functions that call them.
 *
 *     extern @blur = "blur" (x: f32[n, d], s: f32) -> f32[n, d] from "libblur.so" grad "blur_grad"
 */
#ifndef SCANLINE_IR_TEXT_EXTERNAL_H
#define SCANLINE_IR_TEXT_EXTERNAL_H

#include "ir/external.h"
#include "ir/text_tokens.h"

/* A declaration, after its first word. */
bool text_parse_external(TextParser *parser);

/* The name of one that was declared, with its '@'. */
bool text_parse_external_name(TextParser *parser, const External **external);

#endif
