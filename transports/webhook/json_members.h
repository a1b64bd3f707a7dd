/*
 * json_members.h - the members of a JSON object as they were written: who keeps a value verbatim, as the original keeps
 * a subscription's headers, cannot have it from a tree.
 *
 * The text is JSON already (somebody has parsed it); this finds where in it something stands.
 */
#ifndef ESE_WEBHOOK_JSON_MEMBERS_H
#define ESE_WEBHOOK_JSON_MEMBERS_H

#include <stddef.h>

/* The value of the object's last member of that name, in any case (as Go matches them); NULL: it has none, or text is
 * no object. Its blanks around it are not its. */
const char *ese_webhook_json_member(const char *text, size_t length, const char *name, size_t *value_length);

#endif
