#include "orchestration/lab/inbox.h"

#include <jansson.h>
#include <strings.h>

#include "ese-core/clock.h"
#include "ese-core/http_client.h"
#include "ese-core/memory.h"
#include "ese-core/sqlite.h"
#include "orchestration/lab/artifacts.h"
#include "orchestration/lab/number_table.h"

#define PAGE 50
#define NEW_MOST 5000     /* mails noted in one turn */
#define SEEN_MOST 100000  /* messages remembered */
#define MESSAGE_ID_SIZE 65
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
};

/* Messages of one turn that were not seen before, as the list has them: newest first. */
struct news {
    char (*ids)[MESSAGE_ID_SIZE];
    size_t count;
};

/* ---- asking ---------------------------------------------------------------------------------- */

struct answer {
    bool came;
    json_t *body; /* NULL: not what was asked for */
    char problem[160];
};

static void on_answer(void *context, const struct ese_http_answer *answer)
{
    struct answer *kept = context;
    kept->came = true;
    if (answer->status == 200)
        kept->body = json_loadb(answer->body, answer->length, 0, NULL);
    if (answer->status == 0)
        snprintf(kept->problem, sizeof kept->problem, "%s", answer->problem);
    else if (kept->body == NULL)
        snprintf(kept->problem, sizeof kept->problem, "status %d, or no JSON", answer->status);
}

/* The JSON at a path of the inbox; the caller releases it. NULL: it was not had before until_ns. */
static json_t *ask(struct ese_inbox *inbox, const char *path, int64_t until_ns,
                   struct ese_error *error)
{
    char url[URL_SIZE];
    struct answer answer = {.came = false};
    int64_t left_ms = (until_ns - ese_clock_monotonic_ns()) / ESE_NS_PER_MS;
    snprintf(url, sizeof url, "%s%s", inbox->url, path);
    const struct ese_http_call call = {.method = "GET", .url = url, .done = on_answer,
                                       .timeout_ms = left_ms < 1 ? 1 : (int)left_ms,
                                       .context = &answer};
    ese_http_client_call(inbox->client, &call);
    while (!answer.came)
        ese_http_client_poll(inbox->client, 100, -1);
    if (answer.body == NULL)
        ese_fail(error, ESE_E_IO, "the inbox %.200s does not answer: %s", url, answer.problem);
    return answer.body;
}

/* ---- what is new ----------------------------------------------------------------------------- */

/* It becomes part of a path. */
static bool is_good_id(const char *id)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    size_t length = strlen(id);
    return length > 0 && length < MESSAGE_ID_SIZE && strspn(id, letters) == length;
}

static bool is_seen(struct ese_inbox *inbox, const char *id)
{
    ese_statement_text(inbox->is_seen, 1, id);
    bool found = ese_statement_step(inbox->is_seen, NULL) == 1;
    if (found)
        ese_statement_reset(inbox->is_seen);
    return found;
}

/* New mails push the older ones down, so that one may stand on two pages. */
static bool is_among(const struct news *news, const char *id)
{
    for (size_t i = 0; i < news->count; i++) {
        if (strcmp(news->ids[i], id) == 0)
            return true;
    }
    return false;
}

/* Whether there may be more behind this page: it is full, and all of it is new. */
static bool take_page(struct ese_inbox *inbox, const json_t *page, struct news *news)
{
    const json_t *messages = json_object_get(page, "messages"), *message;
    size_t i, added = 0;
    json_array_foreach(messages, i, message)
    {
        const char *id = json_string_value(json_object_get(message, "ID"));
        if (id == NULL || !is_good_id(id) || is_seen(inbox, id) || is_among(news, id))
            continue;
        news->ids = ese_realloc_array(news->ids, news->count + 1, sizeof *news->ids);
        snprintf(news->ids[news->count++], sizeof *news->ids, "%s", id);
        added++;
    }
    return added > 0 && json_array_size(messages) == PAGE;
}

static int list_news(struct ese_inbox *inbox, int64_t until_ns, struct news *news,
                     struct ese_error *error)
{
    bool more = true;
    for (int start = 0; more && news->count < NEW_MOST; start += PAGE) {
        char path[64];
        snprintf(path, sizeof path, "/api/v1/messages?start=%d&limit=%d", start, PAGE);
        json_t *page = ask(inbox, path, until_ns, error);
        if (page == NULL)
            return -1;
        bool is_list = json_is_array(json_object_get(page, "messages"));
        more = is_list && take_page(inbox, page, news);
        json_decref(page);
        if (!is_list)
            return ese_fail(error, ESE_E_INVALID, "the inbox %.200s lists no messages: is it Mailpit?",
                            inbox->url);
    }
    return 0;
}

/* ---- noting ---------------------------------------------------------------------------------- */

/* Headers come as {"Name": ["value", ...]}. "" where it is not there. */
static const char *header_of(const json_t *headers, const char *wanted)
{
    const char *name;
    json_t *values;
    json_object_foreach((json_t *)(uintptr_t)headers, name, values)
    {
        const char *value = json_string_value(json_array_get(values, 0));
        if (strcasecmp(name, wanted) == 0 && value != NULL)
            return value;
    }
    return "";
}

static int64_t message_number(const char *id)
{
    uint64_t hash = 0;
    for (const char *c = id; *c != '\0'; c++)
        hash = ese_number_mix(hash ^ (unsigned char)*c);
    return (int64_t)(hash >> 1);
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

/* 1: noted; 0: not ours; -1. The record first: what is noted twice is known by its number. */
static int note(struct ese_inbox *inbox, const char *id, int64_t until_ns, struct ese_error *error)
{
    char path[MESSAGE_ID_SIZE + 64];
    snprintf(path, sizeof path, "/api/v1/message/%s/headers", id);
    json_t *headers = ask(inbox, path, until_ns, error);
    if (headers == NULL)
        return -1;
    struct ese_history *history = history_of(inbox, header_of(headers, "X-ESE-Transport"));
    struct ese_id decision;
    if (ese_id_parse(header_of(headers, "X-ESE-Decision"), &decision, NULL) == -1)
        decision = (struct ese_id){{0}};
    json_decref(headers);
    if (history != NULL)
        ese_history_record(history, &(struct ese_history_record){
            .kind = ESE_HISTORY_MAIL_ARRIVED, .time_ns = ese_clock_monotonic_ns(), .id = decision,
            .a = message_number(id)});
    if (remember(inbox, id, error) == -1)
        return -1;
    return history != NULL;
}

/* The oldest first, so that whatever cuts this short leaves the newest for the next turn. */
static int note_all(struct ese_inbox *inbox, const struct news *news, int64_t until_ns,
                    struct ese_error *error)
{
    int noted = 0;
    for (size_t i = news->count; i > 0; i--) {
        int said = note(inbox, news->ids[i - 1], until_ns, error);
        if (said == -1)
            return -1;
        noted += said;
    }
    return noted;
}

int ese_inbox_turn(struct ese_inbox *inbox, int timeout_ms, struct ese_error *error)
{
    struct news news = {.count = 0};
    int64_t before_ns = ese_clock_monotonic_ns();
    int64_t until_ns = before_ns + timeout_ms * ESE_NS_PER_MS;
    int noted = list_news(inbox, until_ns, &news, error);
    if (noted == 0)
        noted = note_all(inbox, &news, until_ns, error);
    bool all = noted >= 0 && news.count < NEW_MOST;
    free(news.ids);
    ese_statement_number(inbox->forget, 1, SEEN_MOST);
    if (noted > 0 && ese_statement_run(inbox->forget, error) == -1)
        return -1;
    for (int i = 0; all && i < inbox->followed_count; i++)
        ese_history_set(inbox->followed[i].history, ESE_COUNT_FOLLOWED_NS, before_ns);
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
