#include "tests/support/smtp_server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "ese-core/buffer.h"
#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "tests/support/wait.h"

#define MESSAGES_MOST 100000
#define MESSAGE_LIMIT (1024 * 1024)
#define SETTLE_MS 20000
#define DRIP_NS (100 * ESE_NS_PER_MS)

struct connection {
    struct ese_test_smtp *smtp;
    int fd;
    SSL *ssl; /* NULL: in plain text */
    uint64_t read, written; /* of its bytes, as counted already */
    pthread_t thread;
    struct connection *next;
};

struct ese_test_smtp {
    ese_test_smtp_reply *reply;
    void *context;
    SSL_CTX *tls; /* NULL: none */
    int listener;
    char address[32];
    pthread_t thread;
    pthread_mutex_t mutex; /* guards what follows */
    struct connection *connections;
    bool stopping;
    int open; /* of the connections */
    char **messages;
    int count;
    uint64_t received, sent;
    int handshakes[8]; /* by the last digit of their version */
};

const char *ese_test_smtp_take(void *context, const char *command)
{
    (void)context;
    static const struct {
        const char *command, *reply;
    } replies[] = {{"GREETING", "220 test ready\r\n"}, {"EHLO", "250-test\r\n250 PIPELINING\r\n"},
                   {"DATA", "354 go on\r\n"},          {"QUIT", "221 bye\r\n"}};
    for (size_t i = 0; i < ESE_COUNT_OF(replies); i++)
        if (strncmp(command, replies[i].command, strlen(replies[i].command)) == 0)
            return replies[i].reply;
    return "250 taken\r\n";
}

/* ---- inside of TLS --------------------------------------------------------------------------- */

static void count_tls(struct connection *connection)
{
    BIO *wire = SSL_get_rbio(connection->ssl);
    pthread_mutex_lock(&connection->smtp->mutex);
    connection->smtp->received += BIO_number_read(wire) - connection->read;
    connection->smtp->sent += BIO_number_written(wire) - connection->written;
    pthread_mutex_unlock(&connection->smtp->mutex);
    connection->read = BIO_number_read(wire);
    connection->written = BIO_number_written(wire);
}

static ssize_t read_tls(void *cookie, char *bytes, size_t size)
{
    struct connection *connection = cookie;
    int got = SSL_read(connection->ssl, bytes, (int)size);
    count_tls(connection);
    return got < 0 ? 0 : got;
}

/* What the client says from now on; NULL when no TLS could be agreed on. */
static FILE *begin_tls(struct connection *connection)
{
    connection->ssl = SSL_new(connection->smtp->tls);
    SSL_set_fd(connection->ssl, connection->fd);
    int done = SSL_accept(connection->ssl);
    count_tls(connection);
    pthread_mutex_lock(&connection->smtp->mutex);
    connection->smtp->handshakes[SSL_version(connection->ssl) % 8] += done == 1;
    pthread_mutex_unlock(&connection->smtp->mutex);
    return done == 1 ? fopencookie(connection, "r", (cookie_io_functions_t){.read = read_tls})
                     : NULL;
}

static void end_tls(struct connection *connection)
{
    if (connection->ssl == NULL)
        return;
    SSL_shutdown(connection->ssl);
    count_tls(connection);
    SSL_free(connection->ssl);
}

/* ---- a session ------------------------------------------------------------------------------- */

static bool send_reply(struct connection *connection, const char *reply)
{
    size_t length = strlen(reply);
    if (connection->ssl != NULL) {
        bool sent = length == 0 || SSL_write(connection->ssl, reply, (int)length) > 0;
        count_tls(connection);
        return sent;
    }
    pthread_mutex_lock(&connection->smtp->mutex);
    connection->smtp->sent += length; /* before: whoever has the reply may look at once */
    pthread_mutex_unlock(&connection->smtp->mutex);
    return send(connection->fd, reply, length, MSG_NOSIGNAL) >= 0;
}

/* Its whole reply has one character more before it, which says how. */
static void say_again_and_again(struct connection *connection, const char *reply)
{
    bool drips = reply[0] == ESE_TEST_SMTP_DRIPS[0];
    while (send_reply(connection, reply + 1)) {
        if (drips)
            ese_clock_sleep_until(ese_clock_monotonic_ns() + DRIP_NS);
    }
}

/* Returns the reply, or NULL when the session is over. */
static const char *say(struct connection *connection, const char *command)
{
    const char *reply = connection->smtp->reply(connection->smtp->context, command);
    if (reply != NULL && (reply[0] == ESE_TEST_SMTP_DRIPS[0] || reply[0] == ESE_TEST_SMTP_FLOODS[0])) {
        say_again_and_again(connection, reply);
        return NULL;
    }
    if (reply == NULL || !send_reply(connection, reply))
        return NULL;
    return strncmp(command, "QUIT", 4) == 0 && connection->ssl == NULL ? NULL : reply;
}

static void keep_message(struct ese_test_smtp *smtp, struct ese_buffer *text)
{
    pthread_mutex_lock(&smtp->mutex);
    assert(smtp->count < MESSAGES_MOST && !text->overflowed);
    smtp->messages[smtp->count++] = ese_buffer_detach(text);
    pthread_mutex_unlock(&smtp->mutex);
    *text = (struct ese_buffer)ESE_BUFFER_INIT(MESSAGE_LIMIT);
}

/* One line without its end; returns false at the end of the stream. Counts its bytes. */
static bool read_line(struct connection *connection, FILE *stream, char **line, size_t *size)
{
    ssize_t length = getline(line, size, stream);
    if (length < 0)
        return false;
    pthread_mutex_lock(&connection->smtp->mutex);
    connection->smtp->received += connection->ssl == NULL ? (uint64_t)length : 0;
    pthread_mutex_unlock(&connection->smtp->mutex);
    if (length >= 2 && strcmp(*line + length - 2, "\r\n") == 0)
        (*line)[length - 2] = '\0';
    return true;
}

static bool begins_tls(const struct connection *connection, const char *command, const char *reply)
{
    return connection->smtp->tls != NULL && reply != NULL && strcmp(command, "STARTTLS") == 0 &&
           strncmp(reply, "220", 3) == 0;
}

/* The stream it reads from now on. */
static FILE *change_to_tls(struct connection *connection, FILE *plain)
{
    fclose(plain); /* nothing is in it: the client waits for the reply */
    return begin_tls(connection);
}

static void *serve(void *context)
{
    struct connection *connection = context;
    FILE *stream = fdopen(dup(connection->fd), "r");
    struct ese_buffer text = ESE_BUFFER_INIT(MESSAGE_LIMIT);
    char *line = NULL;
    size_t size = 0;
    bool in_message = false;
    const char *reply = say(connection, "GREETING");
    while (reply != NULL && stream != NULL && read_line(connection, stream, &line, &size)) {
        if (reply[0] == '\0') /* it has fallen silent */
            continue;
        if (in_message && strcmp(line, ".") != 0) {
            ese_buffer_printf(&text, "%s\r\n", line);
            continue;
        }
        if (in_message)
            keep_message(connection->smtp, &text);
        reply = say(connection, line);
        if (begins_tls(connection, line, reply))
            stream = change_to_tls(connection, stream);
        in_message = !in_message && strcmp(line, "DATA") == 0 && reply != NULL && reply[0] == '3';
    }
    free(line);
    ese_buffer_free(&text);
    if (stream != NULL)
        fclose(stream);
    end_tls(connection);
    shutdown(connection->fd, SHUT_RDWR);
    pthread_mutex_lock(&connection->smtp->mutex);
    connection->smtp->open--;
    pthread_mutex_unlock(&connection->smtp->mutex);
    return NULL;
}

static void *accept_all(void *context)
{
    struct ese_test_smtp *smtp = context;
    int fd;
    while ((fd = accept4(smtp->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        struct connection *connection = ese_alloc(sizeof *connection);
        *connection = (struct connection){.smtp = smtp, .fd = fd};
        pthread_mutex_lock(&smtp->mutex);
        connection->next = smtp->connections;
        smtp->connections = connection;
        smtp->open++;
        if (smtp->stopping)
            shutdown(fd, SHUT_RDWR);
        pthread_create(&connection->thread, NULL, serve, connection);
        pthread_mutex_unlock(&smtp->mutex);
    }
    return NULL;
}

struct ese_test_smtp *ese_test_smtp_start(ese_test_smtp_reply *reply, void *context)
{
    return ese_test_smtp_start_tls(reply, context, NULL);
}

struct ese_test_smtp *ese_test_smtp_start_tls(ese_test_smtp_reply *reply, void *context,
                                              const struct ese_test_certificate *certificate)
{
    struct ese_test_smtp *smtp = ese_alloc(sizeof *smtp);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    smtp->reply = reply;
    smtp->context = context;
    smtp->tls = certificate == NULL ? NULL : ese_test_certificate_serve(certificate);
    smtp->messages = ese_alloc_array(MESSAGES_MOST, sizeof *smtp->messages);
    pthread_mutex_init(&smtp->mutex, NULL);
    smtp->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int bound = bind(smtp->listener, (struct sockaddr *)&address, sizeof address);
    int listening = listen(smtp->listener, 128);
    assert(bound == 0 && listening == 0);
    getsockname(smtp->listener, (struct sockaddr *)&address, &length);
    snprintf(smtp->address, sizeof smtp->address, "127.0.0.1:%d", ntohs(address.sin_port));
    pthread_create(&smtp->thread, NULL, accept_all, smtp);
    return smtp;
}

void ese_test_smtp_stop(struct ese_test_smtp **smtp)
{
    struct ese_test_smtp *stopped = *smtp;
    if (stopped == NULL)
        return;
    *smtp = NULL;
    pthread_mutex_lock(&stopped->mutex);
    stopped->stopping = true;
    for (struct connection *each = stopped->connections; each != NULL; each = each->next)
        shutdown(each->fd, SHUT_RDWR);
    pthread_mutex_unlock(&stopped->mutex);
    shutdown(stopped->listener, SHUT_RDWR); /* ends accept */
    pthread_join(stopped->thread, NULL);
    while (stopped->connections != NULL) {
        struct connection *ended = stopped->connections;
        stopped->connections = ended->next;
        pthread_join(ended->thread, NULL);
        close(ended->fd);
        free(ended);
    }
    close(stopped->listener);
    for (int i = 0; i < stopped->count; i++)
        free(stopped->messages[i]);
    free(stopped->messages);
    SSL_CTX_free(stopped->tls);
    pthread_mutex_destroy(&stopped->mutex);
    free(stopped);
}

const char *ese_test_smtp_address(const struct ese_test_smtp *smtp)
{
    return smtp->address;
}

const char *ese_test_smtp_message(struct ese_test_smtp *smtp, int i)
{
    pthread_mutex_lock(&smtp->mutex);
    const char *message = i < smtp->count ? smtp->messages[i] : NULL;
    pthread_mutex_unlock(&smtp->mutex);
    return message;
}

int ese_test_smtp_count(struct ese_test_smtp *smtp)
{
    pthread_mutex_lock(&smtp->mutex);
    int count = smtp->count;
    pthread_mutex_unlock(&smtp->mutex);
    return count;
}

int ese_test_smtp_handshakes(struct ese_test_smtp *smtp, int version)
{
    pthread_mutex_lock(&smtp->mutex);
    int count = smtp->handshakes[version % 8];
    pthread_mutex_unlock(&smtp->mutex);
    return count;
}

static bool is_settled(void *context)
{
    struct ese_test_smtp *smtp = context;
    pthread_mutex_lock(&smtp->mutex);
    bool settled = smtp->open == 0;
    pthread_mutex_unlock(&smtp->mutex);
    return settled;
}

void ese_test_smtp_settle(struct ese_test_smtp *smtp)
{
    bool settled = ese_test_wait_until(is_settled, smtp, SETTLE_MS);
    assert(settled);
    (void)settled;
}

void ese_test_smtp_bytes(struct ese_test_smtp *smtp, uint64_t *received, uint64_t *sent)
{
    pthread_mutex_lock(&smtp->mutex);
    *received = smtp->received;
    *sent = smtp->sent;
    pthread_mutex_unlock(&smtp->mutex);
}
