/*
 * fake_mailer.h - POST /mail as ese-mailer answers it, and as a bad day does, keeping what it took.
 *
 * A temper says what becomes of each request; `number` counts them from 0. It is called on the
 * server's thread.
 */
#ifndef ESE_TEST_FAKE_MAILER_H
#define ESE_TEST_FAKE_MAILER_H

#include <stdbool.h>

enum fake_mailer_answer {
    FAKE_TAKE,          /* keeps it, 200 */
    FAKE_TAKE_AND_DROP, /* keeps it, and the connection breaks before the answer is whole */
    FAKE_DROP,          /* the connection breaks */
    FAKE_BUSY,          /* 503, Retry-After: 0 */
    FAKE_REFUSE         /* 422 */
};

typedef enum fake_mailer_answer fake_mailer_temper(void *context, int number, const char *subject);

struct fake_mailer;

/* temper NULL: takes everything. */
struct fake_mailer *fake_mailer_open(fake_mailer_temper *temper, void *context);
void fake_mailer_close(struct fake_mailer **mailer);

const char *fake_mailer_url(const struct fake_mailer *mailer);
int fake_mailer_requests(struct fake_mailer *mailer);
int fake_mailer_ids(struct fake_mailer *mailer); /* how many different ids it has kept */
/* How often the id was kept; answers: how often that was said, too. */
int fake_mailer_kept(struct fake_mailer *mailer, const char *id, int *answered);

/* Of the mail first kept with the id, or NULL. Valid until close. */
const char *fake_mailer_text(struct fake_mailer *mailer, const char *id, const char *member);
const char *fake_mailer_traceparent(struct fake_mailer *mailer, const char *id);
const char *fake_mailer_transport(struct fake_mailer *mailer, const char *id);
const char *fake_mailer_authorization(struct fake_mailer *mailer, const char *id);

#endif
