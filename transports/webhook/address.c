#include "transports/webhook/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "ese-core/memory.h"

static const struct {
    struct ese_webhook_address network;
    int bits;
    const char *kind;
} special[] = {
    {{32, {0}}, 8, "this machine"},                                   /* RFC 1122 3.2.1.3 */
    {{32, {10}}, 8, "a private network"},                             /* RFC 1918 */
    {{32, {100, 64}}, 10, "a provider's inner network"},              /* RFC 6598 */
    {{32, {127}}, 8, "loopback"},                                     /* RFC 1122 3.2.1.3 */
    {{32, {169, 254}}, 16, "link-local"},                             /* RFC 3927; clouds tell secrets there */
    {{32, {172, 16}}, 12, "a private network"},                       /* RFC 1918 */
    {{32, {192, 0, 0}}, 24, "reserved"},                              /* RFC 6890 */
    {{32, {192, 0, 2}}, 24, "for documentation"},                     /* RFC 5737 */
    {{32, {192, 88, 99}}, 24, "reserved"},                            /* RFC 7526 */
    {{32, {192, 168}}, 16, "a private network"},                      /* RFC 1918 */
    {{32, {198, 18}}, 15, "for measurements"},                        /* RFC 2544 */
    {{32, {198, 51, 100}}, 24, "for documentation"},                  /* RFC 5737 */
    {{32, {203, 0, 113}}, 24, "for documentation"},                   /* RFC 5737 */
    {{32, {224}}, 4, "multicast"},                                    /* RFC 5771 */
    {{32, {240}}, 4, "reserved"},                                     /* RFC 1112 4; 255.255.255.255 is broadcast */
    {{128, {[15] = 0}}, 128, "this machine"},                         /* RFC 4291 2.5.2 */
    {{128, {[15] = 1}}, 128, "loopback"},                             /* RFC 4291 2.5.3 */
    {{128, {0, 0x64, 0xff, 0x9b}}, 32, "translated to IPv4"},         /* RFC 6052, and with 48 bits RFC 8215 */
    {{128, {0xfc}}, 7, "a private network"},                          /* RFC 4193 */
    {{128, {0xfe, 0x80}}, 10, "link-local"},                          /* RFC 4291 2.5.6 */
    {{128, {0xff}}, 8, "multicast"},                                  /* RFC 4291 2.7 */
    {{128, {0x20, 0x01}}, 23, "reserved"},                            /* RFC 2928: Teredo (RFC 4380), benchmarks, ... */
    {{128, {0x20, 0x01, 0x0d, 0xb8}}, 32, "for documentation"},       /* RFC 3849 */
    {{128, {0x20, 0x02}}, 16, "translated to IPv4"},                  /* RFC 3056 */
    {{128, {0x3f, 0xff}}, 20, "for documentation"},                   /* RFC 9637 */
};
static const struct ese_webhook_address unicast = {128, {0x20}}; /* of which the first three bits count */
static const struct ese_webhook_address mapped = {128, {[10] = 0xff, [11] = 0xff}};

/* What is an IPv4 address within IPv6 is that. */
static void take(struct ese_webhook_address *address, int family, const void *bytes)
{
    *address = (struct ese_webhook_address){.bits = family == AF_INET ? 32 : 128};
    memcpy(address->bytes, bytes, family == AF_INET ? 4 : 16);
    if (!ese_webhook_address_is_in(address, &mapped, 96))
        return;
    address->bits = 32;
    memmove(address->bytes, address->bytes + 12, 4);
    memset(address->bytes + 4, 0, 12);
}

int ese_webhook_address_parse(const char *text, size_t length, struct ese_webhook_address *address)
{
    char copy[INET6_ADDRSTRLEN];
    struct in6_addr bytes; /* room for either */
    if (length >= sizeof copy || memchr(text, '\0', length) != NULL)
        return -1;
    memcpy(copy, text, length);
    copy[length] = '\0';
    int family = strchr(copy, ':') == NULL ? AF_INET : AF_INET6;
    if (inet_pton(family, copy, &bytes) != 1)
        return -1;
    take(address, family, &bytes);
    return 0;
}

int ese_webhook_address_of(const struct sockaddr *given, struct ese_webhook_address *address, int *port)
{
    in_port_t number = 0;
    if (given->sa_family == AF_INET) {
        struct sockaddr_in four;
        memcpy(&four, given, sizeof four);
        take(address, AF_INET, &four.sin_addr);
        number = four.sin_port;
    } else if (given->sa_family == AF_INET6) {
        struct sockaddr_in6 six;
        memcpy(&six, given, sizeof six);
        take(address, AF_INET6, &six.sin6_addr);
        number = six.sin6_port;
    } else {
        return -1;
    }
    if (port != NULL)
        *port = ntohs(number);
    return 0;
}

bool ese_webhook_address_is_in(const struct ese_webhook_address *address, const struct ese_webhook_address *network,
                               int bits)
{
    if (address->bits != network->bits || memcmp(address->bytes, network->bytes, (size_t)bits / 8) != 0)
        return false;
    int rest = bits % 8;
    int differing = rest == 0 ? 0 : address->bytes[bits / 8] ^ network->bytes[bits / 8];
    return differing >> (8 - rest) == 0;
}

const char *ese_webhook_address_kind(const struct ese_webhook_address *address)
{
    for (size_t i = 0; i < ESE_COUNT_OF(special); i++)
        if (ese_webhook_address_is_in(address, &special[i].network, special[i].bits))
            return special[i].kind;
    return address->bits == 32 || ese_webhook_address_is_in(address, &unicast, 3) ? NULL : "reserved";
}
