/* A history as it may be found: cut short, overwritten, of somebody else. It is read to its end, and what is read
 * can be gone back to; and whoever goes on writing it leaves one that can be read. */
#include <sys/mman.h>
#include <unistd.h>

#include "ese-core/history.h"
#include "ese-core/memory.h"
#include "tests/fuzz/fuzz.h"

#define LIMIT (64 * 1024)

/* All that anybody asks of it. */
static void ask(struct ese_history_reader *reader, const struct ese_history_record *record)
{
    ESE_HOLDS(record->kind > ESE_HISTORY_END && record->kind < ESE_HISTORY_KINDS && record->kind != ESE_HISTORY_KEY);
    ESE_HOLDS(strlen(ese_history_read_key(reader)) < ESE_EVENT_KEY_SIZE);
    ESE_HOLDS(strlen(ese_history_read_word(reader, (uint16_t)(record->b >> 16))) < ESE_EVENT_TYPE_SIZE);
    ESE_HOLDS(strlen(ese_history_read_word(reader, (uint16_t)record->b)) < ESE_EVENT_TYPE_SIZE);
}

static void ask_header(struct ese_history_reader *reader)
{
    struct ese_history_clock clock = ese_history_read_clock(reader), newest = ese_history_read_newest_clock(reader);
    ESE_HOLDS(ese_history_clock_is_same(&clock, &newest));
    ESE_HOLDS(strlen(ese_history_read_party(reader)) < 64);
    ESE_HOLDS(ese_history_read_cut(reader) >= 0);
    ese_history_read_truncated(reader);
    ese_history_read_lost(reader);
    ese_history_read_id(reader);
    for (int i = 0; i < ESE_HISTORY_COUNTERS; i++)
        ese_history_read_count(reader, (enum ese_history_counter)i);
}

/* How many records there are, until an end of any kind. */
static size_t read_all(const char *path, size_t length)
{
    struct ese_history_reader *reader;
    struct ese_history_record record;
    struct ese_history_position middle = {.segment = 0};
    struct ese_error error;
    size_t count = 0;
    if (ese_history_read_open(path, &reader, &error) != 0)
        return 0;
    ask_header(reader);
    while (ese_history_read_next(reader, &record, &error) == 1) {
        ask(reader, &record);
        ESE_HOLDS(count++ <= length);
        if (count == 2)
            middle = ese_history_read_position(reader);
    }
    if (count >= 2 && ese_history_read_seek(reader, &middle, &error) == 0)
        ESE_HOLDS((ese_history_read_next(reader, &record, &error) == 1) == (count > 2));
    ese_history_read_close(&reader);
    return count;
}

static void go_on_writing(const char *path, size_t length)
{
    const struct ese_history_options options = {
        .path = path, .party = "ese-client", .transport = "http", .limit = LIMIT};
    const struct ese_event event = {.type = "T", .sub_type = "S", .ip = "i", .key = "k"};
    struct ese_history *history;
    if (ese_history_open(&options, &history, NULL) != 0)
        return;
    ese_history_offer(history, &event, 1);
    ese_history_record(history, &(struct ese_history_record){.kind = ESE_HISTORY_SENT});
    ese_history_count(history, ESE_COUNT_OFFERED, 1);
    ese_history_close(&history);
    read_all(path, length + LIMIT);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    char path[64];
    int fd = memfd_create("history", MFD_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ESE_HOLDS(fd >= 0 && write(fd, bytes, length) == (ssize_t)length);
    read_all(path, length);
    go_on_writing(path, length);
    close(fd);
    return 0;
}
