#include "ese-core/digest.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <pthread.h>

#include "ese-core/memory.h"

/* Looked up once, and a context kept by each thread: to libcrypto 3 either takes longer than a short digest. */
static EVP_MD *sha256;
static pthread_key_t contexts;

static void free_context(void *context)
{
    EVP_MD_CTX_free(context);
}

static void fetch_sha256(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    int failed = pthread_key_create(&contexts, free_context);
    assert(failed == 0);
}

/* This thread's, ready for a digest; NULL where memory is out. */
static EVP_MD_CTX *take_context(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fetch_sha256);
    EVP_MD_CTX *context = pthread_getspecific(contexts);
    if (context == NULL) {
        context = EVP_MD_CTX_new();
        pthread_setspecific(contexts, context);
    }
    return context != NULL && EVP_DigestInit_ex(context, sha256, NULL) ? context : NULL;
}

void ese_digest(const struct ese_digest_part *parts, size_t count, uint8_t digest[ESE_DIGEST_SIZE])
{
    EVP_MD_CTX *context = take_context();
    int good = context != NULL;
    for (size_t i = 0; good && i < count; i++)
        good = EVP_DigestUpdate(context, parts[i].bytes, parts[i].length);
    unsigned size = 0;
    good = good && EVP_DigestFinal_ex(context, digest, &size);
    /* SHA-256 over memory has nothing that can fail but memory itself. */
    assert(good && size == ESE_DIGEST_SIZE);
}

/* ---- with a key ------------------------------------------------------------------------------ */

static EVP_MAC *hmac;

static void fetch_hmac(void)
{
    hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
}

void ese_digest_keyed(const void *key, size_t length, const struct ese_digest_part *parts, size_t count,
                      uint8_t code[ESE_DIGEST_SIZE])
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    char name[] = "SHA256";
    const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
                                     OSSL_PARAM_construct_end()};
    assert(length > 0 && length <= INT_MAX); /* without a key libcrypto would take the last one */
    pthread_once(&once, fetch_hmac);
    EVP_MAC_CTX *context = EVP_MAC_CTX_new(hmac);
    int good = context != NULL && EVP_MAC_init(context, key, length, parameters);
    for (size_t i = 0; good && i < count; i++)
        good = EVP_MAC_update(context, parts[i].bytes, parts[i].length);
    size_t size = 0;
    good = good && EVP_MAC_final(context, code, &size, ESE_DIGEST_SIZE);
    EVP_MAC_CTX_free(context); /* which wipes the key's traces */
    assert(good && size == ESE_DIGEST_SIZE);
}

bool ese_digest_same(const void *one, const void *other, size_t length)
{
    return CRYPTO_memcmp(one, other, length) == 0;
}

/* ---- piece by piece -------------------------------------------------------------------------- */

struct ese_digester {
    EVP_MD_CTX *context;
};

struct ese_digester *ese_digester_new(void)
{
    struct ese_digester *digester = ese_alloc(sizeof *digester);
    digester->context = EVP_MD_CTX_new();
    int good = digester->context != NULL && EVP_DigestInit_ex(digester->context, EVP_sha256(), NULL);
    assert(good);
    return digester;
}

void ese_digester_add(struct ese_digester *digester, const void *bytes, size_t length)
{
    int good = EVP_DigestUpdate(digester->context, bytes, length);
    assert(good);
}

void ese_digester_end(struct ese_digester **digester, char text[2 * ESE_DIGEST_SIZE + 1])
{
    uint8_t digest[ESE_DIGEST_SIZE];
    int good = EVP_DigestFinal_ex((*digester)->context, digest, NULL);
    assert(good);
    for (size_t i = 0; i < ESE_DIGEST_SIZE; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    EVP_MD_CTX_free((*digester)->context);
    free(*digester);
    *digester = NULL;
}
