/* Which events' stories are told, however a run is shared out; and many stories beside single ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/clock.h"
#include "ese-core/history_text.h"
#include "ese-core/memory.h"
#include "orchestration/lab/artifacts.h"
#include "orchestration/lab/book_skips.h"
#include "orchestration/lab/chosen.h"
#include "orchestration/lab/explain.h"
#include "orchestration/lab/network.h"
#include "orchestration/lab/story_deeds.h"
#include "orchestration/lab/whereabouts.h"
#include "tests/support/directory.h"
#include "tests/support/staged_run.h"

enum { EVENTS = 300, LANES = 16 };
#define EVENT "018bcfe5-6800-7001-8000-000000000001"

static struct ese_book_entry entry(int number, uint32_t run)
{
    const struct ese_id_parts parts = {.time_ms = 1000 + number, .lane = (uint16_t)(number % LANES), .run = run,
                                       .sequence = (uint32_t)(number / LANES)};
    return (struct ese_book_entry){.id = ese_id_make(&parts), .due_ns = 1 + number, .done_ns = 2 + number,
                                   .is_processed = true, .outcome = ESE_HISTORY_ACKNOWLEDGED};
}

static void fill(struct ese_book_entry entries[EVENTS], uint32_t run)
{
    for (int i = 0; i < EVENTS; i++)
        entries[i] = entry(i, run);
}

static void take(struct ese_chosen *chosen, struct ese_book_entry *entries, uint32_t count)
{
    struct ese_evidence evidence = {.book = {.entries = entries, .count = count}};
    ese_chosen_take(chosen, &evidence);
}

static void what_is_at_fault_comes_first(void **state)
{
    (void)state;
    struct ese_book_entry entries[EVENTS];
    struct ese_chosen chosen = {.most = 10};
    fill(entries, 7);
    entries[200].copies = 2;
    entries[201].outcome = ESE_HISTORY_UNKNOWN;
    entries[202].is_out = true;
    entries[202].copies = 2;
    entries[203].due_ns = 0; /* a phantom: nobody has offered it */
    entries[203].copies = 1;
    take(&chosen, entries, EVENTS);
    ese_chosen_settle(&chosen);
    assert_int_equal(chosen.seen, EVENTS - 1);
    assert_int_equal(chosen.faulty, 3);
    assert_int_equal(chosen.count, 10);
    for (size_t i = 0; i < chosen.count; i++)
        assert_true((chosen.events[i].kind != NULL) == (i < 3));
    ese_chosen_free(&chosen);
}

static void who_is_chosen_does_not_depend_on_shares(void **state)
{
    (void)state;
    struct ese_book_entry entries[EVENTS];
    struct ese_chosen whole = {.most = 12}, shared = {.most = 12};
    fill(entries, 7);
    for (int i = 0; i < EVENTS; i += 50)
        entries[i].copies = 3;
    take(&whole, entries, EVENTS);
    for (uint32_t from = EVENTS; from > 0; from -= 20)
        take(&shared, entries + from - 20, 20);
    ese_chosen_settle(&whole);
    ese_chosen_settle(&shared);
    assert_int_equal(whole.count, 12);
    assert_int_equal(shared.seen, EVENTS);
    assert_int_equal(shared.faulty, 6);
    for (size_t i = 0; i < whole.count; i++)
        assert_true(ese_id_equal(&whole.events[i].id, &shared.events[i].id));
    ese_chosen_free(&whole);
    ese_chosen_free(&shared);
}

/* Of another run, over another transport: the same places of the same lanes. */
static void the_same_are_chosen_over_every_transport(void **state)
{
    (void)state;
    struct ese_book_entry entries[EVENTS];
    struct ese_chosen one = {.most = 20}, other = {.most = 20};
    fill(entries, 7);
    take(&one, entries, EVENTS);
    fill(entries, 8);
    take(&other, entries, EVENTS);
    ese_chosen_settle(&one);
    ese_chosen_settle(&other);
    for (size_t i = 0; i < 20; i++) {
        const struct ese_id_parts a = ese_id_read(&one.events[i].id), b = ese_id_read(&other.events[i].id);
        assert_int_equal(a.lane, b.lane);
        assert_int_equal(a.sequence, b.sequence);
        assert_int_not_equal(a.run, b.run);
    }
    ese_chosen_free(&one);
    ese_chosen_free(&other);
}

static void of_nothing_nothing_is_chosen(void **state)
{
    (void)state;
    struct ese_chosen chosen = {.most = 5};
    ese_chosen_settle(&chosen);
    assert_int_equal(chosen.count, 0);
    ese_chosen_free(&chosen);
}

/* ---- stories of many ------------------------------------------------------------------------- */

struct told {
    struct ese_buffer text[EVENTS];
};

static void put(void *context, size_t number, int64_t after_ns, const char *who, const char *line)
{
    struct told *told = context;
    ese_buffer_printf(&told->text[number], "  %10.4f s  %-12s %s\n", (double)after_ns / 1e9, who, line);
}

/* Mails and all, and one that nobody knows. */
static void many_stories_are_those_of_each(void **state)
{
    (void)state;
    static struct told told;
    struct staged_run *run = staged_run_make(3, EVENTS);
    struct ese_explain asked[EVENTS];
    struct ese_buffer unread = ESE_BUFFER_INIT(4096);
    staged_run_lose(run, 20, ESE_HISTORY_OVERWRITTEN);
    staged_run_consume(run);
    staged_run_write(run);
    for (int i = 0; i < EVENTS; i++) {
        asked[i] = (struct ese_explain){.directory = run->directory, .id = run->events[i].event.id};
        told.text[i] = (struct ese_buffer)ESE_BUFFER_INIT(1 << 16);
    }
    asked[EVENTS - 1].id = ese_id_derive("nobody's", NULL, 0);
    ese_explain_events(asked, EVENTS, put, &told, &unread);
    for (int i = 0; i < EVENTS; i++) {
        struct ese_buffer one = ESE_BUFFER_INIT(1 << 16);
        assert_int_equal(ese_explain_event(&asked[i], &one), i < EVENTS - 1);
        assert_true(told.text[i].length <= one.length); /* what cannot be read stands behind it there */
        assert_memory_equal(one.text, told.text[i].text == NULL ? "" : told.text[i].text, told.text[i].length);
        assert_true((told.text[i].length > 0) == (i < EVENTS - 1));
        ese_buffer_free(&one);
        ese_buffer_free(&told.text[i]);
    }
    ese_buffer_free(&unread);
    staged_run_free(&run);
}

/* ---- what the fault did ---------------------------------------------------------------------- */

#define ALL 0
#define LINE(name) ESE_LINE_BIT(ESE_LINE_##name)
#define ROLE(name) ESE_ROLE_BIT(ESE_ROLE_##name)

/* What the fault did, as the story of one event of the run has it. Times are in milliseconds from when it was due. */
static void assert_story_in(struct staged_run *run, int event, const struct ese_deed *done, int count,
                            const char *wanted)
{
    struct ese_buffer text = ESE_BUFFER_INIT(1 << 16);
    struct ese_deeds deeds = {.count = 0};
    const struct staged_event *of = &run->events[event];
    staged_run_consume(run);
    staged_run_write(run);
    for (int i = 0; i < count; i++) {
        struct ese_deed deed = done[i];
        deed.done_ns = of->due_ns + deed.done_ns * ESE_NS_PER_MS;
        ese_deeds_add(&deeds, &deed);
    }
    const struct ese_explain asked = {
        .directory = run->directory, .id = of->event.id, .deeds = &deeds, .members = 2};
    char found[4096] = "", *rest = NULL;
    assert_true(ese_explain_event(&asked, &text));
    for (char *line = strtok_r(text.text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        const char *words = strstr(line, "the fault");
        if (words != NULL)
            snprintf(found + strlen(found), sizeof found - strlen(found), "%s;", words + strlen("the fault    "));
    }
    assert_string_equal(found, wanted);
    ese_buffer_free(&text);
    staged_run_free(&run);
}

/* Of one that was handed and committed. */
static void assert_story(const struct ese_deed *done, int count, const char *wanted)
{
    assert_story_in(staged_run_make(3, EVENTS), 10, done, count, wanted);
}

static void a_story_tells_how_and_which_line(void **state)
{
    (void)state;
    const struct ese_deed done[] = {
        {ESE_ACT_NETWORK, 0, ROLE(CLIENT), 0, ALL, LINE(CLIENT_SERVER), "cut backward"},
        {ESE_ACT_DISK, 0, ROLE(SERVER), 0, ALL, 0, "full"},
        {ESE_ACT_SMTP, 0, ROLE(SINK), 0, ALL, 0, "refuse 451"},
        {ESE_ACT_KILL, 0, ROLE(CONSUMER), 0, ESE_MEMBER_BIT(2), 0, ""},
        {ESE_ACT_KILL, 0, 0, ROLE(BROKER), ALL, 0, ""},
    };
    assert_story(done, 5, "network client-server cut backward;disk server full;smtp sink refuse 451;kill consumer 2;");
}

#define STILL ", which was still so when the event came;"

static void a_story_tells_what_was_still_so(void **state)
{
    (void)state;
    const struct ese_deed line[] = {
        {ESE_ACT_NETWORK, -9, ROLE(CLIENT), 0, ALL, LINE(CLIENT_SERVER), "latency 5"},
        {ESE_ACT_NETWORK, -8, ROLE(CLIENT), 0, ALL, LINE(CLIENT_SERVER), "latency 40"},
        {ESE_ACT_NETWORK, -7, ROLE(CONSUMER), 0, ALL, LINE(CONSUMER_SERVER), "cut both"},
        {ESE_ACT_NETWORK, -6, ROLE(CONSUMER), 0, ALL, LINE(CONSUMER_SERVER), "restore"},
        {ESE_ACT_NETWORK, -5, ROLE(CLIENT), 0, ALL, LINE(CLIENT_SERVER), "reset"},
        {ESE_ACT_KILL, -4, ROLE(CONSUMER), 0, ALL, 0, ""},
        {ESE_ACT_START, -3, ROLE(CONSUMER), 0, ESE_MEMBER_BIT(1), 0, ""}};
    assert_story(line, 7, "network client-server latency 40" STILL "kill consumer" STILL);
    const struct ese_deed over[] = {
        {ESE_ACT_KILL, -9, ROLE(CONSUMER), 0, ALL, 0, ""},
        {ESE_ACT_START, -8, ROLE(CONSUMER), 0, ESE_MEMBER_BIT(1), 0, ""},
        {ESE_ACT_START, -7, ROLE(CONSUMER), 0, ESE_MEMBER_BIT(2), 0, ""},
        {ESE_ACT_FREEZE, -6, ROLE(SERVER), 0, ALL, 0, ""},
        {ESE_ACT_POWER, -5, ROLE(SERVER), 0, ALL, 0, "7"},
        {ESE_ACT_CLOCK, -4, ROLE(CLIENT), 0, ALL, 0, "+60s"},
        {ESE_ACT_CLOCK, -3, ROLE(CLIENT), 0, ALL, 0, "-60s"},
        {ESE_ACT_DISK, -2, ROLE(SERVER), 0, ALL, 0, "full"},
        {ESE_ACT_DISK, -1, ROLE(SERVER), 0, ALL, 0, "well"}};
    assert_story(over, 9, "power server 7" STILL "clock client -60s" STILL);
}

/* It was committed by then. */
static void a_story_does_not_tell_what_came_later(void **state)
{
    (void)state;
    const struct ese_deed later = {ESE_ACT_KILL, 3600 * 1000, ROLE(SERVER), 0, ALL, 0, ""};
    assert_story(&later, 1, "");
}

/* ---- and what it did afterwards to those who had it ------------------------------------------- */

#define AFTER ", after the last that is heard of the event;"
#define HOUR (3600 * 1000)

/* One that a store which tells its losses has kept, and nobody was handed: nobody tells how it went. */
static struct staged_run *lost(int event, enum ese_history_kind how)
{
    struct staged_run *run = staged_run_make(3, EVENTS);
    run->tells_losses = true;
    assert_int_equal(run->events[event].outcome, ESE_HISTORY_ACKNOWLEDGED);
    staged_run_lose(run, staged_run_place(run, event), how);
    return run;
}

static void a_story_goes_on_where_the_event_did_not_come_to_its_end(void **state)
{
    (void)state;
    const struct ese_deed later[] = {
        {ESE_ACT_KILL, HOUR, ROLE(MAILER), 0, ALL, 0, ""},
        {ESE_ACT_POWER, HOUR + 1, ROLE(SERVER), 0, ALL, 0, "7"},
        {ESE_ACT_NETWORK, HOUR + 2, ROLE(CLIENT), 0, ALL, LINE(CLIENT_SERVER), "reset"},
        {ESE_ACT_KILL, HOUR + 3, ROLE(CONSUMER), 0, ESE_MEMBER_BIT(2), 0, ""},
        {ESE_ACT_KILL, HOUR + 4, 0, ROLE(BROKER), ALL, 0, ""}};
    assert_story_in(lost(10, ESE_HISTORY_END), 10, later, 5, "power server 7" AFTER "kill consumer 2" AFTER);
    assert_story_in(lost(10, ESE_HISTORY_EXPIRED), 10, later, 5, "");
}

/* As many as are near, and how many more there are. */
static void of_what_befell_it_afterwards_the_nearest_are_told(void **state)
{
    (void)state;
    struct ese_deed later[2 * ESE_STORY_DEEDS_AFTER];
    char near[ESE_STORY_DEEDS_AFTER * 80] = "", wanted[sizeof near + 80];
    for (int i = 0; i < 2 * ESE_STORY_DEEDS_AFTER; i++)
        later[i] = (struct ese_deed){i % 2 == 0 ? ESE_ACT_KILL : ESE_ACT_START, HOUR + i, ROLE(SERVER), 0, ALL, 0, ""};
    for (int i = 0; i < ESE_STORY_DEEDS_AFTER; i++)
        snprintf(near + strlen(near), sizeof near - strlen(near), "%s server" AFTER, i % 2 == 0 ? "kill" : "start");
    snprintf(wanted, sizeof wanted, "%sand 3 more, from then on;", near);
    assert_int_equal(ESE_STORY_DEEDS_AFTER, 8);
    assert_story_in(lost(10, ESE_HISTORY_END), 10, later, ESE_STORY_DEEDS_AFTER + 3, wanted);
    assert_story_in(lost(10, ESE_HISTORY_END), 10, later, ESE_STORY_DEEDS_AFTER, near);
}

/* Each record in turn, and who has it then. */
static void who_has_an_event_follows_from_its_records(void **state)
{
    (void)state;
    const unsigned consumer = ROLE(CONSUMER), keeping = ESE_ROLES_KEEPING, mailer = ROLE(MAILER) | ROLE(SINK);
    const struct {
        enum ese_history_kind kind;
        unsigned roles;
    } way[] = {
        {ESE_HISTORY_OFFERED, ROLE(CLIENT) | keeping},
        {ESE_HISTORY_SENT, ROLE(CLIENT) | keeping},
        {ESE_HISTORY_ACKNOWLEDGED, keeping | consumer},
        {ESE_HISTORY_SENT_AGAIN, keeping | consumer},
        {ESE_HISTORY_HANDED, keeping | consumer},
        {ESE_HISTORY_EXPIRED, keeping | consumer}, /* whoever was handed it has it */
        {ESE_HISTORY_DECIDED, keeping | consumer | mailer},
        {ESE_HISTORY_COMMITTED, ROLE(BROKER) | consumer | mailer},
        {ESE_HISTORY_UNKNOWN, ROLE(BROKER) | consumer | mailer},
        {ESE_HISTORY_MAIL_ASKED, mailer},
        {ESE_HISTORY_MAIL_SENT, 0},
        {ESE_HISTORY_HANDED, keeping | consumer}, /* anew */
        {ESE_HISTORY_DEAD_LETTER, 0},
        {ESE_HISTORY_HANDED, keeping | consumer}, /* and anew, in vain: */
        {ESE_HISTORY_SKIPPED, 0},
    };
    struct ese_whereabouts where = {.step = 0};
    assert_int_equal(ese_whereabouts_roles(&where), 0);
    for (size_t i = 0; i < ESE_COUNT_OF(way); i++) {
        ese_whereabouts_take(&where, way[i].kind);
        assert_int_equal(ese_whereabouts_roles(&where), way[i].roles);
    }
    static const enum ese_history_kind ends[] = {ESE_HISTORY_NOT_SENT, ESE_HISTORY_REFUSED, ESE_HISTORY_EXPIRED,
                                                 ESE_HISTORY_OVERWRITTEN, ESE_HISTORY_SKIPPED};
    for (size_t i = 0; i < ESE_COUNT_OF(ends); i++) {
        where = (struct ese_whereabouts){.step = 0};
        ese_whereabouts_take(&where, ESE_HISTORY_ACKNOWLEDGED);
        ese_whereabouts_take(&where, ends[i]);
        assert_int_equal(ese_whereabouts_roles(&where), 0);
    }
}

/* ---- what retention took ----------------------------------------------------------------------- */

/* The consumer was handed the first so many. */
static void assert_skip(int read, int64_t skipped, const char *in, int event, bool is_told)
{
    struct staged_run *run = staged_run_of("a0. a10. a20. a30.");
    struct ese_buffer text = ESE_BUFFER_INIT(1 << 16);
    for (int i = 0; i < run->count; i++) {
        run->events[i].is_place_told = true;
        run->events[i].told_offset = i;
    }
    run->skipped_in = in;
    run->skipped = skipped; /* from 1 on */
    run->read = read;
    staged_run_consume(run);
    staged_run_write(run);
    const struct ese_explain asked = {.directory = run->directory, .id = run->events[event].event.id};
    assert_true(ese_explain_event(&asked, &text));
    if ((strstr(text.text, "are no longer kept") != NULL) != is_told)
        fail_msg("of event %d, with %lld skipped in %s, it says: %s", event, (long long)skipped, in, text.text);
    ese_buffer_free(&text);
    staged_run_free(&run);
}

static void a_story_tells_what_is_no_longer_kept(void **state)
{
    (void)state;
    const char *consumers = ESE_ARTIFACT_CONSUMER_HISTORY;
    assert_skip(1, 2, consumers, 0, false);
    assert_skip(1, 2, consumers, 1, true);
    assert_skip(1, 2, consumers, 2, true);
    assert_skip(1, 1, consumers, 2, false);
    assert_skip(3, 2, consumers, 2, false); /* it was committed */
    assert_skip(1, 2, ESE_ARTIFACT_STORE_HISTORY, 1, true);
    assert_skip(1, 2, ESE_ARTIFACT_MAILER_HISTORY, 1, false); /* of mails, as it may be */
}

/* Whose histories they are, in the order in which they are read, what they tell, and in whose a skip is told of the
 * event, which is at offset 1 of partition 0. NULL: in none. */
static void assert_skip_of(const char *const lines[][2], int count, const char *wanted)
{
    static const struct ese_history_clock clock = {.boot = 1};
    char *directory = ese_test_directory_make();
    struct ese_buffer text = ESE_BUFFER_INIT(1 << 16);
    struct ese_error error = {.text = ""};
    for (int i = 0; i < count; i++) {
        struct ese_history_line line;
        struct ese_history *history = NULL;
        char *path = ese_test_path(directory, lines[i][0]);
        const struct ese_history_options options = {
            .path = path, .party = "somebody", .transport = "", .limit = 1 << 20, .clock = &clock};
        if (ese_history_open(&options, &history, &error) == -1 ||
            ese_history_text_read(lines[i][1], strlen(lines[i][1]), &line, &error) == -1)
            fail_msg("%s", error.text);
        if (line.id[0] != '\0')
            assert_int_equal(ese_id_parse(line.id, &line.record.id, NULL), 0);
        ese_history_record(history, &line.record);
        ese_history_close(&history);
        free(path);
    }
    struct ese_explain asked = {.directory = directory};
    assert_int_equal(ese_id_parse(EVENT, &asked.id, NULL), 0);
    assert_true(ese_explain_event(&asked, &text));
    const char *told = strstr(text.text, " was told that offsets from 1 up to before 3 are no longer kept");
    while (told != NULL && *--told == ' ')
        ;
    if ((told != NULL) != (wanted != NULL) ||
        (told != NULL && strncmp(told + 1 - strlen(wanted), wanted, strlen(wanted)) != 0))
        fail_msg("it says: %s", text.text);
    if (wanted != NULL)
        assert_null(strstr(text.text, "consumer-1   committed"));
    ese_buffer_free(&text);
    ese_test_directory_remove(&directory);
}

#define KEPT_NOT "{\"time_ns\":50,\"kind\":\"skipped\",\"from\":1,\"to\":3}"
#define HANDED_AT(time) \
    "{\"time_ns\":" time ",\"kind\":\"handed\",\"id\":\"" EVENT "\",\"offset\":1}"
#define DONE_AT(time) "{\"time_ns\":" time ",\"kind\":\"committed\",\"next\":2,\"events\":1}"
#define STORED_AT_1 \
    {"client.history", \
     "{\"time_ns\":10,\"kind\":\"acknowledged\",\"id\":\"" EVENT "\",\"partition\":0,\"offset\":1}"}

/* Whichever of the histories is read first. */
static void of_what_another_consumer_has_committed_nobody_misses_anything(void **state)
{
    (void)state;
    const char *const first[][2] = {STORED_AT_1,
                                    {"consumer-1.history", HANDED_AT("20")},
                                    {"consumer-1.history", DONE_AT("30")},
                                    {"consumer-2.history", KEPT_NOT}};
    const char *const last[][2] = {STORED_AT_1,
                                   {"consumer-1.history", KEPT_NOT},
                                   {"consumer-2.history", HANDED_AT("20")},
                                   {"consumer-2.history", DONE_AT("30")}};
    assert_skip_of(first, 4, NULL);
    assert_skip_of(last, 4, NULL);
    assert_skip_of(last, 2, "consumer-1");
}

/* It was in the hands of one that died before it committed; whoever took over begins where that had begun. */
static void what_was_handed_in_vain_and_then_not_kept_is_missed(void **state)
{
    (void)state;
    const char *const others[][2] = {STORED_AT_1,
                                     {"consumer-1.history", HANDED_AT("20")},
                                     {"consumer-2.history", KEPT_NOT}};
    const char *const own[][2] = {STORED_AT_1,
                                  {"consumer-1.history", HANDED_AT("20")},
                                  {"consumer-1.history", KEPT_NOT},
                                  {"consumer-1.history", DONE_AT("60")}}; /* what lies behind */
    assert_skip_of(others, 3, "consumer-2");
    assert_skip_of(own, 4, "consumer-1");
}

/* Somebody else, who has a position of its own. */
static void what_a_reader_was_handed_or_misses_is_no_matter_of_the_consumers(void **state)
{
    (void)state;
    const char *const handed[][2] = {{"consumer-1.history", KEPT_NOT}, /* the place is told by who was handed it */
                                     {"reader-1.history", HANDED_AT("20")},
                                     {"reader-1.history", DONE_AT("30")}};
    const char *const misses[][2] = {STORED_AT_1, {"consumer-1.history", HANDED_AT("20")},
                                     {"reader-1.history", KEPT_NOT}};
    const char *const read_back[][2] = {STORED_AT_1, {"consumer-1.history", HANDED_AT("20")},
                                        {"store.history", KEPT_NOT}};
    assert_skip_of(handed, 3, "consumer-1");
    assert_skip_of(misses, 3, NULL);
    assert_skip_of(read_back, 3, NULL);
}

/* A consumer was told of so many stretches, each `step` behind the other, and then of the one in which the event is,
 * which is at offset 1: that one from there on up to `to`, and once more. What is said. */
static char *story_behind(int stretches, int64_t step, int64_t to)
{
    static const struct ese_history_clock clock = {.boot = 1};
    char *directory = ese_test_directory_make(), *client = ese_test_path(directory, ESE_ARTIFACT_CLIENT_HISTORY);
    char *path = ese_test_path(directory, ESE_ARTIFACT_CONSUMER_HISTORY);
    struct ese_explain asked = {.directory = directory};
    assert_int_equal(ese_id_parse(EVENT, &asked.id, NULL), 0);
    struct ese_history *history = NULL;
    struct ese_history_options options = {
        .path = client, .party = "somebody", .transport = "", .limit = 1 << 20, .clock = &clock};
    assert_int_equal(ese_history_open(&options, &history, NULL), 0);
    ese_history_record(history, &(struct ese_history_record){
        .kind = ESE_HISTORY_ACKNOWLEDGED, .time_ns = 10, .id = asked.id, .a = 1});
    ese_history_close(&history);
    options.path = path;
    assert_int_equal(ese_history_open(&options, &history, NULL), 0);
    struct ese_history_record skip = {.kind = ESE_HISTORY_SKIPPED, .time_ns = 20};
    for (int i = 0; i < stretches; i++) {
        skip.a = 100 + i * step;
        skip.b = skip.a + 1;
        ese_history_record(history, &skip);
    }
    for (int64_t end = 3; end <= to; end += 3) {
        skip = (struct ese_history_record){
            .kind = ESE_HISTORY_SKIPPED, .time_ns = 30 + end, .a = end == 3 ? 1 : end - 3, .b = end};
        ese_history_record(history, &skip);
        ese_history_record(history, &skip);
    }
    ese_history_close(&history);
    struct ese_buffer text = ESE_BUFFER_INIT(1 << 16);
    assert_true(ese_explain_event(&asked, &text));
    free(client);
    free(path);
    ese_test_directory_remove(&directory);
    return text.text;
}

static void assert_behind(int stretches, int64_t step, const char *wanted, bool are_more)
{
    char *text = story_behind(stretches, step, 9);
    const char *told = strstr(text, "was told that");
    if ((told != NULL) != (wanted != NULL) || (told != NULL && strncmp(told, wanted, strlen(wanted)) != 0) ||
        (told != NULL && strstr(told + 1, "was told that") != NULL) ||
        (strstr(text, "more than 4096 stretches of offsets were no longer kept") != NULL) != are_more)
        fail_msg("behind %d, it says: %s", stretches, text);
    free(text);
}

#define UP_TO_9 "was told that offsets from 1 up to before 9 are no longer kept"

/* However often it was told so; and no more of them are kept than the judge keeps. */
static void stretches_that_touch_are_one_and_only_so_many_are_kept(void **state)
{
    (void)state;
    assert_int_equal(ESE_BOOK_SKIPS, 4096);
    assert_behind(0, 2, UP_TO_9, false);
    assert_behind(ESE_BOOK_SKIPS - 1, 2, UP_TO_9, false);
    assert_behind(ESE_BOOK_SKIPS, 2, NULL, true);
    assert_behind(2 * ESE_BOOK_SKIPS, 1, UP_TO_9, false);

#define BEHIND_IT "\"from\":3,\"to\":9}"
    const char *const others[][2] = {STORED_AT_1, /* near: somebody else's, or of another partition */
                                     {"consumer-1.history", KEPT_NOT},
                                     {"consumer-2.history", "{\"time_ns\":60,\"kind\":\"skipped\"," BEHIND_IT},
                                     {"consumer-1.history",
                                      "{\"time_ns\":60,\"kind\":\"skipped\",\"partition\":1," BEHIND_IT}};
    assert_skip_of(others, 3, "consumer-1");
    assert_skip_of(others, 4, "consumer-1");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_at_fault_comes_first),
        cmocka_unit_test(who_is_chosen_does_not_depend_on_shares),
        cmocka_unit_test(the_same_are_chosen_over_every_transport),
        cmocka_unit_test(of_nothing_nothing_is_chosen),
        cmocka_unit_test(a_story_tells_how_and_which_line),
        cmocka_unit_test(a_story_tells_what_was_still_so),
        cmocka_unit_test(a_story_does_not_tell_what_came_later),
        cmocka_unit_test(a_story_goes_on_where_the_event_did_not_come_to_its_end),
        cmocka_unit_test(of_what_befell_it_afterwards_the_nearest_are_told),
        cmocka_unit_test(who_has_an_event_follows_from_its_records),
        cmocka_unit_test(a_story_tells_what_is_no_longer_kept),
        cmocka_unit_test(of_what_another_consumer_has_committed_nobody_misses_anything),
        cmocka_unit_test(what_was_handed_in_vain_and_then_not_kept_is_missed),
        cmocka_unit_test(what_a_reader_was_handed_or_misses_is_no_matter_of_the_consumers),
        cmocka_unit_test(stretches_that_touch_are_one_and_only_so_many_are_kept),
        cmocka_unit_test(many_stories_are_those_of_each),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
