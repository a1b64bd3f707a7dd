/* What is bad for a while is a file that comes and goes; and words that mean nothing are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "orchestration/lab/artifacts.h"
#include "orchestration/lab/trouble.h"
#include "tests/support/directory.h"

static char *directory;

static int set_up(void **state)
{
    (void)state;
    directory = ese_test_directory_make();
    char *path = ese_test_path(directory, ESE_ARTIFACT_TROUBLE);
    struct ese_error error;
    int status = ese_artifact_directory(path, &error);
    free(path);
    return status;
}

static int tear_down(void **state)
{
    (void)state;
    ese_test_directory_remove(&directory);
    return 0;
}

static void set(enum ese_role role, enum ese_act act, const char *how)
{
    struct ese_error error;
    if (ese_trouble_check(act, how, &error) != 0 || ese_trouble_set(directory, role, act, how, &error) != 0)
        fail_msg("%s: %s", how, error.text);
}

/* What stands in the file; -1: it is not there. */
static ssize_t read_trouble(const char *name, void *bytes, size_t size)
{
    char *path = ese_test_path(directory, name);
    int file = open(path, O_RDONLY);
    free(path);
    if (file < 0)
        return -1;
    ssize_t length = read(file, bytes, size);
    close(file);
    return length;
}

static void a_disk_has_one_trouble_at_a_time(void **state)
{
    (void)state;
    char byte;
    set(ESE_ROLE_SERVER, ESE_ACT_DISK, "full");
    assert_int_equal(read_trouble("trouble/server.full", &byte, 1), 0);
    assert_int_equal(read_trouble("trouble/server.sync-fails", &byte, 1), -1);
    set(ESE_ROLE_SERVER, ESE_ACT_DISK, "sync-fails");
    assert_int_equal(read_trouble("trouble/server.full", &byte, 1), -1);
    assert_int_equal(read_trouble("trouble/server.sync-fails", &byte, 1), 0);
    set(ESE_ROLE_SERVER, ESE_ACT_DISK, "well");
    set(ESE_ROLE_SERVER, ESE_ACT_DISK, "well"); /* again */
    assert_int_equal(read_trouble("trouble/server.sync-fails", &byte, 1), -1);
}

static void a_clock_is_ahead_or_behind_by_so_much(void **state)
{
    static const struct {
        const char *how;
        int64_t ns;
    } cases[] = {{"+3600s", 3600 * ESE_NS_PER_S}, {"-500ms", -500 * ESE_NS_PER_MS}, {"well", 0}};
    (void)state;
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        int64_t offset_ns = 77;
        set(ESE_ROLE_CONSUMER, ESE_ACT_CLOCK, cases[i].how);
        assert_int_equal(read_trouble("trouble/consumer.clock", &offset_ns, sizeof offset_ns), sizeof offset_ns);
        assert_int_equal(offset_ns, cases[i].ns);
    }
}

/* And of nothing once they are well. */
static void who_reads_words_is_told_in_words(void **state)
{
    static const struct {
        enum ese_role role;
        enum ese_act act;
        const char *how, *name, *words;
    } cases[] = {
        {ESE_ROLE_SINK, ESE_ACT_SMTP, "refuse 451", "trouble/sink.smtp", "refuse 451"},
        {ESE_ROLE_CONSUMER, ESE_ACT_RULE, "slow 20", "trouble/consumer.rule", "20000\n"}, /* in microseconds */
    };
    (void)state;
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        char words[32] = "";
        set(cases[i].role, cases[i].act, cases[i].how);
        assert_int_equal(read_trouble(cases[i].name, words, sizeof words), strlen(cases[i].words));
        assert_memory_equal(words, cases[i].words, strlen(cases[i].words));
        set(cases[i].role, cases[i].act, "well");
        assert_int_equal(read_trouble(cases[i].name, words, sizeof words), -1);
    }
}

static void what_means_nothing_is_refused(void **state)
{
    static const struct {
        enum ese_act act;
        const char *how, *words;
    } wrong[] = {
        {ESE_ACT_DISK, "", "full"},           {ESE_ACT_DISK, "fulll", "'fulll'"},
        {ESE_ACT_CLOCK, "3600s", "'3600s'"},  {ESE_ACT_CLOCK, "+3600", "'+3600'"},
        {ESE_ACT_CLOCK, "+s", "'+s'"},        {ESE_ACT_CLOCK, "", "+3600s"},
        {ESE_ACT_CLOCK, "+99999999999s", "+"}, {ESE_ACT_SMTP, "refuse", "'refuse'"},
        {ESE_ACT_SMTP, "refuse 250", "250"},  {ESE_ACT_SMTP, "slow 60000", "60000"},
        {ESE_ACT_SMTP, "slow -1", "-1"},      {ESE_ACT_POWER, "", "seed"},
        {ESE_ACT_RULE, "slow", "'slow'"},     {ESE_ACT_RULE, "slow 0", "slow 0"},
        {ESE_ACT_RULE, "slow 5001", "5001"},  {ESE_ACT_RULE, "20", "'20'"},
        {ESE_ACT_POWER, "0", "0"},            {ESE_ACT_POWER, "off", "off"},
    };
    (void)state;
    for (size_t i = 0; i < ESE_COUNT_OF(wrong); i++) {
        struct ese_error error = {.code = ESE_OK};
        if (ese_trouble_check(wrong[i].act, wrong[i].how, &error) != -1 || error.code != ESE_E_USAGE ||
            strstr(error.text, wrong[i].words) == NULL)
            fail_msg("'%s': %s", wrong[i].how, error.text);
    }
}

static void who_has_no_shim_has_no_such_trouble(void **state)
{
    (void)state;
    assert_true(ese_trouble_is_for(ESE_ROLE_SERVER, ESE_ACT_DISK));
    assert_false(ese_trouble_is_for(ESE_ROLE_BROKER, ESE_ACT_DISK));
    assert_false(ese_trouble_is_for(ESE_ROLE_BROKER, ESE_ACT_CLOCK));
    assert_false(ese_trouble_is_for(ESE_ROLE_SINK, ESE_ACT_CLOCK));
    assert_true(ese_trouble_is_for(ESE_ROLE_SINK, ESE_ACT_SMTP));
    assert_true(ese_trouble_is_for(ESE_ROLE_CONSUMER, ESE_ACT_RULE));
    assert_false(ese_trouble_is_for(ESE_ROLE_READER, ESE_ACT_RULE));
    assert_false(ese_trouble_is_for(ESE_ROLE_CLIENT, ESE_ACT_DISK));
    assert_true(ese_trouble_is_for(ESE_ROLE_SERVER, ESE_ACT_POWER));
    assert_false(ese_trouble_is_for(ESE_ROLE_BROKER, ESE_ACT_POWER));
    for (enum ese_role role = 0; role < ESE_ROLES; role++)
        assert_false(ese_trouble_is_for(role, ESE_ACT_KILL));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_disk_has_one_trouble_at_a_time),
        TEST(a_clock_is_ahead_or_behind_by_so_much),
        TEST(who_reads_words_is_told_in_words),
        TEST(what_means_nothing_is_refused),
        TEST(who_has_no_shim_has_no_such_trouble),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
