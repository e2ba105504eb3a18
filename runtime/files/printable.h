/* Text from anywhere (names of files, what files hold) as it can be shown: neither bytes that are
 * not UTF-8 nor control characters, which terminals obey. */
#ifndef SCANLINE_RUNTIME_PRINTABLE_H
#define SCANLINE_RUNTIME_PRINTABLE_H

#include <stddef.h>

/* Those bytes become \xNN, so that nothing is lost. malloc'ed; NULL: no memory. */
char *printable(const char *bytes, size_t length);

/* Those bytes become '?', in place, but for the control characters in `kept` ("\n"). */
void printable_clean(char *text, const char *kept);

#endif
