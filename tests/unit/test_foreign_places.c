/* Whether places that others have recorded can be true, each over a few records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/memory.h"
#include "orchestration/lab/foreign_places.h"

#define O ESE_HISTORY_OFFERED
#define A ESE_HISTORY_ACKNOWLEDGED
#define H ESE_HISTORY_HANDED
#define S ESE_HISTORY_STORED
#define G ESE_HISTORY_GIVEN
#define T ESE_HISTORY_TAKEN
#define C ESE_HISTORY_COMMITTED

/* Of the event that its letter names; '-': of none. */
struct row {
    int file;
    enum ese_history_kind kind;
    char event;
    int32_t partition;
    int64_t offset;
    int64_t attempts;
};

/* What is wrong with them, as the lines of one file each; "": nothing. Valid until the next call. */
static const char *said(const struct row rows[], size_t count)
{
    static char words[400];
    struct ese_foreign_names *names = ese_foreign_names_new();
    struct ese_foreign_places *places = ese_foreign_places_new();
    struct ese_buffer text = ESE_BUFFER_INIT(sizeof words - 1);
    for (size_t i = 0; i < count; i++) {
        const char name[] = {rows[i].event, '\0'};
        struct ese_history_record record = {
            .kind = rows[i].kind, .partition = rows[i].partition, .a = rows[i].offset, .b = rows[i].attempts};
        if (rows[i].kind == O)
            record.id = ese_foreign_names_offer(names, name, "key", 1);
        else if (rows[i].event != '-')
            record.id = ese_foreign_names_find(names, name);
        ese_foreign_places_take(places, rows[i].file, (int64_t)i + 1, &record);
    }
    ese_foreign_places_say(places, names, &text);
    ese_fit_text(words, sizeof words, text.length == 0 ? "" : text.text);
    ese_buffer_free(&text);
    ese_foreign_places_free(&places);
    ese_foreign_names_free(&names);
    return words;
}

#define SAYS(expected, ...) \
    do { \
        const struct row rows[] = {__VA_ARGS__}; \
        assert_string_equal(said(rows, ESE_COUNT_OF(rows)), expected); \
    } while (0)
#define CONTRADICTS ": the histories contradict themselves"

static void a_place_is_one_events(void **state)
{
    (void)state;
    SAYS("consumer-1.ndjson, line 5: b handed at 0/7, and consumer-1.ndjson, line 4: a handed at 0/7" CONTRADICTS,
         {0, O, 'a'}, {0, O, 'b'}, {1, G, '-', 0, 0}, {1, H, 'a', 0, 7}, {1, H, 'b', 0, 7});
    SAYS("client.ndjson, line 4: b acknowledged at 0/7, and client.ndjson, line 3: a acknowledged at 0/7" CONTRADICTS,
         {0, O, 'a'}, {0, O, 'b'}, {0, A, 'a', 0, 7}, {0, A, 'b', 0, 7});
    SAYS("store.ndjson, line 5: b stored at 0/7, and consumer-2.ndjson, line 4: a handed at 0/7" CONTRADICTS,
         {0, O, 'a'}, {0, O, 'b'}, {2, G, '-', 0, 0}, {2, H, 'a', 0, 7}, {-1, S, 'b', 0, 7});
    /* near: each partition numbers by itself, and an event may be handed again */
    SAYS("", {0, O, 'a'}, {0, O, 'b'}, {1, G, '-', 0, 0}, {1, G, '-', 1, 0}, {1, H, 'a', 0, 7}, {1, H, 'b', 1, 7});
    SAYS("", {0, O, 'a'}, {1, G, '-', 0, 0}, {1, H, 'a', 0, 7}, {1, H, 'a', 0, 7}, {-1, S, 'a', 0, 7});
    /* and what nobody offered is another fault */
    SAYS("", {0, O, 'a'}, {0, A, 'a', 0, 7}, {1, G, '-', 0, 0}, {1, H, 'x', 0, 7});
}

static void of_one_partition_nobody_has_to_tell_which(void **state)
{
    (void)state;
    SAYS("client.ndjson, line 4: b acknowledged at offset 7, and client.ndjson, line 3: a acknowledged at offset 7"
         CONTRADICTS,
         {0, O, 'a'}, {0, O, 'b'}, {0, A, 'a', -1, 7}, {0, A, 'b', -1, 7}, {1, G, '-', 0, 0});
    SAYS("consumer-1.ndjson, line 5: b handed at 2/7, and client.ndjson, line 3: a acknowledged at offset "
         "7" CONTRADICTS,
         {0, O, 'a'}, {0, O, 'b'}, {0, A, 'a', -1, 7}, {1, G, '-', 2, 0}, {1, H, 'b', 2, 7});
    /* near: of two, both have an offset 7; and an acknowledgement may tell no place */
    SAYS("", {0, O, 'a'}, {0, O, 'b'}, {0, A, 'a', -1, 7}, {0, A, 'b', -1, 7}, {1, G, '-', 0, 0}, {2, G, '-', 1, 0});
    SAYS("", {0, O, 'a'}, {0, O, 'b'}, {0, A, 'a', -1, 7}, {1, G, '-', 0, 0}, {1, G, '-', 1, 0}, {1, H, 'b', 1, 7});
    SAYS("", {0, O, 'a'}, {0, O, 'b'}, {0, A, 'a', -1, -1}, {0, A, 'b', -1, -1}, {1, G, '-', 0, 0}, {1, H, 'a', 0, 7});
}

static void what_was_sent_once_lies_where_its_client_was_told(void **state)
{
    (void)state;
    SAYS("consumer-1.ndjson, line 4: a handed at 3/0, and client.ndjson, line 2: a acknowledged at 0/0" CONTRADICTS,
         {0, O, 'a'}, {0, A, 'a', 0, 0, 1}, {1, G, '-', 3, 0}, {1, H, 'a', 3, 0});
    SAYS("store.ndjson, line 3: a stored at 0/1, and client.ndjson, line 2: a acknowledged at offset 0" CONTRADICTS,
         {0, O, 'a'}, {0, A, 'a', -1, 0, 1}, {-1, S, 'a', 0, 1});
    /* near: it was sent more often, is there as well, or its offset is, in whichever partition */
    SAYS("", {0, O, 'a'}, {0, A, 'a', 0, 0, 2}, {1, G, '-', 3, 0}, {1, H, 'a', 3, 0});
    SAYS("", {0, O, 'a'}, {0, A, 'a', 0, 0, 1}, {0, ESE_HISTORY_SENT_AGAIN, 'a'}, {1, G, '-', 3, 0}, {1, H, 'a', 3, 0});
    SAYS("", {0, O, 'a'}, {0, A, 'a', 0, 5, 1}, {1, G, '-', 0, 0}, {1, H, 'a', 0, 2}, {1, H, 'a', 0, 5});
    SAYS("", {0, O, 'a'}, {0, A, 'a', -1, 5, 1}, {1, G, '-', 3, 0}, {1, H, 'a', 3, 5});
    SAYS("", {0, O, 'a'}, {0, A, 'a', 0, 5, 1}, {1, G, '-', 0, 0});
}

static void who_hands_on_or_commits_was_given_it(void **state)
{
    (void)state;
    SAYS("consumer-1.ndjson, line 2: a handed in partition 0, which it was never given" CONTRADICTS,
         {0, O, 'a'}, {1, H, 'a', 0, 0});
    SAYS("consumer-2.ndjson, line 2: committed in partition 0, which it was never given" CONTRADICTS,
         {1, G, '-', 0, 0}, {2, C, '-', 0, 1});
    SAYS("consumer-1.ndjson, line 3: committed in partition 0, which it had no more since line 2" CONTRADICTS,
         {1, G, '-', 0, 0}, {1, T, '-', 0}, {1, C, '-', 0, 1});
    SAYS("consumer-1.ndjson, line 4: a handed in partition 0, which it had no more since line 3" CONTRADICTS,
         {0, O, 'a'}, {1, G, '-', 0, 0}, {1, ESE_HISTORY_FENCED, '-', 0}, {1, H, 'a', 0, 0});
    /* near: another one was taken, or it was given anew; and who reads the store hands on nothing */
    SAYS("", {0, O, 'a'}, {1, G, '-', 0, 0}, {1, G, '-', 1, 0}, {1, T, '-', 1}, {1, H, 'a', 0, 0}, {1, C, '-', 0, 1});
    SAYS("", {0, O, 'a'}, {1, G, '-', 0, 0}, {1, T, '-', 0}, {1, G, '-', 0, 0}, {1, H, 'a', 0, 0}, {1, C, '-', 0, 1});
    SAYS("", {0, O, 'a'}, {-1, S, 'a', 0, 0});
}

static void an_event_is_called_what_they_call_it(void **state)
{
    (void)state;
    static const char *const own = "018bcfe5-6800-7001-8000-000000000064";
    struct ese_foreign_names *names = ese_foreign_names_new();
    char text[40], few[6];
    struct ese_id offered = ese_foreign_names_offer(names, "order-7", "key", 1);
    struct ese_id unheard_of = ese_foreign_names_find(names, "order-x");
    struct ese_id ours = ese_foreign_names_find(names, own);
    ese_foreign_names_text(names, &offered, text, sizeof text);
    assert_string_equal(text, "order-7");
    ese_foreign_names_text(names, &unheard_of, text, sizeof text);
    assert_string_equal(text, "order-x");
    ese_foreign_names_text(names, &ours, text, sizeof text);
    assert_string_equal(text, own);
    ese_foreign_names_text(names, &offered, few, sizeof few);
    assert_string_equal(few, "order");
    ese_foreign_names_free(&names);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_place_is_one_events),
        cmocka_unit_test(of_one_partition_nobody_has_to_tell_which),
        cmocka_unit_test(what_was_sent_once_lies_where_its_client_was_told),
        cmocka_unit_test(who_hands_on_or_commits_was_given_it),
        cmocka_unit_test(an_event_is_called_what_they_call_it),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
