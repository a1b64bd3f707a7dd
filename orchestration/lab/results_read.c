/* results.json is read again, by `ese-lab check`. */
#include "orchestration/lab/results.h"

#include "orchestration/lab/party_costs.h"

#include <jansson.h>

#include "ese-core/memory.h"

static void copy_text(char *target, size_t size, const char *text)
{
    snprintf(target, size, "%s", text);
}

/* The verdict hangs on endings and deeds: who leaves them out is not taken at his word. */
static int read_endings(json_t *array, struct ese_endings *endings)
{
    size_t i;
    json_t *object;
    if (!json_is_array(array))
        return -1;
    json_array_foreach(array, i, object) {
        const char *party, *words;
        int status;
        json_int_t ended_ns;
        if (endings->count == ESE_ENDINGS ||
            json_unpack(object, "{s:s, s:i, s:I, s:s}", "party", &party, "status", &status,
                        "ended_ns", &ended_ns, "last_words", &words) < 0)
            return -1;
        ese_endings_add(endings, party, status, words);
        endings->list[endings->count - 1].ended_ns = ended_ns;
    }
    return 0;
}

static int find_role(const char *name)
{
    enum ese_role role = ese_role_find(name);
    return role == ESE_ROLES ? -1 : (int)role;
}

static int find_line(const char *name)
{
    enum ese_line line = ese_line_find(name);
    return line == ESE_LINES ? -1 : (int)line;
}

/* A bit for each name. find: which one, or -1 where nobody is called so. */
static int read_names(json_t *array, int (*find)(const char *name), unsigned *bits)
{
    size_t i;
    json_t *name;
    *bits = 0;
    json_array_foreach(array, i, name) {
        int place = json_is_string(name) ? find(json_string_value(name)) : -1;
        if (place < 0)
            return -1;
        *bits |= 1u << place;
    }
    return 0;
}

/* Of what befell a whole role there are none. */
static int read_members(json_t *array, unsigned *members)
{
    size_t i;
    json_t *number;
    *members = 0;
    json_array_foreach(array, i, number) {
        json_int_t member = json_integer_value(number);
        if (member < 1 || member > ESE_MEMBERS)
            return -1;
        *members |= ESE_MEMBER_BIT(member);
    }
    return 0;
}

static int read_deeds(json_t *array, struct ese_deeds *deeds)
{
    size_t i;
    json_t *object;
    if (!json_is_array(array))
        return -1;
    json_array_foreach(array, i, object) {
        const char *act, *how = "";
        json_int_t done_ns;
        json_t *parties, *passed_over;
        struct ese_deed deed = {.done_ns = 0};
        if (deeds->count == ESE_DEEDS ||
            json_unpack(object, "{s:s, s:I, s:o, s:o, s?s}", "act", &act, "done_ns", &done_ns, "parties",
                        &parties, "passed_over", &passed_over, "how", &how) < 0 ||
            read_names(parties, find_role, &deed.roles) < 0 ||
            read_names(passed_over, find_role, &deed.passed_over) < 0 ||
            read_members(json_object_get(object, "members"), &deed.members) < 0 ||
            read_names(json_object_get(object, "lines"), find_line, &deed.lines) < 0)
            return -1;
        deed.act = ese_act_find(act);
        deed.done_ns = done_ns;
        copy_text(deed.how, sizeof deed.how, how);
        if (deed.act == ESE_ACTS)
            return -1;
        ese_deeds_add(deeds, &deed);
    }
    return 0;
}

static int read_transport(json_t *object, struct ese_results_transport *transport)
{
    const char *name, *durability, *broker;
    int mock, drained;
    json_int_t schedule_ns, restarted_ns;
    transport->members = 1; /* where nothing is said of it */
    if (json_unpack(object, "{s:s, s:s, s:s, s:b, s:b, s:I, s:I, s?i}", "name", &name, "durability", &durability,
                    "broker", &broker, "mock", &mock, "drained", &drained, "schedule_ns", &schedule_ns,
                    "restarted_ns", &restarted_ns, "consumers", &transport->members) < 0 ||
        transport->members < 1 || transport->members > ESE_MEMBERS)
        return -1;
    json_t *cost = json_object_get(object, "cost");
    json_int_t wire = 0, disk = 0, written = 0, peak = 0;
    double cpu_s = 0;
    if (json_unpack(cost, "{s:F, s:I, s:I, s:I, s:I, s:i}", "cpu_s", &cpu_s, "wire_bytes", &wire, "disk_bytes",
                    &disk, "disk_written_bytes", &written, "rss_peak_bytes", &peak, "processes",
                    &transport->cost.processes) < 0)
        return -1;
    copy_text(transport->name, sizeof transport->name, name);
    copy_text(transport->broker, sizeof transport->broker, broker);
    transport->durability = ese_durability_parse(durability);
    transport->mock = mock != 0;
    transport->drained = drained != 0;
    transport->waited_until_ns = json_integer_value(json_object_get(object, "waited_until_ns"));
    transport->schedule_ns = schedule_ns;
    transport->restarted_ns = restarted_ns;
    transport->cost.cpu_ns = (int64_t)(cpu_s * 1e9);
    transport->cost.wire_bytes = wire;
    transport->cost.disk_bytes = disk;
    transport->cost.disk_written_bytes = written;
    transport->cost.rss_peak_bytes = peak;
    if (ese_party_costs_read(json_object_get(cost, "parties"), &transport->cost) < 0)
        return -1;
    if (read_deeds(json_object_get(object, "deeds"), &transport->deeds) < 0)
        return -1;
    return read_endings(json_object_get(object, "endings"), &transport->endings);
}

/* What came to the options later: an older run had one client, and no reader. */
static int read_load(json_t *object, struct ese_results *results)
{
    const char *schedule = "constant";
    json_int_t hot_percent = 0, retention_s = 0, poll_ms = 0, resend_every = 0;
    int clients = 0, readers = 0, readers_are_late = 0, destinations = 0, flaky = 0;
    if (json_unpack(object, "{s?s, s?I, s?I, s?I, s?i, s?i, s?b, s?I, s?i, s?i}", "schedule", &schedule, "hot_percent",
                    &hot_percent, "retention_s", &retention_s, "poll_ms", &poll_ms, "clients", &clients, "readers",
                    &readers, "late_readers", &readers_are_late, "resend_every", &resend_every,
                    "destinations", &destinations, "flaky", &flaky) < 0 ||
        resend_every < 0 || destinations < 0 || destinations > ESE_CROWD_MOST || flaky < 0 || flaky > 100 ||
        clients < 0 || clients > ESE_CLIENTS || readers < 0 || readers > ESE_READERS)
        return -1;
    copy_text(results->schedule, sizeof results->schedule, schedule);
    results->hot_percent = hot_percent;
    results->retention_s = retention_s;
    results->poll_ms = poll_ms;
    results->clients = clients;
    results->readers = readers;
    results->readers_are_late = readers_are_late != 0;
    results->destinations = destinations;
    results->flaky = flaky;
    results->resend_every = resend_every;
    return 0;
}

/* Some are younger than others. */
static int read_options(json_t *object, struct ese_results *results)
{
    int in_turn, consumers = 1;
    const char *rate, *fault, *durability, *broker, *bootstrap, *source = "clicks", *preset = "";
    json_int_t duration_s, warmup_s, deadline_ms, gap_s = 0, smtp_ms = 0, rule_cost_us = 0, poison_every = 0;
    json_int_t stale_after_ms = 0;
    if (json_unpack(object, "{s?s, s:s, s:I, s:I, s:s, s?I, s:s, s:s, s:s, s:b, s:I, s?I, s?i, s?I, s?I, s?I, s?s}",
                    "source", &source, "rate", &rate, "duration_s", &duration_s, "warmup_s", &warmup_s, "fault", &fault,
                    "gap_s", &gap_s, "durability", &durability, "broker", &broker, "bootstrap_servers",
                    &bootstrap, "in_turn", &in_turn, "retry_deadline_ms", &deadline_ms, "smtp_timeout_ms",
                    &smtp_ms, "consumers", &consumers, "rule_cost_us", &rule_cost_us, "poison_every",
                    &poison_every, "stale_after_ms", &stale_after_ms, "preset", &preset) < 0 ||
        poison_every < 0 || stale_after_ms < 0)
        return -1;
    *results = (struct ese_results){.duration_s = duration_s, .warmup_s = warmup_s, .gap_s = gap_s,
                                    .in_turn = in_turn != 0, .retry_deadline_ms = deadline_ms,
                                    .smtp_timeout_ms = smtp_ms, .consumers = consumers, .rule_cost_us = rule_cost_us,
                                    .poison_every = poison_every, .stale_after_ms = stale_after_ms};
    copy_text(results->source, sizeof results->source, source);
    copy_text(results->rate, sizeof results->rate, rate);
    copy_text(results->fault, sizeof results->fault, fault);
    copy_text(results->asked_durability, sizeof results->asked_durability, durability);
    copy_text(results->asked_broker, sizeof results->asked_broker, broker);
    copy_text(results->bootstrap_servers, sizeof results->bootstrap_servers, bootstrap);
    copy_text(results->preset, sizeof results->preset, preset);
    return read_load(object, results);
}

/* Only of a run whose load came by one. */
static int read_trace(json_t *object, struct ese_kept_trace *trace)
{
    const char *sha256 = "", *kept = "";
    json_int_t lines = 0, bytes = 0;
    if (object == NULL)
        return 0;
    if (json_unpack(object, "{s:s, s:I, s:I, s:s}", "sha256", &sha256, "lines", &lines, "bytes", &bytes, "kept",
                    &kept) < 0 || ese_fit_text(trace->sha256, sizeof trace->sha256, sha256) < 0)
        return -1;
    trace->lines = lines;
    trace->bytes = bytes;
    trace->is_kept = strcmp(kept, ESE_ARTIFACT_TRACE) == 0;
    return 0;
}

static bool is_there(const struct ese_results *results, int count, const char *name)
{
    while (count > 0 && strcmp(results->transports[count - 1].name, name) != 0)
        count--;
    return count > 0;
}

static int read_transports(json_t *array, const char *path, struct ese_results *results, struct ese_error *error)
{
    size_t i;
    json_t *object;
    json_array_foreach(array, i, object) {
        struct ese_results_transport *transport = &results->transports[results->count];
        if (results->count == ESE_RESULTS_TRANSPORTS || read_transport(object, transport) < 0)
            return ese_fail(error, ESE_E_INVALID, "%.300s: transport %zu is malformed or one too many; judge a run as "
                                                  "compare left it", path, i);
        if (is_there(results, results->count, transport->name))
            return ese_fail(error, ESE_E_INVALID, "%.300s names transport '%.60s' twice; judge a run as compare left "
                                                  "it", path, transport->name);
        results->count++;
    }
    return 0;
}

static int read_root(json_t *root, const char *path, struct ese_results *results, struct ese_error *error)
{
    int version;
    json_int_t seed;
    json_t *options, *transports;
    if (json_unpack(root, "{s:i, s:I, s:o, s:o}", "version", &version, "seed", &seed, "options", &options,
                    "transports", &transports) < 0 ||
        read_options(options, results) < 0)
        return ese_fail(error, ESE_E_INVALID, "%.300s is not the results of a run: name a directory as compare printed "
                                              "it at its end", path);
    if (version != ESE_RESULTS_VERSION)
        return ese_fail(error, ESE_E_INVALID, "%.300s has version %d, and this program reads %d: judge it with the "
                                              "ese-lab that wrote it", path, version, ESE_RESULTS_VERSION);
    if (json_array_size(transports) == 0)
        return ese_fail(error, ESE_E_INVALID, "%.300s names no transport: there is nothing to judge; name another run",
                        path);
    const char *scenario = "", *question = "";
    int is_small = 0;
    if (json_unpack(root, "{s?{s:s, s:s, s:b}}", "scenario", "name", &scenario, "question", &question, "small",
                    &is_small) < 0 || ese_fit_text(results->question, sizeof results->question, question) < 0)
        return ese_fail(error, ESE_E_INVALID, "%.300s: its scenario is malformed; judge a run as it was left", path);
    if (read_trace(json_object_get(root, "trace"), &results->trace) < 0)
        return ese_fail(error, ESE_E_INVALID, "%.300s: its trace is malformed; judge a run as it was left", path);
    copy_text(results->scenario, sizeof results->scenario, scenario);
    results->is_small = is_small != 0;
    results->seed = seed;
    return read_transports(transports, path, results, error);
}

int ese_results_read(const char *directory, struct ese_results *results, struct ese_error *error)
{
    char path[ESE_ARTIFACT_PATH_SIZE];
    json_error_t problem;
    if (ese_artifact_path(directory, ESE_ARTIFACT_RESULTS, path, error) < 0)
        return -1;
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &problem);
    if (root == NULL)
        return ese_fail(error, ESE_E_INVALID,
                        "no run can be read in '%.200s' (%.200s): name a directory as compare "
                        "printed it at its end, or as ese-lab watch has it for --run", directory,
                        problem.text);
    int result = read_root(root, path, results, error);
    json_decref(root);
    return result;
}
