#include "orchestration/bench/served.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "orchestration/bench/gauge.h"

#define READY_MS 20000
#define PAUSE_NS (2 * ESE_NS_PER_MS)
#define GRACE_MS 10000
#define ANSWER_LIMIT (1 << 20)
#define PATIENCE_S 10
#define KEPT_UP 0.98 /* of the rate at which requests are due, for an open loop to tell anything */

struct ese_contest {
    const struct ese_served *served;
    struct ese_place *place;
    struct ese_side side;
    struct ese_stint stint;
};

int ese_served_open(const struct ese_served *served, struct ese_place *place, const struct ese_side *side,
                    const struct ese_stint *stint, struct ese_contest **contest, struct ese_error *error)
{
    char path[ESE_PLACE_PATH_SIZE];

    if (side->contender->program(place, path, error) != 0) {
        *contest = NULL;
        return -1;
    }
    *contest = ese_alloc(sizeof **contest);
    **contest = (struct ese_contest){.served = served, .place = place, .side = *side, .stint = *stint};
    return 0;
}

void ese_served_close(struct ese_contest **contest)
{
    free(*contest);
    *contest = NULL;
}

/* ---- asking ---------------------------------------------------------------------------------------------------- */

int ese_served_address(char address[64], struct ese_port **port, struct ese_error *error)
{
    if (ese_port_draw(port, error) != 0)
        return -1;
    snprintf(address, 64, "127.0.0.1:%d", ese_port_number(*port));
    return 0;
}

static bool read_ready(const char *path, char address[64])
{
    FILE *file = fopen(path, "re");
    bool had = file != NULL && fgets(address, 64, file) != NULL;

    if (file != NULL)
        fclose(file);
    if (had)
        address[strcspn(address, "\n")] = '\0';
    return had;
}

int ese_served_wait(struct ese_child *child, const char *ready, char address[64], struct ese_error *error)
{
    int64_t until_ns = ese_clock_monotonic_ns() + READY_MS * ESE_NS_PER_MS;

    while (!read_ready(ready, address)) {
        int64_t now_ns = ese_clock_monotonic_ns();
        if (!ese_child_running(child, NULL) || now_ns > until_ns)
            return ese_child_complain(child, "does not serve", error);
        ese_clock_sleep_until(now_ns + PAUSE_NS);
    }
    return 0;
}

int ese_served_connect(const char *address)
{
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    peer.sin_port = htons((uint16_t)strtol(strrchr(address, ':') + 1, NULL, 10));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&peer, sizeof peer) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

int ese_served_ask(const char *address, const char *bytes, const char *end, char **answer, struct ese_error *error)
{
    struct ese_buffer text = ESE_BUFFER_INIT(ANSWER_LIMIT);
    char part[4096];
    ssize_t got = -1;
    int fd = ese_served_connect(address);

    if (fd < 0 || send(fd, bytes, strlen(bytes), MSG_NOSIGNAL) != (ssize_t)strlen(bytes)) {
        ese_fail_errno(error, "%s cannot be asked", address);
        if (fd >= 0)
            close(fd);
        return -1;
    }
    while ((end == NULL || text.length == 0 || strstr(text.text, end) == NULL) &&
           (got = recv(fd, part, sizeof part, 0)) > 0)
        ese_buffer_append(&text, part, (size_t)got);
    close(fd);
    if (text.length == 0 || text.overflowed || got < 0) {
        ese_buffer_free(&text);
        return ese_fail(error, ESE_E_TIMEOUT, "%s does not answer what it is asked", address);
    }
    *answer = ese_buffer_detach(&text);
    return 0;
}

/* ---- a round --------------------------------------------------------------------------------------------------- */

struct watched {
    pid_t server;
    const char *directory;
    struct ese_gauge gauge;
    struct ese_dues *dues; /* NULL: nobody reads */
};

static void mark(void *context, bool begins)
{
    struct watched *watched = context;

    if (begins)
        ese_gauge_begin(&watched->gauge, watched->server, watched->directory);
    else
        ese_gauge_end(&watched->gauge);
}

static void note_due(void *context, uint16_t lane, int events, int64_t due_ns)
{
    struct watched *watched = context;

    for (int i = 0; i < events; i++)
        ese_dues_note(watched->dues, lane, due_ns);
}

static double per_second(int64_t before, int64_t after, double seconds)
{
    return after < 0 ? ESE_ROUND_UNKNOWN : (double)(after - before) / seconds;
}

static void fill(const struct ese_contest *contest, const struct ese_load_result *result, const struct ese_gauge *gauge,
                 struct ese_round *round)
{
    double seconds = (double)result->measured_ns / 1e9;
    const struct ese_load_shape *shape = &contest->side.shape;

    round->rate = (double)result->measured / seconds;
    round->p50_us = (double)ese_histogram_percentile(result->latency_us, 50);
    round->p99_us = (double)ese_histogram_percentile(result->latency_us, 99);
    round->late_us = (double)ese_histogram_percentile(result->late_us, 99);
    round->load_cores = (double)result->cpu_ns / (double)result->measured_ns;
    round->server_us = ese_gauge_server_us(gauge, (double)result->measured);
    round->foreign_cores = ese_gauge_foreign_cores(gauge);
    round->flushes_per_s = ese_gauge_flushes_per_s(gauge);
    if (result->wrong > 0)
        ese_round_refuse(round, "%lld events were not taken: '%s'", (long long)result->wrong, result->wrong_words);
    if (shape->rate > 0 && round->rate < KEPT_UP * shape->rate)
        ese_round_refuse(round, "%.0f events a second were due and %.0f were stored", (double)shape->rate, round->rate);
}

static int read_up(const struct ese_bench_reader *reader, struct ese_bench_reading *reading,
                   const struct ese_load_result *result, struct ese_dues *dues, struct ese_round *round,
                   struct ese_error *error)
{
    ese_dues_measure(dues, result->began_ns, result->began_ns + result->measured_ns);
    if (reader->follow(reading, dues, error) != 0)
        return -1;
    ese_bench_reader_tell(dues, round);
    return 0;
}

/* What it did before it was loaded, such as making its tables, is not counted; what it did while it warmed up is. */
static int load_and_ask(const struct ese_contest *contest, const struct ese_served_life *life, struct watched *watched,
                        struct ese_load_result *result, struct ese_round *round, struct ese_error *error)
{
    struct ese_served_account before = {.syncs = -1, .commits = -1}, account = before;
    const struct ese_load_options options = {
        .protocol = contest->served->protocol,
        .address = life->address,
        .shape = contest->side.shape,
        .warm_up_ns = contest->stint.warm_up_ns,
        .measure_ns = contest->stint.measure_ns,
        .mark = mark,
        .sent = watched->dues == NULL ? NULL : note_due,
        .context = watched,
    };
    double seconds = (double)(options.warm_up_ns + options.measure_ns) / 1e9;

    if (contest->served->account(life, &before, error) != 0 || ese_load_run(&options, result, error) != 0 ||
        contest->served->account(life, &account, error) != 0)
        return -1;
    fill(contest, result, &watched->gauge, round);
    round->syncs_per_s = per_second(before.syncs, account.syncs, seconds);
    round->commits_per_s = per_second(before.commits, account.commits, seconds);
    round->all_there = account.stored - before.stored >= result->stored;
    return 0;
}

static int measure(const struct ese_contest *contest, const struct ese_served_life *life, struct ese_round *round,
                   struct ese_error *error)
{
    const struct ese_bench_reader *reader = contest->served->reader;
    struct ese_bench_reading *reading = NULL;
    struct ese_load_result result = {.measured = 0};
    struct watched watched = {.server = life->child.pid, .directory = life->directory,
                              .dues = reader == NULL ? NULL : ese_dues_new()};
    int status = 0;

    if (reader != NULL)
        status = reader->start(contest->place, &contest->stint, life->address, &reading, error);
    if (status == 0)
        status = load_and_ask(contest, life, &watched, &result, round, error);
    if (status == 0 && reader != NULL)
        status = read_up(reader, reading, &result, watched.dues, round, error);
    if (reader != NULL)
        reader->stop(&reading);
    ese_dues_free(&watched.dues);
    ese_load_clear(&result);
    return status;
}

int ese_served_run(struct ese_contest *contest, struct ese_round *round, struct ese_error *error)
{
    struct ese_served_life life = {.child = {.pid = 0}};
    char log[ESE_PLACE_PATH_SIZE];

    *round = (struct ese_round){.rate = 0};
    if (ese_place_fresh(contest->place, "server", life.directory, error) != 0 ||
        ese_place_path(contest->place->directory, "server.log", log, error) != 0)
        return -1;
    unlink(log);
    life.child.log = log;
    life.child.slow_disk = contest->stint.sync_us > 0 ? life.directory : NULL;
    life.child.sync_us = contest->stint.sync_us;
    int status = contest->served->start(contest->place, &contest->side, &contest->stint, &life, error);
    if (status == 0)
        status = measure(contest, &life, round, error);
    ese_child_stop(&life.child, SIGTERM, GRACE_MS);
    ese_port_release(&life.port);
    ese_place_remove(life.directory);
    if (status == 0)
        ese_round_judge(round, contest->stint.durability, ese_load_under_way(&contest->side.shape));
    if (status == 0)
        ese_round_judge_slow(round, contest->stint.sync_us);
    return status;
}
