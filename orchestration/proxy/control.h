/*
 * control.h - the socket by which a proxy is told: a stream socket in the file system, for this user alone.
 *
 * One line is one wish, and is answered by one line once it is in force (proxy.h). A path may be of any length; its
 * directory has to be there. A socket that somebody has left there is replaced, one that somebody serves is not. One
 * thread.
 */
#ifndef ESE_PROXY_CONTROL_H
#define ESE_PROXY_CONTROL_H

#include "ese-core/error.h"

struct ese_proxy;
struct ese_proxy_control;

int ese_proxy_control_open(struct ese_proxy *proxy, int loop, const char *path, struct ese_proxy_control **control,
                           struct ese_error *error);
/* Removes the path, too. */
void ese_proxy_control_close(struct ese_proxy_control **control);

/* The other side: says one line, and waits for the answer, which is 0, or -1 with what the proxy has said
 * (ESE_E_USAGE), or because it does not answer within timeout_ms (ESE_E_IO). Of the answer what stands behind "ok "
 * goes into text. */
int ese_proxy_control_say(const char *path, const char *line, int timeout_ms, char *text, size_t size,
                          struct ese_error *error);

#endif
