/* Reading histories into a book, in order of time. */
#include <dirent.h>
#include <fnmatch.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "orchestration/lab/artifacts.h"
#include "orchestration/lab/book_records.h"

#define SOURCES_MOST 64

/* A history that is being read, and the record it has come to. */
struct source {
    char name[ESE_BOOK_NAME_SIZE];
    const char *directory; /* it lies in; borrowed */
    struct ese_history_reader *reader;
    struct ese_history_record record;
    int said; /* of ese_history_read_next */
    int64_t read[ESE_HISTORY_KINDS];
};

/* ---- whether it was all ---------------------------------------------------------------------- */

/* A record is written before it is counted, so whoever is killed leaves as many, or more. */
static void check_counters(struct ese_book *book, const struct source *source)
{
    static const struct {
        enum ese_history_kind kind;
        enum ese_history_counter counter;
        const char *words;
    } counted[] = {
        {ESE_HISTORY_OFFERED, ESE_COUNT_OFFERED, "events offered"},
        {ESE_HISTORY_ACKNOWLEDGED, ESE_COUNT_ACKNOWLEDGED, "events acknowledged"},
        {ESE_HISTORY_REFUSED, ESE_COUNT_REFUSED, "events refused"},
        {ESE_HISTORY_UNKNOWN, ESE_COUNT_UNKNOWN, "events of unknown outcome"},
        {ESE_HISTORY_NOT_SENT, ESE_COUNT_NOT_SENT, "events not sent"},
        {ESE_HISTORY_HANDED, ESE_COUNT_HANDED, "events handed on"},
        {ESE_HISTORY_DECIDED, ESE_COUNT_DECIDED, "decisions"},
        {ESE_HISTORY_DEAD_LETTER, ESE_COUNT_DEAD_LETTERS, "events passed over"},
        {ESE_HISTORY_MAIL_ASKED, ESE_COUNT_MAILS_ASKED, "mails asked for"},
        {ESE_HISTORY_MAIL_SENT, ESE_COUNT_MAILS_SENT, "mails sent"},
        {ESE_HISTORY_MAIL_DEAD, ESE_COUNT_MAILS_DEAD, "dead letters"},
        {ESE_HISTORY_STORED, ESE_COUNT_STORED, "events read back"},
        {ESE_HISTORY_KEPT, ESE_COUNT_KEPT, "events kept"},
        {ESE_HISTORY_OVERWRITTEN, ESE_COUNT_OVERWRITTEN, "events overwritten"},
        {ESE_HISTORY_EXPIRED, ESE_COUNT_EXPIRED, "events expired"},
    };
    for (size_t i = 0; i < ESE_COUNT_OF(counted); i++) {
        int64_t count = ese_history_read_count(source->reader, counted[i].counter);
        if (count > source->read[counted[i].kind])
            ese_book_note_missing(book, "%s has lost records: it counts %lld %s, and tells of %lld",
                                  source->name, (long long)count, counted[i].words,
                                  (long long)source->read[counted[i].kind]);
    }
}

/* What a history that was read to its end says of itself. */
static void check_source(struct ese_book *book, const struct source *source)
{
    const char *name = source->name;
    int64_t cut = ese_history_read_cut(source->reader);
    if (ese_history_read_truncated(source->reader))
        ese_book_note_missing(book, "%s met its limit or a full disk and stopped recording: make room, or run for a "
                                    "shorter time", name);
    if (cut > 0)
        ese_book_note_missing(book, "%s was cut short: its last %lld records are gone; judge a run as it was left",
                              name, (long long)cut);
    if (ese_history_read_lost(source->reader))
        ese_book_note_missing(book, "%s has lost segments that were not read yet: let ese-lab watch run all the time, "
                                    "or its writer keep more (--history-segments)", name);
    if (!book->is_running) /* who goes on writing counts more than was read */
        check_counters(book, source);
}

/* ---- from history to history ----------------------------------------------------------------- */

static struct ese_book_place *place_of(struct ese_book *book, const char *name)
{
    for (size_t i = 0; i < book->place_count; i++) {
        if (strcmp(book->places[i].name, name) == 0)
            return &book->places[i];
    }
    book->places = ese_realloc_array(book->places, book->place_count + 1, sizeof *book->places);
    struct ese_book_place *place = &book->places[book->place_count++];
    *place = (struct ese_book_place){.position = {.segment = 0}};
    ese_fit_text(place->name, sizeof place->name, name);
    return place;
}

/* Of a clock that was not met before. */
static int64_t apart_ns(struct ese_book *book, const struct ese_history_clock *clock)
{
    if (book->wall_offset_ns == 0)
        book->wall_offset_ns = clock->wall_offset_ns;
    const struct ese_history_clock books = {.wall_offset_ns = book->wall_offset_ns};
    return ese_history_clock_is_same(&books, clock) ? 0
                                                    : clock->wall_offset_ns - book->wall_offset_ns;
}

int64_t ese_book_time(struct ese_book *book, int64_t time_ns, const struct ese_history_clock *clock)
{
    for (size_t i = 0; i < book->clock_count; i++) {
        if (book->clocks[i].boot == clock->boot)
            return time_ns + book->clocks[i].apart_ns;
    }
    const struct ese_book_clock new = {.boot = clock->boot, .apart_ns = apart_ns(book, clock)};
    if (new.boot != 0)
        ese_book_add_clock(book, &new);
    return time_ns + new.apart_ns;
}

static void advance(struct ese_book *book, struct source *source)
{
    struct ese_error error;
    source->said = ese_history_read_next(source->reader, &source->record, &error);
    const struct ese_history_clock clock = ese_history_read_clock(source->reader);
    if (source->said == 1)
        source->record.time_ns = ese_book_time(book, source->record.time_ns, &clock);
    if (source->said == -1)
        ese_book_note_missing(book, "%s is damaged: %.120s", source->name,
                              ese_artifact_shorten(source->directory, &error));
}

/* Goes on behind what was read before; where that was another history, at the beginning of this one. */
static int go_on(struct ese_book *book, struct source *source, struct ese_error *error)
{
    const struct ese_book_place *place = place_of(book, source->name);
    struct ese_history_position from = {.segment = 0};
    if (ese_history_read_seek(source->reader, &place->position, error) == 0) {
        const struct ese_id id = ese_history_read_id(source->reader);
        if (!ese_history_is_other(&id, &place->history))
            return 0;
        from.segment = ese_history_read_position(source->reader).segment;
    } else if (error->code != ESE_E_INVALID) {
        return -1;
    }
    ese_book_note_missing(book, "%s is another history than the one that was read before: what more "
                          "that one held is not known", source->name);
    return ese_history_read_seek(source->reader, &from, error);
}

static int open_source(struct ese_book *book, const char *directory, const char *path, struct source *source,
                       struct ese_error *error)
{
    *source = (struct source){.directory = directory};
    ese_fit_text(source->name, sizeof source->name, strrchr(path, '/') + 1);
    if (ese_history_read_open(path, &source->reader, error) == -1)
        return -1;
    if (book->is_running && go_on(book, source, error) == -1) {
        ese_history_read_close(&source->reader);
        return -1;
    }
    return 0;
}

static void close_source(struct ese_book *book, struct source *source)
{
    check_source(book, source);
    if (book->is_running) {
        struct ese_book_place *place = place_of(book, source->name);
        place->position = ese_history_read_position(source->reader);
        place->history = ese_history_read_id(source->reader);
    }
    ese_history_read_close(&source->reader);
}

/* The one whose next record is the earliest, or NULL when none has any. */
static struct source *earliest(struct source *sources, size_t count)
{
    struct source *found = NULL;
    for (size_t i = 0; i < count; i++) {
        if (sources[i].said == 1 &&
            (found == NULL || sources[i].record.time_ns < found->record.time_ns))
            found = &sources[i];
    }
    return found;
}

static void read_sources(struct ese_book *book, struct source *sources, size_t count)
{
    for (size_t i = 0; i < count; i++)
        advance(book, &sources[i]);
    for (struct source *next; (next = earliest(sources, count)) != NULL; advance(book, next)) {
        const struct ese_book_page page = {
            .book = book, .name = next->name, .reader = next->reader, .record = &next->record};
        next->read[next->record.kind]++;
        ese_book_take(&page);
    }
    for (size_t i = 0; i < count; i++)
        close_source(book, &sources[i]);
}

/* Whoever has to say why nothing was read says where, too: so the trouble is a copy. */
static void note_unread(struct ese_book *book, const char *directory, const char *name, struct ese_error trouble)
{
    ese_book_note_unread(book, "%.60s cannot be read: %.120s", name, ese_artifact_shorten(directory, &trouble));
}

/* Opens the histories whose names match. One that cannot be read leaves the others readable, is noted,
 * and trouble says why. Returns how many can be. */
static int open_sources(struct ese_book *book, const char *directory, const char *pattern,
                        struct source sources[SOURCES_MOST], struct ese_error *trouble)
{
    struct dirent **names = NULL;
    int found = scandir(directory, &names, NULL, alphasort), count = 0;
    for (int i = 0; i < found; i++) {
        char path[ESE_ARTIFACT_PATH_SIZE];
        const char *name = names[i]->d_name;
        bool is_wanted = fnmatch(pattern, name, 0) == 0;
        if (is_wanted && count == SOURCES_MOST)
            ese_book_note_missing(book, "%.60s is one history too many: %d are read; start fewer consumers", name,
                                  SOURCES_MOST);
        else if (is_wanted && ese_artifact_path(directory, name, path, trouble) == 0 &&
                 open_source(book, directory, path, &sources[count], trouble) == 0)
            count++;
        else if (is_wanted)
            note_unread(book, directory, name, *trouble);
        free(names[i]);
    }
    free(names);
    return count;
}

int ese_book_read_party(struct ese_book *book, const char *directory, const char *name,
                        struct ese_error *error)
{
    struct source sources[SOURCES_MOST];
    struct ese_error trouble = {.code = ESE_OK};
    int count = open_sources(book, directory, name, sources, &trouble);
    if (count == 0 && trouble.code != ESE_OK)
        return ese_fail(error, trouble.code, "%s", trouble.text);
    if (count == 0)
        return ese_fail(error, ESE_E_MISSING, "there is no history %s/%s: has its writer begun, or was it removed?",
                        directory, strcmp(name,
                                          ESE_ARTIFACT_CLIENT_HISTORIES) == 0 ? ESE_ARTIFACT_CLIENT_HISTORY : name);
    read_sources(book, sources, (size_t)count);
    return 0;
}

int ese_book_read(struct ese_book *book, const char *directory, struct ese_error *error)
{
    if (ese_book_read_party(book, directory, ESE_ARTIFACT_CLIENT_HISTORIES, error) == -1)
        return -1;
    const char *const others[] = {ESE_BOOK_CONSUMERS, ESE_ARTIFACT_STORE_HISTORY,
                                  book->tells_losses ? ESE_ARTIFACT_SERVER_HISTORY : NULL};
    for (size_t i = 0; i < ESE_COUNT_OF(others) && others[i] != NULL; i++) {
        struct ese_error trouble;
        if (ese_book_read_party(book, directory, others[i], &trouble) == -1)
            ese_book_note_missing(book, "%s", ese_artifact_shorten(directory, &trouble));
    }
    ese_book_end(book);
    return 0;
}

void ese_book_read_mails(struct ese_book *book, const char *directory,
                         const struct ese_id_filter *wanted)
{
    struct ese_error trouble;
    book->wanted_mails = wanted;
    if (ese_book_read_party(book, directory, ESE_ARTIFACT_MAILER_HISTORY, &trouble) == -1)
        ese_book_note_missing(book, "%s", ese_artifact_shorten(directory, &trouble));
    book->wanted_mails = NULL;
}
