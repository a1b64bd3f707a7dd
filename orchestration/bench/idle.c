/*
 * idle.c - what our binaries have of memory while nobody asks anything of them: the largest of those looked at.
 *
 * A client sends one event a second, as one that sends nothing ends. Beside them stands a bound.
 */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "orchestration/bench/gauge.h"
#include "orchestration/bench/machine.h"
#include "orchestration/bench/served.h"

#define GRACE_MS 10000
#define MIB (1024.0 * 1024.0)
#define MOST_WORDS 16
#define MOST_BINARIES 4
#define ANY "127.0.0.1:0"
#define NOBODY "127.0.0.1:1" /* no SMTP server is there */

/* In words, what stands for something that is not known before: */
#define DATA "%data"     /* a directory of its own */
#define SERVER "%server" /* http:// and where the first one serves */
#define BROKER "%broker"

struct binary {
    const char *name;
    const char *words[MOST_WORDS];
};

struct ese_contest {
    struct ese_place *place;
    struct ese_stint stint;
    const struct binary *binaries; /* ended by one without a name */
};

static const struct binary with_http[] = {
    {"ese-server", {"--transport", "http", "--data", DATA, "--listen", ANY}},
    {"ese-client", {"--transport", "http", "--server", SERVER, "--rate", "1", "--metrics", ANY, "--quiet"}},
    {"ese-consumer", {"--transport", "http", "--server", SERVER, "--metrics", ANY, "--quiet"}},
    {"ese-mailer", {"--listen", ANY, "--smtp", NOBODY}},
    {.name = NULL},
};
static const struct binary with_kafka[] = {
    {"ese-client", {"--transport", "kafka:via=direct", "--bootstrap-servers", BROKER, "--topic-prefix", "os-",
                    "--rate", "1", "--metrics", ANY, "--quiet"}},
    {"ese-consumer", {"--transport", "kafka", "--bootstrap-servers", BROKER, "--topic-prefix", "os-", "--from",
                      "latest", "--metrics", ANY, "--quiet"}},
    {.name = NULL},
};
static const struct binary gateway[] = {
    {"ese-server", {"--transport", "kafka", "--bootstrap-servers", BROKER, "--topic-prefix", "os-", "--listen", ANY}},
    {.name = NULL},
};

/* ---- a round --------------------------------------------------------------------------------------------------- */

/* One of them, while it runs. */
struct life {
    struct ese_child child;
    char binary[ESE_PLACE_PATH_SIZE], directory[ESE_PLACE_PATH_SIZE], ready[ESE_PLACE_PATH_SIZE];
    char log[ESE_PLACE_PATH_SIZE];
    char address[64];
    char url[80]; /* of the first one */
};

static int word_of(struct ese_place *place, const struct life *life, const char *word, const char **made,
                   struct ese_error *error)
{
    *made = word;
    if (strcmp(word, BROKER) == 0)
        return ese_place_broker(place, made, error);
    if (strcmp(word, DATA) == 0)
        *made = life->directory;
    if (strcmp(word, SERVER) == 0)
        *made = life->url;
    return 0;
}

static int start(struct ese_place *place, const struct binary *binary, int number, const struct life *first,
                 struct life *life, struct ese_error *error)
{
    char name[32];

    snprintf(name, sizeof name, "idle-%d", number);
    snprintf(life->url, sizeof life->url, "http://%s", first->address);
    if (ese_place_binary(binary->name, life->binary, error) != 0 ||
        ese_place_fresh(place, name, life->directory, error) != 0 ||
        ese_place_path(life->directory, "ready", life->ready, error) != 0 ||
        ese_place_path(place->directory, "idle.log", life->log, error) != 0)
        return -1;
    const char *const common[] = {life->binary, "--ready-file", life->ready, "--log-level", "warning"};
    size_t count = ESE_COUNT_OF(common);
    memcpy(life->child.words, common, sizeof common);
    for (size_t i = 0; i < MOST_WORDS && binary->words[i] != NULL; i++) {
        if (word_of(place, life, binary->words[i], &life->child.words[count++], error) != 0)
            return -1;
    }
    life->child.log = life->log;
    life->child.directory = life->directory; /* what it keeps under a name of its own choice is there */
    return ese_child_start(&life->child, error) != 0 ? -1
                                                     : ese_served_wait(&life->child, life->ready, life->address, error);
}

static int measure(const struct ese_contest *contest, struct life *lives, int count, struct ese_round *round,
                   struct ese_error *error)
{
    struct ese_gauge gauge;

    ese_gauge_begin(&gauge, 0, contest->place->directory);
    if (ese_child_let_run(&lives[0].child, contest->stint.warm_up_ns + contest->stint.measure_ns, error) != 0)
        return -1;
    ese_gauge_end(&gauge);
    round->foreign_cores = ese_gauge_foreign_cores(&gauge);
    round->syncs_per_s = round->commits_per_s = round->flushes_per_s = ESE_ROUND_UNKNOWN;
    round->all_there = true;
    for (int i = 0; i < count; i++) {
        double mib = (double)ese_machine_resident_bytes(lives[i].child.pid) / MIB;
        ese_log_info("%s: %.1f MiB", contest->binaries[i].name, mib);
        if (!ese_child_running(&lives[i].child, NULL))
            return ese_child_complain(&lives[i].child, "has ended", error);
        round->memory_mib = mib > round->memory_mib ? mib : round->memory_mib;
    }
    return 0;
}

static int run(struct ese_contest *contest, struct ese_round *round, struct ese_error *error)
{
    struct life *lives = ese_alloc_array(MOST_BINARIES, sizeof *lives);
    int count = 0, status = 0;

    *round = (struct ese_round){.rate = 0};
    for (; status == 0 && contest->binaries[count].name != NULL; count++)
        status = start(contest->place, &contest->binaries[count], count, &lives[0], &lives[count], error);
    if (status == 0)
        status = measure(contest, lives, count, round, error);
    while (count-- > 0) {
        ese_child_stop(&lives[count].child, SIGTERM, GRACE_MS);
        ese_place_remove(lives[count].directory);
    }
    free(lives);
    return status;
}

/* ---- who is looked at ------------------------------------------------------------------------------------------ */

static int program(const struct ese_place *place, char path[ESE_PLACE_PATH_SIZE], struct ese_error *error)
{
    (void)place;
    return ese_place_binary("ese-server", path, error);
}

static int open_with(struct ese_place *place, const struct ese_stint *stint, const struct binary *binaries,
                     struct ese_contest **contest)
{
    *contest = ese_alloc(sizeof **contest);
    **contest = (struct ese_contest){.place = place, .stint = *stint, .binaries = binaries};
    return 0;
}

static int open_http(struct ese_place *place, const struct ese_side *side, const struct ese_stint *stint,
                     struct ese_contest **contest, struct ese_error *error)
{
    (void)side;
    (void)error;
    return open_with(place, stint, with_http, contest);
}

static int open_kafka(struct ese_place *place, const struct ese_side *side, const struct ese_stint *stint,
                      struct ese_contest **contest, struct ese_error *error)
{
    (void)side;
    (void)error;
    return open_with(place, stint, with_kafka, contest);
}

static int open_gateway(struct ese_place *place, const struct ese_side *side, const struct ese_stint *stint,
                        struct ese_contest **contest, struct ese_error *error)
{
    (void)side;
    (void)error;
    return open_with(place, stint, gateway, contest);
}

static void close_idle(struct ese_contest **contest)
{
    free(*contest);
    *contest = NULL;
}

const struct ese_contender ese_contender_idle_http = {
    .name = "the largest of four, http",
    .open = open_http,
    .run = run,
    .close = close_idle,
    .program = program,
};

const struct ese_contender ese_contender_idle_kafka = {
    .name = "the larger of ese-client and ese-consumer, kafka",
    .open = open_kafka,
    .run = run,
    .close = close_idle,
    .program = program,
};

const struct ese_contender ese_contender_idle_gateway = {
    .name = "ese-server, kafka",
    .open = open_gateway,
    .run = run,
    .close = close_idle,
    .program = program,
};

/* ---- what they are held against --------------------------------------------------------------------------------- */

static int open_bound(struct ese_place *place, const struct ese_side *side, const struct ese_stint *stint,
                      struct ese_contest **contest, struct ese_error *error)
{
    (void)side;
    (void)error;
    return open_with(place, stint, NULL, contest);
}

static int run_bound(struct ese_contest *contest, struct ese_round *round, struct ese_error *error)
{
    (void)contest;
    (void)error;
    *round = (struct ese_round){.memory_mib = 16, .all_there = true, .syncs_per_s = ESE_ROUND_UNKNOWN,
                                .commits_per_s = ESE_ROUND_UNKNOWN, .flushes_per_s = ESE_ROUND_UNKNOWN};
    return 0;
}

const struct ese_contender ese_contender_bound = {
    .name = "16 MiB",
    .open = open_bound,
    .run = run_bound,
    .close = close_idle,
    .program = program,
};
