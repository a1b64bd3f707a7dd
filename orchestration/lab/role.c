#include "orchestration/lab/role.h"

#include <string.h>

const char *ese_role_name(enum ese_role role)
{
    static const char *const names[ESE_ROLES] = {
        [ESE_ROLE_CLIENT] = "client", [ESE_ROLE_SERVER] = "server", [ESE_ROLE_CONSUMER] = "consumer",
        [ESE_ROLE_READER] = "reader", [ESE_ROLE_CROWD] = "crowd", [ESE_ROLE_MAILER] = "mailer",
        [ESE_ROLE_SINK] = "sink", [ESE_ROLE_BROKER] = "broker"};
    return names[role];
}

enum ese_role ese_role_find(const char *name)
{
    enum ese_role role = 0;
    while (role < ESE_ROLES && strcmp(ese_role_name(role), name) != 0)
        role++;
    return role;
}
