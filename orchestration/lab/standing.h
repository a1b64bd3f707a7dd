/*
 * standing.h - how the lab that stays stands: who it is, where its parts serve, how far they are.
 *
 * The places are a file of lines "name value", written by `up` once everything serves; the counts
 * are those of the histories.
 */
#ifndef ESE_LAB_STANDING_H
#define ESE_LAB_STANDING_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "orchestration/lab/artifacts.h"

#define ESE_STANDING_FILE "addresses" /* in the directory of the lab that stays, once all is up */
#define ESE_STANDING_PLACES 8
#define ESE_STANDING_COUNTS 4

struct ese_standing_place {
    char name[16]; /* "server" */
    char value[ESE_ARTIFACT_PATH_SIZE];
};

struct ese_standing {
    pid_t pid; /* 0: none is up */
    bool serves; /* false: it is still starting */
    struct ese_standing_place places[ESE_STANDING_PLACES];
    int place_count;
    int64_t counts[ESE_STANDING_COUNTS]; /* -1: not begun */
};

/* Of the lab that is process pid; 0: of none. */
int ese_standing_read(pid_t pid, struct ese_standing *standing, struct ese_error *error);

/* For people: all of it, or the places alone, two columns further in. */
void ese_standing_write(const struct ese_standing *standing, FILE *stream);
void ese_standing_write_places(const struct ese_standing *standing, FILE *stream);

/* One JSON object and a newline; docs/json.md tells its members. */
void ese_standing_write_json(const struct ese_standing *standing, FILE *stream);

#endif
