#include "orchestration/lab/reader_account.h"

#include <stdlib.h>

#include "ese-core/history.h"
#include "ese-core/memory.h"
#include "orchestration/lab/artifacts.h"
#include "orchestration/lab/judgement.h"

struct acknowledged {
    struct ese_id id; /* the first member: they are compared by it */
    int64_t at_ns;
};

/* Those that were acknowledged, in the order of their ids. */
struct ids {
    struct acknowledged *list;
    size_t count;
};

static int compare(const void *a, const void *b)
{
    return ese_id_compare(a, b);
}

static int take_client(const char *directory, int client, struct ids *ids, struct ese_error *error)
{
    char name[ESE_ARTIFACT_MEMBER_SIZE];
    struct ese_history_record record;
    ese_artifact_client(client, name);
    struct ese_history_reader *reader = ese_artifact_history(directory, name);
    if (reader == NULL)
        return 0; /* there are not so many; who judges says so where there is none at all */
    int said;
    while ((said = ese_history_read_next(reader, &record, error)) == 1) {
        if (record.kind != ESE_HISTORY_ACKNOWLEDGED)
            continue;
        if (ids->count == ESE_JUDGE_MOST) {
            said = ese_fail(error, ESE_E_FULL, "more than %d events were acknowledged: what readers saw of them is not "
                                               "told; run for a shorter time", ESE_JUDGE_MOST);
            break;
        }
        ids->list[ids->count++] = (struct acknowledged){.id = record.id, .at_ns = record.time_ns};
    }
    ese_history_read_close(&reader);
    return said;
}

static int take_clients(const char *directory, struct ids *ids, struct ese_error *error)
{
    int status = 0;
    ids->list = ese_alloc_array(ESE_JUDGE_MOST, sizeof *ids->list);
    for (int client = 1; status == 0 && client <= ESE_CLIENTS; client++)
        status = take_client(directory, client, ids, error);
    qsort(ids->list, ids->count, sizeof *ids->list, compare);
    return status;
}

/* handed: when each was first; 0: not yet. */
static void take_handing(const struct ids *ids, const struct ese_history_record *record, int64_t handed[],
                         struct ese_reader_account *account)
{
    const struct acknowledged *found = bsearch(&record->id, ids->list, ids->count, sizeof *ids->list, compare);
    if (found == NULL) /* of unknown outcome, or somebody else's */
        return;
    int64_t *at_ns = &handed[found - ids->list];
    account->again += *at_ns != 0;
    if (*at_ns != 0)
        return;
    *at_ns = record->time_ns;
    account->seen++;
    account->caught_up_us = (record->time_ns - account->began_ns) / 1000;
}

static int compare_times(const void *a, const void *b)
{
    int64_t one = *(const int64_t *)a, other = *(const int64_t *)b;
    return (one > other) - (one < other);
}

/* Each waits from when it was acknowledged until it is handed. How many did at once? */
static int64_t most_that_waited(const struct ids *ids, int64_t handed[])
{
    int64_t *since = ese_alloc_array(ids->count + 1, sizeof *since), most = 0;
    for (size_t i = 0; i < ids->count; i++) {
        since[i] = ids->list[i].at_ns;
        if (handed[i] == 0)
            handed[i] = INT64_MAX;
        else if (handed[i] < since[i]) /* before its sender knew of it */
            since[i] = handed[i];
    }
    qsort(since, ids->count, sizeof *since, compare_times);
    qsort(handed, ids->count, sizeof *handed, compare_times);
    for (size_t come = 0, gone = 0; come < ids->count; come++) {
        while (handed[gone] <= since[come] && gone < come)
            gone++;
        int64_t waiting = (int64_t)(come + 1 - gone);
        most = waiting > most ? waiting : most;
    }
    free(since);
    return most;
}

static int take_reader(const char *directory, int number, const struct ids *ids, struct ese_reader_account *account,
                       struct ese_error *error)
{
    char name[ESE_ARTIFACT_MEMBER_SIZE];
    struct ese_history_record record;
    int said = 0;
    *account = (struct ese_reader_account){.expected = (int64_t)ids->count};
    ese_artifact_reader(number, name);
    struct ese_history_reader *reader = ese_artifact_history(directory, name);
    if (reader != NULL) {
        int64_t *handed = ese_alloc_array(ids->count + 1, sizeof *handed);
        while ((said = ese_history_read_next(reader, &record, error)) == 1) {
            if (account->began_ns == 0)
                account->began_ns = record.time_ns;
            if (record.kind == ESE_HISTORY_HANDED)
                take_handing(ids, &record, handed, account);
        }
        account->lag_highest = account->began_ns != 0 ? most_that_waited(ids, handed) : 0;
        free(handed);
        ese_history_read_close(&reader);
    }
    account->missed = account->expected - account->seen;
    if (account->missed > 0)
        account->caught_up_us = -1;
    return said < 0 ? ese_fail_within(error, "%s", name) : 0;
}

int ese_reader_accounts(const char *directory, int readers, struct ese_reader_account accounts[ESE_READERS],
                        struct ese_error *error)
{
    struct ids ids = {.count = 0};
    if (readers == 0)
        return 0;
    int status = take_clients(directory, &ids, error);
    for (int i = 0; status == 0 && i < readers; i++)
        status = take_reader(directory, i + 1, &ids, &accounts[i], error);
    free(ids.list);
    return status;
}
