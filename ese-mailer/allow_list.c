#include "ese-mailer/allow_list.h"

#include <strings.h>

#include "ese-core/memory.h"
#include "ese-mailer/mail.h"

struct ese_allow_list {
    int count;
    char *entries[ESE_ALLOW_LIST_MOST];
};

/* A domain is checked as the address of somebody there. A '*' may stand in an address, but
 * whoever writes one here means something else. */
static int check_entry(const char *entry, struct ese_error *error)
{
    char somebody[ESE_MAIL_ADDRESS_SIZE + 8];
    snprintf(somebody, sizeof somebody, "%s%s", entry[0] == '@' ? "x" : "", entry);
    if (ese_mail_check_address(somebody, "entry", error) == 0 && strchr(entry, '*') == NULL)
        return 0;
    return ese_fail(error, ESE_E_USAGE,
                    "--to-allow: \"%.100s\" is neither an address (bob@example.org) nor a domain "
                    "(@example.org)", entry);
}

static int add_entry(struct ese_allow_list *list, const char *text, size_t length,
                     struct ese_error *error)
{
    if (length == 0)
        return 0;
    if (list->count == ESE_ALLOW_LIST_MOST)
        return ese_fail(error, ESE_E_USAGE, "--to-allow: more than %d entries",
                        ESE_ALLOW_LIST_MOST);
    char *entry = ese_copy_bytes(text, length);
    list->entries[list->count++] = entry;
    return check_entry(entry, error);
}

int ese_allow_list_parse(const char *text, struct ese_allow_list **list, struct ese_error *error)
{
    *list = ese_alloc(sizeof **list);
    for (;;) {
        text += strspn(text, ", ");
        size_t length = strcspn(text, ", ");
        if (add_entry(*list, text, length, error) != 0) {
            ese_allow_list_free(list);
            return -1;
        }
        if (text[length] == '\0')
            return 0;
        text += length;
    }
}

void ese_allow_list_free(struct ese_allow_list **list)
{
    if (*list == NULL)
        return;
    for (int i = 0; i < (*list)->count; i++)
        free((*list)->entries[i]);
    free(*list);
    *list = NULL;
}

/* Some servers send "bob%example.net@ese.org" and "example.net!bob@ese.org" on to example.net: they
 * are no addresses of that domain, unless somebody has written just that one here. */
static bool is_routed(const char *address, const char *domain)
{
    return strcspn(address, "%!") < (size_t)(domain - address);
}

bool ese_allow_list_has(const struct ese_allow_list *list, const char *address)
{
    const char *domain = strchr(address, '@');
    for (int i = 0; i < list->count; i++) {
        const char *entry = list->entries[i];
        bool is_domain = entry[0] == '@' && domain != NULL;
        if (strcasecmp(entry, is_domain ? domain : address) == 0 &&
            !(is_domain && is_routed(address, domain)))
            return true;
    }
    return false;
}
