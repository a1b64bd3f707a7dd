#include "transports/kafka/watch.h"

#include <pthread.h>
#include <stdatomic.h>

#include "ese-core/clock.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"

#define PAUSE_THERE_MS 500
#define PAUSE_AWAY_MS 100
#define ANSWER_MS 1000
#define TEXT_SIZE 256

struct ese_watch {
    const struct ese_cluster *cluster;
    enum ese_durability durability;
    pthread_t thread;
    atomic_bool reachable;
    bool durable; /* the topics were found to be what durability asks for; the thread's own */
    pthread_mutex_t lock;
    pthread_cond_t stop_asked;
    bool stopping;
    char text[TEXT_SIZE]; /* why it is not reachable */
};

static void note(struct ese_watch *watch, bool reachable, const char *text)
{
    bool before = atomic_exchange(&watch->reachable, reachable);
    pthread_mutex_lock(&watch->lock);
    bool news = before != reachable || (!reachable && strcmp(watch->text, text) != 0);
    ese_fit_text(watch->text, sizeof watch->text, text);
    pthread_mutex_unlock(&watch->lock);
    if (news && reachable)
        ese_log_info("the Kafka cluster is there");
    else if (news)
        ese_log_warning("%s", text);
}

static bool look(struct ese_watch *watch, char text[TEXT_SIZE])
{
    if (!ese_cluster_reachable(watch->cluster, ANSWER_MS, text, TEXT_SIZE))
        return false;
    if (!watch->durable)
        watch->durable = ese_cluster_durable(watch->cluster, watch->durability, ANSWER_MS, text,
                                             TEXT_SIZE);
    return watch->durable;
}

/* True when the watch is to stop. */
static bool pause_for(struct ese_watch *watch, int ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + ms * ESE_NS_PER_MS;
    until.tv_sec += (time_t)(ns / ESE_NS_PER_S);
    until.tv_nsec = (long)(ns % ESE_NS_PER_S);
    pthread_mutex_lock(&watch->lock);
    while (!watch->stopping &&
           pthread_cond_timedwait(&watch->stop_asked, &watch->lock, &until) == 0)
        continue;
    bool stopping = watch->stopping;
    pthread_mutex_unlock(&watch->lock);
    return stopping;
}

static void *run(void *context)
{
    struct ese_watch *watch = context;
    bool reachable;
    do {
        char text[TEXT_SIZE] = "";
        reachable = look(watch, text);
        note(watch, reachable, text);
    } while (!pause_for(watch, reachable ? PAUSE_THERE_MS : PAUSE_AWAY_MS));
    return NULL;
}

struct ese_watch *ese_watch_start(const struct ese_cluster *cluster, enum ese_durability durability)
{
    struct ese_watch *watch = ese_alloc(sizeof *watch);
    pthread_condattr_t monotonic;
    watch->cluster = cluster;
    watch->durability = durability;
    atomic_init(&watch->reachable, false);
    ese_fit_text(watch->text, sizeof watch->text, "the Kafka cluster was not seen yet");
    pthread_mutex_init(&watch->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&watch->stop_asked, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&watch->thread, NULL, run, watch) != 0) {
        ese_log_error("no thread can be started: the system is at its limit");
        exit(1); /* as when memory runs out */
    }
    return watch;
}

void ese_watch_stop(struct ese_watch **watch)
{
    if (*watch == NULL)
        return;
    pthread_mutex_lock(&(*watch)->lock);
    (*watch)->stopping = true;
    pthread_cond_signal(&(*watch)->stop_asked);
    pthread_mutex_unlock(&(*watch)->lock);
    pthread_join((*watch)->thread, NULL);
    pthread_cond_destroy(&(*watch)->stop_asked);
    pthread_mutex_destroy(&(*watch)->lock);
    free(*watch);
    *watch = NULL;
}

bool ese_watch_tell(struct ese_watch *watch, char *text, size_t size)
{
    bool reachable = atomic_load(&watch->reachable);
    pthread_mutex_lock(&watch->lock);
    if (!reachable)
        snprintf(text, size, "%s", watch->text);
    pthread_mutex_unlock(&watch->lock);
    return reachable;
}
