/*
 * smtp_server.h - an SMTP server that says what a test tells it to, and keeps what it was sent.
 *
 * On a free loopback port, each connection on a thread of its own. For every command of a client
 * `reply` is asked what to say: "GREETING" for the new connection, "EHLO name", "MAIL FROM:<...>",
 * ..., and "." for the final dot. It returns the reply with CR LF (a string that lives on), "" to
 * say nothing more and wait for the client to go, or NULL to close the connection without a word.
 * A reply that begins with ESE_TEST_SMTP_DRIPS or _FLOODS is said, without that, again and again until the client has
 * gone: ten times a second, or as fast as it goes. It is called from any of the connections' threads.
 *
 * With a certificate it can speak TLS: a reply to STARTTLS that begins with 220 is followed by the
 * handshake, and from there on all is inside.
 */
#ifndef ESE_TEST_SMTP_SERVER_H
#define ESE_TEST_SMTP_SERVER_H

#include <stdint.h>

#include "tests/support/certificate.h"

#define ESE_TEST_SMTP_DRIPS "~"
#define ESE_TEST_SMTP_FLOODS "^"

struct ese_test_smtp;

typedef const char *ese_test_smtp_reply(void *context, const char *command);

/* What a server that takes everything says. */
const char *ese_test_smtp_take(void *context, const char *command);

struct ese_test_smtp *ese_test_smtp_start(ese_test_smtp_reply *reply, void *context);
/* The certificate must live as long. */
struct ese_test_smtp *ese_test_smtp_start_tls(ese_test_smtp_reply *reply, void *context,
                                              const struct ese_test_certificate *certificate);
void ese_test_smtp_stop(struct ese_test_smtp **smtp);

/* "127.0.0.1:40123" */
const char *ese_test_smtp_address(const struct ese_test_smtp *smtp);

/* The i-th message whose final dot came, as it was on the wire, without that dot's line; NULL:
 * not (yet). Lives as long as the server. Whatever was replied to the dot. */
const char *ese_test_smtp_message(struct ese_test_smtp *smtp, int i);
int ese_test_smtp_count(struct ese_test_smtp *smtp);

/* Of the handshakes that came to their end: how many were of that version (OpenSSL's number). */
int ese_test_smtp_handshakes(struct ese_test_smtp *smtp, int version);

/* Waits until every session there was has ended on its side, too. */
void ese_test_smtp_settle(struct ese_test_smtp *smtp);

/* Bytes that came from clients and went to them, all connections; those of TLS, too. */
void ese_test_smtp_bytes(struct ese_test_smtp *smtp, uint64_t *received, uint64_t *sent);

#endif
