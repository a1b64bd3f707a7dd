#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ese-core/buffer.h"
#include "ese-core/manual.h"
#include "ese-core/memory.h"

static const struct ese_option options[] = {
    {.name = "rate", .letter = 'r', .kind = ESE_OPTION_NUMBER, .value = "N", .choices = "max",
     .min = 1, .max = 1000, .fallback = "10", .help = "Events a second."},
    {.name = "durability", .kind = ESE_OPTION_CHOICE, .choices = "os|disk", .fallback = "os",
     .help = "What an acknowledged event survives. See the docs."},
    {.name = "long-poll", .kind = ESE_OPTION_FLAG, .fallback = "true",
     .help = "Waits at the server."},
    {.name = "a-name-longer-than-the-column", .kind = ESE_OPTION_TEXT, .value = "HOST:PORT",
     .help = "A help text that is longer than one line can be, so that it has to be broken where a "
             "word ends, e.g. here or there. 'quoted' at the front; a \\ in the middle."},
    {.name = "property", .letter = 'X', .kind = ESE_OPTION_LIST, .value = "KEY=VALUE",
     .help = "Passed on."},
    ESE_OPTION_END,
};

static const struct ese_option later[] = {
    {.name = "via", .kind = ESE_OPTION_CHOICE, .choices = "server|direct", .help = "The way in."},
    {.name = "rate", .kind = ESE_OPTION_TEXT, .value = "HIDDEN", .help = "Hidden."},
    {.name = "seed", .kind = ESE_OPTION_NUMBER, .value = "N", .min = 0, .max = INT64_MAX,
     .help = "Seed."},
    ESE_OPTION_END,
};

static const struct ese_option hidden[] = {
    {.name = "via", .kind = ESE_OPTION_TEXT, .value = "HIDDEN", .help = "Hidden."},
    ESE_OPTION_END,
};

static const struct ese_manual command_manual = {.name = "ese-example go", .summary = "goes"};

static const struct ese_manual manual = {
    .name = "ese-example",
    .summary = "shows what a manual looks like",
    .synopsis = "FILE ...",
    .description = "One paragraph. It has two sentences.\n\n.Another, which begins with a dot.",
    .examples = "ese-example --rate max\n  as fast as it goes\n",
};

typedef void print_manual(const struct ese_manual *manual, const struct ese_config *config);

/* What print writes to stdout. Freed by the caller. */
static char *capture_of(const struct ese_manual *of, print_manual *print)
{
    struct ese_config *config = ese_config_new();
    ese_config_add(config, "Options", options);
    ese_config_add(config, "Options of --transport x", later);
    ese_config_add(config, "Nothing new", hidden);
    FILE *file = tmpfile();
    assert_non_null(file);
    fflush(stdout);
    int saved = dup(STDOUT_FILENO);
    dup2(fileno(file), STDOUT_FILENO);
    print(of, config);
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    ese_config_free(&config);

    struct ese_buffer text = ESE_BUFFER_INIT(100000);
    char block[4096];
    size_t length;
    rewind(file);
    while ((length = fread(block, 1, sizeof block, file)) > 0)
        ese_buffer_append(&text, block, length);
    fclose(file);
    return ese_buffer_detach(&text);
}

static char *capture(print_manual *print)
{
    return capture_of(&manual, print);
}

static void contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("'%s' expected in:\n%s", part, text);
}

static void help_tells_every_option_once(void **state)
{
    (void)state;
    char *text = capture(ese_manual_help);
    contains(text, "Usage: ese-example [OPTION ...] FILE ...\n");
    contains(text, "\nOptions:\n  -r, --rate N ");
    contains(text, "Events a second. Default: 10.\n");
    contains(text, "      --durability os|disk  What an");
    contains(text, "--[no-]long-poll ");
    contains(text, "  -X, --property KEY=VALUE  Passed on. May be given several times.\n");
    contains(text, "\nOptions of --transport x:\n      --via server|direct ");
    contains(text, "\nExamples:\n  ese-example --rate max\n    as fast as it goes\n");
    assert_null(strstr(text, "HIDDEN"));
    assert_null(strstr(text, "Nothing new"));
    free(text);
}

static void help_fits_the_terminal(void **state)
{
    (void)state;
    char *text = capture(ese_manual_help);
    for (const char *line = text; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        assert_in_range(length, 0, 79);
        line += length + (line[length] == '\n');
    }
    contains(text, "HOST:PORT\n                            A help text");
    free(text);
}

static void page_is_mdoc(void **state)
{
    (void)state;
    char *text = capture(ese_manual_page);
    contains(text, ".Dt ESE-EXAMPLE 1\n");
    contains(text, ".Nd shows what a manual looks like\n");
    contains(text, ".It Fl r , Fl -rate Ar \"N\"\nEvents a second.\nFrom 1 to 1000, or max.\n");
    contains(text, "Seed.\nAt least 0.\n");
    contains(text, "\\&.Another");
    contains(text, "a \\e in");
    free(text);
}

/* Writes text to a fresh file and runs the shell command, which finds its name in $file. */
static int run_on(const char *text, const char *command)
{
    char path[] = "/tmp/ese-test-manual-XXXXXX";
    char line[400];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    snprintf(line, sizeof line, "file=%s; %s", path, command);
    int status = system(line);
    unlink(path);
    return WEXITSTATUS(status);
}

static void page_pleases_mandoc(void **state)
{
    (void)state;
    if (system("command -v mandoc >/dev/null") != 0)
        skip();
    char *text = capture(ese_manual_page);
    assert_int_equal(run_on(text, "mandoc -T lint -W style \"$file\" >&2"), 0);
    assert_int_not_equal(run_on(".Dt\n.Foo\n", "mandoc -T lint -W style \"$file\" >/dev/null"), 0);
    free(text);
}

static void a_command_has_a_page_and_no_completion_of_its_own(void **state)
{
    (void)state;
    char *text = capture_of(&command_manual, ese_manual_page);
    contains(text, ".Dt ESE-EXAMPLE-GO 1\n");
    contains(text, ".Nm \"ese-example go\"\n");
    if (system("command -v mandoc >/dev/null") == 0)
        assert_int_equal(run_on(text, "mandoc -T lint -W style \"$file\" >&2"), 0);
    free(text);
    text = capture_of(&command_manual, ese_manual_completion);
    contains(text, "_ese_example_go() {\n");
    assert_null(strstr(text, "complete -o"));
    free(text);
}

/* What bash would offer for the words, the last of which is being typed. */
#define COMPLETES(text, words, expected)                                                           \
    assert_int_equal(run_on(text, "bash -c '. \"$0\" && COMP_WORDS=(" words ") && "             \
                            "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) ; _ese_example; "            \
                            "test \"${COMPREPLY[*]}\" = \"" expected "\"' \"$file\""), 0)

static void completion_completes(void **state)
{
    (void)state;
    char *text = capture(ese_manual_completion);
    COMPLETES(text, "ese-example --du", "--durability");
    COMPLETES(text, "ese-example --durability d", "disk");
    COMPLETES(text, "ese-example --via \"\"", "server direct");
    COMPLETES(text, "ese-example --no", "--no-long-poll");
    COMPLETES(text, "ese-example --property \"\"", "");
    COMPLETES(text, "ese-example --elephant", "");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_tells_every_option_once),
        cmocka_unit_test(help_fits_the_terminal),
        cmocka_unit_test(page_is_mdoc),
        cmocka_unit_test(page_pleases_mandoc),
        cmocka_unit_test(a_command_has_a_page_and_no_completion_of_its_own),
        cmocka_unit_test(completion_completes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
