#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "orchestration/lab/report.h"

static void strike(struct ese_results_transport *transport, enum ese_act act, unsigned roles, int64_t at_s)
{
    ese_deeds_add(&transport->deeds,
                  &(struct ese_deed){.act = act, .roles = roles, .done_ns = 1000 + at_s * ESE_NS_PER_S});
}

/* Two transports that kept everything; the second slower at answering and dearer. */
static struct ese_results fair_run(void)
{
    struct ese_results results = {.rate = "500", .duration_s = 30, .fault = "consumer-down", .count = 2};
    for (int i = 0; i < 2; i++) {
        struct ese_results_transport *one = &results.transports[i];
        snprintf(one->name, sizeof one->name, "%s", i == 0 ? "alpha" : "beta");
        one->durability = ESE_DURABILITY_OS;
        one->restarted_ns = 1;
        strike(one, ESE_ACT_KILL, ESE_ROLE_BIT(ESE_ROLE_CONSUMER), 0);
        strike(one, ESE_ACT_START, ESE_ROLE_BIT(ESE_ROLE_CONSUMER), 12);
        one->cost = (struct ese_journey_cost){.cpu_ns = (i + 1) * INT64_C(2000000000),
                                              .rss_peak_bytes = (i * 9 + 1) * INT64_C(40000000),
                                              .processes = 4 + i};
        one->judgement.ledger = (struct ese_ledger){.offered = 12345, .acknowledged = 12345,
                                                    .processed = 12345};
        one->judgement.mails = (struct ese_mail_ledger){.expected = 700, .arrived = 700, .matched = 700};
        one->judgement.acknowledge = (struct ese_latency){.count = 10, .p50_us = 500, .p99_us = 1500 + i * 9000};
        one->judgement.end_to_end = (struct ese_latency){.count = 10, .p50_us = 2000, .p99_us = 9000};
        one->judgement.recovery = (struct ese_recovery){.acknowledges_again_us = -1,
                                                        .reads_again_us = 120000,
                                                        .backlog_at_restart = 1234,
                                                        .backlog_gone_us = 340000 + i * 1000000};
    }
    return results;
}

static char *table(const struct ese_results *results)
{
    struct ese_buffer text = ESE_BUFFER_INIT(20000);
    ese_report_table(results, &text);
    return ese_buffer_detach(&text);
}

static char *sentences(const struct ese_results *results)
{
    struct ese_buffer text = ESE_BUFFER_INIT(20000);
    ese_report_sentences(results, &text);
    return ese_buffer_detach(&text);
}

static void the_table_holds_the_figures(void **state)
{
    (void)state;
    struct ese_results results = fair_run();
    char *text = table(&results);
    assert_non_null(strstr(text, "alpha"));
    assert_non_null(strstr(text, "12,345"));
    assert_non_null(strstr(text, "0.5 / 1.5 ms"));
    assert_non_null(strstr(text, "0.12 s"));
    assert_non_null(strstr(text, "balances"));
    free(text);
}

static void has_row(const char *text, const char *label, const char *first, const char *second);

/* Of what was processed, which need not be what was offered; nothing of nothing. */
static void the_table_tells_what_a_thousand_events_cost(void **state)
{
    (void)state;
    struct ese_results results = fair_run();
    results.transports[1].judgement.ledger.processed = 0;
    for (int i = 0; i < 2; i++) {
        results.transports[i].cost.wire_bytes = 1234500;
        results.transports[i].cost.disk_written_bytes = 123450000;
        results.transports[i].judgement.acknowledge.p999_us = 2500 + i * 1000;
        results.transports[i].judgement.acknowledge.max_us = 3500;
    }
    char *text = table(&results), *each = strstr(text, "FOR 1,000 EVENTS PROCESSED");
    assert_non_null(each);
    has_row(each, "processor time", "162 ms", "-");
    has_row(each, "bytes on the wire", "100 kB", "-");
    has_row(each, "disk, written", "10 MB", "-");
    has_row(text, "acknowledged, p99.9 / most", "2.5 / 3.5 ms", "3.5 / 3.5 ms");
    free(text);
}

static void the_table_says_who_ended_unasked(void **state)
{
    (void)state;
    struct ese_results results = fair_run();
    char *text = table(&results);
    assert_null(strstr(text, "no fault had asked"));
    free(text);
    results.transports[1].schedule_ns = 1000;
    ese_endings_add(&results.transports[1].endings, "server", 1, "cannot write");
    results.transports[1].endings.list[0].ended_ns = 1000 + INT64_C(12300000000);
    ese_endings_add(&results.transports[1].endings, "broker", -1, "");
    text = table(&results);
    assert_non_null(strstr(text, "  beta: 12.3 s into the run the server ended with exit status 1, and no "
                                 "fault had asked for it; it said: cannot write\n"));
    assert_non_null(strstr(text, "the broker ended, and no fault had asked for it\n"));
    free(text);
}

/* A row of the table, blanks aside. */
static void has_row(const char *text, const char *label, const char *first, const char *second)
{
    char cells[2][64] = {"", ""};
    const char *row = strstr(text, label);
    assert_non_null(row);
    assert_int_equal(sscanf(row + strlen(label), " %63[^\n]", cells[0]), 1);
    char *gap = strstr(cells[0], "  ");
    assert_non_null(gap);
    *gap = '\0';
    snprintf(cells[1], sizeof cells[1], "%s", gap + 1 + strspn(gap + 1, " "));
    assert_string_equal(cells[0], first);
    assert_string_equal(cells[1], second);
}

static void the_recovery_rows_are_there_only_after_a_restart(void **state)
{
    (void)state;
    struct ese_results results = fair_run();
    char *text = table(&results);
    has_row(text, "consumer away for", "12.00 s", "12.00 s");
    has_row(text, "waiting when it came back", "1,234", "1,234");
    has_row(text, "it read again after", "0.12 s", "0.12 s");
    has_row(text, "backlog gone, since the return", "0.34 s", "1.34 s");
    assert_null(strstr(text, "server away"));
    assert_null(strstr(text, "acknowledged again"));
    assert_null(strstr(text, "passed over"));
    free(text);
    for (int i = 0; i < 2; i++) {
        results.transports[i].restarted_ns = 0;
        results.transports[i].deeds.count = 0;
    }
    text = table(&results);
    assert_null(strstr(text, "FAULT"));
    assert_null(strstr(text, "read again"));
    free(text);
}

static void a_dead_server_has_its_rows(void **state)
{
    (void)state;
    struct ese_results results = fair_run();
    struct ese_results_transport *alpha = &results.transports[0], *beta = &results.transports[1];
    strike(alpha, ESE_ACT_KILL, ESE_ROLE_BIT(ESE_ROLE_SERVER), 5);
    strike(alpha, ESE_ACT_START, ESE_ROLE_BIT(ESE_ROLE_SERVER), 7);
    alpha->judgement.recovery.acknowledges_again_us = 2125000;
    struct ese_deed passed = {.act = ESE_ACT_KILL, .passed_over = ESE_ROLES_KEEPING, .done_ns = 1005};
    ese_deeds_add(&beta->deeds, &passed);
    char *text = table(&results);
    has_row(text, "server away for", "2.00 s", "passed over");
    has_row(text, "acknowledged again, since death", "2.12 s", "-");
    assert_non_null(strstr(text, "\n  beta: it has no server of its own, so the fault passed it over\n"));
    assert_null(strstr(text, "alpha: it has no"));
    assert_null(strstr(text, "beta: it has no broker"));
    free(text);
    beta->deeds.list[beta->deeds.count - 1] = (struct ese_deed){.act = ESE_ACT_KILL, .roles = ESE_ROLES_KEEPING};
    beta->deeds.list[beta->deeds.count - 1].done_ns = 1005;
    alpha->judgement.recovery.acknowledges_again_us = -1;
    text = table(&results);
    has_row(text, "server away for", "2.00 s", "to the end");
    has_row(text, "acknowledged again, since death", "never", "never");
    free(text);
}

static void strike_member(struct ese_results_transport *transport, enum ese_act act, int member, int64_t at_s)
{
    strike(transport, act, ESE_ROLE_BIT(ESE_ROLE_CONSUMER), at_s);
    transport->deeds.list[transport->deeds.count - 1].members = ESE_MEMBER_BIT(member);
}

/* beta has a group, of which members were away; alpha has nobody to lose but all it has. */
static void a_group_has_its_rows(void **state)
{
    (void)state;
    struct ese_results results = fair_run();
    struct ese_results_transport *alpha = &results.transports[0], *beta = &results.transports[1];
    results.consumers = 3;
    alpha->members = 1;
    beta->members = 3;
    beta->judgement.lag.caught_up_us = -1;
    alpha->restarted_ns = alpha->deeds.count = beta->deeds.count = 0;
    ese_deeds_add(&alpha->deeds, &(struct ese_deed){.act = ESE_ACT_KILL, .done_ns = 1005,
                                                    .passed_over = ESE_ROLE_BIT(ESE_ROLE_CONSUMER)});
    strike_member(beta, ESE_ACT_KILL, 2, 0);
    strike_member(beta, ESE_ACT_KILL, 3, 5);
    strike_member(beta, ESE_ACT_START, 2, 10);
    strike_member(beta, ESE_ACT_START, 3, 16);
    char *text = table(&results);
    assert_non_null(strstr(text, "by a group of 3"));
    has_row(text, "consumer away for", "passed over", "10.00 s, 11.00 s");
    has_row(text, "waiting when it came back", "-", "1,234");
    has_row(text, "it read again after", "-", "0.12 s");
    has_row(text, "less than a second's worth after", "-", "never");
    assert_non_null(strstr(text, "\n  alpha: one reader, though 3 were asked for: a second would read everything "
                                 "again, or they must share by hand\n"));
    assert_non_null(strstr(text, "\n  alpha: it has no group, so what befalls one of several members passed it "
                                 "over\n"));
    assert_null(strstr(text, "beta: one reader"));
    free(text);
    beta->deeds.count = 0;
    strike_member(beta, ESE_ACT_FREEZE, 2, 0);
    strike_member(beta, ESE_ACT_THAW, 2, 9);
    text = table(&results);
    has_row(text, "consumer away for", "passed over", "9.00 s");
    free(text);
}

static void fill_curve(struct ese_results_transport *transport, int64_t bucket_ms, int count, int64_t last)
{
    struct ese_lag_curve *lag = &transport->judgement.lag;
    *lag = (struct ese_lag_curve){.bucket_ms = bucket_ms, .count = count, .load_ended_ms = 6500,
                                  .at_load_end = last, .highest = last};
    for (int i = 0; i < count; i++)
        lag->waiting[i] = last * (i + 1) / count;
}

/* On one scale, and one axis, however wide the buckets of each. */
static void the_curves_are_drawn_on_one_scale(void **state)
{
    (void)state;
    struct ese_results results = fair_run();
    struct ese_results_transport *alpha = &results.transports[0], *beta = &results.transports[1];
    setenv("LC_ALL", "C", 1);
    char *text = table(&results);
    assert_null(strstr(text, "OVER THE TIME")); /* nothing is known */
    free(text);
    fill_curve(alpha, 1000, 8, 8000);
    fill_curve(beta, 1000, 4, 20);
    text = table(&results);
    assert_non_null(strstr(text, "OVER THE TIME, how many waited; full height is 8,000\n"));
    assert_non_null(strstr(text, "    alpha           _.:-=+*#  8,000\n"));
    assert_non_null(strstr(text, "    beta            ________  20\n"));
    assert_non_null(strstr(text, "                          ^ 6 s: the load ended"));
    free(text);
    fill_curve(beta, 4000, 3, 4000);
    text = table(&results);
    assert_non_null(strstr(text, "    alpha           -##  8,000\n")); /* what waited last waits on */
    assert_non_null(strstr(text, "    beta            .:-  4,000\n"));
    free(text);
    fill_curve(beta, 1000, 120, 80); /* of two seconds a place, the most; less than comes in one is little */
    alpha->judgement.lag = beta->judgement.lag;
    text = table(&results);
    assert_non_null(strstr(text, "full height is 500\n"));
    const char *row = strstr(text, "    alpha           _____");
    assert_non_null(row);
    assert_int_equal(strcspn(row, "\n"), 20 + 60 + 4);
    assert_non_null(strstr(row, ".  80\n"));
    free(text);
}

static void sentences_follow_the_figures(void **state)
{
    (void)state;
    struct ese_results results = fair_run();
    char *text = sentences(&results);
    assert_non_null(strstr(text, "alpha and beta kept every acknowledged event"));
    assert_non_null(strstr(text, "alpha (1.5 ms; beta 10.5)"));
    assert_non_null(strstr(text, "p50: about equal (2.0 ms)"));
    assert_non_null(strstr(text, "alpha (2.0 s; beta 4.0)"));
    assert_non_null(strstr(text, "  Recovery: the backlog was gone after 0.3 s (alpha), after 1.3 s (beta).\n"));
    free(text);
    results.transports[0].judgement.timing_verdict.word = ESE_VERDICT_CANNOT_TELL;
    text = sentences(&results);
    assert_non_null(strstr(text, "  Recovery: the backlog was gone after a time that is withheld (alpha), after 1.3 s "
                                 "(beta).\n"));
    free(text);
    results.transports[0].judgement.timing_verdict.word = ESE_VERDICT_PASS;
    strike(&results.transports[1], ESE_ACT_KILL, ESE_ROLE_BIT(ESE_ROLE_SERVER), 5);
    results.transports[0].deeds.count = 0;
    text = sentences(&results);
    assert_non_null(strstr(text, "  Recovery: events were acknowledged again not at all (beta); the backlog was "
                                 "gone after 1.3 s (beta).\n"));
    free(text);
    results.transports[1].judgement.ledger.lost = 3;
    results.transports[1].judgement.mails.lost = 2;
    text = sentences(&results);
    assert_non_null(strstr(text, "alpha kept every acknowledged event"));
    assert_non_null(strstr(text, "beta lost 3 acknowledged events, lost 2 mails."));
    free(text);
    results.transports[1].judgement.ledger_verdict.word = ESE_VERDICT_CANNOT_TELL;
    text = sentences(&results);
    assert_non_null(strstr(text, "of beta it cannot be told"));
    free(text);
}

/* Of one transport alone. */
static void keeping_is(const struct ese_results *results, const char *words)
{
    struct ese_buffer line = ESE_BUFFER_INIT(400);
    char *text = sentences(results);
    ese_buffer_printf(&line, "  Keeping: %s.\n", words);
    if (strncmp(text, line.text, line.length) != 0)
        fail_msg("not '%s' but %s", words, text);
    ese_buffer_free(&line);
    free(text);
}

static void whoever_is_at_fault_has_not_kept_all(void **state)
{
    (void)state;
    struct ese_results results = fair_run();
    struct ese_judgement *judgement = &results.transports[0].judgement, fair = *judgement;
    const struct {
        int64_t *count;
        const char *words;
    } faults[] = {
        {&judgement->ledger.in_flight, "alpha left 4 events unread"},
        {&judgement->mails.doubled, "alpha doubled 4 mails"},
        {&judgement->mails.altered, "alpha sent 4 mails of other events"},
        {&judgement->mails.unexpected, "alpha sent 4 mails for nothing"},
    }, failing[] = {
        {&judgement->ledger.phantom, "alpha stored 4 events though refused, not sent or never offered"},
        {&judgement->ledger.stored_twice, "alpha stored 4 events a second time"},
        {&judgement->ledger.reordered, "alpha stored 4 events out of their key's order"},
    };
    results.count = 1;
    for (size_t i = 0; i < ESE_COUNT_OF(faults); i++) {
        *judgement = fair;
        *faults[i].count = 4;
        keeping_is(&results, faults[i].words);
    }
    for (size_t i = 0; i < ESE_COUNT_OF(failing); i++) {
        *judgement = fair;
        *failing[i].count = 4; /* which not all have promised not to do */
        keeping_is(&results, "alpha kept every acknowledged event, and no mail was lost or doubled");
        judgement->ledger_verdict.word = ESE_VERDICT_FAIL;
        keeping_is(&results, failing[i].words);
    }
    *judgement = fair;
    judgement->ledger_verdict = (struct ese_verdict){.word = ESE_VERDICT_FAIL, .reason = "it rained"};
    keeping_is(&results, "alpha fails, as it rained");
}

static void unknown_mails_are_told_beside_what_was_kept(void **state)
{
    (void)state;
    struct ese_results results = fair_run();
    results.transports[1].judgement.mails.unknown = 2;
    keeping_is(&results, "alpha and beta kept every acknowledged event, and no mail was lost or doubled; whether 2 "
                         "mails over beta were sent is unknown");
}

static void dead_letters_are_told_with_what_was_kept(void **state)
{
    (void)state;
    struct ese_results results = fair_run();
    results.transports[1].judgement.ledger.dead_letters = 5;
    keeping_is(&results, "alpha and beta kept every acknowledged event, but for 5 dead letters over beta, and no mail "
                         "was lost or doubled");
    results.transports[0].judgement.ledger.dead_letters = 4;
    keeping_is(&results, "alpha and beta kept every acknowledged event, but for 4 dead letters over alpha and 5 over "
                         "beta, and no mail was lost or doubled");
    results.transports[0].judgement.ledger_verdict = (struct ese_verdict){
        .word = ESE_VERDICT_FAIL, .reason = "4 were too many"};
    keeping_is(&results, "beta kept every acknowledged event, but for 5 dead letters over beta, and no mail was lost "
                         "or doubled; alpha fails, as 4 were too many");
}

/* Any transport of this build that tells its losses; NULL: there is none. */
static const struct ese_transport *lossy(void)
{
    const struct ese_registry_entry *entry = ese_registry();
    while (entry->transport != NULL && !entry->transport->promises.tells_losses)
        entry++;
    return entry->transport;
}

static void losses_are_told_by_their_cause(void **state)
{
    (void)state;
    if (lossy() == NULL)
        skip();
    struct ese_results results = fair_run();
    char *text = table(&results);
    assert_null(strstr(text, "by key clash")); /* nobody here tells */
    free(text);
    snprintf(results.transports[0].name, sizeof results.transports[0].name, "%s", lossy()->name);
    struct ese_ledger *ledger = &results.transports[0].judgement.ledger;
    ledger->lost = 1234 + 5;
    ledger->lost_by_clash = 1234;
    ledger->lost_by_death = 5;
    text = table(&results);
    assert_non_null(strstr(text, "by key clash"));
    assert_non_null(strstr(text, "1,234"));
    assert_non_null(strstr(text, lossy()->promises.notes));
    free(text);
    text = sentences(&results);
    assert_non_null(strstr(text, " lost 1239 acknowledged events (1234 by key clash, 5 by the store's death)"));
    free(text);
}

static void the_exit_status_is_the_worst(void **state)
{
    (void)state;
    struct ese_results results = fair_run();
    struct ese_judgement *judgement = &results.transports[1].judgement;
    assert_int_equal(ese_report_exit_status(&results, true), 0);
    judgement->timing_verdict.word = ESE_VERDICT_CANNOT_TELL;
    assert_int_equal(ese_report_exit_status(&results, false), 0);
    assert_int_equal(ese_report_exit_status(&results, true), 2);
    judgement->ledger_verdict.word = ESE_VERDICT_FAIL;
    assert_int_equal(ese_report_exit_status(&results, true), 1);
    results.transports[0].judgement.ledger_verdict.word = ESE_VERDICT_CANNOT_TELL;
    assert_int_equal(ese_report_exit_status(&results, false), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_holds_the_figures),
        cmocka_unit_test(the_table_tells_what_a_thousand_events_cost),
        cmocka_unit_test(the_table_says_who_ended_unasked),
        cmocka_unit_test(the_recovery_rows_are_there_only_after_a_restart),
        cmocka_unit_test(a_dead_server_has_its_rows),
        cmocka_unit_test(a_group_has_its_rows),
        cmocka_unit_test(the_curves_are_drawn_on_one_scale),
        cmocka_unit_test(sentences_follow_the_figures),
        cmocka_unit_test(whoever_is_at_fault_has_not_kept_all),
        cmocka_unit_test(unknown_mails_are_told_beside_what_was_kept),
        cmocka_unit_test(dead_letters_are_told_with_what_was_kept),
        cmocka_unit_test(losses_are_told_by_their_cause),
        cmocka_unit_test(the_exit_status_is_the_worst),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
