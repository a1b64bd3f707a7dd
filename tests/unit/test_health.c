/* Both sides of GET /health: a service that answers as a test tells it, and who asks --health. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/health.h"
#include "ese-core/listen_option.h"
#include "ese-core/memory.h"
#include "ese-core/service.h"
#include "tests/support/directory.h"

/* ---- the service that is asked, and asks ----------------------------------------------------- */

static bool was_run;

static const struct ese_option options[] = {
    {.name = "metrics", .kind = ESE_OPTION_TEXT, .value = "HOST:PORT", .help = "Where it serves."},
    ESE_OPTION_END,
};

static int choose(struct ese_config *config, struct ese_error *error)
{
    (void)error;
    ese_config_add(config, "Options of serving", ese_listen_option_table);
    return 0;
}

static int run(const struct ese_config *config, struct ese_error *error)
{
    (void)config;
    (void)error;
    was_run = true;
    return 0;
}

static const struct ese_service service = {
    .manual = {.name = "ese-example", .summary = "is an example", .synopsis = ""},
    .options = options,
    .choose = choose,
    .run = run,
};

/* ---- the bench ------------------------------------------------------------------------------- */

struct bench {
    char *directory;
    struct ese_http_server *server;
    struct ese_health health;
    bool is_well;
    const char *text; /* what it has to say */
    char said[2][2000]; /* on stdout and stderr */
};

static int open_bench(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    *state = bench;
    bench->directory = ese_test_directory_make();
    return 0;
}

static int close_bench(void **state)
{
    struct bench *bench = *state;
    ese_http_server_close(&bench->server);
    ese_test_directory_remove(&bench->directory);
    free(bench);
    return 0;
}

static bool check(void *context, char *text, size_t size)
{
    const struct bench *bench = context;
    snprintf(text, size, "%s", bench->text);
    return bench->is_well;
}

static void serve(struct bench *bench, const char *listen, const char *token)
{
    struct ese_error error;
    const struct ese_http_server_options served = {
        .listen = listen, .token = token, .trusted_network = true};
    bench->health = (struct ese_health){.check = check, .context = bench};
    if (ese_http_server_open(&served, &bench->server, &error) != 0)
        fail_msg("%s", error.text);
    ese_health_route(bench->server, &bench->health);
    assert_int_equal(ese_http_server_start(bench->server, &error), 0);
}

static void catch_stream(const struct bench *bench, int fd, int *kept)
{
    char *path = ese_test_path(bench->directory, fd == STDOUT_FILENO ? "out" : "err");
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    *kept = dup(fd);
    dup2(file, fd);
    close(file);
    free(path);
}

static void release_stream(int fd, int kept, char *text, size_t size)
{
    ssize_t length = pread(fd, text, size - 1, 0);
    text[length < 0 ? 0 : length] = '\0';
    dup2(kept, fd);
    close(kept);
}

/* The exit status of `ese-example --health` with those words; what it said is in bench->said. */
static int ask(struct bench *bench, const char *first, const char *second)
{
    char *words[] = {"ese-example", "--health", (char *)first, (char *)second, NULL};
    int count = first == NULL ? 2 : second == NULL ? 3 : 4;
    int kept[2];
    was_run = false;
    fflush(stdout);
    catch_stream(bench, STDOUT_FILENO, &kept[0]);
    catch_stream(bench, STDERR_FILENO, &kept[1]);
    int status = ese_service_main(&service, count, words);
    fflush(stdout);
    release_stream(STDOUT_FILENO, kept[0], bench->said[0], sizeof bench->said[0]);
    release_stream(STDERR_FILENO, kept[1], bench->said[1], sizeof bench->said[1]);
    assert_false(was_run);
    return status;
}

static int ask_at(struct bench *bench, const char *address, const char *more)
{
    char option[100];
    snprintf(option, sizeof option, "--metrics=%s", address);
    return ask(bench, option, more);
}

static bool is_one_line(const char *text)
{
    const char *end = strchr(text, '\n');
    return end != NULL && end[1] == '\0';
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void a_well_one_is_told_on_stdout(void **state)
{
    struct bench *bench = *state;
    char expected[200];
    bench->is_well = true;
    bench->text = "";
    serve(bench, "127.0.0.1:0", NULL);
    const char *address = ese_http_server_address(bench->server);
    assert_int_equal(ask_at(bench, address, NULL), 0);
    snprintf(expected, sizeof expected, "ese-example at %s answers 200 {\"status\":\"ok\"}\n",
             address);
    assert_string_equal(bench->said[0], expected);
    assert_string_equal(bench->said[1], "");
    bench->text = "its \"neighbour\"\nis away";
    assert_int_equal(ask_at(bench, address, NULL), 0);
    assert_non_null(strstr(bench->said[0], "\"note\":\"its \\\"neighbour\\\"\\nis away\"}"));
    assert_true(is_one_line(bench->said[0]));
}

static void a_sick_one_is_told_on_stderr_with_its_reason(void **state)
{
    struct bench *bench = *state;
    bench->text = "the disk is gone";
    serve(bench, "127.0.0.1:0", NULL);
    assert_int_equal(ask_at(bench, ese_http_server_address(bench->server), NULL), 1);
    assert_string_equal(bench->said[0], "");
    assert_non_null(strstr(bench->said[1], "answers 503 {\"status\":\"failing\","
                                           "\"reason\":\"the disk is gone\"}\n"));
    bench->text = "";
    assert_int_equal(ask_at(bench, ese_http_server_address(bench->server), NULL), 1);
    assert_non_null(strstr(bench->said[1], "\"reason\":\"\"}"));
}

static void answer_at_length(void *context, struct ese_http_request *request)
{
    (void)context;
    ese_http_reply(request, 404, ESE_HTTP_TEXT, "nothing\r\nhere\033[2J", 17);
}

static void a_strangers_answer_is_one_line(void **state)
{
    struct bench *bench = *state;
    const struct ese_http_server_options served = {.listen = "127.0.0.1:0"};
    assert_int_equal(ese_http_server_open(&served, &bench->server, NULL), 0);
    ese_http_server_route(bench->server, "GET", "/health", answer_at_length, NULL);
    assert_int_equal(ese_http_server_start(bench->server, NULL), 0);
    assert_int_equal(ask_at(bench, ese_http_server_address(bench->server), NULL), 1);
    assert_non_null(strstr(bench->said[1], "answers 404 nothing  here [2J\n"));
    assert_true(is_one_line(bench->said[1]));
}

static void a_wildcard_is_asked_at_loopback(void **state)
{
    struct bench *bench = *state;
    static const char *const wildcards[] = {"0.0.0.0:0", "[::]:0"};
    bench->is_well = true;
    bench->text = "";
    for (size_t i = 0; i < ESE_COUNT_OF(wildcards); i++) {
        serve(bench, wildcards[i], NULL);
        assert_int_equal(ask_at(bench, ese_http_server_address(bench->server), NULL), 0);
        assert_non_null(strstr(bench->said[0], i == 0 ? " at 127.0.0.1:" : " at [::1]:"));
        ese_http_server_close(&bench->server);
    }
}

static void the_token_goes_along(void **state)
{
    struct bench *bench = *state;
    char option[300];
    char *path = ese_test_path(bench->directory, "token");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("s3cret\n", file);
    fchmod(fileno(file), 0600);
    fclose(file);
    bench->is_well = true;
    bench->text = "";
    serve(bench, "127.0.0.1:0", "s3cret");
    const char *address = ese_http_server_address(bench->server);
    assert_int_equal(ask_at(bench, address, NULL), 1);
    assert_non_null(strstr(bench->said[1], "answers 401"));
    snprintf(option, sizeof option, "--token-file=%s", path);
    assert_int_equal(ask_at(bench, address, option), 0);
    assert_null(strstr(bench->said[0], "s3cret"));
    free(path);
}

static void nobody_there_is_sick(void **state)
{
    struct bench *bench = *state;
    serve(bench, "127.0.0.1:0", NULL);
    char address[64];
    ese_fit_text(address, sizeof address, ese_http_server_address(bench->server));
    ese_http_server_close(&bench->server);
    assert_int_equal(ask_at(bench, address, NULL), 1);
    assert_string_equal(bench->said[0], "");
    assert_non_null(strstr(bench->said[1], "does not answer: "));
    assert_true(is_one_line(bench->said[1]));
}

/* Takes connections, as the kernel does for it, and says nothing. */
static int listen_in_silence(char address[64])
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof any;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&any, size), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&any, &size), 0);
    snprintf(address, 64, "127.0.0.1:%d", ntohs(any.sin_port));
    return fd;
}

static void silence_is_heard_for_three_seconds(void **state)
{
    struct bench *bench = *state;
    char address[64];
    int fd = listen_in_silence(address);
    int64_t began_ns = ese_clock_monotonic_ns();
    assert_int_equal(ask_at(bench, address, NULL), 1);
    int64_t took_ms = (ese_clock_monotonic_ns() - began_ns) / ESE_NS_PER_MS;
    assert_in_range(took_ms, 2900, 6000);
    assert_non_null(strstr(bench->said[1], "does not answer: "));
    close(fd);
}

static void whoever_cannot_be_asked_is_wrong_usage(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(ask(bench, NULL, NULL), 64);
    assert_non_null(strstr(bench->said[1], "serves nowhere"));
    static const char *const open_ports[] = {"127.0.0.1:0", "[::]:0"};
    for (size_t i = 0; i < ESE_COUNT_OF(open_ports); i++) {
        assert_int_equal(ask_at(bench, open_ports[i], NULL), 64);
        assert_non_null(strstr(bench->said[1], "leaves the port open"));
    }
    assert_int_equal(ask_at(bench, "2001", NULL), 64);
    assert_int_equal(ask_at(bench, "127.0.0.1:1", "--token-file=/nowhere"), 64);
    assert_int_equal(ask_at(bench, "127.0.0.1:1", "--helath"), 64);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_bench, close_bench)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_well_one_is_told_on_stdout),
        TEST(a_sick_one_is_told_on_stderr_with_its_reason),
        TEST(a_strangers_answer_is_one_line),
        TEST(a_wildcard_is_asked_at_loopback),
        TEST(the_token_goes_along),
        TEST(nobody_there_is_sick),
        TEST(silence_is_heard_for_three_seconds),
        TEST(whoever_cannot_be_asked_is_wrong_usage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
