#include "orchestration/lab/share.h"

#include <inttypes.h>

#include "ese-core/history.h"
#include "ese-core/memory.h"
#include "orchestration/lab/artifacts.h"
#include "orchestration/lab/party.h"

/* What was offered. */
struct survey {
    int64_t events[ESE_ID_LANES]; /* of each lane */
    uint16_t moduli[ESE_ID_LANES]; /* that are still possible, the largest last; 1 always is */
    int modulus_count;
};

static void note(struct survey *survey, const struct ese_id *id, const char *key)
{
    uint32_t lane = ese_id_lane(id), hash = ese_event_key_hash(key);
    int left = 0;
    for (int i = 0; i < survey->modulus_count; i++) {
        if (lane % survey->moduli[i] == hash % survey->moduli[i])
            survey->moduli[left++] = survey->moduli[i];
    }
    survey->modulus_count = left;
    survey->events[lane]++;
}

static struct survey *new_survey(void)
{
    struct survey *survey = ese_alloc(sizeof *survey);
    for (int i = 0; i < ESE_ID_LANES; i++)
        survey->moduli[survey->modulus_count++] = (uint16_t)(i + 1);
    return survey;
}

static void look(struct ese_history_reader *reader, struct survey *survey)
{
    struct ese_history_record record;
    while (ese_history_read_next(reader, &record, NULL) == 1) {
        if (record.kind == ESE_HISTORY_OFFERED)
            note(survey, &record.id, ese_history_read_key(reader));
    }
}

static int check(const int64_t together[], const struct ese_shares *shares, int64_t most,
                 struct ese_error *error)
{
    for (int i = 0; i < shares->modulus; i++) {
        if (together[i] > most)
            return ese_fail(error, ESE_E_FULL,
                            "%" PRId64 " events are of one lane, or of lanes that have keys in common, and at "
                            "most %" PRId64 " of those can be judged: give the client more --lanes",
                            together[i], most);
    }
    return 0;
}

/* One after the other; where the next ones would be too many, another share begins. */
static int share_out(const struct survey *survey, int64_t events, int64_t most,
                     struct ese_shares *shares, struct ese_error *error)
{
    int64_t together[ESE_ID_LANES] = {0}, held = 0;
    shares->modulus = survey->moduli[survey->modulus_count - 1];
    for (int lane = 0; lane < ESE_ID_LANES; lane++)
        together[lane % shares->modulus] += survey->events[lane];
    for (int i = 0; i < shares->modulus; i++) {
        if (held > 0 && held + together[i] > events) {
            shares->count++;
            held = 0;
        }
        held += together[i];
        shares->share_of[i] = (uint16_t)(shares->count - 1);
    }
    return check(together, shares, most, error);
}

/* Opens the histories of all clients. Returns how many there are. */
static int open_clients(const char *directory, struct ese_history_reader *readers[ESE_CLIENTS])
{
    int count = 0;
    for (int client = 1; client <= ESE_CLIENTS; client++) {
        char name[ESE_ARTIFACT_MEMBER_SIZE];
        ese_artifact_client(client, name);
        readers[count] = ese_artifact_history(directory, name);
        count += readers[count] != NULL;
    }
    return count;
}

int ese_shares_find(const char *directory, int64_t events, int64_t most, struct ese_shares *shares,
                    struct ese_error *error)
{
    struct ese_history_reader *readers[ESE_CLIENTS];
    int count = open_clients(directory, readers), status = 0; /* none: who judges says so */
    int64_t offered = 0;
    *shares = (struct ese_shares){.count = 1, .modulus = 1};
    for (int i = 0; i < count; i++)
        offered += ese_history_read_count(readers[i], ESE_COUNT_OFFERED);
    if (offered > events) {
        struct survey *survey = new_survey();
        for (int i = 0; i < count; i++)
            look(readers[i], survey);
        status = share_out(survey, events, most, shares, error);
        free(survey);
    }
    for (int i = 0; i < count; i++)
        ese_history_read_close(&readers[i]);
    return status;
}

bool ese_share_has_lane(const struct ese_share *share, uint16_t lane)
{
    return share == NULL ||
           share->shares->share_of[lane % share->shares->modulus] == share->number;
}

bool ese_share_has(const struct ese_share *share, const struct ese_id *id)
{
    if (share != NULL && !ese_id_is_ours(id))
        return share->number == 0;
    return share == NULL || ese_share_has_lane(share, ese_id_lane(id));
}
