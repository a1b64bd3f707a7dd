#include "ese-mailer/requests.h"

#include <inttypes.h>

#include "ese-core/clock.h"
#include "ese-core/log.h"
#include "ese-core/mail_request.h"
#include "ese-core/memory.h"
#include "ese-core/news.h"
#include "ese-core/service.h"
#include "ese-mailer/mail_json.h"

#define MEMBER "1" /* whoever else of this name joins, takes over */
#define BATCH 200
#define PARTITIONS 64
#define ROOM_MS 500      /* how often we look whether there is room again */
#define COMPLAIN_MS 1000 /* of requests that are passed over, one line in so long */
#define GHOSTS 5         /* fences of our own that are believed in a minute */

enum answer { TAKEN, KNOWN, MALFORMED, FORBIDDEN, CONFLICT, FULL, NO_ROOM, ANSWERS };

static const char *const labels[ANSWERS] = {
    [TAKEN] = "answer=\"taken\"",         [KNOWN] = "answer=\"known\"",
    [MALFORMED] = "answer=\"malformed\"", [FORBIDDEN] = "answer=\"forbidden\"",
    [CONFLICT] = "answer=\"conflict\"",   [FULL] = "answer=\"full\"",
    [NO_ROOM] = "answer=\"no_room\"",
};

struct holding {
    int32_t partition;
    int64_t next; /* as committed; ESE_POSITIONS_NONE: nothing was */
};

struct ese_requests {
    struct ese_requests_options options;
    struct ese_consumer *consumer;
    struct holding holdings[PARTITIONS];
    int count;
    struct ese_outbox_request batch[BATCH]; /* of one partition */
    struct ese_metric *counted[ANSWERS];
    struct ese_news news; /* of waiting for room */
    bool failed;          /* in a callback, which cannot say so itself */
    struct ese_error failure;
    int64_t complain_ns, ghosts_ns;
    int ghosts; /* in this minute */
};

/* True at most once in interval_ms. */
static bool is_due(int64_t *due_ns, int64_t interval_ms)
{
    int64_t now_ns = ese_clock_monotonic_ns();
    if (now_ns < *due_ns)
        return false;
    *due_ns = now_ns + interval_ms * ESE_NS_PER_MS;
    return true;
}

static const struct ese_consume_face *face_of(const struct ese_requests *requests)
{
    return requests->options.transport->consume;
}

/* ---- partitions come and go ------------------------------------------------------------------ */

static struct holding *find(struct ese_requests *requests, int32_t partition)
{
    for (int i = 0; i < requests->count; i++)
        if (requests->holdings[i].partition == partition)
            return &requests->holdings[i];
    return NULL;
}

static int begin_holding(struct ese_requests *requests, int32_t partition, struct holding *holding,
                         struct ese_error *error)
{
    char name[100];
    face_of(requests)->partition_name(partition, name, sizeof name);
    const struct ese_position_of of = {.transport = requests->options.transport->name,
                                       .partition = partition, .name = name};
    *holding = (struct holding){.partition = partition};
    if (find(requests, partition) == NULL && requests->count == PARTITIONS)
        return ese_fail(error, ESE_E_FULL, "the topic has more than %d partitions", PARTITIONS);
    return ese_outbox_position(requests->options.outbox, &of, &holding->next, error);
}

static int64_t on_given(void *context, int32_t partition)
{
    struct ese_requests *requests = context;
    struct holding begun;
    if (begin_holding(requests, partition, &begun, &requests->failure) != 0) {
        requests->failed = true; /* the turn ends before anything of it is taken */
        return ESE_OFFSET_EARLIEST;
    }
    struct holding *holding = find(requests, partition);
    if (holding == NULL)
        holding = &requests->holdings[requests->count++];
    *holding = begun;
    return begun.next == ESE_POSITIONS_NONE ? ESE_OFFSET_EARLIEST : begun.next;
}

static void on_taken(void *context, int32_t partition)
{
    struct ese_requests *requests = context;
    struct holding *holding = find(requests, partition);
    if (holding != NULL)
        *holding = requests->holdings[--requests->count];
}

static void on_skipped(void *context, int32_t partition, int64_t from, int64_t to)
{
    struct ese_requests *requests = context;
    char name[100];
    face_of(requests)->partition_name(partition, name, sizeof name);
    ese_log_error("%s: requests from %" PRId64 " to %" PRId64 " are no longer kept, and are lost",
                  name, from, to);
}

static int join(struct ese_requests *requests, struct ese_error *error)
{
    const struct ese_consume_settings settings = {
        .group = requests->options.group,
        .member = MEMBER,
        .max_batch = BATCH,
        .listener = {.context = requests,
                     .given = on_given,
                     .taken = on_taken,
                     .skipped = on_skipped},
    };
    return face_of(requests)->open(requests->options.config, &settings, &requests->consumer,
                                   error);
}

static int join_again(struct ese_requests *requests, struct ese_error *error)
{
    face_of(requests)->close(&requests->consumer);
    requests->count = 0;
    return join(requests, error);
}

/* The transport says that another mailer has taken over. It may be mistaken, as after a broker was
 * away (ese-consumer's member.c says how): nobody else has our outbox, so that is tried, now and then.
 * One with an outbox of its own tries the same. */
static int after_namesake(struct ese_requests *requests, struct ese_error *error)
{
    if (is_due(&requests->ghosts_ns, 60000))
        requests->ghosts = 0;
    if (requests->ghosts++ >= GHOSTS)
        return ese_fail_within(error, "another mailer reads the requests, with an outbox of its own");
    ese_log_warning("%s, says the transport; joining again", error->text);
    return join_again(requests, error);
}

/* ---- what is asked for ----------------------------------------------------------------------- */

/* Nobody hears of it but who reads the log. */
static void pass_over(struct ese_requests *requests, const struct ese_record *record,
                      enum answer answer, const char *why)
{
    char name[100];
    ese_metric_add(requests->counted[answer], 1);
    if (!is_due(&requests->complain_ns, COMPLAIN_MS))
        return;
    face_of(requests)->partition_name(record->partition, name, sizeof name);
    ese_log_warning("the request at %s, offset %" PRId64 ", is passed over: %s", name,
                    record->offset, why);
}

static int read_mail(const struct ese_event *event, struct ese_mail *mail, struct ese_error *error)
{
    const char *data = ese_event_data(event);
    if (strcmp(event->type, ESE_TYPE_MAIL_REQUEST) != 0)
        return ese_fail(error, ESE_E_INVALID, "it asks for no mail: its type is %s", event->type);
    if (ese_mail_json_read(data, strlen(data), mail, error) != 0)
        return -1;
    if (mail->id[0] == '\0')
        ese_id_text(&event->id, mail->id);
    if (ese_traceparent_valid(event->traceparent))
        ese_fit_text(mail->traceparent, sizeof mail->traceparent, event->traceparent);
    return ese_mail_check(mail, error);
}

static void read_request(struct ese_requests *requests, const struct ese_record *record,
                         struct ese_outbox_request *request)
{
    struct ese_error error;
    *request = (struct ese_outbox_request){.next = record->next};
    if (read_mail(&record->event, &request->mail, &error) != 0) {
        pass_over(requests, record, MALFORMED, error.text);
    } else if (!ese_allow_list_has(requests->options.allowed, request->mail.to)) {
        ese_fail(&error, ESE_E_INVALID, "mails to %s are not allowed here; see --to-allow",
                 request->mail.to);
        pass_over(requests, record, FORBIDDEN, error.text);
    } else {
        request->is_mail = true;
    }
}

/* ---- into the outbox ------------------------------------------------------------------------- */

/* why: nothing is taken, and why not; NULL: it is. */
static void tell_waiting(struct ese_requests *requests, const char *why)
{
    if (!ese_news_due(&requests->news, why != NULL))
        return;
    if (why != NULL)
        ese_log_error("no requests are read: %s", why);
    else
        ese_log_info("requests are read again");
}

/* False once a stop is asked for. */
static bool wait_for_room(struct ese_requests *requests, const char *why)
{
    tell_waiting(requests, why);
    ese_history_note_wire(requests->options.history);
    return !ese_service_wait(ROOM_MS);
}

static void count_taken(struct ese_requests *requests, const struct ese_outbox_requests *batch,
                        const struct ese_record *const *records)
{
    static const enum answer answers[] = {[ESE_MAIL_TAKEN] = TAKEN, [ESE_MAIL_KNOWN] = KNOWN,
                                          [ESE_MAIL_CONFLICT] = CONFLICT};
    for (int i = 0; i < batch->taken; i++) {
        const struct ese_outbox_request *request = &batch->requests[i];
        if (!request->is_mail)
            continue;
        if (request->put == ESE_MAIL_CONFLICT)
            pass_over(requests, records[i], CONFLICT, "its id was used for another mail");
        else
            ese_metric_add(requests->counted[answers[request->put]], 1);
    }
}

/* The first that was not taken found no room. */
static bool wait_as_full(struct ese_requests *requests, const struct ese_outbox_request *first)
{
    char why[600];
    ese_outbox_refusal(requests->options.outbox, ESE_MAIL_FULL, why, sizeof why);
    if (first->put == ESE_MAIL_NO_ROOM)
        snprintf(why, sizeof why, "the outbox has no room for more mails (--max-bytes)");
    ese_metric_add(requests->counted[first->put == ESE_MAIL_FULL ? FULL : NO_ROOM],
                   requests->news.told ? 0 : 1);
    return wait_for_room(requests, why);
}

/* Sees all of them in, or as many as there was room for when a stop was asked for. */
static int take(struct ese_requests *requests, struct holding *holding,
                struct ese_outbox_requests batch, const struct ese_record *const *records,
                struct ese_error *error)
{
    while (batch.count > 0) {
        batch.from = holding->next;
        if (ese_outbox_take(requests->options.outbox, &batch, error) != 0) {
            if (error->code == ESE_E_FENCED)
                return -1;
            if (error->code == ESE_E_CLOSED || !wait_for_room(requests, error->text))
                return 0;
            continue;
        }
        count_taken(requests, &batch, records);
        if (batch.taken > 0)
            holding->next = batch.requests[batch.taken - 1].next;
        batch.requests += batch.taken;
        batch.count -= batch.taken;
        records += batch.taken;
        if (batch.count > 0 && !wait_as_full(requests, batch.requests))
            return 0;
    }
    tell_waiting(requests, NULL);
    return 0;
}

/* What is no request was passed over, and is done with as well, unless a stop has left something in front of it. */
static void acknowledge(struct ese_requests *requests, const struct holding *holding, const struct ese_batch *read,
                        int count)
{
    int64_t next = count > 0 && holding->next != ESE_POSITIONS_NONE ? holding->next : 0;
    for (int i = 0; i < read->unreadable && !ese_service_stopping(); i++) {
        if (read->unreadables[i].partition == holding->partition && read->unreadables[i].next > next)
            next = read->unreadables[i].next;
    }
    if (next > 0 && face_of(requests)->acknowledge != NULL)
        face_of(requests)->acknowledge(requests->consumer, holding->partition, next);
}

static int take_partition(struct ese_requests *requests, struct holding *holding,
                          const struct ese_batch *read, struct ese_error *error)
{
    char name[100];
    const struct ese_record *records[BATCH];
    struct ese_outbox_requests batch = {
        .of = {.transport = requests->options.transport->name, .partition = holding->partition,
               .name = name},
        .requests = requests->batch};
    face_of(requests)->partition_name(holding->partition, name, sizeof name);
    for (int i = 0; i < read->count; i++) {
        if (read->records[i].partition != holding->partition)
            continue;
        records[batch.count] = &read->records[i];
        read_request(requests, &read->records[i], &batch.requests[batch.count++]);
    }
    int result = batch.count == 0 ? 0 : take(requests, holding, batch, records, error);
    for (int i = 0; i < batch.count; i++)
        ese_mail_clear(&requests->batch[i].mail);
    if (result == 0)
        acknowledge(requests, holding, read, batch.count);
    return result;
}

/* ---- what others call ------------------------------------------------------------------------ */

static void note_contact(struct ese_requests *requests, const struct ese_batch *read)
{
    if (read->away != NULL)
        ese_contact_lost(requests->options.contact, read->away);
    else
        ese_contact_heard(requests->options.contact);
}

int ese_requests_turn(struct ese_requests *requests, int timeout_ms, struct ese_error *error)
{
    struct ese_batch read = {.count = 0};
    if (face_of(requests)->next(requests->consumer, timeout_ms, &read, error) != 0)
        return error->code == ESE_E_FENCED ? after_namesake(requests, error) : -1;
    if (requests->failed) {
        *error = requests->failure;
        return -1;
    }
    note_contact(requests, &read);
    ese_metric_add(requests->counted[MALFORMED], read.unreadable);
    if (read.unreadable > 0 && is_due(&requests->complain_ns, COMPLAIN_MS))
        ese_log_warning("%d records of the topic are no requests, and are passed over",
                        read.unreadable);
    for (int i = 0; i < requests->count && !ese_service_stopping(); i++)
        if (take_partition(requests, &requests->holdings[i], &read, error) != 0)
            return -1;
    return 0;
}

int ese_requests_open(const struct ese_requests_options *options, struct ese_requests **requests,
                      struct ese_error *error)
{
    struct ese_requests *opened = ese_alloc(sizeof *opened);
    opened->options = *options;
    for (int i = 0; i < ANSWERS; i++)
        opened->counted[i] =
            ese_metrics_counter(options->metrics, "ese_mails_asked_total", labels[i],
                                "Mails asked for, by the answer");
    *requests = opened;
    if (join(opened, error) == 0)
        return 0;
    ese_requests_close(requests);
    return ese_fail_within(error, "--intake");
}

void ese_requests_close(struct ese_requests **requests)
{
    if (*requests == NULL)
        return;
    face_of(*requests)->close(&(*requests)->consumer);
    free(*requests);
    *requests = NULL;
}
