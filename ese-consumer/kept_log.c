/* The log of what rules keep: sheets are written and read, and what is of no use any more leaves. */
#include <inttypes.h>

#include "ese-consumer/kept_internal.h"
#include "ese-core/memory.h"

/* What stands in a sheet of one key. */
struct entry {
    const char *rule, *key;
    int64_t leaves_ms;
    uint16_t length;
    const char *state;
};

/* ---- one change ------------------------------------------------------------------------------ */

static void write_entry(struct ese_buffer *sheet, const struct entry *entry)
{
    ese_buffer_append(sheet, entry->rule, strlen(entry->rule) + 1);
    ese_buffer_append(sheet, entry->key, strlen(entry->key) + 1);
    ese_buffer_append(sheet, (const char *)&entry->leaves_ms, sizeof entry->leaves_ms);
    ese_buffer_append(sheet, (const char *)&entry->length, sizeof entry->length);
    ese_buffer_append(sheet, entry->state, entry->length);
}

static const char *read_text(const char **at, const char *end, size_t size)
{
    const char *text = *at, *nul = memchr(text, '\0', (size_t)(end - text));
    if (nul == NULL || (size_t)(nul - text) >= size)
        return NULL;
    *at = nul + 1;
    return text;
}

/* False: there is none. */
static bool read_entry(const char **at, const char *end, struct entry *entry)
{
    entry->rule = read_text(at, end, ESE_KEPT_RULE_SIZE);
    entry->key = entry->rule == NULL ? NULL : read_text(at, end, ESE_EVENT_KEY_SIZE);
    if (entry->key == NULL || (size_t)(end - *at) < sizeof entry->leaves_ms + sizeof entry->length)
        return false;
    memcpy(&entry->leaves_ms, *at, sizeof entry->leaves_ms);
    memcpy(&entry->length, *at + sizeof entry->leaves_ms, sizeof entry->length);
    entry->state = *at + sizeof entry->leaves_ms + sizeof entry->length;
    if (end - entry->state < entry->length)
        return false;
    *at = entry->state + entry->length;
    return true;
}

static int fail_spoilt(int64_t number, struct ese_error *error)
{
    return ese_fail(error, ESE_E_INVALID,
                    "of what rules keep in the state file, sheet %" PRId64
                    " is missing or spoilt; delete the file to begin anew", number);
}

/* ---- sheets ---------------------------------------------------------------------------------- */

static void grow_ring(struct ese_kept *kept)
{
    size_t room = kept->sheet_room * 2;
    struct ese_kept_sheet *sheets = ese_alloc_array(room, sizeof *sheets);
    for (int64_t number = kept->first; number < kept->next; number++)
        sheets[(size_t)number & (room - 1)] = *ese_kept_sheet_of(kept, number);
    free(kept->sheets);
    kept->sheets = sheets;
    kept->sheet_room = room;
}

/* One more, which is the last. */
static void add_sheet(struct ese_kept *kept)
{
    if ((size_t)(kept->next - kept->first) == kept->sheet_room)
        grow_ring(kept);
    *ese_kept_sheet_of(kept, kept->next++) = (struct ese_kept_sheet){.valid = 0};
}

static void count_change(struct ese_kept *kept)
{
    ese_kept_sheet_of(kept, kept->next - 1)->changes++;
    kept->logged++;
}

/* The key stands in the last sheet now. */
static void stand_in_last(struct ese_kept *kept, struct ese_kept_key *key)
{
    key->sheet = kept->next - 1;
    key->in_log = true;
    ese_kept_sheet_of(kept, key->sheet)->valid++;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void write_key(struct ese_kept *kept, const struct ese_kept_key *key, uint16_t length)
{
    const struct entry entry = {.rule = kept->rules[key->rule].name,
                                .key = key->bytes,
                                .leaves_ms = key->leaves_ms,
                                .length = length,
                                .state = key->bytes + key->state_at};
    write_entry(&kept->sheet, &entry);
    count_change(kept);
}

/* What became of a key at last; what was in between is nobody's business. */
static void write_change(struct ese_kept *kept, const struct ese_kept_change *change)
{
    if (change->is != NULL && change->is->is_current) {
        write_key(kept, change->is, change->is->length);
        stand_in_last(kept, change->is);
    } else if (change->is == NULL && change->was->in_log && !change->is_swept &&
               ese_kept_find(kept, change->was->rule, change->was->bytes) == NULL) {
        write_key(kept, change->was, 0);
    }
}

/* What is valid of the first sheet, once more. */
static int write_first_again(struct ese_kept *kept, const struct ese_kept_shelf *shelf, struct ese_error *error)
{
    struct ese_buffer sheet = ESE_BUFFER_INIT(SIZE_MAX);
    int result = shelf->get(shelf->context, kept->first, &sheet, error);
    const char *at = sheet.text, *end = at + sheet.length;
    struct entry entry;
    while (result == 0 && at < end) {
        if (!read_entry(&at, end, &entry)) {
            result = fail_spoilt(kept->first, error);
            break;
        }
        struct ese_kept_key *key = ese_kept_find(kept, ese_kept_rule(kept, entry.rule), entry.key);
        if (key == NULL || key->sheet != kept->first)
            continue;
        ese_kept_sheet_of(kept, kept->first)->valid--;
        write_key(kept, key, key->length);
        stand_in_last(kept, key);
    }
    ese_buffer_free(&sheet);
    return result;
}

/* Lets go of the first sheets in which nothing is valid. */
static void let_go(struct ese_kept *kept)
{
    for (; kept->first < kept->next && ese_kept_sheet_of(kept, kept->first)->valid == 0; kept->first++)
        kept->logged -= ese_kept_sheet_of(kept, kept->first)->changes;
}

static bool has_too_much(const struct ese_kept *kept)
{
    return kept->logged > 2 * (int64_t)kept->count + ESE_KEPT_SLACK && kept->first < kept->next - 1;
}

static int write_sheet(struct ese_kept *kept, const struct ese_kept_shelf *shelf, struct ese_error *error)
{
    ese_buffer_clear(&kept->sheet);
    add_sheet(kept);
    for (size_t i = 0; i < kept->change_count; i++)
        write_change(kept, &kept->changes[i]);
    for (let_go(kept); has_too_much(kept); let_go(kept)) {
        if (write_first_again(kept, shelf, error) != 0)
            return -1;
    }
    int64_t number = kept->next - 1;
    if (kept->first > number) /* even in this one */
        return 0;
    if (kept->sheet.length == 0) {
        kept->next = number;
        return 0;
    }
    return shelf->put(shelf->context, number, &kept->sheet, error);
}

int ese_kept_save(struct ese_kept *kept, const struct ese_kept_shelf *shelf, struct ese_error *error)
{
    int64_t first = kept->first;
    if (kept->change_count == 0)
        return 0;
    if (write_sheet(kept, shelf, error) != 0)
        return -1;
    ese_kept_settle(kept);
    return kept->first == first ? 0 : shelf->clear(shelf->context, kept->first, error);
}

/* ---- reading --------------------------------------------------------------------------------- */

static void take_entry(struct ese_kept *kept, const struct entry *entry)
{
    uint16_t rule = ese_kept_rule(kept, entry->rule);
    struct ese_kept_key *was = ese_kept_find(kept, rule, entry->key), *is = NULL;
    if (entry->length > 0) {
        is = ese_kept_make(kept, rule, entry->key, entry->state, entry->length, entry->leaves_ms);
        is->sheet = kept->next - 1;
        is->in_log = true;
    }
    ese_kept_replace(kept, was, is);
    free(was);
    count_change(kept);
}

int ese_kept_restore(struct ese_kept *kept, int64_t number, const void *sheet, size_t length, struct ese_error *error)
{
    const char *at = sheet, *end = at + length;
    struct entry entry;
    if (kept->first == kept->next && number >= 0)
        kept->first = kept->next = number;
    if (number != kept->next)
        return fail_spoilt(kept->next, error);
    add_sheet(kept);
    while (at < end) {
        if (!read_entry(&at, end, &entry))
            return fail_spoilt(number, error);
        take_entry(kept, &entry);
    }
    return 0;
}

void ese_kept_restored(struct ese_kept *kept, const struct ese_rule *rule, int64_t event_time_ms)
{
    ese_kept_sweep(kept, rule, event_time_ms, INT64_MAX);
    ese_kept_settle(kept);
}
