/*
 * webhook_rig.h - streams in a directory of the test's own, behind a server in its own process, and posts that wait for
 * their answer without one.
 */
#ifndef ESE_TEST_WEBHOOK_RIG_H
#define ESE_TEST_WEBHOOK_RIG_H

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/memory.h"
#include "tests/support/directory.h"
#include "transports/webhook/stream_table.h"
#include "transports/webhook/streams.h"

struct webhook_rig {
    char *directory;
    struct ese_webhook_streams_options options; /* to be changed before the rig is opened */
    struct ese_metrics *metrics;
    struct ese_http_server *server;
    struct ese_webhook_streams *streams;
};

static inline void webhook_rig_open(struct webhook_rig *rig)
{
    const struct ese_http_server_options http = {.listen = "127.0.0.1:0", .max_body_bytes = 8 << 20};
    struct ese_error error = {0};

    rig->metrics = ese_metrics_new();
    rig->options.metrics = rig->metrics;
    if (ese_http_server_open(&http, &rig->server, &error) != 0)
        fail_msg("%s", error.text);
    rig->options.server = rig->server;
    if (ese_webhook_streams_open(&rig->options, &rig->streams, &error) != 0)
        fail_msg("%s", error.text);
    ese_webhook_streams_add_routes(rig->streams);
    if (ese_http_server_start(rig->server, &error) != 0)
        fail_msg("%s", error.text);
}

/* A second time does nothing. */
static inline void webhook_rig_close(struct webhook_rig *rig)
{
    if (rig->server == NULL)
        return;
    ese_http_server_quiesce(rig->server);
    ese_webhook_streams_stop(rig->streams, 5000);
    ese_webhook_streams_close(&rig->streams);
    ese_http_server_close(&rig->server);
    ese_metrics_free(&rig->metrics);
}

/* Of a fixture whose first member is a rig. */
static inline struct webhook_rig *webhook_rig_make(size_t size)
{
    struct webhook_rig *rig = ese_alloc(size);

    rig->directory = ese_test_directory_make();
    rig->options = (struct ese_webhook_streams_options){.directory = rig->directory,
                                                        .durability = ESE_DURABILITY_OS,
                                                        .retention_ms = 600000,
                                                        .max_bytes = INT64_C(1) << 28,
                                                        .queue_events = 10000,
                                                        .group = 1000000,
                                                        .most_open = 4};
    return rig;
}

static inline void webhook_rig_free(struct webhook_rig *rig)
{
    webhook_rig_close(rig);
    ese_test_directory_remove(&rig->directory);
    free(rig);
}

/* ---- posts ----------------------------------------------------------------------------------- */

/* Posts that are under way together. */
struct webhook_posts {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int under_way;
};

struct webhook_post {
    struct ese_webhook_row row; /* the first member */
    struct webhook_posts *posts;
    enum ese_append_result result;
};

#define WEBHOOK_POSTS_INIT {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER}

static inline void webhook_post_done(struct ese_webhook_row *row, enum ese_append_result result)
{
    struct webhook_post *post = (struct webhook_post *)row;
    struct webhook_posts *posts = post->posts;

    pthread_mutex_lock(&posts->mutex);
    post->result = result;
    posts->under_way--;
    pthread_cond_broadcast(&posts->changed);
    pthread_mutex_unlock(&posts->mutex);
}

/* The post's body and type live on. */
static inline void webhook_post_begin(struct webhook_rig *rig, struct webhook_posts *posts, struct webhook_post *post,
                                      const char *stream, const char *body)
{
    struct ese_error error = {0};

    *post = (struct webhook_post){.posts = posts};
    post->row.type = "t";
    post->row.body = body;
    post->row.length = strlen(body);
    post->row.done = webhook_post_done;
    pthread_mutex_lock(&posts->mutex);
    posts->under_way++;
    pthread_mutex_unlock(&posts->mutex);
    if (ese_webhook_streams_post(rig->streams, stream, &post->row, &error) != 0)
        fail_msg("%s", error.text);
}

static inline void webhook_posts_wait(struct webhook_rig *rig, struct webhook_posts *posts)
{
    ese_webhook_streams_complete(rig->streams);
    pthread_mutex_lock(&posts->mutex);
    while (posts->under_way > 0)
        pthread_cond_wait(&posts->changed, &posts->mutex);
    pthread_mutex_unlock(&posts->mutex);
}

/* One, and what became of it. Its position; 0 where it was not stored. */
static inline int64_t webhook_post(struct webhook_rig *rig, const char *stream, const char *body,
                                   enum ese_append_result expected)
{
    struct webhook_posts posts = WEBHOOK_POSTS_INIT;
    struct webhook_post post;

    webhook_post_begin(rig, &posts, &post, stream, body);
    webhook_posts_wait(rig, &posts);
    if (post.result != expected)
        fail_msg("%d instead of %d: %s", post.result, expected, post.row.why != NULL ? post.row.why : "");
    free(post.row.why);
    return post.row.position;
}

#endif
