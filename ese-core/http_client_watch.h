/*
 * http_client_watch.h - which sockets libcurl waits for, in an epoll of our own: its socket interface
 * (curl_multi_socket_action), so that a wake costs what is ready and not what is open.
 *
 * libcurl says after every request that it no longer waits for its socket, and before the next that it does
 * again. A socket made here is left in the epoll meanwhile: a request on a kept connection changes nothing there.
 * One thread's, but for ese_http_watch_wake.
 */
#ifndef ESE_HTTP_CLIENT_WATCH_H
#define ESE_HTTP_CLIENT_WATCH_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

struct ese_http_watch;

/* multi stays the caller's; it has to be cleaned up before the watch is closed. NULL: errno says why not. */
struct ese_http_watch *ese_http_watch_open(CURLM *multi);
void ese_http_watch_close(struct ese_http_watch **watch);

/* The easy handle's sockets are made and closed here, and counted in wire.h. */
void ese_http_watch_add(struct ese_http_watch *watch, CURL *easy);

/* Lets libcurl do what it said it would do by now: that is how a request that was added begins. */
void ese_http_watch_run_due(struct ese_http_watch *watch);

/* Waits for sockets until until_ns (monotonic), for less where libcurl's own time comes first, and lets libcurl work
 * on those that are ready. True when a wake came, or extra_fd (-1: none) is readable. */
bool ese_http_watch_wait(struct ese_http_watch *watch, int64_t until_ns, int extra_fd);

/* Ends the wait under way, or the next one. Of any thread. */
void ese_http_watch_wake(struct ese_http_watch *watch);

#endif
