#include "frontend/cli/sweep_shared.h"

#include "frontend/fingerprint.h"

#include <string.h>

/* --- machine code --- */

/* The target and the table of choices are those of the command. */
static void code_of(Session *session, char hash[HASH_SIZE]) {
    char functions[HASH_SIZE];
    fingerprint(session->arena, session->lowered, &session->experiment, functions);
    hash_text(arena_printf(session->arena, "%s %lld", functions, (long long)session->arena_bytes),
              hash);
}

static SharedProgram *find_program(SweepShared *shared, const char *code) {
    for (int i = 0; i < SHARED_PROGRAMS; i++)
        if (shared->programs[i].session && strcmp(shared->programs[i].code, code) == 0)
            return &shared->programs[i];
    return NULL;
}

/* A place without one, or with the one used longest ago, which goes. */
static SharedProgram *free_program(SweepShared *shared) {
    SharedProgram *oldest = &shared->programs[0];
    for (int i = 0; i < SHARED_PROGRAMS; i++)
        if (shared->programs[i].used < oldest->used)
            oldest = &shared->programs[i];
    session_free(oldest->session);
    *oldest = (SharedProgram){0};
    return oldest;
}

static ExitCode compile_anew(SweepShared *shared, Session *session, const char *code) {
    const ExitCode result = session_compile(session);
    if (result)
        return result;
    SharedProgram *program = free_program(shared);
    *program = (SharedProgram){.session = session, .used = ++shared->clock};
    strcpy(program->code, code);
    shared->compiled++;
    return EXIT_DONE;
}

ExitCode shared_compile(SweepShared *shared, Session *session) {
    char code[HASH_SIZE];
    code_of(session, code);
    SharedProgram *program = find_program(shared, code);
    if (!program)
        return compile_anew(shared, session, code);
    program->used = ++shared->clock;
    session->program = program->session->program;
    session->program.experiment = &session->experiment;
    return EXIT_DONE;
}

void shared_release(SweepShared *shared, Session *session) {
    for (int i = 0; i < SHARED_PROGRAMS; i++)
        if (shared->programs[i].session == session)
            return;
    session_free(session);
}

/* --- data --- */

/* All settings of data; and whether images without labels are left out, which is none. */
static void settings_of(Session *session, char hash[HASH_SIZE]) {
    static const char section[] = "data.";
    const Experiment *experiment = &session->experiment;
    const char *text = arena_printf(session->arena, "%d", (int)experiment->data.labelled);
    for (uint32_t i = 0; i < experiment->setting_count; i++)
        if (strncmp(experiment->settings[i].key, section, strlen(section)) == 0)
            text = arena_printf(session->arena, "%s\n%s=%s", text, experiment->settings[i].key,
                                experiment->settings[i].value);
    hash_text(text, hash);
}

static SharedData *free_data(SweepShared *shared) {
    SharedData *oldest = &shared->data[0];
    for (int i = 0; i < SHARED_DATA; i++)
        if (shared->data[i].used < oldest->used)
            oldest = &shared->data[i];
    data_close(oldest->data);
    *oldest = (SharedData){0};
    return oldest;
}

const DataSet *shared_data(SweepShared *shared, Session *session) {
    char settings[HASH_SIZE];
    DataError fault;
    settings_of(session, settings);
    for (int i = 0; i < SHARED_DATA; i++)
        if (shared->data[i].data && strcmp(shared->data[i].settings, settings) == 0) {
            shared->data[i].used = ++shared->clock;
            return shared->data[i].data;
        }
    DataSet *data = data_open(&session->experiment.data, &fault);
    if (!data) {
        session_fail(session, EXIT_INPUT, "data", "%s", fault.text);
        return NULL;
    }
    SharedData *place = free_data(shared);
    *place = (SharedData){.data = data, .used = ++shared->clock};
    strcpy(place->settings, settings);
    return data;
}

void shared_free(SweepShared *shared) {
    for (int i = 0; i < SHARED_PROGRAMS; i++)
        session_free(shared->programs[i].session);
    for (int i = 0; i < SHARED_DATA; i++)
        data_close(shared->data[i].data);
    *shared = (SweepShared){0};
}
