/* results.json is written. */
#include "orchestration/lab/results.h"

#include <jansson.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "ese-core/memory.h"
#include "ese-core/number.h"

static json_t *options_json(const struct ese_results *results)
{
    return json_pack("{s:s, s:s, s:I, s:I, s:s, s:I, s:s, s:s, s:s, s:b, s:I, s:I, s:i, s:I, s:I, s:s}", "source",
                     results->source, "rate", results->rate,
                     "duration_s", (json_int_t)results->duration_s, "warmup_s",
                     (json_int_t)results->warmup_s, "fault", results->fault, "gap_s",
                     (json_int_t)results->gap_s, "durability", results->asked_durability, "broker",
                     results->asked_broker, "bootstrap_servers", results->bootstrap_servers, "in_turn",
                     results->in_turn, "retry_deadline_ms", (json_int_t)results->retry_deadline_ms,
                     "smtp_timeout_ms", (json_int_t)results->smtp_timeout_ms, "consumers", results->consumers,
                     "rule_cost_us", (json_int_t)results->rule_cost_us, "poison_every",
                     (json_int_t)results->poison_every, "preset", results->preset);
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

/* What was lost by which cause stands in an object of its own. */
#define LOST_BY "lost_by_"

static json_t *fates_json(const void *ledger, const struct ese_ledger_member *members)
{
    json_t *object = json_object(), *causes = json_object();
    for (const struct ese_ledger_member *member = members; member->name != NULL; member++) {
        bool is_cause = strncmp(member->name, LOST_BY, strlen(LOST_BY)) == 0;
        json_object_set_new(is_cause ? causes : object,
                            is_cause ? member->name + strlen(LOST_BY) : member->name,
                            json_integer(ese_ledger_get(ledger, member)));
    }
    if (json_object_size(causes) > 0)
        json_object_set(object, "lost_by", causes);
    json_decref(causes);
    return object;
}

static json_t *latency_json(const struct ese_latency *latency)
{
    const struct member members[] = {
        {"count", latency->count},     {"p50", latency->p50_us}, {"p99", latency->p99_us},
        {"p999", latency->p999_us}, {"max", latency->max_us},
    };
    return members_json(members, ESE_COUNT_OF(members));
}

static json_t *cost_json(const struct ese_journey_cost *cost)
{
    return json_pack("{s:f, s:I, s:I, s:I, s:I, s:i}", "cpu_s", (double)cost->cpu_ns / 1e9, "wire_bytes",
                     (json_int_t)cost->wire_bytes, "disk_bytes", (json_int_t)cost->disk_bytes,
                     "disk_written_bytes", (json_int_t)cost->disk_written_bytes, "rss_peak_bytes",
                     (json_int_t)cost->rss_peak_bytes, "processes", cost->processes);
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

static json_t *deeds_json(const struct ese_deeds *deeds)
{
    json_t *array = json_array();
    for (int i = 0; i < deeds->count; i++) {
        const struct ese_deed *deed = &deeds->list[i];
        json_t *object = json_pack("{s:s, s:I, s:o, s:o}", "act", ese_act_name(deed->act), "done_ns",
                                   (json_int_t)deed->done_ns, "parties", roles_json(deed->roles),
                                   "passed_over", roles_json(deed->passed_over));
        if (deed->members != 0)
            json_object_set_new(object, "members", members_of_group_json(deed->members));
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
    json_object_set_new(object, "endings", endings_json(&transport->endings));
    json_object_set_new(object, "deeds", deeds_json(&transport->deeds));
    json_t *latency = json_object();
    json_object_set_new(latency, "ack", latency_json(&judgement->acknowledge));
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
    add_recovery(object, &judgement->recovery);
    json_object_set_new(object, "lag", lag_json(&judgement->lag));
    json_object_set_new(object, "processed_per_s", json_real(judgement->processed_per_s));
    json_object_set_new(object, "cost", cost_json(&transport->cost));
    const struct ese_stories *stories = &judgement->stories;
    json_object_set_new(object, "faults", stories_json(stories->faults, stories->fault_count, "kind"));
    json_object_set_new(object, "never_got_mail",
                        stories_json(stories->people, stories->people_count, "person"));
    json_object_set_new(object, "unknown_mails",
                        stories_json(stories->unknown_mails, stories->unknown_count, "person"));
    return object;
}

char *ese_results_text(const struct ese_results *results)
{
    json_t *root = json_pack("{s:i, s:I, s:o, s:o}", "version", ESE_RESULTS_VERSION, "seed",
                             (json_int_t)results->seed, "options", options_json(results), "machine",
                             machine_json());
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
