/*
 * party.h - the parties of a journey, one by one. A role is one party, but for the consumer: a group has several
 * members, numbered from 1, and each is a party.
 *
 * A party is a number: below ESE_ROLES the role it plays (of the consumer, the first member), and from there on the
 * second member, the third, and so on.
 */
#ifndef ESE_LAB_PARTY_H
#define ESE_LAB_PARTY_H

#include <stdbool.h>

#include "orchestration/lab/role.h"

#define ESE_MEMBERS 16 /* of a group, at most */
#define ESE_PARTIES (ESE_ROLES + ESE_MEMBERS - 1)

/* Several members at once. Of roles that are one party these say nothing. */
#define ESE_MEMBER_BIT(member) (1u << ((member) - 1))
#define ESE_MEMBERS_ALL (~0u)

enum ese_role ese_party_role(int party);
/* Of a consumer its number in the group; of others 0. */
int ese_party_member(int party);

/* The parties that play a role: of the consumer, those of the members that are meant. ESE_PARTIES behind the last. */
int ese_party_first(enum ese_role role, unsigned members);
int ese_party_next(int party, enum ese_role role, unsigned members);

/* "server"; of a consumer that is not alone "consumer-2". */
#define ESE_PARTY_NAME_SIZE 16
void ese_party_name(int party, bool is_alone, char name[ESE_PARTY_NAME_SIZE]);

#endif
