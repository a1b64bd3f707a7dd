/* A scenario's text: what it says, in two sizes, what the seed draws of it, and what is wrong in which line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <unistd.h>

#include "ese-core/memory.h"
#include "orchestration/lab/scenario.h"
#include "tests/support/scenario_shelf.h"

static const char whole[] = "# a comment\n"
                            "title    A title\n"
                            "story    One line,\n"
                            "story    and another | with a bar.\n"
                            "\n"
                            "predict  What?\n"
                            "alone\n"
                            "with     rate 300 | 200\n"
                            "with     schedule burst:10:8:3 | burst:10:2:1\n"
                            "with     source clicks\n"
                            "with     consumers 2\n"
                            "at       9s | 2500ms  start consumers\n"
                            "at       4s..8s | 1s..2s kill consumers\n"
                            "at       10s freeze member 2\n"
                            "expect   all  ledger.lost > 500 | 100 -- a | b\n"
                            "expect   all  ledger.refused = 0 -- 1 | 2\n";

static void read_whole(struct ese_test_shelf *shelf, enum ese_scenario_size size, int64_t seed)
{
    struct ese_error error;
    ese_test_shelf_put(shelf, "one", whole);
    ese_scenario_free(&shelf->scenario);
    if (ese_scenario_read(shelf->directory, "one", size, seed, &shelf->scenario, &error) != 0)
        fail_msg("%s", error.text);
}

static void what_it_says_is_read(void **state)
{
    struct ese_test_shelf *shelf = *state;
    read_whole(shelf, ESE_SCENARIO_FULL, 1);
    const struct ese_scenario *scenario = shelf->scenario;
    assert_string_equal(scenario->name, "one");
    assert_string_equal(scenario->title, "A title");
    assert_string_equal(scenario->story, "One line,\nand another | with a bar.");
    assert_string_equal(scenario->predict, "What?");
    assert_true(scenario->is_alone);
    assert_string_equal(ese_scenario_option(scenario, "rate"), "300");
    assert_string_equal(ese_scenario_option(scenario, "schedule"), "burst:10:8:3");
    assert_null(ese_scenario_option(scenario, "seed"));
    assert_int_equal(scenario->expectation_count, 2);
    assert_string_equal(ese_expectation_claim(scenario->expectations[0]), "ledger.lost > 500");
    assert_string_equal(ese_expectation_reason(scenario->expectations[0]), "a | b");
    assert_string_equal(ese_expectation_reason(scenario->expectations[1]), "1 | 2");
    assert_true(scenario->fault.from_the_start);
}

static void the_deeds_are_in_the_order_of_time(void **state)
{
    struct ese_test_shelf *shelf = *state;
    read_whole(shelf, ESE_SCENARIO_FULL, 1);
    const struct ese_fault *fault = &shelf->scenario->fault;
    assert_int_equal(fault->count, 3);
    assert_int_equal(fault->steps[0].act, ESE_ACT_KILL);
    assert_true(fault->steps[0].after_ms >= 4000 && fault->steps[0].after_ms <= 8000);
    assert_int_equal(fault->steps[1].act, ESE_ACT_START);
    assert_int_equal(fault->steps[1].after_ms, 9000);
    assert_int_equal(fault->steps[2].act, ESE_ACT_FREEZE);
    assert_int_equal(fault->steps[2].part->members, ESE_MEMBER_BIT(2));
}

static void the_small_one_is_what_stands_behind_the_bar(void **state)
{
    struct ese_test_shelf *shelf = *state;
    read_whole(shelf, ESE_SCENARIO_SMALL, 1);
    const struct ese_scenario *scenario = shelf->scenario;
    assert_string_equal(ese_scenario_option(scenario, "rate"), "200");
    assert_string_equal(ese_scenario_option(scenario, "schedule"), "burst:10:2:1");
    assert_string_equal(ese_scenario_option(scenario, "source"), "clicks");
    assert_int_equal(scenario->steps[1].after_ms, 2500);
    assert_true(scenario->steps[0].after_ms >= 1000 && scenario->steps[0].after_ms <= 2000);
    assert_string_equal(ese_expectation_claim(scenario->expectations[0]), "ledger.lost > 100");
    assert_string_equal(ese_expectation_reason(scenario->expectations[0]), "a | b");
}

static void schedule_of(struct ese_test_shelf *shelf, int64_t seed, char text[400])
{
    struct ese_buffer schedule = ESE_BUFFER_INIT(399);
    read_whole(shelf, ESE_SCENARIO_FULL, seed);
    ese_scenario_schedule(shelf->scenario, &schedule);
    snprintf(text, 400, "%s", schedule.text);
    ese_buffer_free(&schedule);
}

static void the_same_seed_draws_the_same_instants(void **state)
{
    struct ese_test_shelf *shelf = *state;
    char one[400], same[400], other[400];
    int differ = 0;
    schedule_of(shelf, 7, one);
    schedule_of(shelf, 7, same);
    assert_string_equal(one, same);
    for (int64_t seed = 8; seed < 18; seed++) {
        schedule_of(shelf, seed, other);
        differ += strcmp(one, other) != 0;
    }
    assert_true(differ >= 9);
}

static int64_t first_instant(struct ese_test_shelf *shelf, const char *text, int64_t seed)
{
    struct ese_error error;
    ese_test_shelf_put(shelf, "one", text);
    ese_scenario_free(&shelf->scenario);
    if (ese_scenario_read(shelf->directory, "one", ESE_SCENARIO_FULL, seed, &shelf->scenario, &error) != 0)
        fail_msg("%s", error.text);
    return shelf->scenario->steps[0].after_ms;
}

/* Wherever it stands; and what is given beside it has the last word. */
static void a_seed_of_the_texts_own_draws_unless_another_is_given(void **state)
{
    static const char before[] = "title a\nstory b\npredict c\nexpect all ledger.lost = 1\n"
                                 "at 0s..20s kill consumers\nwith seed 7\n";
    static const char none[] = "title a\nstory b\npredict c\nexpect all ledger.lost = 1\nat 0s..20s kill consumers\n";
    struct ese_test_shelf *shelf = *state;
    int64_t own_ms = first_instant(shelf, before, ESE_SCENARIO_OWN_SEED);
    assert_int_equal(shelf->scenario->seed, 7);
    assert_int_equal(own_ms, first_instant(shelf, none, 7));
    int64_t other_ms = first_instant(shelf, before, 8);
    assert_int_equal(other_ms, first_instant(shelf, none, 8));
    assert_int_not_equal(own_ms, other_ms);
    first_instant(shelf, none, ESE_SCENARIO_OWN_SEED);
    assert_int_equal(shelf->scenario->seed, 1); /* compare's */
}

/* What is told how is written as it was read. */
static void what_befalls_parts_and_lines_is_read(void **state)
{
    struct ese_test_shelf *shelf = *state;
    struct ese_error error;
    ese_test_shelf_put(shelf, "bad",
                       "title a\nstory b\npredict c\nexpect all ledger.lost = 1\nwith readers 1\nwith late-readers "
                       "true\nat 1s disk servers sync-fails\nat 2s clock consumers -500ms\nat 3s smtp slow 200\n"
                       "at 4s network client-broker,client-server latency 20 jitter 5\nat 5s start readers\n"
                       "at 6s rule consumers slow 20\n");
    if (ese_scenario_read(shelf->directory, "bad", ESE_SCENARIO_FULL, 1, &shelf->scenario, &error) != 0)
        fail_msg("%s", error.text);
    const struct ese_fault *fault = &shelf->scenario->fault;
    assert_int_equal(ese_fault_befallen(fault, ESE_ACT_DISK), ESE_ROLES_KEEPING);
    assert_int_equal(ese_fault_befallen(fault, ESE_ACT_CLOCK), ESE_ROLE_BIT(ESE_ROLE_CONSUMER));
    assert_int_equal(ese_fault_befallen(fault, ESE_ACT_RULE), ESE_ROLE_BIT(ESE_ROLE_CONSUMER));
    assert_int_equal(ese_fault_befallen(fault, ESE_ACT_SMTP), ESE_ROLE_BIT(ESE_ROLE_SINK));
    assert_int_equal(ese_fault_lines(fault),
                     ESE_LINE_BIT(ESE_LINE_CLIENT_SERVER) | ESE_LINE_BIT(ESE_LINE_CLIENT_BROKER));
    struct ese_buffer schedule = ESE_BUFFER_INIT(1000);
    ese_scenario_schedule(shelf->scenario, &schedule);
    assert_string_equal(schedule.text, "1000 ms disk servers sync-fails\n2000 ms clock consumers -500ms\n"
                                       "3000 ms smtp slow 200\n"
                                       "4000 ms network client-server,client-broker latency 20 jitter 5\n"
                                       "5000 ms start readers\n6000 ms rule consumers slow 20\n");
    ese_buffer_free(&schedule);
}

static void what_is_wrong_is_named_with_its_line(void **state)
{
    static const struct {
        const char *line, *words;
    } wrong[] = {
        {"wiht rate 3", "'wiht'"},
        {"with rate", "with rate 300"},
        {"with rate 300\nwith rate 200", "'rate' is there twice"},
        {"alone together", "'together'"},
        {"at noon kill consumers", "'noon'"},
        {"at 10 kill consumers", "'10'"},
        {"at 10s", "to whom"},
        {"at 10s kill", "to whom"},
        {"at 10s hit consumers", "'hit'"},
        {"at 10s kill everybody", "'everybody'"},
        {"at 10s kill member 7", "'member 7'"},
        {"at 10s disk servers", "full"},
        {"at 10s disk servers empty", "'empty'"},
        {"at 10s disk everybody full", "'everybody'"},
        {"at 10s disk everybody full", "'everybody' is no party: consumers, readers, destinations, servers, "
                                       "brokers, mailers, clients, smtp"},
        {"at 10s rule member 2 slow 5", "'rule' befalls all members of a group alike, and no 'member 2' alone: write "
                                        "cons"},
        {"at 10s disk member", "write consumers instead"},
        {"at 10s power member 2 7", "'member' is no party"},
        {"at 10s clock consumers 3600s", "'3600s'"},
        {"at 10s smtp refuse 250", "250"},
        {"at 10s network client-server", "cut"},
        {"at 10s network client-moon cut both", "'client-moon'"},
        {"at 10s network client-server, cut both", "''"},
        {"at 10s network client-server cut sideways", "sideways"},
        {"at 10s..5s kill consumers", "'5s' comes before '10s'"},
        {"at 10s.. kill consumers", "''"},
        {"at 99999999s kill consumers", "99999999"},
        {"expect all ledger.lost", "comparison"},
        {"expect all verdict.ledger.word < pass", "words have no order"},
        {"with reat 300", "compare --help has: option 'reat': no such option"},
        {"with consumer 3", "did you mean consumers?"},
        {"with rate fast", "'fast'"},
        {"with duration 0", "'0'"},
        {"with source cliks", "clicks|orders|mixed"},
        {"with schedule burts:10:8:3", "'burts:10:8:3'"},
        {"with schedule burst:10:8", "burst:TIMES:AT:FOR"},
        {"with late-readers perhaps", "true|false"},
        {"with quiet true", "no such option"}, /* the command's, not the run's */
        {"with seed -1", "'-1'"},
        {"with transports htpp", "'htpp' is not of this build, nor named in transports.names"},
        {"with transports all", "'all'"},
        {"with transports ,", "''"},
        {"expect all ledger.losst = 0", "'ledger.losst' is no figure that a transport has in results.json"},
        {"expect all ledger = 0", "'ledger'"},
        {"expect all lost = 0", "'lost'"},
        {"expect all ledger.lost.x = 0", "'ledger.lost.x'"},
        {"expect all ledger.lost_by.clahs = 0", "'ledger.lost_by.clahs'"},
        {"expect all ledger.lost <= 2 * ledger.ofered", "'ledger.ofered'"},
        {"expect all deeds.first.act = kill", "'deeds.first.act'"},
        {"expect all readers.*.mised = 0", "'readers.*.mised'"},
        {"expect all readers.* = 0", "'readers.*'"},
        {"expect all ledger.*.lost = 0", "'ledger.*.lost'"},
        {"expect all ledger.lost = readers.*.missed", "'readers.*.missed'"},
        {"expect all lag.waiting = 0", "'lag.waiting'"},
        {"expect all verdict.ledger.word = pas", "'verdict.ledger.word' is pass, fail or cannot tell, and never 'pas'"},
        {"expect all verdict.timing.word != cannot", "never 'cannot'"},
        {"expect all drained = yes", "'drained' is true or false, and never 'yes'"},
        {"expect all ledger.lost = nothing", "'ledger.lost' is a number, and 'nothing' is none"},
        {"expect all readers.*.missed != none", "is a number"},
        {"expect all verdict.ledger.word = 0", "'verdict.ledger.word' is no number, and cannot be compared with 0"},
        {"expect all verdict.ledger.word > 3", "cannot be compared with 3"},
        {"expect all verdict.ledger.word != 3", "cannot be compared with 3"},
        {"expect all drained < 2", "'drained' is no number"},
        {"expect all drained = 1", "'drained' is no number"},
        {"expect all deeds.*.how = 7", "'deeds.*.how' is no number"},
        {"expect all ledger.lost = verdict.ledger.word",
         "'verdict.ledger.word' is no number, and cannot be compared with ledger.lost"},
        {"expect all verdict.ledger.word = ledger.lost",
         "'verdict.ledger.word' is no number, and cannot be compared with ledger.lost"},
        {"expect all ledger.lost < 2 * promises.replayable", "'promises.replayable' is no number"},
        {"expect all drained = promises.replayable", "'drained' is no number"}, /* nor are two words compared */
        {"expect all cost.parties.0.requests_per_event = none", "is a number"},
        {"with rate 50 | 50 | 50", "behind '| 50' there is a third value"},
        {"at 5s | 4s | 3s kill consumers", "behind '| 4s' there is a third value"},
        {"expect all ledger.lost = 1 | 2 | 3 -- so", "behind '| 2' there is a third value"},
        {"expect htpp ledger.lost = 0", "'htpp'"},
        {"expect all,htpp ledger.lost = 0", "'all'"},
        {"expect htpp:poll-ms=5 ledger.lost = 0", "'htpp:poll-ms=5'"},
        {"expect all ledger.lost <= htpp/ledger.lost", "'htpp'"},
        {"expect all ledger.lost <= 2 * htpp+lesson/ledger.lost", "'htpp+lesson'"},
    };
    struct ese_test_shelf *shelf = *state;
    for (size_t i = 0; i < ESE_COUNT_OF(wrong); i++) {
        char text[512];
        struct ese_error error;
        snprintf(text, sizeof text, "title a\nstory b\npredict c\n%s\nexpect all ledger.lost = 1\n", wrong[i].line);
        ese_test_shelf_put(shelf, "wrong", text);
        assert_int_equal(ese_scenario_read(shelf->directory, "wrong", ESE_SCENARIO_FULL, 1, &shelf->scenario, &error),
                         -1);
        const char *line = strchr(wrong[i].line, '\n') == NULL ? "wrong.scenario, line 4" : "wrong.scenario, line 5";
        if (strstr(error.text, wrong[i].words) == NULL || strstr(error.text, line) == NULL ||
            error.code != ESE_E_INVALID)
            fail_msg("%s: %s", wrong[i].line, error.text);
        assert_null(shelf->scenario);
    }
}

static void what_a_transport_may_have_is_expected(void **state)
{
    static const char *const right[] = {
        "ledger.lost = 1", "ledger.lost_by.clash < 2 * mails.lost", "latency_us.ack_closed_loop.p999 < 1",
        "cost.cpu_s < 0.5", "cost.parties.0.syncs > 1", "deeds.7.how = full", "deeds.0.passed_over.0 = client",
        "deeds.0.lines.1 = client-server", "deeds.0.members.0 = 1", "endings.*.status = 1", "readers.15.seen = 1",
        "readers.*.missed = 0", "rates.offered.99 = 1", "lag.waiting.5 = 1", "verdict.timing.word = cannot tell",
        "promises.notes = x", "faults.0.events = 1", "never_got_mail.0.person = a", "unknown_mails.0.story = a",
        "stale_worst_us = -1", "latency_us.mail.percentiles.0.1 = 1", "lateness_us.p99 = 1", "consumers = 1",
        "promises.delivery = at_most_once", "cost.parties.0.requests_per_event < 0.2", "unknown_mails.0.events = 1",
        "cost.parties.0.requests_per_event < 2 * cost.parties.1.requests_per_event", "drained = true",
        "readers.*.began_ns > deeds.0.done_ns", "destinations.missed = 0", "destinations.hung.behind > 1",
        "destinations.healthy.latency_us.p99 < 2 * destinations.slow.latency_us.p99",
    };
    struct ese_test_shelf *shelf = *state;
    for (size_t i = 0; i < ESE_COUNT_OF(right); i++) {
        char text[256];
        struct ese_error error = {.text = ""};
        snprintf(text, sizeof text, "title a\nstory b\npredict c\nexpect all %s\n", right[i]);
        ese_test_shelf_put(shelf, "right", text);
        if (ese_scenario_read(shelf->directory, "right", ESE_SCENARIO_FULL, 1, &shelf->scenario, &error) != 0)
            fail_msg("%s", error.text);
        ese_scenario_free(&shelf->scenario);
    }
}

/* How many there are is settled when the text has been read: --readers may stand beside it. */
static void there_are_as_many_readers_as_are_counted(void **state)
{
    static const struct {
        const char *expectation;
        int64_t readers;
        const char *words; /* NULL: it is not refused */
    } cases[] = {
        {"readers.0.missed = 0", 0, "there is no reader 0: there are none; say by readers how many"},
        {"ledger.lost < 2 * readers.0.seen", 0, "there is no reader 0: there are none"},
        {"readers.*.missed = 0", 0, NULL}, /* it does not hold, and says that there is none */
        {"ledger.lost = 0", 0, NULL},
        {"readers.0.missed = 0", 1, NULL},
        {"readers.3.missed = 0", 4, NULL},
        {"readers.4.missed = 0", 4, "there is no reader 4: there are 4, counted from 0"},
        {"ledger.lost < readers.15.seen", 4, "there is no reader 15"},
        {"ledger.lost < http/readers.15.seen", 16, NULL},
    };
    struct ese_test_shelf *shelf = *state;
    char path[256];
    snprintf(path, sizeof path, "%s/" ESE_SCENARIO_TRANSPORTS, shelf->directory);
    FILE *file = fopen(path, "we");
    fputs("http\n", file);
    fclose(file);
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        char text[256];
        struct ese_error error = {.text = ""};
        int64_t line = 0;
        snprintf(text, sizeof text, "title a\nstory b\npredict c\nexpect all mails.lost = 1\nexpect all %s\n",
                 cases[i].expectation);
        ese_test_shelf_put(shelf, "counted", text);
        if (ese_scenario_read(shelf->directory, "counted", ESE_SCENARIO_FULL, 1, &shelf->scenario, &error) != 0)
            fail_msg("%s", error.text);
        int status = ese_scenario_check_readers(shelf->scenario, cases[i].readers, &line, &error);
        if (status != (cases[i].words == NULL ? 0 : -1) || line != 5 ||
            (cases[i].words != NULL && (strstr(error.text, cases[i].words) == NULL || error.code != ESE_E_USAGE)))
            fail_msg("%s, of %d: %s", cases[i].expectation, (int)cases[i].readers, error.text);
        ese_scenario_free(&shelf->scenario);
    }
}

static void a_line_that_a_nul_would_cut_is_refused(void **state)
{
    static const char text[] = "title a\nstory b\npredict c\nexpect all ledger.lost = 1 -- d\0 e\n";
    struct ese_test_shelf *shelf = *state;
    struct ese_error error;
    char path[256];
    snprintf(path, sizeof path, "%s/nul.scenario", shelf->directory);
    FILE *file = fopen(path, "we");
    assert_int_equal(fwrite(text, 1, sizeof text - 1, file), sizeof text - 1);
    fclose(file);
    assert_int_equal(ese_scenario_read(shelf->directory, "nul", ESE_SCENARIO_FULL, 1, &shelf->scenario, &error), -1);
    assert_non_null(strstr(error.text, "nul.scenario, line 4: there is a NUL"));
}

static void bytes_that_are_no_text_are_named(void **state)
{
    static const struct {
        const char *line, *words;
    } wrong[] = {
        {"story gr\xfc\xdf", "line 4: there are bytes in it that are no UTF-8, from byte 9 on: fc df: save"},
        {"title \xed\xa0\x80", "from byte 7 on: ed a0 80:"},
        {"predict \xc3", "from byte 9 on: c3:"},
        {"with transports \xff", "from byte 17 on: ff:"},
        {"expect \xff ledger.lost = 1", "from byte 8 on: ff:"},
        {"expect all ledger.lost = 1 -- \xf8\xf8\xf8\xf8\xf8", "on: f8 f8 f8 f8: save"},
        {"# \xff", "from byte 3 on: ff:"},
    };
    struct ese_test_shelf *shelf = *state;
    for (size_t i = 0; i < ESE_COUNT_OF(wrong); i++) {
        char text[256];
        struct ese_error error = {.text = ""};
        snprintf(text, sizeof text, "title \xc3\xbc\nstory b\npredict c\n%s\nexpect all ledger.lost = 1\n",
                 wrong[i].line);
        ese_test_shelf_put(shelf, "wrong", text);
        if (ese_scenario_read(shelf->directory, "wrong", ESE_SCENARIO_FULL, 1, &shelf->scenario, &error) != -1 ||
            strstr(error.text, wrong[i].words) == NULL || strstr(error.text, "wrong.scenario, line 4") == NULL)
            fail_msg("%s: %s", wrong[i].words, error.text);
        assert_null(shelf->scenario);
    }
}

/* What is asked is a member of results.json, and is there as a whole or not at all. */
static void what_is_asked_is_bounded(void **state)
{
    struct ese_test_shelf *shelf = *state;
    for (int size = 4090; size < 4100; size++) {
        struct ese_buffer text = ESE_BUFFER_INIT(1 << 16);
        struct ese_error error = {.text = ""};
        ese_buffer_printf(&text, "title a\nstory b\nexpect all ledger.lost = 1\npredict 12345678\npredict %0*d\n",
                          size - 9, 7);
        ese_test_shelf_put(shelf, "long", text.text);
        ese_buffer_free(&text);
        int status = ese_scenario_read(shelf->directory, "long", ESE_SCENARIO_FULL, 1, &shelf->scenario, &error);
        assert_int_equal(status, size <= 4095 ? 0 : -1);
        if (status == 0)
            assert_int_equal(strlen(shelf->scenario->predict), size);
        else if (strstr(error.text, "long.scenario, line 5") == NULL || strstr(error.text, "4095 at most") == NULL)
            fail_msg("%s", error.text);
        ese_scenario_free(&shelf->scenario);
    }
}

static void what_has_to_be_said_is_missed(void **state)
{
    static const char *const lines[] = {"title a\n", "story b\n", "predict c\n", "expect all ledger.lost = 1\n"};
    static const char *const words[] = {"'title'", "'story'", "'predict'", "'expect'"};
    struct ese_test_shelf *shelf = *state;
    for (size_t without = 0; without < ESE_COUNT_OF(lines); without++) {
        struct ese_buffer text = ESE_BUFFER_INIT(400);
        struct ese_error error;
        for (size_t i = 0; i < ESE_COUNT_OF(lines); i++)
            ese_buffer_text(&text, i == without ? "" : lines[i]);
        ese_test_shelf_put(shelf, "half", text.text);
        ese_buffer_free(&text);
        assert_int_equal(ese_scenario_read(shelf->directory, "half", ESE_SCENARIO_FULL, 1, &shelf->scenario, &error),
                         -1);
        assert_non_null(strstr(error.text, words[without]));
    }
}

static void more_than_fits_is_refused(void **state)
{
    static const char *const lines[] = {"at 1s kill consumers\n", "expect all ledger.lost = 1\n"};
    struct ese_test_shelf *shelf = *state;
    for (size_t i = 0; i < ESE_COUNT_OF(lines); i++) {
        struct ese_buffer text = ESE_BUFFER_INIT(1 << 16);
        struct ese_error error;
        for (int k = 0; k < 100; k++)
            ese_buffer_text(&text, lines[i]);
        ese_test_shelf_put(shelf, "much", text.text);
        ese_buffer_free(&text);
        assert_int_equal(ese_scenario_read(shelf->directory, "much", ESE_SCENARIO_FULL, 1, &shelf->scenario, &error),
                         -1);
        assert_non_null(strstr(error.text, "too many"));
    }
}

static void a_name_is_no_path(void **state)
{
    static const char *const names[] = {"two", "../one", "one.scenario", "", "one/", "ONE",
                                        "a-name-that-is-longer-than-any-that-may-be"};
    struct ese_test_shelf *shelf = *state;
    ese_test_shelf_put(shelf, "one", whole);
    for (size_t i = 0; i < ESE_COUNT_OF(names); i++) {
        struct ese_error error;
        assert_int_equal(ese_scenario_read(shelf->directory, names[i], ESE_SCENARIO_FULL, 1, &shelf->scenario, &error),
                         -1);
        assert_int_equal(error.code, ESE_E_USAGE);
        assert_non_null(strstr(error.text, "scenario list"));
    }
}

static void all_are_listed_in_order(void **state)
{
    struct ese_test_shelf *shelf = *state;
    char **names, path[256];
    size_t count;
    struct ese_error error;
    ese_test_shelf_put(shelf, "two", whole);
    ese_test_shelf_put(shelf, "one", whole);
    snprintf(path, sizeof path, "%s/README.md", shelf->directory);
    fclose(fopen(path, "we"));
    assert_int_equal(ese_scenario_list(shelf->directory, &names, &count, &error), 0);
    assert_int_equal(count, 2);
    assert_string_equal(names[0], "one");
    assert_string_equal(names[1], "two");
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
    assert_int_equal(ese_scenario_list("/nowhere/at/all", &names, &count, &error), -1);
    assert_int_equal(error.code, ESE_E_MISSING);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, ese_test_shelf_set_up, ese_test_shelf_tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(what_it_says_is_read),
        TEST(the_deeds_are_in_the_order_of_time),
        TEST(the_small_one_is_what_stands_behind_the_bar),
        TEST(the_same_seed_draws_the_same_instants),
        TEST(a_seed_of_the_texts_own_draws_unless_another_is_given),
        TEST(what_befalls_parts_and_lines_is_read),
        TEST(what_is_wrong_is_named_with_its_line),
        TEST(what_a_transport_may_have_is_expected),
        TEST(there_are_as_many_readers_as_are_counted),
        TEST(a_line_that_a_nul_would_cut_is_refused),
        TEST(bytes_that_are_no_text_are_named),
        TEST(what_is_asked_is_bounded),
        TEST(what_has_to_be_said_is_missed),
        TEST(more_than_fits_is_refused),
        TEST(a_name_is_no_path),
        TEST(all_are_listed_in_order),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
