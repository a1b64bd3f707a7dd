/* What passes a proxy, and what does not: real sockets, with a proxy in a thread of this process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "ese-core/random.h"
#include "orchestration/proxy/control.h"
#include "orchestration/proxy/proxy.h"
#include "tests/support/apart.h"
#include "tests/support/directory.h"
#include "tests/support/wait.h"

#define PATIENCE_MS 20000
#define SILENCE_MS 200 /* in which nothing may come */
#define BUFFER 65536
#define CONNECTIONS 20

struct scene {
    char *directory, *control;
    struct ese_proxy *proxy;
    pthread_t thread;
    int stop, target; /* descriptors; the target's listens */
    int target_port, port;
    bool runs;
};

static struct scene *scene; /* of the test that runs */

/* ---- setting up ---- */

static int listen_somewhere(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fd, 100), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static void *run_proxy(void *context)
{
    struct ese_error error;
    if (ese_proxy_run(context, scene->stop, &error) != 0)
        ese_log_error("%s", error.text);
    return NULL;
}

static void open_proxy(void)
{
    char link[100];
    struct ese_error error;
    const struct ese_proxy_options options = {
        .buffer = BUFFER, .connections = CONNECTIONS, .seed = 3, .control = scene->control};
    snprintf(link, sizeof link, "line=127.0.0.1:0,127.0.0.1:%d", scene->target_port);
    if (ese_proxy_open(&options, &scene->proxy, &error) != 0 || ese_proxy_add(scene->proxy, link, &error) != 0)
        fail_msg("%s", error.text);
    const char *addresses = ese_proxy_addresses(scene->proxy);
    assert_memory_equal(addresses, "line=127.0.0.1:", 15);
    scene->port = (int)strtol(addresses + 15, NULL, 10);
    assert_int_equal(pthread_create(&scene->thread, NULL, run_proxy, scene->proxy), 0);
    scene->runs = true;
}

static void close_proxy(void)
{
    if (!scene->runs)
        return;
    assert_int_equal(eventfd_write(scene->stop, 1), 0);
    pthread_join(scene->thread, NULL);
    eventfd_t asked;
    assert_int_equal(eventfd_read(scene->stop, &asked), 0);
    ese_proxy_close(&scene->proxy);
    scene->runs = false;
}

static int set_up(void **state)
{
    *state = scene = ese_alloc(sizeof *scene);
    scene->directory = ese_test_directory_make();
    scene->control = ese_test_path(scene->directory, "control");
    scene->stop = eventfd(0, EFD_CLOEXEC);
    scene->target = listen_somewhere(&scene->target_port);
    open_proxy();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    close_proxy();
    close(scene->stop);
    if (scene->target >= 0)
        close(scene->target);
    free(scene->control);
    ese_test_directory_remove(&scene->directory);
    free(scene);
    return 0;
}

static void let_pass(int64_t ms)
{
    ese_clock_sleep_until(ese_clock_monotonic_ns() + ms * ESE_NS_PER_MS);
}

/* What was answered behind "ok". */
static const char *say(const char *line)
{
    static char text[ESE_PROXY_ANSWER_SIZE];
    struct ese_error error;
    if (ese_proxy_control_say(scene->control, line, PATIENCE_MS, text, sizeof text, &error) != 0)
        fail_msg("%s", error.text);
    return text;
}

/* Its status. One that the other side resets at once may say so here already. */
static int try_to_connect(int port, int *fd)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
    *fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return connect(*fd, (struct sockaddr *)&address, sizeof address);
}

static int connect_to(int port)
{
    int fd;
    assert_int_equal(try_to_connect(port, &fd), 0);
    return fd;
}

/* -1: nobody came. */
static int accept_far(int timeout_ms)
{
    struct pollfd comes = {.fd = scene->target, .events = POLLIN};
    return poll(&comes, 1, timeout_ms) == 1 ? accept4(scene->target, NULL, NULL, SOCK_CLOEXEC) : -1;
}

/* Both ends of a connection through the proxy. */
struct pair {
    int near, far;
};

static struct pair connect_pair(void)
{
    struct pair pair = {.near = connect_to(scene->port)};
    pair.far = accept_far(PATIENCE_MS);
    assert_true(pair.far >= 0);
    return pair;
}

static void close_pair(struct pair pair)
{
    close(pair.near);
    close(pair.far);
}

/* ---- what comes ---- */

static bool is_readable(int fd, int timeout_ms)
{
    struct pollfd comes = {.fd = fd, .events = POLLIN};
    return poll(&comes, 1, timeout_ms) == 1;
}

static void send_text(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void expect_text(int fd, const char *text)
{
    char read[100];
    size_t length = 0, wanted = strlen(text);
    while (length < wanted) {
        assert_true(is_readable(fd, PATIENCE_MS));
        ssize_t count = recv(fd, read + length, wanted - length, 0);
        assert_true(count > 0);
        length += (size_t)count;
    }
    assert_memory_equal(read, text, wanted);
}

static void expect_silence(int fd)
{
    assert_false(is_readable(fd, SILENCE_MS));
}

static void expect_end(int fd)
{
    char byte;
    assert_true(is_readable(fd, PATIENCE_MS));
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
}

static void expect_reset(int fd)
{
    char byte;
    assert_true(is_readable(fd, PATIENCE_MS));
    assert_int_equal(recv(fd, &byte, 1, 0), -1);
    assert_int_equal(errno, ECONNRESET);
}

static double seconds_since(int64_t start_ns)
{
    return (double)(ese_clock_monotonic_ns() - start_ns) / 1e9;
}

/* How long a byte took from one to the other. */
static double seconds_across(int from, int to)
{
    int64_t start_ns = ese_clock_monotonic_ns();
    send_text(from, "x");
    expect_text(to, "x");
    return seconds_since(start_ns);
}

static void expect_between(double value, double least, double most)
{
    if (value < least || value > most)
        fail_msg("%f is not between %f and %f", value, least, most);
}

/* Never sooner, and no later, where nobody else holds us up: the best of several. */
static void expect_across(struct pair pair, double least, double most)
{
    double best[2] = {1e9, 1e9};
    for (int i = 0; i < 10; i++) {
        double took = i % 2 == 0 ? seconds_across(pair.near, pair.far) : seconds_across(pair.far, pair.near);
        assert_true(took >= least);
        best[i % 2] = took < best[i % 2] ? took : best[i % 2];
    }
    expect_between(best[0], least, most);
    expect_between(best[1], least, most);
}

/* ---- the way through ---- */

static void both_ways_are_open(void **state)
{
    (void)state;
    struct pair pair = connect_pair();
    send_text(pair.near, "there");
    expect_text(pair.far, "there");
    send_text(pair.far, "and back");
    expect_text(pair.near, "and back");
    assert_string_equal(say("line show"), "open=1 accepted=1 refused=0 forward=5 backward=8");
    close_pair(pair);
}

static void one_way_ends_alone(void **state)
{
    (void)state;
    struct pair pair = connect_pair();
    send_text(pair.near, "the last");
    shutdown(pair.near, SHUT_WR);
    expect_text(pair.far, "the last");
    expect_end(pair.far);
    expect_silence(pair.near);
    send_text(pair.far, "answer");
    shutdown(pair.far, SHUT_WR);
    expect_text(pair.near, "answer");
    expect_end(pair.near);
    close_pair(pair);
}

/* ---- that bytes are the same on the other side ---- */

#define STREAM_BYTES (3 * 1024 * 1024)

static char byte_at(size_t n)
{
    return (char)(n * 31 + n / 251 + n / 65537);
}

/* Whether these are the bytes from the n-th on. */
static bool is_in_order(const char *bytes, size_t length, size_t n)
{
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] != byte_at(n + i))
            return false;
    }
    return true;
}

struct stream {
    int fd;
    uint64_t seed;
    size_t received;
    bool is_right;
};

static void pause_by_chance(struct ese_random *chance)
{
    if (ese_random_below(chance, 40) == 0)
        ese_clock_sleep_until(ese_clock_monotonic_ns() + (int64_t)ese_random_below(chance, 2 * ESE_NS_PER_MS));
}

/* In pieces of any size, up to the end. */
static void *write_stream(void *context)
{
    const struct stream *stream = context;
    struct ese_random chance = ese_random_seeded(stream->seed, 0);
    char bytes[40000];
    for (size_t n = 0; n < STREAM_BYTES;) {
        size_t length = 1 + (size_t)ese_random_below(&chance, ese_random_below(&chance, 3) == 0 ? 20 : sizeof bytes);
        if (length > STREAM_BYTES - n)
            length = STREAM_BYTES - n;
        for (size_t i = 0; i < length; i++)
            bytes[i] = byte_at(n + i);
        for (size_t sent = 0; sent < length;) {
            ssize_t count = send(stream->fd, bytes + sent, length - sent, MSG_NOSIGNAL);
            if (count < 0)
                return NULL;
            sent += (size_t)count;
        }
        n += length;
        pause_by_chance(&chance);
    }
    shutdown(stream->fd, SHUT_WR);
    return NULL;
}

static void *read_stream(void *context)
{
    struct stream *stream = context;
    struct ese_random chance = ese_random_seeded(stream->seed, 1);
    char bytes[40000];
    ssize_t count = 1;
    stream->is_right = true;
    while (count > 0 && is_readable(stream->fd, PATIENCE_MS)) {
        count = recv(stream->fd, bytes, 1 + (size_t)ese_random_below(&chance, sizeof bytes), 0);
        if (count > 0)
            stream->is_right = stream->is_right && is_in_order(bytes, (size_t)count, stream->received);
        stream->received += count > 0 ? (size_t)count : 0;
        pause_by_chance(&chance);
    }
    stream->is_right = stream->is_right && count == 0;
    return NULL;
}

/* Some connections at once, each both ways; what the line is like changes meanwhile. */
static void stream_through(const char *const *conditions)
{
    struct pair pairs[3];
    struct stream streams[12];
    pthread_t threads[12];
    for (int i = 0; i < 3; i++)
        pairs[i] = connect_pair();
    for (int i = 0; i < 12; i++) {
        streams[i] = (struct stream){.fd = i % 2 == 0 ? pairs[i / 4].near : pairs[i / 4].far, .seed = (uint64_t)i};
        pthread_create(&threads[i], NULL, i % 4 < 2 ? write_stream : read_stream, &streams[i]);
    }
    for (int i = 0; conditions[i] != NULL; i++) {
        say(conditions[i]);
        let_pass(30);
    }
    for (int i = 0; i < 12; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 12; i++) {
        if (i % 4 < 2)
            continue;
        assert_int_equal(streams[i].received, STREAM_BYTES);
        assert_true(streams[i].is_right);
    }
    for (int i = 0; i < 3; i++)
        close_pair(pairs[i]);
}

static void nothing_is_lost_or_out_of_order(void **state)
{
    (void)state;
    static const char *const conditions[] = {NULL};
    stream_through(conditions);
}

static void nor_while_the_line_changes(void **state)
{
    (void)state;
    static const char *const conditions[] = {
        "line latency 3 jitter 5", "line cut backward", "line latency 0 jitter 4", "line cut forward", "line cut both",
        "line restore", "line bandwidth 20000000", "line latency 2", "line cut both", "line latency 0", "line restore",
        NULL};
    stream_through(conditions);
}

static void a_stream_that_is_wrong_would_be_seen(void **state)
{
    (void)state;
    char bytes[1000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = byte_at(70000 + i);
    assert_true(is_in_order(bytes, sizeof bytes, 70000));
    assert_false(is_in_order(bytes, sizeof bytes, 70001));
    assert_false(is_in_order(bytes + 1, sizeof bytes - 1, 70000));
    char kept = bytes[500];
    bytes[500] = bytes[501];
    bytes[501] = kept;
    assert_false(is_in_order(bytes, sizeof bytes, 70000));
}

/* ---- latency and bandwidth ---- */

static void bytes_come_later_both_ways(void **state)
{
    (void)state;
    struct pair pair = connect_pair();
    expect_across(pair, 0, 0.01);
    say("line latency 100");
    expect_across(pair, 0.1, 0.11);
    say("line restore");
    expect_across(pair, 0, 0.01);
    close_pair(pair);
}

static void jitter_is_beside_the_latency(void **state)
{
    (void)state;
    struct pair pair = connect_pair();
    double least = 1, most = 0;
    say("line latency 20 jitter 60");
    for (int i = 0; i < 20; i++) {
        double took = seconds_across(pair.near, pair.far);
        assert_true(took >= 0.02);
        least = took < least ? took : least;
        most = took > most ? took : most;
    }
    expect_between(least, 0.02, 0.06);
    assert_true(most - least > 0.015);
    close_pair(pair);
}

/* How long an end took to get there, or a reset. */
static double seconds_to_the_end(bool is_reset)
{
    const struct linger at_once = {.l_onoff = is_reset, .l_linger = 0};
    struct pair pair = connect_pair();
    expect_between(seconds_across(pair.far, pair.near), 0.1, 1);
    int64_t start_ns = ese_clock_monotonic_ns();
    setsockopt(pair.far, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(pair.far);
    if (is_reset)
        expect_reset(pair.near);
    else
        expect_end(pair.near);
    double took = seconds_since(start_ns);
    close(pair.near);
    return took;
}

static void the_end_comes_later_too(void **state)
{
    (void)state;
    say("line latency 100");
    for (int is_reset = 0; is_reset < 2; is_reset++) {
        double best = 1e9;
        for (int i = 0; i < 3; i++) {
            double took = seconds_to_the_end(is_reset);
            assert_true(took >= 0.1);
            best = took < best ? took : best;
        }
        expect_between(best, 0.1, 0.11);
    }
}

static void read_all_there_is(int fd)
{
    static char bytes[65536];
    while (recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
        continue;
}

/* Of bytes of which there are always more, so many come in a second. */
static double bytes_a_second(int fd, int other)
{
    static char bytes[65536];
    size_t received = 0, received_by_other = 0;
    read_all_there_is(fd);
    read_all_there_is(other);
    int64_t start_ns = ese_clock_monotonic_ns();
    struct pollfd comes[2] = {{.fd = fd, .events = POLLIN}, {.fd = other, .events = POLLIN}};
    while (seconds_since(start_ns) < 1) {
        poll(comes, 2, 20);
        ssize_t count = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
        received += count > 0 ? (size_t)count : 0;
        count = other < 0 ? 0 : recv(other, bytes, sizeof bytes, MSG_DONTWAIT);
        received_by_other += count > 0 ? (size_t)count : 0;
    }
    double seconds = seconds_since(start_ns);
    if (other >= 0) /* each gets its part */
        expect_between((double)received / (double)(received + received_by_other), 0.4, 0.6);
    return (double)(received + received_by_other) / seconds;
}

/* Never more, and no less where nobody else holds us up: the best of several. */
static void expect_bytes_a_second(int fd, int other, double wanted)
{
    double best = 0;
    for (int i = 0; i < 5 && best < 0.9 * wanted; i++) {
        double passed = bytes_a_second(fd, other);
        assert_true(passed < 1.1 * wanted);
        best = passed > best ? passed : best;
    }
    expect_between(best, 0.9 * wanted, 1.1 * wanted);
}

/* As much as goes in without waiting. */
static size_t send_all_that_goes(int fd)
{
    static char bytes[65536];
    size_t sent = 0;
    for (int idle = 0; idle < 10;) {
        ssize_t count = send(fd, bytes, sizeof bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
        sent += count > 0 ? (size_t)count : 0;
        idle = count > 0 ? 0 : idle + 1;
        if (count <= 0)
            let_pass(10);
    }
    return sent;
}

static void so_many_bytes_a_second_pass(void **state)
{
    (void)state;
    struct pair pair = connect_pair();
    say("line bandwidth 100000");
    assert_true(send_all_that_goes(pair.near) > 600000);
    expect_bytes_a_second(pair.far, -1, 100000);
    close_pair(pair);
}

static void connections_share_them(void **state)
{
    (void)state;
    struct pair one = connect_pair(), two = connect_pair();
    say("line bandwidth 100000");
    send_all_that_goes(one.near);
    send_all_that_goes(two.near);
    expect_bytes_a_second(one.far, two.far, 100000);
    close_pair(one);
    close_pair(two);
}

/* ---- cut ---- */

static void one_way_is_cut_and_the_other_is_not(void **state)
{
    (void)state;
    for (int way = 0; way < 2; way++) {
        struct pair pair = connect_pair();
        int from = way == 0 ? pair.near : pair.far, to = way == 0 ? pair.far : pair.near;
        say(way == 0 ? "line cut forward" : "line cut backward");
        send_text(from, "held up");
        expect_silence(to);
        seconds_across(to, from);
        say("line restore");
        expect_text(to, "held up");
        close_pair(pair);
    }
}

static void what_was_under_way_stands_still(void **state)
{
    (void)state;
    struct pair pair = connect_pair();
    say("line latency 50");
    send_text(pair.near, "first");
    say("line cut both");
    send_text(pair.far, "second");
    expect_silence(pair.far);
    expect_silence(pair.near);
    say("line restore");
    expect_text(pair.far, "first");
    expect_text(pair.near, "second");
    close_pair(pair);
}

/* The end of a stream, and a reset, are news as others are. */
static void a_cut_holds_up_the_end(void **state)
{
    (void)state;
    struct pair ended = connect_pair(), reset = connect_pair();
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    say("line cut backward");
    shutdown(ended.far, SHUT_WR);
    setsockopt(reset.far, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(reset.far);
    expect_silence(ended.near);
    expect_silence(reset.near);
    say("line restore");
    expect_end(ended.near);
    expect_reset(reset.near);
    close_pair(ended);
    close(reset.near);
}

static void who_comes_while_it_is_cut_comes_through(void **state)
{
    (void)state;
    say("line cut backward");
    struct pair pair = connect_pair();
    send_text(pair.near, "request");
    expect_text(pair.far, "request");
    send_text(pair.far, "answer");
    expect_silence(pair.near);
    say("line restore");
    expect_text(pair.near, "answer");
    close_pair(pair);
}

/* Who sends to a way that is cut, or to somebody who does not read, is held up. */
static void no_more_is_read_than_has_room(void **state)
{
    (void)state;
    struct pair pair = connect_pair();
    say("line cut forward");
    size_t sent = send_all_that_goes(pair.near);
    assert_true(sent < 16 * 1024 * 1024);
    assert_string_equal(say("line show"), "open=1 accepted=1 refused=0 forward=0 backward=0");
    close_pair(pair);
}

/* ---- reset ---- */

static void a_reset_is_seen_at_both_ends(void **state)
{
    (void)state;
    struct pair one = connect_pair(), two = connect_pair();
    say("line reset");
    expect_reset(one.near);
    expect_reset(one.far);
    expect_reset(two.near);
    expect_reset(two.far);
    close_pair(one);
    close_pair(two);
    one = connect_pair();
    seconds_across(one.near, one.far);
    assert_string_equal(say("line show"), "open=1 accepted=3 refused=0 forward=1 backward=0");
    close_pair(one);
}

static void what_a_reset_finds_under_way_is_lost(void **state)
{
    (void)state;
    struct pair pair = connect_pair();
    say("line cut both");
    send_text(pair.near, "lost");
    say("line reset");
    say("line restore");
    expect_reset(pair.far);
    close_pair(pair);
}

static void who_resets_is_passed_on(void **state)
{
    (void)state;
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    for (int end = 0; end < 2; end++) {
        struct pair pair = connect_pair();
        int left = end == 0 ? pair.near : pair.far, other = end == 0 ? pair.far : pair.near;
        setsockopt(left, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close(left);
        expect_reset(other);
        close(other);
    }
}

static void a_target_that_is_not_there_is_a_reset(void **state)
{
    (void)state;
    close(scene->target);
    scene->target = -1;
    int near = connect_to(scene->port);
    expect_reset(near);
    close(near);
}

/* ---- half-open ---- */

static void the_far_end_goes_and_the_near_one_is_not_told(void **state)
{
    (void)state;
    struct pair pair = connect_pair(), quiet = connect_pair();
    say("line half-open far");
    expect_reset(pair.far);
    expect_reset(quiet.far);
    send_text(pair.near, "to nobody");
    expect_silence(pair.near);
    int late = connect_to(scene->port);
    send_text(late, "is there nobody");
    assert_int_equal(accept_far(SILENCE_MS), -1);
    expect_silence(late);

    say("line restore");
    expect_reset(pair.near); /* who had sent something */
    expect_reset(late);
    expect_silence(quiet.near); /* who had not */
    send_text(quiet.near, "x");
    expect_reset(quiet.near);
    close_pair(pair);
    close_pair(quiet);
    close(late);
    pair = connect_pair();
    seconds_across(pair.near, pair.far);
    close_pair(pair);
}

static void the_near_end_goes_and_the_far_one_is_not_told(void **state)
{
    (void)state;
    struct pair pair = connect_pair();
    say("line half-open near");
    expect_reset(pair.near);
    expect_silence(pair.far);
    send_text(pair.far, "to nobody");
    expect_silence(pair.far);
    close_pair(pair); /* it gives up */
    say("line restore");
    pair = connect_pair();
    close_pair(pair);
}

static void half_open_ones_are_reset_too(void **state)
{
    (void)state;
    struct pair pair = connect_pair();
    say("line half-open far");
    say("line reset");
    expect_reset(pair.near);
    close_pair(pair);
}

/* ---- bounds ---- */

static void there_are_no_more_connections_than_may_be(void **state)
{
    (void)state;
    int near[CONNECTIONS + 3];
    struct pair pairs[CONNECTIONS];
    for (int i = 0; i < CONNECTIONS; i++)
        pairs[i] = connect_pair();
    for (int i = 0; i < 3; i++) {
        near[i] = connect_to(scene->port);
        expect_reset(near[i]);
        close(near[i]);
    }
    assert_string_equal(say("line show"), "open=20 accepted=23 refused=3 forward=0 backward=0");
    close_pair(pairs[0]);
    for (int i = 1; i < CONNECTIONS; i++) {
        seconds_across(pairs[i].near, pairs[i].far);
        close_pair(pairs[i]);
    }
}

static int open_descriptors(void)
{
    int count = 0;
    DIR *directory = opendir("/proc/self/fd");
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

static int wanted_descriptors;

static bool as_many_as_wanted(void *context)
{
    (void)context;
    return open_descriptors() == wanted_descriptors;
}

static void descriptors_are_given_back(void **state)
{
    (void)state;
    static const char *const ends[] = {"line reset", "line half-open far", "line half-open near", "line cut both"};
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    wanted_descriptors = open_descriptors();
    for (int i = 0; i < 60; i++) {
        struct pair pair = connect_pair();
        send_text(pair.near, "x");
        if (i % 5 == 0)
            say(ends[i / 5 % 4]);
        if (i % 3 == 0)
            setsockopt(pair.near, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close_pair(pair);
        if (i % 5 == 0)
            say("line restore");
    }
    assert_true(ese_test_wait_until(as_many_as_wanted, NULL, PATIENCE_MS));
    close_proxy();
    assert_true(open_descriptors() < wanted_descriptors);
}

static const char *find_room_beyond_the_limit(void *context)
{
    const struct rlimit limit = {.rlim_cur = 64, .rlim_max = 1000};
    struct ese_error error = {0};
    struct ese_proxy *proxy;
    (void)context;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return "no limit is set";
    if (ese_proxy_open(&(struct ese_proxy_options){.buffer = BUFFER, .connections = 500}, &proxy, &error) == 0 ||
        error.code != ESE_E_MISSING || strstr(error.text, "--connections (1064)") == NULL)
        return "more connections than may be are promised";
    if (ese_proxy_open(&(struct ese_proxy_options){.buffer = BUFFER, .connections = 450}, &proxy, &error) != 0)
        return "what fits is refused, or what was refused is counted";
    ese_proxy_close(&proxy);
    return NULL;
}

static void no_more_connections_than_may_be_are_promised(void **state)
{
    (void)state;
    close_proxy(); /* whose thread the other process would not have */
    ese_test_apart(find_room_beyond_the_limit, NULL);
}

/* Seconds of processor time that its thread takes while nothing happens. */
static double idle_cost(void)
{
    clockid_t clock;
    struct timespec before, after;
    pthread_getcpuclockid(scene->thread, &clock);
    let_pass(50); /* what is to be done first */
    clock_gettime(clock, &before);
    let_pass(200);
    clock_gettime(clock, &after);
    return (double)(after.tv_sec - before.tv_sec) + (double)(after.tv_nsec - before.tv_nsec) / 1e9;
}

/* Whatever state a connection is in: a socket that has something to tell and is not listened to says so without end. */
static void nothing_to_do_costs_nothing(void **state)
{
    (void)state;
    static const char *const conditions[] = {"line cut forward",   "line cut backward", "line cut both",
                                             "line half-open far", "line half-open near", "line latency 2000"};
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    for (size_t i = 0; i < ESE_COUNT_OF(conditions); i++) {
        struct pair pairs[7];
        for (int j = 0; j < 7; j++)
            pairs[j] = connect_pair();
        send_all_that_goes(pairs[0].near);
        shutdown(pairs[1].near, SHUT_WR);
        expect_end(pairs[1].far);
        shutdown(pairs[6].far, SHUT_WR);
        expect_end(pairs[6].near);
        say(conditions[i]);
        shutdown(pairs[1].far, SHUT_WR); /* both ways have ended, one with the news held up */
        shutdown(pairs[2].far, SHUT_WR);
        send(pairs[3].near, "x", 1, MSG_NOSIGNAL); /* which may be gone */
        close(pairs[3].near);
        setsockopt(pairs[4].far, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close(pairs[4].far);
        close(pairs[5].near);
        close(pairs[5].far);
        setsockopt(pairs[6].far, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close(pairs[6].far); /* reset behind its end; and the other end closes before it is told */
        let_pass(10);
        close(pairs[6].near);
        double cost = idle_cost();
        if (cost > 0.05)
            fail_msg("%s: %f s of processor time in 0.2 s", conditions[i], cost);
        say("line reset");
        say("line restore");
        for (int j = 0; j < 3; j++)
            close_pair(pairs[j]);
        close(pairs[3].far);
        close(pairs[4].near);
    }
}

/* ---- anything, in any order ---- */

#define ENDS 12

/* One thing that may be done to a socket, or begins another in its place. */
static void act_by_chance(struct ese_random *chance, int *fd)
{
    static char bytes[30000];
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    switch (ese_random_below(chance, 8)) {
    case 0:
        setsockopt(*fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        /* fall through */
    case 1:
        close(*fd);
        assert_true(try_to_connect(scene->port, fd) == 0 || errno == ECONNRESET); /* one too many is reset */
        break;
    case 2:
        shutdown(*fd, SHUT_WR);
        break;
    case 3:
    case 4:
        recv(*fd, bytes, sizeof bytes, MSG_DONTWAIT);
        break;
    default:
        send(*fd, bytes, 1 + (size_t)ese_random_below(chance, sizeof bytes), MSG_NOSIGNAL | MSG_DONTWAIT);
        break;
    }
}

static void condition_by_chance(struct ese_random *chance)
{
    static const char *const conditions[] = {
        "line latency 5 jitter 10", "line latency 0",      "line bandwidth 300000", "line bandwidth 5000000",
        "line cut forward",         "line cut backward",   "line cut both",         "line half-open near",
        "line half-open far",       "line reset",          "line restore",          "line restore"};
    say(conditions[ese_random_below(chance, ESE_COUNT_OF(conditions))]);
}

/* A far end takes part until it is closed, as a near one does. */
static void take_in(int far[ENDS], struct ese_random *chance)
{
    int fd = accept_far(0);
    int *place = &far[ese_random_below(chance, ENDS)];
    if (fd < 0)
        return;
    if (*place >= 0)
        close(*place);
    *place = fd;
}

static void whatever_happens_it_goes_on(void **state)
{
    (void)state;
    int near[ENDS], far[ENDS];
    struct ese_random chance = ese_random_seeded(42, 0);
    wanted_descriptors = open_descriptors();
    for (int i = 0; i < ENDS; i++) {
        near[i] = connect_to(scene->port);
        far[i] = -1;
    }
    for (int i = 0; i < 6000; i++) {
        take_in(far, &chance);
        act_by_chance(&chance, &near[ese_random_below(&chance, ENDS)]);
        int *other = &far[ese_random_below(&chance, ENDS)];
        if (*other >= 0 && ese_random_below(&chance, 4) > 0) {
            static char bytes[30000];
            recv(*other, bytes, sizeof bytes, MSG_DONTWAIT);
            send(*other, bytes, 1 + (size_t)ese_random_below(&chance, sizeof bytes), MSG_NOSIGNAL | MSG_DONTWAIT);
        } else if (*other >= 0) {
            close(*other);
            *other = -1;
        }
        if (i % 20 == 0)
            condition_by_chance(&chance);
        if (i % 1000 == 999)
            assert_true(idle_cost() < 0.05);
    }
    for (int i = 0; i < ENDS; i++) {
        close(near[i]);
        if (far[i] >= 0)
            close(far[i]);
    }
    say("line restore");
    say("line reset");
    for (int fd; (fd = accept_far(100)) >= 0;)
        close(fd);
    assert_true(ese_test_wait_until(as_many_as_wanted, NULL, PATIENCE_MS));
    assert_true(idle_cost() < 0.05);
    struct pair pair = connect_pair();
    seconds_across(pair.near, pair.far);
    seconds_across(pair.far, pair.near);
    close_pair(pair);
}

/* ---- what it is told ---- */

static void expect_refusal(const char *line, const char *part)
{
    char text[ESE_PROXY_ANSWER_SIZE];
    struct ese_error error = {0};
    assert_int_equal(ese_proxy_control_say(scene->control, line, PATIENCE_MS, text, sizeof text, &error), -1);
    if (strstr(error.text, part) == NULL)
        fail_msg("'%s' does not say '%s'", error.text, part);
}

static void nonsense_is_answered(void **state)
{
    (void)state;
    expect_refusal("", "the links are line=127.0.0.1:");
    expect_refusal("line", "say LINK CONDITION");
    expect_refusal("lin reset", "say LINK CONDITION");
    expect_refusal("line2 reset", "say LINK CONDITION");
    expect_refusal("line explode", "no condition");
    expect_refusal("line cut sideways", "forward, backward or both");
    char line[1000];
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\0';
    expect_refusal(line, "does not answer");
    say("line show");
}

static int connect_to_control(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", scene->control);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void lines_are_answered_one_by_one(void **state)
{
    (void)state;
    int fd = connect_to_control();
    send_text(fd, "line latency 5\nline show\nline cut ");
    expect_text(fd, "ok\nok open=0 accepted=0 refused=0 forward=0 backward=0\n");
    expect_silence(fd);
    send_text(fd, "both\n");
    expect_text(fd, "ok\n");
    close(fd);
}

/* More than may talk at once: the others wait for their turn. */
static void many_may_talk(void **state)
{
    (void)state;
    int talkers[7];
    for (int i = 0; i < 7; i++)
        talkers[i] = connect_to_control();
    for (int i = 0; i < 7; i++) {
        send_text(talkers[i], "line reset\n");
        expect_text(talkers[i], "ok\n");
        close(talkers[i]);
    }
}

static void others_may_not_tell_it(void **state)
{
    (void)state;
    struct stat status;
    assert_int_equal(stat(scene->control, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    close_proxy();
    assert_int_equal(stat(scene->control, &status), -1);
}

/* A killed one's socket is replaced, one that is served is not, and no other file is touched. */
static void a_path_that_is_taken_is_left_alone(void **state)
{
    (void)state;
    struct ese_error error;
    struct ese_proxy *second;
    const struct ese_proxy_options options = {.buffer = BUFFER, .connections = 1, .control = scene->control};
    assert_int_equal(ese_proxy_open(&options, &second, &error), -1);
    say("line show");
    close_proxy();
    int fd = open(scene->control, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    close(fd);
    assert_int_equal(ese_proxy_open(&options, &second, &error), -1);
    assert_int_equal(error.code, ESE_E_USAGE);
    assert_int_equal(unlink(scene->control), 0);
    open_proxy();
    say("line show");
}

static void a_path_may_be_long(void **state)
{
    (void)state;
    char *directory = scene->directory, path[4096];
    close_proxy();
    free(scene->control);
    snprintf(path, sizeof path, "%s/", directory);
    for (int i = 0; i < 3; i++) {
        memset(path + strlen(path), 'd', 90);
        assert_int_equal(mkdir(path, 0700), 0);
        snprintf(path + strlen(path), 2, "/");
    }
    snprintf(path + strlen(path), 20, "control");
    scene->control = ese_copy_text(path);
    open_proxy();
    say("line show");
}

static void what_is_no_link_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "a",
                                        "a=127.0.0.1:0",
                                        "=127.0.0.1:0,127.0.0.1:1",
                                        "A=127.0.0.1:0,127.0.0.1:1",
                                        "a b=127.0.0.1:0,127.0.0.1:1",
                                        "line=127.0.0.1:0,127.0.0.1:1",
                                        "a=0.0.0.0:0,127.0.0.1:1",
                                        "a=127.0.0.1,127.0.0.1:1",
                                        "a=127.0.0.1:0,127.0.0.1",
                                        "a=127.0.0.1:0,:1",
                                        "a=127.0.0.1:0,127.0.0.1:http"};
    for (size_t i = 0; i < ESE_COUNT_OF(texts); i++) {
        struct ese_error error = {0};
        if (ese_proxy_add(scene->proxy, texts[i], &error) == 0)
            fail_msg("'%s' was taken", texts[i]);
        assert_int_equal(error.code, ESE_E_USAGE);
        if (strstr(texts[i], "0.0.0.0") != NULL)
            assert_non_null(strstr(error.text, "is not of this machine alone"));
    }
}

#define OVER_A_LINE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        OVER_A_LINE(both_ways_are_open),
        OVER_A_LINE(one_way_ends_alone),
        OVER_A_LINE(nothing_is_lost_or_out_of_order),
        OVER_A_LINE(nor_while_the_line_changes),
        cmocka_unit_test(a_stream_that_is_wrong_would_be_seen),
        OVER_A_LINE(bytes_come_later_both_ways),
        OVER_A_LINE(jitter_is_beside_the_latency),
        OVER_A_LINE(the_end_comes_later_too),
        OVER_A_LINE(so_many_bytes_a_second_pass),
        OVER_A_LINE(connections_share_them),
        OVER_A_LINE(one_way_is_cut_and_the_other_is_not),
        OVER_A_LINE(what_was_under_way_stands_still),
        OVER_A_LINE(a_cut_holds_up_the_end),
        OVER_A_LINE(who_comes_while_it_is_cut_comes_through),
        OVER_A_LINE(no_more_is_read_than_has_room),
        OVER_A_LINE(a_reset_is_seen_at_both_ends),
        OVER_A_LINE(what_a_reset_finds_under_way_is_lost),
        OVER_A_LINE(who_resets_is_passed_on),
        OVER_A_LINE(a_target_that_is_not_there_is_a_reset),
        OVER_A_LINE(the_far_end_goes_and_the_near_one_is_not_told),
        OVER_A_LINE(the_near_end_goes_and_the_far_one_is_not_told),
        OVER_A_LINE(half_open_ones_are_reset_too),
        OVER_A_LINE(there_are_no_more_connections_than_may_be),
        OVER_A_LINE(descriptors_are_given_back),
        OVER_A_LINE(no_more_connections_than_may_be_are_promised),
        OVER_A_LINE(nothing_to_do_costs_nothing),
        OVER_A_LINE(whatever_happens_it_goes_on),
        OVER_A_LINE(nonsense_is_answered),
        OVER_A_LINE(lines_are_answered_one_by_one),
        OVER_A_LINE(many_may_talk),
        OVER_A_LINE(others_may_not_tell_it),
        OVER_A_LINE(a_path_that_is_taken_is_left_alone),
        OVER_A_LINE(a_path_may_be_long),
        OVER_A_LINE(what_is_no_link_is_refused),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
