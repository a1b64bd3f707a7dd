#include "transports/kafka/cursor.h"

#include <string.h>

#include "ese-core/event.h"
#include "ese-core/memory.h"

#define VERSION "k1"
#define CHECK_DIGITS 8
#define SEVEN_BITS 7
#define TEXT_LIMIT (8 * 1024) /* the longest takes 256 times ten bytes, in two digits each */

/* ---- writing ------------------------------------------------------------------------------- */

/* Seven bits a byte, the lowest first; the last has its eighth bit clear (LEB128). */
static void put_number(struct ese_buffer *text, uint64_t number)
{
    do {
        unsigned bits = (unsigned)(number & 0x7f);
        number >>= SEVEN_BITS;
        ese_buffer_printf(text, "%02x", bits | (number != 0 ? 0x80U : 0U));
    } while (number != 0);
}

static int count_of_topic(const struct ese_kafka_cursor *cursor, int topic)
{
    int count = 0;
    for (int i = 0; i < cursor->count; i++)
        count += ese_partition_code_topic(cursor->places[i].partition) == topic;
    return count;
}

static unsigned check_of(const char *text, size_t length, const char *origin)
{
    struct ese_buffer checked = ESE_BUFFER_INIT(2 * TEXT_LIMIT);
    ese_buffer_append(&checked, text, length);
    ese_buffer_text(&checked, origin);
    unsigned check = ese_event_key_hash(checked.text);
    ese_buffer_free(&checked);
    return check;
}

void ese_kafka_cursor_text(const struct ese_kafka_cursor *cursor, const char *origin,
                           struct ese_buffer *text)
{
    size_t begin = text->length;
    int place = 0;
    ese_buffer_text(text, VERSION);
    for (int topic = 0; topic < ESE_KAFKA_TOPICS; topic++) {
        int count = count_of_topic(cursor, topic);
        put_number(text, (uint64_t)count);
        for (int i = 0; i < count; i++)
            put_number(text, (uint64_t)cursor->places[place++].next);
    }
    ese_buffer_printf(text, "%0*x", CHECK_DIGITS,
                      check_of(text->text + begin, text->length - begin, origin));
}

/* ---- reading ------------------------------------------------------------------------------- */

/* Digits as we write them, lower case and nothing else. -1: it is none. */
static int digit(char letter)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = letter == '\0' ? NULL : strchr(digits, letter);
    return found == NULL ? -1 : (int)(found - digits);
}

/* -1: there is none before the end, as we would write it: without zeros behind. */
static int take_number(const char **place, const char *end, uint64_t *number)
{
    *number = 0;
    for (unsigned shift = 0; end - *place >= 2 && shift < 63; shift += SEVEN_BITS) {
        int high = digit((*place)[0]), low = digit((*place)[1]);
        if (high < 0 || low < 0)
            return -1;
        unsigned byte = (unsigned)(high << 4 | low);
        *number |= (uint64_t)(byte & 0x7f) << shift;
        *place += 2;
        if ((byte & 0x80) == 0)
            return byte == 0 && shift > 0 ? -1 : 0;
    }
    return -1;
}

static int take_topic(const char **place, const char *end, int topic,
                      struct ese_kafka_cursor *cursor)
{
    uint64_t count, next;
    if (take_number(place, end, &count) == -1 ||
        count > (uint64_t)(ESE_CURSOR_PARTITIONS - cursor->count))
        return -1;
    for (uint64_t i = 0; i < count; i++) {
        if (take_number(place, end, &next) == -1)
            return -1;
        cursor->places[cursor->count++] = (struct ese_kafka_place){
            .partition = ese_partition_code(topic, (int32_t)i), .next = (int64_t)next};
    }
    return 0;
}

static int take_all(const char *text, size_t length, struct ese_kafka_cursor *cursor)
{
    const char *place = text + strlen(VERSION);
    const char *end = text + length - CHECK_DIGITS;
    cursor->count = 0;
    for (int topic = 0; topic < ESE_KAFKA_TOPICS; topic++) {
        if (take_topic(&place, end, topic, cursor) == -1)
            return -1;
    }
    return place == end ? 0 : -1;
}

static int check(const char *text, size_t length, const char *origin, struct ese_error *error)
{
    char digits[CHECK_DIGITS + 1];
    snprintf(digits, sizeof digits, "%0*x", CHECK_DIGITS,
             check_of(text, length - CHECK_DIGITS, origin));
    if (strcmp(text + length - CHECK_DIGITS, digits) == 0)
        return 0;
    return ese_fail(error, ESE_E_INVALID,
                    "the cursor '%.40s...' was changed on its way, or is of another cluster or other "
                    "topics: give back \"next\" of a page as it was, or say earliest or latest", text);
}

int ese_kafka_cursor_parse(const char *text, const char *origin, struct ese_kafka_cursor *cursor,
                           struct ese_error *error)
{
    size_t length = strlen(text);
    if (length >= strlen(VERSION) + CHECK_DIGITS && length < TEXT_LIMIT &&
        strncmp(text, VERSION, strlen(VERSION)) == 0) {
        if (check(text, length, origin, error) == -1)
            return -1;
        if (take_all(text, length, cursor) == 0)
            return 0;
    }
    return ese_fail(error, ESE_E_INVALID,
                    "'%.40s' is no cursor: give back \"next\" of a page as it was, or say earliest "
                    "or latest", text);
}
