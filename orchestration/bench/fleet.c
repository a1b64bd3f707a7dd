#include "orchestration/bench/fleet.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/memory.h"
#include "orchestration/bench/machine.h"
#include "orchestration/bench/served.h"

#define GRACE_MS 10000
#define MIB (1024.0 * 1024.0)

static int word_of(struct ese_fleet *fleet, const struct ese_fleet_life *life, const char *word, const char **made,
                   struct ese_error *error)
{
    const struct {
        const char *word, *made;
    } known[] = {{ESE_FLEET_DATA, life->directory},
                 {ESE_FLEET_SERVER, fleet->lives[0].url},
                 {ESE_FLEET_MAILER, fleet->lives[1].url},
                 {ESE_FLEET_RATE, fleet->rate}};

    *made = word;
    if (strcmp(word, ESE_FLEET_BROKER) == 0)
        return ese_place_broker(fleet->place, made, error);
    for (size_t i = 0; i < ESE_COUNT_OF(known); i++) {
        if (strcmp(word, known[i].word) == 0)
            *made = known[i].made;
    }
    return 0;
}

/* What it keeps under a name of its own choice is in its directory. */
static int start(struct ese_fleet *fleet, const struct ese_fleet_binary *binary, struct ese_fleet_life *life,
                 struct ese_error *error)
{
    char name[32];

    snprintf(name, sizeof name, "fleet-%d", fleet->count);
    if (ese_place_binary(binary->name, life->binary, error) != 0 ||
        ese_place_fresh(fleet->place, name, life->directory, error) != 0 ||
        ese_place_path(life->directory, "ready", life->ready, error) != 0 ||
        ese_place_path(fleet->place->directory, "fleet.log", life->log, error) != 0)
        return -1;
    fleet->count++;
    const char *const common[] = {life->binary, "--ready-file", life->ready, "--log-level", "warning"};
    size_t count = ESE_COUNT_OF(common);
    memcpy(life->child.words, common, sizeof common);
    for (size_t i = 0; i < ESE_FLEET_WORDS && binary->words[i] != NULL; i++) {
        if (word_of(fleet, life, binary->words[i], &life->child.words[count++], error) != 0)
            return -1;
    }
    life->child.log = life->log;
    life->child.directory = life->directory;
    if (ese_child_start(&life->child, error) != 0 ||
        ese_served_wait(&life->child, life->ready, life->address, error) != 0)
        return -1;
    snprintf(life->url, sizeof life->url, "http://%s", life->address);
    return 0;
}

int ese_fleet_start(struct ese_fleet *fleet, struct ese_error *error)
{
    fleet->lives = ese_alloc_array(ESE_FLEET_MOST, sizeof *fleet->lives);
    fleet->count = 0;
    for (int i = 0; fleet->binaries[i].name != NULL; i++) {
        if (start(fleet, &fleet->binaries[i], &fleet->lives[i], error) != 0)
            return -1;
    }
    return 0;
}

void ese_fleet_stop(struct ese_fleet *fleet)
{
    while (fleet->count > 0) {
        struct ese_fleet_life *life = &fleet->lives[--fleet->count];
        ese_child_stop(&life->child, SIGTERM, GRACE_MS);
        ese_place_remove(life->directory);
    }
    free(fleet->lives);
    fleet->lives = NULL;
}

int ese_fleet_memory(struct ese_fleet *fleet, int number, double *mib, struct ese_error *error)
{
    struct ese_child *child = &fleet->lives[number].child;

    *mib = (double)ese_machine_resident_bytes(child->pid) / MIB;
    return ese_child_running(child, NULL) ? 0 : ese_child_complain(child, "has ended", error);
}

/* ---- a contender of them --------------------------------------------------------------------------------------- */

int ese_fleet_contest_open(struct ese_place *place, const struct ese_stint *stint,
                           const struct ese_fleet_binary *binaries, struct ese_contest **contest)
{
    *contest = ese_alloc(sizeof **contest);
    **contest = (struct ese_contest){.place = place, .stint = *stint, .binaries = binaries};
    return 0;
}

void ese_fleet_contest_close(struct ese_contest **contest)
{
    free(*contest);
    *contest = NULL;
}

int ese_fleet_contest_program(const struct ese_place *place, char path[ESE_PLACE_PATH_SIZE], struct ese_error *error)
{
    (void)place;
    return ese_place_binary("ese-server", path, error);
}
