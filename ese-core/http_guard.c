#include "ese-core/http_server_internal.h"

#include <stdio.h>
#include <strings.h>

#include "ese-core/number.h"
#include "ese-core/token.h"

#define TOKEN_CHARACTERS                                                                           \
    "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

#define HEADERS_MOST 256 /* of a request; more are 431 (RFC 6585, section 5) */

/* What the headers say of the request's length, and what is wrong with them. */
struct framing {
    int headers, lengths, codings, hosts;
    const char *length, *coding;
    const char *next; /* where the next line has to begin */
    const char *problem;
};

static const char too_many[] = "more headers than are taken";
static const char altered[] =
    "a header is folded, nameless, has a NUL in it, or does not end in CR LF";

static const char *header(const struct ese_http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->mhd, MHD_HEADER_KIND, name);
}

/*
 * libmicrohttpd before 1.0 joins a folded line to the header's *name*, so that a folded
 * Content-Length is none any more; ends a value at a NUL; and takes a line that begins with a colon
 * for the end of the headers, so that the rest becomes a request. All are told by memory: it parses
 * in place, so that the lines, with NULs for their colons and CR LF, must follow each other without
 * a gap from the request line to the end. (A line ended by LF alone is refused with them.)
 */
static bool parsed_in_place(void)
{
    return strncmp(MHD_get_version(), "0.", 2) == 0; /* of the library that is there */
}

/* Moves `next` behind this header's line. False when the line is not whole. */
static bool follow_line(const char **next, const char *name, size_t name_length, const char *value,
                        size_t value_length)
{
    const char *gap = name + name_length + 1;
    while (gap < value && (*gap == ' ' || *gap == '\t'))
        gap++;
    if (name != *next || gap != value)
        return false;
    *next = value + value_length + strlen("\r\n");
    return true;
}

/* Likewise for method, path and version, of which nothing may be hidden behind a NUL. */
static bool line_is_whole(const struct ese_http_request *request, const char *version)
{
    return request->target == request->method + strlen(request->method) + 1 &&
           version == request->target + request->target_length + 1;
}

static bool ends_here(const struct ese_http_request *request, const char *next)
{
    return next + strlen("\r\n") == request->method + request->header_bytes;
}

static bool has_control_character(const char *value, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (((unsigned char)value[i] < 0x20 && value[i] != '\t') || value[i] == 0x7f)
            return true;
    }
    return false;
}

static void note_length_headers(struct framing *framing, const char *name, const char *value)
{
    if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0) {
        framing->lengths++;
        framing->length = value;
    } else if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0) {
        framing->codings++;
        framing->coding = value;
    } else if (strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0) {
        framing->hosts++;
    }
}

static enum MHD_Result look_at(void *context, enum MHD_ValueKind kind, const char *name,
                               size_t name_length, const char *value, size_t value_length)
{
    struct framing *framing = context;
    (void)kind;
    if (++framing->headers > HEADERS_MOST)
        framing->problem = too_many;
    else if (name_length == 0 || name[strspn(name, TOKEN_CHARACTERS)] != '\0')
        framing->problem = "a header's name is malformed";
    else if (parsed_in_place() &&
             !follow_line(&framing->next, name, name_length, value, value_length))
        framing->problem = altered;
    else if (has_control_character(value, value_length))
        framing->problem = "a header has a control character";
    note_length_headers(framing, name, value);
    return framing->problem == NULL ? MHD_YES : MHD_NO;
}

static const char *find_problem(const struct framing *framing, const char *version)
{
    if (framing->lengths > 1)
        return "more than one Content-Length";
    if (framing->lengths > 0 && framing->codings > 0)
        return "Content-Length together with Transfer-Encoding";
    if (framing->codings > 1 ||
        (framing->codings == 1 && strcasecmp(framing->coding, "chunked") != 0))
        return "a Transfer-Encoding other than chunked";
    if (framing->codings > 0 && strcmp(version, MHD_HTTP_VERSION_1_1) != 0)
        return "Transfer-Encoding before HTTP/1.1";
    if (framing->lengths == 1 && framing->length[strspn(framing->length, "0123456789")] != '\0')
        return "a Content-Length that is no number";
    if (framing->hosts > 1 || (framing->hosts == 0 && strcmp(version, MHD_HTTP_VERSION_1_1) == 0))
        return "one Host header is needed";
    return NULL;
}

/*
 * What stands around a body's chunks is not told, and libmicrohttpd 0.9.75 takes bare LF there, folded
 * trailers, and a line that begins with a colon or a NUL for the end of them. Somebody in front of us may
 * take that for something else. So nothing behind such a body is read as a request.
 */
bool ese_http_guard_framing(struct ese_http_request *request, const char *version)
{
    struct framing framing = {.next = version + strlen(version) + strlen("\r\n")};
    request->header_bytes =
        MHD_get_connection_info(request->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)->header_size;
    MHD_get_connection_values_n(request->mhd, MHD_HEADER_KIND, look_at, &framing);
    request->answer.close = framing.codings > 0;
    if (framing.problem == NULL && parsed_in_place() && !line_is_whole(request, version))
        framing.problem = "the request line is malformed";
    if (framing.problem == NULL && parsed_in_place() && !ends_here(request, framing.next))
        framing.problem = altered;
    if (framing.problem == NULL)
        framing.problem = find_problem(&framing, version);
    if (framing.problem == NULL)
        return true;
    request->refusal = framing.problem == too_many ? 431 : 400;
    request->refusal_text = framing.problem;
    return false;
}

uint64_t ese_http_guard_announced(const struct ese_http_request *request)
{
    const char *length = header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);
    int64_t number = 0;
    if (length != NULL && ese_number_parse(length, "", 0, INT64_MAX, &number, NULL) != 0)
        return UINT64_MAX;
    return (uint64_t)number;
}

/* Of RFC 9110 section 11.4: the scheme in any case, one blank or more, the token, and nothing of the
 * blanks behind it, which libmicrohttpd leaves there. False: something else. What is too long is cut:
 * it is still longer than any token. */
static bool read_bearer(const char *credentials, char given[ESE_TOKEN_SIZE + 1])
{
    size_t scheme = strlen("Bearer");
    if (credentials == NULL || strncasecmp(credentials, "Bearer", scheme) != 0 ||
        credentials[scheme] != ' ')
        return false;
    const char *begin = credentials + scheme + strspn(credentials + scheme, " ");
    size_t length = strlen(begin);
    while (length > 0 && (begin[length - 1] == ' ' || begin[length - 1] == '\t'))
        length--;
    snprintf(given, ESE_TOKEN_SIZE + 1, "%.*s", (int)(length < ESE_TOKEN_SIZE ? length : ESE_TOKEN_SIZE), begin);
    return true;
}

/* Of two of them, one would be for show. */
const char *ese_http_guard_challenge(const struct ese_http_request *request)
{
    const char *token = request->server->options.token;
    char given[ESE_TOKEN_SIZE + 1];
    if (token == NULL)
        return NULL;
    if (!read_bearer(header(request, MHD_HTTP_HEADER_AUTHORIZATION), given))
        return "Bearer realm=\"ESE lab\"";
    if (ese_http_request_header_count(request, MHD_HTTP_HEADER_AUTHORIZATION) == 1 &&
        ese_token_matches(token, given))
        return NULL;
    return "Bearer realm=\"ESE lab\", error=\"invalid_token\"";
}

bool ese_http_guard_foreign_origin(const struct ese_http_request *request)
{
    const char *origin = header(request, MHD_HTTP_HEADER_ORIGIN);
    const char *host = header(request, MHD_HTTP_HEADER_HOST);
    if (origin == NULL || origin[0] == '\0')
        return false;
    const char *scheme_end = strstr(origin, "://");
    bool web = strncmp(origin, "http://", 7) == 0 || strncmp(origin, "https://", 8) == 0;
    return host == NULL || !web || strcmp(scheme_end + strlen("://"), host) != 0;
}
