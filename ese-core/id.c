#include "ese-core/id.h"

#include <assert.h>

#include "ese-core/digest.h"

#define TIME_MAX ((INT64_C(1) << 48) - 1)
#define RUN_MAX ((UINT32_C(1) << 30) - 1)

/* Writes the low `count` bytes of number, the highest first. */
static void put(uint8_t *bytes, uint64_t number, int count)
{
    for (int i = count - 1; i >= 0; i--) {
        bytes[i] = (uint8_t)(number & 0xff);
        number >>= 8;
    }
}

static uint64_t get(const uint8_t *bytes, int count)
{
    uint64_t number = 0;
    for (int i = 0; i < count; i++)
        number = number << 8 | bytes[i];
    return number;
}

struct ese_id ese_id_make(const struct ese_id_parts *parts)
{
    assert(parts->lane < ESE_ID_LANES && parts->run <= RUN_MAX);
    /* A time from outside may be anything; the id's field ends in the year 10889. */
    int64_t time_ms = parts->time_ms < 0 ? 0 : parts->time_ms;
    if (time_ms > TIME_MAX)
        time_ms = TIME_MAX;
    struct ese_id id;
    put(id.bytes, (uint64_t)time_ms, 6);
    put(id.bytes + 6, UINT64_C(7) << 12 | parts->lane, 2);
    put(id.bytes + 8, UINT64_C(2) << 30 | parts->run, 4);
    put(id.bytes + 12, parts->sequence, 4);
    return id;
}

uint16_t ese_id_lane(const struct ese_id *id)
{
    return (uint16_t)((id->bytes[6] & 0xf) << 8 | id->bytes[7]);
}

struct ese_id_parts ese_id_read(const struct ese_id *id)
{
    return (struct ese_id_parts){
        .time_ms = (int64_t)get(id->bytes, 6),
        .lane = ese_id_lane(id),
        .run = (uint32_t)get(id->bytes + 8, 4) & RUN_MAX,
        .sequence = (uint32_t)get(id->bytes + 12, 4),
    };
}

uint32_t ese_id_draw_run(void)
{
    return 1 + arc4random_uniform(RUN_MAX);
}

/* The positions of the four dashes: 8-4-4-4-12 hexadecimal digits. */
static bool dash_at(int position)
{
    return position == 8 || position == 13 || position == 18 || position == 23;
}

void ese_id_text(const struct ese_id *id, char text[ESE_ID_TEXT_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    int at = 0;
    for (int i = 0; i < 16; i++) {
        if (dash_at(at))
            text[at++] = '-';
        text[at++] = digits[id->bytes[i] >> 4];
        text[at++] = digits[id->bytes[i] & 0xf];
    }
    text[at] = '\0';
}

/* Of a hexadecimal digit its value and 1; 0 of anything else, as of the NUL of a text that is too short. */
static const uint8_t digits_read[UINT8_MAX + 1] = {
    ['0'] = 1, ['1'] = 2, ['2'] = 3, ['3'] = 4, ['4'] = 5, ['5'] = 6, ['6'] = 7, ['7'] = 8,
    ['8'] = 9, ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16};

static bool parse(const char *text, struct ese_id *id)
{
    const char *at = text;
    for (size_t i = 0; i < sizeof id->bytes; i++, at += 2) {
        if (dash_at((int)(at - text)) && *at++ != '-')
            return false;
        unsigned high = digits_read[(uint8_t)at[0]];
        unsigned low = high == 0 ? 0 : digits_read[(uint8_t)at[1]];
        if (low == 0)
            return false;
        id->bytes[i] = (uint8_t)((high - 1) << 4 | (low - 1));
    }
    return *at == '\0';
}

int ese_id_parse(const char *text, struct ese_id *id, struct ese_error *error)
{
    struct ese_id read;
    if (!parse(text, &read))
        return ese_fail(error, ESE_E_INVALID, "'%.60s' is no UUID (8-4-4-4-12 hexadecimal digits)",
                        text);
    *id = read;
    return 0;
}

bool ese_id_is_ours(const struct ese_id *id)
{
    return id->bytes[6] >> 4 == 7 && id->bytes[8] >> 6 == 2;
}

bool ese_id_is_none(const struct ese_id *id)
{
    static const struct ese_id none;
    return ese_id_equal(id, &none);
}

bool ese_id_equal(const struct ese_id *a, const struct ese_id *b)
{
    return ese_id_compare(a, b) == 0;
}

int ese_id_compare(const struct ese_id *a, const struct ese_id *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

struct ese_id ese_id_derive(const char *text, const struct ese_id *ids, int count)
{
    assert(count >= 0);
    const struct ese_digest_part parts[] = {
        {text, strlen(text) + 1},
        {ids, (size_t)count * sizeof *ids},
    };
    uint8_t digest[ESE_DIGEST_SIZE];
    ese_digest(parts, 2, digest);
    struct ese_id id;
    memcpy(id.bytes, digest, sizeof id.bytes);
    id.bytes[6] = (uint8_t)(0x80 | (id.bytes[6] & 0x0f)); /* version 8 */
    id.bytes[8] = (uint8_t)(0x80 | (id.bytes[8] & 0x3f)); /* variant 10 */
    return id;
}
