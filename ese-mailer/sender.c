#include "ese-mailer/sender.h"

#include <errno.h>
#include <pthread.h>

#include "ese-core/backoff.h"
#include "ese-core/clock.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "ese-mailer/message.h"

#define RECORD_AGAIN_MS 500 /* an outcome that could not be written is tried again */

struct sender {
    struct ese_senders *senders;
    pthread_t thread;
    struct ese_backoff pause; /* while no session can be had */
};

struct ese_senders {
    struct ese_sender_options options;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    bool stopping;
    int running;

    struct ese_metric *by_verdict[4];
    struct ese_metric *seconds;
    int count;
    struct sender all[ESE_OUTBOX_CLAIMS_MOST];
};

/* One attempt: what ese_smtp_send's listener needs to know. */
struct attempt {
    struct sender *sender;
    const struct ese_mail_row *row;
    bool answered;
};

/* Waits, but not beyond the stop. Returns false once stopping. */
static bool pause_for(struct ese_senders *senders, int64_t ms)
{
    int64_t ns = ese_clock_monotonic_ns() + ms * ESE_NS_PER_MS;
    struct timespec until = {.tv_sec = ns / ESE_NS_PER_S, .tv_nsec = ns % ESE_NS_PER_S};
    int waited = 0;
    pthread_mutex_lock(&senders->mutex);
    while (!senders->stopping && waited != ETIMEDOUT)
        waited = pthread_cond_timedwait(&senders->changed, &senders->mutex, &until);
    bool going_on = !senders->stopping;
    pthread_mutex_unlock(&senders->mutex);
    return going_on;
}

/* ---- how an attempt ends --------------------------------------------------------------------- */

static enum ese_mail_status status_after(const struct ese_sender_options *options,
                                         enum ese_smtp_verdict verdict)
{
    switch (verdict) {
    case ESE_SMTP_SENT: return ESE_MAIL_SENT;
    case ESE_SMTP_REFUSED: return ESE_MAIL_DEAD;
    case ESE_SMTP_UNKNOWN: return options->resend_unknown ? ESE_MAIL_QUEUED : ESE_MAIL_UNKNOWN;
    case ESE_SMTP_LATER: break;
    }
    return ESE_MAIL_QUEUED;
}

static int64_t next_attempt_ms(const struct ese_sender_options *options, int attempts)
{
    struct ese_backoff backoff = {.first_ms = options->retry_first_ms,
                                  .most_ms = options->retry_most_ms, .attempts = attempts};
    return ese_clock_wall_ms() + ese_backoff_next_ms(&backoff);
}

/* What the server has said cannot be asked again: while the disk refuses, it is held here. */
static void record(struct ese_senders *senders, const struct ese_mail_end *end)
{
    struct ese_error error;
    while (ese_outbox_end(senders->options.outbox, end, &error) != 0) {
        if (error.code == ESE_E_CLOSED || error.code == ESE_E_GONE ||
            !pause_for(senders, RECORD_AGAIN_MS)) {
            ese_log_error("mail %lld: %s, and this could not be written: %s", (long long)end->seq,
                          ese_mail_status_name(end->status), error.text);
            return;
        }
    }
}

static void note_history(struct ese_history *history, const struct ese_mail *mail,
                         const struct ese_smtp_outcome *outcome)
{
    bool sent = outcome->verdict == ESE_SMTP_SENT;
    if (!sent && outcome->verdict != ESE_SMTP_REFUSED)
        return;
    struct ese_history_record noted = {.kind = sent ? ESE_HISTORY_MAIL_SENT : ESE_HISTORY_MAIL_DEAD,
                                       .time_ns = ese_clock_monotonic_ns(),
                                       .id = ese_mail_history_id(mail->id), .a = outcome->code};
    ese_history_record(history, &noted);
}

static void log_outcome(const struct ese_mail_row *row, const struct ese_smtp_outcome *outcome)
{
    const char *id = row->mail.id;
    if (outcome->verdict == ESE_SMTP_SENT)
        ese_log_debug("mail %s sent: %d %s", id, outcome->code, outcome->text);
    else if (outcome->verdict == ESE_SMTP_LATER)
        ese_log_info("mail %s is tried again: %d %s", id, outcome->code, outcome->text);
    else if (outcome->verdict == ESE_SMTP_REFUSED)
        ese_log_warning("mail %s to %s is dead: %d %s", id, row->mail.to, outcome->code,
                        outcome->text);
    else
        ese_log_warning("mail %s to %s is unknown: %s", id, row->mail.to, outcome->text);
}

static void settle(struct ese_senders *senders, const struct ese_mail_row *row,
                   const struct ese_smtp_outcome *outcome)
{
    const struct ese_sender_options *options = &senders->options;
    struct ese_mail_end end = {.seq = row->seq,
                               .status = status_after(options, outcome->verdict),
                               .reply.code = outcome->code,
                               .next_attempt_ms = next_attempt_ms(options, row->attempts)};
    ese_fit_text(end.reply.text, sizeof end.reply.text, outcome->text);
    log_outcome(row, outcome);
    note_history(options->history, &row->mail, outcome);
    ese_metric_add(senders->by_verdict[outcome->verdict], 1);
    record(senders, &end);
}

static void on_decided(void *context, const struct ese_smtp_outcome *outcome)
{
    struct attempt *attempt = context;
    struct ese_senders *senders = attempt->sender->senders;
    attempt->answered = outcome->answered;
    if (outcome->answered)
        ese_contact_heard(senders->options.contact);
    else
        ese_contact_lost(senders->options.contact, outcome->text);
    settle(senders, attempt->row, outcome);
}

/* ---- sending --------------------------------------------------------------------------------- */

static int on_final_dot(void *context, struct ese_error *error)
{
    struct attempt *attempt = context;
    return ese_outbox_mark_sending(attempt->sender->senders->options.outbox, attempt->row->seq,
                                   error);
}

/* Returns whether the server had anything to say. */
static bool send_one(struct sender *sender, const struct ese_mail_row *row)
{
    const struct ese_sender_options *options = &sender->senders->options;
    struct ese_buffer text = ESE_BUFFER_INIT(ESE_MESSAGE_LIMIT);
    struct attempt attempt = {.sender = sender, .row = row};
    const struct ese_smtp_listener listener = {
        .context = &attempt, .before_final_dot = on_final_dot, .decided = on_decided};
    ese_message_write(&text, &row->mail, row->accepted_ms);
    const struct ese_smtp_letter letter = {
        .from = row->mail.from, .to = row->mail.to, .text = text.text, .length = text.length};
    int64_t begun_ns = ese_clock_monotonic_ns();
    ese_smtp_send(&options->smtp, &letter, &listener);
    ese_metric_observe_us(sender->senders->seconds, (ese_clock_monotonic_ns() - begun_ns) / 1000);
    ese_buffer_free(&text);
    return attempt.answered;
}

/* The list was another one when the mail was taken. */
static bool is_forbidden(struct ese_senders *senders, const struct ese_mail_row *row)
{
    static const struct ese_smtp_outcome refused = {
        .verdict = ESE_SMTP_REFUSED, .text = "mails to there are not allowed any more; see --to-allow"};
    if (ese_allow_list_has(senders->options.allowed, row->mail.to))
        return false;
    settle(senders, row, &refused);
    return true;
}

static void leave(struct ese_senders *senders)
{
    pthread_mutex_lock(&senders->mutex);
    senders->running--;
    pthread_cond_broadcast(&senders->changed);
    pthread_mutex_unlock(&senders->mutex);
}

static void *send_all(void *context)
{
    struct sender *sender = context;
    struct ese_senders *senders = sender->senders;
    struct ese_mail_row row;
    while (ese_outbox_claim(senders->options.outbox, &row, NULL) == 0) {
        bool answered = is_forbidden(senders, &row) || send_one(sender, &row);
        ese_mail_row_clear(&row);
        if (answered)
            ese_backoff_reset(&sender->pause);
        else
            pause_for(senders, ese_backoff_next_ms(&sender->pause));
    }
    leave(senders);
    return NULL;
}

/* ---- starting and stopping ------------------------------------------------------------------- */

static void add_metrics(struct ese_senders *senders)
{
    static const char *const labels[] = {
        [ESE_SMTP_SENT] = "outcome=\"sent\"", [ESE_SMTP_REFUSED] = "outcome=\"dead\"",
        [ESE_SMTP_LATER] = "outcome=\"later\"", [ESE_SMTP_UNKNOWN] = "outcome=\"unknown\""};
    struct ese_metrics *metrics = senders->options.metrics;
    for (size_t i = 0; i < ESE_COUNT_OF(labels); i++)
        senders->by_verdict[i] =
            ese_metrics_counter(metrics, "ese_mail_attempts_total", labels[i],
                                "Attempts to send a mail, by what came of them");
    senders->seconds = ese_metrics_seconds(metrics, "ese_smtp_session_seconds", NULL,
                                           "How long SMTP sessions took");
}

int ese_senders_start(const struct ese_sender_options *options, struct ese_senders **senders,
                      struct ese_error *error)
{
    struct ese_senders *new = ese_alloc(sizeof *new);
    new->options = *options;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&new->mutex, NULL);
    pthread_cond_init(&new->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    add_metrics(new);
    *senders = new;
    for (int i = 0; i < options->sessions; i++) {
        struct sender *sender = &new->all[i];
        *sender = (struct sender){.senders = new, .pause = {.first_ms = options->retry_first_ms,
                                                            .most_ms = options->retry_most_ms}};
        int failure = pthread_create(&sender->thread, NULL, send_all, sender);
        if (failure != 0)
            return ese_fail(error, ESE_E_IO, "cannot start a sender's thread: %s",
                            strerror(failure));
        new->count++;
        pthread_mutex_lock(&new->mutex);
        new->running++;
        pthread_mutex_unlock(&new->mutex);
    }
    return 0;
}

static bool wait_for_all(struct ese_senders *senders, int timeout_ms)
{
    int64_t ns = ese_clock_monotonic_ns() + timeout_ms * ESE_NS_PER_MS;
    struct timespec until = {.tv_sec = ns / ESE_NS_PER_S, .tv_nsec = ns % ESE_NS_PER_S};
    int waited = 0;
    pthread_mutex_lock(&senders->mutex);
    senders->stopping = true;
    pthread_cond_broadcast(&senders->changed);
    while (senders->running > 0 && waited != ETIMEDOUT)
        waited = pthread_cond_timedwait(&senders->changed, &senders->mutex, &until);
    bool all = senders->running == 0;
    pthread_mutex_unlock(&senders->mutex);
    return all;
}

bool ese_senders_stop(struct ese_senders **senders, int timeout_ms)
{
    struct ese_senders *stopped = *senders;
    if (stopped == NULL)
        return true;
    *senders = NULL;
    ese_outbox_stop_claims(stopped->options.outbox);
    if (!wait_for_all(stopped, timeout_ms))
        return false;
    for (int i = 0; i < stopped->count; i++)
        pthread_join(stopped->all[i].thread, NULL);
    pthread_cond_destroy(&stopped->changed);
    pthread_mutex_destroy(&stopped->mutex);
    free(stopped);
    return true;
}
