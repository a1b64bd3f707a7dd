#include "ese-mailer/smtp_security.h"

#include <assert.h>
#include <stdint.h>

#include <auth-client.h>
#include <libesmtp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "ese-core/memory.h"
#include "ese-core/wire.h"

/* libesmtp.h hides it from OpenSSL 1.1 and later, by a macro these no longer have. */
int smtp_starttls_set_ctx(smtp_session_t session, SSL_CTX *context);

struct ese_smtp_security {
    X509_STORE *trusted;
    char *host;
    bool has_login;
    char user[ESE_SMTP_SECRET_SIZE];
    char password[ESE_SMTP_SECRET_SIZE];
};

struct ese_smtp_guard {
    const struct ese_smtp_security *security;
    const struct ese_smtp_dialogue *dialogue;
    struct ese_error *problem;
    auth_context_t login; /* NULL: none */
    bool tried;
};

/* ---- opening --------------------------------------------------------------------------------- */

static int load_trusted(struct ese_smtp_security *security, const char *path,
                        struct ese_error *error)
{
    security->trusted = X509_STORE_new();
    assert(security->trusted != NULL);
    int loaded = path == NULL ? X509_STORE_set_default_paths(security->trusted)
                              : X509_STORE_load_locations(security->trusted, path, NULL);
    ERR_clear_error();
    if (loaded == 1)
        return 0;
    return ese_fail(error, ESE_E_USAGE,
                    "--smtp-ca '%.200s': no certificates can be read there; give a file with at "
                    "least one (PEM)",
                    path == NULL ? "(the system's)" : path);
}

static void take_login(struct ese_smtp_security *security,
                       const struct ese_smtp_security_options *options)
{
    security->has_login = options->user != NULL;
    if (!security->has_login)
        return;
    int fits = ese_fit_text(security->user, sizeof security->user, options->user) == 0 &&
               ese_fit_text(security->password, sizeof security->password, options->password) == 0;
    assert(fits); /* whoever read them has checked that */
    (void)fits;
}

int ese_smtp_security_open(const struct ese_smtp_security_options *options,
                           struct ese_smtp_security **security, struct ese_error *error)
{
    struct ese_smtp_security *opened = *security = ese_alloc(sizeof *opened);
    opened->host = ese_copy_bytes(options->server, strcspn(options->server, ":"));
    take_login(opened, options);
    if (load_trusted(opened, options->ca_path, error) == 0)
        return 0;
    ese_smtp_security_close(security);
    return -1;
}

void ese_smtp_security_close(struct ese_smtp_security **security)
{
    if (*security == NULL)
        return;
    X509_STORE_free((*security)->trusted);
    free((*security)->host);
    explicit_bzero((*security)->password, sizeof (*security)->password);
    free(*security);
    *security = NULL;
}

bool ese_smtp_security_wants_login(const struct ese_smtp_security *security)
{
    return security->has_login;
}

/* ---- the handshake --------------------------------------------------------------------------- */

/* For every certificate of the chain, and for each thing that is wrong with one. 0 breaks off. */
static int on_certificate(int good, X509_STORE_CTX *checked)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(checked, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct ese_smtp_guard *guard = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    if (!good)
        ese_fail(guard->problem, ESE_E_INVALID, "the certificate is not good for %.100s: %s",
                 guard->security->host,
                 X509_verify_cert_error_string(X509_STORE_CTX_get_error(checked)));
    else if (ese_smtp_dialogue_is_ahead(guard->dialogue))
        ese_fail(guard->problem, ESE_E_INVALID,
                 "somebody answered in plain text what was to be asked inside of TLS");
    return guard->problem->code == ESE_OK;
}

/* Every record, protocol and all: its header says how much follows. */
static void on_record(int sending, int version, int kind, const void *bytes, size_t length,
                      SSL *ssl, void *argument)
{
    (void)version;
    (void)ssl;
    struct ese_smtp_guard *guard = argument;
    const uint8_t *header = bytes;
    guard->tried = true;
    if (kind != SSL3_RT_HEADER || length != SSL3_RT_HEADER_LENGTH)
        return;
    uint64_t whole = length + ((uint64_t)header[3] << 8 | header[4]);
    ese_wire_add(sending ? whole : 0, sending ? 0 : whole);
}

/* An address stands in a certificate as one, not as a name. */
static void name_host(SSL_CTX *context, const char *host)
{
    X509_VERIFY_PARAM *wanted = SSL_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    int named = X509_VERIFY_PARAM_set1_ip_asc(wanted, host) == 1 ||
                X509_VERIFY_PARAM_set1_host(wanted, host, 0) == 1;
    assert(named); /* else: no memory */
    (void)named;
    ERR_clear_error();
}

static void set_up_tls(struct ese_smtp_guard *guard, smtp_session_t session)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    assert(context != NULL); /* else: no memory */
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION); /* see the header */
    SSL_CTX_set1_cert_store(context, guard->security->trusted);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, on_certificate);
    name_host(context, guard->security->host);
    SSL_CTX_set_app_data(context, guard);
    SSL_CTX_set_msg_callback(context, on_record);
    SSL_CTX_set_msg_callback_arg(context, guard);
    smtp_starttls_enable(session, Starttls_REQUIRED);
    smtp_starttls_set_ctx(session, context);
    SSL_CTX_free(context); /* the session holds it */
}

/* ---- the login ------------------------------------------------------------------------------- */

/* What a mechanism asks for. 0: something nobody has told us. */
static int on_login(auth_client_request_t asked, char **answers, int count, void *argument)
{
    struct ese_smtp_security *security = argument;
    for (int i = 0; i < count; i++) {
        if (asked[i].flags & AUTH_USER)
            answers[i] = security->user;
        else if (asked[i].flags & AUTH_PASS)
            answers[i] = security->password;
        else
            return 0;
    }
    return 1;
}

static void set_up_login(struct ese_smtp_guard *guard, smtp_session_t session)
{
    guard->login = auth_create_context();
    assert(guard->login != NULL); /* else: no memory */
    auth_set_mechanism_flags(guard->login, AUTH_PLUGIN_PLAIN, 0);
    auth_set_interact_cb(guard->login, on_login, (void *)(uintptr_t)guard->security);
    smtp_auth_set_context(session, guard->login);
}

/* ---- one session's --------------------------------------------------------------------------- */

struct ese_smtp_guard *ese_smtp_guard_new(const struct ese_smtp_security *security,
                                          struct smtp_session *session,
                                          const struct ese_smtp_dialogue *dialogue,
                                          struct ese_error *problem)
{
    struct ese_smtp_guard *guard = ese_alloc(sizeof *guard);
    *guard = (struct ese_smtp_guard){
        .security = security, .dialogue = dialogue, .problem = problem};
    set_up_tls(guard, session);
    if (security->has_login)
        set_up_login(guard, session);
    return guard;
}

void ese_smtp_guard_free(struct ese_smtp_guard **guard)
{
    if (*guard == NULL)
        return;
    if ((*guard)->login != NULL)
        auth_destroy_context((*guard)->login);
    free(*guard);
    *guard = NULL;
}

bool ese_smtp_guard_tried(const struct ese_smtp_guard *guard)
{
    return guard->tried;
}
