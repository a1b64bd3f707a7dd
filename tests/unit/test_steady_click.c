#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-consumer/rule.h"
#include "ese-core/memory.h"

#define NOON 1700000000000

static const struct ese_rule *rule;

struct key {
    struct ese_rule_state kept;
    uint32_t sequence;
    struct ese_decision decision; /* the last one */
};

static struct ese_event event_at(int64_t client_ts, uint32_t sequence, const char *sub_type)
{
    struct ese_event event = {.client_ts = client_ts, .type = ESE_TYPE_CLICK, .ip = "10.0.0.1-3"};
    event.id = ese_id_make(
        &(struct ese_id_parts){.time_ms = NOON, .lane = 2, .run = 9, .sequence = sequence});
    ese_fit_text(event.sub_type, sizeof event.sub_type, sub_type);
    ese_event_set_key(&event);
    ese_event_set_traceparent(&event);
    return event;
}

/* A key press `ms` after noon; 1 when it completes a decision. */
static int press(struct key *key, int64_t ms)
{
    struct ese_event event = event_at(NOON + ms, key->sequence++, ESE_SUB_TYPE_KEY_PRESS);
    assert_true(rule->wants(&event));
    const struct ese_rule_settings settings = {.stuck_after_ms = 1};
    int concluded = rule->apply(&settings, &key->kept, &event, &key->decision, NULL);
    assert_true(key->kept.length <= rule->state_size);
    return concluded;
}

static int find_rule(void **state)
{
    (void)state;
    return ese_rule_find("steady-click", &rule, NULL);
}

static void three_presses_give_one_mail_at_once(void **state)
{
    (void)state;
    struct key key = {.sequence = 40};
    assert_int_equal(press(&key, 0), 0);
    assert_int_equal(press(&key, 400), 0);
    assert_int_equal(press(&key, 1250), 1);
    assert_int_equal(key.kept.length, 0);
    const struct ese_decision *decision = &key.decision;
    assert_string_equal(decision->rule, "steady-click");
    assert_string_equal(decision->key, "10.0.0.1-3");
    assert_int_equal(decision->event_count, 3);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(ese_id_read(&decision->events[i]).sequence, 40 + i);
    struct ese_event last = event_at(0, 42, ESE_SUB_TYPE_KEY_PRESS);
    assert_string_equal(decision->traceparent, last.traceparent);
}

static void the_mail_is_the_originals(void **state)
{
    (void)state;
    setenv("TZ", "UTC", 1);
    tzset();
    struct key key = {0};
    press(&key, 0);
    press(&key, 400);
    assert_int_equal(press(&key, 1250), 1);
    assert_string_equal(key.decision.from, "consumer@ese.org");
    assert_string_equal(key.decision.to, "click_updated@ese.org");
    assert_string_equal(key.decision.subject, "[10.0.0.1-3] | Suspicious Activity Detected");
    assert_string_equal(key.decision.content,
                        "3 KEY_PRESS_EVENT events were generated from this IP from "
                        "[2023-11-14 22:13:20.000] to [2023-11-14 22:13:21.250]. "
                        "Total Duration of [1s 250ms]");
}

static void the_gap_is_a_second(void **state)
{
    (void)state;
    struct key within = {0};
    press(&within, 0);
    press(&within, 1000);
    assert_int_equal(press(&within, 2000), 1);

    struct key beyond = {0};
    press(&beyond, 0);
    press(&beyond, 1000);
    assert_int_equal(press(&beyond, 2001), 0); /* the first of a new run */
    assert_int_equal(press(&beyond, 2500), 0);
    assert_int_equal(press(&beyond, 3500), 1);
    assert_int_equal(ese_id_read(&beyond.decision.events[0]).sequence, 2);
}

static void an_event_is_used_once(void **state)
{
    (void)state;
    struct key key = {0};
    int mails = 0;
    for (int i = 0; i < 8; i++)
        mails += press(&key, i);
    assert_int_equal(mails, 2);
    assert_int_equal(ese_id_read(&key.decision.events[0]).sequence, 3);
    assert_int_equal(press(&key, 900), 1); /* the two left over and this one */
    assert_int_equal(ese_id_read(&key.decision.events[0]).sequence, 6);
}

static void a_step_back_is_a_step(void **state)
{
    (void)state;
    struct key near = {0};
    press(&near, 700);
    press(&near, 650);
    assert_int_equal(press(&near, 900), 1);
    assert_non_null(strstr(near.decision.content, "Total Duration of [0s 250ms]"));

    struct key far = {0};
    press(&far, 700);
    press(&far, 800);
    assert_int_equal(press(&far, -201), 0); /* 1,001 ms back */
    assert_int_equal(press(&far, 0), 0);
    assert_int_equal(press(&far, 0), 1);
}

static void no_timestamp_breaks_it(void **state)
{
    (void)state;
    static const int64_t odd[] = {INT64_MAX - NOON, -1 - NOON, 0, -NOON, INT64_MAX - NOON};
    struct key key = {0};
    for (size_t i = 0; i < ESE_COUNT_OF(odd); i++)
        assert_int_equal(press(&key, odd[i]), 0);
}

static void other_events_are_not_wanted(void **state)
{
    (void)state;
    struct ese_event click = event_at(NOON, 0, ESE_SUB_TYPE_BUTTON);
    assert_false(rule->wants(&click));
    struct ese_event input = event_at(NOON, 0, ESE_SUB_TYPE_INPUT);
    assert_false(rule->wants(&input));
}

static void state_leaves_after_its_second(void **state)
{
    (void)state;
    struct key key = {0};
    press(&key, 0);
    assert_int_equal(key.kept.leaves_ms, NOON + 1000);
    press(&key, 500);
    assert_int_equal(key.kept.leaves_ms, NOON + 1500);
}

/* The id is a contract: the mailer, the oracle and every later version must come to the same. */
static void the_id_follows_from_rule_key_and_events(void **state)
{
    (void)state;
    struct key key = {.sequence = 40};
    press(&key, 0);
    press(&key, 400);
    press(&key, 900);
    struct ese_id events[3];
    for (uint32_t i = 0; i < 3; i++)
        events[i] = event_at(0, 40 + i, "").id;
    struct ese_id expected = ese_id_derive("steady-click:10.0.0.1-3", events, 3);
    assert_true(ese_id_equal(&key.decision.id, &expected));
    char text[ESE_ID_TEXT_SIZE]; /* computed by another program, from the words in decision.h */
    ese_id_text(&key.decision.id, text);
    assert_string_equal(text, "ab91ebcf-d3c1-885f-a922-d935f9e216c1");
    struct ese_id swapped[3] = {events[1], events[0], events[2]};
    struct ese_id other = ese_id_derive("steady-click:10.0.0.1-3", swapped, 3);
    assert_false(ese_id_equal(&other, &expected));
}

static void a_mail_is_json(void **state)
{
    (void)state;
    struct ese_decision decision = {
        .from = "a@b", .to = "c@d", .subject = "[\"x\"]", .content = "y\n"};
    struct ese_buffer buffer = ESE_BUFFER_INIT(1000);
    ese_decision_write_mail(&buffer, &decision, NULL);
    assert_string_equal(buffer.text,
                        "{\"from\":\"a@b\",\"to\":\"c@d\",\"subject\":\"[\\\"x\\\"]\","
                        "\"content\":\"y\\n\","
                        "\"id\":\"00000000-0000-0000-0000-000000000000\"}");
    ese_buffer_free(&buffer);
}

static void unknown_rules_are_told(void **state)
{
    (void)state;
    struct ese_error error;
    const struct ese_rule *found = rule;
    assert_int_equal(ese_rule_find("none", &found, &error), 0);
    assert_null(found);
    assert_int_equal(ese_rule_find("steady", &found, &error), -1);
    assert_int_equal(error.code, ESE_E_USAGE);
    assert_non_null(strstr(error.text, "steady-click"));
}

static void rules_are_chosen_by_name(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "steady-click,", "steady-click,none",
                                        "steady-click,steady-click", "steady-click stuck-order"};
    struct ese_rules rules = {.settings.stuck_after_ms = 7};
    struct ese_error error;
    assert_int_equal(ese_rules_choose("stuck-order,steady-click", &rules, &error), 0);
    assert_int_equal(rules.count, 2);
    assert_string_equal(rules.items[0]->name, "stuck-order");
    assert_ptr_equal(rules.items[1], rule);
    assert_string_equal(rules.names, "stuck-order,steady-click");
    assert_int_equal(rules.settings.stuck_after_ms, 7);
    assert_int_equal(ese_rules_choose("none", &rules, &error), 0);
    assert_int_equal(rules.count, 0);
    for (size_t i = 0; i < ESE_COUNT_OF(wrong); i++) {
        assert_int_equal(ese_rules_choose(wrong[i], &rules, &error), -1);
        assert_int_equal(error.code, ESE_E_USAGE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_presses_give_one_mail_at_once),
        cmocka_unit_test(the_mail_is_the_originals),
        cmocka_unit_test(the_gap_is_a_second),
        cmocka_unit_test(an_event_is_used_once),
        cmocka_unit_test(a_step_back_is_a_step),
        cmocka_unit_test(no_timestamp_breaks_it),
        cmocka_unit_test(other_events_are_not_wanted),
        cmocka_unit_test(state_leaves_after_its_second),
        cmocka_unit_test(the_id_follows_from_rule_key_and_events),
        cmocka_unit_test(a_mail_is_json),
        cmocka_unit_test(unknown_rules_are_told),
        cmocka_unit_test(rules_are_chosen_by_name),
    };
    return cmocka_run_group_tests(tests, find_rule, NULL);
}
