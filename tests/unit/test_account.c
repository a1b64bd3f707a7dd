/* Counters that a history shows and a database keeps: also when their counting process is killed
 * right before its commit, or right behind it. Linked with --wrap=ese_sqlite_commit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ese-consumer/sender.h"
#include "ese-consumer/turn.h"
#include "ese-core/contact.h"
#include "ese-core/account.h"
#include "ese-core/memory.h"
#include "ese-mailer/outbox.h"
#include "tests/support/directory.h"
#include "tests/support/fake_mailer.h"
#include "tests/support/wait.h"

#define NOON 1700000000000
#define LIMIT (INT64_C(1) << 20)
#define PATIENCE_MS 20000

/* ---- death at a commit ----------------------------------------------------------------------- */

enum death { NO_DEATH, BEFORE_COMMIT, BEHIND_COMMIT };

static enum death death; /* of the next that commits, in the life that has set it */

int __real_ese_sqlite_commit(struct ese_sqlite *sqlite, struct ese_error *error);
int __wrap_ese_sqlite_commit(struct ese_sqlite *sqlite, struct ese_error *error);

int __wrap_ese_sqlite_commit(struct ese_sqlite *sqlite, struct ese_error *error)
{
    if (death == BEFORE_COMMIT)
        raise(SIGKILL);
    int result = __real_ese_sqlite_commit(sqlite, error);
    if (death == BEHIND_COMMIT)
        raise(SIGKILL);
    return result;
}

/* ---- the world, and lives in it -------------------------------------------------------------- */

struct world {
    char *directory;
    char *database; /* of the state, or of the outbox */
    char *history;
    enum death death; /* the life to come dies so */
};

static int open_world(void **state)
{
    struct world *world = ese_alloc(sizeof *world);
    *state = world;
    world->directory = ese_test_directory_make();
    world->database = ese_test_path(world->directory, "database");
    world->history = ese_test_path(world->directory, "history");
    return 0;
}

static int close_world(void **state)
{
    struct world *world = *state;
    free(world->database);
    free(world->history);
    ese_test_directory_remove(&world->directory);
    free(world);
    return 0;
}

/* In a life, which is no test of its own. */
static void must(int result)
{
    if (result != 0)
        _exit(99);
}

/* A process that does it; `how` it ends. */
static void live(struct world *world, void (*life)(struct world *world), enum death how)
{
    world->death = how;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        life(world);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (how == NO_DEATH)
        assert_int_equal(status, 0);
    else
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static struct ese_history *open_history_at(const char *path)
{
    struct ese_history *history = NULL;
    const struct ese_history_options options = {
        .path = path, .party = "party", .transport = "t", .limit = LIMIT};
    must(ese_history_open(&options, &history, NULL));
    return history;
}

static struct ese_history *open_history(const struct world *world)
{
    return open_history_at(world->history);
}

static int64_t shown_in(const char *path, enum ese_history_counter counter)
{
    struct ese_history_reader *reader = NULL;
    assert_int_equal(ese_history_read_open(path, &reader, NULL), 0);
    int64_t value = ese_history_read_count(reader, counter);
    ese_history_read_close(&reader);
    return value;
}

static int64_t shown(const struct world *world, enum ese_history_counter counter)
{
    return shown_in(world->history, counter);
}

/* ---- the account by itself ------------------------------------------------------------------- */

static const enum ese_history_counter two[] = {ESE_COUNT_PROCESSED, ESE_COUNT_DECIDED};

static struct ese_sqlite *open_database(const struct world *world)
{
    struct ese_sqlite *database = NULL;
    const struct ese_sqlite_options options = {
        .path = world->database, .durability = ESE_DURABILITY_OS, .schema = ESE_ACCOUNT_SCHEMA};
    must(ese_sqlite_open(&options, &database, NULL));
    return database;
}

static int64_t count_rows(struct ese_sqlite *database)
{
    struct ese_statement *count = ese_statement_new(database, "SELECT count(*) FROM account");
    assert_int_equal(ese_statement_step(count, NULL), 1);
    int64_t rows = ese_statement_column_number(count, 0);
    ese_statement_reset(count);
    return rows;
}

static struct ese_account *open_account(struct ese_sqlite *database, struct ese_history *history)
{
    struct ese_account *account = NULL;
    assert_int_equal(ese_account_open(database, history, two, 2, &account, NULL), 0);
    return account;
}

/* Counts in a transaction of its own. */
static void count_by(struct ese_sqlite *database, struct ese_account *account, int64_t amount)
{
    assert_int_equal(ese_sqlite_begin(database, NULL), 0);
    ese_account_count(account, ESE_COUNT_PROCESSED, amount);
    assert_int_equal(ese_account_write(account, NULL), 0);
    assert_int_equal(ese_sqlite_commit(database, NULL), 0);
    ese_account_settle(account, true);
}

static void counts_go_on_in_the_next_life(void **state)
{
    struct world *world = *state;
    struct ese_sqlite *database = open_database(world);
    for (int life = 1; life <= 3; life++) {
        struct ese_history *history = open_history(world);
        struct ese_account *account = open_account(database, history);
        assert_int_equal(shown(world, ESE_COUNT_PROCESSED), (life - 1) * 17);
        count_by(database, account, 10);
        count_by(database, account, 7);
        assert_int_equal(shown(world, ESE_COUNT_PROCESSED), life * 17);
        assert_int_equal(shown(world, ESE_COUNT_DECIDED), 0);
        ese_account_close(&account);
        ese_history_close(&history);
    }
    ese_sqlite_close(&database);
}

static void what_was_rolled_back_never_counted(void **state)
{
    struct world *world = *state;
    struct ese_sqlite *database = open_database(world);
    struct ese_history *history = open_history(world);
    struct ese_account *account = open_account(database, history);
    count_by(database, account, 5);
    assert_int_equal(ese_sqlite_begin(database, NULL), 0);
    ese_account_count(account, ESE_COUNT_PROCESSED, 100);
    ese_account_count(account, ESE_COUNT_DECIDED, 100);
    assert_int_equal(ese_account_write(account, NULL), 0);
    ese_sqlite_rollback(database);
    ese_account_settle(account, false);
    count_by(database, account, 1);
    assert_int_equal(shown(world, ESE_COUNT_PROCESSED), 6);
    assert_int_equal(shown(world, ESE_COUNT_DECIDED), 0);
    ese_account_close(&account);
    account = open_account(database, history);
    assert_int_equal(shown(world, ESE_COUNT_PROCESSED), 6);
    ese_account_close(&account);
    ese_history_close(&history);
    ese_sqlite_close(&database);
}

/* Two members of a group, on one state file. */
static void each_history_has_an_account(void **state)
{
    struct world *world = *state;
    char *other_path = ese_test_path(world->directory, "other");
    struct ese_sqlite *database = open_database(world);
    struct ese_history *history = open_history(world), *other = open_history_at(other_path);
    struct ese_account *account = open_account(database, history);
    count_by(database, account, 5);
    struct ese_account *others = open_account(database, other);
    count_by(database, others, 70);
    count_by(database, account, 1);
    assert_int_equal(shown(world, ESE_COUNT_PROCESSED), 6);
    assert_int_equal(shown_in(other_path, ESE_COUNT_PROCESSED), 70);
    ese_account_close(&others);
    others = open_account(database, other);
    assert_int_equal(shown_in(other_path, ESE_COUNT_PROCESSED), 70);
    ese_account_close(&account);
    ese_account_close(&others);
    ese_history_close(&history);
    ese_history_close(&other);
    ese_sqlite_close(&database);
    free(other_path);
}

static void a_history_in_memory_leaves_no_rows(void **state)
{
    struct world *world = *state;
    struct ese_sqlite *database = open_database(world);
    struct ese_history *history = open_history_at(NULL);
    struct ese_account *account = open_account(database, history);
    count_by(database, account, 5);
    assert_int_equal(count_rows(database), 0);
    ese_account_close(&account);
    ese_history_close(&history);
    ese_sqlite_close(&database);
}

/* ---- a consumer that dies with a batch ------------------------------------------------------- */

static struct ese_state_options state_options(const struct world *world)
{
    return (struct ese_state_options){.path = world->database, .durability = ESE_DURABILITY_OS,
                                      .group = "g", .transport = "t"};
}

static struct ese_record press(int64_t offset, uint32_t sequence)
{
    struct ese_record record = {.offset = offset, .next = offset + 1};
    struct ese_event *event = &record.event;
    event->client_ts = event->server_ts = NOON + sequence;
    event->id =
        ese_id_make(&(struct ese_id_parts){.time_ms = NOON, .run = 1, .sequence = sequence});
    ese_fit_text(event->key, sizeof event->key, "10.0.0.1");
    ese_fit_text(event->ip, sizeof event->ip, "10.0.0.1");
    ese_fit_text(event->sub_type, sizeof event->sub_type, ESE_SUB_TYPE_KEY_PRESS);
    return record;
}

/* Takes over partition 0 and processes five presses, the last two of them for the second time, from
 * where the last life left off. */
static void consume(struct world *world)
{
    static const uint32_t sequences[] = {0, 1, 2, 1, 0};
    struct ese_holdings holdings = {.count = 0};
    struct ese_rules rules = {.count = 0};
    struct ese_turn_parts parts = {
        .rules = &rules, .holdings = &holdings, .lateness_ms = 1000, .max_keys = 10};
    const struct ese_state_options options = state_options(world);
    must(ese_rules_choose("steady-click", &rules, NULL));
    must(ese_state_open(&options, &parts.state, NULL));
    parts.history = open_history(world);
    parts.decisions = ese_decisions_new(ese_state_database(parts.state), "t");
    parts.statistics = ese_statistics_new(ese_metrics_new(), "t", "steady-click");
    struct ese_turn *turn = NULL;
    must(ese_turn_open(&parts, &turn, NULL));
    struct ese_holding *holding = ese_holdings_add(&holdings, 0);
    must(ese_state_take(parts.state, 0, "p", &holding->position, NULL));
    must(ese_state_load_repeats(parts.state, 0, holding->repeats, NULL));
    struct ese_record records[5];
    struct ese_batch batch = {.records = records};
    int64_t from = holding->position.next == ESE_POSITION_NONE ? 0 : holding->position.next;
    for (int64_t offset = from; offset < 5; offset++)
        records[batch.count++] = press(offset, sequences[offset]);
    int decided = 0;
    death = world->death;
    if (batch.count > 0)
        must(ese_turn_process(turn, &batch, NOON, &decided, NULL));
}

static void a_batch_counts_once_wherever_its_consumer_dies(void **state)
{
    struct world *world = *state;
    live(world, consume, BEFORE_COMMIT);
    assert_int_equal(shown(world, ESE_COUNT_PROCESSED), 0);
    live(world, consume, BEHIND_COMMIT);
    live(world, consume, NO_DEATH); /* finds nothing left to do */
    assert_int_equal(shown(world, ESE_COUNT_PROCESSED), 3);
    assert_int_equal(shown(world, ESE_COUNT_REPEATS), 2);
    assert_int_equal(shown(world, ESE_COUNT_DECIDED), 1);
}

/* ---- a consumer that dies with an answer of the mailer --------------------------------------- */

static void decide(struct world *world)
{
    const struct ese_state_options options = state_options(world);
    struct ese_state *state = NULL;
    struct ese_decision decision;
    struct ese_event last = press(0, 0).event;
    bool added = false;
    ese_decision_make(&decision, "r", &last, &last.id, 1);
    must(ese_state_open(&options, &state, NULL));
    struct ese_decisions *decisions = ese_decisions_new(ese_state_database(state), "t");
    must(ese_decisions_add(decisions, &decision, &added, NULL));
}

static bool is_idle(void *sender)
{
    return ese_sender_idle(sender);
}

static enum fake_mailer_answer refuse(void *context, int number, const char *subject)
{
    (void)context;
    (void)number;
    (void)subject;
    return FAKE_REFUSE;
}

static void ask_a_mailer(struct world *world, fake_mailer_temper *temper)
{
    struct fake_mailer *mailer = fake_mailer_open(temper, NULL);
    struct ese_sender *sender = NULL;
    const struct ese_sender_options options = {.state = state_options(world),
                                               .mailer = fake_mailer_url(mailer),
                                               .history = open_history(world),
                                               .contact = ese_contact_new("the mailer")};
    must(ese_sender_open(&options, &sender, NULL));
    death = world->death;
    ese_sender_give(sender, 0);
    must(ese_test_wait_until(is_idle, sender, PATIENCE_MS) ? 0 : -1);
    ese_sender_close(&sender, 0);
}

static void ask(struct world *world)
{
    ask_a_mailer(world, NULL);
}

static void ask_in_vain(struct world *world)
{
    ask_a_mailer(world, refuse);
}

static void an_answer_counts_once_wherever_the_consumer_dies(void **state)
{
    struct world *world = *state;
    live(world, decide, NO_DEATH);
    live(world, ask, BEFORE_COMMIT); /* had the answer, could not note it: asks again */
    live(world, ask, BEHIND_COMMIT);
    live(world, ask, NO_DEATH);
    assert_int_equal(shown(world, ESE_COUNT_MAILS_ASKED), 1);
    assert_int_equal(shown(world, ESE_COUNT_MAILS_REFUSED), 0);
}

static void a_refusal_counts_once_wherever_the_consumer_dies(void **state)
{
    struct world *world = *state;
    live(world, decide, NO_DEATH);
    live(world, ask_in_vain, BEFORE_COMMIT);
    live(world, ask_in_vain, BEHIND_COMMIT);
    live(world, ask_in_vain, NO_DEATH);
    assert_int_equal(shown(world, ESE_COUNT_MAILS_ASKED), 0);
    assert_int_equal(shown(world, ESE_COUNT_MAILS_REFUSED), 1);
}

/* ---- a mailer that dies with a mail ---------------------------------------------------------- */

static void on_put(void *context, const char *id, enum ese_mail_put put,
                   const struct ese_error *error)
{
    (void)context;
    (void)id;
    (void)put;
    must(error == NULL ? 0 : -1);
}

static struct ese_outbox *open_outbox(struct world *world, bool resend)
{
    const struct ese_outbox_options options = {
        .path = world->database, .waiting_most = 10, .resend_unknown = resend, .keep_ms = NOON,
        .history = open_history(world), .metrics = ese_metrics_new()};
    struct ese_outbox *outbox = NULL;
    must(ese_outbox_open(&options, &outbox, NULL));
    return outbox;
}

/* The SMTP server has taken the next mail, or refused it. */
static void end_next(struct world *world, struct ese_outbox *outbox, enum ese_mail_status status)
{
    struct ese_mail_row row;
    must(ese_outbox_claim(outbox, &row, NULL));
    must(ese_outbox_mark_sending(outbox, row.seq, NULL));
    death = world->death;
    must(ese_outbox_end(outbox, &(struct ese_mail_end){.seq = row.seq, .status = status}, NULL));
}

static void put_and_end(struct world *world, enum ese_mail_status status)
{
    struct ese_outbox *outbox = open_outbox(world, false);
    struct ese_mail mail = {.id = "i-1", .from = "a@b", .to = "c@d", .content = ese_copy_text("")};
    must(ese_outbox_put(outbox, &mail, on_put, NULL, NULL));
    end_next(world, outbox, status);
    ese_outbox_close(&outbox);
}

static void put_and_send(struct world *world)
{
    put_and_end(world, ESE_MAIL_SENT);
}

static void put_and_bury(struct world *world)
{
    put_and_end(world, ESE_MAIL_DEAD);
}

static void look_after_the_outbox(struct world *world)
{
    struct ese_outbox *outbox = open_outbox(world, false);
    ese_outbox_close(&outbox);
}

static void send_again(struct world *world)
{
    struct ese_outbox *outbox = open_outbox(world, true);
    end_next(world, outbox, ESE_MAIL_SENT);
    ese_outbox_close(&outbox);
}

static void shows_mails(const struct world *world, int64_t sent, int64_t dead, int64_t unknown)
{
    assert_int_equal(shown(world, ESE_COUNT_MAILS_SENT), sent);
    assert_int_equal(shown(world, ESE_COUNT_MAILS_DEAD), dead);
    assert_int_equal(shown(world, ESE_COUNT_MAILS_UNKNOWN), unknown);
}

static void a_mail_counts_though_its_mailer_dies_behind_the_commit(void **state)
{
    struct world *world = *state;
    live(world, put_and_send, BEHIND_COMMIT);
    live(world, look_after_the_outbox, NO_DEATH);
    shows_mails(world, 1, 0, 0);
}

static void a_dead_letter_counts_though_its_mailer_dies_behind_the_commit(void **state)
{
    struct world *world = *state;
    live(world, put_and_bury, BEHIND_COMMIT);
    live(world, look_after_the_outbox, NO_DEATH);
    shows_mails(world, 0, 1, 0);
}

static void a_mail_is_unknown_when_its_mailer_dies_before_the_commit(void **state)
{
    struct world *world = *state;
    live(world, put_and_send, BEFORE_COMMIT);
    live(world, look_after_the_outbox, NO_DEATH);
    shows_mails(world, 0, 0, 1);
    live(world, send_again, NO_DEATH);
    shows_mails(world, 1, 0, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(counts_go_on_in_the_next_life),
        TEST(what_was_rolled_back_never_counted),
        TEST(each_history_has_an_account),
        TEST(a_history_in_memory_leaves_no_rows),
        TEST(a_batch_counts_once_wherever_its_consumer_dies),
        TEST(an_answer_counts_once_wherever_the_consumer_dies),
        TEST(a_refusal_counts_once_wherever_the_consumer_dies),
        TEST(a_mail_counts_though_its_mailer_dies_behind_the_commit),
        TEST(a_dead_letter_counts_though_its_mailer_dies_behind_the_commit),
        TEST(a_mail_is_unknown_when_its_mailer_dies_before_the_commit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
