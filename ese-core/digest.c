#include "ese-core/digest.h"

#include <assert.h>

#include <openssl/evp.h>
#include <pthread.h>

/* Looked up once: libcrypto 3 otherwise does so for each digest, which takes longer than a short one. */
static EVP_MD *sha256;

static void fetch_sha256(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

void ese_digest(const struct ese_digest_part *parts, size_t count, uint8_t digest[ESE_DIGEST_SIZE])
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fetch_sha256);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int good = context != NULL && EVP_DigestInit_ex(context, sha256, NULL);
    for (size_t i = 0; good && i < count; i++)
        good = EVP_DigestUpdate(context, parts[i].bytes, parts[i].length);
    unsigned size = 0;
    good = good && EVP_DigestFinal_ex(context, digest, &size);
    EVP_MD_CTX_free(context);
    /* SHA-256 over memory has nothing that can fail but memory itself. */
    assert(good && size == ESE_DIGEST_SIZE);
}
