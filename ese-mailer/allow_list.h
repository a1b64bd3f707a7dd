/*
 * allow_list.h - whom mails may go to at all: addresses and whole domains.
 *
 * A lab makes mails by the thousand out of made-up events. Nobody is written to by accident.
 */
#ifndef ESE_ALLOW_LIST_H
#define ESE_ALLOW_LIST_H

#include <stdbool.h>

#include "ese-core/error.h"

#define ESE_ALLOW_LIST_MOST 64 /* entries */

struct ese_allow_list;

/* text: "bob@example.org,@ese.org". ESE_E_USAGE for an entry that is neither an address nor a
 * @domain. */
int ese_allow_list_parse(const char *text, struct ese_allow_list **list, struct ese_error *error);
void ese_allow_list_free(struct ese_allow_list **list);

/* In any case of letters: domains do not tell them apart, nor do the servers behind them. A domain
 * is no other one's, nor one below it; and nobody there is a route to somewhere else (x%y@z, y!x@z). */
bool ese_allow_list_has(const struct ese_allow_list *list, const char *address);

#endif
