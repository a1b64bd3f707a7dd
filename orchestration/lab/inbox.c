#include "orchestration/lab/inbox.h"

#include <jansson.h>
#include <strings.h>

#include "ese-core/clock.h"
#include "ese-core/http_client.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "ese-core/sqlite.h"
#include "orchestration/lab/artifacts.h"
#include "orchestration/lab/unseen.h"

#define PAGE 50
#define LISTED_MOST 50000 /* how deep into the inbox we look */
#define SEEN_MOST 100000  /* messages remembered: more than are listed, as some of those may be deleted */
#define ASKED_MOST 300    /* times for a message that cannot be read, once a turn */
#define ASK_MS 2000
#define URL_SIZE 512

static const char schema[] = "CREATE TABLE IF NOT EXISTS seen"
                             " (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE)";

struct ese_inbox {
    char *url;
    struct ese_http_client *client;
    struct ese_sqlite *database;
    struct ese_statement *is_seen, *note_seen, *forget;
    struct {
        const char *transport;
        struct ese_history *history;
    } followed[ESE_INBOX_TRANSPORTS];
    int followed_count;
    /* The listing goes on from turn to turn, and so does the noting of what it brought. */
    struct ese_unseen unseen;
    int64_t listed_ns; /* when it began; 0: none is under way */
    int start;         /* of the next page; -1: it is complete */
    bool has_aside;    /* something could not be read, and it was said */
    bool looks_deep;   /* to the end of the inbox: once a life, as an earlier one may have left some behind */
};

/* ---- asking ---------------------------------------------------------------------------------- */

struct answer {
    bool came;
    int status;
    json_t *body; /* NULL: not what was asked for */
    char problem[160];
};

static void on_answer(void *context, const struct ese_http_answer *answer)
{
    struct answer *kept = context;
    kept->came = true;
    kept->status = answer->status;
    if (answer->status == 200) /* anybody may send a mail that has a NUL in it */
        kept->body = json_loadb(answer->body, answer->length, JSON_ALLOW_NUL, NULL);
    if (answer->status == 0)
        snprintf(kept->problem, sizeof kept->problem, "%s", answer->problem);
    else if (kept->body == NULL)
        snprintf(kept->problem, sizeof kept->problem, "status %d, or no JSON", answer->status);
}

/* The JSON at a path of the inbox; the caller releases its body. */
static struct answer ask(struct ese_inbox *inbox, const char *path, struct ese_error *error)
{
    char url[URL_SIZE];
    struct answer answer = {.came = false};
    snprintf(url, sizeof url, "%s%s", inbox->url, path);
    const struct ese_http_call call = {.method = "GET", .url = url, .done = on_answer,
                                       .timeout_ms = ASK_MS, .context = &answer};
    ese_http_client_call(inbox->client, &call);
    while (!answer.came)
        ese_http_client_poll(inbox->client, 100, -1);
    if (answer.body == NULL)
        ese_fail(error, ESE_E_IO, "the inbox %.200s does not answer: %s; does Mailpit run there (--inbox)?", url,
                 answer.problem);
    return answer;
}

/* ---- what is new ----------------------------------------------------------------------------- */

/* The text of a string that holds all of it; NULL: of none, or one that goes on behind a NUL. */
static const char *text_of(const json_t *string)
{
    const char *text = json_string_value(string);
    return text != NULL && strlen(text) == json_string_length(string) ? text : NULL;
}

/* It becomes part of a path. */
static bool is_good_id(const char *id)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    size_t length = strlen(id);
    return length > 0 && length < ESE_MESSAGE_ID_SIZE && strspn(id, letters) == length;
}

static bool is_seen(struct ese_inbox *inbox, const char *id)
{
    ese_statement_text(inbox->is_seen, 1, id);
    bool found = ese_statement_step(inbox->is_seen, NULL) == 1;
    if (found)
        ese_statement_reset(inbox->is_seen);
    return found;
}

/* Returns how many messages of the page are new. */
static int take_page(struct ese_inbox *inbox, const json_t *messages)
{
    const json_t *message;
    size_t i;
    int added = 0;
    json_array_foreach(messages, i, message)
    {
        const char *id = text_of(json_object_get(message, "ID"));
        if (id != NULL && is_good_id(id) && !is_seen(inbox, id))
            added += ese_unseen_add(&inbox->unseen, id);
    }
    return added;
}

/* Of mails that are not looked at nothing can be told, whatever transport they came over. */
static void pass_over(struct ese_inbox *inbox, int64_t count)
{
    for (int i = 0; i < inbox->followed_count; i++)
        ese_history_record(inbox->followed[i].history, &(struct ese_history_record){
            .kind = ESE_HISTORY_SKIPPED, .time_ns = ese_clock_monotonic_ns(), .b = count});
}

/* There may be more behind a page that is full and has anything new. */
static void go_on(struct ese_inbox *inbox, bool is_full, int added)
{
    bool more = is_full && (added > 0 || inbox->looks_deep);
    inbox->start += PAGE;
    if (more && inbox->start < LISTED_MOST)
        return;
    if (more && added > 0) {
        ese_log_error("the inbox has more than %d mails that were not seen: the oldest are passed over, "
                      "and no ledger can be made but of a new --run", LISTED_MOST);
        pass_over(inbox, 1);
    }
    inbox->start = -1;
    inbox->looks_deep = false;
}

static int list_page(struct ese_inbox *inbox, struct ese_error *error)
{
    char path[64];
    snprintf(path, sizeof path, "/api/v1/messages?start=%d&limit=%d", inbox->start, PAGE);
    json_t *page = ask(inbox, path, error).body;
    if (page == NULL)
        return -1;
    const json_t *messages = json_object_get(page, "messages");
    bool is_list = json_is_array(messages);
    if (is_list)
        go_on(inbox, json_array_size(messages) == PAGE, take_page(inbox, messages));
    json_decref(page);
    return is_list ? 0 : ese_fail(error, ESE_E_INVALID, "the inbox %.200s lists no messages: is it Mailpit?",
                                  inbox->url);
}

/* Begins a listing, or goes on with it. 1: it is complete; 0: it is not, as time is up. */
static int list_unseen(struct ese_inbox *inbox, int64_t until_ns, struct ese_error *error)
{
    if (inbox->listed_ns == 0) {
        inbox->listed_ns = ese_clock_monotonic_ns();
        inbox->start = 0;
    }
    while (inbox->start >= 0) {
        if (list_page(inbox, error) == -1)
            return -1;
        if (inbox->start >= 0 && ese_clock_monotonic_ns() >= until_ns)
            return 0;
    }
    return 1;
}

/* ---- noting ---------------------------------------------------------------------------------- */

/* Headers come as {"Name": ["value", ...]}. "" where it is not there. */
static const char *header_of(const json_t *headers, const char *wanted)
{
    const char *name;
    json_t *values;
    json_object_foreach((json_t *)(uintptr_t)headers, name, values)
    {
        const char *value = text_of(json_array_get(values, 0));
        if (strcasecmp(name, wanted) == 0 && value != NULL)
            return value;
    }
    return "";
}

static struct ese_history *history_of(const struct ese_inbox *inbox, const char *transport)
{
    for (int i = 0; i < inbox->followed_count; i++) {
        if (strcmp(inbox->followed[i].transport, transport) == 0)
            return inbox->followed[i].history;
    }
    return NULL;
}

static int remember(struct ese_inbox *inbox, const char *id, struct ese_error *error)
{
    ese_statement_text(inbox->note_seen, 1, id);
    return ese_statement_run(inbox->note_seen, error);
}

/* The record first: what is noted twice is known by its number. Returns whether it is ours. */
static bool record(struct ese_inbox *inbox, const char *id, const json_t *headers)
{
    struct ese_history *history = history_of(inbox, header_of(headers, "X-ESE-Transport"));
    struct ese_id decision;
    if (ese_id_parse(header_of(headers, "X-ESE-Decision"), &decision, NULL) == -1)
        decision = (struct ese_id){{0}};
    if (history != NULL)
        ese_history_record(history, &(struct ese_history_record){
            .kind = ESE_HISTORY_MAIL_ARRIVED, .time_ns = ese_clock_monotonic_ns(), .id = decision,
            .a = (int64_t)(ese_unseen_hash(id) >> 1)});
    return history != NULL;
}

/* It cannot be read now. The others must not wait for it, but what is told of all must. */
static bool put_aside(struct ese_inbox *inbox, struct ese_unseen_message *message, const char *why)
{
    message->attempts++;
    if (!inbox->has_aside)
        ese_log_warning("%s; asking again", why);
    inbox->has_aside = true;
    if (message->attempts < ASKED_MOST)
        return true;
    ese_log_error("%s: it was asked %d times; the mail is passed over, and no ledger can be made but of a new --run",
                  why, message->attempts);
    pass_over(inbox, 1);
    return false;
}

/* 1: noted; 0: not ours, no longer there, or put aside; -1. */
static int note(struct ese_inbox *inbox, struct ese_unseen_message *message, struct ese_error *error)
{
    char path[ESE_MESSAGE_ID_SIZE + 64];
    snprintf(path, sizeof path, "/api/v1/message/%s/headers", message->id);
    struct answer answer = ask(inbox, path, error);
    bool is_gone = answer.status == 404, is_ours = false;
    if (answer.status == 0)
        return -1;
    if (answer.body == NULL && !is_gone && put_aside(inbox, message, error->text))
        return 0;
    if (answer.body != NULL)
        is_ours = record(inbox, message->id, answer.body);
    json_decref(answer.body);
    if (remember(inbox, message->id, error) == -1)
        return -1;
    message->id[0] = '\0';
    return is_ours;
}

/* The oldest first, so that whatever cuts this short leaves the newest for the next life. */
static int note_unseen(struct ese_inbox *inbox, int64_t until_ns, struct ese_error *error)
{
    int noted = 0;
    struct ese_unseen_message *message;
    while ((message = ese_unseen_next(&inbox->unseen)) != NULL) {
        int said = note(inbox, message, error);
        if (said == -1)
            return -1;
        noted += said;
        if (inbox->unseen.untried > 0 && ese_clock_monotonic_ns() >= until_ns)
            return noted;
    }
    return noted;
}

/* A pass over all that was listed is over: when none of it is left, all is known that had arrived before. */
static void end_listing(struct ese_inbox *inbox)
{
    ese_unseen_again(&inbox->unseen);
    for (int i = 0; inbox->unseen.count == 0 && i < inbox->followed_count; i++)
        ese_history_set(inbox->followed[i].history, ESE_COUNT_FOLLOWED_NS, inbox->listed_ns);
    inbox->has_aside &= inbox->unseen.count > 0;
    inbox->listed_ns = 0;
}

int ese_inbox_turn(struct ese_inbox *inbox, int timeout_ms, struct ese_error *error)
{
    struct ese_error reason;
    int64_t until_ns = ese_clock_monotonic_ns() + timeout_ms * ESE_NS_PER_MS;
    int noted = list_unseen(inbox, until_ns, &reason);
    bool is_listed = noted == 1;
    if (is_listed)
        noted = note_unseen(inbox, until_ns, &reason);
    ese_statement_number(inbox->forget, 1, SEEN_MOST);
    if (noted == -1 || (is_listed && ese_statement_run(inbox->forget, &reason) == -1))
        return ese_fail(error, reason.code, "%s", reason.text);
    if (is_listed && inbox->unseen.untried == 0)
        end_listing(inbox);
    return noted;
}

/* ---- life ------------------------------------------------------------------------------------ */

static int open_database(struct ese_inbox *inbox, const char *directory, struct ese_error *error)
{
    char path[ESE_ARTIFACT_PATH_SIZE];
    const struct ese_sqlite_options options = {
        .path = path, .durability = ESE_DURABILITY_OS, .schema = schema, .own_table = "seen"};
    if (ese_artifact_path(directory, ESE_ARTIFACT_INBOX, path, error) == -1 ||
        ese_sqlite_open(&options, &inbox->database, error) == -1)
        return -1;
    inbox->is_seen = ese_statement_new(inbox->database, "SELECT 1 FROM seen WHERE id = ?1");
    inbox->note_seen =
        ese_statement_new(inbox->database, "INSERT OR IGNORE INTO seen (id) VALUES (?1)");
    inbox->forget = ese_statement_new(
        inbox->database, "DELETE FROM seen WHERE number <= (SELECT max(number) FROM seen) - ?1");
    return 0;
}

int ese_inbox_open(const struct ese_inbox_options *options, struct ese_inbox **inbox,
                   struct ese_error *error)
{
    struct ese_inbox *opened = *inbox = ese_alloc(sizeof *opened);
    opened->looks_deep = true;
    ese_unseen_begin(&opened->unseen);
    const struct ese_http_given given = {options->url, "--inbox",
                                         "http://HOST:PORT, as Mailpit serves it"};
    if (ese_http_url(&given, "", &opened->url, error) == 0 &&
        open_database(opened, options->directory, error) == 0 &&
        ese_http_client_open(1, NULL, &opened->client, error) == 0)
        return 0;
    ese_inbox_close(inbox);
    return -1;
}

void ese_inbox_close(struct ese_inbox **inbox)
{
    struct ese_inbox *closed = *inbox;
    if (closed == NULL)
        return;
    *inbox = NULL;
    ese_http_client_close(&closed->client);
    ese_sqlite_close(&closed->database);
    ese_unseen_free(&closed->unseen);
    free(closed->url);
    free(closed);
}

void ese_inbox_follow(struct ese_inbox *inbox, const char *transport, struct ese_history *history)
{
    if (inbox->followed_count < ESE_INBOX_TRANSPORTS) {
        inbox->followed[inbox->followed_count].transport = transport;
        inbox->followed[inbox->followed_count++].history = history;
    }
}
