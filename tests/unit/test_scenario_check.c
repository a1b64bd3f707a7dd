/* What is refused in a scenario's text although each line of it could be read: what cannot be done, whom nobody knows;
 * and that the house's own texts are free of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "ese-core/memory.h"
#include "orchestration/lab/scenario.h"
#include "tests/support/scenario_shelf.h"
#include "transports/registry.h"

static void what_nobody_could_do_is_refused_with_its_line(void **state)
{
    static const struct {
        const char *lines;
        int line; /* of these */
        const char *words;
    } wrong[] = {
        {"at 1s power consumers 7", 1, "'power' cannot befall consumers: only each server has it"},
        {"at 1s power brokers 7", 1, "server"},
        {"at 1s disk brokers full", 1, "server, consumer, mailer"},
        {"at 1s disk clients full", 1, "server, consumer, mailer"},
        {"at 1s disk readers full", 1, "server, consumer, mailer"},
        {"at 1s clock brokers +1s", 1, "'clock' cannot befall brokers"},
        {"at 1s clock smtp +1s", 1, "'clock' cannot befall smtp"},
        {"at 1s power servers 7\nat 2s start servers\nat 3s power servers 8", 3, "goes once only"},
        {"at 3s start servers\nat 2s power servers 7\nat 2s power servers 8", 3, "dead"},
        {"at 1s thaw consumers", 1, "nothing has frozen consumers"},
        {"at 1s freeze consumers\nat 2s thaw consumers\nat 3s thaw consumers", 3, "nothing has frozen"},
        {"at 1s freeze consumers\nat 2s kill consumers\nat 3s thaw consumers", 3, "nothing has frozen"},
        {"at 1s thaw servers\nat 2s freeze servers", 1, "nothing has frozen"},
        {"at 1s freeze servers\nat 2s freeze servers", 2, "frozen"},
        {"at 1s kill servers\nat 2s freeze servers", 2, "dead"},
        {"at 1s kill servers\nat 2s kill servers", 2, "dead"},
        {"at 1s start consumers", 1, "nothing has killed consumers"},
        {"at 1s kill servers\nat 2s start consumers", 2, "nothing has killed consumers"},
        {"at 1s kill consumers\nat 2s start consumers\nat 3s start consumers", 3, "nothing has killed"},
        {"at 1s disk servers full\nat 2s start servers\nat 3s start servers", 3, "nothing has killed"},
        {"at 1s disk servers full\nat 2s start consumers", 2, "nothing has killed"},
        {"at 1s disk servers full\nat 2s start brokers", 2, "nothing has killed brokers"},
        {"at 1s..3s disk servers full\nat 2s start servers", 2, "left to the seed"},
        {"with consumers 3\nat 1s kill member 2\nat 2s start member 3", 3, "nothing has killed member 3"},
        {"with readers 1\nat 1s start readers", 2, "late-readers true"},
        {"with late-readers true\nat 1s start readers", 2, "with readers"},
        {"with readers 1\nwith late-readers true\nat 1s kill readers", 3, "dead"},
        {"at 1s kill destinations", 1, "with destinations"},
        {"with destinations 3\nat 1s start destinations", 2, "nothing has killed destinations"},
        {"with destinations 3\nat 1s disk destinations full", 2, "server, consumer, mailer"},
        {"at 1s kill member 2", 1, "the group has 1"},
        {"at 1s kill member 4\nwith consumers 3", 1, "the group has 3"},
        {"at 1s kill consumers\nat 34s start consumers", 2, "beyond the load, which ends after 33000 ms"},
        {"with duration 5\nwith warmup 1\nat 6001ms kill consumers", 3, "after 6000 ms"},
        {"with duration 5\nwith warmup 1\nat 1s..7s kill consumers", 3, "7000 ms"},
        {"at 1s..3s kill consumers\nat 2s start consumers", 2, "left to the seed"},
        {"at 2s start consumers\nat 1s..2s kill consumers", 2, "left to the seed"},
    };
    struct ese_test_shelf *shelf = *state;
    for (size_t i = 0; i < ESE_COUNT_OF(wrong); i++) {
        for (int64_t seed = 1; seed <= 8; seed++) {
            char text[512], line[40];
            struct ese_error error = {.code = ESE_OK};
            snprintf(text, sizeof text, "title a\nstory b\npredict c\nexpect all ledger.lost = 1\n%s\n",
                     wrong[i].lines);
            snprintf(line, sizeof line, "wrong.scenario, line %d:", wrong[i].line + 4);
            ese_test_shelf_put(shelf, "wrong", text);
            int status =
                ese_scenario_read(shelf->directory, "wrong", ESE_SCENARIO_FULL, seed, &shelf->scenario, &error);
            if (status != -1 || error.code != ESE_E_INVALID || strstr(error.text, wrong[i].words) == NULL ||
                strstr(error.text, line) == NULL)
                fail_msg("%s: %s", wrong[i].lines, error.text);
            assert_null(shelf->scenario);
        }
    }
}

static void what_can_be_done_is_not_refused(void **state)
{
    static const char *const right[] = {
        "at 1s power servers 7\nat 2s start servers\nat 3s kill servers\nat 4s start servers",
        "at 1s disk servers sync-fails\nat 2s disk servers well\nat 3s start servers",
        "at 1s power servers 7\nat 2s kill brokers\nat 3s start servers",
        "at 1s kill brokers\nat 2s kill servers\nat 3s start servers",
        "with readers 2\nwith late-readers true\nat 1s start readers\nat 2s kill readers\nat 3s start readers",
        "with destinations 3\nat 1s kill destinations\nat 2s start destinations\nat 3s clock destinations +1s",
        "with consumers 3\nat 1s kill member 2\nat 2s kill consumers\nat 3s start consumers\nat 4s freeze member 3",
        "at 2s..3s kill consumers\nat 3s start consumers",
        "at 1s freeze servers\nat 1s..3s kill consumers\nat 2s thaw servers",
        "with duration 5\nwith warmup 1\nat 6s kill consumers",
        "at 1s disk servers full\nat 1s clock servers +1s\nat 1s smtp well",
    };
    struct ese_test_shelf *shelf = *state;
    for (size_t i = 0; i < ESE_COUNT_OF(right); i++) {
        char text[512];
        struct ese_error error;
        snprintf(text, sizeof text, "title a\nstory b\npredict c\nexpect all ledger.lost = 1\n%s\n", right[i]);
        ese_test_shelf_put(shelf, "right", text);
        if (ese_scenario_read(shelf->directory, "right", ESE_SCENARIO_FULL, 1, &shelf->scenario, &error) != 0)
            fail_msg("%s: %s", right[i], error.text);
        ese_scenario_free(&shelf->scenario);
    }
}

/* Known to the project is enough: this build need not have it. */
static void whom_the_list_beside_them_names_may_be_named(void **state)
{
    static const char text[] = "title a\nstory b\npredict c\nwith transports pigeon,pigeon:coop=2,pigeon+slow\n"
                               "expect pigeon ledger.lost = 0\nexpect pigeon:coop=2 ledger.lost <= 2 * "
                               "pigeon+slow/ledger.lost\n";
    struct ese_test_shelf *shelf = *state;
    struct ese_error error;
    char path[256];
    ese_test_shelf_put(shelf, "one", text);
    assert_int_equal(ese_scenario_read(shelf->directory, "one", ESE_SCENARIO_FULL, 1, &shelf->scenario, &error), -1);
    assert_non_null(strstr(error.text, "one.scenario, line 4"));
    snprintf(path, sizeof path, "%s/" ESE_SCENARIO_TRANSPORTS, shelf->directory);
    FILE *file = fopen(path, "we");
    fputs("# those\npigeon\n", file);
    fclose(file);
    assert_int_equal(ese_scenario_read(shelf->directory, "one", ESE_SCENARIO_FULL, 1, &shelf->scenario, &error), -1);
    assert_non_null(strstr(error.text, "'pigeon+slow'")); /* a lesson is another one */
    file = fopen(path, "ae");
    fputs("pigeon+slow\n", file);
    fclose(file);
    if (ese_scenario_read(shelf->directory, "one", ESE_SCENARIO_FULL, 1, &shelf->scenario, &error) != 0)
        fail_msg("%s", error.text);
    ese_scenario_free(&shelf->scenario);
    ese_test_shelf_put(shelf, "one", "title a\nstory b\npredict c\nexpect pige ledger.lost = 0\n");
    assert_int_equal(ese_scenario_read(shelf->directory, "one", ESE_SCENARIO_FULL, 1, &shelf->scenario, &error), -1);
    assert_non_null(strstr(error.text, "'pige'")); /* and so is half a name */
}

/* Of a transport that is there the options are known, too. */
static void what_this_build_has_may_be_named_with_options_that_it_has(void **state)
{
    struct ese_test_shelf *shelf = *state;
    for (const struct ese_registry_entry *entry = ese_registry(); entry->transport != NULL; entry++) {
        char text[512];
        struct ese_error error;
        snprintf(text, sizeof text, "title a\nstory b\npredict c\nwith transports %s\nexpect %s ledger.lost = 1\n",
                 entry->transport->name, entry->transport->name);
        ese_test_shelf_put(shelf, "one", text);
        if (ese_scenario_read(shelf->directory, "one", ESE_SCENARIO_FULL, 1, &shelf->scenario, &error) != 0)
            fail_msg("%s", error.text);
        ese_scenario_free(&shelf->scenario);
        snprintf(text, sizeof text, "title a\nstory b\npredict c\nexpect %s:no-such-thing=1 ledger.lost = 1\n",
                 entry->transport->name);
        ese_test_shelf_put(shelf, "one", text);
        assert_int_equal(ese_scenario_read(shelf->directory, "one", ESE_SCENARIO_FULL, 1, &shelf->scenario, &error),
                         -1);
        if (strstr(error.text, "has no option 'no-such-thing'") == NULL || strstr(error.text, "line 4") == NULL)
            fail_msg("%s", error.text);
    }
}

/* An expectation that is never looked at is met by nobody. */
static void who_does_not_take_part_is_not_expected_of(void **state)
{
    static const struct {
        const char *list, *expectation;
        bool is_right;
    } cases[] = {
        {"", "owl ledger.lost = 0", true},
        {"", "owl:night=1 ledger.lost = 0", false},
        {"", "owl ledger.lost < 2 * owl:night=1/ledger.lost", false},
        {"with transports owl:night=1\n", "owl:night=1 ledger.lost = 0", true},
        {"with transports owl:night=1\n", "owl ledger.lost = 0", true},
        {"with transports owl:night=1\n", "owl:night=2 ledger.lost = 0", false},
        {"with transports owl:night=1\n", "owl,pigeon ledger.lost = 0", false},
        {"with transports owl,pigeon\n", "owl ledger.lost <= pigeon/ledger.lost", true},
        {"with transports owl,pigeon\n", "owl:night=1 ledger.lost = 0", false},
        {"with transports owl\n", "owl ledger.lost <= pigeon/ledger.lost", false},
        {"with transports owl\n", "all ledger.lost = 0", true},
    };
    struct ese_test_shelf *shelf = *state;
    char path[256], text[512];
    snprintf(path, sizeof path, "%s/" ESE_SCENARIO_TRANSPORTS, shelf->directory);
    FILE *file = fopen(path, "we");
    fputs("owl\npigeon\n", file);
    fclose(file);
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        struct ese_error error = {.text = ""};
        snprintf(text, sizeof text, "title a\nstory b\npredict c\n%sexpect %s\n", cases[i].list, cases[i].expectation);
        ese_test_shelf_put(shelf, "one", text);
        int status = ese_scenario_read(shelf->directory, "one", ESE_SCENARIO_FULL, 1, &shelf->scenario, &error);
        if ((status == 0) != cases[i].is_right ||
            (status < 0 && strstr(error.text, "does not take part: name it in 'with transports'") == NULL))
            fail_msg("%s%s: %d %s", cases[i].list, cases[i].expectation, status, error.text);
        ese_scenario_free(&shelf->scenario);
    }
}

/* Those that the house has, in both sizes, whatever is drawn. */
static void all_texts_of_the_house_can_be_read(void **state)
{
    const char *directory = getenv("ESE_SCENARIOS");
    char **names;
    size_t count;
    struct ese_error error;
    (void)state;
    if (directory == NULL) /* by hand, or by a check that switches rules off */
        return;
    assert_int_equal(ese_scenario_list(directory, &names, &count, &error), 0);
    assert_true(count > 0);
    for (size_t i = 0; i < count; i++) {
        for (int64_t seed = ESE_SCENARIO_OWN_SEED; seed < 40; seed++) {
            struct ese_scenario *scenario;
            enum ese_scenario_size size = seed % 2 == 0 ? ESE_SCENARIO_SMALL : ESE_SCENARIO_FULL;
            if (ese_scenario_read(directory, names[i], size, seed, &scenario, &error) != 0)
                fail_msg("%s", error.text);
            int64_t line = 0;
            if (ese_scenario_check_readers(scenario, ese_scenario_number(scenario, "readers"), &line, &error) != 0)
                fail_msg("%s, line %d: %s", names[i], (int)line, error.text);
            ese_scenario_free(&scenario);
        }
        free(names[i]);
    }
    free(names);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, ese_test_shelf_set_up, ese_test_shelf_tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(what_nobody_could_do_is_refused_with_its_line),
        TEST(what_can_be_done_is_not_refused),
        TEST(whom_the_list_beside_them_names_may_be_named),
        TEST(what_this_build_has_may_be_named_with_options_that_it_has),
        TEST(who_does_not_take_part_is_not_expected_of),
        TEST(all_texts_of_the_house_can_be_read),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
