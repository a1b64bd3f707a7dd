/* Medians, ratios, receipts; rows and their names; results as JSON, and beside earlier ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <unistd.h>

#include "ese-core/memory.h"
#include "orchestration/bench/machine.h"
#include "orchestration/bench/results.h"
#include "tests/support/directory.h"

static const struct ese_row rate_row = {.id = "http-disk-1", .what = "a rate", .measure = ESE_MEASURE_RATE, .goal = 0.8,
                                        .durability = ESE_DURABILITY_DISK,
                                        .peer = {.contender = &ese_contender_redis}};
static const struct ese_row time_row = {.id = "http-open-p99", .what = "a time", .measure = ESE_MEASURE_P99,
                                        .goal = 0.4, .durability = ESE_DURABILITY_DISK,
                                        .peer = {.contender = &ese_contender_redis}};

static struct ese_round good_round(double rate, double p99_us)
{
    return (struct ese_round){.rate = rate, .p99_us = p99_us, .syncs_per_s = 1000, .commits_per_s = 900,
                              .flushes_per_s = 1000, .all_there = true};
}

/* ---- figures --------------------------------------------------------------------------------------------------- */

static void medians(void **state)
{
    (void)state;
    double odd[] = {5, 1, 1000}, even[] = {4, 1, 2, 3}, one[] = {7};
    assert_true(ese_median(odd, 3) == 5);
    assert_true(ese_median(even, 4) == 2.5);
    assert_true(ese_median(one, 1) == 7);
    assert_true(ese_median(one, 0) == 0);
}

static void a_ratio_is_such_that_more_is_better(void **state)
{
    (void)state;
    assert_true(ese_measure_ratio(ESE_MEASURE_RATE, 80, 100) == 0.8);
    assert_true(ese_measure_ratio(ESE_MEASURE_P99, 200, 100) == 0.5);
    assert_true(ese_measure_ratio(ESE_MEASURE_P50, 200, 100) == 0.5);
    assert_true(ese_measure_ratio(ESE_MEASURE_CPU, 5, 15) == 3);
    assert_true(ese_measure_ratio(ESE_MEASURE_MEMORY, 8, 16) == 2);
    assert_true(ese_measure_ratio(ESE_MEASURE_RATE, 80, 0) == 0);
    assert_true(ese_measure_ratio(ESE_MEASURE_P99, 0, 80) == 0);
}

/* Each round beside the one it ran with, so that a slow minute meets both. */
static void ratios_are_of_pairs(void **state)
{
    (void)state;
    const struct ese_round ours[] = {good_round(90, 0), good_round(50, 0), good_round(10, 0)};
    const struct ese_round peer[] = {good_round(100, 0), good_round(50, 0), good_round(20, 0)};
    struct ese_row_figures figures;

    ese_figures_make(&rate_row, ours, 3, peer, 3, &figures);
    assert_true(figures.ratio == 0.9 && figures.ratio_min == 0.5 && figures.ratio_max == 1);
    assert_true(figures.ours.median == 50 && figures.ours.min == 10 && figures.ours.max == 90);
    assert_true(ese_figures_reached(&figures));

    const struct ese_round slow[] = {good_round(0, 300)}, quick[] = {good_round(0, 100)};
    ese_figures_make(&time_row, slow, 1, quick, 1, &figures);
    assert_false(ese_figures_reached(&figures)); /* a third is less than 0.4 */
    ese_figures_make(&time_row, quick, 1, slow, 1, &figures);
    assert_true(figures.ratio == 3 && ese_figures_reached(&figures));
}

/* ---- receipts -------------------------------------------------------------------------------------------------- */

static void assert_judged(enum ese_durability durability, struct ese_round round, const char *words)
{
    struct ese_row_figures figures;
    const struct ese_round peer = good_round(100, 100);

    ese_round_judge(&round, durability, 100);
    if (words == NULL)
        assert_string_equal(round.reason, "");
    else if (strstr(round.reason, words) == NULL)
        fail_msg("'%s' without '%s'", round.reason, words);
    ese_figures_make(&rate_row, &round, 1, &peer, 1, &figures);
    assert_int_equal(ese_figures_reached(&figures), words == NULL); /* however fast it was */
}

static void a_slow_disk_that_is_not_slow_is_void(void **state)
{
    (void)state;
    struct ese_round round = good_round(1000, 1);
    round.syncs_per_s = 950;
    ese_round_judge_slow(&round, 1000);
    assert_string_equal(round.reason, "");
    round.syncs_per_s = ESE_ROUND_UNKNOWN; /* where nobody but the device counts */
    round.flushes_per_s = 4000;
    ese_round_judge_slow(&round, 0); /* and is not to be slow */
    assert_string_equal(round.reason, "");
    ese_round_judge_slow(&round, 1000);
    assert_non_null(strstr(round.reason, "the disk was not slow"));
    round = good_round(1000, 1);
    round.syncs_per_s = 3000;
    ese_round_judge_slow(&round, 1000);
    assert_non_null(strstr(round.reason, "the disk was not slow"));
}

static void disk_without_syncs_is_void(void **state)
{
    (void)state;
    struct ese_round round = good_round(1000, 1);
    assert_judged(ESE_DURABILITY_DISK, round, NULL);
    round.syncs_per_s = 0;
    assert_judged(ESE_DURABILITY_DISK, round, "0 syncs a second");
    assert_judged(ESE_DURABILITY_OS, round, NULL);
    round.syncs_per_s = 100; /* of 900 commits: its log alone, now and then */
    assert_judged(ESE_DURABILITY_DISK, round, "100 syncs a second for 900 commits");
    round.syncs_per_s = 1000; /* says the process; the device was told of nothing */
    round.flushes_per_s = 0;
    assert_judged(ESE_DURABILITY_DISK, round, "the device was told of no sync");
    round.flushes_per_s = ESE_ROUND_UNKNOWN; /* has no count */
    assert_judged(ESE_DURABILITY_DISK, round, NULL);
    round.syncs_per_s = round.commits_per_s = ESE_ROUND_UNKNOWN;
    assert_judged(ESE_DURABILITY_DISK, round, "nobody here counts");
    round.flushes_per_s = 500; /* the device alone, as of a broker */
    assert_judged(ESE_DURABILITY_DISK, round, NULL);
    round.flushes_per_s = 9.5; /* of 1,000 events a second, a hundred under way */
    assert_judged(ESE_DURABILITY_DISK, round, NULL);
    round.flushes_per_s = 8;
    assert_judged(ESE_DURABILITY_DISK, round, "8 syncs a second where 9 are due");
    assert_judged(ESE_DURABILITY_OS, round, NULL);
    round.flushes_per_s = 500;
    round.all_there = false;
    assert_judged(ESE_DURABILITY_OS, round, "less is stored");
    round = good_round(0, 0);
    assert_judged(ESE_DURABILITY_OS, round, "nothing was acknowledged");
}

static void rounds_survive_their_text(void **state)
{
    (void)state;
    struct ese_round round = good_round(12345.678, 42), read;
    ese_round_refuse(&round, "it said \"%s\"", "no");
    ese_round_refuse(&round, "and this comes later");
    char *text = ese_round_text(&round);
    assert_int_equal(ese_round_parse(text, &read, NULL), 0);
    assert_true(read.rate == round.rate && read.p99_us == 42 && read.commits_per_s == 900 && read.all_there);
    assert_string_equal(read.reason, "it said \"no\"");
    free(text);
    static const char *const none[] = {"", "{", "[]", "{\"rate\":1}", "{\"all_there\":true,\"reason\":\"\"}"};
    for (size_t i = 0; i < ESE_COUNT_OF(none); i++)
        assert_int_equal(ese_round_parse(none[i], &read, NULL), -1);
}

static void the_kernel_counts_what_is_used(void **state)
{
    (void)state;
    int64_t tree_ns = ese_machine_tree_ns(getpid()), busy_ns = ese_machine_busy_ns();
    for (volatile int64_t i = 0; ese_machine_tree_ns(getpid()) < tree_ns + 50000000; i++)
        continue;
    assert_true(ese_machine_busy_ns() - busy_ns >= 20000000); /* in ticks of ten milliseconds */
    assert_true(ese_machine_resident_bytes(getpid()) > 500000);
    assert_int_equal(ese_machine_resident_bytes(0), 0);
    assert_int_equal(ese_machine_flushes("/proc"), -1);
    assert_int_equal(ese_machine_flushes("/there/is/no/such/file"), -1);
}

/* ---- rows ------------------------------------------------------------------------------------------------------ */

/* Another figure of what `other` measures. */
static bool is_of_same_rounds(const struct ese_row *row, const struct ese_row *other)
{
    return strcmp(row->rounds_of, other->id) == 0 && other->rounds_of == NULL &&
           row->ours.contender == other->ours.contender && row->ours.shape.rate == other->ours.shape.rate &&
           row->peer.contender == other->peer.contender && row->durability == other->durability &&
           row->measure != other->measure;
}

static void rows_are_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < ese_row_count; i++) {
        const struct ese_row *row = &ese_rows[i];
        assert_true(row->goal >= 0 && row->what != NULL && ese_durability_name(row->durability) != NULL);
        assert_true(row->ours.shape.connections > 0 && row->ours.shape.connections <= 1000000);
        assert_true(row->ours.shape.batch > 0 && row->peer.shape.batch > 0);
        assert_non_null(row->ours.contender);
        assert_non_null(row->peer.contender);
        bool takes_time = row->measure != ESE_MEASURE_RATE && row->measure != ESE_MEASURE_MEMORY;
        assert_int_equal(takes_time, row->ours.shape.rate > 0);
        assert_int_equal(row->ours.shape.rate, row->peer.shape.rate);
        bool is_there = row->rounds_of == NULL;
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(row->id, ese_rows[j].id);
            is_there = is_there || is_of_same_rounds(row, &ese_rows[j]);
        }
        assert_true(is_there);
    }
}

static void rows_are_chosen_by_name(void **state)
{
    (void)state;
    bool *chosen = ese_alloc_array(ese_row_count, sizeof *chosen);
    struct ese_error error = {0};
    size_t count = 0;

    assert_int_equal(ese_row_choose(NULL, chosen, NULL), 0);
    for (size_t i = 0; i < ese_row_count; i++)
        count += chosen[i];
    assert_int_equal(count, ese_row_count);
    assert_int_equal(ese_row_choose("kafka-direct,http-disk-1", chosen, NULL), 0);
    for (size_t i = count = 0; i < ese_row_count; i++)
        count += chosen[i];
    assert_int_equal(count, 2);
    assert_true(chosen[0]);
    static const char *const wrong[] = {"http-disk", "http-disk-1,", "http-disk-1,nonsense", "*"};
    for (size_t i = 0; i < ESE_COUNT_OF(wrong); i++) {
        assert_int_equal(ese_row_choose(wrong[i], chosen, &error), -1);
        assert_int_equal(error.code, ESE_E_USAGE);
        for (size_t row = 0; row < ese_row_count; row++)
            assert_non_null(strstr(error.text, ese_rows[row].id));
    }
    free(chosen);
}

/* ---- results --------------------------------------------------------------------------------------------------- */

static struct ese_row_figures figures_of(const struct ese_row *row, double ours, double peer)
{
    const struct ese_round our = good_round(ours, ours), their = good_round(peer, peer);
    struct ese_row_figures figures;

    ese_figures_make(row, &our, 1, &their, peer > 0, &figures);
    return figures;
}

static void json_has_what_was_promised(void **state)
{
    (void)state;
    struct ese_row_figures rows[] = {figures_of(&rate_row, 90, 100), figures_of(&time_row, 10, 0)};
    snprintf(rows[1].reason, sizeof rows[1].reason, "ours: no syncs");
    const struct ese_bench_results results = {.rows = rows, .count = 2, .quick = true};
    char *text = ese_bench_results_json(&results);
    json_t *array = json_loads(text, 0, NULL);
    static const char *const members[] = {"id",         "what",   "ours", "peer", "ratio",       "goal",
                                          "durability", "rounds", "min",  "max",  "syncs_per_s", "verified"};

    assert_int_equal(json_array_size(array), 2);
    for (size_t i = 0; i < 2; i++) {
        for (size_t j = 0; j < ESE_COUNT_OF(members); j++)
            assert_non_null(json_object_get(json_array_get(array, i), members[j]));
    }
    const json_t *first = json_array_get(array, 0), *second = json_array_get(array, 1);
    assert_true(json_real_value(json_object_get(first, "ratio")) == 0.9);
    assert_true(json_is_true(json_object_get(first, "verified")));
    assert_true(json_is_true(json_object_get(first, "quick")));
    assert_string_equal(json_string_value(json_object_get(first, "durability")), "disk");
    assert_true(json_is_null(json_object_get(second, "peer")) && json_is_null(json_object_get(second, "ratio")));
    assert_true(json_is_false(json_object_get(second, "verified")));
    json_decref(array);
    free(text);
}

static void what_has_no_goal_is_shown(void **state)
{
    (void)state;
    struct ese_row row = rate_row;
    row.goal = 0;
    struct ese_row_figures rows[] = {figures_of(&row, 10, 100), figures_of(&row, 10, 0)};
    const struct ese_bench_results results = {.rows = rows, .count = 2};
    struct ese_buffer text = ESE_BUFFER_INIT(1 << 16);
    char *json = ese_bench_results_json(&results);
    json_t *array = json_loads(json, 0, NULL);

    assert_true(ese_figures_reached(&rows[0]));
    assert_false(ese_figures_reached(&rows[1])); /* nothing is beside it */
    assert_true(json_is_null(json_object_get(json_array_get(array, 0), "goal")));
    ese_bench_results_table(&results, &text);
    assert_non_null(strstr(text.text, "0.10     - shown    disk"));
    ese_buffer_free(&text);
    json_decref(array);
    free(json);
}

static void the_table_says_what_is_void(void **state)
{
    (void)state;
    struct ese_row_figures rows[] = {figures_of(&rate_row, 90, 100), figures_of(&time_row, 10, 20)};
    struct ese_buffer text = ESE_BUFFER_INIT(1 << 16);
    snprintf(rows[1].reason, sizeof rows[1].reason, "ours: no syncs");
    const struct ese_bench_results results = {.rows = rows, .count = 2};

    ese_bench_results_table(&results, &text);
    assert_non_null(strstr(text.text, "0.80 reached  disk"));
    assert_non_null(strstr(text.text, "0.40 void     disk"));
    assert_non_null(strstr(text.text, "http-open-p99 is void: ours: no syncs"));
    assert_null(strstr(text.text, "quick"));
    ese_buffer_free(&text);
}

/* ---- against earlier ones -------------------------------------------------------------------------------------- */

static char *write_file(const char *directory, const char *bytes)
{
    char *path = ese_test_path(directory, "earlier.json");
    FILE *file = fopen(path, "w");
    fputs(bytes, file);
    fclose(file);
    return path;
}

static int compare(const struct ese_row_figures *figures, const char *earlier, struct ese_buffer *text, int *slower,
                   struct ese_error *error)
{
    const struct ese_bench_results results = {.rows = figures, .count = 1};
    char *directory = ese_test_directory_make();
    char *path = write_file(directory, earlier);
    int status = ese_bench_results_against(&results, path, text, slower, error);

    free(path);
    ese_test_directory_remove(&directory);
    return status;
}

#define EARLIER(rest) "[{\"id\":\"other\"},{\"id\":\"http-disk-1\"," rest "}]"

static void what_became_slower_is_shown(void **state)
{
    (void)state;
    static const struct {
        double ours, peer;
        const char *earlier;
        int slower;
        const char *says;
    } cases[] = {
        {80, 100, EARLIER("\"ours\":90,\"ratio\":0.9,\"min\":0.85,\"max\":0.95"), 1, "slower    0.80, was 0.90"},
        /* within the earlier spread; by too little; */
        {80, 100, EARLIER("\"ours\":90,\"ratio\":0.9,\"min\":0.75,\"max\":0.95"), 0, "as it was"},
        {88, 100, EARLIER("\"ours\":90,\"ratio\":0.9,\"min\":0.9,\"max\":0.9"), 0, "as it was"},
        {99, 100, EARLIER("\"ours\":90,\"ratio\":0.9,\"min\":0.85,\"max\":0.95"), 0, "faster"},
        {97, 100, EARLIER("\"ours\":90,\"ratio\":0.9,\"min\":0.85,\"max\":0.98"), 0, "as it was"},
        /* the machine is slower; without a peer that cannot be told apart */
        {45, 50, EARLIER("\"ours\":90,\"ratio\":0.9,\"min\":0.85,\"max\":0.95"), 0, "as it was"},
        {80, 0, EARLIER("\"ours\":90,\"ratio\":0.9,\"min\":0.85,\"max\":0.95"), 1, "slower    80.00, was 90.00"},
        {85, 0, EARLIER("\"ours\":90,\"ratio\":null,\"min\":null,\"max\":null"), 0, "as it was"},
        {80, 100, EARLIER("\"ours\":90,\"ratio\":0.9,\"min\":0.85,\"max\":0.95,\"void\":\"nothing was synced\""), 0,
         "nothing to compare"},
        {80, 100, EARLIER("\"ours\":90,\"ratio\":0.9,\"void\":\"\",\"quick\":false"), 1, "slower"},
        {80, 100, EARLIER("\"ours\":90,\"ratio\":0.9,\"quick\":true"), 0, "nothing to compare"},
        {80, 100, EARLIER("\"ours\":null,\"ratio\":null"), 0, "nothing to compare"},
        {80, 100, "[{\"id\":\"other\"}]", 0, "nothing to compare"},
        {80, 100, "[]", 0, "nothing to compare"},
    };
    for (size_t i = 0; i < ESE_COUNT_OF(cases); i++) {
        struct ese_row_figures figures = figures_of(&rate_row, cases[i].ours, cases[i].peer);
        struct ese_buffer text = ESE_BUFFER_INIT(4096);
        int slower = -1;
        assert_int_equal(compare(&figures, cases[i].earlier, &text, &slower, NULL), 0);
        if (slower != cases[i].slower || strstr(text.text, cases[i].says) == NULL)
            fail_msg("case %zu: %d, %s", i, slower, text.text);
        ese_buffer_free(&text);
    }
}

static void a_time_that_grew_is_slower(void **state)
{
    (void)state;
    struct ese_row_figures figures = figures_of(&time_row, 200, 0);
    struct ese_buffer text = ESE_BUFFER_INIT(4096);
    static const char earlier[] = "[{\"id\":\"http-open-p99\",\"ours\":150,\"ratio\":null}]";
    int slower;
    assert_int_equal(compare(&figures, earlier, &text, &slower, NULL), 0);
    assert_int_equal(slower, 1);
    ese_buffer_free(&text);
}

static void what_are_no_results_are_refused(void **state)
{
    (void)state;
    struct ese_row_figures figures = figures_of(&rate_row, 80, 100);
    struct ese_buffer text = ESE_BUFFER_INIT(4096);
    static const char *const none[] = {"", "{}", "[1", "nonsense"};
    int slower;

    for (size_t i = 0; i < ESE_COUNT_OF(none); i++) {
        struct ese_error error = {0};
        assert_int_equal(compare(&figures, none[i], &text, &slower, &error), -1);
        assert_int_equal(error.code, ESE_E_USAGE);
        assert_non_null(strstr(error.text, "earlier.json"));
    }
    const struct ese_bench_results results = {.rows = &figures, .count = 1};
    assert_int_equal(ese_bench_results_against(&results, "/there/is/no/such/file", &text, &slower, NULL), -1);
    ese_buffer_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(medians),
        cmocka_unit_test(a_ratio_is_such_that_more_is_better),
        cmocka_unit_test(ratios_are_of_pairs),
        cmocka_unit_test(disk_without_syncs_is_void),
        cmocka_unit_test(a_slow_disk_that_is_not_slow_is_void),
        cmocka_unit_test(rounds_survive_their_text),
        cmocka_unit_test(the_kernel_counts_what_is_used),
        cmocka_unit_test(rows_are_whole),
        cmocka_unit_test(rows_are_chosen_by_name),
        cmocka_unit_test(json_has_what_was_promised),
        cmocka_unit_test(what_has_no_goal_is_shown),
        cmocka_unit_test(the_table_says_what_is_void),
        cmocka_unit_test(what_became_slower_is_shown),
        cmocka_unit_test(a_time_that_grew_is_slower),
        cmocka_unit_test(what_are_no_results_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
