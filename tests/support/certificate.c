#include "tests/support/certificate.h"

#include <assert.h>
#include <stdio.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "ese-core/memory.h"

#define DAY_S (24 * 60 * 60)

struct ese_test_certificate {
    EVP_PKEY *key;
    X509 *signed_key;
};

struct ese_test_certificate *ese_test_certificate_make(const char *names, int days)
{
    struct ese_test_certificate *made = ese_alloc(sizeof *made);
    made->key = EVP_EC_gen("P-256");
    X509 *certificate = made->signed_key = X509_new();
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -30L * DAY_S);
    X509_gmtime_adj(X509_getm_notAfter(certificate), (long)days * DAY_S);
    X509_NAME *subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1,
                               0);
    X509_set_issuer_name(certificate, subject);
    X509_set_pubkey(certificate, made->key);
    X509_EXTENSION *good_for = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
    assert(good_for != NULL);
    X509_add_ext(certificate, good_for, -1);
    X509_EXTENSION_free(good_for);
    int length = X509_sign(certificate, made->key, EVP_sha256());
    assert(length > 0);
    return made;
}

void ese_test_certificate_free(struct ese_test_certificate **certificate)
{
    if (*certificate == NULL)
        return;
    X509_free((*certificate)->signed_key);
    EVP_PKEY_free((*certificate)->key);
    free(*certificate);
    *certificate = NULL;
}

void ese_test_certificate_write(const struct ese_test_certificate *certificate, const char *path)
{
    FILE *file = fopen(path, "we");
    int written = file != NULL && PEM_write_X509(file, certificate->signed_key) == 1;
    assert(written && fclose(file) == 0);
}

struct ssl_ctx_st *ese_test_certificate_serve(const struct ese_test_certificate *certificate)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    int taken = SSL_CTX_use_certificate(tls, certificate->signed_key) == 1 &&
                SSL_CTX_use_PrivateKey(tls, certificate->key) == 1;
    assert(taken);
    return tls;
}
