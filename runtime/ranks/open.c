/* The library is looked for beside the program (as it is built), in ../lib/scanline (as it is
 * installed) and where the system looks. It is opened for good: MPI can't be started again. */
#include "runtime/ranks/open.h"

#include "runtime/integer.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_RANKS = 1 << 20 };

/* --- the environment --- */

/* A number among the variables; 0: none of them says one. */
static int number_of(const char *const *names) {
    for (; *names; names++) {
        const char *text = getenv(*names);
        int64_t number;
        if (text && integer_read(text, 1, MOST_RANKS, &number))
            return (int)number;
    }
    return 0;
}

/* How many were started: by Open MPI's mpirun; by MPICH's, or by srun --mpi=pmi2; by srun
 * --mpi=pmix. Without one of these srun starts processes that know nothing of each other. */
static int started_count(void) {
    static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", NULL};
    static const char *const of_slurm[] = {"SLURM_STEP_NUM_TASKS", NULL};
    const int count = number_of(names);
    return count || !getenv("PMIX_RANK") ? count : number_of(of_slurm);
}

int ranks_on_this_machine(void) {
    static const char *const names[] = {"OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS", NULL};
    const int count = number_of(names);
    return count ? count : 1;
}

/* --- the library --- */

/* PATH/../BESIDE, of this program; false: too long, or the system does not say. */
static bool path_beside(const char *beside, char path[PATH_MAX]) {
    const ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
    if (length <= 0)
        return false;
    path[length] = 0;
    char *name = strrchr(path, '/');
    const size_t room = name ? (size_t)(path + PATH_MAX - name) : 0;
    return name && snprintf(name, room, "/%s", beside) < (int)room;
}

static void *library_open(char fault[256]) {
    static const char *const places[] = {TRANSPORT_MPI_LIBRARY,
                                         "../lib/scanline/" TRANSPORT_MPI_LIBRARY};
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (path_beside(places[i], path) && access(path, F_OK) == 0) {
            void *library = dlopen(path, RTLD_NOW | RTLD_GLOBAL); /* MPI opens more, which see it */
            if (!library)
                snprintf(fault, 256, "%s", dlerror());
            return library;
        }
    void *library = dlopen(TRANSPORT_MPI_LIBRARY, RTLD_NOW | RTLD_GLOBAL);
    if (!library)
        snprintf(fault, 256, "%s", dlerror());
    return library;
}

static bool transport_open(Transport *transport, RunError *error) {
    char fault[256] = "";
    void *library = library_open(fault);
    void *symbol = library ? dlsym(library, TRANSPORT_MPI_OPEN) : NULL;
    if (!symbol)
        return run_fail(error, EXIT_MACHINE,
                        "this was started as one of several ranks, and what lets them reach each "
                        "other can't be opened: %s. It is built where there is MPI (Debian: "
                        "libopenmpi-dev, and openmpi-bin to run it)",
                        *fault ? fault : TRANSPORT_MPI_LIBRARY " is of something else");
    TransportOpen *open;
    memcpy(&open, &symbol, sizeof open); /* ISO C has no cast for this */
    if (!open(transport, fault, sizeof fault))
        return run_fail(error, EXIT_MACHINE, "MPI: %s", fault);
    return transport->version == TRANSPORT_VERSION ||
           run_fail(error, EXIT_MACHINE, TRANSPORT_MPI_LIBRARY " is of another version");
}

/* Under the mpirun of another MPI each process would think that it is the only one, and all would
 * train the same run. */
static bool count_check(const Transport *transport, int started, RunError *error) {
    return transport->size == started ||
           run_fail(
               error, EXIT_MACHINE,
               "%d ranks were started, and MPI knows of %d: is mpirun of the MPI that scanline "
               "was built with?",
               started, transport->size);
}

bool ranks_open(Ranks **ranks, RunError *error) {
    const int started = started_count();
    Transport transport;
    *ranks = NULL;
    if (started <= 1)
        return true;
    if (!transport_open(&transport, error) || !count_check(&transport, started, error))
        return false;
    *ranks = ranks_create(&transport);
    return *ranks || run_no_memory(error, "the ranks");
}
