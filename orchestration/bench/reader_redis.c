/* reader_redis.c - a thread that reads the stream by XREAD BLOCK, from its last entry on. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "ese-core/service.h"
#include "orchestration/bench/protocol.h"
#include "orchestration/bench/reader.h"
#include "orchestration/bench/served.h"

#define BLOCK_MS 100 /* a stop is seen this soon */
#define COUNT 500    /* entries an answer, at most: as many as ese-consumer takes at once */
#define ANSWER_LIMIT (1 << 20)
#define FIRST_ROOM 4096
#define PATIENCE_NS (5 * ESE_NS_PER_S)
#define PAUSE_NS (2 * ESE_NS_PER_MS)

struct arrival {
    struct ese_id id;
    int64_t came_ns;
};

struct ese_bench_reading {
    int fd;
    pthread_t thread;
    bool runs;
    atomic_bool stops;
    struct ese_payload payload; /* for where an event's id stands */
    char last[64];              /* entry that was read */
    pthread_mutex_t lock;       /* of what follows */
    struct arrival *arrivals;
    size_t count, room;
};

/* ---- the thread ------------------------------------------------------------------------------------------------ */

static void note(struct ese_bench_reading *reading, const char *event, int64_t came_ns)
{
    char text[ESE_ID_TEXT_SIZE];
    struct arrival arrival = {.came_ns = came_ns};

    memcpy(text, ese_payload_id(&reading->payload, event), ESE_ID_TEXT_SIZE - 1);
    text[ESE_ID_TEXT_SIZE - 1] = '\0';
    if (ese_id_parse(text, &arrival.id, NULL) != 0)
        return;
    pthread_mutex_lock(&reading->lock);
    if (reading->count == reading->room) {
        reading->room = reading->room == 0 ? FIRST_ROOM : reading->room * 2;
        reading->arrivals = ese_realloc_array(reading->arrivals, reading->room, sizeof *reading->arrivals);
    }
    reading->arrivals[reading->count++] = arrival;
    pthread_mutex_unlock(&reading->lock);
}

/* Each entry is its id and its fields, of which protocol_resp.c writes one: "$15\r\n1700000000000-0", and the mark. */
static void take_entries(struct ese_bench_reading *reading, const struct ese_buffer *answer, int64_t came_ns)
{
    char mark[64];
    size_t length = (size_t)snprintf(mark, sizeof mark, "\r\n*2\r\n$5\r\nevent\r\n$%d\r\n", ESE_PAYLOAD_BYTES);
    const char *at = answer->text, *end = answer->text + answer->length;

    while ((at = memmem(at, (size_t)(end - at), mark, length)) != NULL) {
        const char *entry = memrchr(answer->text, '\n', (size_t)(at - answer->text));
        if (entry == NULL || end - at < (ptrdiff_t)length + ESE_PAYLOAD_BYTES)
            return;
        snprintf(reading->last, sizeof reading->last, "%.*s", (int)(at - entry - 1), entry + 1);
        note(reading, at + length, came_ns);
        at += length + ESE_PAYLOAD_BYTES;
    }
}

static bool send_all(int fd, const char *text)
{
    return send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
}

/* One answer, whole. */
static bool read_answer(const struct ese_bench_reading *reading, struct ese_buffer *answer)
{
    char part[65536];
    struct ese_bench_answer whole = {.length = 0};
    int known = 0;

    ese_buffer_clear(answer);
    while (known == 0 || (known == 1 && answer->length < whole.length)) {
        ssize_t got = recv(reading->fd, part, sizeof part, 0);
        if (got <= 0)
            return false;
        ese_buffer_append(answer, part, (size_t)got);
        known = answer->overflowed ? -1 : ese_bench_resp.read(answer->text, answer->length, &whole);
    }
    return known == 1;
}

static void *read_on(void *context)
{
    struct ese_bench_reading *reading = context;
    struct ese_buffer answer = ESE_BUFFER_INIT(ANSWER_LIMIT);
    char ask[160];
    bool goes_on = true;

    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    while (goes_on && !atomic_load(&reading->stops)) {
        snprintf(ask, sizeof ask, "XREAD COUNT %d BLOCK %d STREAMS bench %s\r\n", COUNT, BLOCK_MS, reading->last);
        goes_on = send_all(reading->fd, ask) && read_answer(reading, &answer);
        if (goes_on)
            take_entries(reading, &answer, ese_clock_monotonic_ns());
    }
    ese_buffer_free(&answer);
    return NULL;
}

/* ---- beside the load ------------------------------------------------------------------------------------------- */

static void stop(struct ese_bench_reading **reading)
{
    struct ese_bench_reading *stopped = *reading;

    if (stopped == NULL)
        return;
    atomic_store(&stopped->stops, true);
    if (stopped->runs)
        pthread_join(stopped->thread, NULL);
    if (stopped->fd >= 0)
        close(stopped->fd);
    pthread_mutex_destroy(&stopped->lock);
    free(stopped->arrivals);
    free(stopped);
    *reading = NULL;
}

/* From the stream's beginning, before which there is nothing. */
static int start(struct ese_place *place, const struct ese_stint *stint, const char *address,
                 struct ese_bench_reading **reading, struct ese_error *error)
{
    struct ese_bench_reading *started = *reading = ese_alloc(sizeof *started);

    (void)place;
    (void)stint;
    snprintf(started->last, sizeof started->last, "0-0");
    pthread_mutex_init(&started->lock, NULL);
    ese_payload_make(&started->payload, 1, 0);
    started->fd = ese_served_connect(address);
    if (started->fd < 0) {
        stop(reading);
        return ese_fail_errno(error, "%s cannot be read from", address);
    }
    started->runs = pthread_create(&started->thread, NULL, read_on, started) == 0;
    if (started->runs)
        return 0;
    stop(reading);
    return ese_fail_errno(error, "no thread to read by");
}

static bool take_arrivals(struct ese_bench_reading *reading, struct ese_dues *dues)
{
    pthread_mutex_lock(&reading->lock);
    bool some = reading->count > 0;
    for (size_t i = 0; i < reading->count; i++)
        ese_dues_came(dues, &reading->arrivals[i].id, reading->arrivals[i].came_ns);
    reading->count = 0;
    pthread_mutex_unlock(&reading->lock);
    return some;
}

static int follow(struct ese_bench_reading *reading, struct ese_dues *dues, struct ese_error *error)
{
    int64_t heard_ns = ese_clock_monotonic_ns();

    (void)error;
    while (ese_dues_missing(dues) > 0 && !ese_service_stopping()) {
        int64_t now_ns = ese_clock_monotonic_ns();
        if (take_arrivals(reading, dues))
            heard_ns = now_ns;
        else if (now_ns - heard_ns > PATIENCE_NS)
            return 0;
        else
            ese_clock_sleep_until(now_ns + PAUSE_NS);
    }
    return 0;
}

const struct ese_bench_reader ese_bench_reader_redis = {.start = start, .follow = follow, .stop = stop};
