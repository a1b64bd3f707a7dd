#include "ese-mailer/outbox_writer.h"

#include <assert.h>
#include <errno.h>

#include "ese-core/clock.h"
#include "ese-core/log.h"
#include "ese-core/service.h"
#include "ese-core/sqlite_syncs.h"

#define PURGE_EVERY_MS 1000 /* and at once again while a step was full, between commits */
#define PURGE_STEP 200

void ese_outbox_awaited_done(struct ese_outbox *outbox, struct ese_outbox_work *work,
                             const struct ese_error *error)
{
    struct ese_outbox_awaited *awaited = (struct ese_outbox_awaited *)work;
    pthread_mutex_lock(&outbox->mutex);
    if (error != NULL)
        awaited->error = *error;
    awaited->finished = true;
    pthread_cond_broadcast(&outbox->finished);
    pthread_mutex_unlock(&outbox->mutex);
}

/* What one piece of work alone got wrong; anything else is the database's trouble, and all of
 * the group's. */
static bool is_own_fault(const struct ese_error *error)
{
    return error->code == ESE_E_FENCED || error->code == ESE_E_GONE;
}

static void finish(struct ese_outbox *outbox, struct ese_outbox_work *work,
                   const struct ese_error *error)
{
    struct ese_outbox_work *next;
    for (; work != NULL; work = next) {
        next = work->next;
        work->done(outbox, work, error);
    }
}

static void note_trouble(struct ese_outbox *outbox, const struct ese_error *error)
{
    pthread_mutex_lock(&outbox->mutex);
    bool news = outbox->trouble.code != error->code;
    outbox->trouble = *error;
    outbox->asked = false;
    pthread_mutex_unlock(&outbox->mutex);
    if (news && error->code != ESE_OK)
        ese_log_error("the outbox cannot be written: %s", error->text);
    else if (news)
        ese_log_info("the outbox can be written again");
}

/* ---- the bound ------------------------------------------------------------------------------- */

void ese_outbox_refusal(struct ese_outbox *outbox, enum ese_mail_put put, char *text, size_t size)
{
    struct ese_error error = {.text = ""};
    if (put == ESE_MAIL_FULL) {
        snprintf(text, size,
                 "the outbox is full: %lld mails wait, as many as --queue allows; ask again",
                 (long long)outbox->options.waiting_most);
        return;
    }
    ese_mail_table_check_room(outbox->table, ESE_MAIL_CONTENT_LIMIT, &error);
    snprintf(text, size,
             "the outbox is full: %.400s. Mails leave %lld h after they were sent; a larger "
             "--max-bytes takes more",
             error.text, (long long)(outbox->options.keep_ms / (60 * 60 * 1000)));
}

static void note_full(struct ese_outbox *outbox, const char *text)
{
    outbox->refusing = text[0] != '\0';
    if (ese_news_due(&outbox->news, outbox->refusing)) {
        if (outbox->refusing)
            ese_log_error("mails are refused: %s", text);
        else
            ese_log_info("mails are taken again");
    }
    pthread_mutex_lock(&outbox->mutex);
    snprintf(outbox->full, sizeof outbox->full, "%s", text);
    pthread_mutex_unlock(&outbox->mutex);
}

void ese_outbox_note_full(struct ese_outbox *outbox)
{
    char text[ESE_OUTBOX_REFUSAL_SIZE];
    ese_outbox_refusal(outbox, ESE_MAIL_NO_ROOM, text, sizeof text);
    note_full(outbox, text);
}

/* Who was refused may not ask again for long: looks by itself whether there is room for any mail
 * now. */
static void look_for_room(struct ese_outbox *outbox)
{
    bool full = outbox->refusing &&
                ese_mail_table_check_room(outbox->table, ESE_MAIL_CONTENT_LIMIT, NULL) != 0;
    if (!full)
        note_full(outbox, "");
}

/* ---- transactions ---------------------------------------------------------------------------- */

/* Runs all in one transaction. What failed by its own fault is answered at once and taken out of
 * *work. */
static int run_group(struct ese_outbox *outbox, struct ese_outbox_work **work,
                     struct ese_error *error)
{
    if (ese_mail_table_begin(outbox->table, error) != 0)
        return -1;
    for (struct ese_outbox_work **each = work; *each != NULL;) {
        struct ese_outbox_work *current = *each;
        struct ese_error own = {.code = ESE_OK};
        if (current->run(outbox, current, &own) == 0) {
            each = &current->next;
        } else if (is_own_fault(&own)) {
            *each = current->next;
            current->done(outbox, current, &own);
        } else {
            *error = own;
            ese_mail_table_rollback(outbox->table);
            return -1;
        }
    }
    return ese_mail_table_commit(outbox->table, error);
}

/* While nothing comes in: whoever asks how we are wants to know it of now, and a trouble that has
 * passed must not last until the next mail. */
static bool wants_probe(struct ese_outbox *outbox)
{
    pthread_mutex_lock(&outbox->mutex);
    bool wanted = outbox->asked || outbox->trouble.code != ESE_OK;
    pthread_mutex_unlock(&outbox->mutex);
    return wanted;
}

static int probe(struct ese_outbox *outbox, struct ese_error *error)
{
    if (ese_mail_table_begin(outbox->table, error) != 0)
        return -1;
    if (ese_mail_table_probe(outbox->table, error) == 0)
        return ese_mail_table_commit(outbox->table, error);
    ese_mail_table_rollback(outbox->table);
    return -1;
}

static void commit(struct ese_outbox *outbox, struct ese_outbox_work *work)
{
    struct ese_error error = {.code = ESE_OK};
    if (work == NULL && !wants_probe(outbox))
        return;
    bool failed = (work == NULL ? probe(outbox, &error) : run_group(outbox, &work, &error)) != 0;
    note_trouble(outbox, &error);
    if (!failed)
        ese_metric_add(outbox->commits, 1);
    finish(outbox, work, failed ? &error : NULL);
}

static void purge(struct ese_outbox *outbox, int64_t now_ms)
{
    if (now_ms < outbox->next_purge_ms)
        return;
    int64_t removed = -1;
    struct ese_error error;
    if (ese_mail_table_begin(outbox->table, &error) == 0) {
        removed = ese_mail_table_purge(outbox->table, now_ms - outbox->options.keep_ms, PURGE_STEP,
                                       &error);
        if (removed <= 0)
            ese_mail_table_rollback(outbox->table);
        else if (ese_mail_table_commit(outbox->table, &error) != 0)
            removed = -1;
    }
    if (removed < 0)
        ese_log_warning("cannot remove old mails from the outbox: %s", error.text);
    outbox->next_purge_ms = now_ms + (removed == PURGE_STEP ? 0 : PURGE_EVERY_MS);
}

/* Who has waited longest for a mail; NULL: nobody, or (closed) nobody may any more. Only this
 * thread takes claimers away, so that what it was given stays where it is until it has served
 * it. */
static struct ese_outbox_awaited *oldest_claimer(struct ese_outbox *outbox, bool *closed)
{
    pthread_mutex_lock(&outbox->mutex);
    *closed = outbox->claims_stopped;
    struct ese_outbox_awaited *oldest = outbox->claimer_count == 0 ? NULL : outbox->claimers[0];
    pthread_mutex_unlock(&outbox->mutex);
    return oldest;
}

static void serve_oldest_claimer(struct ese_outbox *outbox, const struct ese_error *error)
{
    pthread_mutex_lock(&outbox->mutex);
    struct ese_outbox_awaited *oldest = outbox->claimers[0];
    outbox->claimer_count--;
    memmove(outbox->claimers, outbox->claimers + 1,
            (size_t)outbox->claimer_count * sizeof outbox->claimers[0]);
    pthread_mutex_unlock(&outbox->mutex);
    ese_outbox_awaited_done(outbox, &oldest->work, error);
}

/* 1: a mail for the claimer, in its row. */
static int find_mail(struct ese_outbox *outbox, int64_t now_ms, struct ese_outbox_awaited *claimer)
{
    struct ese_error error = {.code = ESE_OK};
    int found = ese_mail_table_next(outbox->table, now_ms, outbox->claimed, outbox->claimed_count,
                                    claimer->row, &error);
    if (found < 0)
        note_trouble(outbox, &error);
    if (found == 1) {
        assert(outbox->claimed_count < ESE_OUTBOX_CLAIMS_MOST);
        outbox->claimed[outbox->claimed_count++] = claimer->row->seq;
    }
    return found;
}

/* Gives due mails to those who wait for one. Returns false when somebody is left waiting. */
static bool serve_claims(struct ese_outbox *outbox, int64_t now_ms)
{
    const struct ese_error no_more = {.code = ESE_E_CLOSED,
                                      .text = "the outbox gives out no more mails"};
    struct ese_outbox_awaited *claimer;
    bool closed;
    while ((claimer = oldest_claimer(outbox, &closed)) != NULL) {
        if (!closed && find_mail(outbox, now_ms, claimer) != 1)
            return false;
        serve_oldest_claimer(outbox, closed ? &no_more : NULL);
    }
    return true;
}

static void show_counts(struct ese_outbox *outbox)
{
    ese_metric_set(outbox->waiting, ese_mail_table_count(outbox->table, ESE_MAIL_QUEUED) +
                                        ese_mail_table_count(outbox->table, ESE_MAIL_SENDING));
    ese_metric_set(outbox->unknown, ese_mail_table_count(outbox->table, ESE_MAIL_UNKNOWN));
    ese_metric_set(outbox->dead, ese_mail_table_count(outbox->table, ESE_MAIL_DEAD));
    ese_metric_set(outbox->used_bytes, ese_mail_table_used_bytes(outbox->table));
}

static struct timespec monotonic_in(int64_t ms)
{
    int64_t ns = ese_clock_monotonic_ns() + (ms > 0 ? ms : 0) * ESE_NS_PER_MS;
    return (struct timespec){.tv_sec = ns / ESE_NS_PER_S, .tv_nsec = ns % ESE_NS_PER_S};
}

/* Waits for work, for somebody new who wants a mail, or until wake_ms. Takes all the work there
 * is. */
static bool wait_for_work(struct ese_outbox *outbox, int64_t wake_ms, struct ese_outbox_work **work)
{
    struct timespec until = monotonic_in(wake_ms - ese_clock_wall_ms());
    pthread_mutex_lock(&outbox->mutex);
    int waited = 0;
    while (outbox->first == NULL && !outbox->claimer_came && !outbox->stopping &&
           waited != ETIMEDOUT)
        waited = pthread_cond_timedwait(&outbox->wanted, &outbox->mutex, &until);
    *work = outbox->first;
    outbox->first = NULL;
    outbox->last = &outbox->first;
    outbox->work_count = 0;
    outbox->claimer_came = false;
    bool stopping = outbox->stopping;
    pthread_mutex_unlock(&outbox->mutex);
    return !stopping;
}

/* After a failed sync nobody may believe another one. Who waits is told so, and the process ends. */
static void give_up(struct ese_outbox *outbox)
{
    struct ese_error error = {.code = ESE_OK};
    ese_sqlite_syncs_check(&error);
    note_trouble(outbox, &error);
    pthread_mutex_lock(&outbox->mutex);
    struct ese_outbox_work *work = outbox->first;
    outbox->first = NULL;
    outbox->last = &outbox->first;
    outbox->stopping = outbox->claims_stopped = true;
    pthread_mutex_unlock(&outbox->mutex);
    finish(outbox, work, &error);
    ese_service_stop();
}

void *ese_outbox_write(void *context)
{
    struct ese_outbox *outbox = context;
    struct ese_outbox_work *work;
    bool more = true;
    while (more && !ese_sqlite_syncs_failed()) {
        int64_t now_ms = ese_clock_wall_ms();
        purge(outbox, now_ms);
        int64_t wake_ms = outbox->next_purge_ms;
        if (!serve_claims(outbox, now_ms)) {
            int64_t due_ms = ese_mail_table_next_due(outbox->table, now_ms);
            wake_ms = due_ms < wake_ms ? due_ms : wake_ms;
        }
        look_for_room(outbox);
        show_counts(outbox);
        more = wait_for_work(outbox, wake_ms, &work);
        commit(outbox, work);
    }
    if (ese_sqlite_syncs_failed())
        give_up(outbox);
    serve_claims(outbox, 0); /* sends them away */
    return NULL;
}
