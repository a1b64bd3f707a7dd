#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "ese-client/padding.h"
#include "ese-client/poison.h"
#include "ese-core/memory.h"

static void pads_to(const char *data, size_t bytes, size_t wanted)
{
    struct ese_event event = {.data = ese_copy_text(data)};
    ese_padding_add(&event, bytes);
    assert_int_equal(strlen(ese_event_data(&event)), wanted);
    json_t *read = json_loads(ese_event_data(&event), 0, NULL);
    assert_non_null(read);
    assert_true(json_is_object(read));
    assert_int_equal(json_object_get(read, "padding") != NULL, wanted == bytes);
    assert_int_equal(json_object_get(read, "a") != NULL, data != NULL && strchr(data, 'a') != NULL);
    json_decref(read);
    ese_event_clear(&event);
}

static void data_becomes_as_long_as_wanted(void **state)
{
    (void)state;
    pads_to(NULL, 200, 200);
    pads_to("{}", 200, 200);
    pads_to("{}", ESE_PADDING_LEAST, ESE_PADDING_LEAST);
    pads_to("{\"a\":1}", 200, 200);
    pads_to("{\"a\":1}", 20, 20);
}

static void poisons(const char *data, const char *wanted)
{
    struct ese_event event = {.data = data == NULL ? NULL : ese_copy_text(data)};
    ese_poison_add(&event);
    assert_string_equal(ese_event_data(&event), wanted);
    ese_event_clear(&event);
}

static void poison_keeps_what_is_there(void **state)
{
    (void)state;
    poisons(NULL, "{\"stumble\":\"fail\"}");
    poisons("{}", "{\"stumble\":\"fail\"}");
    poisons("{\"orderId\":\"o-1\"}", "{\"stumble\":\"fail\",\"orderId\":\"o-1\"}");
}

static void what_is_longer_already_stays(void **state)
{
    (void)state;
    pads_to("{\"a\":1}", 19, 7);
    pads_to("{}", 0, 2);
    pads_to("{}", ESE_PADDING_LEAST - 1, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_becomes_as_long_as_wanted),
        cmocka_unit_test(poison_keeps_what_is_there),
        cmocka_unit_test(what_is_longer_already_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
