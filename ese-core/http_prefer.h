/*
 * http_prefer.h - what a client would rather have: the header Prefer (RFC 7240).
 */
#ifndef ESE_HTTP_PREFER_H
#define ESE_HTTP_PREFER_H

#include <stdbool.h>

#define ESE_HTTP_MINIMAL "return=minimal"

/* Whether that field (NULL: there is none) has the preference return=minimal: that the answer to what succeeded should
 * say no more than that. Of several `return`s the first one counts. What is no such field has none. */
bool ese_http_prefers_minimal(const char *field);

#endif
