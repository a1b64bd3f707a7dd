#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "ese-core/clock.h"
#include "transports/kafka/ahead.h"

#define PIECE_NS (20 * ESE_NS_PER_MS)
#define ROUNDS 200

/* Plain fields: a sanitizer sees whom they belong to when. */
struct piece {
    struct ese_ahead *ahead;
    int64_t takes_ns;
    int asks; /* so many times, each piece */
    int done;
    int done_when_asked;
    int answers;
    pthread_t worked_on, answered_on;
};

static void answer(void *argument)
{
    struct piece *piece = argument;
    piece->answered_on = pthread_self();
    piece->done_when_asked = piece->done;
    piece->answers++;
}

static void work(void *context)
{
    struct piece *piece = context;
    piece->worked_on = pthread_self();
    ese_clock_sleep_until(ese_clock_monotonic_ns() + piece->takes_ns);
    for (int i = 0; i < piece->asks; i++)
        ese_ahead_ask(piece->ahead, answer, piece);
    piece->done++;
}

static void open_piece(struct piece *piece)
{
    struct ese_error error;
    assert_int_equal(ese_ahead_open(work, piece, &piece->ahead, &error), 0);
}

static void works_on_a_thread_of_its_own_and_is_waited_for(void **state)
{
    (void)state;
    struct piece piece = {.takes_ns = PIECE_NS};
    open_piece(&piece);
    ese_ahead_settle(piece.ahead); /* nothing is under way */
    assert_int_equal(piece.done, 0);
    ese_ahead_begin(piece.ahead);
    ese_ahead_settle(piece.ahead);
    assert_int_equal(piece.done, 1);
    assert_false(pthread_equal(piece.worked_on, pthread_self()));
    ese_ahead_close(&piece.ahead);
    assert_null(piece.ahead);
}

static void does_each_piece_once(void **state)
{
    (void)state;
    struct piece piece = {.asks = 2};
    open_piece(&piece);
    for (int i = 1; i <= ROUNDS; i++) {
        ese_ahead_begin(piece.ahead);
        ese_ahead_settle(piece.ahead);
        assert_int_equal(piece.done, i);
        assert_int_equal(piece.answers, 2 * i);
    }
    ese_ahead_close(&piece.ahead);
    assert_int_equal(piece.done, ROUNDS);
}

static void what_is_asked_for_is_done_by_the_owner_before_work_goes_on(void **state)
{
    (void)state;
    struct piece piece = {.asks = 1, .done_when_asked = -1};
    open_piece(&piece);
    ese_ahead_begin(piece.ahead);
    ese_ahead_settle(piece.ahead);
    assert_true(pthread_equal(piece.answered_on, pthread_self()));
    assert_int_equal(piece.done_when_asked, 0);
    assert_int_equal(piece.done, 1);
    ese_ahead_close(&piece.ahead);
}

static void the_owner_asks_itself(void **state)
{
    (void)state;
    struct piece piece = {.done = 7};
    open_piece(&piece);
    ese_ahead_ask(piece.ahead, answer, &piece);
    assert_int_equal(piece.answers, 1);
    assert_int_equal(piece.done_when_asked, 7);
    ese_ahead_close(&piece.ahead);
}

static void closing_waits_and_answers(void **state)
{
    (void)state;
    struct piece piece = {.takes_ns = PIECE_NS, .asks = 3};
    open_piece(&piece);
    ese_ahead_begin(piece.ahead);
    ese_ahead_close(&piece.ahead);
    assert_int_equal(piece.done, 1);
    assert_int_equal(piece.answers, 3);
    assert_true(pthread_equal(piece.answered_on, pthread_self()));
    ese_ahead_close(&piece.ahead);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(works_on_a_thread_of_its_own_and_is_waited_for),
        cmocka_unit_test(does_each_piece_once),
        cmocka_unit_test(what_is_asked_for_is_done_by_the_owner_before_work_goes_on),
        cmocka_unit_test(the_owner_asks_itself),
        cmocka_unit_test(closing_waits_and_answers),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
