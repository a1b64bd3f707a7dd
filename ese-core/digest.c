#include "ese-core/digest.h"

#include <assert.h>

#include <openssl/evp.h>

void ese_digest(const struct ese_digest_part *parts, size_t count, uint8_t digest[ESE_DIGEST_SIZE])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int good = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL);
    for (size_t i = 0; good && i < count; i++)
        good = EVP_DigestUpdate(context, parts[i].bytes, parts[i].length);
    unsigned size = 0;
    good = good && EVP_DigestFinal_ex(context, digest, &size);
    EVP_MD_CTX_free(context);
    /* SHA-256 over memory has nothing that can fail but memory itself. */
    assert(good && size == ESE_DIGEST_SIZE);
}
