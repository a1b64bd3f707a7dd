/* redis.c - Redis Streams: XADD, answered when the append-only file is synced (disk) or written (os). */
#include <stdlib.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "orchestration/bench/served.h"

#define READY_MS 10000
#define PAUSE_NS (2 * ESE_NS_PER_MS)

static int program(const struct ese_place *place, char path[ESE_PLACE_PATH_SIZE], struct ese_error *error)
{
    return ese_place_peer(place, "redis-server", path, error);
}

static int wait_ready(struct ese_served_life *life, struct ese_error *error)
{
    int64_t until_ns = ese_clock_monotonic_ns() + READY_MS * ESE_NS_PER_MS;
    char *answer;

    while (ese_served_ask(life->address, "PING\r\n", "\r\n", &answer, NULL) != 0) {
        int64_t now_ns = ese_clock_monotonic_ns();
        if (!ese_child_running(&life->child, NULL) || now_ns > until_ns)
            return ese_child_complain(&life->child, "does not serve", error);
        ese_clock_sleep_until(now_ns + PAUSE_NS);
    }
    bool ready = strncmp(answer, "+PONG", 5) == 0;
    free(answer);
    return ready ? 0 : ese_child_complain(&life->child, "answers, but not PING", error);
}

/* Snapshots and rewriting of the log are off: they are not what is compared. */
static int start(struct ese_place *place, const struct ese_side *side, const struct ese_stint *stint,
                 struct ese_served_life *life, struct ese_error *error)
{
    char binary[ESE_PLACE_PATH_SIZE], libraries[ESE_PLACE_PATH_SIZE], port_text[16];

    (void)side;
    if (program(place, binary, error) != 0 || ese_place_peer_libraries(place, libraries, error) != 0 ||
        ese_served_address(life->address, &life->port, error) != 0)
        return -1;
    snprintf(port_text, sizeof port_text, "%d", ese_port_number(life->port));
    const char *const words[] = {
        binary, "--bind", "127.0.0.1", "--port", port_text, "--dir", life->directory, "--daemonize", "no",
        "--appendonly", "yes", "--appendfsync", stint->durability == ESE_DURABILITY_DISK ? "always" : "no",
        "--save", "", "--auto-aof-rewrite-percentage", "0", "--maxclients", "2000"};
    memcpy(life->child.words, words, sizeof words);
    life->child.libraries = libraries;
    int status = ese_child_start(&life->child, error);
    life->child.libraries = NULL;
    return status != 0 ? -1 : wait_ready(life, error);
}

static int account(const struct ese_served_life *life, struct ese_served_account *account, struct ese_error *error)
{
    char *answer;

    if (ese_served_ask(life->address, "XLEN bench\r\n", "\r\n", &answer, error) != 0)
        return -1;
    account->stored = strtoll(answer + 1, NULL, 10);
    free(answer);
    return 0;
}

static const struct ese_served redis = {
    .protocol = &ese_bench_resp,
    .start = start,
    .account = account,
};

static int open_redis(struct ese_place *place, const struct ese_side *side, const struct ese_stint *stint,
                      struct ese_contest **contest, struct ese_error *error)
{
    return ese_served_open(&redis, place, side, stint, contest, error);
}

const struct ese_contender ese_contender_redis = {
    .name = "Redis Streams",
    .open = open_redis,
    .run = ese_served_run,
    .close = ese_served_close,
    .program = program,
};

/* ---- and who reads it -------------------------------------------------------------------------------------------- */

static const struct ese_served redis_read = {
    .protocol = &ese_bench_resp,
    .reader = &ese_bench_reader_redis,
    .start = start,
    .account = account,
};

static int open_redis_read(struct ese_place *place, const struct ese_side *side, const struct ese_stint *stint,
                           struct ese_contest **contest, struct ese_error *error)
{
    return ese_served_open(&redis_read, place, side, stint, contest, error);
}

const struct ese_contender ese_contender_redis_read = {
    .name = "Redis Streams, XREAD BLOCK",
    .open = open_redis_read,
    .run = ese_served_run,
    .close = ese_served_close,
    .program = program,
};
