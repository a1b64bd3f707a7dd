#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "ese-core/config.h"
#include "ese-core/memory.h"

static const struct ese_option base[] = {
    {.name = "transport", .kind = ESE_OPTION_TEXT, .value = "NAME", .help = "Which."},
    {.name = "rate", .kind = ESE_OPTION_NUMBER, .value = "N", .choices = "max", .min = 1,
     .max = 1000, .fallback = "10", .help = "How many."},
    {.name = "durability", .kind = ESE_OPTION_CHOICE, .choices = "os|disk", .fallback = "os",
     .help = "How safe."},
    {.name = "retry-deadline-ms", .kind = ESE_OPTION_NUMBER, .value = "MS", .min = 0, .max = 60000,
     .help = "How long."},
    {.name = "json", .letter = 'j', .kind = ESE_OPTION_FLAG, .help = "As JSON."},
    {.name = "long-poll", .kind = ESE_OPTION_FLAG, .fallback = "true", .help = "Wait there."},
    {.name = "property", .letter = 'X', .kind = ESE_OPTION_LIST, .value = "KEY=VALUE",
     .help = "Passed on."},
    {.name = "help", .kind = ESE_OPTION_FLAG, .command_line_only = true, .help = "Help."},
    ESE_OPTION_END,
};

static const struct ese_option extra[] = {
    {.name = "via", .kind = ESE_OPTION_CHOICE, .choices = "server|direct", .fallback = "server",
     .help = "Way in."},
    {.name = "rate", .kind = ESE_OPTION_TEXT, .value = "X", .help = "Hidden by the earlier table."},
    ESE_OPTION_END,
};

struct fixture {
    struct ese_config *config;
    struct ese_error error;
    char file[64];
};

static const char *const variables[] = {"ESE_RATE", "ESE_TRANSPORT", "ESE_RETRY_DEADLINE_MS",
                                        "ESE_PROPERTY", "ESE_HELP", "ESE_NOBODY_KNOWS", "ESE_JSON"};

static int set_up(void **state)
{
    struct fixture *fixture = ese_alloc(sizeof *fixture);
    for (size_t i = 0; i < ESE_COUNT_OF(variables); i++)
        unsetenv(variables[i]);
    fixture->config = ese_config_new();
    ese_config_add(fixture->config, "Options", base);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ESE_COUNT_OF(variables); i++)
        unsetenv(variables[i]);
    if (fixture->file[0] != '\0')
        unlink(fixture->file);
    ese_config_free(&fixture->config);
    assert_null(fixture->config);
    ese_config_free(&fixture->config);
    free(fixture);
    return 0;
}

#define GIVE(fixture, ...)                                                                         \
    char *given_words[] = {__VA_ARGS__};                                                           \
    ese_config_give_arguments((fixture)->config, ESE_COUNT_OF(given_words), given_words)

static void give_file(struct fixture *fixture, const char *content)
{
    ese_fit_text(fixture->file, sizeof fixture->file, "/tmp/ese-test-config-XXXXXX");
    int fd = mkstemp(fixture->file);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), strlen(content));
    close(fd);
}

static void settles(struct fixture *fixture)
{
    if (ese_config_settle(fixture->config, &fixture->error) == -1)
        fail_msg("%s", fixture->error.text);
}

/* Settling is a usage error whose text holds each of the words. */
static void is_refused(struct fixture *fixture, const char *first, const char *second)
{
    assert_int_equal(ese_config_settle(fixture->config, &fixture->error), -1);
    assert_int_equal(fixture->error.code, ESE_E_USAGE);
    if (strstr(fixture->error.text, first) == NULL || strstr(fixture->error.text, second) == NULL)
        fail_msg("'%s' and '%s' expected in: %s", first, second, fixture->error.text);
}

static void defaults_hold(void **state)
{
    struct fixture *fixture = *state;
    settles(fixture);
    assert_int_equal(ese_config_number(fixture->config, "rate"), 10);
    assert_string_equal(ese_config_text(fixture->config, "durability"), "os");
    assert_null(ese_config_text(fixture->config, "transport"));
    assert_false(ese_config_has(fixture->config, "transport"));
    assert_false(ese_config_has(fixture->config, "in-no-table"));
    assert_true(ese_config_has(fixture->config, "rate"));
    assert_false(ese_config_flag(fixture->config, "json"));
    assert_true(ese_config_flag(fixture->config, "long-poll"));
    assert_null(ese_config_item(fixture->config, "property", 0));
    assert_null(ese_config_argument(fixture->config, 0));
}

static void words_are_read_in_all_their_forms(void **state)
{
    struct fixture *fixture = *state;
    GIVE(fixture, "first", "--rate", "5", "--transport=a=b", "-j", "--no-long-poll", "-Xa=1", "-X",
         "b=2", "--property=c=3", "-", "--", "--rate", "-z");
    settles(fixture);
    assert_int_equal(ese_config_number(fixture->config, "rate"), 5);
    assert_string_equal(ese_config_text(fixture->config, "transport"), "a=b");
    assert_true(ese_config_flag(fixture->config, "json"));
    assert_false(ese_config_flag(fixture->config, "long-poll"));
    assert_string_equal(ese_config_text(fixture->config, "property"), "a=1\nb=2\nc=3");
    assert_string_equal(ese_config_item(fixture->config, "property", 0), "a=1");
    assert_string_equal(ese_config_item(fixture->config, "property", 2), "c=3");
    assert_null(ese_config_item(fixture->config, "property", 3));
    const char *const arguments[] = {"first", "-", "--rate", "-z"};
    for (int i = 0; i < 4; i++)
        assert_string_equal(ese_config_argument(fixture->config, i), arguments[i]);
    assert_null(ese_config_argument(fixture->config, 4));
}

static void the_last_flag_counts(void **state)
{
    struct fixture *fixture = *state;
    GIVE(fixture, "--rate=1", "--rate=2", "--json", "--no-json");
    settles(fixture);
    assert_int_equal(ese_config_number(fixture->config, "rate"), 2);
    assert_false(ese_config_flag(fixture->config, "json"));
}

static void a_number_may_be_a_word(void **state)
{
    struct fixture *fixture = *state;
    GIVE(fixture, "--rate", "max");
    settles(fixture);
    assert_string_equal(ese_config_text(fixture->config, "rate"), "max");
}

static void order_of_the_sources(void **state)
{
    struct fixture *fixture = *state;
    give_file(fixture, "# comment\n\n  rate = 100 \ntransport = of the file\nretry-deadline-ms=7\n"
                       "json = true\nproperty = a\nproperty = b\ndurability = disk\n");
    assert_int_equal(ese_config_give_file(fixture->config, fixture->file, &fixture->error), 0);
    assert_string_equal(ese_config_peek(fixture->config, "rate"), "100");
    setenv("ESE_RATE", "200", 1);
    setenv("ESE_RETRY_DEADLINE_MS", "8", 1);
    setenv("ESE_TRANSPORT", "", 1); /* as good as not set */
    setenv("ESE_NOBODY_KNOWS", "x", 1);
    setenv("ESE_HELP", "nonsense", 1);
    assert_string_equal(ese_config_peek(fixture->config, "rate"), "200");
    ese_config_give(fixture->config, "rate", "300");
    assert_string_equal(ese_config_peek(fixture->config, "rate"), "300");
    GIVE(fixture, "--rate=400", "--property=c");
    assert_string_equal(ese_config_peek(fixture->config, "rate"), "400");
    settles(fixture);
    assert_int_equal(ese_config_number(fixture->config, "rate"), 400);
    assert_int_equal(ese_config_number(fixture->config, "retry-deadline-ms"), 8);
    assert_string_equal(ese_config_text(fixture->config, "transport"), "of the file");
    assert_string_equal(ese_config_text(fixture->config, "durability"), "disk");
    assert_string_equal(ese_config_text(fixture->config, "property"), "c");
    assert_true(ese_config_flag(fixture->config, "json"));
    assert_false(ese_config_flag(fixture->config, "help"));
}

static void what_the_program_gives_is_stronger_than_the_environment(void **state)
{
    struct fixture *fixture = *state;
    setenv("ESE_RATE", "200", 1);
    ese_config_give(fixture->config, "rate", "300");
    settles(fixture);
    assert_int_equal(ese_config_number(fixture->config, "rate"), 300);
}

static void tables_may_come_later(void **state)
{
    struct fixture *fixture = *state;
    GIVE(fixture, "--via", "direct", "--transport", "kafka", "--rate=3");
    assert_string_equal(ese_config_peek(fixture->config, "transport"), "kafka");
    assert_null(ese_config_peek(fixture->config, "via"));
    assert_null(ese_config_peek(fixture->config, "durability"));
    ese_config_add(fixture->config, "Options of kafka", extra);
    settles(fixture);
    assert_string_equal(ese_config_text(fixture->config, "via"), "direct");
    assert_int_equal(ese_config_number(fixture->config, "rate"), 3); /* the earlier table's rate */
    assert_null(ese_config_argument(fixture->config, 0));
}

static void refuses_an_unknown_option(void **state)
{
    struct fixture *fixture = *state;
    GIVE(fixture, "--durabilty", "disk");
    is_refused(fixture, "--durabilty", "did you mean --durability?");
}

static void suggests_nothing_that_is_far_off(void **state)
{
    struct fixture *fixture = *state;
    GIVE(fixture, "--elephant");
    is_refused(fixture, "unknown option", "--elephant");
    assert_null(strstr(fixture->error.text, "did you mean"));
}

static void refuses_an_unknown_letter(void **state)
{
    struct fixture *fixture = *state;
    GIVE(fixture, "-q");
    is_refused(fixture, "unknown option", "-q");
}

static void refuses_a_missing_value(void **state)
{
    struct fixture *fixture = *state;
    GIVE(fixture, "--json", "--rate");
    is_refused(fixture, "--rate needs a value", "--rate N");
}

static void refuses_an_option_for_a_value(void **state)
{
    struct fixture *fixture = *state;
    GIVE(fixture, "--rate", "--json");
    is_refused(fixture, "--rate needs a value", "--json");
}

static void refuses_a_number_out_of_range(void **state)
{
    struct fixture *fixture = *state;
    GIVE(fixture, "--rate=1001");
    is_refused(fixture, "--rate: '1001'", "from 1 to 1000 or max");
}

static void refuses_a_number_with_a_tail(void **state)
{
    struct fixture *fixture = *state;
    GIVE(fixture, "--retry-deadline-ms", "5s");
    is_refused(fixture, "'5s'", "whole number from 0 to 60000");
}

static void refuses_a_foreign_choice(void **state)
{
    struct fixture *fixture = *state;
    GIVE(fixture, "--durability=dis");
    is_refused(fixture, "'dis'", "os|disk");
}

static void refuses_a_flag_that_is_neither(void **state)
{
    struct fixture *fixture = *state;
    setenv("ESE_JSON", "yes", 1);
    is_refused(fixture, "ESE_JSON: 'yes'", "true|false");
}

static void refuses_a_value_behind_a_negated_flag(void **state)
{
    struct fixture *fixture = *state;
    GIVE(fixture, "--no-json=true");
    is_refused(fixture, "--no-json", "no value");
}

static void a_value_can_be_looked_at_without_being_given(void **state)
{
    struct fixture *fixture = *state;
    setenv("ESE_RATE", "nonsense", 1); /* whatever else is given */
    assert_int_equal(ese_config_check(fixture->config, "rate", "max", &fixture->error), 0);
    assert_int_equal(ese_config_check(fixture->config, "rate", "7", &fixture->error), 0);
    assert_int_equal(ese_config_check(fixture->config, "json", "false", &fixture->error), 0);
    static const struct {
        const char *name, *value, *words;
    } wrong[] = {{"rat", "7", "did you mean rate?"},  {"rate", "0", "'0'"},            {"rate", "many", "'many'"},
                 {"durability", "rock", "os|disk"},   {"json", "maybe", "true|false"}, {"transport", "", "empty"}};
    for (size_t i = 0; i < ESE_COUNT_OF(wrong); i++) {
        assert_int_equal(ese_config_check(fixture->config, wrong[i].name, wrong[i].value, &fixture->error), -1);
        assert_int_equal(fixture->error.code, ESE_E_USAGE);
        assert_non_null(strstr(fixture->error.text, wrong[i].words));
        assert_non_null(strstr(fixture->error.text, wrong[i].name));
    }
    unsetenv("ESE_RATE");
    assert_int_equal(ese_config_settle(fixture->config, &fixture->error), 0);
    assert_int_equal(ese_config_number(fixture->config, "rate"), 10);
}

static void names_the_variable(void **state)
{
    struct fixture *fixture = *state;
    setenv("ESE_RETRY_DEADLINE_MS", "soon", 1);
    is_refused(fixture, "ESE_RETRY_DEADLINE_MS", "'soon'");
}

static void names_the_line_of_a_wrong_value(void **state)
{
    struct fixture *fixture = *state;
    give_file(fixture, "json = true\n\nrate = many\n");
    assert_int_equal(ese_config_give_file(fixture->config, fixture->file, &fixture->error), 0);
    is_refused(fixture, fixture->file, ":3: rate: 'many'");
}

static void names_the_line_of_an_unknown_name(void **state)
{
    struct fixture *fixture = *state;
    give_file(fixture, "\nrata = 5\n");
    assert_int_equal(ese_config_give_file(fixture->config, fixture->file, &fixture->error), 0);
    is_refused(fixture, ":2: rata", "did you mean rate?");
}

static void refuses_in_a_file_what_belongs_on_the_command_line(void **state)
{
    struct fixture *fixture = *state;
    give_file(fixture, "help = true\n");
    assert_int_equal(ese_config_give_file(fixture->config, fixture->file, &fixture->error), 0);
    is_refused(fixture, ":1: help", "command line");
}

static void refuses_a_file_that_is_none(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(ese_config_give_file(fixture->config, "/nowhere/l.conf", &fixture->error), -1);
    assert_int_equal(fixture->error.code, ESE_E_USAGE);
    assert_non_null(strstr(fixture->error.text, "/nowhere/l.conf"));
    give_file(fixture, "rate 5\n");
    assert_int_equal(ese_config_give_file(fixture->config, fixture->file, &fixture->error), -1);
    assert_non_null(strstr(fixture->error.text, ":1: 'rate 5'"));
}

static void refuses_an_overlong_line(void **state)
{
    struct fixture *fixture = *state;
    char line[5000];
    memset(line, 'x', sizeof line);
    line[1] = '=';
    line[sizeof line - 1] = '\0';
    give_file(fixture, line);
    assert_int_equal(ese_config_give_file(fixture->config, fixture->file, &fixture->error), -1);
    assert_non_null(strstr(fixture->error.text, "longer than"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(defaults_hold),
        TEST(words_are_read_in_all_their_forms),
        TEST(the_last_flag_counts),
        TEST(a_number_may_be_a_word),
        TEST(order_of_the_sources),
        TEST(what_the_program_gives_is_stronger_than_the_environment),
        TEST(tables_may_come_later),
        TEST(refuses_an_unknown_option),
        TEST(suggests_nothing_that_is_far_off),
        TEST(refuses_an_unknown_letter),
        TEST(refuses_a_missing_value),
        TEST(refuses_an_option_for_a_value),
        TEST(refuses_a_number_out_of_range),
        TEST(refuses_a_number_with_a_tail),
        TEST(refuses_a_foreign_choice),
        TEST(refuses_a_flag_that_is_neither),
        TEST(refuses_a_value_behind_a_negated_flag),
        TEST(a_value_can_be_looked_at_without_being_given),
        TEST(names_the_variable),
        TEST(names_the_line_of_a_wrong_value),
        TEST(names_the_line_of_an_unknown_name),
        TEST(refuses_in_a_file_what_belongs_on_the_command_line),
        TEST(refuses_a_file_that_is_none),
        TEST(refuses_an_overlong_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
