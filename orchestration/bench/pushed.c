/*
 * pushed.c - ese-server with the transport webhook, pushing one stream to receivers of the bench's own: what lies
 * there, at whose beginning they ask, or with posts going on meanwhile.
 */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "ese-core/service.h"
#include "orchestration/bench/delivery.h"
#include "orchestration/bench/served.h"

#define GRACE_MS 10000
#define POSTERS 64     /* connections */
#define FILLING_MOST 3 /* times as long as it is measured, where a page is pushed at once */
#define LEAST 5000     /* events, so that there is something to be measured */
#define HANGS_NS (5 * ESE_NS_PER_S)
#define PAUSE_NS ESE_NS_PER_MS

/* shape: connections is how many receivers there are, batch how many events a push may hold. */
struct ese_contest {
    struct ese_place *place;
    struct ese_side side;
    struct ese_stint stint;
    bool one_hangs;
    bool posts_go_on;
};

static int program(const struct ese_place *place, char path[ESE_PLACE_PATH_SIZE], struct ese_error *error)
{
    (void)place;
    return ese_place_binary("ese-server", path, error);
}

static int open_contest(struct ese_place *place, const struct ese_side *side, const struct ese_stint *stint,
                        struct ese_contest **contest, struct ese_error *error)
{
    char path[ESE_PLACE_PATH_SIZE];

    *contest = NULL;
    if (program(place, path, error) != 0)
        return -1;
    *contest = ese_alloc(sizeof **contest);
    **contest = (struct ese_contest){.place = place, .side = *side, .stint = *stint};
    return 0;
}

static void close_contest(struct ese_contest **contest)
{
    free(*contest);
    *contest = NULL;
}

/* ---- posts ----------------------------------------------------------------------------------------------------- */

/* Of a load: the events of the stream that is pushed, which every other lane posts to, and where measuring begins. */
struct posts {
    int64_t clicks;
    struct ese_delivery *delivery; /* NULL: it is not these posts that are measured */
    struct ese_round *round;
};

static void note_sent(void *context, uint16_t lane, int events, int64_t due_ns)
{
    struct posts *posts = context;

    (void)due_ns;
    posts->clicks += lane % 2 == 0 ? events : 0;
}

static void mark(void *context, bool begins)
{
    struct posts *posts = context;

    if (posts->delivery == NULL)
        return;
    if (begins)
        ese_delivery_begin(posts->delivery);
    else
        ese_delivery_end(posts->delivery, posts->round);
}

static int post(const struct ese_served_life *life, int64_t warm_up_ns, int64_t measure_ns, struct posts *posts,
                struct ese_error *error)
{
    struct ese_load_result result = {.measured = 0};
    const struct ese_load_options options = {
        .protocol = &ese_bench_webhook,
        .address = life->address,
        .shape = {.connections = POSTERS, .batch = 1},
        .warm_up_ns = warm_up_ns,
        .measure_ns = measure_ns,
        .mark = mark,
        .sent = note_sent,
        .context = posts,
    };
    int status = ese_load_run(&options, &result, error);

    if (status == 0 && result.wrong > 0)
        status = ese_fail(error, ESE_E_IO, "%lld events were not taken: '%s'", (long long)result.wrong,
                          result.wrong_words);
    ese_load_clear(&result);
    return status;
}

/* ---- subscriptions --------------------------------------------------------------------------------------------- */

static int subscribe(const struct ese_served_life *life, const struct ese_sink *sink, int path, int batch,
                     struct ese_error *error)
{
    char url[ESE_SINK_URL_SIZE], body[200], request[500], *answer;
    static const char well[] = "HTTP/1.1 200";

    ese_sink_url(sink, path, url);
    snprintf(body, sizeof body, "{\"stream\":\"%s\",\"url\":\"%s\",\"position\":0,\"batch\":%d}", ESE_PLACE_CLICKS, url,
             batch);
    snprintf(request, sizeof request,
             "POST /subscriptions/bench%d HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n"
                      "Content-Length: %zu\r\n\r\n%s",
             path + 1, strlen(body), body);
    if (ese_served_ask(life->address, request, NULL, &answer, error) != 0)
        return -1;
    int status = strncmp(answer, well, strlen(well)) == 0
                     ? 0
                     : ese_fail(error, ESE_E_IO, "no subscription is made: '%.100s'", answer);
    free(answer);
    return status;
}

/* It is to hang before anything is measured. */
static int subscribe_hanging(const struct ese_served_life *life, const struct ese_sink *sink, struct ese_error *error)
{
    int64_t until_ns = ese_clock_monotonic_ns() + HANGS_NS;

    if (subscribe(life, sink, ESE_SINK_HANG, 1, error) != 0)
        return -1;
    while (ese_sink_hanging(sink) == 0) {
        int64_t now_ns = ese_clock_monotonic_ns();
        if (now_ns > until_ns || ese_service_stopping())
            return ese_fail(error, ESE_E_TIMEOUT, "nothing is pushed to who would hang");
        ese_clock_sleep_until(now_ns + PAUSE_NS);
    }
    return 0;
}

static int subscribe_all(const struct ese_contest *contest, const struct ese_served_life *life,
                         const struct ese_sink *sink, int count, struct ese_error *error)
{
    int status = contest->one_hangs ? subscribe_hanging(life, sink, error) : 0;

    for (int i = 0; i < count && status == 0; i++)
        status = subscribe(life, sink, i, contest->side.shape.batch, error);
    return status;
}

/* ---- a round --------------------------------------------------------------------------------------------------- */

static int fill(const struct ese_served_life *life, int64_t span_ns, int64_t *events, struct ese_error *error)
{
    struct posts posts = {.clicks = 0};

    do {
        if (post(life, 0, span_ns, &posts, error) != 0)
            return -1;
    } while (posts.clicks < LEAST);
    *events = posts.clicks;
    return 0;
}

static int measure_backlog(const struct ese_contest *contest, const struct ese_served_life *life,
                           struct ese_delivery *delivery, struct ese_round *round, struct ese_error *error)
{
    const struct ese_load_shape *shape = &contest->side.shape;
    int64_t filling_ns = contest->stint.measure_ns * (shape->batch > 1 ? FILLING_MOST : 1);
    int64_t events;

    if (fill(life, filling_ns, &events, error) != 0 ||
        subscribe_all(contest, life, delivery->sink, shape->connections, error) != 0)
        return -1;
    delivery->total = events * shape->connections;
    return ese_delivery_measure(delivery, round, error);
}

static int measure_live(const struct ese_contest *contest, const struct ese_served_life *life,
                        struct ese_delivery *delivery, struct ese_round *round, struct ese_error *error)
{
    struct posts posts = {.delivery = delivery, .round = round};

    if (subscribe_all(contest, life, delivery->sink, contest->side.shape.connections, error) != 0)
        return -1;
    return post(life, contest->stint.warm_up_ns, contest->stint.measure_ns, &posts, error);
}

static int measure(const struct ese_contest *contest, struct ese_served_life *life, struct ese_sink *sink,
                   struct ese_round *round, struct ese_error *error)
{
    struct ese_delivery delivery = {
        .sink = sink, .child = &life->child, .stint = &contest->stint, .directory = life->directory};
    int status = contest->posts_go_on ? measure_live(contest, life, &delivery, round, error)
                                      : measure_backlog(contest, life, &delivery, round, error);

    if (status == 0 && ese_sink_gaps(sink) > 0)
        ese_round_refuse(round, "%lld pushes did not go on where the last one ended", (long long)ese_sink_gaps(sink));
    if (status == 0)
        ese_round_judge(round, contest->stint.durability, 0);
    return status;
}

static int run(struct ese_contest *contest, struct ese_round *round, struct ese_error *error)
{
    struct ese_served_life life = {.child = {.pid = 0}};
    struct ese_sink *sink = NULL;
    char log[ESE_PLACE_PATH_SIZE];

    *round = (struct ese_round){.rate = 0};
    if (ese_place_fresh(contest->place, "server", life.directory, error) != 0 ||
        ese_place_path(contest->place->directory, "server.log", log, error) != 0)
        return -1;
    unlink(log);
    life.child.log = log;
    int status = ese_sink_open(&sink, error);
    if (status == 0)
        status = ese_served_webhook.start(contest->place, &contest->side, &contest->stint, &life, error);
    if (status == 0)
        status = measure(contest, &life, sink, round, error);
    ese_child_stop(&life.child, SIGTERM, GRACE_MS);
    ese_sink_close(&sink);
    ese_place_remove(life.directory);
    return status;
}

const struct ese_contender ese_contender_push = {
    .name = "ese-server, webhook, pushing",
    .open = open_contest,
    .run = run,
    .close = close_contest,
    .program = program,
};

static int open_one_hangs(struct ese_place *place, const struct ese_side *side, const struct ese_stint *stint,
                          struct ese_contest **contest, struct ese_error *error)
{
    if (open_contest(place, side, stint, contest, error) != 0)
        return -1;
    (*contest)->one_hangs = true;
    return 0;
}

const struct ese_contender ese_contender_push_one_hangs = {
    .name = "ese-server, webhook, pushing to one more that hangs",
    .open = open_one_hangs,
    .run = run,
    .close = close_contest,
    .program = program,
};

static int open_posts_go_on(struct ese_place *place, const struct ese_side *side, const struct ese_stint *stint,
                            struct ese_contest **contest, struct ese_error *error)
{
    if (open_contest(place, side, stint, contest, error) != 0)
        return -1;
    (*contest)->posts_go_on = true;
    return 0;
}

const struct ese_contender ese_contender_push_live = {
    .name = "ese-server, webhook, pushing while it is posted to",
    .open = open_posts_go_on,
    .run = run,
    .close = close_contest,
    .program = program,
};
