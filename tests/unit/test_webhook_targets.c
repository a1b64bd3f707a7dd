#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "ese-core/memory.h"
#include "transports/webhook/targets.h"

/* ---- the list -------------------------------------------------------------------------------- */

static struct ese_webhook_targets *list_of(const char *text)
{
    struct ese_webhook_targets *targets;
    struct ese_error error = {.text = ""};
    if (ese_webhook_targets_parse(text, &targets, &error) != 0)
        fail_msg("%s", error.text);
    return targets;
}

static void assert_list_refused(const char *text, const char *words)
{
    struct ese_webhook_targets *targets;
    struct ese_error error = {.text = ""};
    if (ese_webhook_targets_parse(text, &targets, &error) == 0)
        fail_msg("'%s' is taken", text);
    assert_int_equal(error.code, ESE_E_USAGE);
    assert_null(targets);
    if (strstr(error.text, words) == NULL || strstr(error.text, "--allow-targets") == NULL)
        fail_msg("'%s', expected \"%s\": %s", text, words, error.text);
}

static void what_is_no_entry_is_named(void **state)
{
    (void)state;
    assert_list_refused("", "the list is empty");
    assert_list_refused(" ,\n", "the list is empty");
    assert_list_refused("good.example,http://bad.example", "\"http://bad.example\" has");
    assert_list_refused("a_b.example,b*", "\"b*\" is neither");
    assert_list_refused("*.*.example", "is neither");
    assert_list_refused("*.", "is neither");
    assert_list_refused("a/8", "has no address");
    assert_list_refused("*/8", "has no address");
    assert_list_refused("2130706433", "is neither");
    assert_list_refused("127.1", "is neither");
    assert_list_refused("127.1/16", "has no address");
    assert_list_refused("10.1.2.3/16", "has bits beyond");
    assert_list_refused("10.128.0.0/8", "has bits beyond");
    assert_list_refused("fd00::1/8", "has bits beyond");
    assert_list_refused("10.0.0.0/33", "has no number of bits");
    assert_list_refused("10.0.0.0/", "has no number of bits");
    assert_list_refused("10.0.0.0/-1", "has no number of bits");
    assert_list_refused("10.0.0.0/255.0.0.0", "has no number of bits");
    assert_list_refused("[::]/129", "has no number of bits");
    assert_list_refused("[::1", "in its brackets");
    assert_list_refused("[::1]x", "in its brackets");
    assert_list_refused("[10.0.0.1]", "in its brackets");
    assert_list_refused("[fe80::1%eth0]", "has no address");
    assert_list_refused("[::ffff:10.0.0.1]", "is an IPv4 address");
    assert_list_refused("::ffff:10.0.0.0/104", "is an IPv4 address");
    assert_list_refused("a:0", "has a port that is none");
    assert_list_refused("a:", "has a port that is none");
    assert_list_refused("10.0.0.0/8:65536", "has a port that is none");
    assert_list_refused("[::1]:x", "has a port that is none");
}

static void a_list_has_a_bound(void **state)
{
    (void)state;
    char text[ESE_WEBHOOK_TARGETS_MOST * 2 + 3] = "";
    for (size_t i = 0; i <= ESE_WEBHOOK_TARGETS_MOST; i++)
        memcpy(text + 2 * i, "a,", 3);
    assert_list_refused(text, "more than 64");
    text[2 * ESE_WEBHOOK_TARGETS_MOST] = '\0';
    struct ese_webhook_targets *targets = list_of(text);
    ese_webhook_targets_free(&targets);
    assert_null(targets);
    ese_webhook_targets_free(&targets);
    char longest[400];
    memset(longest, 'a', sizeof longest);
    longest[399] = '\0';
    assert_list_refused(longest, "is too long");
}

/* ---- at registration ------------------------------------------------------------------------- */

/* words NULL: it may be registered. */
static void assert_url(const char *list, const char *url, const char *words)
{
    struct ese_webhook_targets *targets = list_of(list);
    struct ese_error error = {.text = ""};
    int result = ese_webhook_targets_check_url(targets, url, &error);
    if (result != (words != NULL ? -1 : 0) || (words != NULL && strstr(error.text, words) == NULL))
        fail_msg("%s, %s, expected \"%s\": %d \"%s\"", list != NULL ? list : "no list", url, words != NULL ? words : "",
                 result, error.text);
    assert_int_equal(error.code, words != NULL ? ESE_E_INVALID : ESE_OK);
    ese_webhook_targets_free(&targets);
}

static void without_a_list_all_is_allowed_that_is_public(void **state)
{
    (void)state;
    static const char *const lists[] = {NULL, "*"};
    for (size_t i = 0; i < ESE_COUNT_OF(lists); i++) {
        assert_url(lists[i], "http://example.org/", NULL);
        assert_url(lists[i], "https://consumer:8443/hook", NULL); /* what it stands for is seen at connect */
        assert_url(lists[i], "http://8.8.8.8/", NULL);
        assert_url(lists[i], "http://[2606:4700::1111]:8080/", NULL);
        assert_url(lists[i], "http://127.0.0.1:2001/", "127.0.0.1, port 2001 (loopback)");
        assert_url(lists[i], "http://[::1]/", "::1, port 80 (loopback)");
        assert_url(lists[i], "http://169.254.169.254/latest/meta-data", "(link-local)");
        assert_url(lists[i], "http://[::ffff:10.0.0.1]/", "10.0.0.1, port 80 (a private network)");
        assert_url(lists[i], "http://localhost/", "localhost, port 80 (loopback)");
        assert_url(lists[i], "http://LOCALHOST./", "(loopback)");
        assert_url(lists[i], "http://x.localhost/", "(loopback)");
        assert_url(lists[i], "http://notlocalhost/", NULL);
        assert_url(lists[i], "http://[::1", "'[' without ']'");
    }
}

static void what_is_on_no_list_is_refused(void **state)
{
    (void)state;
    static const char *const list = "Example.ORG,*.lab.example:8080\n10.1.0.0/16 [fd00::]/8:90, 192.0.2.7:91";
    assert_url(list, "http://example.org:7/", NULL);
    assert_url(list, "https://EXAMPLE.org./", NULL);
    assert_url(list, "http://a.lab.example:8080/", NULL);
    assert_url(list, "http://a.b.lab.example:8080/", NULL);
    assert_url(list, "http://10.1.255.255:7/", NULL);
    assert_url(list, "http://[fdff::1]:90/", NULL);
    assert_url(list, "http://192.0.2.7:91/", NULL);
    static const char *const refused[] = {
        "http://a.example.org/", "http://example.org.evil.example/", "http://xexample.org/", "http://example/",
        "http://a.lab.example/", "http://lab.example:8080/", "http://xyzlab.example:8080/",
        "http://lab.example.:8080/", "http://10.2.0.0/", "http://10.0.255.255/", "http://[fe00::1]:90/",
        "http://[fdff::1]/", "http://192.0.2.7/", "http://192.0.2.8:91/", "http://8.8.8.8/",
        "http://[2606:4700::1111]/", "http://localhost/",
    };
    for (size_t i = 0; i < ESE_COUNT_OF(refused); i++)
        assert_url(list, refused[i], "--allow-targets does not name it");
}

static void localhost_is_an_address(void **state)
{
    (void)state;
    assert_url("127.0.0.0/8", "http://localhost:9/", NULL);
    assert_url("[::1]:9", "http://localhost:9/", NULL);
    assert_url("[::1]:9", "http://localhost/", "(loopback)");
    assert_url("localhost,*.localhost", "http://localhost/", "(loopback)");
}

/* ---- at connect ------------------------------------------------------------------------------ */

/* address: "10.0.0.1" or "::1". */
static bool may_connect(const struct ese_webhook_targets *targets, const char *address, uint16_t port)
{
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_scope_id = 1};
    if (inet_pton(AF_INET, address, &four.sin_addr) == 1)
        return ese_webhook_targets_may(targets, (const struct sockaddr *)&four);
    assert_int_equal(inet_pton(AF_INET6, address, &six.sin6_addr), 1);
    return ese_webhook_targets_may(targets, (const struct sockaddr *)&six);
}

/* The first and the last of each network that is not public; those beside them, where they are. */
static const char *const inner[] = {
    "0.0.0.0",         "0.255.255.255",   "10.0.0.0",        "10.255.255.255",  "100.64.0.0",      "100.127.255.255",
    "127.0.0.0",       "127.0.0.1",       "127.255.255.255", "169.254.0.0",     "169.254.169.254", "169.254.255.255",
    "172.16.0.0",      "172.31.255.255",  "192.0.0.0",       "192.0.0.255",     "192.0.2.0",       "192.0.2.255",
    "192.88.99.0",     "192.88.99.255",   "192.168.0.0",     "192.168.255.255", "198.18.0.0",      "198.19.255.255",
    "198.51.100.0",    "198.51.100.255",  "203.0.113.0",     "203.0.113.255",   "224.0.0.0",       "239.255.255.255",
    "240.0.0.0",       "255.255.255.255", "::",              "::1",             "::2",             "::10.0.0.1",
    "::8.8.8.8",       "::ffff:0:8.8.8.8", "64:ff9b::8.8.8.8", "64:ff9b::10.0.0.1", "64:ff9b:1::1", "100::1",
    "1fff:ffff::1",    "2001::1",         "2001:2::1",       "2001:1ff::1",     "2001:db8::1",     "2001:db8:ffff::1",
    "2002::1",         "2002:808:808::1", "3fff::1",         "3fff:fff::1",     "4000::1",         "5f00::1",
    "fc00::1",         "fdff:ffff::1",    "fe00::1",         "fe80::1",         "febf:ffff::1",    "fec0::1",
    "ff02::1",         "ffff::1",         "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
    "::ffff:0.0.0.0",
};
static const char *const outer[] = {
    "1.0.0.0",         "9.255.255.255",   "11.0.0.0",        "100.63.255.255",  "100.128.0.0",     "126.255.255.255",
    "128.0.0.0",       "169.253.255.255", "169.255.0.0",     "172.15.255.255",  "172.32.0.0",      "191.255.255.255",
    "192.0.1.0",       "192.0.3.0",       "192.88.98.255",   "192.88.100.0",    "192.167.255.255", "192.169.0.0",
    "198.17.255.255",  "198.20.0.0",      "198.51.99.255",   "198.51.101.0",    "203.0.112.255",   "203.0.114.0",
    "223.255.255.255", "2000::1",         "2001:200::1",     "2001:db7::1",     "2001:db9::1",     "2003::1",
    "2606:4700::1111", "3ffe:ffff::1",    "3fff:1000::1",    "::ffff:8.8.8.8",
};

static void without_a_list_nothing_inner_is_connected_to(void **state)
{
    (void)state;
    struct ese_webhook_targets *targets = list_of(NULL);
    for (size_t i = 0; i < ESE_COUNT_OF(inner); i++)
        if (may_connect(targets, inner[i], 80))
            fail_msg("%s is allowed", inner[i]);
    for (size_t i = 0; i < ESE_COUNT_OF(outer); i++)
        if (!may_connect(targets, outer[i], 80))
            fail_msg("%s is refused", outer[i]);
    ese_webhook_targets_free(&targets);
}

static void what_the_list_names_is(void **state)
{
    (void)state;
    struct ese_webhook_targets *targets = list_of("127.0.0.0/8:8080,[::1],fd00::/8,10.128.0.0/9,0.0.0.0/32");
    static const struct {
        const char *address;
        uint16_t port;
        bool may;
    } cases[] = {{"127.0.0.1", 8080, true},  {"127.0.0.1", 80, false},        {"::ffff:127.0.0.1", 8080, true},
                 {"::1", 1, true},           {"::2", 1, false},               {"fd12::1", 1, true},
                 {"fc12::1", 1, false},      {"10.128.0.0", 1, true},         {"10.127.255.255", 1, false},
                 {"10.255.255.255", 1, true}, {"8.8.8.8", 1, false},          {"2606:4700::1111", 1, false},
                 {"0.0.0.0", 1, true},       {"0.0.0.1", 1, false}};
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++)
        if (may_connect(targets, cases[i].address, cases[i].port) != cases[i].may)
            fail_msg("%s, port %d", cases[i].address, cases[i].port);
    ese_webhook_targets_free(&targets);
    targets = list_of("0.0.0.0/0");
    assert_true(may_connect(targets, "127.0.0.1", 80));
    assert_false(may_connect(targets, "::1", 80));
    ese_webhook_targets_free(&targets);
    targets = list_of("::/0");
    assert_true(may_connect(targets, "::1", 80));
    assert_false(may_connect(targets, "::ffff:127.0.0.1", 80));
    ese_webhook_targets_free(&targets);
}

static void a_name_leads_to_nothing_inner(void **state)
{
    (void)state;
    static const char *const lists[] = {"consumer.example", "*.example:8080", "consumer.example,10.0.0.0/8"};
    for (size_t i = 0; i < ESE_COUNT_OF(lists); i++) {
        struct ese_webhook_targets *targets = list_of(lists[i]);
        assert_true(may_connect(targets, "8.8.8.8", 80));
        assert_false(may_connect(targets, "127.0.0.1", 80));
        assert_int_equal(may_connect(targets, "10.0.0.1", 80), i == 2);
        ese_webhook_targets_free(&targets);
    }
}

/* What getaddrinfo(3) makes of them without asking anybody, as libcurl would: they are addresses by then. */
static void a_number_is_an_address_by_then(void **state)
{
    (void)state;
    static const char *const odd[] = {"2130706433", "0x7f.1", "127.1", "0177.0.0.1"};
    struct ese_webhook_targets *targets = list_of(NULL);
    for (size_t i = 0; i < ESE_COUNT_OF(odd); i++) {
        struct sockaddr_in address = {.sin_family = AF_INET};
        assert_int_equal(inet_aton(odd[i], &address.sin_addr), 1);
        assert_false(ese_webhook_targets_may(targets, (const struct sockaddr *)&address));
    }
    ese_webhook_targets_free(&targets);
}

static void no_other_family_is_connected_to(void **state)
{
    (void)state;
    const struct sockaddr_un local = {.sun_family = AF_UNIX, .sun_path = "/run/x"};
    struct ese_webhook_targets *targets = list_of("*,0.0.0.0/0,::/0");
    assert_false(ese_webhook_targets_may(targets, (const struct sockaddr *)&local));
    ese_webhook_targets_free(&targets);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_entry_is_named),
        cmocka_unit_test(a_list_has_a_bound),
        cmocka_unit_test(without_a_list_all_is_allowed_that_is_public),
        cmocka_unit_test(what_is_on_no_list_is_refused),
        cmocka_unit_test(localhost_is_an_address),
        cmocka_unit_test(without_a_list_nothing_inner_is_connected_to),
        cmocka_unit_test(what_the_list_names_is),
        cmocka_unit_test(a_name_leads_to_nothing_inner),
        cmocka_unit_test(a_number_is_an_address_by_then),
        cmocka_unit_test(no_other_family_is_connected_to),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
