#include "tests/support/smtp_server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ese-core/buffer.h"
#include "ese-core/memory.h"

#define MESSAGES_MOST 100000
#define MESSAGE_LIMIT (1024 * 1024)

struct connection {
    struct ese_test_smtp *smtp;
    int fd;
    pthread_t thread;
    struct connection *next;
};

struct ese_test_smtp {
    ese_test_smtp_reply *reply;
    void *context;
    int listener;
    char address[32];
    pthread_t thread;
    pthread_mutex_t mutex; /* guards what follows */
    struct connection *connections;
    bool stopping;
    char **messages;
    int count;
    uint64_t received, sent;
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

/* Returns false when the session is over. */
static bool say(struct connection *connection, const char *command, bool *silent)
{
    struct ese_test_smtp *smtp = connection->smtp;
    const char *reply = smtp->reply(smtp->context, command);
    if (reply == NULL)
        return false;
    *silent = reply[0] == '\0';
    pthread_mutex_lock(&smtp->mutex);
    smtp->sent += strlen(reply); /* before: whoever has the reply may look at once */
    pthread_mutex_unlock(&smtp->mutex);
    return send(connection->fd, reply, strlen(reply), MSG_NOSIGNAL) >= 0 && strncmp(command,
                                                                                    "QUIT", 4) != 0;
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
    connection->smtp->received += (uint64_t)length;
    pthread_mutex_unlock(&connection->smtp->mutex);
    if (length >= 2 && strcmp(*line + length - 2, "\r\n") == 0)
        (*line)[length - 2] = '\0';
    return true;
}

static void *serve(void *context)
{
    struct connection *connection = context;
    FILE *stream = fdopen(dup(connection->fd), "r");
    struct ese_buffer text = ESE_BUFFER_INIT(MESSAGE_LIMIT);
    char *line = NULL;
    size_t size = 0;
    bool in_message = false, silent = false;
    bool more = say(connection, "GREETING", &silent);
    while (more && read_line(connection, stream, &line, &size)) {
        if (silent)
            continue;
        if (in_message && strcmp(line, ".") != 0) {
            ese_buffer_printf(&text, "%s\r\n", line);
            continue;
        }
        if (in_message)
            keep_message(connection->smtp, &text);
        more = say(connection, line, &silent);
        in_message = !in_message && strcmp(line, "DATA") == 0 && more && !silent;
    }
    free(line);
    ese_buffer_free(&text);
    fclose(stream);
    shutdown(connection->fd, SHUT_RDWR);
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
        if (smtp->stopping)
            shutdown(fd, SHUT_RDWR);
        pthread_create(&connection->thread, NULL, serve, connection);
        pthread_mutex_unlock(&smtp->mutex);
    }
    return NULL;
}

struct ese_test_smtp *ese_test_smtp_start(ese_test_smtp_reply *reply, void *context)
{
    struct ese_test_smtp *smtp = ese_alloc(sizeof *smtp);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    smtp->reply = reply;
    smtp->context = context;
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

void ese_test_smtp_bytes(struct ese_test_smtp *smtp, uint64_t *received, uint64_t *sent)
{
    pthread_mutex_lock(&smtp->mutex);
    *received = smtp->received;
    *sent = smtp->sent;
    pthread_mutex_unlock(&smtp->mutex);
}
