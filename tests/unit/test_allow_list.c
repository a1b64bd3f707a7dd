#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/memory.h"
#include "ese-mailer/allow_list.h"

static void lets_through_whom_it_names(void **state)
{
    (void)state;
    struct ese_allow_list *list;
    assert_int_equal(ese_allow_list_parse("bob@example.org, @ese.org", &list, NULL), 0);
    assert_true(ese_allow_list_has(list, "bob@example.org"));
    assert_true(ese_allow_list_has(list, "anybody@ese.org"));
    assert_true(ese_allow_list_has(list, "anybody@ESE.org"));
    assert_false(ese_allow_list_has(list, "alice@example.org"));
    assert_false(ese_allow_list_has(list, "anybody@sub.ese.org"));
    assert_false(ese_allow_list_has(list, "anybody@notese.org"));
    assert_false(ese_allow_list_has(list, "bob@example.org.evil.net"));
    ese_allow_list_free(&list);
    assert_null(list);
}

static void nobody_is_named_like_somebody_else(void **state)
{
    (void)state;
    struct ese_allow_list *list;
    assert_int_equal(ese_allow_list_parse("bob@example.org,@ese.org,gate%way@example.org", &list, NULL), 0);
    static const char *const others[] = {
        "bob+list@example.org", "bob@example.or", "bob@example.organic", "bo@example.org", "abob@example.org",
        "bob.@example.org", "bob@mail.example.org", "bob@example.org,eve@example.net", "@ese.org.example.net",
        "x@ese.orgs", "x@xn--ese-org", "ese.org", "@example.org", "", "bob", "x@",
        "eve%example.net@ese.org", "example.net!eve@ese.org", "a%b!c@ESE.org", "%@ese.org",
    };
    for (size_t i = 0; i < ESE_COUNT_OF(others); i++)
        if (ese_allow_list_has(list, others[i]))
            fail_msg("let through \"%s\"", others[i]);
    assert_true(ese_allow_list_has(list, "BOB@Example.ORG"));
    assert_true(ese_allow_list_has(list, "bob+list@ese.org"));
    assert_true(ese_allow_list_has(list, "gate%way@example.org")); /* as somebody has written it */
    ese_allow_list_free(&list);
}

static void an_empty_list_lets_nobody_through(void **state)
{
    (void)state;
    struct ese_allow_list *list;
    assert_int_equal(ese_allow_list_parse("", &list, NULL), 0);
    assert_false(ese_allow_list_has(list, "bob@example.org"));
    ese_allow_list_free(&list);
}

static void refuses_what_is_neither(void **state)
{
    (void)state;
    static const char *const texts[] = {"bob", "@", "a@b@c", "*@ese.org", "a@b,\r\n", "@a b@@"};
    for (size_t i = 0; i < ESE_COUNT_OF(texts); i++) {
        struct ese_allow_list *list;
        struct ese_error error = {.code = ESE_OK};
        if (ese_allow_list_parse(texts[i], &list, &error) == 0)
            fail_msg("took \"%s\"", texts[i]);
        assert_int_equal(error.code, ESE_E_USAGE);
        assert_null(list);
    }
}

static void is_bounded(void **state)
{
    (void)state;
    char text[(ESE_ALLOW_LIST_MOST + 1) * 4 + 1] = "";
    struct ese_allow_list *list;
    for (int i = 0; i < ESE_ALLOW_LIST_MOST; i++)
        memcpy(text + 4 * i, "a@b,", 5);
    assert_int_equal(ese_allow_list_parse(text, &list, NULL), 0);
    ese_allow_list_free(&list);
    memcpy(text + 4 * ESE_ALLOW_LIST_MOST, "a@b,", 5);
    assert_int_equal(ese_allow_list_parse(text, &list, NULL), -1);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lets_through_whom_it_names),
        cmocka_unit_test(nobody_is_named_like_somebody_else),
        cmocka_unit_test(an_empty_list_lets_nobody_through),
        cmocka_unit_test(refuses_what_is_neither),
        cmocka_unit_test(is_bounded),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
