/* Splits, names of classes and the origin, once all images are in. */
#ifndef SCANLINE_RUNTIME_IMPORT_FINISH_H
#define SCANLINE_RUNTIME_IMPORT_FINISH_H

#include "runtime/import/importing.h"

/* Writes the file; importing->writer is closed. */
bool import_finish(Importing *importing);

#endif
