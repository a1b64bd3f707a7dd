/* ese_server.c - ese-server under the bench's load, with one transport or the other behind it. */
#include <stdlib.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "orchestration/bench/served.h"
#include "orchestration/bench/told.h"

#define HEALTH "GET /health HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n"
#define HEALTHY_MS 20000
#define PAUSE_NS (2 * ESE_NS_PER_MS)

static int program(const struct ese_place *place, char path[ESE_PLACE_PATH_SIZE], struct ese_error *error)
{
    (void)place;
    return ese_place_binary("ese-server", path, error);
}

/* It serves before it can store: a gateway has to find its cluster first, and refuses as long. */
static int wait_healthy(struct ese_served_life *life, struct ese_error *error)
{
    static const char well[] = "HTTP/1.1 200";
    int64_t until_ns = ese_clock_monotonic_ns() + HEALTHY_MS * ESE_NS_PER_MS;

    for (bool healthy = false; !healthy;) {
        char *answer;
        if (ese_served_ask(life->address, HEALTH, NULL, &answer, error) != 0)
            return -1;
        healthy = strncmp(answer, well, strlen(well)) == 0;
        free(answer);
        int64_t now_ns = ese_clock_monotonic_ns();
        if (!healthy && now_ns > until_ns)
            return ese_child_complain(&life->child, "does not get well", error);
        if (!healthy)
            ese_clock_sleep_until(now_ns + PAUSE_NS);
    }
    return 0;
}

/* words: the transport's own, ended by NULL. */
static int start(const struct ese_side *side, const struct ese_stint *stint, const char *const *words,
                 struct ese_served_life *life, struct ese_error *error)
{
    char binary[ESE_PLACE_PATH_SIZE], ready[ESE_PLACE_PATH_SIZE];

    if (ese_place_binary("ese-server", binary, error) != 0 ||
        ese_place_path(life->directory, "ready", ready, error) != 0)
        return -1;
    const char *const common[] = {binary, "--listen", "127.0.0.1:0", "--ready-file", ready, "--durability",
                                  ese_durability_name(stint->durability), "--log-level", "warning", side->option};
    size_t count = 0;
    for (size_t i = 0; i < ESE_COUNT_OF(common) && common[i] != NULL; i++)
        life->child.words[count++] = common[i];
    for (; *words != NULL; words++)
        life->child.words[count++] = *words;
    int status = ese_child_start(&life->child, error);
    if (status == 0)
        status = ese_served_wait(&life->child, ready, life->address, error);
    if (status == 0)
        status = wait_healthy(life, error);
    return status;
}

/* ---- http ------------------------------------------------------------------------------------------------------ */

/* Room for all that comes in some seconds: a full store is no figure. */
#define MAX_BYTES "68719476736"

static int start_with_data(const char *transport, const struct ese_side *side, const struct ese_stint *stint,
                           struct ese_served_life *life, struct ese_error *error)
{
    const char *const words[] = {"--transport", transport, "--data", life->directory, "--max-bytes", MAX_BYTES, NULL};

    return start(side, stint, words, life, error);
}

static int start_http(struct ese_place *place, const struct ese_side *side, const struct ese_stint *stint,
                      struct ese_served_life *life, struct ese_error *error)
{
    (void)place;
    return start_with_data("http", side, stint, life, error);
}

static int account_http(const struct ese_served_life *life, struct ese_served_account *account,
                        struct ese_error *error)
{
    char *text;

    if (ese_told_ask(life->address, &text, error) != 0)
        return -1;
    account->stored = ese_told_value(text, "ese_store_events_total", NULL);
    account->syncs = ese_told_value(text, "ese_sqlite_syncs_total", NULL);
    account->commits = ese_told_value(text, "ese_store_commits_total", NULL);
    free(text);
    return 0;
}

const struct ese_served ese_served_http = {
    .protocol = &ese_bench_http,
    .start = start_http,
    .account = account_http,
};

static int open_http(struct ese_place *place, const struct ese_side *side, const struct ese_stint *stint,
                     struct ese_contest **contest, struct ese_error *error)
{
    return ese_served_open(&ese_served_http, place, side, stint, contest, error);
}

const struct ese_contender ese_contender_http = {
    .name = "ese-server, http",
    .open = open_http,
    .run = ese_served_run,
    .close = ese_served_close,
    .program = program,
};

/* ---- http, and ese-consumer behind it ---------------------------------------------------------------------------- */

static const struct ese_served http_read = {
    .protocol = &ese_bench_http,
    .reader = &ese_bench_reader_http,
    .start = start_http,
    .account = account_http,
};

static int open_http_read(struct ese_place *place, const struct ese_side *side, const struct ese_stint *stint,
                          struct ese_contest **contest, struct ese_error *error)
{
    return ese_served_open(&http_read, place, side, stint, contest, error);
}

const struct ese_contender ese_contender_http_read = {
    .name = "ese-server, http, ese-consumer",
    .open = open_http_read,
    .run = ese_served_run,
    .close = ese_served_close,
    .program = program,
};

/* ---- webhook --------------------------------------------------------------------------------------------------- */

static int start_webhook(struct ese_place *place, const struct ese_side *side, const struct ese_stint *stint,
                         struct ese_served_life *life, struct ese_error *error)
{
    (void)place;
    return start_with_data("webhook", side, stint, life, error);
}

const struct ese_served ese_served_webhook = {
    .protocol = &ese_bench_webhook,
    .start = start_webhook,
    .account = account_http,
};

static int open_webhook(struct ese_place *place, const struct ese_side *side, const struct ese_stint *stint,
                        struct ese_contest **contest, struct ese_error *error)
{
    return ese_served_open(&ese_served_webhook, place, side, stint, contest, error);
}

const struct ese_contender ese_contender_webhook = {
    .name = "ese-server, webhook",
    .open = open_webhook,
    .run = ese_served_run,
    .close = ese_served_close,
    .program = program,
};

/* ---- kafka ----------------------------------------------------------------------------------------------------- */

static int start_gateway(struct ese_place *place, const struct ese_side *side, const struct ese_stint *stint,
                         struct ese_served_life *life, struct ese_error *error)
{
    const char *bootstrap;

    if (ese_place_broker(place, &bootstrap, error) != 0)
        return -1;
    const char *const words[] = {"--transport",    "kafka", "--bootstrap-servers", bootstrap, "--topic-prefix",
                                 ese_place_topic_prefix(stint->durability), NULL};
    return start(side, stint, words, life, error);
}

/* The broker tells nobody how often it syncs: the device's count is the receipt. */
static int account_gateway(const struct ese_served_life *life, struct ese_served_account *account,
                           struct ese_error *error)
{
    char *text;

    if (ese_told_ask(life->address, &text, error) != 0)
        return -1;
    account->stored = ese_told_value(text, "ese_produced_total", "outcome=\"stored\"");
    account->syncs = account->commits = -1;
    free(text);
    return 0;
}

static const struct ese_served gateway = {
    .protocol = &ese_bench_http,
    .start = start_gateway,
    .account = account_gateway,
};

static int open_gateway(struct ese_place *place, const struct ese_side *side, const struct ese_stint *stint,
                        struct ese_contest **contest, struct ese_error *error)
{
    const char *bootstrap;

    if (ese_place_broker(place, &bootstrap, error) != 0) {
        *contest = NULL;
        return -1;
    }
    return ese_served_open(&gateway, place, side, stint, contest, error);
}

const struct ese_contender ese_contender_gateway = {
    .name = "ese-server, kafka",
    .open = open_gateway,
    .run = ese_served_run,
    .close = ese_served_close,
    .program = program,
};
