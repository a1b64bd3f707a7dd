/*
 * mailer_rig.h - a real ese-mailer with its outbox in a fresh directory, to be asked, killed and
 * started again.
 *
 * Its processes die with the test. Every failure to set up fails the test (cmocka). One thread.
 */
#ifndef ESE_TEST_MAILER_RIG_H
#define ESE_TEST_MAILER_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "ese-core/http_client.h"
#include "orchestration/lab/process.h"

#define RIG_PATIENCE_MS 30000

struct mailer_rig {
    char *directory;
    char *outbox;
    char *history;
    char *ready;
    char *log;
    char address[64];
    struct ese_process *mailer;
    struct ese_http_client *client;
};

/* Sends to smtp ("127.0.0.1:40123"), with short retries. Not started yet: options can be added. */
struct mailer_rig *mailer_rig_make(const char *smtp);
void mailer_rig_free(struct mailer_rig **rig);

/* Starts it (again, at the same address) and waits until it serves. */
void mailer_rig_start(struct mailer_rig *rig);

/* An answer of the mailer: the status, 0 for none, and the body. */
struct rig_answer {
    int status;
    int64_t retry_after_ms; /* -1: not said */
    char body[16384];       /* cut beyond */
};

/* Asks for a mail; headers as http_client.h has them, or NULL. */
struct rig_answer mailer_rig_post(struct mailer_rig *rig, const char *id, const char *content,
                                  const char *headers);
struct rig_answer mailer_rig_post_body(struct mailer_rig *rig, const char *body);
struct rig_answer mailer_rig_get(struct mailer_rig *rig, const char *path);

/* The same without waiting; done as http_client.h says. Poll the rig's client. */
void mailer_rig_begin_post(struct mailer_rig *rig, const char *id, ese_http_done *done,
                           void *context);

/* How many mails the outbox holds that fit the condition ("status = 'sent'"). */
int64_t mailer_rig_count(struct mailer_rig *rig, const char *condition);
/* Waits until that many do. */
void mailer_rig_await(struct mailer_rig *rig, const char *condition, int64_t count);

#endif
