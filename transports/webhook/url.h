/*
 * url.h - the address an event is pushed to, as a subscription gives it: taken apart strictly, once, before anything is
 * done with it.
 *
 * RFC 3986 with less: http or https, "//", a host, perhaps a port, a path, a query. No name and password (they
 * would be in every log), no fragment (nobody sends one), no blank, control character or backslash anywhere,
 * nothing beyond ASCII (write it percent-encoded, and a host as xn--, RFC 5891), a '%' only before two hexadecimal
 * digits. A host is a name, four decimal numbers, or an IPv6 address in brackets; what the C library would take for
 * an address besides ("0x7f.1", "127.1", "2130706433") is refused, as a name's last part is not a number (RFC 3986
 * 7.4, RFC 3696 2). What passes here, every parser of URLs reads the same way.
 *
 * Nothing here keeps anything: any thread.
 */
#ifndef ESE_TRANSPORT_WEBHOOK_URL_H
#define ESE_TRANSPORT_WEBHOOK_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "ese-core/error.h"
#include "transports/webhook/address.h"

#define ESE_WEBHOOK_URL_MOST 2048 /* characters */
#define ESE_WEBHOOK_HOST_MOST 253 /* of a name: RFC 1035 2.3.4 */

struct ese_webhook_url {
    char host[ESE_WEBHOOK_HOST_MOST + 1]; /* a name in small letters, without the dot that may end it; or "" */
    struct ese_webhook_address address;   /* where host is "" */
    int port;                             /* 80 or 443 where the URL names none */
};

/* ESE_E_INVALID says what is wrong, and shows the URL as far as it is fit for a log: neither control characters nor
 * what may be a password. */
int ese_webhook_url_parse(const char *text, struct ese_webhook_url *url, struct ese_error *error);

/* Whether that is a host's name; it is then copied as struct ese_webhook_url has it. */
bool ese_webhook_url_take_name(const char *text, size_t length, char name[ESE_WEBHOOK_HOST_MOST + 1]);

/* The digits of a port, 1 to 65535; -1: they are none. */
int ese_webhook_url_port(const char *text, size_t length);

#endif
