/*
 * party.h - the parties of a journey, one by one. A role is one party, but for the consumer, of whose group there may
 * be several members, the client, of which there may be several at once, and readers, if there are any: these are
 * numbered from 1, and each is a party.
 *
 * A party is a number: below ESE_ROLES the role it plays (of those with several the first), and from there on the
 * second member of the group, the third, and so on, then the second client, then the second reader.
 */
#ifndef ESE_LAB_PARTY_H
#define ESE_LAB_PARTY_H

#include <stdbool.h>

#include "orchestration/lab/role.h"

#define ESE_MEMBERS 16 /* of a group, at most */
#define ESE_CLIENTS 16 /* at most, */
#define ESE_READERS 16 /* and of these */
#define ESE_PARTIES (ESE_ROLES + ESE_MEMBERS - 1 + ESE_CLIENTS - 1 + ESE_READERS - 1)

/* Several members at once. Of roles that are one party these say nothing. */
#define ESE_MEMBER_BIT(member) (1u << ((member) - 1))
#define ESE_MEMBERS_ALL (~0u)

enum ese_role ese_party_role(int party);
/* Of a consumer its number in the group; of others 0. */
int ese_party_member(int party);
/* Of a consumer, client or reader its number; of others 0. */
int ese_party_number(int party);
/* The party of that role and number; of roles that are one party, whatever the number. */
int ese_party_of(enum ese_role role, int number);

/* The parties that play a role: of those with several, the ones that are meant. ESE_PARTIES behind the last. */
int ese_party_first(enum ese_role role, unsigned members);
int ese_party_next(int party, enum ese_role role, unsigned members);

/* "server"; of one that is not alone in its role "consumer-2". */
#define ESE_PARTY_NAME_SIZE 16
void ese_party_name(int party, bool is_alone, char name[ESE_PARTY_NAME_SIZE]);

#endif
