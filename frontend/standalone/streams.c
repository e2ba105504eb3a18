/* The streams that libraries' archives speak of. As they are distributed, archives are for
 * programs: they find stdin and stderr at addresses that nothing in a shared library can know. So
 * in the archives these have other names (CMakeLists.txt), and are here. */
#include <stdio.h>

#define HIDDEN __attribute__((visibility("hidden")))

HIDDEN extern FILE *archive_stdin, *archive_stdout, *archive_stderr;
FILE *archive_stdin, *archive_stdout, *archive_stderr;

__attribute__((constructor)) static void take_streams(void) {
    archive_stdin = stdin;
    archive_stdout = stdout;
    archive_stderr = stderr;
}
