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

#endif
