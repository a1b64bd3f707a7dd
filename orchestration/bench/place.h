/*
 * place.h - where the bench works: its own directory, the other binaries, the peers' programs, and the one broker that
 * all rows share.
 *
 * Everything is below $ESE_LAB_HOME (".lab" where it is not set): bench/ for what it keeps and for the data of all
 * contenders, ours and theirs, which therefore is on one file system; peers/ for what fetch-peers has unpacked.
 */
#ifndef ESE_BENCH_PLACE_H
#define ESE_BENCH_PLACE_H

#include <stdint.h>

#include "ese-core/error.h"
#include "ese-core/sqlite.h"

#define ESE_PLACE_PATH_SIZE 1024
#define ESE_PLACE_CLICKS "click-events" /* a topic of topics.conf, behind its prefix; and a stream */
#define ESE_PLACE_ORDERS "order-events" /* likewise */

struct ese_broker;

struct ese_place {
    char directory[ESE_PLACE_PATH_SIZE]; /* bench/; absolute, as the next */
    char peers[ESE_PLACE_PATH_SIZE];
    struct ese_broker *broker;           /* NULL: nobody has needed it yet */
    int64_t backlog;                     /* events that wait in topics of their own (backlog.c) */
};

/* Makes the directory, and takes it for this process alone: two benches at once would measure each other. */
int ese_place_open(struct ese_place *place, struct ese_error *error);
/* Stops the broker, if there is one. */
void ese_place_close(struct ese_place *place);

/* "directory/name". */
int ese_place_path(const char *directory, const char *name, char path[ESE_PLACE_PATH_SIZE], struct ese_error *error);

/* "ese-server": one of our binaries, beside this one or in the build tree. ESE_E_MISSING. */
int ese_place_binary(const char *name, char path[ESE_PLACE_PATH_SIZE], struct ese_error *error);

/* "redis-server": a peer's, unpacked below peers/. ESE_E_MISSING, with what to do. */
int ese_place_peer(const struct ese_place *place, const char *name, char path[ESE_PLACE_PATH_SIZE],
                   struct ese_error *error);
/* Where the peers' own libraries are, for LD_LIBRARY_PATH. */
int ese_place_peer_libraries(const struct ese_place *place, char path[ESE_PLACE_PATH_SIZE], struct ese_error *error);

/* "os-": what stands before the topics' names for that durability. */
const char *ese_place_topic_prefix(enum ese_durability durability);
/* The broker's address; starts it when it is needed first, with topics for os and disk, and lets it warm up. */
int ese_place_broker(struct ese_place *place, const char **bootstrap, struct ese_error *error);

/* Likewise, with topics of that prefix, too, at os. */
int ese_place_topics(struct ese_place *place, const char *prefix, const char **bootstrap, struct ese_error *error);

/* An empty directory of that name in the bench's; what was there is removed. */
int ese_place_fresh(const struct ese_place *place, const char *name, char path[ESE_PLACE_PATH_SIZE],
                    struct ese_error *error);
/* Removes it with all that is in it. */
void ese_place_remove(const char *path);

#endif
