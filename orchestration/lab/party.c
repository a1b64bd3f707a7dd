#include "orchestration/lab/party.h"

#include <stdio.h>

enum ese_role ese_party_role(int party)
{
    return party < ESE_ROLES ? (enum ese_role)party : ESE_ROLE_CONSUMER;
}

int ese_party_member(int party)
{
    if (party >= ESE_ROLES)
        return party - ESE_ROLES + 2;
    return party == ESE_ROLE_CONSUMER ? 1 : 0;
}

static bool is_meant(int party, enum ese_role role, unsigned members)
{
    int member = ese_party_member(party);
    return ese_party_role(party) == role && (member == 0 || (members & ESE_MEMBER_BIT(member)) != 0);
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
    int member = ese_party_member(party);
    if (member == 0 || is_alone)
        snprintf(name, ESE_PARTY_NAME_SIZE, "%s", role);
    else
        snprintf(name, ESE_PARTY_NAME_SIZE, "%s-%d", role, member);
}
