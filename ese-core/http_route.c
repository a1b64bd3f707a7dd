#include "ese-core/http_server_internal.h"

#include <assert.h>

#include "ese-core/memory.h"

static const char *const methods[ESE_HTTP_METHODS] = {"GET",     "POST",  "PUT", "DELETE", "HEAD",
                                                      "OPTIONS", "PATCH", "other"};

/* ---- metrics of what is no route ------------------------------------------------------------- */

void ese_http_route_name_strays(struct ese_http_server *server)
{
    for (int i = 0; i < ESE_HTTP_METHODS; i++)
        server->strays[i] = (struct http_route){.method = methods[i], .path = "other"};
}

static struct http_route *stray(struct ese_http_server *server, const char *method)
{
    int i = 0;
    while (i < ESE_HTTP_METHODS - 1 && strcmp(methods[i], method) != 0)
        i++;
    return &server->strays[i];
}

/* ---- patterns -------------------------------------------------------------------------------- */

bool ese_http_route_is_pattern(const char *path)
{
    size_t length = strlen(path);
    return strstr(path, "/:") != NULL || (length >= 2 && strcmp(path + length - 2, "/*") == 0);
}

/* What stands behind the last slash is a segment, too: nothing there fits nothing but "*". */
static bool fits(const char *pattern, const char *path)
{
    while (*pattern == '/' && *path == '/') {
        size_t wanted = strcspn(++pattern, "/"), given = strcspn(++path, "/");
        if (strcmp(pattern, "*") == 0)
            return true;
        bool same = wanted == given && memcmp(pattern, path, given) == 0;
        if (*pattern == ':' ? given == 0 : !same)
            return false;
        pattern += wanted;
        path += given;
    }
    return *pattern == '\0' && *path == '\0';
}

void ese_http_route_keep_path(struct ese_http_request *request)
{
    if (request->server->has_patterns)
        request->segments = ese_copy_bytes(request->target, strcspn(request->target, "?"));
}

/* From here on each segment is a text of its own. */
static void cut_apart(char *path)
{
    for (char *c = path; *c != '\0'; c++) {
        if (*c == '/')
            *c = '\0';
    }
}

/* Pattern and path have as many segments: the n-th of one is the n-th of the other. */
const char *ese_http_request_parameter(const struct ese_http_request *request, const char *name)
{
    const char *pattern = request->route->path, *segment = request->segments;
    size_t length = strlen(name);
    if (!request->route->is_pattern)
        return NULL;
    while (*pattern == '/') {
        size_t wanted = strcspn(++pattern, "/");
        segment += strlen(segment) + 1;
        if (*pattern == ':' && wanted == length + 1 && memcmp(pattern + 1, name, length) == 0)
            return segment;
        pattern += wanted;
    }
    return NULL;
}

/* ---- finding --------------------------------------------------------------------------------- */

/* The method NULL: any. */
static struct http_route *find_exact(struct ese_http_server *server, const char *method, const char *path,
                                     size_t length)
{
    for (int i = 0; i < server->route_count; i++) {
        struct http_route *route = &server->routes[i];
        if (!route->is_pattern && strncmp(route->path, path, length) == 0 && route->path[length] == '\0' &&
            (method == NULL || strcmp(route->method, method) == 0))
            return route;
    }
    return NULL;
}

static struct http_route *find_pattern(struct ese_http_server *server, const char *method, const char *segments)
{
    for (int i = 0; i < server->route_count && segments != NULL; i++) {
        struct http_route *route = &server->routes[i];
        if (route->is_pattern && (method == NULL || strcmp(route->method, method) == 0) &&
            fits(route->path, segments))
            return route;
    }
    return NULL;
}

static struct http_route *find(struct ese_http_request *request, const char *method)
{
    struct http_route *route = find_exact(request->server, method, request->path, strlen(request->path));
    return route != NULL ? route : find_pattern(request->server, method, request->segments);
}

void ese_http_route_choose(struct ese_http_request *request)
{
    struct http_route *route = find(request, request->method);
    request->route = route != NULL ? route : stray(request->server, request->method);
    if (request->route->is_pattern)
        cut_apart(request->segments);
}

bool ese_http_route_has_another(struct ese_http_request *request)
{
    return find(request, NULL) != NULL;
}

struct http_route *ese_http_route_before_slash(struct ese_http_request *request)
{
    size_t length = strlen(request->path);
    if (length < 2 || request->path[length - 1] != '/')
        return NULL;
    return find_exact(request->server, request->method, request->path, length - 1);
}
