/* One file, a line an event, appended to and tailed. docs/adding-a-transport.md explains it all. */
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/event_json.h"
#include "ese-core/memory.h"
#include "ese-core/tally.h"
#include "transports/unreadable.h"

#define FILE_NAME "events.ndjson"
#define DATA_OPTION {.name = "data", .kind = ESE_OPTION_TEXT, .value = "DIR", .fallback = ".", \
                     .help = "The directory of " FILE_NAME "; it is made where it is not there."}
#define LINE_LIMIT (512 * 1024) /* an event's data escaped six times over still fits */
#define NAP_NS (5 * ESE_NS_PER_MS)

static int open_file(const struct ese_config *config, int flags, struct ese_error *error)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/" FILE_NAME, ese_config_text(config, "data"));
    mkdir(ese_config_text(config, "data"), 0755); /* where that fails, opening says why */
    int fd = open(path, flags | O_CREAT | O_CLOEXEC, 0644);
    return fd >= 0 ? fd : ese_fail_path(error, "--data", path, "another directory");
}

struct ese_producer {
    int fd, inflight, pending;
    bool disk;   /* sync before acknowledging */
    bool unsure; /* a sync has failed: pages may be gone, and the kernel says so only once */
    int64_t size, max_bytes;
    struct ese_buffer line;
    struct ese_acknowledgement waiting[]; /* to be told by poll, in the order they were sent */
};

static const struct ese_option writer_options[] = {
    DATA_OPTION,
    {.name = "durability", .kind = ESE_OPTION_CHOICE, .value = "LEVEL", .choices = "os|disk",
     .fallback = "os", .help = "What acknowledged events survive: kill -9, or a power loss, too."},
    {.name = "max-bytes", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "1073741824",
     .min = 1, .max = INT64_MAX, .help = "Events that would make the file longer are refused."},
    ESE_OPTION_END};
static const struct ese_option reader_options[] = {DATA_OPTION, ESE_OPTION_END};

static void close_writer(struct ese_producer **producer)
{
    if (*producer == NULL)
        return;
    close((*producer)->fd); /* and with it goes the lock */
    ese_buffer_free(&(*producer)->line);
    free(*producer);
    *producer = NULL;
}

/* Makes this process the only writer, and ends the line in which one before it was killed. */
static int take_over(struct ese_producer *producer, struct ese_error *error)
{
    char last = '\n';
    if (flock(producer->fd, LOCK_EX | LOCK_NB) != 0)
        return ese_fail(error, ESE_E_FULL, "another process writes to " FILE_NAME ": wait for it");
    producer->size = lseek(producer->fd, 0, SEEK_END);
    bool torn = producer->size > 0 &&
                (pread(producer->fd, &last, 1, producer->size - 1) != 1 || last != '\n');
    if (torn && write(producer->fd, "\n", 1) != 1)
        return ese_fail_errno(error, "cannot write to " FILE_NAME);
    producer->size += torn;
    if (producer->disk && syncfs(producer->fd) != 0) /* the name of a new file must survive, too */
        return ese_fail_errno(error, "cannot sync " FILE_NAME);
    return 0;
}

static int open_writer(const struct ese_config *config, const struct ese_produce_settings *settings,
                       struct ese_producer **producer, struct ese_error *error)
{
    int fd = open_file(config, O_RDWR | O_APPEND, error);
    if (fd < 0)
        return -1;
    struct ese_producer *opened = *producer =
        ese_alloc(sizeof *opened + (size_t)settings->inflight * sizeof opened->waiting[0]);
    opened->fd = fd;
    opened->disk = strcmp(ese_config_text(config, "durability"), "disk") == 0;
    opened->max_bytes = ese_config_number(config, "max-bytes");
    opened->line.limit = LINE_LIMIT;
    opened->inflight = settings->inflight;
    if (take_over(opened, error) == 0)
        return 0;
    close_writer(producer);
    return -1;
}

static int send_line(struct ese_producer *producer, const struct ese_event *event, struct ese_error *error)
{
    struct ese_event stored = *event; /* borrows its data */
    stored.server_ts = ese_clock_wall_ms();
    ese_buffer_clear(&producer->line);
    ese_event_json_write_line(&producer->line, &stored);
    ese_buffer_text(&producer->line, "\n");
    int64_t length = (int64_t)producer->line.length;
    if (producer->pending == producer->inflight || producer->size + length > producer->max_bytes)
        return ese_fail(error, ESE_E_FULL, "no room: --inflight or --max-bytes is reached");
    if (write(producer->fd, producer->line.text, (size_t)length) != length) {
        if (ftruncate(producer->fd, producer->size) != 0)
            producer->max_bytes = 0; /* a part of a line is there: none must follow it */
        return ese_fail_errno(error, "cannot write to " FILE_NAME);
    }
    producer->waiting[producer->pending++] = (struct ese_acknowledgement){
        .id = event->id, .offset = producer->size, .attempts = 1};
    producer->size += length;
    return 0;
}

/* What is written survives kill -9 at once; for `disk` one sync serves all that has gathered. */
static int poll_writer(struct ese_producer *producer, int timeout_ms, struct ese_acknowledgement *acks, int max)
{
    if (producer->pending == 0) /* nothing can come: only the caller's time passes */
        ese_clock_sleep_until(ese_clock_monotonic_ns() + timeout_ms * ESE_NS_PER_MS);
    bool is_syncing = producer->disk && producer->pending > 0;
    producer->unsure = producer->unsure || (is_syncing && ese_tally_sync(producer->fd) != 0);
    int count = producer->pending < max ? producer->pending : max;
    for (int i = 0; i < count; i++) {
        acks[i] = producer->waiting[i];
        acks[i].outcome = producer->unsure ? ESE_OUTCOME_UNKNOWN : ESE_OUTCOME_ACKNOWLEDGED;
        acks[i].done_ns = ese_clock_monotonic_ns();
    }
    producer->pending -= count;
    memmove(producer->waiting, producer->waiting + count, (size_t)producer->pending * sizeof *acks);
    return count;
}

static int count_pending(const struct ese_producer *producer)
{
    return producer->pending;
}

struct ese_consumer {
    int fd;
    int64_t at; /* the byte where the next line begins; -1 before the partition was given */
    char bytes[LINE_LIMIT];
    struct ese_consume_settings settings;
    struct ese_batch batch;
    struct ese_unreadable spoilt[ESE_UNREADABLE_MOST];
    struct ese_record records[]; /* max_batch; an event keeps its memory until it is overwritten */
};

static int open_reader(const struct ese_config *config, const struct ese_consume_settings *settings,
                       struct ese_consumer **consumer, struct ese_error *error)
{
    int fd = open_file(config, O_RDONLY, error);
    if (fd < 0)
        return -1;
    struct ese_consumer *opened = *consumer =
        ese_alloc(sizeof *opened + (size_t)settings->max_batch * sizeof opened->records[0]);
    opened->fd = fd;
    opened->at = -1;
    opened->settings = *settings;
    return 0;
}

/* The whole file is one partition, and always ours. */
static int take_partition(struct ese_consumer *consumer, struct ese_error *error)
{
    int64_t size = lseek(consumer->fd, 0, SEEK_END);
    int64_t from = consumer->settings.listener.given(consumer->settings.listener.context, 0);
    consumer->at = from == ESE_OFFSET_LATEST ? size : from == ESE_OFFSET_EARLIEST ? 0 : from;
    if (consumer->at > size)
        return ese_fail(error, ESE_E_INVALID, FILE_NAME " has no position %lld", (long long)from);
    return 0;
}

/* Up to a batch full. A last line without its end is left alone: its writer may still be at it. */
static int read_lines(struct ese_consumer *consumer, struct ese_error *error)
{
    struct ese_batch *batch = &consumer->batch;
    ssize_t got = pread(consumer->fd, consumer->bytes, LINE_LIMIT, consumer->at);
    if (got < 0)
        return ese_fail_errno(error, "cannot read " FILE_NAME);
    const char *line = consumer->bytes, *end = line + got, *newline = NULL;
    for (; batch->count < consumer->settings.max_batch && ese_unreadable_fits(batch) &&
           (newline = memchr(line, '\n', (size_t)(end - line))) != NULL; line = newline + 1) {
        struct ese_record *record = &consumer->records[batch->count];
        struct ese_error why;
        record->offset = consumer->at;
        record->next = consumer->at += newline + 1 - line;
        if (ese_event_json_read_line(line, (size_t)(newline - line), &record->event, &why) == 0)
            batch->count++;
        else
            ese_unreadable_add(batch, consumer->spoilt, record, line, newline - line, why.text);
    }
    if (line == consumer->bytes && got == LINE_LIMIT) { /* no line of ours: passed over in pieces */
        const struct ese_record piece = {.offset = consumer->at, .next = consumer->at + got};
        ese_unreadable_add(batch, consumer->spoilt, &piece, line, LINE_LIMIT, "no end of line");
        consumer->at = piece.next;
    }
    batch->at_end = got < LINE_LIMIT && newline == NULL;
    return 0;
}

static int next_lines(struct ese_consumer *consumer, int timeout_ms, struct ese_batch *batch,
                      struct ese_error *error)
{
    int64_t deadline_ns = ese_clock_monotonic_ns() + timeout_ms * ESE_NS_PER_MS;
    consumer->batch = (struct ese_batch){.records = consumer->records};
    if (consumer->at < 0 && take_partition(consumer, error) != 0)
        return -1;
    while (read_lines(consumer, error) == 0) {
        int64_t now_ns = ese_clock_monotonic_ns();
        *batch = consumer->batch;
        if (batch->count + batch->unreadable > 0 || now_ns >= deadline_ns)
            return 0;
        ese_clock_sleep_until(deadline_ns - now_ns < NAP_NS ? deadline_ns : now_ns + NAP_NS);
    }
    return -1;
}

static void close_reader(struct ese_consumer **consumer)
{
    if (*consumer == NULL)
        return;
    if ((*consumer)->at >= 0)
        (*consumer)->settings.listener.taken((*consumer)->settings.listener.context, 0);
    for (int i = 0; i < (*consumer)->settings.max_batch; i++)
        ese_event_clear(&(*consumer)->records[i].event);
    close((*consumer)->fd);
    free(*consumer);
    *consumer = NULL;
}

static void name_partition(int32_t partition, char *text, size_t size)
{
    (void)partition;
    snprintf(text, size, FILE_NAME);
}

const struct ese_transport ese_transport_file = {
    .name = "file", .summary = "one file, appended to and tailed: no server at all",
    .promises = {
        .delivery = ESE_DELIVERY_AT_LEAST_ONCE, .ordered_per_key = true, .replayable = true,
        .positions_survive = true, .durability = ESE_DURABILITY_OS | ESE_DURABILITY_DISK,
        .notes = "one machine, one writer at a time; the file grows up to max-bytes, never shrinks",
    },
    .produce = &(const struct ese_produce_face){
        .options = writer_options, .open = open_writer, .send = send_line,
        .poll = poll_writer, .pending = count_pending, .close = close_writer,
    },
    .store = NULL, .consume = &(const struct ese_consume_face){
        .options = reader_options, .open = open_reader, .next = next_lines, .acknowledge = NULL,
        .close = close_reader, .partition_name = name_partition,
    },
};
