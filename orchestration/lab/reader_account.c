#include "orchestration/lab/reader_account.h"

#include <stdlib.h>

#include "ese-core/history.h"
#include "ese-core/memory.h"
#include "orchestration/lab/artifacts.h"
#include "orchestration/lab/judgement.h"

/* The ids that were acknowledged, in their order. */
struct ids {
    struct ese_id *list;
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
        ids->list[ids->count++] = record.id;
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

static void take_handing(const struct ids *ids, const struct ese_history_record *record, bool seen[],
                         struct ese_reader_account *account)
{
    const struct ese_id *found = bsearch(&record->id, ids->list, ids->count, sizeof *ids->list, compare);
    if (found == NULL) /* of unknown outcome, or somebody else's */
        return;
    bool *mark = &seen[found - ids->list];
    account->again += *mark;
    if (*mark)
        return;
    *mark = true;
    account->seen++;
    account->caught_up_us = (record->time_ns - account->began_ns) / 1000;
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
        bool *seen = ese_alloc_array(ids->count + 1, sizeof *seen);
        while ((said = ese_history_read_next(reader, &record, error)) == 1) {
            if (account->began_ns == 0)
                account->began_ns = record.time_ns;
            if (record.kind == ESE_HISTORY_HANDED)
                take_handing(ids, &record, seen, account);
        }
        free(seen);
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
