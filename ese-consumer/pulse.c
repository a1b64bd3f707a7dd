#include "ese-consumer/pulse.h"

#include <inttypes.h>
#include <stdatomic.h>

#include "ese-core/clock.h"
#include "ese-core/health.h"
#include "ese-core/memory.h"

enum party { TRANSPORT, MAILER, PARTIES };

struct ese_pulse {
    int64_t patience_ms;
    _Atomic int64_t turned_ns;
    struct ese_contact *contacts[PARTIES];
    char why_over[ESE_HEALTH_TEXT_SIZE]; /* written before is_over is */
    atomic_bool is_over;
};

struct ese_pulse *ese_pulse_new(const char *transport, int64_t patience_ms)
{
    struct ese_pulse *pulse = ese_alloc(sizeof *pulse);
    char name[100];
    snprintf(name, sizeof name, "the other side of '%s'", transport);
    pulse->patience_ms = patience_ms;
    pulse->contacts[TRANSPORT] = ese_contact_new(name);
    pulse->contacts[MAILER] = ese_contact_new("the mailer");
    ese_pulse_turned(pulse);
    return pulse;
}

void ese_pulse_free(struct ese_pulse **pulse)
{
    if (*pulse == NULL)
        return;
    for (int i = 0; i < PARTIES; i++)
        ese_contact_free(&(*pulse)->contacts[i]);
    free(*pulse);
    *pulse = NULL;
}

void ese_pulse_turned(struct ese_pulse *pulse)
{
    atomic_store_explicit(&pulse->turned_ns, ese_clock_monotonic_ns(), memory_order_relaxed);
}

void ese_pulse_over(struct ese_pulse *pulse, const char *why)
{
    snprintf(pulse->why_over, sizeof pulse->why_over, "%s", why);
    atomic_store_explicit(&pulse->is_over, true, memory_order_release);
}

struct ese_contact *ese_pulse_transport(struct ese_pulse *pulse)
{
    return pulse->contacts[TRANSPORT];
}

struct ese_contact *ese_pulse_mailer(struct ese_pulse *pulse)
{
    return pulse->contacts[MAILER];
}

/* The first who has been away for too long has the word; else the last who is away at all. */
static bool in_touch(struct ese_pulse *pulse, char *text, size_t size)
{
    text[0] = '\0';
    for (int i = 0; i < PARTIES; i++) {
        char said[ESE_HEALTH_TEXT_SIZE];
        int64_t away_ms = ese_contact_away_ms(pulse->contacts[i], said, sizeof said);
        if (away_ms >= 0)
            snprintf(text, size, "%s", said);
        if (away_ms > pulse->patience_ms)
            return false;
    }
    return true;
}

bool ese_pulse_well(void *context, char *text, size_t size)
{
    struct ese_pulse *pulse = context;
    if (atomic_load_explicit(&pulse->is_over, memory_order_acquire)) {
        snprintf(text, size, "%s", pulse->why_over);
        return false;
    }
    int64_t turned_ns = atomic_load_explicit(&pulse->turned_ns, memory_order_relaxed);
    int64_t still_ms = (ese_clock_monotonic_ns() - turned_ns) / ESE_NS_PER_MS;
    if (still_ms > pulse->patience_ms) {
        snprintf(text, size, "nothing has moved on for %" PRId64 " s", still_ms / 1000);
        return false;
    }
    return in_touch(pulse, text, size);
}
