/* However long a run was, who judges it and who writes a history takes no more memory, and the judge finds what is
 * wrong with one event in a million.
 *
 * test_e2e_million [EVENTS]: of another number, for whoever wants to see how memory and time go with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "orchestration/lab/judgement.h"
#include "tests/e2e/long_run.h"
#include "tests/support/directory.h"

#define BOUND_KIB (64 * 1024)

static const struct ese_promises careful = {
    .delivery = ESE_DELIVERY_AT_LEAST_ONCE, .ordered_per_key = true, .retry_stored_once = true,
    .replayable = true, .positions_survive = true};

static int64_t events = 1000000;

/* What all cases share. The run itself is only known to the processes that write it: who judges starts small. */
struct scene {
    char *directory;
    int64_t mails;
    struct ese_id gap;
    struct ese_judgement judgement;
};

static struct scene *scene;

/* ---- other processes ------------------------------------------------------------------------- */

static double seconds(const struct timeval *time)
{
    return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

/* Does it in a process of its own, and tells the most memory that took. */
static int64_t apart(void (*work)(const void *context), const void *context)
{
    struct rusage usage;
    int status;
    int64_t began_ns = ese_clock_monotonic_ns();
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        work(context);
        _exit(0);
    }
    assert_int_equal(wait4(child, &status, 0, &usage), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    print_message("# %.2f s, %.2f s of the processor, %ld KiB\n",
                  (double)(ese_clock_monotonic_ns() - began_ns) / (double)ESE_NS_PER_S,
                  seconds(&usage.ru_utime) + seconds(&usage.ru_stime), usage.ru_maxrss);
    return usage.ru_maxrss;
}

static void write_client(const void *outcome)
{
    struct long_run *run = long_run_make(events);
    long_run_write_client(run, scene->directory, *(const enum ese_history_kind *)outcome);
    long_run_free(&run);
}

static void write_all(const void *outcome)
{
    struct long_run *run = long_run_make(events);
    scene->mails = long_run_mails(run);
    scene->gap = long_run_gap(run);
    long_run_write_client(run, scene->directory, *(const enum ese_history_kind *)outcome);
    long_run_write_rest(run, scene->directory);
    long_run_free(&run);
}

static void judge(const void *options)
{
    struct ese_error error;
    if (ese_judge(options, &scene->judgement, &error) == 0)
        return;
    print_error("%s\n", error.text);
    _exit(1);
}

static struct ese_judge_options careful_options(void)
{
    return (struct ese_judge_options){.directory = scene->directory, .promises = &careful};
}

static int set_up(void **state)
{
    (void)state;
    static const enum ese_history_kind outcome = ESE_HISTORY_UNKNOWN;
    scene = mmap(NULL, sizeof *scene, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(scene != MAP_FAILED);
    scene->directory = ese_test_directory_make();
    apart(write_all, &outcome);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ese_test_directory_remove(&scene->directory);
    munmap(scene, sizeof *scene);
    return 0;
}

/* ---- cases ----------------------------------------------------------------------------------- */

/* The near miss: nobody has acknowledged it. */
static void what_was_never_acknowledged_is_not_lost(void **state)
{
    (void)state;
    const struct ese_judge_options options = careful_options();
    int64_t used_kib = apart(judge, &options);
    const struct ese_judgement *judgement = &scene->judgement;
    assert_string_equal(judgement->ledger_verdict.reason, "");
    assert_int_equal(judgement->ledger_verdict.word, ESE_VERDICT_PASS);
    assert_int_equal(judgement->ledger.offered, events);
    assert_int_equal(judgement->ledger.processed, events - 1);
    assert_int_equal(judgement->ledger.unknown_absent, 1);
    assert_int_equal(judgement->mails.expected, scene->mails);
    assert_int_equal(judgement->mails.matched, scene->mails);
    assert_int_equal(judgement->mail.count, scene->mails);
    assert_int_equal(judgement->end_to_end.count, events - 1);
    assert_int_equal(judgement->stories.people_count, 0);
    assert_in_range(judgement->passes, events / ESE_JUDGE_EVENTS, 2 * events / ESE_JUDGE_EVENTS + 1);
    assert_in_range(used_kib, 1, BOUND_KIB);
}

/* All at once, as a run of ten thousand is: the bound is one that can be broken. */
static void in_one_pass_it_would_take_more(void **state)
{
    (void)state;
    struct ese_judge_options options = careful_options();
    options.events = options.most = 2 * events;
    int64_t used_kib = apart(judge, &options);
    assert_int_equal(scene->judgement.passes, 1);
    assert_int_equal(scene->judgement.ledger.processed, events - 1);
    assert_true(used_kib > 2 * BOUND_KIB || events < 1000000);
}

static void the_one_that_was_lost_is_found(void **state)
{
    (void)state;
    static const enum ese_history_kind outcome = ESE_HISTORY_ACKNOWLEDGED;
    const struct ese_judge_options options = careful_options();
    char id[ESE_ID_TEXT_SIZE];
    assert_in_range(apart(write_client, &outcome), 1, BOUND_KIB); /* its writer neither */
    int64_t used_kib = apart(judge, &options);
    const struct ese_judgement *judgement = &scene->judgement;
    assert_string_equal(judgement->ledger_verdict.reason, "1 acknowledged event is lost");
    assert_int_equal(judgement->ledger_verdict.word, ESE_VERDICT_FAIL);
    assert_int_equal(judgement->ledger.lost, 1);
    assert_int_equal(judgement->ledger.processed, events - 1);
    assert_int_equal(judgement->mails.expected, scene->mails + 1);
    assert_int_equal(judgement->mails.lost, 1);
    assert_int_equal(judgement->stories.people_count, 1);
    assert_int_equal(judgement->stories.fault_count, 1);
    ese_id_text(&scene->gap, id);
    assert_non_null(strstr(judgement->stories.faults[0].text, id));
    assert_in_range(used_kib, 1, BOUND_KIB);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_never_acknowledged_is_not_lost),
        cmocka_unit_test(in_one_pass_it_would_take_more),
        cmocka_unit_test(the_one_that_was_lost_is_found),
    };
    if (argc > 1)
        events = strtoll(argv[1], NULL, 10) / 100 * 100;
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
