#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "tests/contract/paging.h"
#include "tests/support/listing.h"
#include "tests/support/wait.h"

#define HOLD_MS 20000 /* a hold that a test which works never waits out */

/* HOST:PORT of the bench's server. */
static const char *host_of(const char *url)
{
    static const char scheme[] = "http://";
    return url + strlen(scheme);
}

struct asked {
    const char *address;
    int status;
    bool has_pages;
};

/* One that has just started may not be ready. */
static bool is_answered(void *context)
{
    struct asked *asked = context;
    struct ese_raw_answer answer =
        ese_listing_finish(ese_listing_begin(asked->address, "?after=earliest"));
    asked->status = answer.status;
    asked->has_pages = answer.status == 200 && strncmp(answer.body, "{\"events\":", 10) == 0;
    ese_raw_answer_clear(&answer);
    return asked->status != 503;
}

/* Of a server that has pages; else the test is skipped. */
static const char *address_of(const struct ese_bench *bench)
{
    const char *url = ese_rig.url(bench->place);
    if (url == NULL)
        skip();
    struct asked asked = {.address = host_of(url)};
    assert_true(ese_test_wait_until(is_answered, &asked, ESE_BENCH_PATIENCE_MS));
    if (!asked.has_pages)
        skip();
    return asked.address;
}

/* The place behind all that is there. */
static char *end_of(const char *address)
{
    struct ese_shown_page page = ese_listing_page(address, "latest", 1, "");
    char *next = page.next;
    assert_int_equal(page.count, 0);
    page.next = NULL;
    ese_shown_clear(&page);
    return next;
}

/* ---- what is shown ------------------------------------------------------------------------- */

static void follow_and_check(const char *address, const char *after, int limit, size_t events)
{
    struct ese_shown_page all = ese_listing_follow(address, after, limit);
    ESE_BENCH_GOOD(ese_shown_check(&all));
    assert_int_equal(all.count, events);
    ese_shown_clear(&all);
}

void ese_paging_shows_each_event_once(struct ese_bench *bench)
{
    const char *address = address_of(bench);
    char *start = end_of(address);
    for (int i = 0; i < 3; i++)
        ese_listing_post_many(address, 100 * i, 100, 11);
    follow_and_check(address, start, 1, 300);
    follow_and_check(address, start, 7, 300);
    follow_and_check(address, start, 1000, 300);
    follow_and_check(address, "earliest", 100, 300);
    free(start);
}

/* By the next page, also where that has something else to show, and by the next list. */
void ese_paging_shows_what_was_answered_before(struct ese_bench *bench)
{
    const char *address = address_of(bench);
    char *before = end_of(address);
    for (int i = 0; i < 20; i++) {
        ese_listing_post_many(address, 10 + 2 * i, 1, 11);
        struct ese_shown_page page = ese_listing_page(address, before, 20, "");
        assert_int_equal(page.count, i == 0 ? 1 : 2);
        assert_true(ese_shown_has(&page, 10 + 2 * i));
        ese_shown_clear(&page);
        free(before);
        before = end_of(address);
        ese_listing_post_many(address, 11 + 2 * i, 1, 11);
        struct ese_shown_page list = ese_listing_list(address);
        assert_int_equal(list.count, 2 * i + 2);
        assert_true(ese_shown_has(&list, 11 + 2 * i));
        ese_shown_clear(&list);
    }
    free(before);
}

void ese_paging_shows_the_same_again_or_more(struct ese_bench *bench)
{
    const char *address = address_of(bench);
    char *start = end_of(address);
    for (int i = 0; i < 8; i++) {
        ese_listing_post_many(address, 30 * i, 30, 3 + i);
        struct ese_shown_page page = ese_listing_page(address, start, 60, "");
        ese_listing_post_many(address, 1000 + 30 * i, 30, 11);
        struct ese_shown_page again = ese_listing_page(address, start, 60, "");
        ESE_BENCH_GOOD(ese_shown_check_again(&page, &again));
        ese_shown_clear(&page);
        ese_shown_clear(&again);
    }
    free(start);
}

/* Also where it is asked for less than there are partitions, and when there was something in one of them alone. */
void ese_paging_shows_the_same_again_with_small_limits(struct ese_bench *bench)
{
    const char *address = address_of(bench);
    for (int i = 0; i < 11; i++) {
        char *start = end_of(address);
        int limit = 1 + i % 2;
        ese_listing_post_many(address, 1000 * i, 1, 11);
        struct ese_shown_page page = ese_listing_page(address, start, limit, "");
        assert_int_equal(page.count, 1);
        ese_listing_post_many(address, 1000 * i + 1, 30, 11);
        struct ese_shown_page again = ese_listing_page(address, start, limit, "");
        ESE_BENCH_GOOD(ese_shown_check_again(&page, &again));
        follow_and_check(address, start, limit, 31);
        ese_shown_clear(&page);
        ese_shown_clear(&again);
        free(start);
    }
}

void ese_paging_goes_on_after_a_restart(struct ese_bench *bench)
{
    const char *address = address_of(bench);
    struct ese_error error;
    char *start = end_of(address);
    if (!bench->transport->promises.positions_survive)
        skip();
    ese_listing_post_many(address, 0, 200, 11);
    struct ese_shown_page page = ese_listing_page(address, start, 50, "");
    ese_rig.kill(bench->place);
    if (ese_rig.restart(bench->place, &error) != 0)
        fail_msg("%s", error.text);
    address = address_of(bench);
    ese_listing_post_many(address, 1000, 20, 11);
    struct ese_shown_page again = ese_listing_page(address, start, 50, "");
    ESE_BENCH_GOOD(ese_shown_check_again(&page, &again));
    follow_and_check(address, page.next, 30, 220 - page.count);
    ese_shown_clear(&page);
    ese_shown_clear(&again);
    free(start);
}

/* ---- holding ------------------------------------------------------------------------------- */

void ese_paging_holds_until_there_is_something(struct ese_bench *bench)
{
    const char *address = address_of(bench);
    char query[8192];
    char *start = end_of(address);
    int64_t began_ns = ese_clock_monotonic_ns();
    struct ese_shown_page page = ese_listing_page(address, start, 5, "&wait=150");
    assert_in_range(ese_clock_monotonic_ns() - began_ns, 150 * ESE_NS_PER_MS,
                    HOLD_MS * ESE_NS_PER_MS / 2);
    assert_int_equal(page.count, 0);
    ese_shown_clear(&page);
    snprintf(query, sizeof query, "?after=%s&wait=%d", start, HOLD_MS);
    began_ns = ese_clock_monotonic_ns();
    int held = ese_listing_begin(address, query);
    ese_listing_post_many(address, 7, 1, 11);
    page = ese_listing_finish_page(held);
    assert_int_equal(page.count, 1);
    assert_int_equal(page.events[0].client_ts, 7);
    assert_true(ese_clock_monotonic_ns() - began_ns < HOLD_MS * ESE_NS_PER_MS / 2);
    ese_shown_clear(&page);
    free(start);
}

/* ---- what is refused ----------------------------------------------------------------------- */

static void assert_refused(const char *address, const char *query)
{
    struct ese_raw_answer answer = ese_listing_finish(ese_listing_begin(address, query));
    if (answer.status != 400 || strstr(answer.body, "\"message\"") == NULL)
        fail_msg("%s: %d %s", query, answer.status, answer.body);
    ese_raw_answer_clear(&answer);
}

void ese_paging_tells_what_is_wrong(struct ese_bench *bench)
{
    static const char *const queries[] = {"?after=nonsense", "?after=", "?limit=0", "?limit=1001",
                                          "?limit=x", "?wait=30001", "?wait=-1"};
    const char *address = address_of(bench);
    char query[8192];
    for (size_t i = 0; i < ESE_COUNT_OF(queries); i++)
        assert_refused(address, queries[i]);
    char *cursor = end_of(address);
    size_t length = strlen(cursor);
    snprintf(query, sizeof query, "?after=%.*s", (int)length - 1, cursor);
    assert_refused(address, query);
    snprintf(query, sizeof query, "?after=%.*s%c", (int)length - 1, cursor,
             cursor[length - 1] == '0' ? '1' : '0');
    assert_refused(address, query);
    free(cursor);
}

/* ---- the checks themselves ----------------------------------------------------------------- */

#define SHOWN(part, at, address, time, name)                                                      \
    {.partition = (part), .offset = (at), .ip = (address), .client_ts = (time), .id = (name)}

void ese_paging_finds_faults(void)
{
    struct ese_shown good[] = {SHOWN("p-0", 3, "a", 1, "x"), SHOWN("p-1", 3, "b", 1, "y"),
                               SHOWN("p-0", 4, "a", 2, "z")};
    struct ese_shown twice[] = {good[0], good[1], good[0]};
    struct ese_shown turned[] = {good[2], good[1], good[0]};
    struct ese_shown late[] = {SHOWN("p-0", 3, "a", 5, "x"), SHOWN("p-1", 3, "a", 4, "y")};
    struct ese_shown longer[] = {good[1], good[0], good[2], SHOWN("p-1", 9, "b", 2, "w")};
    struct ese_shown other[] = {good[0], SHOWN("p-1", 4, "b", 1, "v"), good[2]};
#define PAGE(shown) (&(struct ese_shown_page){.events = (shown), .count = ESE_COUNT_OF(shown)})
    const struct ese_shown_page shorter = {.events = good, .count = 2};
    assert_null(ese_shown_check(PAGE(good)));
    assert_non_null(ese_shown_check(PAGE(twice)));
    assert_non_null(ese_shown_check(PAGE(turned)));
    assert_non_null(ese_shown_check(PAGE(late)));
    assert_null(ese_shown_check_again(PAGE(good), PAGE(good)));
    assert_null(ese_shown_check_again(PAGE(good), PAGE(longer)));
    assert_non_null(ese_shown_check_again(PAGE(good), &shorter));
    assert_non_null(ese_shown_check_again(PAGE(good), PAGE(turned)));
    assert_non_null(ese_shown_check_again(PAGE(good), PAGE(other)));
}
