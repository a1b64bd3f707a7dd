#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "ese-core/clock.h"
#include "ese-core/contact.h"

static void wait_ms(int64_t ms)
{
    int64_t until_ns = ese_clock_monotonic_ns() + ms * ESE_NS_PER_MS;
    while (ese_clock_monotonic_ns() < until_ns)
        ese_clock_sleep_until(until_ns);
}

static void who_was_never_lost_is_there(void **state)
{
    struct ese_contact *contact = ese_contact_new("the mailer");
    char text[100] = "before";
    (void)state;
    assert_int_equal(ese_contact_away_ms(contact, text, sizeof text), -1);
    assert_string_equal(text, "");
    ese_contact_heard(contact);
    assert_int_equal(ese_contact_away_ms(contact, text, sizeof text), -1);
    ese_contact_free(&contact);
    assert_null(contact);
    ese_contact_free(&contact);
}

static void absence_counts_from_the_first_loss_with_the_last_words(void **state)
{
    struct ese_contact *contact = ese_contact_new("the mailer");
    char text[100];
    (void)state;
    int64_t before_ns = ese_clock_monotonic_ns();
    ese_contact_lost(contact, "refused");
    wait_ms(1050);
    ese_contact_lost(contact, "timed out");
    int64_t away_ms = ese_contact_away_ms(contact, text, sizeof text);
    assert_in_range(away_ms, 1050, (ese_clock_monotonic_ns() - before_ns) / ESE_NS_PER_MS);
    assert_non_null(strstr(text, "the mailer has been away for "));
    assert_non_null(strstr(text, " s: timed out"));
    ese_contact_heard(contact);
    assert_int_equal(ese_contact_away_ms(contact, text, sizeof text), -1);
    assert_string_equal(text, "");
    before_ns = ese_clock_monotonic_ns();
    ese_contact_lost(contact, "refused"); /* counts anew */
    away_ms = ese_contact_away_ms(contact, text, sizeof text);
    assert_in_range(away_ms, 0, (ese_clock_monotonic_ns() - before_ns) / ESE_NS_PER_MS);
    ese_contact_free(&contact);
}

static void words_are_cut_to_their_place(void **state)
{
    struct ese_contact *contact = ese_contact_new("the mailer");
    char text[8], words[1000];
    (void)state;
    memset(words, 'x', sizeof words - 1);
    words[sizeof words - 1] = '\0';
    ese_contact_lost(contact, words);
    assert_true(ese_contact_away_ms(contact, text, sizeof text) >= 0);
    assert_string_equal(text, "the mai");
    ese_contact_free(&contact);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_was_never_lost_is_there),
        cmocka_unit_test(absence_counts_from_the_first_loss_with_the_last_words),
        cmocka_unit_test(words_are_cut_to_their_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
