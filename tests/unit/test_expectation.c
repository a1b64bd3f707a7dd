/* What must hold of a run: read, looked at, and refused where nothing can be read from it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>

#include "ese-core/memory.h"
#include "orchestration/lab/expectation.h"

static const char results[] =
    "[{\"name\": \"http\", \"drained\": true, \"ledger\": {\"offered\": 7, \"lost\": 0, \"lost_by\": {\"clash\": 2}},"
    "  \"latency_us\": {\"ack\": {\"p50\": 400}}, \"cpu_s\": 0.25, \"readers\": [{\"missed\": 3, \"seen\": 7}, "
    "{\"missed\": 3, \"seen\": 4}],  \"mails_us\": {\"count\": 0, \"p50\": 0}, \"never_us\": -1, \"nobody\": [],"
    "  \"verdict\": {\"ledger\": {\"word\": \"cannot tell\"}}},"
    " {\"name\": \"http+lesson\", \"ledger\": {\"lost\": 5}},"
    " {\"name\": \"log:via=direct\", \"gone_us\": -1, \"latency_us\": {\"ack\": {\"p50\": 1000}}},"
    " {\"name\": \"late\", \"verdict\": {\"timing\": {\"word\": \"cannot tell\"}}, \"gone_us\": -1, \"back_us\": 7,"
    "  \"done_ns\": 7,"
    "  \"ledger\": {\"lost\": 5}, \"latency_us\": {\"ack\": {\"count\": 3, \"p50\": 1000}}, \"processed_per_s\": 2.5}]";

static enum ese_expectation_word look(const char *text, int place, char found[120])
{
    struct ese_expectation *expectation;
    struct ese_error error;
    if (ese_expectation_read(text, &expectation, &error) != 0)
        fail_msg("%s: %s", text, error.text);
    json_t *transports = json_loads(results, 0, NULL);
    assert_non_null(transports);
    enum ese_expectation_word word =
        ese_expectation_look(expectation, json_array_get(transports, (size_t)place), transports, found, 120);
    json_decref(transports);
    ese_expectation_free(&expectation);
    return word;
}

static void what_holds_is_met_and_what_does_not_is_not(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool holds;
    } cases[] = {
        {"all ledger.lost = 0", true},
        {"all ledger.lost = 1", false},
        {"all ledger.lost != 1", true},
        {"all ledger.lost != 0", false},
        {"all ledger.offered > 6", true},
        {"all ledger.offered > 7", false},
        {"all ledger.offered >= 7", true},
        {"all ledger.offered >= 8", false},
        {"all ledger.offered < 8", true},
        {"all ledger.offered < 7", false},
        {"all ledger.offered <= 7", true},
        {"all ledger.offered <= 6", false},
        {"all ledger.lost_by.clash = 2", true},
        {"all readers.0.missed = 3", true},
        {"all readers.2.missed = 3", false}, /* there is none, */
        {"all readers.foo.missed = 3", false}, /* nor any of that name */
        {"all readers.0x.missed = 3", false},
        {"all readers.missed = 3", false},
        {"all cpu_s < 0.3", true},
        {"all cpu_s < 0.2", false},
        {"all drained = true", true},
        {"all drained = false", false},
        {"all verdict.ledger.word = cannot tell", true},
        {"all verdict.ledger.word = pass", false},
        {"all verdict.ledger.word != pass", true},
        {"all ledger.offered = ledger.offered", true},
        {"all ledger.offered = ledger.lost", false},
        {"all latency_us.ack.p50 < log/latency_us.ack.p50", true},
        {"all latency_us.ack.p50 < 0.4 * log/latency_us.ack.p50", false},
        {"all latency_us.ack.p50 <= 0.4 * log:via=direct/latency_us.ack.p50", true},
        {"all latency_us.ack.p50 > -1 * log/gone_us", false}, /* a moment that did not come is none before */
        {"all latency_us.ack.p50 != log/gone_us", false},
        {"all never_us < 5000000", false},
        {"all never_us <= -1", false},
        {"all never_us = -1", true},
        {"all never_us != -1", false},
        {"all mails_us.p50 < 1000", false}, /* nor is the half of nothing soon */
        {"all mails_us.count < 1", true},
        {"all readers.*.missed = 3", true},
        {"all readers.*.missed = 0", false},
        {"all readers.*.seen > 3", true},
        {"all readers.*.seen > 4", false}, /* the second has not */
        {"all readers.*.seen <= ledger.offered", true},
        {"all readers.*.gone = 0", false},
        {"all nobody.*.missed = 0", false}, /* of none nothing holds */
        {"all cpu_s.*.missed = 0", false},
        {"all ledger.gone = 0", false}, /* no such figure is no 0, */
        {"all ledger.gone != 0", false}, /* nor anything else */
        {"all ledger.gone = there is no such figure", false},
        {"all latency_us.ack.p50 < log/latency_us.gone.p50", false},
        {"all verdict.ledger.word > 0", false},
        {"all ledger = 0", false},
    };
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        char found[120];
        enum ese_expectation_word word = look(cases[i].text, 0, found);
        if (word != (cases[i].holds ? ESE_EXPECTATION_MET : ESE_EXPECTATION_NOT_MET))
            fail_msg("%s: %d, found %s", cases[i].text, word, found);
    }
}

static void it_says_what_it_has_found(void **state)
{
    (void)state;
    char found[120];
    look("all ledger.lost = 0", 1, found);
    assert_string_equal(found, "5");
    look("all latency_us.ack.p50 < log/latency_us.ack.p50", 0, found);
    assert_string_equal(found, "400 beside 1000");
    look("all ledger.gone = 0", 0, found);
    assert_string_equal(found, "there is no such figure");
    look("all never_us < 3", 0, found);
    assert_string_equal(found, "-1: not measured");
    look("all readers.*.seen > 4", 0, found);
    assert_string_equal(found, "4 in number 1");
    look("all readers.*.seen > 3", 0, found);
    assert_string_equal(found, "4, the last of 2");
    look("all nobody.*.missed = 0", 0, found);
    assert_string_equal(found, "there is no such figure");
}

static void who_does_not_take_part_is_not_compared_with(void **state)
{
    (void)state;
    char found[120];
    assert_int_equal(look("all latency_us.ack.p50 < file/latency_us.ack.p50", 0, found), ESE_EXPECTATION_NOT_LOOKED_AT);
    assert_string_equal(found, "file does not take part");
}

/* The generator of "late" was late itself. */
static void what_is_about_time_is_not_looked_at_where_that_is_withheld(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum ese_expectation_word word;
    } cases[] = {
        {"all latency_us.ack.p50 < 5000", ESE_EXPECTATION_WITHHELD},
        {"all back_us < 5000", ESE_EXPECTATION_WITHHELD},
        {"all cost.cpu_s < 1", ESE_EXPECTATION_WITHHELD},
        {"all latency_us.ack.count = 3", ESE_EXPECTATION_MET}, /* how many, and not when */
        {"all latency_us.ack.count > 3", ESE_EXPECTATION_NOT_MET},
        {"all ledger.lost > latency_us.ack.count", ESE_EXPECTATION_MET},
        {"all latency_us.ack.counts = 3", ESE_EXPECTATION_WITHHELD},
        {"all processed_per_s > 1", ESE_EXPECTATION_WITHHELD},
        {"all ledger.lost < latency_us.ack.p50", ESE_EXPECTATION_WITHHELD},
        {"all back_us > 0", ESE_EXPECTATION_MET}, /* whether, and not when */
        {"all gone_us = -1", ESE_EXPECTATION_MET},
        {"all gone_us > 0", ESE_EXPECTATION_NOT_MET},
        {"all ledger.lost = 5", ESE_EXPECTATION_MET},
        {"all ledger.lost = 6", ESE_EXPECTATION_NOT_MET},
        {"all done_ns > 6", ESE_EXPECTATION_MET}, /* which came first is no matter of how long */
        {"all done_ns > 8", ESE_EXPECTATION_NOT_MET},
        {"all focus.lost = 5", ESE_EXPECTATION_NOT_MET}, /* no time, and no figure */
    };
    char found[120];
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        enum ese_expectation_word word = look(cases[i].text, 3, found);
        if (word != cases[i].word)
            fail_msg("%s: %d, found %s", cases[i].text, word, found);
    }
    assert_int_equal(look("all latency_us.ack.p50 < 1 * late/latency_us.ack.p50", 0, found), ESE_EXPECTATION_WITHHELD);
    assert_string_equal(found, "the timing of late is withheld");
    assert_int_equal(look("all latency_us.ack.p50 < 1 * log/latency_us.ack.p50", 0, found), ESE_EXPECTATION_MET);
}

static bool is_of(const char *text, const char *specification)
{
    struct ese_expectation *expectation;
    struct ese_error error;
    assert_int_equal(ese_expectation_read(text, &expectation, &error), 0);
    bool is = ese_expectation_is_of(expectation, specification);
    ese_expectation_free(&expectation);
    return is;
}

static void a_name_stands_for_its_specifications_and_for_no_lesson(void **state)
{
    (void)state;
    assert_true(is_of("all a.b = 1", "http"));
    assert_true(is_of("file,log a.b = 1", "log:via=direct"));
    assert_true(is_of("file,log a.b = 1", "file"));
    assert_false(is_of("file,log a.b = 1", "http"));
    assert_false(is_of("http a.b = 1", "http+lesson"));
    assert_false(is_of("http+lesson a.b = 1", "http"));
    assert_true(is_of("log:via=direct a.b = 1", "log:via=direct"));
    assert_false(is_of("log:via=server a.b = 1", "log:via=direct"));
    assert_false(is_of("lo a.b = 1", "log"));
}

static void names_of(const char *text, char names[200])
{
    struct ese_expectation *expectation;
    struct ese_error error;
    const char *name;
    size_t length;
    names[0] = '\0';
    assert_int_equal(ese_expectation_read(text, &expectation, &error), 0);
    for (int i = 0; (name = ese_expectation_named(expectation, i, &length)) != NULL; i++)
        snprintf(names + strlen(names), 200 - strlen(names), "[%.*s]", (int)length, name);
    ese_expectation_free(&expectation);
}

static void all_it_names_is_told(void **state)
{
    static const struct {
        const char *text, *names;
    } cases[] = {
        {"all a.b = 1", ""},
        {"http a.b = c.d", "[http]"},
        {"all a.b = log:via=direct/c.d", "[log:via=direct]"},
        {"http,log:via=direct,all a.b < 2 * http+lesson/c.d", "[http][log:via=direct][all][http+lesson]"},
        {"http,,log, a.b = 1", "[http][][log][]"},
    };
    (void)state;
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        char names[200];
        names_of(cases[i].text, names);
        assert_string_equal(names, cases[i].names);
    }
}

static void the_claim_and_the_reason_are_as_written(void **state)
{
    (void)state;
    struct ese_expectation *expectation;
    struct ese_error error;
    assert_int_equal(ese_expectation_read("http,log   ledger.lost = 0   -- it is on a disk", &expectation, &error), 0);
    assert_string_equal(ese_expectation_who(expectation), "http,log");
    assert_string_equal(ese_expectation_claim(expectation), "ledger.lost = 0");
    assert_string_equal(ese_expectation_reason(expectation), "it is on a disk");
    ese_expectation_free(&expectation);
    ese_expectation_free(&expectation);
}

static void why_stands_behind_two_dashes_alone(void **state)
{
    static const struct {
        const char *text, *claim, *why;
    } cases[] = {
        {"all a.b = 1\t--\twhy", "a.b = 1", "why"}, {"all a.b = 1 --", "a.b = 1", ""},
        {"all a.b = 1 -- why -- because", "a.b = 1", "why -- because"}, {"all a.b = x--y", "a.b = x--y", ""},
        {"all a.b = x --y", "a.b = x --y", ""}, {"all a.b = 1 --- why", "a.b = 1 --- why", ""},
    };
    (void)state;
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        struct ese_expectation *expectation;
        struct ese_error error;
        assert_int_equal(ese_expectation_read(cases[i].text, &expectation, &error), 0);
        assert_string_equal(ese_expectation_claim(expectation), cases[i].claim);
        assert_string_equal(ese_expectation_reason(expectation), cases[i].why);
        ese_expectation_free(&expectation);
    }
}

static void what_is_no_expectation_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } wrong[] = {
        {"", "comparison"},
        {"all", "comparison"},
        {"all ledger.lost", "comparison"},
        {"all ledger.lost == 0", "'=='"},
        {"all ledger.lost =", "no value"},
        {"all ledger.lost = -- why", "no value"},
        {"all ledger.lost = two * ledger.offered", "'two'"},
        {"all ledger.lost = 2 * 3", "no value"},
        {"all ledger.lost = 2 * pass", "no value"},
        {"all verdict.ledger.word < pass", "words have no order"},
        {"all ledger.lost < 0x10", "words have no order"},
        {"all ledger.lost < -inf", "words have no order"},
        {"all ledger.lost = 0x2 * ledger.offered", "'0x2' before the * is no number"},
        {"all verdict.ledger.word >= cannot tell", "'>= cannot tell'"},
    };
    for (size_t i = 0; i < ESE_COUNT_OF(wrong); i++) {
        struct ese_expectation *expectation = NULL;
        struct ese_error error;
        assert_int_equal(ese_expectation_read(wrong[i].text, &expectation, &error), -1);
        if (strstr(error.text, wrong[i].words) == NULL || error.code != ESE_E_USAGE)
            fail_msg("%s: %s", wrong[i].text, error.text);
        assert_null(expectation);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_holds_is_met_and_what_does_not_is_not),
        cmocka_unit_test(it_says_what_it_has_found),
        cmocka_unit_test(what_is_about_time_is_not_looked_at_where_that_is_withheld),
        cmocka_unit_test(who_does_not_take_part_is_not_compared_with),
        cmocka_unit_test(a_name_stands_for_its_specifications_and_for_no_lesson),
        cmocka_unit_test(all_it_names_is_told),
        cmocka_unit_test(the_claim_and_the_reason_are_as_written),
        cmocka_unit_test(why_stands_behind_two_dashes_alone),
        cmocka_unit_test(what_is_no_expectation_is_refused),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
