#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/buffer.h"
#include "transports/registry.h"

/* No test may name a transport: the first of the list stands for all. */
static const struct ese_transport *first(void)
{
    const struct ese_transport *transport = ese_registry()->transport;
    if (transport == NULL)
        skip();
    return transport;
}

static const struct ese_option transport_option[] = {
    {.name = "transport", .kind = ESE_OPTION_TEXT, .value = "NAME", .help = "How the events travel."},
    ESE_OPTION_END,
};

/* "NAME:OPTION=VALUE" with an option of the face that takes any text; NULL where there is none. */
static const struct ese_option *text_option(const struct ese_transport *transport, enum ese_face face)
{
    const struct ese_option *option = ese_registry_options(transport, face);
    while (option != NULL && option->name != NULL && option->kind != ESE_OPTION_TEXT)
        option++;
    return option != NULL && option->name != NULL ? option : NULL;
}

static struct ese_config *config_for(const char *specification)
{
    struct ese_config *config = ese_config_new();
    ese_config_add(config, "Options", transport_option);
    if (specification != NULL)
        ese_config_give(config, "transport", specification);
    return config;
}

static void refused(const char *specification, enum ese_face face, const char *naming)
{
    struct ese_config *config = config_for(specification);
    struct ese_error error = {0};
    assert_int_equal(ese_registry_choose(config, face, &error), -1);
    assert_int_equal(error.code, ESE_E_USAGE);
    assert_non_null(strstr(error.text, naming));
    ese_config_free(&config);
}

static void every_entry_is_complete(void **state)
{
    (void)state;
    for (const struct ese_registry_entry *entry = ese_registry(); entry->transport != NULL; entry++) {
        const struct ese_transport *transport = entry->transport;
        assert_non_null(transport->name);
        assert_non_null(transport->summary);
        assert_non_null(transport->consume);
        assert_true(transport->promises.durability != 0);
        assert_non_null(strstr(entry->heading, transport->name));
        const struct ese_registry_entry *found = NULL;
        assert_int_equal(ese_registry_find(transport->name, &found, NULL), 0);
        assert_ptr_equal(found, entry);
    }
}

static void unknown_names_are_refused_with_the_known(void **state)
{
    (void)state;
    const char *name = first()->name;
    refused("pigeon", ESE_FACE_CONSUME, "pigeon");
    refused("pigeon", ESE_FACE_CONSUME, name);
    refused("", ESE_FACE_CONSUME, name);
    refused(NULL, ESE_FACE_CONSUME, name);
    struct ese_buffer longer = ESE_BUFFER_INIT(100);
    ese_buffer_printf(&longer, "%sx:a=b", name);
    refused(longer.text, ESE_FACE_CONSUME, "no transport");
    ese_buffer_free(&longer);
}

static void a_missing_face_is_refused(void **state)
{
    (void)state;
    for (const struct ese_registry_entry *entry = ese_registry(); entry->transport != NULL; entry++) {
        if (entry->transport->store == NULL)
            refused(entry->transport->name, ESE_FACE_STORE, "cannot be used here");
    }
}

static void options_follow_the_colon(void **state)
{
    (void)state;
    const struct ese_transport *transport = first();
    const struct ese_option *option = text_option(transport, ESE_FACE_CONSUME);
    if (option == NULL)
        skip();
    struct ese_buffer specification = ESE_BUFFER_INIT(200);
    ese_buffer_printf(&specification, "%s:%s=first:%s=http://[::1]:80/x", transport->name, option->name,
                      option->name);
    struct ese_config *config = config_for(specification.text);
    assert_int_equal(ese_registry_choose(config, ESE_FACE_CONSUME, NULL), 0);
    assert_string_equal(ese_config_peek(config, option->name), "http://[::1]:80/x");
    assert_int_equal(ese_config_settle(config, NULL), 0);
    assert_string_equal(ese_config_text(config, option->name), "http://[::1]:80/x");
    assert_ptr_equal(ese_registry_chosen(config), transport);
    ese_config_free(&config);
    ese_buffer_free(&specification);
}

static void malformed_and_unknown_options_are_refused(void **state)
{
    (void)state;
    static const char *const tails[] = {":", ":word", ":no-such-option=1", ":=1"};
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        struct ese_buffer specification = ESE_BUFFER_INIT(200);
        ese_buffer_printf(&specification, "%s%s", first()->name, tails[i]);
        refused(specification.text, ESE_FACE_CONSUME, first()->name);
        ese_buffer_free(&specification);
    }
}

/* An option only another face has is for another process of the same comparison. */
static void options_of_other_faces_are_passed_over(void **state)
{
    (void)state;
    for (const struct ese_registry_entry *entry = ese_registry(); entry->transport != NULL; entry++) {
        const struct ese_option *option = ese_registry_options(entry->transport, ESE_FACE_PRODUCE);
        const struct ese_option *consume = ese_registry_options(entry->transport, ESE_FACE_CONSUME);
        for (; option != NULL && option->name != NULL; option++) {
            if (ese_option_find(consume, option->name) != NULL)
                continue;
            struct ese_buffer specification = ESE_BUFFER_INIT(200);
            ese_buffer_printf(&specification, "%s:%s=whatever", entry->transport->name, option->name);
            struct ese_config *config = config_for(specification.text);
            assert_int_equal(ese_registry_choose(config, ESE_FACE_CONSUME, NULL), 0);
            assert_int_equal(ese_config_settle(config, NULL), 0);
            ese_config_free(&config);
            ese_buffer_free(&specification);
        }
    }
}

/* As docker-compose has it, which knows no plus. */
static void a_profile_is_found_by_its_name(void **state)
{
    (void)state;
    for (const struct ese_registry_entry *entry = ese_registry(); entry->transport != NULL; entry++) {
        char profile[100];
        snprintf(profile, sizeof profile, "%s", entry->transport->name);
        for (char *plus = strchr(profile, '+'); plus != NULL; plus = strchr(profile, '+'))
            *plus = '-';
        assert_ptr_equal(ese_registry_find_profile(profile), entry);
        assert_ptr_equal(ese_registry_find_profile(entry->transport->name), entry);
        snprintf(profile + strlen(profile), sizeof profile - strlen(profile), ":a=b");
        assert_ptr_equal(ese_registry_find_profile(profile), entry);
        *strchr(profile, ':') = '\0';
        snprintf(profile + strlen(profile), sizeof profile - strlen(profile), "x");
        assert_null(ese_registry_find_profile(profile));
        profile[strlen(profile) - 2] = '\0';
        assert_ptr_not_equal(ese_registry_find_profile(profile), entry);
    }
    assert_null(ese_registry_find_profile(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_entry_is_complete),
        cmocka_unit_test(unknown_names_are_refused_with_the_known),
        cmocka_unit_test(a_missing_face_is_refused),
        cmocka_unit_test(options_follow_the_colon),
        cmocka_unit_test(malformed_and_unknown_options_are_refused),
        cmocka_unit_test(options_of_other_faces_are_passed_over),
        cmocka_unit_test(a_profile_is_found_by_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
