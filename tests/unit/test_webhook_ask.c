/* What the body of POST /subscriptions/NAME may say: how its members are found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "transports/webhook/subscription_ask.h"

/* Behind a good stream and URL. refused: words of what it is refused with; NULL: it has to be good. */
static struct ese_webhook_ask read_ask(const char *more, const char *refused)
{
    struct ese_webhook_targets *targets;
    struct ese_webhook_ask ask = {.name = "one"};
    struct ese_error error = {0};
    char body[400];

    assert_int_equal(ese_webhook_targets_parse("127.0.0.0/8", &targets, NULL), 0);
    snprintf(body, sizeof(body), "{\"stream\":\"s\",\"url\":\"http://127.0.0.1:9/\"%s}", more);
    int got = ese_webhook_ask_read(&ask, body, strlen(body), targets, NULL, &error);
    if ((got != 0) != (refused != NULL) || (refused != NULL && strstr(error.text, refused) == NULL))
        fail_msg("%s: %d %s", more, got, error.text);
    ese_webhook_targets_free(&targets);
    return ask;
}

static void assert_retry(const char *more, int tries, int64_t first_ms, int64_t most_ms)
{
    struct ese_webhook_ask ask = read_ask(more, NULL);

    assert_int_equal(ask.wish.retry.tries, tries);
    assert_int_equal(ask.wish.retry.first_ms, first_ms);
    assert_int_equal(ask.wish.retry.most_ms, most_ms);
    ese_webhook_wish_clear(&ask.wish);
}

static void refused(const char *more, const char *words)
{
    struct ese_webhook_ask ask = read_ask(more, words);

    ese_webhook_wish_clear(&ask.wish);
}

static void members_match_in_any_case(void **state)
{
    (void)state;
    struct ese_webhook_ask ask = read_ask(",\"BATCH\":7,\"Position\":3", NULL);
    assert_int_equal(ask.wish.batch, 7);
    assert_int_equal(ask.position, 3);
    ese_webhook_wish_clear(&ask.wish);
    assert_retry(",\"Retry\":{\"Tries\":1,\"FIRST_ms\":2,\"most_MS\":9}", 1, 2, 9);
    assert_retry(",\"retry\":{\"tries\":1,\"Tries\":2,\"first_ms\":5,\"most_ms\":6}", 2, 5, 6);
}

static void what_is_left_out_has_its_default(void **state)
{
    const struct ese_webhook_retry usual = ESE_WEBHOOK_RETRY_DEFAULT;

    (void)state;
    assert_retry("", usual.tries, usual.first_ms, usual.most_ms);
    assert_retry(",\"retry\":null", usual.tries, usual.first_ms, usual.most_ms);
    assert_retry(",\"retry\":{\"tries\":null}", usual.tries, usual.first_ms, usual.most_ms);
    assert_retry(",\"retry\":{\"first_ms\":3600000}", usual.tries, 3600000, 3600000);
}

/* Whatever it is, as in the original. */
static void an_unknown_member_does_no_harm(void **state)
{
    const struct ese_webhook_retry usual = ESE_WEBHOOK_RETRY_DEFAULT;

    (void)state;
    assert_retry(",\"id\":12345678901234567890", usual.tries, usual.first_ms, usual.most_ms);
    assert_retry(",\"retry\":{\"tries\":3,\"id\":-12345678901234567890}", 3, usual.first_ms, usual.most_ms);
}

static void a_number_beyond_an_integer_is_none(void **state)
{
    (void)state;
    refused(",\"position\":12345678901234567890", "number");
    refused(",\"batch\":12345678901234567890", "batch: ");
    refused(",\"retry\":{\"tries\":12345678901234567890}", "retry.tries: ");
    refused(",\"retry\":{\"most_ms\":-1}", "retry.most_ms: ");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_match_in_any_case),
        cmocka_unit_test(what_is_left_out_has_its_default),
        cmocka_unit_test(an_unknown_member_does_no_harm),
        cmocka_unit_test(a_number_beyond_an_integer_is_none),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
