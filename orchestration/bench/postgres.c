/*
 * postgres.c - PostgreSQL, one row a transaction, by its own pgbench with a statement that is prepared once.
 *
 * The server is set up once for all rounds of a row; each round finds an empty table.
 */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/id.h"
#include "ese-core/memory.h"
#include "orchestration/bench/machine.h"
#include "orchestration/bench/outside.h"
#include "orchestration/bench/served.h"

#define SETUP_MS 120000
#define READY_MS 30000
#define GRACE_MS 60000
#define PAUSE_NS (20 * ESE_NS_PER_MS)
#define CONNECT_S 16 /* at most */
#define USER "postgres"
#define TABLE "CREATE TABLE events (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key text, event text)"

struct postgres {
    struct ese_contest common;
    char libraries[ESE_PLACE_PATH_SIZE];
    char data[ESE_PLACE_PATH_SIZE];
    char script[ESE_PLACE_PATH_SIZE]; /* what pgbench does over and over */
    char log[ESE_PLACE_PATH_SIZE];
    char port[16];
    struct ese_port *held;
    struct ese_child server;
};

static int program(const struct ese_place *place, char path[ESE_PLACE_PATH_SIZE], struct ese_error *error)
{
    return ese_place_peer(place, "postgres", path, error);
}

/* Some program of its packages, to its end. `words` behind the program's name, ended by NULL. What it says on stdout is
 * handed back where said is not NULL. */
static int call(const struct postgres *postgres, const char *name, const char *const *words, bool unprivileged,
                struct ese_round *round, char **said, struct ese_error *error)
{
    char binary[ESE_PLACE_PATH_SIZE], *text;
    struct ese_round ignored = {.rate = 0};
    struct ese_child child = {.words = {binary}, .libraries = postgres->libraries,
                              .unprivileged = unprivileged, .data = postgres->data};

    if (ese_place_peer(postgres->common.place, name, binary, error) != 0)
        return -1;
    for (size_t i = 0; words[i] != NULL; i++)
        child.words[i + 1] = words[i];
    if (round == NULL)
        round = &ignored;
    if (ese_outside_run(postgres->common.place, &child, SETUP_MS, round, &text, error) != 0)
        return -1;
    if (said != NULL)
        *said = text;
    else
        free(text);
    return 0;
}

static int ask(const struct postgres *postgres, const char *sql, char **said, struct ese_error *error)
{
    const char *const words[] = {"-h", "127.0.0.1", "-p", postgres->port, "-U", USER, "-d", "postgres", "-X", "-q",
                                 "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql, NULL};

    return call(postgres, "psql", words, false, NULL, said, error);
}

static int wait_ready(struct postgres *postgres, struct ese_error *error)
{
    int64_t until_ns = ese_clock_monotonic_ns() + READY_MS * ESE_NS_PER_MS;

    while (ask(postgres, "SELECT 1", NULL, error) != 0) {
        int64_t now_ns = ese_clock_monotonic_ns();
        if (error->code == ESE_E_MISSING)
            return -1;
        if (!ese_child_running(&postgres->server, NULL) || now_ns > until_ns)
            return ese_child_complain(&postgres->server, "does not serve", error);
        ese_clock_sleep_until(now_ns + PAUSE_NS);
    }
    return 0;
}

/* On any address of loopback, and no socket in a directory, whose path might be too long for one. */
static int start(struct postgres *postgres, struct ese_error *error)
{
    char binary[ESE_PLACE_PATH_SIZE], address[64];

    if (program(postgres->common.place, binary, error) != 0 || ese_served_address(address, &postgres->held, error) != 0)
        return -1;
    snprintf(postgres->port, sizeof postgres->port, "%d", ese_port_number(postgres->held));
    const char *const words[] = {binary, "-D", postgres->data, "-p", postgres->port, "-h", "127.0.0.1", "-k", "",
                                 "-c", "synchronous_commit=on", "-c", "fsync=on", "-c", "max_connections=300"};
    memcpy(postgres->server.words, words, sizeof words);
    postgres->server.libraries = postgres->libraries;
    postgres->server.log = postgres->log;
    postgres->server.unprivileged = true;
    postgres->server.data = postgres->data;
    int status = ese_child_start(&postgres->server, error);
    memset(postgres->server.words, 0, sizeof postgres->server.words);
    postgres->server.words[0] = "postgres"; /* for complaints */
    return status != 0 ? -1 : wait_ready(postgres, error);
}

/* Each row with a key of its own, and as many bytes as the others store. */
static int write_script(const struct postgres *postgres, struct ese_error *error)
{
    struct ese_payload payload;
    FILE *file = fopen(postgres->script, "we");

    if (file == NULL)
        return ese_fail_errno(error, "cannot write %s", postgres->script);
    ese_payload_make(&payload, ese_id_draw_run(), 0);
    fprintf(file, "\\set key random(1, 1000000000000)\nINSERT INTO events (key, event) VALUES (:key::text, '%s');\n",
            payload.text);
    if (fclose(file) != 0)
        return ese_fail_errno(error, "cannot write %s", postgres->script);
    return 0;
}

static int set_up(struct postgres *postgres, struct ese_error *error)
{
    const struct ese_place *place = postgres->common.place;

    if (ese_place_peer_libraries(place, postgres->libraries, error) != 0 ||
        ese_place_fresh(place, "postgres", postgres->data, error) != 0 ||
        ese_place_path(place->directory, "insert.pgbench", postgres->script, error) != 0 ||
        ese_place_path(place->directory, "postgres.log", postgres->log, error) != 0)
        return -1;
    unlink(postgres->log);
    const char *const words[] = {"-D", postgres->data, "-U", USER, "-A", "trust", "--no-locale", "-E", "UTF8", NULL};
    if (call(postgres, "initdb", words, true, NULL, NULL, error) != 0 || start(postgres, error) != 0)
        return -1;
    return write_script(postgres, error) != 0 ? -1 : ask(postgres, TABLE, NULL, error);
}

static void close_postgres(struct ese_contest **contest)
{
    struct postgres *postgres = (struct postgres *)*contest;

    *contest = NULL;
    if (postgres == NULL)
        return;
    ese_child_stop(&postgres->server, SIGINT, GRACE_MS); /* its fast shutdown */
    ese_port_release(&postgres->held);
    if (postgres->data[0] != '\0')
        ese_place_remove(postgres->data);
    free(postgres);
}

static int open_postgres(struct ese_place *place, const struct ese_side *side, const struct ese_stint *stint,
                         struct ese_contest **contest, struct ese_error *error)
{
    char path[ESE_PLACE_PATH_SIZE];

    *contest = NULL;
    if (program(place, path, error) != 0)
        return -1;
    struct postgres *postgres = ese_alloc(sizeof *postgres);
    postgres->common = (struct ese_contest){.place = place, .side = *side, .stint = *stint};
    *contest = &postgres->common;
    if (set_up(postgres, error) == 0)
        return 0;
    close_postgres(contest);
    return -1;
}

static int pgbench_for(const struct postgres *postgres, int64_t seconds, struct ese_round *round, char **said,
                       struct ese_error *error)
{
    char clients[16], span[24];

    snprintf(clients, sizeof clients, "%d", postgres->common.side.shape.connections);
    snprintf(span, sizeof span, "%lld", (long long)seconds);
    const char *const words[] = {"-h", "127.0.0.1", "-p", postgres->port, "-U", USER, "-n", "-M", "prepared", "-f",
                                 postgres->script, "-c", clients, "-j", "1", "-T", span, "postgres", NULL};
    return call(postgres, "pgbench", words, false, round, said, error);
}

/* pgbench knows whole seconds only, and what its clients need to connect is part of them, though none of the rate that
 * it tells: where a busy machine has left nothing for inserts, they get longer. */
static int pgbench(const struct postgres *postgres, int64_t span_ns, struct ese_round *round, char **said,
                   struct ese_error *error)
{
    int64_t seconds = (span_ns + ESE_NS_PER_S - 1) / ESE_NS_PER_S;

    for (int64_t more = 1;; more *= 4) {
        if (pgbench_for(postgres, seconds + more, round, said, error) != 0)
            return -1;
        if (more >= CONNECT_S || strstr(*said, "actually processed: 0\n") == NULL)
            return 0;
        free(*said);
    }
}

/* "number of transactions actually processed: 29000", "tps = 28990.1 (without initial connection time)" */
static int take(const char *said, struct ese_round *round, int64_t *stored, struct ese_error *error)
{
    static const char count[] = "actually processed: ", rate[] = "tps = ", wait[] = "latency average = ";
    const char *counted = strstr(said, count), *rated = strstr(said, rate), *waited = strstr(said, wait);

    if (counted == NULL || rated == NULL || waited == NULL)
        return ese_fail(error, ESE_E_INVALID, "pgbench said '%.300s'", said);
    *stored = strtoll(counted + strlen(count), NULL, 10);
    round->rate = strtod(rated + strlen(rate), NULL);
    round->p50_us = 1000 * strtod(waited + strlen(wait), NULL); /* the mean: it tells no other */
    return 0;
}

static int ask_number(const struct postgres *postgres, const char *sql, int64_t *number, struct ese_error *error)
{
    char *said;

    if (ask(postgres, sql, &said, error) != 0)
        return -1;
    *number = strtoll(said, NULL, 10);
    free(said);
    return 0;
}

static int warm_up(const struct postgres *postgres, struct ese_error *error)
{
    int64_t span_ns = postgres->common.stint.warm_up_ns;
    char *said = NULL;
    int status = span_ns > 0 ? pgbench(postgres, span_ns, NULL, &said, error) : 0;

    free(said);
    return status;
}

static int measure(struct postgres *postgres, struct ese_round *round, struct ese_error *error)
{
    static const char count_syncs[] = "SELECT wal_sync FROM pg_stat_wal";
    const struct ese_stint *stint = &postgres->common.stint;
    int64_t stored = 0, rows, syncs, syncs_before;
    char *said;

    if (ask(postgres, "TRUNCATE events", NULL, error) != 0 || warm_up(postgres, error) != 0 ||
        ask(postgres, "TRUNCATE events", NULL, error) != 0 ||
        ask_number(postgres, count_syncs, &syncs_before, error) != 0)
        return -1;
    int64_t server_ns = ese_machine_tree_ns(postgres->server.pid);
    if (pgbench(postgres, stint->measure_ns, round, &said, error) != 0)
        return -1;
    server_ns = ese_machine_tree_ns(postgres->server.pid) - server_ns;
    int status = take(said, round, &stored, error);
    free(said);
    if (status != 0 || ask_number(postgres, "SELECT count(*) FROM events", &rows, error) != 0 ||
        ask_number(postgres, count_syncs, &syncs, error) != 0)
        return -1;
    round->server_us = stored > 0 ? (double)server_ns / 1000 / (double)stored : 0;
    round->syncs_per_s = stored > 0 ? (double)(syncs - syncs_before) * round->rate / (double)stored : 0;
    round->all_there = rows >= stored;
    return 0;
}

static int run(struct ese_contest *contest, struct ese_round *round, struct ese_error *error)
{
    struct postgres *postgres = (struct postgres *)contest;

    *round = (struct ese_round){.rate = 0};
    if (measure(postgres, round, error) != 0)
        return -1;
    ese_round_judge(round, contest->stint.durability, ese_load_under_way(&postgres->common.side.shape));
    return 0;
}

const struct ese_contender ese_contender_postgres = {
    .name = "PostgreSQL",
    .open = open_postgres,
    .run = run,
    .close = close_postgres,
    .program = program,
};
