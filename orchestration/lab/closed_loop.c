#include "orchestration/lab/closed_loop.h"

#include "ese-core/history.h"
#include "orchestration/lab/artifacts.h"
#include "orchestration/lab/party.h"

struct caller {
    struct ese_id id; /* of what it waits for */
    int64_t sent_ns;  /* 0: it is free */
    int64_t due_ns;
};

struct loop {
    struct caller callers[ESE_CLOSED_LOOP_CALLERS];
    int64_t due_ns; /* of what was offered last: it is sent next */
    int64_t measured_from_ns;
    struct ese_histogram *histogram;
};

static void send(struct loop *loop, const struct ese_history_record *sent)
{
    for (int i = 0; i < ESE_CLOSED_LOOP_CALLERS; i++) {
        if (loop->callers[i].sent_ns != 0)
            continue;
        loop->callers[i] = (struct caller){.id = sent->id, .sent_ns = sent->time_ns, .due_ns = loop->due_ns};
        return;
    }
}

static void hear(struct loop *loop, const struct ese_history_record *outcome)
{
    for (int i = 0; i < ESE_CLOSED_LOOP_CALLERS; i++) {
        struct caller *caller = &loop->callers[i];
        if (caller->sent_ns == 0 || !ese_id_equal(&caller->id, &outcome->id))
            continue;
        if (outcome->kind == ESE_HISTORY_ACKNOWLEDGED && caller->due_ns >= loop->measured_from_ns)
            ese_histogram_record(loop->histogram, outcome->time_ns < caller->sent_ns
                                                      ? 0
                                                      : (outcome->time_ns - caller->sent_ns) / 1000);
        caller->sent_ns = 0;
        return;
    }
}

static void take(struct loop *loop, const struct ese_history_record *record)
{
    switch (record->kind) {
    case ESE_HISTORY_OFFERED: loop->due_ns = record->time_ns; break;
    case ESE_HISTORY_SENT: send(loop, record); break;
    case ESE_HISTORY_ACKNOWLEDGED:
    case ESE_HISTORY_REFUSED:
    case ESE_HISTORY_UNKNOWN:
    case ESE_HISTORY_NOT_SENT: hear(loop, record); break;
    default: break;
    }
}

void ese_closed_loop_take(const char *directory, int64_t measured_from_ns, struct ese_histogram *histogram)
{
    for (int client = 1; client <= ESE_CLIENTS; client++) {
        struct loop loop = {.measured_from_ns = measured_from_ns, .histogram = histogram};
        struct ese_history_record record;
        char name[ESE_ARTIFACT_MEMBER_SIZE];
        ese_artifact_client(client, name);
        struct ese_history_reader *reader = ese_artifact_history(directory, name);
        while (reader != NULL && ese_history_read_next(reader, &record, NULL) == 1)
            take(&loop, &record);
        ese_history_read_close(&reader);
    }
}
