#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/event_scan.h"
#include "ese-core/memory.h"

#define ID "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
#define TRACE "00-017f22e279b07cc398c4dc0c0c07398f-98c4dc0c0c07398f-01"
#define CLICK(data) \
    "{\"event\":{\"type\":\"CLICK_STREAM_EVENT\",\"sub_type\":\"KEY_PRESS_EVENT\"}," \
    "\"timestamp\":1767225600123,\"ip\":\"203.0.113.7-3\",\"data\":" data ",\"id\":\"" ID "\"}"
#define PAGED(offset) \
    "{\"type\":\"T\",\"sub_type\":\"S\",\"ip\":\"i\",\"client_ts\":-5,\"server_ts\":7,\"data\":{\"k\":[1,{\"a\":2}]}," \
    "\"id\":\"" ID "\",\"partition\":\"clicks/0\",\"offset\":" offset ",\"traceparent\":\"" TRACE "\"}"

/* ---- what both readers say ------------------------------------------------------------------- */

/* The same text with a member that is for jansson only, just in front of the last brace. */
static char *make_rare(const char *text, size_t length)
{
    static const char rare[] = ",\"rare\":0.5}";
    while (text[length - 1] != '}')
        length--;
    char *made = ese_alloc(length + sizeof rare);
    memcpy(made, text, length - 1);
    memcpy(made + length - 1, rare, sizeof rare);
    return made;
}

static void assert_same(const struct ese_event *scanned, const struct ese_event *parsed, const char *text)
{
    struct ese_event a = *scanned, b = *parsed;
    a.data = b.data = NULL;
    if (memcmp(&a.id, &b.id, sizeof a.id) != 0 || strcmp(a.type, b.type) != 0 ||
        strcmp(a.sub_type, b.sub_type) != 0 || strcmp(a.ip, b.ip) != 0 || strcmp(a.key, b.key) != 0 ||
        a.client_ts != b.client_ts || a.server_ts != b.server_ts || strcmp(a.traceparent, b.traceparent) != 0 ||
        strcmp(a.source, b.source) != 0 || strcmp(a.foreign_id, b.foreign_id) != 0 ||
        strcmp(ese_event_data(scanned), ese_event_data(parsed)) != 0)
        fail_msg("read as another event: %s", text);
}

typedef bool scan_one(const char *text, size_t length, struct ese_event *event);
typedef int parse_one(const char *text, size_t length, struct ese_event *event, struct ese_error *error);

/* Whether the scanner takes it; then it has to be what jansson says. The text is given to it without a NUL
 * behind, in memory that ends there, so that a sanitizer sees it read on. */
static bool compare_one(const char *text, size_t length, scan_one *scan, parse_one *parse)
{
    struct ese_event scanned = {0}, parsed = {0}, none = {0};
    struct ese_error error;
    char *exact = malloc(length > 0 ? length : 1);
    memcpy(exact, text, length);
    bool is_taken = scan(exact, length, &scanned);
    if (is_taken) {
        char *rare = make_rare(exact, length);
        if (parse(rare, strlen(rare), &parsed, &error) != 0)
            fail_msg("%.*s: taken, though %s", (int)length, text, error.text);
        assert_same(&scanned, &parsed, rare);
        free(rare);
    } else {
        assert_memory_equal(&scanned, &none, sizeof none);
    }
    free(exact);
    ese_event_clear(&scanned);
    ese_event_clear(&parsed);
    return is_taken;
}

static bool compare_posted(const char *text, size_t length)
{
    return compare_one(text, length, ese_event_scan_posted, ese_event_json_read_posted);
}

static bool compare_record(const char *text, size_t length)
{
    return compare_one(text, length, ese_event_scan_record, ese_event_json_read_record);
}

static void assert_same_lists(const struct ese_event_list *scanned, const struct ese_event_list *parsed,
                              const char *text)
{
    assert_int_equal(scanned->count, parsed->count);
    for (size_t i = 0; i < scanned->count; i++)
        assert_same(&scanned->events[i], &parsed->events[i], text);
}

static bool compare_list(const char *text, size_t length)
{
    struct ese_event_list scanned = {.count = 0}, parsed;
    struct ese_error error;
    bool is_taken = ese_event_scan_posted_list(text, length, 3, &scanned);
    if (is_taken) {
        char *rare = make_rare(text, length);
        if (ese_event_json_read_posted_list(rare, strlen(rare), 3, &parsed, &error) != 0)
            fail_msg("%.*s: taken, though %s", (int)length, text, error.text);
        assert_same_lists(&scanned, &parsed, rare);
        ese_event_list_clear(&parsed);
        free(rare);
    }
    ese_event_list_clear(&scanned);
    return is_taken;
}

static bool compare_page(const char *text, size_t length)
{
    struct ese_event_page scanned = {.offsets = NULL}, parsed;
    struct ese_error error;
    bool is_taken = ese_event_scan_page(text, length, &scanned);
    if (is_taken) {
        char *rare = make_rare(text, length);
        if (ese_event_json_read_page(rare, strlen(rare), &parsed, &error) != 0)
            fail_msg("%.*s: taken, though %s", (int)length, text, error.text);
        assert_same_lists(&scanned.list, &parsed.list, rare);
        assert_string_equal(scanned.next, parsed.next);
        for (size_t i = 0; i < scanned.list.count; i++)
            assert_true(scanned.offsets[i] == parsed.offsets[i]);
        ese_event_page_clear(&parsed);
        free(rare);
    }
    ese_event_page_clear(&scanned);
    return is_taken;
}

/* ---- cases ----------------------------------------------------------------------------------- */

typedef bool compare(const char *text, size_t length);

static const struct {
    compare *compare;
    bool is_taken;
    const char *text;
} cases[] = {
    {compare_posted, true, CLICK("{}")},
    {compare_posted, true, CLICK("{\"a\":1,\"b\":[true,false,null,-12],\"ba\":{\"x\":\"\\n\\\"\\\\\"}}")},
    {compare_posted, true, " " CLICK(" {\"a\" : [ 1 , 2 ] , \"b c\" : \"d  e\" } ") "\r\n\t"},
    {compare_posted, true, CLICK("{\"orderId\":\"0b2c\",\"timestamp\":1767225600123}")},
    {compare_posted, true, CLICK("{\"orderId\":7}")},
    {compare_posted, true, CLICK("{\"orderId\":\"\"}")},
    {compare_posted, true, CLICK("{\"a\":{\"orderId\":\"0b2c\"}}")},
    {compare_posted, true, CLICK("{\"a\":\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\",\"\xc3\xa9\":\"<&>\x7f\"}")},
    {compare_posted, true, CLICK("{\"a\":999999999999999999,\"b\":-999999999999999999}")},
    {compare_posted, true, "{\"timestamp\":0,\"ip\":\"i\",\"source\":\"s\",\"id\":\"" ID "\","
                           "\"event\":{\"sub_type\":\"S\",\"type\":\"T\"}}"},
    {compare_posted, true, "{\"timestamp\":0,\"ip\":\"i\",\"id\":\"mine\","
                           "\"event\":{\"sub_type\":\"S\",\"type\":\"T\"}}"},
    /* rare */
    {compare_posted, false, CLICK("{\"b\":1,\"a\":2}")},
    {compare_posted, false, CLICK("{\"a\":0.5}")},
    {compare_posted, false, CLICK("{\"a\":1e3}")},
    {compare_posted, false, CLICK("{\"a\":-0}")},
    {compare_posted, false, CLICK("{\"a\":1000000000000000000}")},
    {compare_posted, false, CLICK("{\"a\":\"\\u0041\"}")},
    {compare_posted, false, CLICK("{\"a\":\"\\/\"}")},
    {compare_posted, false, CLICK("{\"\\n\":1}")},
    {compare_posted, false, CLICK("{\"orderId\":\"a\\nb\"}")},
    {compare_posted, false, CLICK("{},\"more\":1")},
    /* wrong */
    {compare_posted, false, ""},
    {compare_posted, false, "[]"},
    {compare_posted, false, "{}"},
    {compare_posted, false, CLICK("{}") "}"},
    {compare_posted, false, CLICK("{},\"ip\":\"again\"")},
    {compare_posted, false, CLICK("[]")},
    {compare_posted, false, CLICK("{\"a\":1,\"a\":1}")},
    {compare_posted, false, CLICK("{\"a\":01}")},
    {compare_posted, false, CLICK("{\"a\":- 1}")},
    {compare_posted, false, CLICK("{\"a\":1 2}")},
    {compare_posted, false, CLICK("{\"a\":\"\x1f\"}")},
    {compare_posted, false, CLICK("{\"a\":\"\xc3\"}")},
    {compare_posted, false, CLICK("{\"a\":\"\xed\xa0\x80\"}")},
    {compare_posted, false, CLICK("{\"a\":\"\xc0\x80\"}")},
    {compare_posted, false, CLICK("{\"a\":\"\xf4\x90\x80\x80\"}")},
    {compare_posted, false, CLICK("{\"a\":nul}")},
    {compare_posted, false, CLICK("{\"a\":}")},
    {compare_posted, false, CLICK("{\"a\":1,}")},
    {compare_posted, false, CLICK("{\"a\":[1,]}")},
    {compare_posted, false, "{\"timestamp\":0,\"ip\":\"\",\"event\":{\"sub_type\":\"S\",\"type\":\"T\"}}"},
    {compare_posted, false, "{\"timestamp\":0,\"ip\":\"i\",\"event\":{\"sub_type\":\"S\"}}"},
    {compare_posted, false, "{\"timestamp\":\"0\",\"ip\":\"i\",\"event\":{\"sub_type\":\"S\",\"type\":\"T\"}}"},
    {compare_posted, false, "{\"timestamp\":0,\"event\":{\"sub_type\":\"S\",\"type\":\"T\"}}"},

    {compare_record, true, "{\"sub_type\":\"S\",\"ip\":\"i\",\"client_timestamp\":5}"},
    {compare_record, true, "{\"sub_type\":\"S\",\"ip\":\"i\",\"client_timestamp\":5,\"data\":\"{ }\"}"},
    {compare_record, true, "{\"sub_type\":\"S\",\"ip\":\"i\",\"client_timestamp\":5,"
                           "\"data\":\"{\\\"orderId\\\":\\\"o\\\",\\n\\\"p\\\":\\\"\\\\\\\"\\\\n\\\"}\"}"},
    {compare_record, false, "{\"sub_type\":\"S\",\"ip\":\"i\",\"client_timestamp\":5,\"data\":\"{\\n\\b}\"}"},
    {compare_record, false, "{\"sub_type\":\"S\",\"ip\":\"i\",\"client_timestamp\":5,\"data\":\"{}{}\"}"},
    {compare_record, false, "{\"sub_type\":\"S\",\"ip\":\"i\",\"client_timestamp\":5,\"data\":{}}"},
    {compare_record, false, "{\"sub_type\":\"S\",\"ip\":\"i\",\"client_timestamp\":5,"
                            "\"data\":\"{\\\"a\\\":\\\"\n\\\"}\"}"},

    {compare_list, true, "{\"events\":[]}"},
    {compare_list, true, "{\"events\":[" CLICK("{}") ",\n" CLICK("{\"a\":1}") "]}"},
    {compare_list, false, "{\"events\":[" CLICK("{}") "," CLICK("{}") "," CLICK("{}") "," CLICK("{}") "]}"},
    {compare_list, false, "{\"events\":[" CLICK("{}") "," CLICK("{\"a\":0.5}") "]}"},
    {compare_list, false, "{\"events\":[" CLICK("{}") ",]}"},
    {compare_list, false, "{\"events\":{}}"},
    {compare_list, false, "{\"event\":[]}"},

    {compare_page, true, "{\"events\":[],\"next\":\"c\"}"},
    {compare_page, true, "{\"events\":[" PAGED("3") "," PAGED("4") "],\"next\":\"c\"}"},
    {compare_page, false, "{\"events\":[" PAGED("3") "," PAGED("\"4\"") "],\"next\":\"c\"}"},
    {compare_page, false, "{\"events\":[" PAGED("3") "],\"next\":\"\"}"},
    {compare_page, false, "{\"events\":[" PAGED("3") "]}"},
};

static void what_is_taken_is_what_jansson_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        if (cases[i].compare(cases[i].text, strlen(cases[i].text)) != cases[i].is_taken)
            fail_msg("%s: %s", cases[i].text, cases[i].is_taken ? "not taken" : "taken");
    }
}

/* Each case cut anywhere, and with each of these bytes in the place of any, and in front of it: whatever is
 * still taken says the same to both. */
static void nothing_else_is_taken_however_it_is_bent(void **state)
{
    (void)state;
    static const char bytes[] = "\"\\{}[],: \n0-.eE1tn\x01\x7f\x80\xc3\xff";
    int64_t taken = 0;
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        size_t length = strlen(cases[i].text);
        char *bent = ese_alloc(length + 2);
        for (size_t at = 0; at < length; at++) {
            cases[i].compare(cases[i].text, at);
            for (size_t k = 0; k < sizeof bytes; k++) { /* the NUL, too */
                memcpy(bent, cases[i].text, length);
                bent[at] = bytes[k];
                taken += cases[i].compare(bent, length);
                memcpy(bent + at + 1, cases[i].text + at, length - at);
                taken += cases[i].compare(bent, length + 1);
            }
        }
        free(bent);
    }
    assert_in_range(taken, 1000, INT64_MAX);
}

/* ---- nesting and sizes ----------------------------------------------------------------------- */

static char *nested(int levels)
{
    char *text = ese_alloc(1000), *end = text;
    end += snprintf(end, 400, "{\"event\":{\"type\":\"T\",\"sub_type\":\"S\"},"
                              "\"timestamp\":1,\"ip\":\"i\",\"data\":{\"a\":");
    for (int i = 1; i < levels; i++)
        *end++ = '[';
    *end++ = '1';
    for (int i = 1; i < levels; i++)
        *end++ = ']';
    memcpy(end, "}}", 2);
    return text;
}

static void no_deeper_than_data_may_be(void **state)
{
    (void)state;
    struct ese_event event = {0};
    for (int levels = 31; levels <= 34; levels++) {
        char *text = nested(levels);
        assert_int_equal(compare_posted(text, strlen(text)), levels <= ESE_EVENT_DATA_DEPTH);
        assert_int_equal(ese_event_json_read_posted(text, strlen(text), &event, NULL) == 0,
                         levels <= ESE_EVENT_DATA_DEPTH);
        free(text);
    }
    ese_event_clear(&event);
}

static __attribute__((format(printf, 1, 0))) void assert_fits(const char *format, const char *word, size_t size)
{
    char text[400];
    snprintf(text, sizeof text, format, word);
    if (compare_posted(text, strlen(text)) != (strlen(word) < size))
        fail_msg("%zu bytes of %zu: %s", strlen(word), size, text);
}

#define SIZED(members) "{\"event\":{\"type\":\"T\",\"sub_type\":\"S\"},\"timestamp\":1," members "}"

/* What fits an event to the byte, and what does not. */
static void no_longer_than_an_event_has_room_for(void **state)
{
    (void)state;
    char word[ESE_EVENT_FOREIGN_ID_SIZE + 1] = "";
    for (size_t length = 1; length <= ESE_EVENT_FOREIGN_ID_SIZE; length++) {
        memset(word, 'w', length);
        assert_fits(SIZED("\"ip\":\"%s\""), word, ESE_EVENT_IP_SIZE);
        assert_fits(SIZED("\"ip\":\"i\",\"id\":\"%s\""), word, ESE_EVENT_FOREIGN_ID_SIZE);
        assert_fits(SIZED("\"ip\":\"i\",\"data\":{\"orderId\":\"%s\"}"), word, ESE_EVENT_KEY_SIZE);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_taken_is_what_jansson_says),
        cmocka_unit_test(nothing_else_is_taken_however_it_is_bent),
        cmocka_unit_test(no_deeper_than_data_may_be),
        cmocka_unit_test(no_longer_than_an_event_has_room_for),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests_name("event_scan", tests, NULL, NULL);
}
