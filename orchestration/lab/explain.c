#include "orchestration/lab/explain.h"

#include <dirent.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdlib.h>

#include "ese-core/clock.h"
#include "ese-core/history.h"
#include "ese-core/memory.h"
#include "orchestration/lab/artifacts.h"
#include "orchestration/lab/book_skips.h"
#include "orchestration/lab/explain_words.h"
#include "orchestration/lab/mails.h"
#include "orchestration/lab/state_file.h"
#include "orchestration/lab/story_deeds.h"
#include "orchestration/lab/whereabouts.h"

#define LINE_SIZE ESE_EXPLAIN_LINE_SIZE

struct line {
    int64_t time_ns;
    size_t number; /* of what is at the same time, the first that was found stands first */
    enum ese_history_kind kind; /* as it says where the event is (whereabouts.h); END: it does not */
    char who[24];
    char text[LINE_SIZE];
};

/* Whose commit is awaited, of the handing last seen in a history; or where it was stored, as its sender was told or
 * whoever was handed it. */
struct place {
    bool is_there;
    int32_t partition;
    int64_t offset;
};

/* One event's. */
struct telling {
    const struct ese_explain *asked;
    struct line *lines;
    size_t count, size;
    int64_t due_ns; /* 0: nobody says that it was */
    struct place awaited, stored;
    bool is_handed, is_committed; /* to a consumer, and by one */
};

/* Who was told that these offsets are no longer kept, of the last of them then. */
struct skip {
    int64_t time_ns;
    int32_t partition;
    int64_t from, to;
    char who[24];
};

/* An event, or a decision that was made of it, and whose telling is about it. */
struct related {
    struct ese_id id;
    size_t telling;
};

/* All of them, in one reading of the artifacts. */
struct reading {
    const char *directory;
    struct telling *tellings;
    size_t count;
    struct related *related; /* by id */
    size_t related_count, related_size;
    struct skip *skips;
    size_t skip_count, skip_size;
    bool has_more_skips; /* than are kept */
    size_t *awaiting; /* tellings that await a commit of the history that is read */
    size_t awaiting_count;
    int64_t begun_ns;       /* when the schedule began, or the first event was due; 0: not known yet */
    int64_t wall_offset_ns; /* of the client's clock */
    struct ese_buffer *unread;
};

static struct line *add(struct telling *telling, int64_t time_ns, const char *who)
{
    if (telling->count == telling->size) {
        telling->size = telling->size == 0 ? 8 : telling->size * 2;
        telling->lines = ese_realloc_array(telling->lines, telling->size, sizeof *telling->lines);
    }
    struct line *line = &telling->lines[telling->count];
    *line = (struct line){.time_ns = time_ns, .number = telling->count++};
    ese_fit_text(line->who, sizeof line->who, who);
    return line;
}

/* ---- what is about whom ---------------------------------------------------------------------- */

static void relate(struct reading *reading, const struct ese_id *id, size_t telling)
{
    if (reading->related_count == reading->related_size) {
        reading->related_size = reading->related_size == 0 ? 32 : reading->related_size * 2;
        reading->related = ese_realloc_array(reading->related, reading->related_size, sizeof *reading->related);
    }
    reading->related[reading->related_count++] = (struct related){.id = *id, .telling = telling};
}

static int compare_related(const void *a, const void *b)
{
    const struct related *one = a, *other = b;
    int order = ese_id_compare(&one->id, &other->id);
    return order != 0 ? order : (one->telling > other->telling) - (one->telling < other->telling);
}

static void sort_related(struct reading *reading)
{
    if (reading->related_count > 0)
        qsort(reading->related, reading->related_count, sizeof *reading->related, compare_related);
}

/* The first of `count` that is about the id; as long as the next has the same, it is, too. */
static size_t find_related(const struct reading *reading, size_t count, const struct ese_id *id)
{
    size_t from = 0, to = count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (ese_id_compare(&reading->related[middle].id, id) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static bool is_about(const struct reading *reading, size_t count, size_t at, const struct ese_id *id)
{
    return at < count && ese_id_equal(&reading->related[at].id, id);
}

/* ---- a history ------------------------------------------------------------------------------- */

/* Somebody else's, who wants the events, too: what becomes of one it does not decide. */
static bool is_readers(const char *who)
{
    return strncmp(who, "reader", strlen("reader")) == 0;
}

static void take_commit(struct reading *reading, const struct ese_history_record *record, const char *who)
{
    size_t left = 0;
    for (size_t i = 0; i < reading->awaiting_count; i++) {
        struct telling *telling = &reading->tellings[reading->awaiting[i]];
        if (record->partition != telling->awaited.partition || record->a <= telling->awaited.offset) {
            reading->awaiting[left++] = reading->awaiting[i];
            continue;
        }
        struct line *line = add(telling, record->time_ns, who);
        snprintf(line->text, sizeof line->text, "committed, with all before offset %" PRId64, record->a);
        line->kind = is_readers(who) ? ESE_HISTORY_END : ESE_HISTORY_COMMITTED;
        telling->is_committed |= !is_readers(who);
        telling->awaited.is_there = false;
    }
    reading->awaiting_count = left;
}

static void await_commit(struct reading *reading, size_t number, const struct ese_history_record *record)
{
    struct telling *telling = &reading->tellings[number];
    if (!telling->awaited.is_there)
        reading->awaiting[reading->awaiting_count++] = number;
    telling->awaited = (struct place){true, record->partition, record->a};
}

static bool is_within(const struct skip *skip, const struct place *place)
{
    return place->is_there && place->partition == skip->partition && place->offset >= skip->from &&
           place->offset < skip->to;
}

static bool is_touching(const struct skip *skip, const struct skip *other)
{
    return skip->partition == other->partition && skip->from <= other->to && skip->to >= other->from &&
           strcmp(skip->who, other->who) == 0;
}

/* Kept until it is known who else was handed what stood there. Those of one history that touch are one, and that is so
 * when the last of it was told: its lives come to the same place, each further on. */
static void keep_skip(struct reading *reading, const struct skip *skip)
{
    for (size_t i = 0; i < reading->skip_count; i++) {
        struct skip *other = &reading->skips[i];
        if (!is_touching(skip, other))
            continue;
        if (skip->from < other->from || skip->to > other->to)
            other->time_ns = skip->time_ns;
        other->from = skip->from < other->from ? skip->from : other->from;
        other->to = skip->to > other->to ? skip->to : other->to;
        return;
    }
    reading->has_more_skips |= reading->skip_count == ESE_BOOK_SKIPS;
    if (reading->skip_count == ESE_BOOK_SKIPS)
        return;
    if (reading->skip_count == reading->skip_size) {
        reading->skip_size = reading->skip_size == 0 ? 8 : reading->skip_size * 2;
        reading->skips = ese_realloc_array(reading->skips, reading->skip_size, sizeof *reading->skips);
    }
    reading->skips[reading->skip_count++] = *skip;
}

/* Who goes on behind it has not committed it. */
static void take_skip(struct reading *reading, const struct ese_history_record *record, const char *who)
{
    size_t left = 0;
    struct skip skip = {record->time_ns, record->partition, record->a, record->b, ""};
    ese_fit_text(skip.who, sizeof skip.who, who);
    keep_skip(reading, &skip);
    for (size_t i = 0; i < reading->awaiting_count; i++) {
        struct telling *telling = &reading->tellings[reading->awaiting[i]];
        if (is_within(&skip, &telling->awaited))
            telling->awaited.is_there = false;
        else
            reading->awaiting[left++] = reading->awaiting[i];
    }
    reading->awaiting_count = left;
}

/* Of the consumers one is as good as another: what any of them has committed none of them misses, and who was handed it
 * in vain has lost it by that. That the store had let go of it when it was read back says something only of what no
 * consumer was handed. What other readers miss, and what of mails, is no matter of the event's end. */
static bool is_missed(const struct telling *telling, const struct skip *skip)
{
    if (!is_within(skip, &telling->stored) || telling->is_committed)
        return false;
    bool is_consumers = strncmp(skip->who, "consumer", strlen("consumer")) == 0;
    return is_consumers || (strcmp(skip->who, "store") == 0 && !telling->is_handed);
}

static void tell_skips(const struct reading *reading, struct telling *telling)
{
    for (size_t i = 0; i < reading->skip_count; i++) {
        const struct skip *skip = &reading->skips[i];
        if (!is_missed(telling, skip))
            continue;
        struct line *line = add(telling, skip->time_ns, skip->who);
        snprintf(line->text, sizeof line->text,
                 "was told that offsets from %" PRId64 " up to before %" PRId64 " are no longer kept", skip->from,
                 skip->to);
        line->kind = ESE_HISTORY_SKIPPED;
    }
}

/* Where the event is, as the record says; END: it does not. */
static enum ese_history_kind kind_of(const struct telling *telling, const struct ese_history_record *record,
                                     const char *who)
{
    bool is_repeat = record->kind == ESE_HISTORY_HANDED && record->aux == 1;
    bool is_others = record->kind == ESE_HISTORY_OVERWRITTEN && !ese_id_equal(&record->id, &telling->asked->id);
    return is_repeat || is_others || is_readers(who) ? ESE_HISTORY_END : (enum ese_history_kind)record->kind;
}

static void tell_record(struct reading *reading, size_t number, const struct ese_history_record *record,
                        const struct ese_history_reader *reader, const char *who)
{
    struct telling *telling = &reading->tellings[number];
    struct ese_buffer text = ESE_BUFFER_INIT(LINE_SIZE - 1);
    ese_explain_words(telling->asked, record, reader, &text);
    struct line *line = add(telling, record->time_ns, who);
    line->kind = kind_of(telling, record, who);
    ese_fit_text(line->text, LINE_SIZE, text.text);
    ese_buffer_free(&text);
    if (record->kind == ESE_HISTORY_OFFERED)
        telling->due_ns = record->time_ns;
    if (record->kind == ESE_HISTORY_ACKNOWLEDGED && record->a >= 0)
        telling->stored = (struct place){true, record->partition, record->a};
    if (record->kind == ESE_HISTORY_HANDED) {
        await_commit(reading, number, record);
        if (!telling->stored.is_there || telling->stored.partition < 0)
            telling->stored = telling->awaited;
    }
    telling->is_handed |= line->kind == ESE_HISTORY_HANDED;
}

static void tell_all_about(struct reading *reading, const struct ese_id *id, const struct ese_history_record *record,
                           const struct ese_history_reader *reader, const char *who)
{
    size_t count = reading->related_count;
    for (size_t at = find_related(reading, count, id); is_about(reading, count, at, id); at++)
        tell_record(reading, reading->related[at].telling, record, reader, who);
}

static void take_record(struct reading *reading, const struct ese_history_record *record,
                        const struct ese_history_reader *reader, const char *who)
{
    if (record->kind == ESE_HISTORY_OFFERED && (reading->begun_ns == 0 || record->time_ns < reading->begun_ns))
        reading->begun_ns = record->time_ns;
    if (record->kind == ESE_HISTORY_COMMITTED)
        take_commit(reading, record, who);
    if (record->kind == ESE_HISTORY_SKIPPED)
        take_skip(reading, record, who);
    tell_all_about(reading, &record->id, record, reader, who);
    if (record->kind == ESE_HISTORY_OVERWRITTEN) {
        struct ese_id other = ese_history_get_id(record);
        tell_all_about(reading, &other, record, reader, who);
    }
}

static void read_history(struct reading *reading, const char *name)
{
    struct ese_history_reader *reader = NULL;
    struct ese_history_record record;
    struct ese_error error = {.code = ESE_OK};
    char path[ESE_ARTIFACT_PATH_SIZE], who[24];
    snprintf(who, sizeof who, "%.*s", (int)strcspn(name, "."), name);
    int said = -1;
    if (ese_artifact_path(reading->directory, name, path, &error) == 0 &&
        ese_history_read_open(path, &reader, &error) == 0) {
        while ((said = ese_history_read_next(reader, &record, &error)) == 1)
            take_record(reading, &record, reader, who);
        if (strcmp(name, ESE_ARTIFACT_CLIENT_HISTORY) == 0)
            reading->wall_offset_ns = ese_history_read_clock(reader).wall_offset_ns;
        ese_history_read_close(&reader);
    }
    while (reading->awaiting_count > 0)
        reading->tellings[reading->awaiting[--reading->awaiting_count]].awaited.is_there = false;
    if (said == -1)
        ese_buffer_printf(reading->unread, "  %s cannot be read to its end: %s\n", name, error.text);
}

static void read_histories(struct reading *reading)
{
    struct dirent **names = NULL;
    int found = scandir(reading->directory, &names, NULL, alphasort);
    for (int i = 0; i < found; i++) {
        if (fnmatch("*.history", names[i]->d_name, 0) == 0)
            read_history(reading, names[i]->d_name);
        free(names[i]);
    }
    free(names);
    if (reading->has_more_skips)
        ese_buffer_printf(reading->unread, "  more than %d stretches of offsets were no longer kept: who was told of "
                                           "others is not said\n", ESE_BOOK_SKIPS);
}

/* ---- what else there is ---------------------------------------------------------------------- */

static void relate_decision(struct reading *reading, const struct ese_state_decision *decision)
{
    size_t events = reading->count; /* which are sorted, while decisions are added behind them */
    for (int i = 0; i < decision->event_count; i++) {
        const struct ese_id *id = &decision->events[i];
        for (size_t at = find_related(reading, events, id); is_about(reading, events, at, id); at++)
            relate(reading, &decision->id, reading->related[at].telling);
    }
}

static void relate_decisions(struct reading *reading)
{
    struct ese_state_file state;
    struct ese_error error;
    if (ese_state_file_read(reading->directory, NULL, &state, &error) == -1)
        ese_buffer_printf(reading->unread, "  %s\n", error.text);
    for (size_t i = 0; i < state.decision_count; i++)
        relate_decision(reading, &state.decisions[i]);
    ese_state_file_free(&state);
    sort_related(reading);
}

static int take_mail(void *context, const struct ese_arrived_mail *mail, struct ese_error *error)
{
    struct reading *reading = context;
    size_t count = ese_id_is_none(&mail->decision) ? 0 : reading->related_count;
    (void)error;
    size_t at = find_related(reading, count, &mail->decision);
    for (; is_about(reading, count, at, &mail->decision); at++) {
        struct telling *telling = &reading->tellings[reading->related[at].telling];
        if (ese_id_equal(&mail->decision, &telling->asked->id))
            continue; /* what came is of a decision */
        struct line *line = add(telling, mail->came_ns - reading->wall_offset_ns, "maildir");
        snprintf(line->text, sizeof line->text, "its mail came: %s", mail->file);
        line->kind = ESE_HISTORY_MAIL_ARRIVED;
    }
    return 0;
}

static void take_mails(struct reading *reading)
{
    char path[ESE_ARTIFACT_PATH_SIZE];
    struct ese_error error;
    if (ese_artifact_path(reading->directory, ESE_ARTIFACT_MAILDIR, path, &error) == -1 ||
        ese_mails_each(path, take_mail, reading, &error) == -1)
        ese_buffer_printf(reading->unread, "  %s\n", error.text);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static int compare_lines(const void *a, const void *b)
{
    const struct line *one = a, *other = b;
    if (one->time_ns != other->time_ns)
        return one->time_ns < other->time_ns ? -1 : 1;
    return one->number < other->number ? -1 : 1;
}

static void sort_lines(struct telling *telling)
{
    if (telling->count > 0)
        qsort(telling->lines, telling->count, sizeof *telling->lines, compare_lines);
}

static void take_deed(void *context, int64_t done_ns, const char *text)
{
    ese_fit_text(add(context, done_ns, "the fault")->text, LINE_SIZE, text);
}

/* Files of mails have times of another clock, which may have been set. */
static void take_deeds(struct telling *telling)
{
    struct ese_whereabouts where = {.step = 0};
    if (telling->asked->deeds == NULL || telling->count == 0)
        return;
    for (size_t i = 0; i < telling->count; i++)
        ese_whereabouts_take(&where, telling->lines[i].kind);
    const struct ese_story_span span = {
        .first_ns = telling->due_ns != 0 ? telling->due_ns : telling->lines[0].time_ns,
        .last_ns = telling->lines[telling->count - 1].time_ns,
        .roles = ese_whereabouts_roles(&where),
        .members = telling->asked->members,
    };
    ese_story_deeds_each(telling->asked->deeds, &span, take_deed, telling);
    sort_lines(telling);
}

static void hand_lines(const struct reading *reading, size_t number, ese_explain_take *take, void *context)
{
    struct telling *telling = &reading->tellings[number];
    tell_skips(reading, telling);
    sort_lines(telling);
    take_deeds(telling);
    for (size_t i = 0; i < telling->count; i++) {
        const struct line *line = &telling->lines[i];
        take(context, number, line->time_ns - reading->begun_ns, line->who, line->text);
    }
}

static void read_all(struct reading *reading)
{
    for (size_t i = 0; i < reading->count; i++)
        relate(reading, &reading->tellings[i].asked->id, i);
    sort_related(reading);
    relate_decisions(reading);
    read_histories(reading);
    take_mails(reading);
}

void ese_explain_events(const struct ese_explain asked[], size_t count, ese_explain_take *take, void *context,
                        struct ese_buffer *unread)
{
    if (count == 0)
        return;
    struct reading reading = {.directory = asked[0].directory,
                              .begun_ns = asked[0].schedule_ns,
                              .tellings = ese_alloc_array(count, sizeof(struct telling)),
                              .awaiting = ese_alloc_array(count, sizeof(size_t)),
                              .count = count,
                              .unread = unread};
    for (size_t i = 0; i < count; i++)
        reading.tellings[i] = (struct telling){.asked = &asked[i]};
    read_all(&reading);
    for (size_t i = 0; i < count; i++) {
        hand_lines(&reading, i, take, context);
        free(reading.tellings[i].lines);
    }
    free(reading.related);
    free(reading.awaiting);
    free(reading.skips);
    free(reading.tellings);
}
