#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "orchestration/kafka/listeners.h"

/* What is written; valid until the next call. */
static const char *written(const struct ese_listeners *listeners)
{
    static char text[1000];
    FILE *file = fmemopen(text, sizeof text, "w");
    assert_non_null(file);
    ese_listeners_write(listeners, file);
    fclose(file);
    return text;
}

static void alone_there_is_everybodys(void **state)
{
    (void)state;
    struct ese_listeners *listeners = NULL;
    char expected[300];
    assert_int_equal(ese_listeners_open(4711, NULL, 0, &listeners, NULL), 0);
    assert_int_equal(ese_listeners_port(listeners), 4711);
    const char *text = written(listeners);
    const char *controller = strstr(text, "CONTROLLER://127.0.0.1:");
    assert_non_null(controller);
    int port = (int)strtol(controller + strlen("CONTROLLER://127.0.0.1:"), NULL, 10);
    snprintf(expected, sizeof expected,
             "\nlisteners=BROKER://127.0.0.1:4711,CONTROLLER://127.0.0.1:%d"
             "\nadvertised.listeners=BROKER://127.0.0.1:4711\ncontroller.quorum.voters=1@127.0.0.1:%d\n", port, port);
    assert_string_equal(text, expected);
    ese_listeners_close(&listeners);
    assert_null(listeners);
}

static void a_further_one_is_advertised_as_somebody_elses(void **state)
{
    (void)state;
    static const struct ese_listener further[] = {{"CLIENT", 4712, 5001}, {"CONSUMER", 0, 5002}, {"OTHER", 4714, 0}};
    struct ese_listeners *listeners = NULL;
    char part[200];
    assert_int_equal(ese_listeners_open(0, further, 3, &listeners, NULL), 0);
    const char *text = written(listeners);
    snprintf(part, sizeof part, ",CLIENT://127.0.0.1:4712,CONSUMER://127.0.0.1:%d,OTHER://127.0.0.1:4714\n",
             ese_listeners_further_port(listeners, 1));
    assert_non_null(strstr(text, part));
    snprintf(part, sizeof part,
             "\nadvertised.listeners=BROKER://127.0.0.1:%d,CLIENT://127.0.0.1:5001,CONSUMER://127.0.0.1:5002,"
             "OTHER://127.0.0.1:4714\n", ese_listeners_port(listeners));
    assert_non_null(strstr(text, part));
    assert_non_null(strstr(text, "\nlistener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT,"
                                 "CLIENT:PLAINTEXT,CONSUMER:PLAINTEXT,OTHER:PLAINTEXT\n"));
    assert_int_equal(ese_listeners_further_port(listeners, 0), 4712);
    assert_int_not_equal(ese_listeners_further_port(listeners, 1), 0);
    ese_listeners_close(&listeners);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alone_there_is_everybodys),
        cmocka_unit_test(a_further_one_is_advertised_as_somebody_elses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
