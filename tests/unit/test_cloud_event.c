/* CloudEvents in binary content mode: what is one, and what is wrong with those that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <strings.h>

#include "ese-core/cloud_event.h"
#include "ese-core/memory.h"

#define DATA "{\"event\":{\"type\":\"T\",\"sub_type\":\"S\"},\"timestamp\":1,\"ip\":\"a\",\"data\":{}}"

/* Name and value by turns; NULL behind the last. */
struct headers {
    const char *pairs[20];
};

static struct ese_error error;
static struct ese_cloud_event cloud_event;

static int header(const void *context, const char *name, const char **value)
{
    const struct headers *headers = context;
    int count = 0;
    *value = NULL;
    for (size_t i = 0; headers->pairs[i] != NULL; i += 2) {
        if (strcasecmp(headers->pairs[i], name) == 0 && count++ == 0)
            *value = headers->pairs[i + 1];
    }
    return count;
}

static int read_headers(const struct headers *headers)
{
    cloud_event = (struct ese_cloud_event){.id = ""};
    error.text[0] = '\0';
    return ese_cloud_event_read(header, headers, &cloud_event, &error);
}

/* A good one, but for one header: another value, or NULL: none; or one more. */
static struct headers good_but(const char *name, const char *value)
{
    struct headers headers = {{"Ce-Specversion", "1.0", "ce-id", "A234-1234-1234", "ce-source",
                               "/mycontext", "ce-type", "T", "Content-Type", "application/json"}};
    size_t i = 0;
    while (headers.pairs[i] != NULL && strcasecmp(headers.pairs[i], name) != 0)
        i += 2;
    headers.pairs[i] = value == NULL ? "x-nothing" : name;
    headers.pairs[i + 1] = value == NULL ? "" : value;
    return headers;
}

static void what_has_none_of_the_headers_is_none(void **state)
{
    (void)state;
    static const struct headers nothing = {{NULL}};
    static const struct headers plain = {{"Content-Type", "text/plain", "x-ce-id", "7"}};
    assert_int_equal(read_headers(&nothing), 0);
    assert_int_equal(read_headers(&plain), 0);
}

static void a_good_one_is_read(void **state)
{
    (void)state;
    static const char *const more[][2] = {
        {"ce-time", "2026-11-26T03:30:00Z"},       {"ce-time", "2024-02-29T23:59:60.123456-12:30"},
        {"ce-subject", "anything"},                {"content-type", ""},
        {"content-type", "application/json;charset=utf-8"}, {"content-type", "Application/Vnd.A+JSON"},
        {"ce-comexampleextension1", "value"},      {"ce-dataschema", "#"},
    };
    for (size_t i = 0; i < ESE_COUNT_OF(more); i++) {
        const struct headers headers = good_but(more[i][0], more[i][1]);
        if (read_headers(&headers) != 1)
            fail_msg("%s: %s: %s", more[i][0], more[i][1], error.text);
        assert_string_equal(cloud_event.id, "A234-1234-1234");
        assert_string_equal(cloud_event.source, "/mycontext");
        assert_string_equal(cloud_event.type, "T");
    }
}

/* As the example of the binding has it: "Euro € 😀". */
static void values_are_percent_encoded(void **state)
{
    (void)state;
    struct headers headers = good_but("ce-id", "Euro%20%E2%82%AC%20%f0%9f%98%80%25");
    assert_int_equal(read_headers(&headers), 1);
    assert_string_equal(cloud_event.id, "Euro \xE2\x82\xAC \xF0\x9F\x98\x80%");
    headers = good_but("ce-source", "caf\xC3\xA9"); /* as some send it */
    assert_int_equal(read_headers(&headers), 1);
    assert_string_equal(cloud_event.source, "caf\xC3\xA9");
}

/* As versions of the binding had it that did not yet percent-encode blanks and quotes. */
static void a_quoted_value_is_taken_too(void **state)
{
    (void)state;
    static const char *const values[][2] = {
        {"\"a b\"", "a b"},     {"\"a \\\"b\\\" \\\\\"", "a \"b\" \\"},
        {"\"a%20b\"", "a b"},   {" a \t", "a"},
        {"a\"b", "a\"b"},       {"%22a%22", "\"a\""},
        {"%e2%82%ac", "\xE2\x82\xAC"},
    };
    for (size_t i = 0; i < ESE_COUNT_OF(values); i++) {
        const struct headers headers = good_but("ce-id", values[i][0]);
        if (read_headers(&headers) != 1)
            fail_msg("%s: %s", values[i][0], error.text);
        assert_string_equal(cloud_event.id, values[i][1]);
    }
}

static void assert_wrong(const char *name, const char *value, const char *remedy)
{
    const struct headers headers = good_but(name, value);
    if (read_headers(&headers) != -1)
        fail_msg("taken: %s: %s", name, value);
    assert_int_equal(error.code, ESE_E_INVALID);
    if (strncmp(error.text, name, strlen(name)) != 0 || strstr(error.text, remedy) == NULL)
        fail_msg("%s: %s: %s", name, value, error.text);
}

static void what_is_wrong_is_named_with_its_remedy(void **state)
{
    (void)state;
    static const char *const required[] = {"ce-specversion", "ce-id", "ce-source", "ce-type"};
    static const char *const times[] = {
        "now", "", "2026-11-26", "2026-11-26T03:30Z", "2026-11-26T03:30:00", "2026-13-26T03:30:00Z",
        "2026-11-00T03:30:00Z", "2026-11-26T24:30:00Z", "2026-11-26T03:30:00.Z",
        "2026-11-26T03:30:00+25:00", "2026-11-26T03:30:00+01:00x", "2026-11-26 03:30:00Z",
        "1764127800000"};
    char longest[300];
    for (size_t i = 0; i < ESE_COUNT_OF(required); i++) {
        assert_wrong(required[i], NULL, "send it, as in");
        assert_wrong(required[i], "", "send it, as in");
        assert_wrong(required[i], "%4", "two hexadecimal digits");
        assert_wrong(required[i], "%zz", "two hexadecimal digits");
        assert_wrong(required[i], "a%00b", "leave it out");
        assert_wrong(required[i], "a%0D%0Ab", "leave it out");
        memset(longest, 'x', sizeof longest - 1);
        longest[sizeof longest - 1] = '\0';
        assert_wrong(required[i], longest, "send a shorter one");
        if (i > 0)
            assert_wrong(required[i], "%ff", "percent-encode it");
    }
    assert_wrong("ce-id", "%C0%A0", "percent-encode it"); /* a blank, longer than need be */
    assert_wrong("ce-id", "a%C2%85", "leave it out");
    assert_wrong("ce-id", "\"\"", "send it, as in");
    assert_wrong("ce-id", " ", "send it, as in");
    assert_wrong("ce-id", "\"a", "percent-encode it");
    assert_wrong("ce-id", "\"a\"b", "percent-encode it");
    assert_wrong("ce-id", "\"a\\\"", "percent-encode it");
    assert_wrong("ce-datacontenttype", "application/json", "Content-Type");
    assert_wrong("ce-specversion", "0.3", "1.0");
    assert_wrong("ce-specversion", "1.0.2", "1.0");
    for (size_t i = 0; i < ESE_COUNT_OF(times); i++)
        assert_wrong("ce-time", times[i], "RFC 3339");
    assert_wrong("Content-Type", "text/xml", "application/json");
    assert_wrong("Content-Type", "application/cloudevents+json; charset=utf-8", "binary");
}

/* Whether they say the same or not, and in whatever case they are written. */
static void what_is_there_twice_is_refused(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"ce-specversion", "1.0"}, {"ce-id", "A234-1234-1234"}, {"CE-ID", "other"},
        {"ce-source", "/other"},   {"Ce-Type", "T"},            {"content-type", "application/json"},
    };
    for (size_t i = 0; i < ESE_COUNT_OF(pairs); i++) {
        struct headers headers = good_but("x-more", "");
        headers.pairs[12] = pairs[i][0];
        headers.pairs[13] = pairs[i][1];
        assert_int_equal(read_headers(&headers), -1);
        if (strncasecmp(error.text, pairs[i][0], strlen(pairs[i][0])) != 0 ||
            strstr(error.text, "send it once") == NULL)
            fail_msg("%s: %s", pairs[i][0], error.text);
    }
    struct headers headers = good_but("ce-time", "2026-11-26T03:30:00Z");
    headers.pairs[12] = "ce-time";
    headers.pairs[13] = "2026-11-26T03:30:00Z";
    assert_int_equal(read_headers(&headers), -1);
    assert_non_null(strstr(error.text, "ce-time: is there twice"));
}

/* Also without any of the ce- headers. */
static void structured_mode_is_refused(void **state)
{
    (void)state;
    static const struct headers batch = {{"Content-Type", "application/cloudevents-batch+json"}};
    assert_int_equal(read_headers(&batch), -1);
    assert_non_null(strstr(error.text, "Content-Type"));
    assert_non_null(strstr(error.text, "binary content mode"));
}

static void the_longest_ones_fit(void **state)
{
    (void)state;
    char text[ESE_EVENT_FOREIGN_ID_SIZE];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    struct headers headers = good_but("ce-id", text);
    assert_int_equal(read_headers(&headers), 1);
    assert_string_equal(cloud_event.id, text);
    text[ESE_EVENT_SOURCE_SIZE - 1] = '\0';
    headers = good_but("ce-source", text);
    assert_int_equal(read_headers(&headers), 1);
    assert_string_equal(cloud_event.source, text);
}

/* ---- its data ------------------------------------------------------------------------------ */

static int take(const char *body, struct ese_event *event)
{
    const struct headers headers = good_but("x-more", "");
    assert_int_equal(read_headers(&headers), 1);
    return ese_cloud_event_take(&cloud_event, body, strlen(body), event, &error);
}

static void its_data_come_in_two_shapes(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        DATA, "{\"sub_type\":\"S\",\"ip\":\"a\",\"client_timestamp\":1,\"data\":\"{}\"}"};
    for (size_t i = 0; i < ESE_COUNT_OF(bodies); i++) {
        struct ese_event event = {0};
        assert_int_equal(take(bodies[i], &event), 0);
        assert_string_equal(event.type, "T");
        assert_string_equal(event.sub_type, "S");
        assert_string_equal(event.key, "a");
        assert_int_equal(event.client_ts, 1);
        assert_string_equal(event.foreign_id, "A234-1234-1234");
        assert_string_equal(event.source, "/mycontext");
        assert_true(ese_id_is_none(&event.id));
        ese_event_clear(&event);
    }
}

static void data_that_do_not_fit_it_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *body, *word;
    } cases[] = {
        {"", "the body of the CloudEvent"},
        {"[]", "the body of the CloudEvent"},
        {"{\"event\":{\"type\":\"U\",\"sub_type\":\"S\"},\"timestamp\":1,\"ip\":\"a\"}", "ce-type"},
        {"{\"event\":{\"type\":\"T\",\"sub_type\":\"S\"},\"timestamp\":1,\"ip\":\"a\",\"id\":\"7\"}", "ce-id"},
        {"{\"event\":{\"type\":\"T\",\"sub_type\":\"S\"},\"timestamp\":1,\"ip\":\"a\","
         "\"id\":\"01932c07-209b-7a3e-8d4e-1f2a3b4c5d6e\"}", "ce-id"},
    };
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        struct ese_event event = {0};
        assert_int_equal(take(cases[i].body, &event), -1);
        assert_int_equal(error.code, ESE_E_INVALID);
        if (strstr(error.text, cases[i].word) == NULL)
            fail_msg("%s: %s", cases[i].body, error.text);
        assert_null(event.data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_has_none_of_the_headers_is_none),
        cmocka_unit_test(a_good_one_is_read),
        cmocka_unit_test(values_are_percent_encoded),
        cmocka_unit_test(a_quoted_value_is_taken_too),
        cmocka_unit_test(what_is_there_twice_is_refused),
        cmocka_unit_test(what_is_wrong_is_named_with_its_remedy),
        cmocka_unit_test(structured_mode_is_refused),
        cmocka_unit_test(the_longest_ones_fit),
        cmocka_unit_test(its_data_come_in_two_shapes),
        cmocka_unit_test(data_that_do_not_fit_it_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
