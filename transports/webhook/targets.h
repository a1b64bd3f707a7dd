/*
 * targets.h - where a server may push to at all. Whoever registers a subscription has the server send requests for
 * him: to what only the server can reach, unless somebody says where they may go (server-side request forgery,
 * OWASP Top Ten 2021, A10).
 *
 * The list is that of --allow-targets, with commas, blanks or ends of lines between its entries:
 *
 *     example.org          this name
 *     *.example.org        every name below that one, not it itself
 *     192.0.2.7            this address; an IPv6 one in brackets: [2001:db8::7]
 *     10.1.0.0/16          a network; with brackets: [fd00::]/8, or without: fd00::/8
 *     *                    every name, and every address that is public (address.h)
 *
 * Behind each, ":8080" allows that port alone; else it is any. No list is "*". What no entry names is refused:
 *
 *  - at registration, and wherever a URL is read again: a name by entries for names, an address by those for addresses.
 *    "localhost", and what is below it (RFC 6761 6.3), counts as 127.0.0.1 or [::1].
 *  - at connect, when a name has become an address, each time anew (who owns a name can change what it stands for
 *    between two looks, DNS rebinding): an address that is not public has to be in an entry for addresses, whatever
 *    name led there. A public one may be connected to where any entry names names or "*".
 *
 * So "consumer.lab" alone does not lead into 10.0.0.0/8, and "consumer.lab,10.0.0.0/8" does. Redirects are answers like
 * others: whoever would follow one has to ask again, both questions.
 *
 * The list does not change: any thread may ask.
 */
#ifndef ESE_TRANSPORT_WEBHOOK_TARGETS_H
#define ESE_TRANSPORT_WEBHOOK_TARGETS_H

#include <stdbool.h>
#include <sys/socket.h>

#include "ese-core/error.h"

#define ESE_WEBHOOK_TARGETS_MOST 64 /* entries */

struct ese_webhook_targets;

/* text NULL: no list. ESE_E_USAGE for an entry that is none, for too many, and for a list without any. */
int ese_webhook_targets_parse(const char *text, struct ese_webhook_targets **targets, struct ese_error *error);
void ese_webhook_targets_free(struct ese_webhook_targets **targets);

/* ESE_E_INVALID: it is no URL to push to (url.h), or leads where nothing allows it; the text says which. Nothing is
 * looked up. */
int ese_webhook_targets_check_url(const struct ese_webhook_targets *targets, const char *url, struct ese_error *error);

/* Whether one may connect there; not, where it is neither AF_INET nor AF_INET6. */
bool ese_webhook_targets_may(const struct ese_webhook_targets *targets, const struct sockaddr *address);

#endif
