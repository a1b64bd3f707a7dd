#include "orchestration/bench/load.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/id.h"
#include "ese-core/memory.h"
#include "ese-core/service.h"
#include "orchestration/bench/connection.h"

#define EVENTS 256
#define PATIENCE_NS (10 * ESE_NS_PER_S)
#define LOOK_UP_NS (100 * ESE_NS_PER_MS) /* whether we are to stop */

enum phase { WARMING_UP, MEASURING, DRAINING };

struct load {
    const struct ese_load_options *options;
    struct ese_load_result *result;
    struct ese_bench_connection *connections;
    int epoll;
    enum phase phase;
    int64_t phase_ns; /* since when */
    int64_t heard_ns; /* of any answer */
    int under_way;    /* requests */
    int *idle;        /* connections, a stack of them */
    int idle_count;
    double interval_ns; /* open loop: from one request to the next; 0: closed */
    int64_t sent;       /* in this phase */
    int64_t cpu_ns;     /* when measuring began */
};

int ese_load_under_way(const struct ese_load_shape *shape)
{
    return shape->connections * shape->batch;
}

static int64_t thread_cpu_ns(void)
{
    struct timespec used;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (int64_t)used.tv_sec * ESE_NS_PER_S + used.tv_nsec;
}

/* ---- one connection ------------------------------------------------------------------------------------------- */

static int watch(struct load *load, int index, int operation, struct ese_error *error)
{
    struct ese_bench_connection *connection = &load->connections[index];
    bool writing = ese_bench_connection_wants_write(connection);
    struct epoll_event event = {.events = EPOLLIN | (writing ? EPOLLOUT : 0U), .data.u32 = (uint32_t)index};

    if (epoll_ctl(load->epoll, operation, connection->fd, &event) != 0)
        return ese_fail_errno(error, "a connection cannot be watched");
    return 0;
}

static int send_next(struct load *load, int index, int64_t due_ns, struct ese_error *error)
{
    struct ese_bench_connection *connection = &load->connections[index];

    if (ese_bench_connection_send(connection, due_ns, error) != 0)
        return -1;
    load->under_way++;
    load->sent++;
    if (load->options->sent != NULL)
        load->options->sent(load->options->context, (uint16_t)index, connection->request.count, due_ns);
    return ese_bench_connection_wants_write(connection) ? watch(load, index, EPOLL_CTL_MOD, error) : 0;
}

static void count_answer(struct load *load, const struct ese_bench_connection *connection, int64_t now_ns)
{
    struct ese_load_result *result = load->result;
    int events = connection->request.count;

    load->heard_ns = now_ns;
    load->under_way--;
    if (connection->all_right)
        result->stored += events;
    else if ((result->wrong += events) == events)
        snprintf(result->wrong_words, sizeof result->wrong_words, "%s", connection->wrong);
    if (load->phase != MEASURING || !connection->all_right)
        return;
    result->measured += events;
    if (connection->due_ns >= load->phase_ns)
        ese_histogram_record_many(result->latency_us, (now_ns - connection->due_ns) / 1000, (uint64_t)events);
}

static int take_answer(struct load *load, int index, struct ese_error *error)
{
    struct ese_bench_connection *connection = &load->connections[index];
    int done = ese_bench_connection_read(connection, error);

    if (done != 1)
        return done;
    int64_t now_ns = ese_clock_monotonic_ns();
    count_answer(load, connection, now_ns);
    if (load->phase != DRAINING && load->interval_ns <= 0)
        return send_next(load, index, now_ns, error);
    connection->free_ns = now_ns;
    load->idle[load->idle_count++] = index;
    return 0;
}

static int serve(struct load *load, const struct epoll_event *event, struct ese_error *error)
{
    int index = (int)event->data.u32;

    if ((event->events & EPOLLOUT) != 0) {
        struct ese_bench_connection *connection = &load->connections[index];
        if (ese_bench_connection_write(connection, error) != 0)
            return -1;
        if (!ese_bench_connection_wants_write(connection) && watch(load, index, EPOLL_CTL_MOD, error) != 0)
            return -1;
    }
    return (event->events & ~(unsigned)EPOLLOUT) != 0 ? take_answer(load, index, error) : 0;
}

/* ---- open loop ------------------------------------------------------------------------------------------------ */

static int64_t next_due_ns(const struct load *load)
{
    return load->phase_ns + (int64_t)((double)load->sent * load->interval_ns);
}

/* What is due and finds no connection free waits for one: that is the server's doing. What could have been sent and was
 * not is ours. */
static int send_due(struct load *load, struct ese_error *error)
{
    if (load->interval_ns <= 0 || load->phase == DRAINING)
        return 0;
    int64_t now_ns = ese_clock_monotonic_ns(), due_ns;
    while (load->idle_count > 0 && (due_ns = next_due_ns(load)) <= now_ns) {
        int index = load->idle[--load->idle_count];
        int64_t free_ns = load->connections[index].free_ns;
        if (load->phase == MEASURING)
            ese_histogram_record(load->result->late_us, (now_ns - (due_ns > free_ns ? due_ns : free_ns)) / 1000);
        if (send_next(load, index, due_ns, error) != 0)
            return -1;
        now_ns = ese_clock_monotonic_ns();
    }
    return 0;
}

/* ---- the loop ------------------------------------------------------------------------------------------------- */

static void mark(struct load *load, bool begins)
{
    if (load->options->mark != NULL)
        load->options->mark(load->options->context, begins);
}

static void begin_phase(struct load *load, enum phase phase)
{
    int64_t now_ns = ese_clock_monotonic_ns();

    if (load->phase == MEASURING) {
        load->result->measured_ns = now_ns - load->phase_ns;
        load->result->cpu_ns = thread_cpu_ns() - load->cpu_ns;
        mark(load, false);
    }
    load->phase = phase;
    load->sent = 0;
    if (phase == MEASURING)
        mark(load, true);
    load->phase_ns = load->heard_ns = ese_clock_monotonic_ns();
    load->cpu_ns = thread_cpu_ns();
    if (phase == MEASURING)
        load->result->began_ns = load->phase_ns;
}

static int64_t phase_end_ns(const struct load *load)
{
    static const int64_t never = INT64_MAX / 2;

    return load->phase == WARMING_UP ? load->phase_ns + load->options->warm_up_ns
         : load->phase == MEASURING  ? load->phase_ns + load->options->measure_ns
                                     : never;
}

static int64_t wait_ns(const struct load *load)
{
    int64_t now_ns = ese_clock_monotonic_ns();
    int64_t until_ns = phase_end_ns(load) < now_ns + LOOK_UP_NS ? phase_end_ns(load) : now_ns + LOOK_UP_NS;

    if (load->interval_ns > 0 && load->phase != DRAINING && load->idle_count > 0 && next_due_ns(load) < until_ns)
        until_ns = next_due_ns(load);
    return until_ns > now_ns ? until_ns - now_ns : 0;
}

static int turn(struct load *load, struct ese_error *error)
{
    struct epoll_event events[EVENTS];
    int64_t left_ns = wait_ns(load);
    const struct timespec wait = {.tv_sec = left_ns / ESE_NS_PER_S, .tv_nsec = left_ns % ESE_NS_PER_S};

    int count = epoll_pwait2(load->epoll, events, EVENTS, &wait, NULL);
    if (count < 0 && errno != EINTR)
        return ese_fail_errno(error, "waiting for answers");
    for (int i = 0; i < count; i++) {
        if (serve(load, &events[i], error) != 0)
            return -1;
    }
    int64_t now_ns = ese_clock_monotonic_ns();
    if (load->under_way > 0 && now_ns - load->heard_ns > PATIENCE_NS)
        return ese_fail(error, ESE_E_TIMEOUT, "%s does not answer any more: %d requests are under way",
                        load->options->address, load->under_way);
    if (load->under_way == 0)
        load->heard_ns = now_ns;
    if (now_ns >= phase_end_ns(load))
        begin_phase(load, load->phase == WARMING_UP ? MEASURING : DRAINING);
    return send_due(load, error);
}

static int open_all(struct load *load, struct ese_error *error)
{
    const struct ese_load_shape *shape = &load->options->shape;
    uint32_t run = ese_id_draw_run();

    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (load->epoll < 0)
        return ese_fail_errno(error, "no epoll");
    for (int i = 0; i < shape->connections; i++) {
        if (ese_bench_connection_open(&load->connections[i], load->options->protocol, load->options->address, run,
                                      (uint16_t)i, shape->batch, error) != 0 ||
            watch(load, i, EPOLL_CTL_ADD, error) != 0)
            return -1;
        ese_payload_spread(&load->connections[i].payload, load->options->first_ms, load->options->step_ms);
        load->idle[load->idle_count++] = i;
    }
    return 0;
}

static int drive(struct load *load, struct ese_error *error)
{
    if (open_all(load, error) != 0)
        return -1;
    begin_phase(load, WARMING_UP);
    while (load->interval_ns <= 0 && load->idle_count > 0) {
        if (send_next(load, load->idle[--load->idle_count], load->phase_ns, error) != 0)
            return -1;
    }
    while (load->phase != DRAINING || load->under_way > 0) {
        if (ese_service_stopping())
            return ese_fail(error, ESE_E_CLOSED, "asked to stop");
        if (turn(load, error) != 0)
            return -1;
    }
    return 0;
}

int ese_load_run(const struct ese_load_options *options, struct ese_load_result *result, struct ese_error *error)
{
    const struct ese_load_shape *shape = &options->shape;
    struct load load = {.options = options, .result = result, .epoll = -1, .phase = WARMING_UP};

    assert(shape->connections > 0 && shape->connections <= ESE_LOAD_CONNECTIONS && shape->batch > 0);
    *result = (struct ese_load_result){.latency_us = ese_histogram_new(), .late_us = ese_histogram_new()};
    load.connections = ese_alloc_array((size_t)shape->connections, sizeof *load.connections);
    load.idle = ese_alloc_array((size_t)shape->connections, sizeof *load.idle);
    if (shape->rate > 0)
        load.interval_ns = 1e9 * shape->batch / shape->rate;
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); /* else every wait is 50 us longer */
    int status = drive(&load, error);
    for (int i = 0; i < shape->connections; i++)
        ese_bench_connection_close(&load.connections[i]);
    if (load.epoll >= 0)
        close(load.epoll);
    free(load.connections);
    free(load.idle);
    return status;
}

void ese_load_clear(struct ese_load_result *result)
{
    ese_histogram_free(&result->latency_us);
    ese_histogram_free(&result->late_us);
}
