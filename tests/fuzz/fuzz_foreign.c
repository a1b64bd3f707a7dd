/* The run of somebody else's service (docs/evidence.md), all its files in one text: ">client.ndjson" begins one. It is
 * refused, and why is said; or judged, with a ledger that sums up, to the same each time and in however many passes. */
#include <fcntl.h>
#include <unistd.h>

#include "ese-core/memory.h"
#include "orchestration/lab/foreign.h"
#include "orchestration/lab/run_directory.h"
#include "tests/fuzz/fuzz.h"

#define TELLING_SIZE (1 << 16)

static const char *const names[] = {"run.json", "client.ndjson", "consumer-1.ndjson", "consumer-2.ndjson",
                                    "consumer-4.ndjson", "store.ndjson"};

/* ---- the files ------------------------------------------------------------------------------- */

static void make_directory(char path[ESE_ARTIFACT_PATH_SIZE])
{
    const char *place = getenv("TMPDIR");
    snprintf(path, ESE_ARTIFACT_PATH_SIZE, "%s/ese-fuzz-XXXXXX", place != NULL && place[0] != '\0' ? place : "/tmp");
    ESE_HOLDS(mkdtemp(path) != NULL);
}

/* Which file the line begins; NULL: it begins none. */
static const char *begun_by(const char *line, size_t length)
{
    for (size_t i = 0; i < ESE_COUNT_OF(names); i++) {
        if (length == strlen(names[i]) + 2 && line[0] == '>' && memcmp(line + 1, names[i], length - 2) == 0)
            return names[i];
    }
    return NULL;
}

static int open_file(const char *directory, const char *name)
{
    char path[ESE_ARTIFACT_PATH_SIZE];
    ESE_HOLDS(ese_artifact_path(directory, name, path, NULL) == 0);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    ESE_HOLDS(fd >= 0);
    return fd;
}

/* What stands before the first of them is nobody's. */
static void write_files(const char *directory, const char *text, size_t length)
{
    int fd = -1;
    while (length > 0) {
        const char *end = memchr(text, '\n', length);
        size_t line = end == NULL ? length : (size_t)(end - text) + 1;
        const char *name = begun_by(text, line);
        if (name != NULL && fd >= 0)
            close(fd);
        if (name != NULL)
            fd = open_file(directory, name);
        else if (fd >= 0)
            ESE_HOLDS(write(fd, text, line) == (ssize_t)line);
        text += line;
        length -= line;
    }
    if (fd >= 0)
        close(fd);
}

/* ---- what it comes to ------------------------------------------------------------------------ */

/* The equations of judgement.h, summed up once more; and nothing is less than none. */
static void sums_up(const struct ese_judgement *judgement)
{
    const struct ese_ledger *l = &judgement->ledger;
    const struct ese_mail_ledger *m = &judgement->mails;
    for (const struct ese_ledger_member *member = ese_ledger_members; member->name != NULL; member++)
        ESE_HOLDS(ese_ledger_get(l, member) >= 0);
    ESE_HOLDS(l->offered == l->not_sent + l->refused + l->unknown + l->acknowledged);
    ESE_HOLDS(l->acknowledged == l->processed + l->lost + l->in_flight);
    ESE_HOLDS(l->lost == l->lost_by_clash + l->lost_by_expiry + l->lost_by_death + l->lost_by_other);
    ESE_HOLDS(l->unknown == l->unknown_stored + l->unknown_absent);
    ESE_HOLDS(l->redelivered == l->redelivered_by_retry + l->redelivered_by_death + l->redelivered_by_return +
                                    l->redelivered_by_other);
    ESE_HOLDS(l->stored_twice == l->stored_twice_by_retry + l->stored_twice_by_death + l->stored_twice_by_other);
    ESE_HOLDS(l->handed_out_of_order == l->disordered_within + l->disordered_after);
    ESE_HOLDS(l->processed_out_of_order <= l->disordered_after);
    ESE_HOLDS(m->expected == m->matched + m->altered + m->lost + m->in_flight + m->unknown && m->arrived == 0);
}

static void agrees(const struct ese_judgement *one, const struct ese_judgement *other)
{
    for (const struct ese_ledger_member *member = ese_ledger_members; member->name != NULL; member++)
        ESE_HOLDS(ese_ledger_get(&one->ledger, member) == ese_ledger_get(&other->ledger, member));
    for (const struct ese_ledger_member *member = ese_mail_ledger_members; member->name != NULL; member++)
        ESE_HOLDS(ese_ledger_get(&one->mails, member) == ese_ledger_get(&other->mails, member));
    ESE_HOLDS(one->ledger_verdict.word == other->ledger_verdict.word);
    ESE_HOLDS(strcmp(one->ledger_verdict.reason, other->ledger_verdict.reason) == 0);
    ESE_HOLDS(one->timing_verdict.word == other->timing_verdict.word);
    ESE_HOLDS(one->stale_worst_us == other->stale_worst_us);
    ESE_HOLDS(one->stories.fault_count == other->stories.fault_count);
    for (int i = 0; i < one->stories.fault_count; i++)
        ESE_HOLDS(strcmp(one->stories.faults[i].text, other->stories.faults[i].text) == 0);
}

/* false: it is refused. */
static bool judge(const char *directory, const char *explained, struct ese_results *results)
{
    struct ese_buffer text = ESE_BUFFER_INIT(TELLING_SIZE);
    struct ese_error error = {.text = ""};
    struct ese_foreign foreign = {.explained = explained, .explanation = &text};
    int status = ese_foreign_judge(directory, &foreign, results, &error);
    ESE_HOLDS(status == 0 || error.text[0] != '\0');
    ESE_HOLDS(status == 0 || error.code == ESE_E_INVALID || error.code == ESE_E_MISSING);
    ESE_HOLDS(explained == NULL || !foreign.was_explained || text.length > 0);
    ese_buffer_free(&text);
    return status == 0;
}

/* As ese_foreign_judge, but that a pass is to hold few events. */
static void judge_in_passes(const char *directory, struct ese_judgement *judgement)
{
    struct ese_foreign foreign = {.explained = NULL};
    char imported[ESE_ARTIFACT_PATH_SIZE];
    make_directory(imported);
    ESE_HOLDS(ese_foreign_read(directory, &foreign, NULL) == 0);
    ESE_HOLDS(ese_foreign_import(directory, imported, &foreign, NULL) == 0);
    const struct ese_event_names called = ese_foreign_event_names(&foreign);
    const struct ese_judge_options options = {
        .directory = imported,
        .names = &called,
        .promises = &foreign.promises,
        .measured_from_ns = foreign.first_due_ns + foreign.warmup_s * 1000000000,
        .rate = foreign.rate,
        .is_store_unseen = foreign.is_store_unseen,
        .is_foreign = true,
        .contradiction = foreign.contradiction,
        .members = foreign.members,
        .stale_after_ms = foreign.stale_after_ms,
        .events = 2,
    };
    ESE_HOLDS(ese_judge(&options, judgement, NULL) == 0);
    ese_foreign_clear(&foreign);
    ese_directory_remove(imported);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static struct ese_results one, other;
    static struct ese_judgement passed;
    char directory[ESE_ARTIFACT_PATH_SIZE];
    make_directory(directory);
    write_files(directory, (const char *)bytes, length);
    bool is_judged = judge(directory, NULL, &one);
    ESE_HOLDS(judge(directory, "a", &other) == is_judged);
    if (is_judged) {
        sums_up(&one.transports[0].judgement);
        agrees(&one.transports[0].judgement, &other.transports[0].judgement);
        judge_in_passes(directory, &passed);
        agrees(&one.transports[0].judgement, &passed);
    }
    ese_directory_remove(directory);
    return 0;
}
