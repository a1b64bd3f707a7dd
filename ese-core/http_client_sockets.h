/*
 * http_client_sockets.h - waits for what libcurl's transfers wait for: sockets and time. Part of the
 * HTTP client.
 *
 * By epoll and curl_multi_socket_action, so that a transfer costs nothing while nothing comes for it:
 * with curl_multi_poll each turn asks after every one, and a peer that answers at once pays for all
 * that hang. One thread; wake is for others.
 */
#ifndef ESE_HTTP_CLIENT_SOCKETS_H
#define ESE_HTTP_CLIENT_SOCKETS_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

struct ese_http_sockets {
    CURLM *multi;
    int poll_fd;    /* an epoll's */
    int wake_fd;    /* an eventfd's */
    int64_t due_ns; /* monotonic; when libcurl has something to do though nothing comes; INT64_MAX: never */
};

/* Takes multi's socket and timer callbacks. -1 and errno when the system gives no descriptor; close it
 * then, too. What multi is made of must be gone before sockets is. */
int ese_http_sockets_open(struct ese_http_sockets *sockets, CURLM *multi);
void ese_http_sockets_close(struct ese_http_sockets *sockets);

/* Waits up to left_ns (0: not at all), and lets libcurl deal with what came, and with what is due. True
 * when extra_fd (or -1) has become readable. */
bool ese_http_sockets_wait(struct ese_http_sockets *sockets, int64_t left_ns, int extra_fd);

/* Lets libcurl do what is due: transfers that were added begin. */
void ese_http_sockets_run_due(struct ese_http_sockets *sockets);

/* Ends a wait, or the next one. Any thread. */
void ese_http_sockets_wake(struct ese_http_sockets *sockets);

#endif
