#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "ese-core/http_listen.h"
#include "ese-core/memory.h"

/* What is on no loopback interface, however it is written. */
static const char *const others[] = {
    "0.0.0.0:0", "0:0", "[::]:0", "192.0.2.1:0", "3221225985:0", "0xc0000201:0", "[2001:db8::1]:0",
    "[::ffff:127.0.0.1]:0", /* an address of IPv6, and a socket that might take others, too */
    "[::ffff:192.0.2.1]:0", "[::127.0.0.1]:0", "[fe80::1]:0", "128.0.0.1:0", "126.255.255.255:0", "*:0",
};

static void beyond_loopback_nobody_listens_unasked(void **state)
{
    (void)state;
    for (size_t i = 0; i < ESE_COUNT_OF(others); i++) {
        struct ese_http_listen listen;
        struct ese_error error = {.code = ESE_OK};
        if (ese_http_listen_open(others[i], false, &listen, &error) == 0)
            fail_msg("%s", others[i]);
        assert_int_equal(error.code, ESE_E_USAGE);
        if (strchr(others[i], '*') == NULL && strstr(error.text, "--token-file") == NULL)
            fail_msg("%s", error.text);
    }
}

static void loopback_is_open_to_all(void **state)
{
    (void)state;
    static const char *const ours[] = {"127.0.0.1:0", "127.255.0.1:0", "127.1:0", "2130706433:0", "localhost:0"};
    for (size_t i = 0; i < ESE_COUNT_OF(ours); i++) {
        struct ese_http_listen listen;
        struct ese_error error = {.text = ""};
        if (ese_http_listen_open(ours[i], false, &listen, &error) != 0)
            fail_msg("%s: %s", ours[i], error.text);
        assert_int_equal(strncmp(listen.address, "127.", 4), 0);
        close(listen.fd);
    }
}

static void whoever_asks_for_a_token_listens_everywhere(void **state)
{
    (void)state;
    struct ese_http_listen listen;
    struct ese_error error = {.text = ""};
    assert_int_equal(ese_http_listen_open("0.0.0.0:0", true, &listen, &error), 0);
    close(listen.fd);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beyond_loopback_nobody_listens_unasked),
        cmocka_unit_test(loopback_is_open_to_all),
        cmocka_unit_test(whoever_asks_for_a_token_listens_everywhere),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
