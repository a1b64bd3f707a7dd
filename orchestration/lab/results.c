/* results.json is written. */
#include "orchestration/lab/results.h"

#include "orchestration/lab/party_costs.h"

#include <jansson.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "ese-core/memory.h"
#include "ese-core/number.h"
#include "orchestration/lab/network.h"
#include "orchestration/lab/versions.h"
#include "transports/registry.h"

static json_t *options_json(const struct ese_results *results)
{
    json_t *object = json_pack("{s:s, s:s, s:I, s:I, s:s, s:I, s:s, s:s, s:s, s:b, s:I, s:I, s:i, s:I, s:I, s:I, s:s}",
                               "source",
                     results->source, "rate", results->rate,
                     "duration_s", (json_int_t)results->duration_s, "warmup_s",
                     (json_int_t)results->warmup_s, "fault", results->fault, "gap_s",
                     (json_int_t)results->gap_s, "durability", results->asked_durability, "broker",
                     results->asked_broker, "bootstrap_servers", results->bootstrap_servers, "in_turn",
                     results->in_turn, "retry_deadline_ms", (json_int_t)results->retry_deadline_ms,
                     "smtp_timeout_ms", (json_int_t)results->smtp_timeout_ms, "consumers", results->consumers,
                     "rule_cost_us", (json_int_t)results->rule_cost_us, "poison_every",
                     (json_int_t)results->poison_every, "stale_after_ms", (json_int_t)results->stale_after_ms,
                     "preset", results->preset);
    json_object_set_new(object, "schedule", json_string(results->schedule));
    json_object_set_new(object, "hot_percent", json_integer(results->hot_percent));
    json_object_set_new(object, "retention_s", json_integer(results->retention_s));
    json_object_set_new(object, "poll_ms", json_integer(results->poll_ms));
    json_object_set_new(object, "clients", json_integer(results->clients));
    json_object_set_new(object, "readers", json_integer(results->readers));
    json_object_set_new(object, "late_readers", json_boolean(results->readers_are_late));
    json_object_set_new(object, "destinations", json_integer(results->destinations));
    json_object_set_new(object, "flaky", json_integer(results->flaky));
    json_object_set_new(object, "resend_every", json_integer(results->resend_every));
    return object;
}

int64_t ese_results_rate(const char *rate)
{
    int64_t number = 0;
    return ese_number_parse(rate, "rate", 1, INT32_MAX, &number, NULL) < 0 ? 0 : number;
}

static void processor_name(char *text, size_t size)
{
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "re");
    snprintf(text, size, "unknown");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && colon != NULL) {
            line[strcspn(line, "\n")] = '\0';
            snprintf(text, size, "%s", colon + 2);
            break;
        }
    }
    if (file != NULL)
        fclose(file);
}

static json_t *machine_json(void)
{
    struct utsname system;
    struct sysinfo memory;
    char processor[128];
    uname(&system);
    sysinfo(&memory);
    processor_name(processor, sizeof processor);
    return json_pack("{s:s, s:s, s:s, s:I, s:I}", "kernel", system.release, "architecture", system.machine,
                     "processor", processor, "processors", (json_int_t)sysconf(_SC_NPROCESSORS_ONLN),
                     "memory_bytes", (json_int_t)memory.totalram * (json_int_t)memory.mem_unit);
}

static json_t *versions_json(void)
{
    json_t *object = json_object();
    for (const struct ese_version *version = ese_versions(); version->name != NULL; version++)
        json_object_set_new(object, version->name, json_string(version->text));
    return object;
}

struct member {
    const char *name;
    int64_t value;
};

static json_t *members_json(const struct member *members, size_t count)
{
    json_t *object = json_object();
    for (size_t i = 0; i < count; i++)
        json_object_set_new(object, members[i].name, json_integer(members[i].value));
    return object;
}

/* What something comes of stands in an object of its own: "lost" is followed by "lost_by". */
#define BY "_by_"

static bool is_there(const struct ese_ledger_member *members, const char *name, size_t length)
{
    const struct ese_ledger_member *member = members;
    while (member->name != NULL && (strlen(member->name) != length || strncmp(member->name, name, length) != 0))
        member++;
    return member->name != NULL;
}

/* "lost_by" of lost_by_clash; NULL: it is a cause of nothing that is counted. The caller frees. */
static char *causes_name(const struct ese_ledger_member *members, const char *name)
{
    const char *by = strstr(name, BY);
    if (by == NULL || !is_there(members, name, (size_t)(by - name)))
        return NULL;
    return ese_copy_bytes(name, (size_t)(by - name) + strlen(BY) - 1);
}

static json_t *fates_json(const void *ledger, const struct ese_ledger_member *members)
{
    json_t *object = json_object();
    for (const struct ese_ledger_member *member = members; member->name != NULL; member++) {
        char *causes = causes_name(members, member->name);
        json_t *number = json_integer(ese_ledger_get(ledger, member));
        if (causes == NULL) {
            json_object_set_new(object, member->name, number);
            continue;
        }
        if (json_object_get(object, causes) == NULL)
            json_object_set_new(object, causes, json_object());
        json_object_set_new(json_object_get(object, causes), member->name + strlen(causes) + 1, number);
        free(causes);
    }
    return object;
}

static json_t *latency_json(const struct ese_latency *latency)
{
    const struct member members[] = {
        {"count", latency->count},     {"p50", latency->p50_us}, {"p99", latency->p99_us},
        {"p999", latency->p999_us}, {"max", latency->max_us},
    };
    json_t *object = members_json(members, ESE_COUNT_OF(members)), *curve = json_array();
    for (int i = 0; latency->count > 0 && i < ESE_PERCENTILES; i++)
        json_array_append_new(curve, json_pack("[f, I]", ese_percentiles[i], (json_int_t)latency->at_us[i]));
    json_object_set_new(object, "percentiles", curve);
    return object;
}

/* ---- what is promised ------------------------------------------------------------------------ */

const struct ese_promises *ese_results_promises(const struct ese_results_transport *transport)
{
    const struct ese_registry_entry *entry;
    if (transport->promises != NULL)
        return transport->promises;
    return ese_registry_find(transport->name, &entry, NULL) == 0 ? &entry->transport->promises : NULL;
}

static json_t *promises_json(const struct ese_promises *promises)
{
    bool keeps_all = promises->delivery == ESE_DELIVERY_AT_LEAST_ONCE;
    const char *delivery = keeps_all ? "at_least_once" : "at_most_once";
    return json_pack("{s:s, s:b, s:b, s:b, s:b, s:b, s:b, s:s}", "delivery", delivery, "ordered_per_key",
                     promises->ordered_per_key, "replayable", promises->replayable, "positions_survive",
                     promises->positions_survive, "shares_work", promises->shares_work, "retry_stored_once",
                     promises->retry_stored_once, "tells_losses", promises->tells_losses, "notes",
                     promises->notes == NULL ? "" : promises->notes);
}

static json_t *cost_json(const struct ese_journey_cost *cost, int64_t events)
{
    json_t *object = json_pack("{s:f, s:I, s:I, s:I, s:I, s:i}", "cpu_s", (double)cost->cpu_ns / 1e9, "wire_bytes",
                               (json_int_t)cost->wire_bytes, "disk_bytes", (json_int_t)cost->disk_bytes,
                               "disk_written_bytes", (json_int_t)cost->disk_written_bytes, "rss_peak_bytes",
                               (json_int_t)cost->rss_peak_bytes, "processes", cost->processes);
    json_object_set_new(object, "parties", ese_party_costs_json(cost, events));
    return object;
}

static json_t *verdict_json(const struct ese_verdict *verdict)
{
    return json_pack("{s:s, s:s}", "word", ese_verdict_text(verdict->word), "reason", verdict->reason);
}

static json_t *endings_json(const struct ese_endings *endings)
{
    json_t *array = json_array();
    for (int i = 0; i < endings->count; i++) {
        const struct ese_ending *ending = &endings->list[i];
        json_array_append_new(
            array, json_pack("{s:s, s:i, s:I, s:s}", "party", ending->party, "status", ending->status,
                             "ended_ns", (json_int_t)ending->ended_ns, "last_words",
                             ending->last_words));
    }
    return array;
}

static json_t *roles_json(unsigned roles)
{
    json_t *array = json_array();
    for (enum ese_role role = 0; role < ESE_ROLES; role++) {
        if ((roles & ESE_ROLE_BIT(role)) != 0)
            json_array_append_new(array, json_string(ese_role_name(role)));
    }
    return array;
}

static json_t *members_of_group_json(unsigned members)
{
    json_t *array = json_array();
    for (int member = 1; member <= ESE_MEMBERS; member++) {
        if ((members & ESE_MEMBER_BIT(member)) != 0)
            json_array_append_new(array, json_integer(member));
    }
    return array;
}

static json_t *lines_json(unsigned lines)
{
    json_t *array = json_array();
    for (enum ese_line line = 0; line < ESE_LINES; line++) {
        if ((lines & ESE_LINE_BIT(line)) != 0)
            json_array_append_new(array, json_string(ese_line_name(line)));
    }
    return array;
}

static json_t *deeds_json(const struct ese_deeds *deeds)
{
    json_t *array = json_array();
    for (int i = 0; i < deeds->count; i++) {
        const struct ese_deed *deed = &deeds->list[i];
        json_t *object = json_pack("{s:s, s:I, s:o, s:o}", "act", ese_act_name(deed->act), "done_ns",
                                   (json_int_t)deed->done_ns, "parties", roles_json(deed->roles),
                                   "passed_over", roles_json(deed->passed_over));
        if (deed->how[0] != '\0')
            json_object_set_new(object, "how", json_string(deed->how));
        if (deed->members != 0)
            json_object_set_new(object, "members", members_of_group_json(deed->members));
        if (deed->lines != 0)
            json_object_set_new(object, "lines", lines_json(deed->lines));
        json_array_append_new(array, object);
    }
    return array;
}

static void add_recovery(json_t *object, const struct ese_recovery *recovery)
{
    const struct member members[] = {
        {"acknowledges_again_us", recovery->acknowledges_again_us},
        {"reads_again_us", recovery->reads_again_us},
        {"backlog_at_restart", recovery->backlog_at_restart},
        {"backlog_gone_us", recovery->backlog_gone_us},
        {"waiting_at_kill", recovery->waiting_at_kill},
    };
    for (size_t i = 0; i < ESE_COUNT_OF(members); i++)
        json_object_set_new(object, members[i].name, json_integer(members[i].value));
}

static json_t *lag_json(const struct ese_lag_curve *lag)
{
    json_t *waiting = json_array();
    for (int i = 0; i < lag->count; i++)
        json_array_append_new(waiting, json_integer(lag->waiting[i]));
    return json_pack("{s:I, s:o, s:I, s:I, s:I, s:I}", "bucket_ms", (json_int_t)lag->bucket_ms, "waiting", waiting,
                     "highest", (json_int_t)lag->highest, "load_ended_ms", (json_int_t)lag->load_ended_ms,
                     "at_load_end", (json_int_t)lag->at_load_end, "caught_up_us", (json_int_t)lag->caught_up_us);
}

static json_t *readers_json(const struct ese_results_transport *transport)
{
    json_t *array = json_array();
    for (int i = 0; i < transport->reader_count; i++) {
        const struct ese_reader_account *account = &transport->readers[i];
        const struct member members[] = {
            {"expected", account->expected}, {"seen", account->seen},         {"missed", account->missed},
            {"again", account->again},       {"began_ns", account->began_ns}, {"caught_up_us", account->caught_up_us},
            {"lag_highest", account->lag_highest},
        };
        json_array_append_new(array, members_json(members, ESE_COUNT_OF(members)));
    }
    return array;
}

static json_t *crowd_sum_json(const struct ese_crowd_sum *sum)
{
    const struct member members[] = {
        {"count", sum->count},   {"expected", sum->expected}, {"delivered", sum->delivered},
        {"missed", sum->missed}, {"again", sum->again},       {"out_of_order", sum->out_of_order},
        {"behind", sum->behind},
    };
    json_t *object = members_json(members, ESE_COUNT_OF(members));
    json_object_set_new(object, "latency_us", latency_json(&sum->latency));
    return object;
}

/* Those of all but who hangs; and of each kind. */
static json_t *destinations_json(const struct ese_crowd_account *account)
{
    json_t *object = crowd_sum_json(&account->all);
    for (enum ese_crowd_kind kind = 0; kind < ESE_CROWD_KINDS; kind++)
        json_object_set_new(object, ese_crowd_kind_name(kind), crowd_sum_json(&account->of[kind]));
    return object;
}

static json_t *rates_json(const struct ese_rate_curves *rates)
{
    static const char *const names[ESE_RATES] = {"offered", "acknowledged", "processed"};
    json_t *object = json_pack("{s:I}", "bucket_ms", (json_int_t)rates->bucket_ms);
    for (int which = 0; which < ESE_RATES; which++) {
        json_t *array = json_array();
        for (int i = 0; i < rates->count; i++)
            json_array_append_new(array, json_integer(rates->number[which][i]));
        json_object_set_new(object, names[which], array);
    }
    return object;
}

static json_t *stories_json(const struct ese_story *stories, int count, const char *name)
{
    json_t *array = json_array();
    for (int i = 0; i < count; i++) {
        json_t *object = json_pack("{s:s, s:s}", name, stories[i].what, "story", stories[i].text);
        if (stories[i].events > 0)
            json_object_set_new(object, "events", json_integer(stories[i].events));
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *transport_json(const struct ese_results_transport *transport)
{
    const struct ese_judgement *judgement = &transport->judgement;
    json_t *object = json_pack(
        "{s:s, s:s, s:s, s:b, s:b, s:I, s:I}", "name", transport->name, "durability",
        ese_durability_name(transport->durability), "broker", transport->broker, "mock", transport->mock,
        "drained", transport->drained, "schedule_ns", (json_int_t)transport->schedule_ns, "restarted_ns",
        (json_int_t)transport->restarted_ns);
    json_object_set_new(object, "waited_until_ns", json_integer(transport->waited_until_ns));
    json_object_set_new(object, "consumers", json_integer(transport->members));
    const struct ese_promises *promises = ese_results_promises(transport);
    if (promises != NULL)
        json_object_set_new(object, "promises", promises_json(promises));
    json_object_set_new(object, "endings", endings_json(&transport->endings));
    json_object_set_new(object, "deeds", deeds_json(&transport->deeds));
    json_t *latency = json_object();
    json_object_set_new(latency, "ack", latency_json(&judgement->acknowledge));
    json_object_set_new(latency, "ack_closed_loop", latency_json(&judgement->closed_loop));
    json_object_set_new(latency, "end_to_end", latency_json(&judgement->end_to_end));
    json_object_set_new(latency, "mail", latency_json(&judgement->mail));
    json_t *verdict = json_object();
    json_object_set_new(verdict, "ledger", verdict_json(&judgement->ledger_verdict));
    json_object_set_new(verdict, "timing", verdict_json(&judgement->timing_verdict));
    json_object_set_new(object, "verdict", verdict);
    json_object_set_new(object, "ledger", fates_json(&judgement->ledger, ese_ledger_members));
    json_object_set_new(object, "mails", fates_json(&judgement->mails, ese_mail_ledger_members));
    json_object_set_new(object, "latency_us", latency);
    json_object_set_new(object, "warmup_cut", json_integer(judgement->warmup_cut));
    json_object_set_new(object, "behind_schedule", json_integer(judgement->behind_schedule));
    json_object_set_new(object, "lateness_us", latency_json(&judgement->lateness));
    json_object_set_new(object, "stale_worst_us", json_integer(judgement->stale_worst_us));
    add_recovery(object, &judgement->recovery);
    json_object_set_new(object, "lag", lag_json(&judgement->lag));
    json_object_set_new(object, "readers", readers_json(transport));
    if (transport->crowd.all.count + transport->crowd.of[ESE_CROWD_HUNG].count > 0)
        json_object_set_new(object, "destinations", destinations_json(&transport->crowd));
    json_object_set_new(object, "rates", rates_json(&judgement->rates));
    json_object_set_new(object, "processed_per_s", json_real(judgement->processed_per_s));
    json_object_set_new(object, "cost", cost_json(&transport->cost, judgement->ledger.offered));
    const struct ese_stories *stories = &judgement->stories;
    json_object_set_new(object, "faults", stories_json(stories->faults, stories->fault_count, "kind"));
    json_object_set_new(object, "never_got_mail",
                        stories_json(stories->people, stories->people_count, "person"));
    json_object_set_new(object, "unknown_mails",
                        stories_json(stories->unknown_mails, stories->unknown_count, "person"));
    return object;
}

static json_t *trace_json(const struct ese_kept_trace *trace)
{
    return json_pack("{s:s, s:I, s:I, s:s}", "sha256", trace->sha256, "lines", (json_int_t)trace->lines, "bytes",
                     (json_int_t)trace->bytes, "kept", trace->is_kept ? ESE_ARTIFACT_TRACE : "");
}

static json_t *scenario_json(const struct ese_results *results)
{
    json_t *object = json_pack("{s:s, s:s, s:b}", "name", results->scenario, "question", results->question, "small",
                               results->is_small);
    if (results->expectations != NULL) {
        json_object_set_new(object, "verdict", verdict_json(results->scenario_verdict));
        json_object_set_new(object, "expectations", json_deep_copy(results->expectations));
    }
    return object;
}

char *ese_results_text(const struct ese_results *results)
{
    json_t *root = json_pack("{s:i, s:I, s:o, s:o}", "version", ESE_RESULTS_VERSION, "seed",
                             (json_int_t)results->seed, "options", options_json(results), "machine",
                             machine_json());
    if (results->trace.sha256[0] != '\0')
        json_object_set_new(root, "trace", trace_json(&results->trace));
    if (results->scenario[0] != '\0')
        json_object_set_new(root, "scenario", scenario_json(results));
    json_object_set_new(root, "versions", versions_json());
    json_t *transports = json_array();
    for (int i = 0; i < results->count; i++)
        json_array_append_new(transports, transport_json(&results->transports[i]));
    json_object_set_new(root, "transports", transports);
    if (results->unwatched_count > 0) {
        json_t *unwatched = json_array();
        for (int i = 0; i < results->unwatched_count; i++)
            json_array_append_new(unwatched, json_string(results->unwatched[i]));
        json_object_set_new(root, "unwatched", unwatched);
    }
    char *text = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    json_decref(root);
    return text;
}

int ese_results_write(const char *directory, const struct ese_results *results, struct ese_error *error)
{
    char path[ESE_ARTIFACT_PATH_SIZE];
    if (ese_artifact_path(directory, ESE_ARTIFACT_RESULTS, path, error) < 0)
        return -1;
    FILE *file = fopen(path, "we");
    if (file == NULL)
        return ese_fail_errno(error, "cannot write %.300s", path);
    char *text = ese_results_text(results);
    fprintf(file, "%s\n", text);
    free(text);
    return fclose(file) == 0 ? 0 : ese_fail_errno(error, "cannot write %.300s", path);
}
