/*
 * digest.h - SHA-256 (FIPS 180-4), and the code that only who knows a key can make of it (HMAC, RFC 2104), by
 * libcrypto.
 */
#ifndef ESE_DIGEST_H
#define ESE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ESE_DIGEST_SIZE 32

struct ese_digest_part {
    const void *bytes;
    size_t length;
};

/* Of the parts one behind the other. Separators are the caller's business. */
void ese_digest(const struct ese_digest_part *parts, size_t count, uint8_t digest[ESE_DIGEST_SIZE]);

/* HMAC-SHA256 of the parts, one behind the other, with a key of 1 to INT_MAX bytes. Any thread. */
void ese_digest_keyed(const void *key, size_t length, const struct ese_digest_part *parts, size_t count,
                      uint8_t code[ESE_DIGEST_SIZE]);

/* Whether so many bytes are the same, in a time that tells not where they differ: nobody finds a code byte by byte. */
bool ese_digest_same(const void *one, const void *other, size_t length);

/* Of what comes piece by piece. One thread each; freed by its end, which *digester is NULL behind. */
struct ese_digester;

struct ese_digester *ese_digester_new(void);
void ese_digester_add(struct ese_digester *digester, const void *bytes, size_t length);
/* text: the digest in hexadecimal digits, ended by a NUL. */
void ese_digester_end(struct ese_digester **digester, char text[2 * ESE_DIGEST_SIZE + 1]);

#endif
