/*
 * signature.h - who pushes an event signs it, so that the receiver knows who did, that nothing was changed on the
 * way, and that it is not an old one which somebody has recorded and sends again.
 *
 * Standard Webhooks 1.0.0 (github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md), its
 * symmetric scheme "v1". Three headers: webhook-id, the message's name, by which it is known again; webhook-timestamp,
 * when this attempt was made, in Unix seconds; webhook-signature, a list with blanks between, of which each is
 * "v1," and the base64 (RFC 4648 4) of the HMAC-SHA256 (RFC 2104) of "id.timestamp.body", the body as it is sent,
 * byte by byte. What begins with something else ("v1a,": with two keys, by Ed25519) is passed over.
 *
 * A signature holds back no repeat within the tolerance: that is what the id is for.
 *
 * Nothing here keeps anything: any thread, as long as nobody else changes what it is given. No error says anything of a
 * secret, nor which signature would have been right.
 */
#ifndef ESE_TRANSPORT_WEBHOOK_SIGNATURE_H
#define ESE_TRANSPORT_WEBHOOK_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ese-core/error.h"

#define ESE_WEBHOOK_KEYS 4          /* one, and while it is exchanged for another, both; at most */
#define ESE_WEBHOOK_KEY_LEAST 24    /* bytes, as the specification has it */
#define ESE_WEBHOOK_KEY_MOST 64
#define ESE_WEBHOOK_ID_MOST 256     /* characters */
#define ESE_WEBHOOK_TOLERANCE_S 300 /* what the specification's own libraries allow */

/* "v1,", 44 characters, and a blank behind it or the NUL, for each key. */
#define ESE_WEBHOOK_SIGNATURE_SIZE ((size_t)(3 + 44 + 1) * ESE_WEBHOOK_KEYS)

/* All zeros: none. */
struct ese_webhook_secret {
    size_t count;
    struct {
        size_t length;
        uint8_t bytes[ESE_WEBHOOK_KEY_MOST];
    } keys[ESE_WEBHOOK_KEYS];
};

/* A file with one secret a line, each "whsec_" and the base64 of 24 to 64 bytes, with blanks around it or not; empty
 * lines are passed over. ESE_E_USAGE as ese_secret_read (ese-core/secret.h), or the number of the line that is no such
 * secret. */
int ese_webhook_secret_read(const char *path, struct ese_webhook_secret *secret, struct ese_error *error);

/* Of the file of that name below a directory; errors call it by its name alone. */
int ese_webhook_secret_read_named(const char *directory, const char *name, struct ese_webhook_secret *secret,
                                  struct ese_error *error);

/* Leaves no byte of it in memory. */
void ese_webhook_secret_wipe(struct ese_webhook_secret *secret);

/* 1 to 256 visible ASCII characters without a '.', so that no other id, time and body come to the same text. */
bool ese_webhook_is_id(const char *id);

/* The header webhook-signature, with each key of the secret, which has one at least. timestamp_s: not negative, what
 * webhook-timestamp says in decimal digits. ESE_E_INVALID where the id cannot be one. */
int ese_webhook_sign(const struct ese_webhook_secret *secret, const char *id, int64_t timestamp_s, const void *body,
                     size_t length, char signature[ESE_WEBHOOK_SIGNATURE_SIZE], struct ese_error *error);

/* As they came; NULL: it did not. Who has a header twice has refused the request already. */
struct ese_webhook_signed {
    const char *id;
    const char *timestamp;
    const char *signature;
};

/* Whether one of the signatures is of one of the keys, and the time within tolerance_s of now_s, to both sides. -1 with
 * ESE_E_INVALID: a header is missing, or is none (names it), or no signature fits; with ESE_E_TIMEOUT: too old, or from
 * the future. Without keys nothing fits. */
int ese_webhook_verify(const struct ese_webhook_secret *secret, const struct ese_webhook_signed *headers,
                       const void *body, size_t length, int64_t now_s, int64_t tolerance_s, struct ese_error *error);

#endif
