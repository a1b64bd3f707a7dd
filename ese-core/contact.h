/*
 * contact.h - whether somebody we depend on can be reached, as whoever asks them found it last.
 *
 * Made for GET /health, which another thread answers. All functions may be called from any thread.
 */
#ifndef ESE_CONTACT_H
#define ESE_CONTACT_H

#include <stddef.h>
#include <stdint.h>

struct ese_contact;

/* name: how the sentence begins, "the mailer"; copied. */
struct ese_contact *ese_contact_new(const char *name);
void ese_contact_free(struct ese_contact **contact);

/* Cheap where nothing has changed. */
void ese_contact_heard(struct ese_contact *contact);
/* why: in words; of several in a row the last is kept. */
void ese_contact_lost(struct ese_contact *contact, const char *why);

/* For how long it has been away, in ms, and text says so; -1: it is not, and text is "". */
int64_t ese_contact_away_ms(struct ese_contact *contact, char *text, size_t size);

#endif
