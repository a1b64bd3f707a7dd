#include "transports/webhook/targets.h"

#include <arpa/inet.h>
#include <string.h>

#include "ese-core/memory.h"
#include "ese-core/number.h"
#include "transports/webhook/url.h"

#define BETWEEN ", \t\r\n"
#define LOCALHOST "localhost"

enum kind { EVERYTHING, NAME, BELOW, NETWORK };

struct entry {
    enum kind kind;
    char name[ESE_WEBHOOK_HOST_MOST + 1]; /* of a NAME; of BELOW, what has to stand behind a dot */
    struct ese_webhook_address network;
    int bits;
    int port; /* 0: any */
};

struct ese_webhook_targets {
    int count;
    struct entry entries[ESE_WEBHOOK_TARGETS_MOST];
};

/* ---- the list -------------------------------------------------------------------------------- */

static int fail_entry(const char *text, size_t length, const char *why, struct ese_error *error)
{
    return ese_fail(error, ESE_E_USAGE,
                    "--allow-targets: \"%.*s\" %s; give names (example.org, *.example.org), addresses or networks "
                    "(10.1.0.0/16, [::1]), a port behind them or not (:8080), or *",
                    (int)(length < 100 ? length : 100), text, why);
}

/* "10.1.0.0/16" is a network, "10.1.2.3/16" is none: whoever wrote it may have meant one address. */
static bool is_network(const struct ese_webhook_address *network, int bits)
{
    for (int i = bits; i < network->bits; i++)
        if ((network->bytes[i / 8] >> (7 - i % 8) & 1) != 0)
            return false;
    return true;
}

/* behind: "/BITS" or nothing. An IPv4 address within IPv6 has fewer bits than are written. */
static const char *take_network(const char *address, size_t length, const char *behind, struct entry *entry)
{
    int64_t bits = 0;
    if (ese_webhook_address_parse(address, length, &entry->network) != 0)
        return "has no address";
    if (entry->network.bits == 32 && memchr(address, ':', length) != NULL)
        return "is an IPv4 address: write it as four numbers";
    bits = entry->network.bits;
    if (*behind == '/' && ese_number_parse(behind + 1, "bits", 0, bits, &bits, NULL) != 0)
        return "has no number of bits behind its '/'";
    entry->kind = NETWORK;
    entry->bits = (int)bits;
    return is_network(&entry->network, entry->bits) ? NULL : "has bits beyond its network's";
}

/* What stands before the port. */
static const char *take_host(const char *text, struct entry *entry)
{
    size_t host = strcspn(text, "/");
    if (text[0] == '[') {
        const char *end = strchr(text, ']');
        if (end == NULL || (end[1] != '\0' && end[1] != '/') || memchr(text, ':', (size_t)(end - text)) == NULL)
            return "has no IPv6 address in its brackets";
        return take_network(text + 1, (size_t)(end - text) - 1, end + 1, entry);
    }
    if (strcmp(text, "*") == 0) {
        entry->kind = EVERYTHING;
        return NULL;
    }
    if (strchr(text, ':') != NULL || text[host] == '/' || ese_webhook_address_parse(text, host, &entry->network) == 0)
        return take_network(text, host, text + host, entry);
    bool is_below = strncmp(text, "*.", 2) == 0;
    entry->kind = is_below ? BELOW : NAME;
    text += is_below ? 2 : 0;
    return ese_webhook_url_take_name(text, strlen(text), entry->name) ? NULL : "is neither a name nor an address";
}

/* Where its port begins: behind the only ':', or behind "]:" or "]/8:". NULL: it has none. */
static char *find_port(char *text)
{
    char *bracket = strchr(text, ']');
    char *colon = strchr(bracket != NULL ? bracket : text, ':');
    return colon != NULL && strchr(colon + 1, ':') == NULL ? colon : NULL;
}

static int add_entry(struct ese_webhook_targets *targets, const char *text, size_t length, struct ese_error *error)
{
    char copy[ESE_WEBHOOK_HOST_MOST + 16];
    if (length >= sizeof copy)
        return fail_entry(text, length, "is too long", error);
    if (targets->count == ESE_WEBHOOK_TARGETS_MOST)
        return ese_fail(error, ESE_E_USAGE, "--allow-targets: more than %d entries", ESE_WEBHOOK_TARGETS_MOST);
    memcpy(copy, text, length);
    copy[length] = '\0';
    struct entry *entry = &targets->entries[targets->count++];
    char *colon = find_port(copy);
    if (colon != NULL) {
        *colon = '\0';
        entry->port = ese_webhook_url_port(colon + 1, strlen(colon + 1));
    }
    const char *problem = entry->port < 0 ? "has a port that is none (1 to 65535)" : take_host(copy, entry);
    return problem != NULL ? fail_entry(text, length, problem, error) : 0;
}

int ese_webhook_targets_parse(const char *text, struct ese_webhook_targets **targets, struct ese_error *error)
{
    int result = 0;
    *targets = ese_alloc(sizeof **targets);
    if (text == NULL)
        text = "*";
    for (text += strspn(text, BETWEEN); *text != '\0' && result == 0; text += strspn(text, BETWEEN)) {
        size_t length = strcspn(text, BETWEEN);
        result = add_entry(*targets, text, length, error);
        text += length;
    }
    if (result == 0 && (*targets)->count == 0)
        result = ese_fail(error, ESE_E_USAGE,
                          "--allow-targets: the list is empty; leave it away for this machine alone, or give '*' for "
                          "all that is public");
    if (result != 0)
        ese_webhook_targets_free(targets);
    return result;
}

void ese_webhook_targets_free(struct ese_webhook_targets **targets)
{
    free(*targets);
    *targets = NULL;
}

/* ---- what it allows -------------------------------------------------------------------------- */

static bool ends_below(const char *name, const char *above)
{
    size_t whole = strlen(name), end = strlen(above);
    return whole > end + 1 && name[whole - end - 1] == '.' && strcmp(name + whole - end, above) == 0;
}

static bool names_host(const struct entry *entry, const char *host)
{
    return entry->kind == EVERYTHING || (entry->kind == NAME && strcmp(entry->name, host) == 0) ||
           (entry->kind == BELOW && ends_below(host, entry->name));
}

static bool names_address(const struct entry *entry, const struct ese_webhook_address *address)
{
    if (entry->kind == EVERYTHING)
        return ese_webhook_address_kind(address) == NULL;
    return entry->kind == NETWORK && ese_webhook_address_is_in(address, &entry->network, entry->bits);
}

static bool has_port(const struct entry *entry, int port)
{
    return entry->port == 0 || entry->port == port;
}

static bool has_name(const struct ese_webhook_targets *targets, const char *host, int port)
{
    for (int i = 0; i < targets->count; i++)
        if (names_host(&targets->entries[i], host) && has_port(&targets->entries[i], port))
            return true;
    return false;
}

static bool has_address(const struct ese_webhook_targets *targets, const struct ese_webhook_address *address, int port)
{
    for (int i = 0; i < targets->count; i++)
        if (names_address(&targets->entries[i], address) && has_port(&targets->entries[i], port))
            return true;
    return false;
}

static bool names_any_name(const struct ese_webhook_targets *targets)
{
    for (int i = 0; i < targets->count; i++)
        if (targets->entries[i].kind != NETWORK)
            return true;
    return false;
}

static bool is_localhost(const char *host)
{
    return strcmp(host, LOCALHOST) == 0 || ends_below(host, LOCALHOST);
}

static bool may_go_home(const struct ese_webhook_targets *targets, int port)
{
    static const struct ese_webhook_address loopback[] = {{32, {127, [3] = 1}}, {128, {[15] = 1}}};
    return has_address(targets, &loopback[0], port) || has_address(targets, &loopback[1], port);
}

static int refuse(const struct ese_webhook_url *url, struct ese_error *error)
{
    char address[INET6_ADDRSTRLEN] = "";
    const char *kind = url->host[0] == '\0' ? ese_webhook_address_kind(&url->address) : NULL;
    if (url->host[0] == '\0')
        inet_ntop(url->address.bits == 32 ? AF_INET : AF_INET6, url->address.bytes, address, sizeof address);
    if (is_localhost(url->host))
        kind = "loopback";
    return ese_fail(error, ESE_E_INVALID,
                    "url: nothing is pushed to %s%s, port %d%s%s%s: --allow-targets does not name it", url->host,
                    address, url->port, kind != NULL ? " (" : "", kind != NULL ? kind : "", kind != NULL ? ")" : "");
}

int ese_webhook_targets_check_url(const struct ese_webhook_targets *targets, const char *text, struct ese_error *error)
{
    struct ese_webhook_url url;
    bool may;
    if (ese_webhook_url_parse(text, &url, error) != 0)
        return -1;
    if (url.host[0] == '\0')
        may = has_address(targets, &url.address, url.port);
    else if (is_localhost(url.host))
        may = may_go_home(targets, url.port);
    else
        may = has_name(targets, url.host, url.port);
    return may ? 0 : refuse(&url, error);
}

bool ese_webhook_targets_may(const struct ese_webhook_targets *targets, const struct sockaddr *given)
{
    struct ese_webhook_address address;
    int port;
    if (ese_webhook_address_of(given, &address, &port) != 0)
        return false;
    return has_address(targets, &address, port) ||
           (ese_webhook_address_kind(&address) == NULL && names_any_name(targets));
}
