#include <assert.h>
#include <unistd.h>

#include "ese-core/file_directory.h"
#include "ese-core/file_lock.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "ese-mailer/outbox_writer.h"

struct put {
    struct ese_outbox_work work;
    struct ese_mail mail;
    ese_outbox_put_done *done;
    void *context;
    enum ese_mail_put put;
};

struct list {
    struct ese_outbox_work work;
    enum ese_mail_status status;
    int64_t after;
    ese_outbox_list_done *done;
    void *context;
    struct ese_mail_row rows[ESE_OUTBOX_LIST_MOST];
    int count;
};

/* ---- handing in ------------------------------------------------------------------------------ */

static int closed(struct ese_error *error)
{
    return ese_fail(error, ESE_E_CLOSED, "the outbox is being closed");
}

/* Under the mutex. */
static int append(struct ese_outbox *outbox, struct ese_outbox_work *work, struct ese_error *error)
{
    if (outbox->stopping)
        return closed(error);
    if (outbox->work_count == ESE_OUTBOX_WORK_MOST)
        return ese_fail(error, ESE_E_FULL, "%d requests wait for the outbox already",
                        ESE_OUTBOX_WORK_MOST);
    work->next = NULL;
    *outbox->last = work;
    outbox->last = &work->next;
    outbox->work_count++;
    pthread_cond_signal(&outbox->wanted);
    return 0;
}

static int hand_in(struct ese_outbox *outbox, struct ese_outbox_work *work, struct ese_error *error)
{
    pthread_mutex_lock(&outbox->mutex);
    int result = append(outbox, work, error);
    pthread_mutex_unlock(&outbox->mutex);
    return result;
}

/* Under the mutex: what became of it, as the caller's own result. */
static int await(struct ese_outbox *outbox, struct ese_outbox_awaited *awaited,
                 struct ese_error *error)
{
    while (!awaited->finished)
        pthread_cond_wait(&outbox->finished, &outbox->mutex);
    if (awaited->error.code == ESE_OK)
        return 0;
    return ese_fail(error, awaited->error.code, "%s", awaited->error.text);
}

static int hand_in_and_await(struct ese_outbox *outbox, struct ese_outbox_awaited *awaited,
                             struct ese_error *error)
{
    pthread_mutex_lock(&outbox->mutex);
    int result = append(outbox, &awaited->work, error);
    if (result == 0)
        result = await(outbox, awaited, error);
    pthread_mutex_unlock(&outbox->mutex);
    return result;
}

/* ---- what can be asked for ------------------------------------------------------------------- */

static int run_put(struct ese_outbox *outbox, struct ese_outbox_work *work, struct ese_error *error)
{
    struct put *put = (struct put *)work;
    if (ese_mail_table_put(outbox->table, &put->mail, outbox->options.waiting_most, &put->put,
                           error) != 0)
        return -1;
    if (put->put == ESE_MAIL_NO_ROOM)
        ese_outbox_note_full(outbox);
    return 0;
}

static void put_done(struct ese_outbox *outbox, struct ese_outbox_work *work,
                     const struct ese_error *error)
{
    (void)outbox;
    struct put *put = (struct put *)work;
    put->done(put->context, put->mail.id, put->put, error);
    ese_mail_clear(&put->mail);
    free(put);
}

int ese_outbox_put(struct ese_outbox *outbox, struct ese_mail *mail, ese_outbox_put_done *done,
                   void *context, struct ese_error *error)
{
    struct put *put = ese_alloc(sizeof *put);
    *put = (struct put){.work = {.run = run_put, .done = put_done}, .mail = *mail, .done = done,
                        .context = context};
    if (hand_in(outbox, &put->work, error) != 0) {
        free(put);
        return -1;
    }
    *mail = (struct ese_mail){.content = NULL};
    return 0;
}

/* ---- requests of a topic --------------------------------------------------------------------- */

static int take_each(struct ese_outbox *outbox, struct ese_outbox_requests *requests,
                     struct ese_error *error)
{
    for (requests->taken = 0; requests->taken < requests->count; requests->taken++) {
        struct ese_outbox_request *request = &requests->requests[requests->taken];
        if (!request->is_mail)
            continue;
        if (ese_mail_table_put(outbox->table, &request->mail, outbox->options.waiting_most,
                               &request->put, error) != 0)
            return -1;
        if (request->put == ESE_MAIL_NO_ROOM)
            ese_outbox_note_full(outbox);
        if (request->put == ESE_MAIL_NO_ROOM || request->put == ESE_MAIL_FULL)
            return 0;
    }
    return 0;
}

/* The position is looked at first: who is fenced must have changed nothing. */
static int run_take(struct ese_outbox *outbox, struct ese_outbox_work *work,
                    struct ese_error *error)
{
    struct ese_outbox_requests *requests = ((struct ese_outbox_awaited *)work)->requests;
    if (ese_positions_check(outbox->positions, &requests->of, requests->from, error) != 0 ||
        take_each(outbox, requests, error) != 0)
        return -1;
    if (requests->taken == 0)
        return 0;
    return ese_positions_move(outbox->positions, &requests->of,
                              requests->requests[requests->taken - 1].next, error);
}

int ese_outbox_take(struct ese_outbox *outbox, struct ese_outbox_requests *requests,
                    struct ese_error *error)
{
    assert(requests->count > 0);
    struct ese_outbox_awaited awaited = {
        .work = {.run = run_take, .done = ese_outbox_awaited_done}, .requests = requests};
    if (hand_in_and_await(outbox, &awaited, error) == 0)
        return 0;
    requests->taken = 0;
    return -1;
}

static int run_position(struct ese_outbox *outbox, struct ese_outbox_work *work,
                        struct ese_error *error)
{
    struct ese_outbox_awaited *awaited = (struct ese_outbox_awaited *)work;
    return ese_positions_get(outbox->positions, awaited->of, awaited->next, error);
}

int ese_outbox_position(struct ese_outbox *outbox, const struct ese_position_of *of, int64_t *next,
                        struct ese_error *error)
{
    struct ese_outbox_awaited awaited = {
        .work = {.run = run_position, .done = ese_outbox_awaited_done}, .of = of, .next = next};
    return hand_in_and_await(outbox, &awaited, error);
}

/* ---- mails on their way ---------------------------------------------------------------------- */

static int run_mark(struct ese_outbox *outbox, struct ese_outbox_work *work,
                    struct ese_error *error)
{
    return ese_mail_table_mark_sending(outbox->table, ((struct ese_outbox_awaited *)work)->seq,
                                       error);
}

int ese_outbox_mark_sending(struct ese_outbox *outbox, int64_t seq, struct ese_error *error)
{
    struct ese_outbox_awaited awaited = {
        .work = {.run = run_mark, .done = ese_outbox_awaited_done}, .seq = seq};
    return hand_in_and_await(outbox, &awaited, error);
}

static int run_end(struct ese_outbox *outbox, struct ese_outbox_work *work, struct ese_error *error)
{
    return ese_mail_table_end(outbox->table, ((struct ese_outbox_awaited *)work)->end, error);
}

static void forget_claim(struct ese_outbox *outbox, int64_t seq)
{
    for (int i = 0; i < outbox->claimed_count; i++)
        if (outbox->claimed[i] == seq)
            outbox->claimed[i] = outbox->claimed[--outbox->claimed_count];
}

static void end_done(struct ese_outbox *outbox, struct ese_outbox_work *work,
                     const struct ese_error *error)
{
    if (error == NULL || error->code == ESE_E_GONE)
        forget_claim(outbox, ((struct ese_outbox_awaited *)work)->end->seq);
    ese_outbox_awaited_done(outbox, work, error);
}

int ese_outbox_end(struct ese_outbox *outbox, const struct ese_mail_end *end,
                   struct ese_error *error)
{
    struct ese_outbox_awaited awaited = {.work = {.run = run_end, .done = end_done}, .end = end};
    return hand_in_and_await(outbox, &awaited, error);
}

static int run_list(struct ese_outbox *outbox, struct ese_outbox_work *work,
                    struct ese_error *error)
{
    struct list *list = (struct list *)work;
    list->count = ese_mail_table_list(outbox->table, list->status, list->after, list->rows,
                                      ESE_OUTBOX_LIST_MOST, error);
    return list->count < 0 ? -1 : 0;
}

static void list_done(struct ese_outbox *outbox, struct ese_outbox_work *work,
                      const struct ese_error *error)
{
    (void)outbox;
    struct list *list = (struct list *)work;
    list->done(list->context, list->rows, error == NULL ? list->count : 0, error);
    free(list);
}

int ese_outbox_list(struct ese_outbox *outbox, enum ese_mail_status status, int64_t after,
                    ese_outbox_list_done *done, void *context, struct ese_error *error)
{
    struct list *list = ese_alloc(sizeof *list);
    list->work = (struct ese_outbox_work){.run = run_list, .done = list_done};
    list->status = status;
    list->after = after;
    list->done = done;
    list->context = context;
    if (hand_in(outbox, &list->work, error) == 0)
        return 0;
    free(list);
    return -1;
}

int ese_outbox_claim(struct ese_outbox *outbox, struct ese_mail_row *row, struct ese_error *error)
{
    struct ese_outbox_awaited awaited = {.row = row};
    int result;
    pthread_mutex_lock(&outbox->mutex);
    if (outbox->claims_stopped) {
        result = closed(error);
    } else {
        assert(outbox->claimer_count < ESE_OUTBOX_CLAIMS_MOST);
        outbox->claimers[outbox->claimer_count++] = &awaited;
        outbox->claimer_came = true;
        pthread_cond_signal(&outbox->wanted);
        result = await(outbox, &awaited, error);
    }
    pthread_mutex_unlock(&outbox->mutex);
    return result;
}

/* ---- opening and closing --------------------------------------------------------------------- */

static void log_row(const struct ese_mail_row *row, const char *what)
{
    ese_log_warning("mail %s to %s %s", row->mail.id, row->mail.to, what);
}

/* An earlier life may have left one mail a session at `sending`: each is told by name. */
static int recover(struct ese_outbox *outbox, struct ese_error *error)
{
    struct ese_mail_row *rows = ese_alloc_array(ESE_OUTBOX_LIST_MOST, sizeof *rows);
    bool resend = outbox->options.resend_unknown;
    int count = ese_mail_table_list(outbox->table, ESE_MAIL_SENDING, 0, rows, ESE_OUTBOX_LIST_MOST,
                                    error);
    for (int i = 0; i < count; i++)
        log_row(&rows[i], resend ? "may have been sent by an earlier life, and is sent again"
                                 : "may have been sent by an earlier life: held as unknown");
    free(rows);
    if (count < 0 || ese_mail_table_begin(outbox->table, error) != 0)
        return -1;
    if (ese_mail_table_recover(outbox->table, resend, error) < 0) {
        ese_mail_table_rollback(outbox->table);
        return -1;
    }
    return ese_mail_table_commit(outbox->table, error);
}

static void add_metrics(struct ese_outbox *outbox)
{
    struct ese_metrics *metrics = outbox->options.metrics;
    outbox->commits = ese_metrics_counter(metrics, "ese_outbox_commits_total", NULL,
                                          "Transactions committed and synced");
    outbox->waiting = ese_metrics_gauge(metrics, "ese_outbox_mails", "status=\"waiting\"",
                                        "Mails in the outbox");
    outbox->unknown = ese_metrics_gauge(metrics, "ese_outbox_mails", "status=\"unknown\"",
                                        "Mails in the outbox");
    outbox->dead = ese_metrics_gauge(metrics, "ese_outbox_mails", "status=\"dead\"",
                                     "Mails in the outbox");
    outbox->used_bytes = ese_metrics_gauge(metrics, "ese_outbox_used_bytes", NULL,
                                           "Bytes of the outbox that hold something");
    ese_metric_set(ese_metrics_gauge(metrics, "ese_outbox_max_bytes", NULL,
                                     "Bytes the outbox may have"),
                   outbox->options.max_bytes);
}

static struct ese_outbox *outbox_new(const struct ese_outbox_options *options)
{
    struct ese_outbox *outbox = ese_alloc(sizeof *outbox);
    outbox->options = *options;
    outbox->lock_fd = -1;
    outbox->last = &outbox->first;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&outbox->mutex, NULL);
    pthread_cond_init(&outbox->wanted, &monotonic);
    pthread_cond_init(&outbox->finished, NULL);
    pthread_condattr_destroy(&monotonic);
    add_metrics(outbox);
    return outbox;
}

int ese_outbox_open(const struct ese_outbox_options *options, struct ese_outbox **outbox,
                    struct ese_error *error)
{
    struct ese_outbox *new = outbox_new(options);
    *outbox = new;
    /* Two mailers on one outbox would send everything twice: it is locked. */
    if (ese_file_directory_make_durable(options->path, "--outbox", error) != 0 ||
        ese_file_lock(options->path, "--outbox", &new->lock_fd, error) != 0 ||
        ese_mail_table_open(options->path, options->max_bytes, options->history, &new->table, error) != 0 ||
        recover(new, error) != 0)
        goto out;
    new->positions = ese_positions_new(ese_mail_table_database(new->table));
    int failure = pthread_create(&new->thread, NULL, ese_outbox_write, new);
    if (failure == 0) {
        new->running = true;
        return 0;
    }
    ese_fail(error, ESE_E_IO, "cannot start the outbox's thread: %s", strerror(failure));
out:
    ese_outbox_close(outbox);
    return -1;
}

void ese_outbox_stop_claims(struct ese_outbox *outbox)
{
    pthread_mutex_lock(&outbox->mutex);
    outbox->claims_stopped = true;
    outbox->claimer_came = true; /* so that the writer looks, and sends them away */
    pthread_cond_signal(&outbox->wanted);
    pthread_mutex_unlock(&outbox->mutex);
}

void ese_outbox_stop(struct ese_outbox *outbox)
{
    pthread_mutex_lock(&outbox->mutex);
    outbox->stopping = outbox->claims_stopped = true;
    pthread_cond_signal(&outbox->wanted);
    pthread_mutex_unlock(&outbox->mutex);
    if (outbox->running)
        pthread_join(outbox->thread, NULL);
    outbox->running = false;
    ese_positions_free(&outbox->positions);
    ese_mail_table_close(&outbox->table);
    if (outbox->lock_fd >= 0)
        close(outbox->lock_fd);
    outbox->lock_fd = -1;
}

void ese_outbox_close(struct ese_outbox **outbox)
{
    if (*outbox == NULL)
        return;
    ese_outbox_stop(*outbox);
    pthread_cond_destroy(&(*outbox)->finished);
    pthread_cond_destroy(&(*outbox)->wanted);
    pthread_mutex_destroy(&(*outbox)->mutex);
    free(*outbox);
    *outbox = NULL;
}

bool ese_outbox_healthy(struct ese_outbox *outbox, char *text, size_t size)
{
    pthread_mutex_lock(&outbox->mutex);
    bool writes = outbox->trouble.code == ESE_OK;
    bool healthy = writes && outbox->full[0] == '\0';
    snprintf(text, size, "%s", writes ? outbox->full : outbox->trouble.text);
    outbox->asked = true;
    pthread_mutex_unlock(&outbox->mutex);
    return healthy;
}
