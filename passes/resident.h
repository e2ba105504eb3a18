/* What a process keeps in memory when all is compiled. */
#ifndef SCANLINE_PASSES_RESIDENT_H
#define SCANLINE_PASSES_RESIDENT_H

/* Gives back memory that compiling alone needed: free blocks, and the pages of LLVM's code, some
 * 50 MiB. Whatever is used again is read again, from the file. */
void resident_trim(void);

#endif
