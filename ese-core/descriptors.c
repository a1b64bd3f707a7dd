#include "ese-core/descriptors.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/resource.h>

#include "ese-core/buffer.h"
#include "ese-core/log.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct ese_descriptors *needs; /* of all parts, the newest first; under the mutex */

/* With the mutex. What all parts need, and what they need besides. */
static void count_all(int64_t *count, int64_t *briefly)
{
    *count = *briefly = 0;
    for (const struct ese_descriptors *need = needs; need != NULL; need = need->next) {
        *count += need->count;
        *briefly += need->briefly;
    }
}

/* With the mutex. */
static void raise_limit(void)
{
    struct rlimit limit;
    int64_t count, briefly;

    count_all(&count, &briefly);
    rlim_t wanted = (rlim_t)(count + briefly);
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        ese_log_warning("no more than before may be open, where %llu were asked for: %s", (unsigned long long)wanted,
                        strerror(errno));
}

void ese_descriptors_need(struct ese_descriptors *need)
{
    pthread_mutex_lock(&mutex);
    need->next = needs;
    needs = need;
    raise_limit();
    pthread_mutex_unlock(&mutex);
}

/* With the mutex. Whose options can be lowered, and how much hangs on them: "--max-connections (1064)". */
static void name_options(struct ese_buffer *text)
{
    for (const struct ese_descriptors *need = needs; need != NULL; need = need->next) {
        if (need->options != NULL)
            ese_buffer_printf(text, "%s%s (%lld)", text->length == 0 ? "lower " : ", ", need->options,
                              (long long)need->count);
    }
}

int ese_descriptors_check(struct ese_error *error)
{
    struct rlimit limit;
    struct ese_buffer options = ESE_BUFFER_INIT(512);
    int64_t count, briefly;
    int result = 0;

    pthread_mutex_lock(&mutex);
    count_all(&count, &briefly);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < (rlim_t)count) {
        name_options(&options);
        result = ese_fail(error, ESE_E_MISSING,
                          "%lld files and sockets may have to be open at once, and this process may have %llu: %s%s"
                          "raise `ulimit -n`",
                          (long long)count, (unsigned long long)limit.rlim_cur,
                          options.length > 0 ? options.text : "", options.length > 0 ? ", or " : "");
    }
    pthread_mutex_unlock(&mutex);
    ese_buffer_free(&options);
    return result;
}

void ese_descriptors_drop(struct ese_descriptors *need)
{
    pthread_mutex_lock(&mutex);
    struct ese_descriptors **place = &needs;
    while (*place != NULL && *place != need)
        place = &(*place)->next;
    if (*place != NULL)
        *place = need->next;
    pthread_mutex_unlock(&mutex);
}
