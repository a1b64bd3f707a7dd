#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/memory.h"
#include "transports/webhook/url.h"

/* What is wrong with it; "": nothing. Whatever it is, it can be written to a log. */
static void assert_url(const char *text, const char *words)
{
    struct ese_webhook_url url;
    struct ese_error error = {.text = ""};
    int result = ese_webhook_url_parse(text, &url, &error);
    if (result != (words[0] != '\0' ? -1 : 0) || strstr(error.text, words) == NULL)
        fail_msg("'%s', expected \"%s\": %d \"%s\"", text, words, result, error.text);
    assert_int_equal(error.code, result != 0 ? ESE_E_INVALID : ESE_OK);
    for (const char *c = error.text; *c != '\0'; c++)
        assert_in_range(*c, ' ', '~');
}

static struct ese_webhook_url taken(const char *text)
{
    struct ese_webhook_url url;
    assert_url(text, "");
    assert_int_equal(ese_webhook_url_parse(text, &url, NULL), 0);
    return url;
}

static void a_name_is_taken_apart(void **state)
{
    (void)state;
    struct ese_webhook_url url = taken("http://Example.ORG/hook?x=1&y=@:/%2f");
    assert_string_equal(url.host, "example.org");
    assert_int_equal(url.port, 80);
    url = taken("HTTPS://a_b-c.lab.:8443");
    assert_string_equal(url.host, "a_b-c.lab");
    assert_int_equal(url.port, 8443);
    assert_int_equal(taken("https://h?q").port, 443);
    assert_int_equal(taken("http://h:65535/").port, 65535);
    assert_string_equal(taken("http://1.2.3.4.example/").host, "1.2.3.4.example");
    assert_string_equal(taken("http://0xyz/").host, "0xyz");
}

static void an_address_is_no_name(void **state)
{
    (void)state;
    const struct ese_webhook_address four = {32, {10, 1, 2, 3}}, six = {128, {0xfd, [15] = 1}};
    struct ese_webhook_url url = taken("http://10.1.2.3:81/");
    assert_string_equal(url.host, "");
    assert_int_equal(url.port, 81);
    assert_memory_equal(&url.address, &four, sizeof four);
    url = taken("http://[fd00::1]:82");
    assert_string_equal(url.host, "");
    assert_int_equal(url.port, 82);
    assert_memory_equal(&url.address, &six, sizeof six);
    url = taken("http://[::ffff:10.1.2.3]/");
    assert_memory_equal(&url.address, &four, sizeof four);
    url = taken("http://[::ffff:a01:203]/");
    assert_memory_equal(&url.address, &four, sizeof four);
}

static void only_http_will_do(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "://", "/", "h", "h/p", "//h/", "http:", "http:/h", "http:h", "ftp://h/",
                                      "file:///etc/passwd", "gopher://h/", "javascript:x", "httpx://h/", "ttp://h/"};
    for (size_t i = 0; i < ESE_COUNT_OF(bad); i++)
        assert_url(bad[i], "does not begin with http:// or https://");
}

static void no_character_hides_anything(void **state)
{
    (void)state;
    assert_url("http://a b/", "has a blank");
    assert_url(" http://h/", "has a blank");
    assert_url("http://h/ ", "has a blank");
    assert_url("http://h/\r\nHost: x", "has a control character");
    assert_url("http://h/\nx", "has a control character");
    assert_url("http://h\t/", "has a control character");
    assert_url("http://h/\x01", "has a control character");
    assert_url("http://h/\x7f", "has a control character");
    assert_url("http://\xc3\xa9/", "beyond ASCII");
    assert_url("http://h/\xff", "beyond ASCII");
    assert_url("http://h\\@x/", "has a backslash");
    assert_url("http://h/#f", "has a fragment");
    assert_url("http://h#@x/", "has a fragment");
    assert_url("http://h/%", "'%' without");
    assert_url("http://h/%4", "'%' without");
    assert_url("http://h/%zz", "'%' without");
    assert_url("http://h/%0g", "'%' without");
}

static void a_password_is_not_told(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "http://u:s3cret@h/", "http://s3cret@h/", "http://u:s3cret@", "http://u:s3cret @h/",
        "ftp://u:s3cret@h/", "http://u:s3cret@h:0/", "http://u:x@s3cret@h/",
    };
    for (size_t i = 0; i < ESE_COUNT_OF(bad); i++) {
        struct ese_webhook_url url;
        struct ese_error error = {.text = ""};
        assert_int_equal(ese_webhook_url_parse(bad[i], &url, &error), -1);
        assert_null(strstr(error.text, "s3c"));
    }
    assert_url("http://u:p@h/", "has a name or a password");
    assert_url("http://@h/", "has a name or a password");
    assert_url("http://[::1]@h/", "has a name or a password");
}

static void a_host_is_one(void **state)
{
    (void)state;
    static const char *const none[] = {"http://", "http:///p", "http://:80/", "http://?q"};
    static const char *const bad[] = {
        "http://./", "http://a..b/", "http://.a/", "http://-a/", "http://a-/", "http://a.-b.c/", "http://a,b/",
        "http://a%2eb/", "http://a]/", "http://*.a/", "http://a../", "http://a$b/", "http://(a)/",
        "http://a(b/",
    };
    for (size_t i = 0; i < ESE_COUNT_OF(none); i++)
        assert_url(none[i], "has no host");
    for (size_t i = 0; i < ESE_COUNT_OF(bad); i++)
        assert_url(bad[i], "has a host that is neither");
    assert_url("http://a/b]:x@", ""); /* that is the path's */
}

/* inet_aton(3), which getaddrinfo(3) asks, would take each for 127.0.0.1 or another. */
static void an_address_is_written_out(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "http://2130706433/", "http://0x7f.1/", "http://0x7F000001/", "http://127.1/", "http://127.0.1/",
        "http://0177.0.0.1/", "http://127.0.0.01/", "http://127.0.0.0x1/", "http://127.0.0.1./",
        "http://256.0.0.1/", "http://1.2.3.4.5/", "http://0/", "http://0x/", "http://a.1/", "http://a.0xf./",
        "http://017700000001/",
    };
    for (size_t i = 0; i < ESE_COUNT_OF(bad); i++)
        assert_url(bad[i], "has a host that is neither");
}

static void names_have_bounds(void **state)
{
    (void)state;
    char text[ESE_WEBHOOK_URL_MOST + 2];
    snprintf(text, sizeof text, "http://%063dx.a/", 0);
    assert_url(text, "has a host that is neither");
    snprintf(text, sizeof text, "http://%062dx.a/", 0);
    assert_url(text, "");
    for (int length = ESE_WEBHOOK_HOST_MOST; length <= ESE_WEBHOOK_HOST_MOST + 1; length++) {
        memset(text, 'a', sizeof text);
        memcpy(text, "http://", 7);
        for (int i = 60; i < length; i += 60)
            text[7 + i] = '.';
        text[7 + length] = '\0';
        assert_url(text, length > ESE_WEBHOOK_HOST_MOST ? "has a host that is neither" : "");
    }
    memset(text, 'a', sizeof text);
    memcpy(text, "http://h/", 9);
    text[ESE_WEBHOOK_URL_MOST + 1] = '\0';
    assert_url(text, "is too long");
    text[ESE_WEBHOOK_URL_MOST] = '\0';
    assert_url(text, "");
}

static void brackets_have_an_address_in_them(void **state)
{
    (void)state;
    assert_url("http://[::1", "'[' without ']'");
    assert_url("http://[::1/]", "'[' without ']'");
    assert_url("http://[", "'[' without ']'");
    static const char *const bad[] = {
        "http://[]/", "http://[127.0.0.1]/", "http://[a]/", "http://[::g]", "http://[1::2::3]/",
        "http://[fe80::1%25lo]/", "http://[v1.x]/", "http://[:1]/", "http://[[::1]]/", "http://[::127.1]/",
        "http://[1:2:3:4:5:6:7:8:9]/",
    };
    for (size_t i = 0; i < ESE_COUNT_OF(bad); i++)
        assert_url(bad[i], "no IPv6 address between");
    assert_url("http://[::1]]/", "has a port that is none");
    assert_url("http://[::1]a/", "has a port that is none");
    assert_url("http://::1/", "has no host");
    assert_url("http://fe80::1/", "has a port that is none");
}

static void a_port_is_one(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "http://h:/", "http://h:0/", "http://h:65536/", "http://h:x/", "http://h:-1/", "http://h:80:80/",
        "http://h:+80/", "http://h:8e1/", "http://h:000080/", "http://[::1]:/", "http://[::1]:0",
        "http://10.0.0.1:99999/", "http://h:?q",
    };
    for (size_t i = 0; i < ESE_COUNT_OF(bad); i++)
        assert_url(bad[i], "has a port that is none");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_taken_apart),
        cmocka_unit_test(an_address_is_no_name),
        cmocka_unit_test(only_http_will_do),
        cmocka_unit_test(no_character_hides_anything),
        cmocka_unit_test(a_password_is_not_told),
        cmocka_unit_test(a_host_is_one),
        cmocka_unit_test(an_address_is_written_out),
        cmocka_unit_test(names_have_bounds),
        cmocka_unit_test(brackets_have_an_address_in_them),
        cmocka_unit_test(a_port_is_one),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
