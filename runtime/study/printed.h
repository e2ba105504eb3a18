/* Text that is printed into memory. */
#ifndef SCANLINE_RUNTIME_PRINTED_H
#define SCANLINE_RUNTIME_PRINTED_H

#include <stdio.h>

/* What `print` writes to the stream. malloc'ed; NULL: no memory. */
char *printed(void (*print)(FILE *out, const void *what), const void *what);

#endif
