/* Code is mapped from its file, unchanged: the kernel may take its pages, and does where memory is
 * short; but until then they count as the process's. */
#include "passes/resident.h"

#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Segments that nothing has ever written to. */
static int give_back_code(struct dl_phdr_info *library, size_t size, void *user) {
    (void)size, (void)user;
    if (!strstr(library->dlpi_name, "libLLVM"))
        return 0;
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (int i = 0; i < library->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &library->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W))
            continue;
        const uintptr_t first = library->dlpi_addr + segment->p_vaddr;
        const uintptr_t last = first + segment->p_memsz, from = first / page * page;
        madvise((void *)from, (last - from) / page * page, MADV_DONTNEED);
    }
    return 0;
}

void resident_trim(void) {
    malloc_trim(0);
    dl_iterate_phdr(give_back_code, NULL);
}
