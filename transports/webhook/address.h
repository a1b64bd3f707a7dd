/*
 * address.h - an IP address as where a push goes to, the networks there are, and which of them are nobody's
 * business but the machine's own and its neighbours'.
 *
 * "Public" is what the IANA's registries of special-purpose addresses (RFC 6890 and what updates it, as of 2026) do
 * not except: of IPv4 all but the list in address.c, of IPv6 what is in 2000::/3 (RFC 4291 2.4) and not on that
 * list. An IPv4 address within IPv6 (::ffff:10.0.0.1, RFC 4291 2.5.5.2) is that IPv4 address, to the kernel, too;
 * those that a gateway would translate (64:ff9b::/96, 2002::/16) are never public, whatever is inside.
 *
 * Nothing here keeps anything: any thread.
 */
#ifndef ESE_TRANSPORT_WEBHOOK_ADDRESS_H
#define ESE_TRANSPORT_WEBHOOK_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct ese_webhook_address {
    int bits; /* 32 or 128 */
    uint8_t bytes[16];
};

/* "10.0.0.1", four decimal numbers, or "fd00::1", of that length; nothing shorter, octal or hexadecimal, no zone.
 * -1: it is neither. */
int ese_webhook_address_parse(const char *text, size_t length, struct ese_webhook_address *address);

/* Of AF_INET or AF_INET6; port may be NULL. -1: it is of another family. */
int ese_webhook_address_of(const struct sockaddr *given, struct ese_webhook_address *address, int *port);

/* Whether its first so many bits are those of the network. */
bool ese_webhook_address_is_in(const struct ese_webhook_address *address, const struct ese_webhook_address *network,
                               int bits);

/* NULL: it is public. Else what it is: "loopback", "a private network". */
const char *ese_webhook_address_kind(const struct ese_webhook_address *address);

#endif
