/*
 * pulse.h - whether a consumer is well: its loop turns, and it is in touch with those it needs.
 *
 * The loop and the sender of mails tell, the HTTP server's thread asks (GET /health). Who is away
 * for a moment is no sickness, only worth a note: both sides try again by themselves.
 */
#ifndef ESE_PULSE_H
#define ESE_PULSE_H

#include <stdbool.h>

#include "ese-core/contact.h"

struct ese_pulse;

/* patience_ms: how long the loop may stand still, and the transport or the mailer be away. */
struct ese_pulse *ese_pulse_new(const char *transport, int64_t patience_ms);
void ese_pulse_free(struct ese_pulse **pulse);

void ese_pulse_turned(struct ese_pulse *pulse); /* the loop; also counts as turned when made */
struct ese_contact *ese_pulse_transport(struct ese_pulse *pulse);
struct ese_contact *ese_pulse_mailer(struct ese_pulse *pulse);

/* It reads no more, and why, for as long as the process stays. At most once. */
void ese_pulse_over(struct ese_pulse *pulse, const char *why);

/* An ese_health_check of a pulse. */
bool ese_pulse_well(void *pulse, char *text, size_t size);

#endif
