/* kill -9 of the mailer under load, with a real SMTP server behind it: what was accepted arrives
 * once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ese-core/clock.h"
#include "ese-core/history.h"
#include "ese-core/id.h"
#include "ese-core/memory.h"
#include "ese-core/random.h"
#include "ese-core/sqlite.h"
#include "orchestration/lab/mails.h"
#include "orchestration/lab/program.h"
#include "orchestration/lab/readiness.h"
#include "tests/e2e/mailer_rig.h"
#include "tests/support/directory.h"
#include "tests/support/maildir.h"

#define MAILS 500
#define KILLS 6
#define INFLIGHT 8
#define SESSIONS 4 /* ese-mailer's default */

/* One mail that is asked for, until it is accepted. */
struct wanted {
    struct ese_id id;
    char text[ESE_ID_TEXT_SIZE];
    bool asked, accepted;
    bool unknown; /* as the outbox says in the end */
    int arrived;
};

struct load {
    struct wanted mails[MAILS];
    int accepted;
    int inflight;
};

struct asked {
    struct load *load;
    struct wanted *mail;
};

static struct ese_process *start_sink(const char *maildir, const char *log, char address[64])
{
    char program[4096];
    int port;
    struct ese_error error;
    if (ese_program_find_smtp_sink(program, &error) != 0)
        skip(); /* aiosmtpd is not installed */
    assert_int_equal(ese_program_free_port(&port, &error), 0);
    snprintf(address, 64, "127.0.0.1:%d", port);
    struct ese_process *sink = ese_process_new("SMTP sink", log);
    ese_process_argument(sink, program);
    ese_program_tell_smtp_sink(sink, address, maildir);
    assert_int_equal(ese_process_start(sink, &error), 0);
    if (ese_ready_smtp(address, sink, RIG_PATIENCE_MS, &error) != 0)
        fail_msg("%s", error.text);
    return sink;
}

static void on_answer(void *context, const struct ese_http_answer *answer)
{
    struct asked *asked = context;
    asked->load->inflight--;
    if (answer->status == 202 && !asked->mail->accepted) {
        asked->mail->accepted = true;
        asked->load->accepted++;
    } else if (answer->status != 202) {
        asked->mail->asked = false; /* again, under the same id */
    }
    free(asked);
}

static struct wanted *next_to_ask(struct load *load)
{
    for (int i = 0; i < MAILS; i++)
        if (!load->mails[i].asked)
            return &load->mails[i];
    return NULL;
}

/* Keeps requests in flight until end_ns, or until everything is accepted. */
static void post_until(struct mailer_rig *rig, struct load *load, int64_t end_ns)
{
    while (load->accepted < MAILS && ese_clock_monotonic_ns() < end_ns) {
        struct wanted *mail;
        while (load->inflight < INFLIGHT && (mail = next_to_ask(load)) != NULL) {
            struct asked *asked = ese_alloc(sizeof *asked);
            *asked = (struct asked){.load = load, .mail = mail};
            mail->asked = true;
            load->inflight++;
            mailer_rig_begin_post(rig, mail->text, on_answer, asked);
        }
        ese_http_client_poll(rig->client, 10, -1);
    }
}

/* Lets requests end that a kill has cut off. */
static void settle(struct mailer_rig *rig, struct load *load)
{
    while (load->inflight > 0)
        ese_http_client_poll(rig->client, 100, -1);
}

static void make_ids(struct load *load)
{
    uint32_t run = ese_id_draw_run();
    for (int i = 0; i < MAILS; i++) {
        const struct ese_id_parts parts = {.time_ms = ese_clock_wall_ms(), .run = run,
                                           .sequence = (uint32_t)i};
        load->mails[i].id = ese_id_make(&parts);
        ese_id_text(&load->mails[i].id, load->mails[i].text);
    }
}

/* What became of each mail: in the Maildir, and in the outbox. */
static void read_facts(struct mailer_rig *rig, struct load *load, const char *maildir)
{
    struct ese_mails mails;
    struct ese_error error;
    if (maildir_read(maildir, &mails, &error) != 0)
        fail_msg("%s", error.text);
    for (size_t i = 0; i < mails.count; i++) {
        uint32_t sequence = ese_id_read(&mails.mails[i].decision).sequence;
        assert_in_range(sequence, 0, MAILS - 1);
        assert_true(ese_id_equal(&load->mails[sequence].id, &mails.mails[i].decision));
        load->mails[sequence].arrived++;
    }
    ese_mails_free(&mails);
    for (int i = 0; i < MAILS; i++) {
        char condition[128];
        snprintf(condition, sizeof condition, "id = '%s' AND status = 'unknown'",
                 load->mails[i].text);
        load->mails[i].unknown = mailer_rig_count(rig, condition) == 1;
    }
}

/* The history's header says of all lives what the outbox says. */
static void check_counters(struct mailer_rig *rig)
{
    struct ese_history_reader *reader;
    struct ese_error error;
    if (ese_history_read_open(rig->history, &reader, &error) != 0)
        fail_msg("%s", error.text);
    assert_int_equal(ese_history_read_count(reader, ESE_COUNT_MAILS_SENT),
                     mailer_rig_count(rig, "status = 'sent'"));
    assert_int_equal(ese_history_read_count(reader, ESE_COUNT_MAILS_UNKNOWN),
                     mailer_rig_count(rig, "status = 'unknown'"));
    ese_history_read_close(&reader);
}

/* A mail is sent and there once, or unknown and there at most once. Returns how many are not so. */
static int count_faults(const struct load *load)
{
    int faults = 0;
    for (int i = 0; i < MAILS; i++) {
        const struct wanted *mail = &load->mails[i];
        if (mail->arrived == 1 || (mail->arrived == 0 && mail->unknown))
            continue;
        print_message("# mail %s is %s and arrived %d times\n", mail->text,
                      mail->unknown ? "unknown" : "sent", mail->arrived);
        faults++;
    }
    return faults;
}

static void the_judge_sees_a_loss_and_a_double(void **state)
{
    (void)state;
    struct load load = {.accepted = MAILS};
    for (int i = 0; i < MAILS; i++)
        load.mails[i].arrived = 1;
    load.mails[7] = (struct wanted){.text = "held", .unknown = true, .arrived = 0};
    assert_int_equal(count_faults(&load), 0);
    load.mails[8] = (struct wanted){.text = "lost", .arrived = 0};
    assert_int_equal(count_faults(&load), 1);
    load.mails[9] = (struct wanted){.text = "doubled", .unknown = true, .arrived = 2};
    assert_int_equal(count_faults(&load), 2);
}

static void what_was_accepted_arrives_once(void **state)
{
    (void)state;
    char *directory = ese_test_directory_make();
    char *maildir = ese_test_path(directory, "mails"), *log = ese_test_path(directory, "sink.log");
    char smtp[64];
    struct ese_process *sink = start_sink(maildir, log, smtp);
    struct mailer_rig *rig = mailer_rig_make(smtp);
    struct load load = {.accepted = 0};
    struct ese_random random = ese_random_seeded((uint64_t)ese_clock_wall_us(), 0);
    make_ids(&load);
    for (int i = 0; i < KILLS; i++) {
        mailer_rig_start(rig);
        int64_t life_ns = (20 + (int64_t)ese_random_below(&random, 300)) * ESE_NS_PER_MS;
        post_until(rig, &load, ese_clock_monotonic_ns() + life_ns);
        ese_process_kill(rig->mailer);
        settle(rig, &load);
    }
    mailer_rig_start(rig);
    post_until(rig, &load, INT64_MAX);
    mailer_rig_await(rig, "status IN ('queued', 'sending')", 0);
    assert_int_equal(mailer_rig_count(rig, "status IN ('sent', 'unknown')"), MAILS);
    assert_in_range(mailer_rig_count(rig, "status = 'unknown'"), 0, KILLS * SESSIONS);
    read_facts(rig, &load, maildir);
    assert_int_equal(count_faults(&load), 0);
    assert_int_equal(ese_process_stop(rig->mailer, RIG_PATIENCE_MS), 0);
    check_counters(rig);
    mailer_rig_free(&rig);
    ese_process_free(&sink);
    free(maildir);
    free(log);
    ese_test_directory_remove(&directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_judge_sees_a_loss_and_a_double),
        cmocka_unit_test(what_was_accepted_arrives_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
