#include "ese-core/contact.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"

struct ese_contact {
    char *name;
    atomic_bool away;     /* changed under the lock */
    pthread_mutex_t lock; /* of what follows */
    int64_t since_ns;
    char why[256];
};

struct ese_contact *ese_contact_new(const char *name)
{
    struct ese_contact *contact = ese_alloc(sizeof *contact);
    contact->name = ese_copy_text(name);
    pthread_mutex_init(&contact->lock, NULL);
    return contact;
}

void ese_contact_free(struct ese_contact **contact)
{
    if (*contact == NULL)
        return;
    pthread_mutex_destroy(&(*contact)->lock);
    free((*contact)->name);
    free(*contact);
    *contact = NULL;
}

void ese_contact_heard(struct ese_contact *contact)
{
    if (!atomic_load(&contact->away))
        return;
    pthread_mutex_lock(&contact->lock);
    atomic_store(&contact->away, false);
    pthread_mutex_unlock(&contact->lock);
}

void ese_contact_lost(struct ese_contact *contact, const char *why)
{
    pthread_mutex_lock(&contact->lock);
    if (!atomic_load(&contact->away))
        contact->since_ns = ese_clock_monotonic_ns();
    snprintf(contact->why, sizeof contact->why, "%s", why);
    atomic_store(&contact->away, true);
    pthread_mutex_unlock(&contact->lock);
}

int64_t ese_contact_away_ms(struct ese_contact *contact, char *text, size_t size)
{
    int64_t away_ms = -1;
    text[0] = '\0';
    pthread_mutex_lock(&contact->lock);
    if (atomic_load(&contact->away)) {
        away_ms = (ese_clock_monotonic_ns() - contact->since_ns) / ESE_NS_PER_MS;
        snprintf(text, size, "%s has been away for %" PRId64 " s: %s", contact->name,
                 away_ms / 1000, contact->why);
    }
    pthread_mutex_unlock(&contact->lock);
    return away_ms;
}
