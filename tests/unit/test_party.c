/* Parties by their numbers, and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "orchestration/lab/party.h"

static void each_party_has_one_role_and_number(void **state)
{
    (void)state;
    int of_role[ESE_ROLES] = {0};
    for (int party = 0; party < ESE_PARTIES; party++) {
        enum ese_role role = ese_party_role(party);
        assert_true(role < ESE_ROLES);
        of_role[role]++;
        assert_int_equal(ese_party_of(role, ese_party_number(party)), party);
    }
    assert_int_equal(of_role[ESE_ROLE_CONSUMER], ESE_MEMBERS);
    assert_int_equal(of_role[ESE_ROLE_CLIENT], ESE_CLIENTS);
    assert_int_equal(of_role[ESE_ROLE_READER], ESE_READERS);
    assert_int_equal(of_role[ESE_ROLE_SERVER], 1);
    assert_int_equal(ese_party_number(ESE_ROLE_SERVER), 0);
    assert_int_equal(ese_party_number(ESE_ROLE_CLIENT), 1);
    assert_int_equal(ese_party_member(ese_party_of(ESE_ROLE_READER, 3)), 0);
    assert_int_equal(ese_party_member(ese_party_of(ESE_ROLE_CONSUMER, 3)), 3);
}

static int count(enum ese_role role, unsigned members)
{
    int found = 0;
    for (int party = ese_party_first(role, members); party < ESE_PARTIES; party = ese_party_next(party, role,
                                                                                                 members)) {
        assert_int_equal(ese_party_role(party), role);
        found++;
    }
    return found;
}

static void those_that_are_meant_are_gone_through(void **state)
{
    (void)state;
    assert_int_equal(count(ESE_ROLE_MAILER, ESE_MEMBERS_ALL), 1);
    assert_int_equal(count(ESE_ROLE_MAILER, ESE_MEMBER_BIT(2)), 1); /* of whom the number says nothing */
    assert_int_equal(count(ESE_ROLE_READER, ESE_MEMBERS_ALL), ESE_READERS);
    assert_int_equal(count(ESE_ROLE_CLIENT, ESE_MEMBER_BIT(2) | ESE_MEMBER_BIT(5)), 2);
    assert_int_equal(count(ESE_ROLE_CONSUMER, ESE_MEMBER_BIT(1)), 1);
}

static void who_is_not_alone_is_named_by_number(void **state)
{
    (void)state;
    static const struct {
        enum ese_role role;
        int number;
        bool is_alone;
        const char *name;
    } cases[] = {
        {ESE_ROLE_SERVER, 0, false, "server"},      {ESE_ROLE_CONSUMER, 1, true, "consumer"},
        {ESE_ROLE_CONSUMER, 1, false, "consumer-1"}, {ESE_ROLE_CLIENT, 16, false, "client-16"},
        {ESE_ROLE_READER, 2, false, "reader-2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char name[ESE_PARTY_NAME_SIZE];
        ese_party_name(ese_party_of(cases[i].role, cases[i].number), cases[i].is_alone, name);
        assert_string_equal(name, cases[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_party_has_one_role_and_number),
        cmocka_unit_test(those_that_are_meant_are_gone_through),
        cmocka_unit_test(who_is_not_alone_is_named_by_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
