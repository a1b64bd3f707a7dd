#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/event.h"
#include "ese-core/memory.h"

static struct ese_event sample(void)
{
    return (struct ese_event){
        .type = ESE_TYPE_CLICK,
        .sub_type = ESE_SUB_TYPE_KEY_PRESS,
        .ip = "10.0.0.1",
        .client_ts = 1767225600123,
        .data = ese_copy_text("{\"n\":1}"),
    };
}

static void copies_own_their_data(void **state)
{
    (void)state;
    struct ese_event event = sample();
    struct ese_event copy = {.data = ese_copy_text("freed by the copying")};
    ese_event_copy(&copy, &event);
    assert_ptr_not_equal(copy.data, event.data);
    ese_event_clear(&event);
    assert_null(event.data);
    assert_string_equal(ese_event_data(&event), "{}");
    assert_string_equal(ese_event_data(&copy), "{\"n\":1}");
    assert_string_equal(copy.ip, "10.0.0.1");
    ese_event_clear(&copy);
}

static void key_is_the_order_or_the_ip(void **state)
{
    (void)state;
    static const struct {
        const char *data, *key;
    } cases[] = {
        {"{}", "10.0.0.1"},
        {"{\"orderId\":\"o-7\",\"timestamp\":5}", "o-7"},
        {"{\"orderId\":7}", "10.0.0.1"},
        {"{\"orderId\":\"\"}", "10.0.0.1"},
        {"{\"inner\":{\"orderId\":\"o-7\"}}", "10.0.0.1"},
    };
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        struct ese_event event = sample();
        free(event.data);
        event.data = ese_copy_text(cases[i].data);
        ese_event_set_key(&event);
        assert_string_equal(event.key, cases[i].key);
        ese_event_clear(&event);
    }
}

static void traceparent_names_the_event(void **state)
{
    (void)state;
    struct ese_event event = {0};
    assert_int_equal(ese_id_parse("017f22e2-79b0-7cc3-98c4-dc0c0c07398f", &event.id, NULL), 0);
    ese_event_set_traceparent(&event);
    assert_string_equal(event.traceparent, "00-017f22e279b07cc398c4dc0c0c07398f-98c4dc0c0c07398f-01");
    assert_true(ese_traceparent_valid(event.traceparent));
}

static void refuses_malformed_traceparents(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "00-017f22e279b07cc398c4dc0c0c07398f-98c4dc0c0c07398f",
        "01-017f22e279b07cc398c4dc0c0c07398f-98c4dc0c0c07398f-01",
        "00-017F22E279b07cc398c4dc0c0c07398f-98c4dc0c0c07398f-01",
        "00-00000000000000000000000000000000-98c4dc0c0c07398f-01",
        "00-017f22e279b07cc398c4dc0c0c07398f-0000000000000000-01",
        "00-017f22e279b07cc398c4dc0c0c07398f 98c4dc0c0c07398f-01",
        "00-017f22e279b07cc398c4dc0c0c07398f-98c4dc0c0c07398f-0g",
        "00-017f22e279b07cc398c4dc0c0c07398f-98c4dc0c0c07398f-011",
    };
    for (size_t i = 0; i < ESE_COUNT_OF(bad); i++)
        assert_false(ese_traceparent_valid(bad[i]));
}

/* Lanes and partitions go by it, also those of yesterday's files: the published FNV-1a values. */
static void key_hash_never_changes(void **state)
{
    (void)state;
    assert_int_equal(ese_event_key_hash(""), 0x811c9dc5);
    assert_int_equal(ese_event_key_hash("a"), 0xe40c292c);
    assert_int_equal(ese_event_key_hash("foobar"), 0xbf9cf968);
}

static void content_hash_sees_every_member(void **state)
{
    (void)state;
    struct ese_event event = sample();
    uint64_t hash = ese_event_content_hash(&event);
    struct ese_event other = {0};
    ese_event_copy(&other, &event);
    assert_true(ese_event_content_hash(&other) == hash);

    other.type[0] ^= 1;
    assert_true(ese_event_content_hash(&other) != hash);
    ese_event_copy(&other, &event);
    other.sub_type[0] ^= 1;
    assert_true(ese_event_content_hash(&other) != hash);
    ese_event_copy(&other, &event);
    other.ip[0] ^= 1;
    assert_true(ese_event_content_hash(&other) != hash);
    ese_event_copy(&other, &event);
    other.client_ts++;
    assert_true(ese_event_content_hash(&other) != hash);
    ese_event_copy(&other, &event);
    other.data[5] = '2';
    assert_true(ese_event_content_hash(&other) != hash);
    ese_event_clear(&other);
    ese_event_clear(&event);
}

static void content_hash_sees_where_members_end(void **state)
{
    (void)state;
    struct ese_event one = {.type = "AB", .sub_type = "C"}, other = {.type = "A", .sub_type = "BC"};
    assert_true(ese_event_content_hash(&one) != ese_event_content_hash(&other));
}

/* What a server or a carrier adds is no content: a retry must be recognised by it. */
static void content_hash_passes_over_the_rest(void **state)
{
    (void)state;
    struct ese_event event = sample();
    uint64_t hash = ese_event_content_hash(&event);
    event.server_ts = 7;
    event.id.bytes[3] = 7;
    event.traceparent[0] = 'x';
    assert_true(ese_event_content_hash(&event) == hash);
    ese_event_clear(&event);
}

static struct ese_id id_of_name(const char *source, const char *foreign_id)
{
    struct ese_event event = sample();
    snprintf(event.source, sizeof event.source, "%s", source);
    snprintf(event.foreign_id, sizeof event.foreign_id, "%s", foreign_id);
    struct ese_id id = ese_event_id_of_name(&event);
    ese_event_clear(&event);
    return id;
}

static void a_name_makes_one_id(void **state)
{
    (void)state;
    static const char *const names[][2] = {{"shop", "7"},  {"shop", "8"}, {"sho", "p7"},
                                           {"sho", "p 7"}, {"", "7"},     {"", "shop 7"},
                                           {"shop 7", ""}, {"7", "shop"}};
    struct ese_id ids[ESE_COUNT_OF(names)];
    for (size_t i = 0; i < ESE_COUNT_OF(names); i++) {
        ids[i] = id_of_name(names[i][0], names[i][1]);
        struct ese_id again = id_of_name(names[i][0], names[i][1]);
        assert_true(ese_id_equal(&ids[i], &again));
        assert_false(ese_id_is_ours(&ids[i])); /* it has no place in a lane */
        for (size_t j = 0; j < i; j++)
            assert_false(ese_id_equal(&ids[i], &ids[j]));
    }
    char text[ESE_ID_TEXT_SIZE]; /* the same for ever: it is in topics */
    ese_id_text(&ids[0], text);
    assert_string_equal(text, "347f75e0-8ae7-8b0d-b07c-cc0ceb24ada7");
}

/* The longest there are differ in their last character. */
static void a_long_name_is_not_cut(void **state)
{
    (void)state;
    char source[ESE_EVENT_SOURCE_SIZE] = {0}, id[ESE_EVENT_FOREIGN_ID_SIZE] = {0};
    memset(source, 's', sizeof source - 1);
    memset(id, 'i', sizeof id - 1);
    struct ese_id first = id_of_name(source, id);
    id[sizeof id - 2] = 'j';
    struct ese_id second = id_of_name(source, id);
    assert_false(ese_id_equal(&first, &second));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_own_their_data),
        cmocka_unit_test(key_is_the_order_or_the_ip),
        cmocka_unit_test(traceparent_names_the_event),
        cmocka_unit_test(refuses_malformed_traceparents),
        cmocka_unit_test(key_hash_never_changes),
        cmocka_unit_test(content_hash_sees_every_member),
        cmocka_unit_test(content_hash_sees_where_members_end),
        cmocka_unit_test(content_hash_passes_over_the_rest),
        cmocka_unit_test(a_name_makes_one_id),
        cmocka_unit_test(a_long_name_is_not_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
