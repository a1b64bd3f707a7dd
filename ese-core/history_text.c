#include "ese-core/history_text.h"

#include <inttypes.h>
#include <jansson.h>

#include "ese-core/json_text.h"
#include "ese-core/memory.h"
#include "ese-core/number.h"

/* ---- what each kind tells -------------------------------------------------------------------- */

enum place { NOWHERE, AUX, PARTITION, A, B };

#define MOST_MEMBERS 4

/* A number of a record. Where it may be left out, absent stands for it; what is rare is not written then. */
struct member {
    const char *name;
    enum place place;
    bool may_be_absent;
    int64_t absent;
    bool is_rare;
};

#define LATEST_NS (INT64_C(1) << 62) /* so that a difference of two never overflows */

#define NEEDED(name, place) {name, place, false, 0}
#define USUALLY(name, place, absent) {name, place, true, absent}
#define OF_MANY(place) {"destination", place, true, 0, .is_rare = true} /* a party that is many readers */

static const struct kind {
    const char *name;
    bool has_id, has_event, has_other;
    struct member members[MOST_MEMBERS];
} kinds[ESE_HISTORY_KINDS] = {
    [ESE_HISTORY_OFFERED] = {"offered", .has_id = true, .has_event = true, .members = {NEEDED("client_ts", A)}},
    [ESE_HISTORY_SENT] = {"sent", .has_id = true},
    [ESE_HISTORY_ACKNOWLEDGED] = {"acknowledged", .has_id = true,
                                  .members = {USUALLY("partition", PARTITION, -1), USUALLY("offset", A, -1),
                                              USUALLY("attempts", B, 1)}},
    [ESE_HISTORY_REFUSED] = {"refused", .has_id = true, .members = {USUALLY("attempts", B, 1)}},
    [ESE_HISTORY_UNKNOWN] = {"unknown", .has_id = true, .members = {USUALLY("attempts", B, 1)}},
    [ESE_HISTORY_NOT_SENT] = {"not_sent", .has_id = true},
    [ESE_HISTORY_HANDED] = {"handed", .has_id = true,
                            .members = {USUALLY("partition", PARTITION, 0), NEEDED("offset", A),
                                        USUALLY("repeat", AUX, 0), OF_MANY(B)}},
    [ESE_HISTORY_COMMITTED] = {"committed",
                               .members = {USUALLY("partition", PARTITION, 0), NEEDED("next", A),
                                           USUALLY("events", B, 0), OF_MANY(AUX)}},
    [ESE_HISTORY_GIVEN] = {"given",
                           .members = {USUALLY("partition", PARTITION, 0), NEEDED("offset", A),
                                       USUALLY("epoch", B, 0), OF_MANY(AUX)}},
    [ESE_HISTORY_TAKEN] = {"taken", .members = {USUALLY("partition", PARTITION, 0), OF_MANY(AUX)}},
    [ESE_HISTORY_SKIPPED] = {"skipped",
                             .members = {USUALLY("partition", PARTITION, 0), NEEDED("from", A), NEEDED("to", B),
                                         OF_MANY(AUX)}},
    [ESE_HISTORY_FENCED] = {"fenced", .members = {USUALLY("partition", PARTITION, 0)}},
    [ESE_HISTORY_DECIDED] = {"decided", .has_id = true, .members = {USUALLY("partition", PARTITION, 0)}},
    [ESE_HISTORY_MAIL_ASKED] = {"mail_asked", .has_id = true},
    [ESE_HISTORY_MAIL_SENT] = {"mail_sent", .has_id = true},
    [ESE_HISTORY_MAIL_DEAD] = {"mail_dead", .has_id = true, .members = {USUALLY("reply", A, 0)}},
    [ESE_HISTORY_STORED] = {"stored", .has_id = true,
                            .members = {USUALLY("partition", PARTITION, 0), NEEDED("offset", A),
                                        USUALLY("server_ts", B, 0)}},
    [ESE_HISTORY_MAIL_ARRIVED] = {"mail_arrived", .has_id = true, .members = {USUALLY("number", A, 0)}},
    [ESE_HISTORY_KEPT] = {"kept", .has_id = true, .members = {USUALLY("server_ts", A, 0)}},
    [ESE_HISTORY_OVERWRITTEN] = {"overwritten", .has_id = true, .has_other = true},
    [ESE_HISTORY_EXPIRED] = {"expired", .has_id = true, .members = {NEEDED("written_ms", A)}},
    [ESE_HISTORY_BEGUN_EMPTY] = {"begun_empty", .members = {USUALLY("kept_ms", A, 0)}},
    [ESE_HISTORY_DEAD_LETTER] = {"dead_letter", .has_id = true,
                                 .members = {USUALLY("partition", PARTITION, 0), NEEDED("offset", A),
                                             USUALLY("tries", B, 1), USUALLY("reason", AUX, 1)}},
    [ESE_HISTORY_SENT_AGAIN] = {"sent_again", .has_id = true},
    [ESE_HISTORY_FOUND] = {"found", .has_id = true, .has_event = true, .members = {NEEDED("client_ts", A)}},
};

const char *ese_history_kind_name(enum ese_history_kind kind)
{
    return kind < ESE_HISTORY_KINDS ? kinds[kind].name : NULL;
}

static int64_t number_at(const struct ese_history_record *record, enum place place)
{
    switch (place) {
    case AUX: return record->aux;
    case PARTITION: return record->partition;
    case A: return record->a;
    default: return record->b;
    }
}

/* ---- writing --------------------------------------------------------------------------------- */

static void add_name(struct ese_buffer *text, const char *name)
{
    ese_buffer_printf(text, ",\"%s\":", name);
}

static void add_text(struct ese_buffer *text, const char *name, const char *value)
{
    add_name(text, name);
    ese_json_write_string(text, value);
}

static void add_id(struct ese_buffer *text, const char *name, const struct ese_id *id)
{
    char written[ESE_ID_TEXT_SIZE];
    ese_id_text(id, written);
    if (!ese_id_is_none(id))
        add_text(text, name, written);
}

static void add_event(const struct ese_history_reader *reader, const struct ese_history_record *record,
                      struct ese_buffer *text)
{
    add_text(text, "type", ese_history_read_word(reader, (uint16_t)(record->b >> 16)));
    add_text(text, "sub_type", ese_history_read_word(reader, (uint16_t)record->b));
    add_text(text, "key", ese_history_read_key(reader));
}

void ese_history_text_write(const struct ese_history_reader *reader, const struct ese_history_record *record,
                            struct ese_buffer *text)
{
    const struct kind *kind = &kinds[record->kind];
    if (kind->name == NULL)
        return;
    ese_buffer_text(text, "{\"time_ns\":");
    ese_buffer_number(text, record->time_ns);
    add_text(text, "kind", kind->name);
    if (kind->has_id)
        add_id(text, "id", &record->id);
    if (kind->has_event)
        add_event(reader, record, text);
    if (kind->has_other) {
        const struct ese_id other = ese_history_get_id(record);
        add_id(text, "by", &other);
    }
    for (int i = 0; i < MOST_MEMBERS && kind->members[i].name != NULL; i++) {
        const struct member *member = &kind->members[i];
        int64_t number = number_at(record, member->place);
        if (member->is_rare && number == member->absent)
            continue;
        add_name(text, member->name);
        ese_buffer_number(text, number);
    }
    ese_buffer_text(text, "}\n");
}

void ese_history_text_title(const struct ese_history_title *title, struct ese_buffer *text)
{
    ese_buffer_printf(text, "{\"history\":%d", ESE_HISTORY_TEXT_VERSION);
    add_text(text, "party", title->party);
    add_text(text, "transport", title->transport);
    if (title->clock.boot != 0)
        ese_buffer_printf(text, ",\"boot\":\"%016" PRIx64 "\"", title->clock.boot);
    add_name(text, "wall_offset_ns");
    ese_buffer_number(text, title->clock.wall_offset_ns);
    ese_buffer_text(text, "}\n");
}

/* ---- reading --------------------------------------------------------------------------------- */

static json_t *load(const char *text, size_t length, struct ese_error *error)
{
    json_error_t wrong;
    json_t *object = json_loadb(text, length, JSON_REJECT_DUPLICATES, &wrong);
    if (object == NULL)
        ese_fail(error, ESE_E_INVALID, "no JSON: %s at byte %d", wrong.text, wrong.position);
    else if (!json_is_object(object))
        ese_fail(error, ESE_E_INVALID, "a JSON object is expected, one a line");
    if (json_is_object(object))
        return object;
    json_decref(object);
    return NULL;
}

/* Missing is "", where it may be. */
static int take_text(const json_t *object, const char *name, bool may_be_absent, char *target, size_t size,
                     struct ese_error *error)
{
    const json_t *value = json_object_get(object, name);
    target[0] = '\0';
    if (value == NULL && may_be_absent)
        return 0;
    if (!json_is_string(value) || (json_string_length(value) == 0 && !may_be_absent))
        return ese_fail(error, ESE_E_INVALID, "\"%s\" is %s: give a text of 1 to %zu bytes", name,
                        value == NULL ? "missing" : "no text", size - 1);
    if (strlen(json_string_value(value)) != json_string_length(value) ||
        ese_fit_text(target, size, json_string_value(value)) != 0)
        return ese_fail(error, ESE_E_INVALID, "\"%s\" is longer than %zu bytes, or holds a NUL", name, size - 1);
    return 0;
}

static int take_number(const json_t *object, const struct member *member, int64_t *number, struct ese_error *error)
{
    const json_t *value = json_object_get(object, member->name);
    *number = member->absent;
    if (value == NULL && member->may_be_absent)
        return 0;
    if (json_is_integer(value))
        *number = json_integer_value(value);
    else
        return ese_fail(error, ESE_E_INVALID, "\"%s\" is %s: give a whole number", member->name,
                        value == NULL                ? "missing"
                        : json_is_true(value)        ? "true"
                        : json_is_false(value)       ? "false"
                                                     : "none");
    return 0;
}

/* A partition that was not told is -1, where it need not be. Attempts and tries are counted, offsets are added up. */
static bool is_within(const struct member *member, int64_t number, int64_t *least, int64_t *most)
{
    bool is_count = strcmp(member->name, "attempts") == 0 || strcmp(member->name, "tries") == 0 ||
                    strcmp(member->name, "events") == 0;
    *least = -LATEST_NS;
    if (member->place == PARTITION || member->place == AUX || is_count)
        *least = member->place == PARTITION && member->absent < 0 ? -1 : 0;
    *most = member->place == AUX ? UINT16_MAX : member->place == PARTITION || is_count ? INT32_MAX : LATEST_NS;
    return number >= *least && number <= *most;
}

static int put_number(struct ese_history_record *record, const struct member *member, int64_t number,
                      struct ese_error *error)
{
    int64_t least, most;
    if (!is_within(member, number, &least, &most))
        return ese_fail(error, ESE_E_INVALID, "\"%s\": %" PRId64 " is not from %" PRId64 " to %" PRId64, member->name,
                        number, least, most);
    switch (member->place) {
    case AUX: record->aux = (uint16_t)number; break;
    case PARTITION: record->partition = (int32_t)number; break;
    case A: record->a = number; break;
    default: record->b = number; break;
    }
    return 0;
}

static int find_kind(const char *name, uint16_t *number, struct ese_error *error)
{
    for (*number = 0; *number < ESE_HISTORY_KINDS; ++*number) {
        if (kinds[*number].name != NULL && strcmp(kinds[*number].name, name) == 0)
            return 0;
    }
    return ese_fail(error, ESE_E_INVALID, "\"kind\": there is none '%.40s'; docs/evidence.md lists them", name);
}

static int take_texts(const json_t *object, const struct kind *kind, struct ese_history_line *line,
                      struct ese_error *error)
{
    bool is_optional = strcmp(kind->name, "dead_letter") == 0; /* of what is no event there is no id */
    if (kind->has_id && take_text(object, "id", is_optional, line->id, sizeof line->id, error) == -1)
        return -1;
    if (kind->has_other && take_text(object, "by", false, line->other, sizeof line->other, error) == -1)
        return -1;
    if (!kind->has_event)
        return 0;
    return take_text(object, "type", true, line->type, sizeof line->type, error) == -1 ||
                   take_text(object, "sub_type", true, line->sub_type, sizeof line->sub_type, error) == -1 ||
                   take_text(object, "key", false, line->key, sizeof line->key, error) == -1
               ? -1
               : 0;
}

static int take_line(const json_t *object, struct ese_history_line *line, struct ese_error *error)
{
    static const struct member time = NEEDED("time_ns", NOWHERE);
    char name[40];
    int64_t number;
    if (take_text(object, "kind", false, name, sizeof name, error) == -1 ||
        find_kind(name, &line->record.kind, error) == -1 ||
        take_number(object, &time, &line->record.time_ns, error) == -1)
        return -1;
    if (line->record.time_ns < 1 || line->record.time_ns > LATEST_NS)
        return ese_fail(error, ESE_E_INVALID, "\"time_ns\": %" PRId64 " is not from 1 to %" PRId64
                                              ": give nanoseconds of a clock that does not jump",
                        line->record.time_ns, LATEST_NS);
    const struct kind *kind = &kinds[line->record.kind];
    for (int i = 0; i < MOST_MEMBERS && kind->members[i].name != NULL; i++) {
        if (take_number(object, &kind->members[i], &number, error) == -1 ||
            put_number(&line->record, &kind->members[i], number, error) == -1)
            return -1;
    }
    if (line->record.kind == ESE_HISTORY_SKIPPED && line->record.b < line->record.a)
        return ese_fail(error, ESE_E_INVALID, "\"to\": %" PRId64 " is before \"from\", %" PRId64, line->record.b,
                        line->record.a);
    return take_texts(object, kind, line, error);
}

int ese_history_text_read(const char *text, size_t length, struct ese_history_line *line, struct ese_error *error)
{
    *line = (struct ese_history_line){.id = ""};
    json_t *object = load(text, length, error);
    int status = object == NULL ? -1 : take_line(object, line, error);
    json_decref(object);
    return status;
}

bool ese_history_text_is_title(const char *text, size_t length)
{
    json_t *object = load(text, length, NULL);
    bool is_title = json_object_get(object, "history") != NULL;
    json_decref(object);
    return is_title;
}

static int take_title(const json_t *object, struct ese_history_title *title, struct ese_error *error)
{
    static const struct member version = NEEDED("history", NOWHERE);
    static const struct member offset = USUALLY("wall_offset_ns", NOWHERE, 0);
    int64_t number;
    char boot[24];
    if (take_number(object, &version, &number, error) == -1)
        return -1;
    if (number != ESE_HISTORY_TEXT_VERSION)
        return ese_fail(error, ESE_E_INVALID, "\"history\": version %" PRId64 " is not known here, only %d", number,
                        ESE_HISTORY_TEXT_VERSION);
    if (take_text(object, "party", true, title->party, sizeof title->party, error) == -1 ||
        take_text(object, "transport", true, title->transport, sizeof title->transport, error) == -1 ||
        take_text(object, "boot", true, boot, sizeof boot, error) == -1 ||
        take_number(object, &offset, &title->clock.wall_offset_ns, error) == -1)
        return -1;
    if (strspn(boot, "0123456789abcdefABCDEF") != strlen(boot) || strlen(boot) > 16)
        return ese_fail(error, ESE_E_INVALID, "\"boot\": '%s' is no hexadecimal number of up to 16 digits", boot);
    title->clock.boot = strtoull(boot, NULL, 16);
    return 0;
}

int ese_history_text_read_title(const char *text, size_t length, struct ese_history_title *title,
                                struct ese_error *error)
{
    *title = (struct ese_history_title){.party = ""};
    json_t *object = load(text, length, error);
    int status = object == NULL ? -1 : take_title(object, title, error);
    json_decref(object);
    return status;
}
