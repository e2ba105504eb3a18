/* Folders that appear whole: filled under another name, then given theirs. */
#ifndef SCANLINE_RUNTIME_FOLDER_H
#define SCANLINE_RUNTIME_FOLDER_H

#include "runtime/files/file.h"

/* Waits for the folder's lock, which orders those who change what is in it; ends when the file that
 * is answered is closed, or its process ends. -1 and `error`. */
int folder_lock(const char *path, FileError *error);

/* Gives a folder its name, which nothing may have: `taken` says whether that is why it failed. On
 * success the name survives a crash. */
bool folder_publish(const char *draft, const char *path, bool *taken, FileError *error);

/* Removes a folder and all that is in it, following no link; what isn't there is fine. */
bool folder_remove(const char *path, FileError *error);

#endif
