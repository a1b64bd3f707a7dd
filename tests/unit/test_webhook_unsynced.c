/* The lesson "webhook+unsynced": whatever is asked for, nothing is opened so that a commit is synced. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/buffer.h"
#include "ese-core/sqlite.h"
#include "tests/support/directory.h"
#include "tests/support/raw_http.h"
#include "tests/support/store_server.h"
#include "transports/webhook/webhook.h"

extern const struct ese_transport ese_transport_webhook_unsynced;

/* The highest level that a database was opened at. */
static atomic_int highest;

int __real_ese_sqlite_open(const struct ese_sqlite_options *options, struct ese_sqlite **sqlite,
                           struct ese_error *error);
int __wrap_ese_sqlite_open(const struct ese_sqlite_options *options, struct ese_sqlite **sqlite,
                           struct ese_error *error);
int __wrap_ese_sqlite_open(const struct ese_sqlite_options *options, struct ese_sqlite **sqlite,
                           struct ese_error *error)
{
    if ((int)options->durability > atomic_load(&highest))
        atomic_store(&highest, (int)options->durability);
    return __real_ese_sqlite_open(options, sqlite, error);
}

/* The level that a server is at which was asked for that one, and has stored an event. */
static int level_of(const struct ese_store_face *face, enum ese_durability durability)
{
    struct ese_buffer data = ESE_BUFFER_INIT(4096);
    struct ese_test_store_server server = {.store = NULL};
    char *directory = ese_test_directory_make();

    ese_buffer_printf(&data, "data=%s/data", directory);
    const struct ese_test_store_options options = {
        .face = face, .durability = durability, .retention_ms = 600000, .options = {data.text}};
    atomic_store(&highest, 0);
    ese_test_store_server_open(&server, &options);
    int fd = ese_raw_connect(server.address);
    ese_raw_send_text(fd, "POST /streams/s HTTP/1.1\r\nHost: x\r\nX-Event-Type: T\r\nConnection: close\r\n"
                          "Content-Length: 2\r\n\r\n{}");
    struct ese_raw_answer answer = ese_raw_finish(fd, 200);
    ese_raw_answer_clear(&answer);
    ese_test_store_server_close(&server);
    ese_test_directory_remove(&directory);
    ese_buffer_free(&data);
    return atomic_load(&highest);
}

static void its_disk_is_none(void **state)
{
    (void)state;
    assert_int_equal(level_of(&ese_webhook_store, ESE_DURABILITY_DISK), ESE_DURABILITY_DISK);
    assert_int_equal(level_of(ese_transport_webhook_unsynced.store, ESE_DURABILITY_DISK), ESE_DURABILITY_OS);
}

static void of_what_is_less_it_keeps_what_it_says(void **state)
{
    (void)state;
    assert_int_equal(level_of(ese_transport_webhook_unsynced.store, ESE_DURABILITY_OS), ESE_DURABILITY_OS);
    assert_int_equal(level_of(ese_transport_webhook_unsynced.store, ESE_DURABILITY_MEMORY),
                     level_of(&ese_webhook_store, ESE_DURABILITY_MEMORY));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_disk_is_none),
        cmocka_unit_test(of_what_is_less_it_keeps_what_it_says),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
