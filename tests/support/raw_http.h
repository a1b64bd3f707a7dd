/*
 * raw_http.h - a peer that sends exactly the bytes a test wants, and reads what comes back.
 *
 * Every failure fails the test (cmocka). Reads wait at most ten seconds.
 */
#ifndef ESE_TEST_RAW_HTTP_H
#define ESE_TEST_RAW_HTTP_H

#include <stdbool.h>
#include <stddef.h>

int ese_raw_connect(const char *address); /* "127.0.0.1:40123" */
void ese_raw_send(int fd, const char *bytes, size_t length);
void ese_raw_send_text(int fd, const char *text);

/* One answer, its body's end told by its own headers (or by the end of the connection). */
struct ese_raw_answer {
    int status;
    char *head; /* status line and headers, without the empty line */
    char *body; /* chunks joined */
    size_t length;
};
/* False when the connection ended before the first byte of an answer. */
bool ese_raw_read_answer(int fd, bool has_body, struct ese_raw_answer *answer);
/* The one answer of a connection, which is closed then. Another status fails the test, with what was answered. The
 * caller clears it. */
struct ese_raw_answer ese_raw_finish(int fd, int status);
void ese_raw_answer_clear(struct ese_raw_answer *answer);
/* The value of a header of the answer, in a static buffer; "" when there is none. */
const char *ese_raw_answer_header(const struct ese_raw_answer *answer, const char *name);

/* All that comes until the peer closes. The caller frees. */
char *ese_raw_read_to_end(int fd);

/* True when the peer has closed (or reset) and nothing more came before that. */
bool ese_raw_closed(int fd);

#endif
