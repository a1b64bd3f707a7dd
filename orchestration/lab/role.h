/*
 * role.h - the parties of a journey, by what they do in it.
 */
#ifndef ESE_LAB_ROLE_H
#define ESE_LAB_ROLE_H

/* In the order of the walk, which is also the order in which they are stopped; the broker is last, because
 * others hang on to it. */
enum ese_role {
    ESE_ROLE_CLIENT,
    ESE_ROLE_SERVER,
    ESE_ROLE_CONSUMER,
    ESE_ROLE_READER, /* a consumer of a group of its own, without rules: somebody else who wants the events */
    ESE_ROLE_CROWD,  /* many of these in one program (orchestration/crowd) */
    ESE_ROLE_MAILER,
    ESE_ROLE_SINK,
    ESE_ROLE_BROKER,
    ESE_ROLES
};

const char *ese_role_name(enum ese_role role);

/* The role of that name; ESE_ROLES when there is none. */
enum ese_role ese_role_find(const char *name);

/* Several at once. */
#define ESE_ROLE_BIT(role) (1u << (role))
/* Server in the sense of a fault: whoever keeps the events, and whoever stands before it. */
#define ESE_ROLES_KEEPING (ESE_ROLE_BIT(ESE_ROLE_SERVER) | ESE_ROLE_BIT(ESE_ROLE_BROKER))

#endif
