#include "tests/support/raw_http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "ese-core/buffer.h"

#define ANSWER_LIMIT (64 * 1024 * 1024)

int ese_raw_connect(const char *address)
{
    const char *colon = strrchr(address, ':');
    struct sockaddr_in peer = {.sin_family = AF_INET};
    struct timeval limit = {.tv_sec = 20}; /* some answers are given ten seconds to */
    assert_non_null(colon);
    peer.sin_port = htons((uint16_t)strtol(colon + 1, NULL, 10));
    peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    assert_int_equal(connect(fd, (struct sockaddr *)&peer, sizeof peer), 0);
    return fd;
}

void ese_raw_send(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0)
            return; /* refused in mid-body: the answer tells */
        bytes += sent;
        length -= (size_t)sent;
    }
}

void ese_raw_send_text(int fd, const char *text)
{
    ese_raw_send(fd, text, strlen(text));
}

static bool read_more(int fd, struct ese_buffer *buffer, size_t most)
{
    char bytes[65536];
    ssize_t length = recv(fd, bytes, most < sizeof bytes ? most : sizeof bytes, 0);
    if (length <= 0)
        return false;
    ese_buffer_append(buffer, bytes, (size_t)length);
    assert_false(buffer->overflowed);
    return true;
}

/* Byte by byte up to the end mark, so that what follows stays in the socket. */
static bool read_until(int fd, struct ese_buffer *buffer, const char *end)
{
    size_t length = strlen(end);
    while (buffer->length < length ||
           memcmp(buffer->text + buffer->length - length, end, length) != 0) {
        if (!read_more(fd, buffer, 1))
            return false;
    }
    return true;
}

static void read_exactly(int fd, struct ese_buffer *buffer, size_t length)
{
    size_t end = buffer->length + length;
    while (buffer->length < end)
        assert_true(read_more(fd, buffer, end - buffer->length));
}

static void read_chunks(int fd, struct ese_buffer *body)
{
    unsigned long size;
    do {
        struct ese_buffer line = ESE_BUFFER_INIT(1000);
        assert_true(read_until(fd, &line, "\r\n"));
        size = strtoul(line.text, NULL, 16);
        ese_buffer_free(&line);
        read_exactly(fd, body, size);
        struct ese_buffer end = ESE_BUFFER_INIT(2);
        read_exactly(fd, &end, 2);
        assert_string_equal(end.text, "\r\n");
        ese_buffer_free(&end);
    } while (size > 0);
}

bool ese_raw_read_answer(int fd, bool has_body, struct ese_raw_answer *answer)
{
    struct ese_buffer head = ESE_BUFFER_INIT(ANSWER_LIMIT), body = ESE_BUFFER_INIT(ANSWER_LIMIT);
    *answer = (struct ese_raw_answer){0};
    bool complete = read_until(fd, &head, "\r\n\r\n");
    if (head.length == 0) {
        ese_buffer_free(&head);
        return false;
    }
    assert_true(complete);
    head.text[head.length - 4] = '\0';
    answer->head = ese_buffer_detach(&head);
    assert_int_equal(sscanf(answer->head, "HTTP/1.%*d %d", &answer->status), 1);
    const char *length = ese_raw_answer_header(answer, "Content-Length");
    if (!has_body || answer->status == 204)
        ;
    else if (length[0] != '\0')
        read_exactly(fd, &body, strtoul(length, NULL, 10));
    else if (strcasecmp(ese_raw_answer_header(answer, "Transfer-Encoding"), "chunked") == 0)
        read_chunks(fd, &body);
    else
        while (read_more(fd, &body, 65536)) {
        }
    answer->length = body.length;
    answer->body = ese_buffer_detach(&body);
    return true;
}

struct ese_raw_answer ese_raw_finish(int fd, int status)
{
    struct ese_raw_answer answer = {0};
    assert_true(ese_raw_read_answer(fd, true, &answer));
    close(fd);
    if (answer.status != status)
        fail_msg("%d instead of %d: %s\n%s", answer.status, status, answer.head, answer.body);
    return answer;
}

void ese_raw_answer_clear(struct ese_raw_answer *answer)
{
    free(answer->head);
    free(answer->body);
    *answer = (struct ese_raw_answer){0};
}

const char *ese_raw_answer_header(const struct ese_raw_answer *answer, const char *name)
{
    static char value[1024];
    size_t length = strlen(name);
    value[0] = '\0';
    for (const char *line = strchr(answer->head, '\n'); line != NULL; line = strchr(line, '\n')) {
        line++;
        if (strncasecmp(line, name, length) == 0 && line[length] == ':')
            sscanf(line + length + 1, " %1023[^\r\n]", value);
    }
    return value;
}

char *ese_raw_read_to_end(int fd)
{
    struct ese_buffer text = ESE_BUFFER_INIT(ANSWER_LIMIT);
    errno = 0;
    while (read_more(fd, &text, 65536)) {
    }
    assert_int_not_equal(errno, EAGAIN);
    return ese_buffer_detach(&text);
}

bool ese_raw_closed(int fd)
{
    char byte;
    ssize_t length = recv(fd, &byte, 1, 0);
    return length == 0 || (length < 0 && errno == ECONNRESET);
}
