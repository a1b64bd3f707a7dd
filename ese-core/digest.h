/*
 * digest.h - SHA-256 (FIPS 180-4), by libcrypto.
 */
#ifndef ESE_DIGEST_H
#define ESE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define ESE_DIGEST_SIZE 32

struct ese_digest_part {
    const void *bytes;
    size_t length;
};

/* Of the parts one behind the other. Separators are the caller's business. */
void ese_digest(const struct ese_digest_part *parts, size_t count, uint8_t digest[ESE_DIGEST_SIZE]);

/* Of what comes piece by piece. One thread each; freed by its end, which *digester is NULL behind. */
struct ese_digester;

struct ese_digester *ese_digester_new(void);
void ese_digester_add(struct ese_digester *digester, const void *bytes, size_t length);
/* text: the digest in hexadecimal digits, ended by a NUL. */
void ese_digester_end(struct ese_digester **digester, char text[2 * ESE_DIGEST_SIZE + 1]);

#endif
