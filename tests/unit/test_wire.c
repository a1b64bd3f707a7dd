#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ese-core/wire.h"
#include "tests/support/wait.h"

struct pair {
    int ours, theirs;
    struct ese_wire_totals before;
};

/* A connection over the loopback, ours told to wire.h. */
static struct pair connect_pair(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    struct pair pair;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    pair.before = ese_wire_totals();
    pair.ours = socket(AF_INET, SOCK_STREAM, 0);
    ese_wire_opened(pair.ours);
    assert_int_equal(connect(pair.ours, (struct sockaddr *)&address, length), 0);
    pair.theirs = accept(listener, NULL, NULL);
    close(listener);
    return pair;
}

static void move(int from, int to, size_t count)
{
    char bytes[4096] = "";
    while (count > 0) {
        size_t part = count < sizeof bytes ? count : sizeof bytes;
        assert_int_equal(send(from, bytes, part, 0), part);
        assert_int_equal(recv(to, bytes, part, MSG_WAITALL), part);
        count -= part;
    }
}

/* The kernel counts a connection's first sequence number as a byte acknowledged. */
static bool seen(const struct pair *pair, uint64_t sent, uint64_t received)
{
    struct ese_wire_totals now = ese_wire_totals();
    uint64_t more_sent = now.sent - pair->before.sent;
    uint64_t more_received = now.received - pair->before.received;
    return more_sent >= sent && more_sent <= sent + 1 && more_received >= received &&
           more_received <= received + 1;
}

static bool all_is_seen(void *context)
{
    return seen(context, 100000, 5000); /* acknowledgements may take a moment */
}

static void both_ways_are_counted_while_open_and_after(void **state)
{
    (void)state;
    struct pair pair = connect_pair();
    move(pair.ours, pair.theirs, 100000);
    move(pair.theirs, pair.ours, 5000);
    assert_true(ese_test_wait_until(all_is_seen, &pair, 5000));
    ese_wire_closing(pair.ours);
    close(pair.ours);
    close(pair.theirs);
    assert_true(seen(&pair, 100000, 5000));
    ese_wire_closing(pair.ours); /* a second time changes nothing */
    assert_true(seen(&pair, 100000, 5000));
}

static void a_close_that_was_not_told_loses_nothing(void **state)
{
    (void)state;
    struct pair pair = connect_pair();
    move(pair.ours, pair.theirs, 100000);
    move(pair.theirs, pair.ours, 5000);
    assert_true(ese_test_wait_until(all_is_seen, &pair, 5000));
    close(pair.ours);
    assert_true(seen(&pair, 100000, 5000)); /* what was read last stays */
    ese_wire_opened(pair.ours);             /* the number is used again */
    assert_true(seen(&pair, 100000, 5000));
    ese_wire_closing(pair.ours);
    close(pair.theirs);
}

static void what_cannot_be_seen_is_added(void **state)
{
    (void)state;
    struct ese_wire_totals before = ese_wire_totals();
    ese_wire_add(7, 3);
    struct ese_wire_totals after = ese_wire_totals();
    assert_int_equal(after.sent - before.sent, 7);
    assert_int_equal(after.received - before.received, 3);
}

static void too_many_sockets_are_counted(void **state)
{
    (void)state;
    uint64_t before = ese_wire_totals().untracked;
    for (int i = 0; i < 4096; i++)
        ese_wire_opened(1000000 + i);
    assert_int_equal(ese_wire_totals().untracked, before);
    ese_wire_opened(2000000);
    ese_wire_opened(2000001);
    assert_int_equal(ese_wire_totals().untracked, before + 2);
    for (int i = 0; i < 4096; i++)
        ese_wire_closing(1000000 + i);
    ese_wire_opened(2000002);
    assert_int_equal(ese_wire_totals().untracked, before + 2);
    ese_wire_closing(2000002);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways_are_counted_while_open_and_after),
        cmocka_unit_test(a_close_that_was_not_told_loses_nothing),
        cmocka_unit_test(what_cannot_be_seen_is_added),
        cmocka_unit_test(too_many_sockets_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
