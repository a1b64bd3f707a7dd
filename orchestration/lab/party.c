#include "orchestration/lab/party.h"

#include <stddef.h>
#include <stdio.h>

#include "ese-core/memory.h"

/* Those of which there are several: the first is the role's own party, the others stand here, one behind the other. */
static const struct {
    enum ese_role role;
    int most;
} several[] = {{ESE_ROLE_CONSUMER, ESE_MEMBERS}, {ESE_ROLE_CLIENT, ESE_CLIENTS}, {ESE_ROLE_READER, ESE_READERS}};

enum ese_role ese_party_role(int party)
{
    int begin = ESE_ROLES;
    if (party < ESE_ROLES)
        return (enum ese_role)party;
    for (size_t i = 0; i < ESE_COUNT_OF(several); begin += several[i++].most - 1) {
        if (party < begin + several[i].most - 1)
            return several[i].role;
    }
    return ESE_ROLES;
}

int ese_party_number(int party)
{
    int begin = ESE_ROLES;
    for (size_t i = 0; i < ESE_COUNT_OF(several); begin += several[i++].most - 1) {
        if (party == (int)several[i].role)
            return 1;
        if (party >= begin && party < begin + several[i].most - 1)
            return party - begin + 2;
    }
    return 0;
}

int ese_party_of(enum ese_role role, int number)
{
    int begin = ESE_ROLES;
    for (size_t i = 0; i < ESE_COUNT_OF(several); begin += several[i++].most - 1) {
        if (several[i].role == role && number > 1)
            return begin + number - 2;
    }
    return (int)role;
}

int ese_party_member(int party)
{
    return ese_party_role(party) == ESE_ROLE_CONSUMER ? ese_party_number(party) : 0;
}

static bool is_meant(int party, enum ese_role role, unsigned members)
{
    int number = ese_party_number(party);
    return ese_party_role(party) == role && (number == 0 || (members & ESE_MEMBER_BIT(number)) != 0);
}

int ese_party_next(int party, enum ese_role role, unsigned members)
{
    for (party++; party < ESE_PARTIES && !is_meant(party, role, members); party++)
        ;
    return party;
}

int ese_party_first(enum ese_role role, unsigned members)
{
    return ese_party_next(-1, role, members);
}

void ese_party_name(int party, bool is_alone, char name[ESE_PARTY_NAME_SIZE])
{
    const char *role = ese_role_name(ese_party_role(party));
    int number = ese_party_number(party);
    if (number == 0 || is_alone)
        snprintf(name, ESE_PARTY_NAME_SIZE, "%s", role);
    else
        snprintf(name, ESE_PARTY_NAME_SIZE, "%s-%d", role, number);
}
