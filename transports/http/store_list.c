#include "transports/http/store_list.h"

#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "transports/http/store_read.h"

/* What one answer is made from. */
struct sorted {
    struct ese_store_reader *reader;
    int64_t place; /* of the event handed last; 0: none yet */
    ese_event_visit *visit;
    void *context;
};

static void release(void *gathered)
{
    struct sorted *sorted = gathered;

    ese_store_reader_close(&sorted->reader);
    free(sorted);
}

static int sort(struct ese_store_log *log, struct sorted *sorted, struct ese_error *error)
{
    int64_t start;

    if (ese_store_reader_open(log, &sorted->reader, error) != 0 ||
        ese_store_reader_start(sorted->reader, log, &start, error) != 0)
        return -1;
    return ese_store_reader_sort_by_ip(sorted->reader, start, atomic_load(&log->next), error);
}

static int gather(void *context, void **gathered, struct ese_error *error)
{
    struct sorted *sorted = *gathered = ese_alloc(sizeof(*sorted));

    if (sort(context, sorted, error) == 0)
        return 0;
    ese_log_error("the events cannot be listed: %s", error->text);
    release(sorted);
    return -1;
}

static bool pass_on(void *context, const struct ese_event *event, int64_t place)
{
    struct sorted *sorted = context;

    sorted->place = place;
    return sorted->visit(sorted->context, event);
}

static int hand(void *gathered, ese_event_visit *visit, void *visit_context,
                struct ese_error *error)
{
    struct sorted *sorted = gathered;

    sorted->visit = visit;
    sorted->context = visit_context;
    return ese_store_reader_visit_sorted(sorted->reader, sorted->place, pass_on, sorted, error);
}

int ese_store_lists_open(struct ese_store_log *log, struct ese_event_lists **lists,
                         struct ese_error *error)
{
    const struct ese_event_lists_source source = {
        .gather = gather,
        .hand = hand,
        .release = release,
        .context = log,
        .most = ESE_EVENT_LISTS,
    };

    return ese_event_lists_open(&source, lists, error);
}
