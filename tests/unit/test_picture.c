#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/clock.h"
#include "orchestration/lab/journey_parts.h"
#include "orchestration/lab/picture.h"

static struct ese_journey first = {.specification = (char *)"one"};
static struct ese_journey second = {.specification = (char *)"two:way=direct"};

static char *draw_after(const struct ese_ending *ending, const struct ese_journey_view views[2],
                        int width, const char *event)
{
    struct ese_journey *journeys[] = {&first, &second};
    struct ese_run_moment moment = {
        .phase = ESE_RUN_RUNNING, .elapsed_ms = 61500, .total_ms = 90000, .event = event,
        .journeys = journeys, .count = 2, .ending = ending, .ended_in = "two:way=direct",
    };
    const struct ese_fault fault = {.name = "f", .story = "something will break"};
    struct ese_picture *picture = ese_picture_new("100 events/s each", &fault, true);
    struct ese_buffer frame = ESE_BUFFER_INIT(10000);
    if (ending != NULL || event != NULL)
        ese_picture_show(picture, &moment);
    moment.ending = NULL; /* it was told, and is shown from now on */
    ese_picture_draw(picture, &moment, views, width, &frame);
    ese_picture_free(&picture);
    return ese_buffer_detach(&frame);
}

static char *draw(const struct ese_journey_view views[2], int width, const char *event)
{
    return draw_after(NULL, views, width, event);
}

static void numbers_have_commas(void **state)
{
    (void)state;
    static const struct { int64_t number; const char *text; } cases[] = {
        {0, "0"}, {999, "999"}, {1000, "1,000"}, {-123456, "-123,456"}, {1234567890, "1,234,567,890"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[ESE_PICTURE_NUMBER_SIZE];
        ese_picture_number(cases[i].number, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void shows_both_walks(void **state)
{
    (void)state;
    struct ese_journey_view views[2] = {{.lag = 0}, {.lag = 500}};
    views[0].count[ESE_COUNT_OFFERED] = 6150;
    views[1].count[ESE_COUNT_ACKNOWLEDGED] = 6149;
    views[1].count[ESE_COUNT_MAILS_SENT] = 77;
    char *frame = draw(views, 80, NULL);
    assert_non_null(strstr(frame, "100 events/s each   1:01 of 1:30, running"));
    assert_non_null(strstr(frame, "something will break"));
    assert_non_null(strstr(frame, "one"));
    assert_non_null(strstr(frame, "two:way=direct"));
    assert_non_null(strstr(frame, "6,150 offered"));
    assert_non_null(strstr(frame, "6,149 acknowledged"));
    assert_non_null(strstr(frame, "77 mails sent"));
    assert_non_null(strstr(frame, "500 waiting"));
    assert_null(strstr(frame, "DOWN"));
    free(frame);
}

static void says_what_is_dead(void **state)
{
    (void)state;
    struct ese_journey_view views[2] = {{.lag = 0}, {.lag = 0}};
    int64_t since = ese_clock_monotonic_ns() - 2 * ESE_NS_PER_S;
    views[0].role[ESE_ROLE_CONSUMER] = (struct ese_role_view){.exists = true, .up = false, .since_ns = since};
    views[1].role[ESE_ROLE_CONSUMER] = (struct ese_role_view){.exists = true, .up = true, .since_ns = since};
    char *frame = draw(views, 80, NULL);
    char *dead = strstr(frame, "DOWN 2.");
    assert_non_null(dead);
    assert_null(strstr(dead + 1, "DOWN"));
    free(frame);
}

/* Where the others go on, the work does. */
static void says_how_many_of_a_group_are_up(void **state)
{
    (void)state;
    struct ese_journey_view views[2] = {{.lag = 0}, {.lag = 0}};
    int64_t since = ese_clock_monotonic_ns() - 2 * ESE_NS_PER_S;
    views[0].role[ESE_ROLE_CONSUMER] =
        (struct ese_role_view){.exists = true, .up = true, .since_ns = since, .parties = 1, .parties_up = 1};
    views[1].role[ESE_ROLE_CONSUMER] =
        (struct ese_role_view){.exists = true, .since_ns = since, .parties = 3, .parties_up = 1};
    char *frame = draw(views, 80, NULL);
    assert_non_null(strstr(frame, "one; a second reads all again"));
    assert_non_null(strstr(frame, "1 of 3 members are up"));
    assert_null(strstr(frame, "DOWN"));
    free(frame);
    views[1].role[ESE_ROLE_CONSUMER].parties_up = 0;
    frame = draw(views, 80, NULL);
    assert_non_null(strstr(frame, "DOWN 2."));
    free(frame);
    views[1].role[ESE_ROLE_CONSUMER].parties = 1;
    frame = draw(views, 80, NULL);
    assert_null(strstr(frame, "readers"));
    free(frame);
}

static void says_who_ended_unasked(void **state)
{
    (void)state;
    struct ese_journey_view views[2] = {{.lag = 0}, {.lag = 0}};
    const struct ese_ending ending = {.party = "client", .status = 128 + 9};
    views[1].role[ESE_ROLE_CLIENT] = (struct ese_role_view){.exists = true, .lost = true};
    char *frame = draw_after(&ending, views, 120, NULL);
    assert_non_null(strstr(frame, "\n  two:way=direct: the client was killed by signal 9, and no fault"));
    assert_non_null(strstr(frame, "DOWN "));
    free(frame);
    frame = draw_after(&ending, views, 40, NULL); /* one line, however narrow */
    assert_non_null(strstr(frame, "\n  two:way=direct: the client was killed\n"));
    free(frame);
}

static void a_client_that_has_finished_is_no_fault(void **state)
{
    (void)state;
    struct ese_journey_view views[2] = {{.lag = 0}, {.lag = 0}};
    views[0].role[ESE_ROLE_CLIENT] = (struct ese_role_view){.exists = true, .up = false};
    char *frame = draw(views, 80, NULL);
    assert_null(strstr(frame, "DOWN"));
    free(frame);
}

static void a_dead_broker_is_a_dead_server(void **state)
{
    (void)state;
    struct ese_journey_view views[2] = {{.lag = 0}, {.lag = 0}};
    views[1].role[ESE_ROLE_SERVER] = (struct ese_role_view){.exists = true, .up = true};
    struct ese_role_view *broker = &views[1].role[ESE_ROLE_BROKER];
    *broker = (struct ese_role_view){.exists = true, .up = false, .since_ns = ese_clock_monotonic_ns()};
    char *frame = draw(views, 40, NULL); /* in the narrowest column, too */
    assert_non_null(strstr(frame, "broker DOWN 0."));
    free(frame);
    broker->up = broker->coming = true;
    frame = draw(views, 80, NULL);
    assert_non_null(strstr(frame, "broker STARTING 0."));
    assert_null(strstr(frame, "DOWN"));
    free(frame);
    broker->coming = false;
    frame = draw(views, 80, NULL);
    assert_null(strstr(frame, "broker"));
    free(frame);
}

/* One line each, however narrow: the picture is drawn over by counting them. */
static void events_fit_their_line(void **state)
{
    (void)state;
    struct ese_journey_view views[2] = {{.lag = 0}, {.lag = 0}};
    for (int width = 40; width <= 80; width += 40) {
        char *frame = draw(views, width, "servers killed, passed over on one and another and a third of them");
        char *event = strstr(frame, "\n  servers killed, passed");
        assert_non_null(event);
        assert_true(strcspn(event + 1, "\n") <= (size_t)width);
        assert_non_null(strstr(event, " s ago\n"));
        free(frame);
    }
}

static void shows_what_a_store_has_lost(void **state)
{
    (void)state;
    struct ese_journey_view views[2] = {{.lag = 0}, {.lag = 0}};
    char *frame = draw(views, 80, NULL);
    assert_null(strstr(frame, "lost"));
    free(frame);
    views[0].count[ESE_COUNT_OVERWRITTEN] = 1204;
    frame = draw(views, 80, NULL);
    assert_non_null(strstr(frame, "\n  lost      "));
    assert_non_null(strstr(frame, "1,204 overwritten "));
    assert_null(strstr(frame, "expired"));
    free(frame);
    views[0].count[ESE_COUNT_EXPIRED] = 3;
    frame = draw(views, 120, NULL);
    assert_non_null(strstr(frame, "1,204 overwritten, 3 expired"));
    free(frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_have_commas),
        cmocka_unit_test(shows_both_walks),
        cmocka_unit_test(says_what_is_dead),
        cmocka_unit_test(says_how_many_of_a_group_are_up),
        cmocka_unit_test(says_who_ended_unasked),
        cmocka_unit_test(a_client_that_has_finished_is_no_fault),
        cmocka_unit_test(a_dead_broker_is_a_dead_server),
        cmocka_unit_test(events_fit_their_line),
        cmocka_unit_test(shows_what_a_store_has_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
