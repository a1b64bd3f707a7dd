/* What the original kept in its Redis: who overwrites whom, who expires when, and how much it holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/memory.h"
#include "transports/http/ese_store_hashes.h"

#define EXPIRY_MS 600000
#define MAX_BYTES 100000
#define TOLD 16

struct fixture {
    struct ese_hashes *hashes;
    struct ese_id overwritten[TOLD], by[TOLD];
    int overwritten_count, expired_count;
    int64_t written_ms; /* as expired told last */
};

static void overwritten(void *context, const struct ese_id *id, const struct ese_id *by)
{
    struct fixture *fixture = context;
    assert_true(fixture->overwritten_count < TOLD);
    fixture->overwritten[fixture->overwritten_count] = *id;
    fixture->by[fixture->overwritten_count++] = *by;
}

static void expired(void *context, const struct ese_id *id, int64_t written_ms)
{
    struct fixture *fixture = context;
    assert_false(ese_id_is_none(id));
    fixture->expired_count++;
    fixture->written_ms = written_ms;
}

static int set_up(void **state)
{
    struct fixture *fixture = ese_alloc(sizeof *fixture);
    const struct ese_hashes_listener listener = {
        .context = fixture, .overwritten = overwritten, .expired = expired};
    fixture->hashes = ese_hashes_new(EXPIRY_MS, MAX_BYTES, &listener);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    ese_hashes_free(&fixture->hashes);
    free(fixture);
    return 0;
}

static struct ese_id id_of(uint32_t number)
{
    return ese_id_make(&(struct ese_id_parts){.time_ms = 1, .run = 1, .sequence = number});
}

static struct ese_event event_of(uint32_t number, const char *ip, int64_t client_ts)
{
    struct ese_event event = {.id = id_of(number), .type = "T", .client_ts = client_ts,
                              .server_ts = client_ts + 1, .data = (char *)"{\"a\":1}"};
    snprintf(event.sub_type, sizeof event.sub_type, "S%u", number);
    snprintf(event.ip, sizeof event.ip, "%s", ip);
    return event;
}

static void put(struct fixture *fixture, uint32_t number, const char *ip, int64_t client_ts,
                int64_t now_ms)
{
    const struct ese_event event = event_of(number, ip, client_ts);
    ese_hashes_put(fixture->hashes, &event, now_ms);
}

/* The numbers it has, "1 2 3", ip by ip. */
static void holds(struct fixture *fixture, const char *numbers)
{
    char found[200] = "";
    struct ese_hashes_picture *picture = ese_hashes_picture_take(fixture->hashes);
    const struct ese_event *event;
    while ((event = ese_hashes_picture_next(picture)) != NULL)
        snprintf(found + strlen(found), sizeof found - strlen(found), "%s%u",
                 found[0] == '\0' ? "" : " ", ese_id_read(&event->id).sequence);
    ese_hashes_picture_free(&picture);
    assert_string_equal(found, numbers);
}

/* ---- clash ----------------------------------------------------------------------------------- */

static void a_later_event_of_its_ip_and_millisecond_takes_its_place(void **state)
{
    struct fixture *fixture = *state;
    const struct ese_id first = id_of(1), second = id_of(2), third = id_of(3);
    put(fixture, 1, "a", 1000, 0);
    put(fixture, 2, "a", 1000, 1);
    put(fixture, 3, "a", 1000, 2);
    holds(fixture, "3");
    assert_int_equal(fixture->overwritten_count, 2);
    assert_true(ese_id_equal(&fixture->overwritten[0], &first));
    assert_true(ese_id_equal(&fixture->by[0], &second));
    assert_true(ese_id_equal(&fixture->overwritten[1], &second));
    assert_true(ese_id_equal(&fixture->by[1], &third));
}

static void another_ip_or_millisecond_is_another_place(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, 1, "a", 1000, 0);
    put(fixture, 2, "b", 1000, 0);
    put(fixture, 3, "a", 1001, 0);
    put(fixture, 4, "a", 999, 0);
    holds(fixture, "2 4 1 3");
    assert_int_equal(fixture->overwritten_count, 0);
}

static void the_same_event_again_is_no_loss(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, 1, "a", 1000, 0);
    put(fixture, 1, "a", 1000, 5);
    holds(fixture, "1");
    assert_int_equal(fixture->overwritten_count, 0);
}

/* ---- expiry ---------------------------------------------------------------------------------- */

static void an_ip_expires_as_a_whole_after_its_last_write(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, 1, "a", 1000, 5);
    put(fixture, 2, "b", 1000, 10);
    put(fixture, 3, "a", 2000, 20); /* its first one is kept with it */
    ese_hashes_expire(fixture->hashes, EXPIRY_MS + 9);
    holds(fixture, "2 1 3");
    ese_hashes_expire(fixture->hashes, EXPIRY_MS + 10);
    holds(fixture, "1 3");
    assert_int_equal(fixture->expired_count, 1);
    assert_int_equal(fixture->written_ms, 10);
    ese_hashes_expire(fixture->hashes, EXPIRY_MS + 19);
    holds(fixture, "1 3");
    ese_hashes_expire(fixture->hashes, EXPIRY_MS + 20);
    holds(fixture, "");
    assert_int_equal(fixture->expired_count, 3);
    assert_int_equal(fixture->written_ms, 20);
}

static void what_expired_can_be_written_again(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, 1, "a", 1000, 0);
    ese_hashes_expire(fixture->hashes, EXPIRY_MS);
    put(fixture, 2, "a", 1000, EXPIRY_MS);
    holds(fixture, "2");
    assert_int_equal(fixture->overwritten_count, 0);
}

/* ---- room ------------------------------------------------------------------------------------ */

static void it_holds_so_much_and_says_when_that_is_all(void **state)
{
    struct fixture *fixture = *state;
    const struct ese_event event = event_of(1, "10.0.0.1", 1);
    int64_t bytes = ese_hashes_bytes_of(&event);
    uint32_t count = 0;
    for (; ese_hashes_has_room(fixture->hashes, bytes); count++)
        put(fixture, count, "10.0.0.1", count, 0);
    assert_in_range(count, 100, MAX_BYTES / 60);
    assert_true(ese_hashes_used_bytes(fixture->hashes) <= MAX_BYTES);
    assert_true(ese_hashes_used_bytes(fixture->hashes) > MAX_BYTES - bytes);
    ese_hashes_expire(fixture->hashes, EXPIRY_MS);
    assert_int_equal(ese_hashes_used_bytes(fixture->hashes), 0);
}

static void what_is_overwritten_gives_its_room_back(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, 1, "a", 1000, 0);
    int64_t used = ese_hashes_used_bytes(fixture->hashes);
    for (uint32_t i = 2; i < 10; i++)
        put(fixture, i, "a", 1000, 0);
    assert_int_equal(ese_hashes_used_bytes(fixture->hashes), used);
}

/* ---- pictures -------------------------------------------------------------------------------- */

static void a_picture_stays_as_it_was_taken(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, 1, "a", 1000, 0);
    put(fixture, 2, "b", 1000, 0);
    int64_t used = ese_hashes_used_bytes(fixture->hashes);
    struct ese_hashes_picture *picture = ese_hashes_picture_take(fixture->hashes);
    put(fixture, 3, "a", 1000, 0);
    ese_hashes_expire(fixture->hashes, EXPIRY_MS);
    assert_in_range(ese_hashes_used_bytes(fixture->hashes), 1, used); /* as long as it is looked at */
    const struct ese_event *event = ese_hashes_picture_next(picture);
    assert_string_equal(event->ip, "a");
    assert_string_equal(event->type, "T");
    assert_string_equal(event->sub_type, "S1");
    assert_string_equal(event->data, "{\"a\":1}");
    assert_int_equal(event->client_ts, 1000);
    assert_int_equal(event->server_ts, 1001);
    assert_string_equal(ese_hashes_picture_next(picture)->ip, "b");
    assert_null(ese_hashes_picture_next(picture));
    ese_hashes_picture_free(&picture);
    assert_int_equal(ese_hashes_used_bytes(fixture->hashes), 0);
}

static void a_picture_outlives_what_it_shows(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, 1, "a", 1000, 0);
    struct ese_hashes_picture *picture = ese_hashes_picture_take(fixture->hashes);
    ese_hashes_free(&fixture->hashes);
    assert_string_equal(ese_hashes_picture_next(picture)->sub_type, "S1");
    ese_hashes_picture_free(&picture);
}

static void many_ips_are_told_apart(void **state)
{
    struct fixture *fixture = *state;
    char ip[32], numbers[200] = "";
    for (uint32_t i = 0; i < 50; i++) {
        snprintf(ip, sizeof ip, "10.0.0.%u", i);
        put(fixture, i, ip, 7, i);
        snprintf(numbers + strlen(numbers), sizeof numbers - strlen(numbers), "%s%u",
                 i == 0 ? "" : " ", i);
    }
    holds(fixture, numbers);
    assert_int_equal(fixture->overwritten_count, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_later_event_of_its_ip_and_millisecond_takes_its_place),
        TEST(another_ip_or_millisecond_is_another_place),
        TEST(the_same_event_again_is_no_loss),
        TEST(an_ip_expires_as_a_whole_after_its_last_write),
        TEST(what_expired_can_be_written_again),
        TEST(it_holds_so_much_and_says_when_that_is_all),
        TEST(what_is_overwritten_gives_its_room_back),
        TEST(a_picture_stays_as_it_was_taken),
        TEST(a_picture_outlives_what_it_shows),
        TEST(many_ips_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
