/*
 * certificate.h - a certificate of a test's own, signed by itself, and the key to it.
 *
 * Who trusts the file it is written to trusts it.
 */
#ifndef ESE_TEST_CERTIFICATE_H
#define ESE_TEST_CERTIFICATE_H

struct ese_test_certificate;

/* names: what it is good for, "IP:127.0.0.1" or "DNS:mail.example.org"; for so many days from now,
 * below 0 it was, until then. */
struct ese_test_certificate *ese_test_certificate_make(const char *names, int days);
void ese_test_certificate_free(struct ese_test_certificate **certificate);

void ese_test_certificate_write(const struct ese_test_certificate *certificate, const char *path);

/* What a server shows it with; the caller frees it. */
struct ssl_ctx_st *ese_test_certificate_serve(const struct ese_test_certificate *certificate);

#endif
