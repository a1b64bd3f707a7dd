#include "transports/webhook/url.h"

#include <string.h>
#include <strings.h>

#define DIGITS "0123456789"
#define SMALL "abcdefghijklmnopqrstuvwxyz"
#define LABEL_MOST 63 /* RFC 1035 2.3.4 */
#define SHOWN 120

/* ---- names and ports ------------------------------------------------------------------------- */

/* Letters, digits, '-' and '_', which names of containers have. */
static bool is_label(const char *text, size_t length)
{
    return length > 0 && length <= LABEL_MOST && text[0] != '-' && text[length - 1] != '-' &&
           strspn(text, SMALL DIGITS "-_") >= length;
}

/* As inet_aton(3) takes one: in octal and hexadecimal digits, too. */
static bool is_number(const char *label)
{
    if (label[strspn(label, DIGITS)] == '\0')
        return true;
    return label[0] == '0' && label[1] == 'x' && label[2 + strspn(label + 2, DIGITS "abcdef")] == '\0';
}

bool ese_webhook_url_take_name(const char *text, size_t length, char name[ESE_WEBHOOK_HOST_MOST + 1])
{
    name[0] = '\0';
    length -= length > 0 && text[length - 1] == '.';
    if (length == 0 || length > ESE_WEBHOOK_HOST_MOST)
        return false;
    char copy[ESE_WEBHOOK_HOST_MOST + 1];
    for (size_t i = 0; i < length; i++)
        copy[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] - 'A' + 'a' : text[i]);
    copy[length] = '\0';
    const char *label = copy;
    for (const char *dot = strchr(label, '.'); dot != NULL; dot = strchr(label, '.')) {
        if (!is_label(label, (size_t)(dot - label)))
            return false;
        label = dot + 1;
    }
    if (!is_label(label, strlen(label)) || is_number(label))
        return false;
    memcpy(name, copy, length + 1);
    return true;
}

int ese_webhook_url_port(const char *text, size_t length)
{
    int port = 0;
    if (length == 0 || length > 5 || strspn(text, DIGITS) < length)
        return -1;
    for (size_t i = 0; i < length; i++)
        port = port * 10 + (text[i] - '0');
    return port >= 1 && port <= 65535 ? port : -1;
}

/* ---- URLs ------------------------------------------------------------------------------------ */

/* One that has a name and a password is shown from behind them on. */
static int fail(const char *text, const char *why, struct ese_error *error)
{
    char shown[SHOWN + 1];
    const char *at = strrchr(text, '@');
    size_t length = 0;
    for (const char *c = at != NULL ? at + 1 : text; *c != '\0' && length < SHOWN; c++)
        shown[length++] = *c > ' ' && *c <= '~' ? *c : '?';
    shown[length] = '\0';
    return ese_fail(error, ESE_E_INVALID, "url '%s%s' %s; give http://HOST[:PORT]/PATH or https://...",
                    at != NULL ? "..." : "", shown, why);
}

static bool is_escape(const char *text)
{
    return strspn(text + 1, DIGITS "abcdefABCDEF") >= 2;
}

/* What is wrong with its characters, wherever they are; NULL: nothing. */
static const char *check_characters(const char *text)
{
    if (strnlen(text, ESE_WEBHOOK_URL_MOST + 1) > ESE_WEBHOOK_URL_MOST)
        return "is too long";
    for (const char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return "has a control character, or a line's end";
        if (*c == ' ')
            return "has a blank";
        if ((unsigned char)*c > '~')
            return "has a character beyond ASCII, which has to be percent-encoded (in a host: as xn--)";
        if (*c == '\\')
            return "has a backslash";
        if (*c == '#')
            return "has a fragment ('#'), which nobody would be sent";
        if (*c == '%' && !is_escape(c))
            return "has a '%' without two hexadecimal digits behind it";
    }
    return NULL;
}

/* A host that has no brackets. */
static const char *take_host(const char *host, size_t length, struct ese_webhook_url *url)
{
    if (length == 0)
        return "has no host";
    if (ese_webhook_address_parse(host, length, &url->address) == 0 && memchr(host, ':', length) == NULL)
        return NULL;
    if (!ese_webhook_url_take_name(host, length, url->host))
        return "has a host that is neither a name nor an address (four decimal numbers, or IPv6 in brackets)";
    return NULL;
}

static const char *take_bracketed(const char *host, size_t length, struct ese_webhook_url *url)
{
    if (memchr(host, ':', length) == NULL || ese_webhook_address_parse(host, length, &url->address) != 0)
        return "has no IPv6 address between its brackets";
    return NULL;
}

/* What stands between the "//" and the path. */
static const char *take_authority(const char *text, size_t length, struct ese_webhook_url *url)
{
    const char *end = text + length, *behind;
    const char *problem;
    if (memchr(text, '@', length) != NULL)
        return "has a name or a password, which would be in every log";
    if (text[0] == '[') {
        behind = memchr(text, ']', length);
        if (behind == NULL)
            return "has a '[' without ']'";
        problem = take_bracketed(text + 1, (size_t)(behind - text) - 1, url);
        behind++;
    } else {
        behind = memchr(text, ':', length);
        behind = behind != NULL ? behind : end;
        problem = take_host(text, (size_t)(behind - text), url);
    }
    if (problem != NULL || behind == end)
        return problem;
    url->port = *behind == ':' ? ese_webhook_url_port(behind + 1, (size_t)(end - behind) - 1) : -1;
    return url->port < 0 ? "has a port that is none (1 to 65535)" : NULL;
}

int ese_webhook_url_parse(const char *text, struct ese_webhook_url *url, struct ese_error *error)
{
    *url = (struct ese_webhook_url){.port = 0};
    const char *problem = check_characters(text);
    if (problem != NULL)
        return fail(text, problem, error);
    bool is_plain = strncasecmp(text, "http://", 7) == 0;
    if (!is_plain && strncasecmp(text, "https://", 8) != 0)
        return fail(text, "does not begin with http:// or https://", error);
    const char *authority = text + (is_plain ? 7 : 8);
    url->port = is_plain ? 80 : 443;
    problem = take_authority(authority, strcspn(authority, "/?"), url);
    return problem != NULL ? fail(text, problem, error) : 0;
}
