/* The logs of a journey's processes, whichever they are, are held within their bound. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "ese-core/memory.h"
#include "orchestration/lab/journey.h"
#include "tests/support/directory.h"

static int64_t size_of(const char *directory, const char *name)
{
    struct stat status;
    char *path = ese_test_path(directory, name);
    int64_t size = stat(path, &status) == 0 ? status.st_size : -1;
    free(path);
    return size;
}

static void write_log(const char *directory, const char *name, int64_t bytes)
{
    char *path = ese_test_path(directory, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    for (int64_t written = 0; written < bytes; written += 100)
        assert_true(fprintf(file, "%099d\n", 0) == 100);
    assert_int_equal(fclose(file), 0);
    free(path);
}

/* NULL: this tree has none. */
static const char *transport_without_broker(void)
{
    const struct ese_registry_entry *entry = ese_registry();
    while (entry->transport != NULL && entry->needs_broker)
        entry++;
    return entry->transport == NULL ? NULL : entry->transport->name;
}

static void the_log_of_every_process_is_bounded(void **state)
{
    (void)state;
    static const char *const names[] = {"logs/client.log",   "logs/server.log", "logs/broker.log",
                                        "logs/consumer.log", "logs/mailer.log", "logs/sink.log"};
    if (transport_without_broker() == NULL)
        skip();
    char *directory = ese_test_directory_make();
    const struct ese_journey_options options = {.specification = transport_without_broker(),
                                                .directory = directory,
                                                .durability = ESE_DURABILITY_OS};
    struct ese_journey *journey = NULL;
    assert_int_equal(ese_journey_open(&options, &journey, NULL), 0);
    ese_journey_bound_logs(journey); /* none is there yet */
    for (size_t i = 0; i < ESE_COUNT_OF(names); i++)
        write_log(directory, names[i], ESE_JOURNEY_LOG_BYTES + 100);
    ese_journey_bound_logs(journey);
    for (size_t i = 0; i < ESE_COUNT_OF(names); i++) {
        char older[40];
        snprintf(older, sizeof older, "%s.1", names[i]);
        assert_int_equal(size_of(directory, names[i]), 0);
        assert_true(size_of(directory, older) > ESE_JOURNEY_LOG_BYTES);
    }
    write_log(directory, names[0], 1000);
    ese_journey_bound_logs(journey);
    assert_int_equal(size_of(directory, names[0]), 1000);
    ese_journey_close(&journey);
    ese_test_directory_remove(&directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_log_of_every_process_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
