#include "ese-core/histogram_log.h"

#include <arpa/inet.h>
#include <endian.h>
#include <stdlib.h>
#include <zlib.h>

#include "ese-core/base64.h"
#include "ese-core/memory.h"

#define COOKIE 0x1c849313u            /* V2, with counts of up to 64 bits */
#define COOKIE_COMPRESSED 0x1c849314u
#define DIGITS 3
#define MOST_BYTES_OF_COUNT 9

/* All numbers are big-endian. */
struct __attribute__((packed)) head {
    uint32_t cookie;
    uint32_t payload_bytes;
    uint32_t normalizing_offset;
    uint32_t digits;
    uint64_t lowest, highest;
    uint64_t ratio; /* a double's bits */
};

struct __attribute__((packed)) compressed_head {
    uint32_t cookie;
    uint32_t bytes;
};

/* Small numbers of either sign take few bytes (zigzag), seven bits each; the ninth has eight. */
static size_t put_number(int64_t number, uint8_t *bytes)
{
    uint64_t left = ((uint64_t)number << 1) ^ (uint64_t)(number >> 63);
    size_t count = 0;
    while (left > 0x7f && count < MOST_BYTES_OF_COUNT - 1) {
        bytes[count++] = (uint8_t)(left | 0x80);
        left >>= 7;
    }
    bytes[count++] = (uint8_t)left;
    return count;
}

/* The counts up to the last that is one; of several zeros how many they are, as a negative number. */
static size_t put_counts(const uint64_t *counts, size_t count, uint8_t *bytes)
{
    size_t length = 0, zeros = 0;
    while (count > 0 && counts[count - 1] == 0)
        count--;
    for (size_t i = 0; i < count; i++) {
        if (counts[i] == 0) {
            zeros++;
            continue;
        }
        if (zeros > 0)
            length += put_number(zeros == 1 ? 0 : -(int64_t)zeros, bytes + length);
        zeros = 0;
        length += put_number((int64_t)counts[i], bytes + length);
    }
    return length;
}

static uint8_t *encode(const struct ese_histogram *histogram, size_t *length)
{
    const double ratio = 1;
    const uint64_t *counts;
    size_t count = ese_histogram_counters(histogram, &counts);
    uint8_t *bytes = ese_alloc(sizeof(struct head) + count * MOST_BYTES_OF_COUNT);
    size_t payload = put_counts(counts, count, bytes + sizeof(struct head));
    struct head head = {.cookie = htonl(COOKIE), .payload_bytes = htonl((uint32_t)payload), .digits = htonl(DIGITS),
                        .lowest = htobe64(1), .highest = htobe64((uint64_t)ese_histogram_largest())};
    memcpy(&head.ratio, &ratio, sizeof ratio);
    head.ratio = htobe64(head.ratio);
    memcpy(bytes, &head, sizeof head);
    *length = sizeof head + payload;
    return bytes;
}

static uint8_t *encode_compressed(const struct ese_histogram *histogram, size_t *length)
{
    size_t plain_length;
    uint8_t *plain = encode(histogram, &plain_length);
    uLongf room = compressBound(plain_length);
    uint8_t *bytes = ese_alloc(sizeof(struct compressed_head) + room);
    compress(bytes + sizeof(struct compressed_head), &room, plain, plain_length); /* has room: it cannot fail */
    const struct compressed_head head = {.cookie = htonl(COOKIE_COMPRESSED), .bytes = htonl((uint32_t)room)};
    memcpy(bytes, &head, sizeof head);
    free(plain);
    *length = sizeof head + room;
    return bytes;
}

void ese_histogram_log_begin(const char *comment, double start_s, struct ese_buffer *text)
{
    ese_buffer_printf(text, "#[%s]\n#[Histogram log format version 1.3]\n", comment);
    ese_buffer_printf(text, "#[StartTime: %.3f (seconds since epoch)]\n", start_s);
    ese_buffer_text(text, "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\","
                          "\"Interval_Compressed_Histogram\"\n");
}

void ese_histogram_log_add(const struct ese_histogram *histogram, const char *tag, double start_s, double length_s,
                           double unit, struct ese_buffer *text)
{
    size_t length;
    uint8_t *bytes = encode_compressed(histogram, &length);
    if (tag != NULL)
        ese_buffer_printf(text, "Tag=%s,", tag);
    ese_buffer_printf(text, "%.3f,%.3f,%.3f,", start_s, length_s, (double)ese_histogram_max(histogram) / unit);
    ese_base64_write(bytes, length, text);
    ese_buffer_text(text, "\n");
    free(bytes);
}
