#include "orchestration/lab/party_costs.h"

#include <jansson.h>

#include "ese-core/memory.h"

/* Members that are whole numbers, or null where nobody can tell. */
static const struct member {
    const char *name;
    size_t offset;
} members[] = {
    {"rss_peak_bytes", offsetof(struct ese_party_cost, rss_peak_bytes)},
    {"context_switches", offsetof(struct ese_party_cost, switches)},
    {"preemptions", offsetof(struct ese_party_cost, preemptions)},
    {"disk_written_bytes", offsetof(struct ese_party_cost, disk_written_bytes)},
    {"wire_bytes", offsetof(struct ese_party_cost, wire_bytes)},
    {"syncs", offsetof(struct ese_party_cost, syncs)},
    {"requests", offsetof(struct ese_party_cost, requests)},
    {"requests_sent", offsetof(struct ese_party_cost, requests_sent)},
};

static int64_t *at(struct ese_party_cost *cost, const struct member *member)
{
    return (int64_t *)(void *)((char *)cost + member->offset);
}

static json_t *known(int64_t number)
{
    return number == ESE_COST_UNKNOWN ? json_null() : json_integer(number);
}

/* Answered and sent. */
static json_t *per_event(const struct ese_party_cost *party, int64_t events)
{
    int64_t sent = party->requests_sent == ESE_COST_UNKNOWN ? 0 : party->requests_sent;
    bool is_known = party->requests != ESE_COST_UNKNOWN && events > 0;
    return is_known ? json_real((double)(party->requests + sent) / (double)events) : json_null();
}

json_t *ese_party_costs_json(const struct ese_journey_cost *cost, int64_t events)
{
    json_t *array = json_array();
    for (int i = 0; i < cost->party_count; i++) {
        struct ese_party_cost party = cost->parties[i];
        json_t *object = json_pack("{s:s, s:i, s:f}", "party", party.party, "lives", party.lives, "cpu_s",
                                   (double)party.cpu_ns / 1e9);
        for (size_t m = 0; m < ESE_COUNT_OF(members); m++)
            json_object_set_new(object, members[m].name, known(*at(&party, &members[m])));
        json_object_set_new(object, "requests_per_event", per_event(&party, events));
        json_array_append_new(array, object);
    }
    return array;
}

static int read_party(json_t *object, struct ese_party_cost *party)
{
    const char *name;
    double cpu_s;
    if (json_unpack(object, "{s:s, s:i, s:F}", "party", &name, "lives", &party->lives, "cpu_s", &cpu_s) < 0)
        return -1;
    party->cpu_ns = (int64_t)(cpu_s * 1e9);
    for (size_t m = 0; m < ESE_COUNT_OF(members); m++) {
        json_t *number = json_object_get(object, members[m].name);
        if (!json_is_integer(number) && !json_is_null(number))
            return -1;
        *at(party, &members[m]) = json_is_null(number) ? ESE_COST_UNKNOWN : json_integer_value(number);
    }
    return ese_fit_text(party->party, sizeof party->party, name);
}

int ese_party_costs_read(json_t *array, struct ese_journey_cost *cost)
{
    size_t i;
    json_t *object;
    cost->party_count = 0;
    if (array != NULL && !json_is_array(array))
        return -1;
    json_array_foreach(array, i, object) {
        if (cost->party_count == ESE_PARTIES || read_party(object, &cost->parties[cost->party_count++]) < 0)
            return -1;
    }
    return 0;
}
