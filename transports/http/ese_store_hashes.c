#include "transports/http/ese_store_hashes.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/memory.h"

#define BUCKETS 65536 /* a power of two */

/* An event, its texts one behind the other: type, sub_type, ip, data. */
struct value {
    struct ese_id id;
    int64_t client_ts, server_ts;
    size_t bytes;
    int holders; /* the hash, and each picture */
    char texts[];
};

/* In the chain of its bucket, and in the line of all hashes, longest unwritten first. */
struct hash {
    char ip[ESE_EVENT_IP_SIZE];
    int64_t written_ms;
    struct value **values; /* by client_ts */
    size_t count, size;
    struct hash *next_in_bucket;
    struct hash *earlier, *later;
};

struct ese_hashes {
    pthread_mutex_t lock;
    int holders; /* its owner, and each picture */
    int64_t expiry_ms;
    int64_t max_bytes;
    int64_t used_bytes;
    struct ese_hashes_listener listener;
    size_t count; /* of values */
    struct hash *longest_unwritten, *last_written;
    struct hash *buckets[BUCKETS];
};

struct ese_hashes_picture {
    struct ese_hashes *hashes;
    size_t count, handed;
    struct ese_event event; /* the one handed last; its data is not its own */
    struct value *values[];
};

/* ---- values ---------------------------------------------------------------------------------- */

static size_t texts_size(const struct ese_event *event)
{
    return strlen(event->type) + strlen(event->sub_type) + strlen(event->ip) +
           strlen(ese_event_data(event)) + 4;
}

/* With its place in the hash, were it the only one there. */
int64_t ese_hashes_bytes_of(const struct ese_event *event)
{
    size_t size = sizeof(struct value) + texts_size(event) + 2 * sizeof(struct value *);

    return (int64_t)(size + sizeof(struct hash));
}

static char *put_text(char *at, const char *text)
{
    size_t size = strlen(text) + 1;

    memcpy(at, text, size);
    return at + size;
}

static struct value *make_value(const struct ese_event *event)
{
    size_t bytes = sizeof(struct value) + texts_size(event) + 2 * sizeof(struct value *);
    struct value *value = ese_alloc(bytes);

    value->id = event->id;
    value->client_ts = event->client_ts;
    value->server_ts = event->server_ts;
    value->bytes = bytes;
    value->holders = 1;
    char *at = put_text(value->texts, event->type);
    at = put_text(at, event->sub_type);
    at = put_text(at, event->ip);
    put_text(at, ese_event_data(event));
    return value;
}

static const char *take_text(const char *at, char *target, size_t size)
{
    ese_fit_text(target, size, at);
    return at + strlen(at) + 1;
}

static void show_value(const struct value *value, struct ese_event *event)
{
    event->id = value->id;
    event->client_ts = value->client_ts;
    event->server_ts = value->server_ts;
    const char *at = take_text(value->texts, event->type, sizeof(event->type));
    at = take_text(at, event->sub_type, sizeof(event->sub_type));
    at = take_text(at, event->ip, sizeof(event->ip));
    event->data = (char *)at; /* only read */
}

static void let_go(struct ese_hashes *hashes, struct value *value)
{
    if (--value->holders > 0)
        return;
    hashes->used_bytes -= (int64_t)value->bytes;
    free(value);
}

/* ---- hashes ---------------------------------------------------------------------------------- */

static struct hash **bucket_of(struct ese_hashes *hashes, const char *ip)
{
    return &hashes->buckets[ese_event_key_hash(ip) % BUCKETS];
}

static void leave_line(struct ese_hashes *hashes, struct hash *hash)
{
    *(hash->earlier != NULL ? &hash->earlier->later : &hashes->longest_unwritten) = hash->later;
    *(hash->later != NULL ? &hash->later->earlier : &hashes->last_written) = hash->earlier;
}

static void join_line(struct ese_hashes *hashes, struct hash *hash)
{
    hash->earlier = hashes->last_written;
    hash->later = NULL;
    *(hash->earlier != NULL ? &hash->earlier->later : &hashes->longest_unwritten) = hash;
    hashes->last_written = hash;
}

static struct hash *add_hash(struct ese_hashes *hashes, const char *ip)
{
    struct hash *hash = ese_alloc(sizeof(*hash));
    struct hash **bucket = bucket_of(hashes, ip);

    ese_fit_text(hash->ip, sizeof(hash->ip), ip);
    hash->next_in_bucket = *bucket;
    *bucket = hash;
    join_line(hashes, hash);
    hashes->used_bytes += (int64_t)sizeof(*hash);
    return hash;
}

static struct hash *find_hash(struct ese_hashes *hashes, const char *ip)
{
    struct hash *hash = *bucket_of(hashes, ip);

    while (hash != NULL && strcmp(hash->ip, ip) != 0)
        hash = hash->next_in_bucket;
    return hash != NULL ? hash : add_hash(hashes, ip);
}

static void remove_hash(struct ese_hashes *hashes, struct hash *hash)
{
    struct hash **link = bucket_of(hashes, hash->ip);

    while (*link != hash)
        link = &(*link)->next_in_bucket;
    *link = hash->next_in_bucket;
    leave_line(hashes, hash);
    for (size_t i = 0; i < hash->count; i++)
        let_go(hashes, hash->values[i]);
    hashes->count -= hash->count;
    hashes->used_bytes -= (int64_t)sizeof(*hash);
    free(hash->values);
    free(hash);
}

/* Where the field is, or would be. Most come in order. */
static size_t place_of(const struct hash *hash, int64_t client_ts)
{
    size_t low = 0, high = hash->count;

    if (high > 0 && hash->values[high - 1]->client_ts < client_ts)
        return high;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (hash->values[middle]->client_ts < client_ts)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void insert_value(struct hash *hash, size_t place, struct value *value)
{
    if (hash->count == hash->size) {
        hash->size = hash->size == 0 ? 4 : hash->size * 2;
        hash->values = ese_realloc_array(hash->values, hash->size, sizeof(*hash->values));
    }
    memmove(&hash->values[place + 1], &hash->values[place],
            (hash->count - place) * sizeof(*hash->values));
    hash->values[place] = value;
    hash->count++;
}

static void overwrite(struct ese_hashes *hashes, struct value **place, struct value *value)
{
    const struct ese_hashes_listener *listener = &hashes->listener;

    if (!ese_id_equal(&(*place)->id, &value->id))
        listener->overwritten(listener->context, &(*place)->id, &value->id);
    let_go(hashes, *place);
    *place = value;
}

void ese_hashes_put(struct ese_hashes *hashes, const struct ese_event *event, int64_t now_ms)
{
    struct value *value = make_value(event);

    pthread_mutex_lock(&hashes->lock);
    struct hash *hash = find_hash(hashes, event->ip);
    size_t place = place_of(hash, event->client_ts);
    hashes->used_bytes += (int64_t)value->bytes;
    if (place < hash->count && hash->values[place]->client_ts == event->client_ts) {
        overwrite(hashes, &hash->values[place], value);
    } else {
        insert_value(hash, place, value);
        hashes->count++;
    }
    hash->written_ms = now_ms;
    leave_line(hashes, hash);
    join_line(hashes, hash);
    pthread_mutex_unlock(&hashes->lock);
}

static void tell_expired(const struct ese_hashes *hashes, const struct hash *hash)
{
    const struct ese_hashes_listener *listener = &hashes->listener;

    for (size_t i = 0; i < hash->count; i++)
        listener->expired(listener->context, &hash->values[i]->id, hash->written_ms);
}

void ese_hashes_expire(struct ese_hashes *hashes, int64_t now_ms)
{
    pthread_mutex_lock(&hashes->lock);
    struct hash *hash = hashes->longest_unwritten;
    while (hash != NULL && hash->written_ms + hashes->expiry_ms <= now_ms) {
        tell_expired(hashes, hash);
        remove_hash(hashes, hash);
        hash = hashes->longest_unwritten;
    }
    pthread_mutex_unlock(&hashes->lock);
}

/* ---- room ------------------------------------------------------------------------------------ */

int64_t ese_hashes_used_bytes(struct ese_hashes *hashes)
{
    pthread_mutex_lock(&hashes->lock);
    int64_t used = hashes->used_bytes;
    pthread_mutex_unlock(&hashes->lock);
    return used;
}

bool ese_hashes_has_room(struct ese_hashes *hashes, int64_t bytes)
{
    return ese_hashes_used_bytes(hashes) + bytes <= hashes->max_bytes;
}

/* ---- pictures -------------------------------------------------------------------------------- */

struct ese_hashes_picture *ese_hashes_picture_take(struct ese_hashes *hashes)
{
    pthread_mutex_lock(&hashes->lock);
    struct ese_hashes_picture *picture =
        ese_alloc(sizeof(*picture) + hashes->count * sizeof(picture->values[0]));
    picture->hashes = hashes;
    hashes->holders++;
    for (struct hash *hash = hashes->longest_unwritten; hash != NULL; hash = hash->later) {
        for (size_t i = 0; i < hash->count; i++) {
            hash->values[i]->holders++;
            picture->values[picture->count++] = hash->values[i];
        }
    }
    pthread_mutex_unlock(&hashes->lock);
    return picture;
}

const struct ese_event *ese_hashes_picture_next(struct ese_hashes_picture *picture)
{
    if (picture->handed == picture->count)
        return NULL;
    show_value(picture->values[picture->handed++], &picture->event);
    return &picture->event;
}

/* ---- life ------------------------------------------------------------------------------------ */

struct ese_hashes *ese_hashes_new(int64_t expiry_ms, int64_t max_bytes,
                                  const struct ese_hashes_listener *listener)
{
    struct ese_hashes *hashes = ese_alloc(sizeof(*hashes));

    pthread_mutex_init(&hashes->lock, NULL);
    hashes->holders = 1;
    hashes->expiry_ms = expiry_ms;
    hashes->max_bytes = max_bytes;
    hashes->listener = *listener;
    return hashes;
}

/* Locked; unlocks. Whoever is the last takes it away. */
static void leave(struct ese_hashes *hashes)
{
    bool is_last = --hashes->holders == 0;

    pthread_mutex_unlock(&hashes->lock);
    if (!is_last)
        return;
    pthread_mutex_destroy(&hashes->lock);
    free(hashes);
}

void ese_hashes_free(struct ese_hashes **hashes)
{
    struct ese_hashes *freed = *hashes;

    if (freed == NULL)
        return;
    *hashes = NULL;
    pthread_mutex_lock(&freed->lock);
    while (freed->longest_unwritten != NULL)
        remove_hash(freed, freed->longest_unwritten);
    leave(freed);
}

void ese_hashes_picture_free(struct ese_hashes_picture **picture)
{
    struct ese_hashes_picture *freed = *picture;

    if (freed == NULL)
        return;
    *picture = NULL;
    pthread_mutex_lock(&freed->hashes->lock);
    for (size_t i = 0; i < freed->count; i++)
        let_go(freed->hashes, freed->values[i]);
    leave(freed->hashes);
    free(freed);
}
