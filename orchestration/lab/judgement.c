#include "orchestration/lab/judgement.h"

#include <inttypes.h>
#include <stdarg.h>

#include "orchestration/lab/artifacts.h"
#include "orchestration/lab/ledger.h"
#include "orchestration/lab/mail_ledger.h"
#include "orchestration/lab/timing.h"

#define BEHIND_PER_CENT 1 /* with more of the offered events late, the schedule was not kept */

/* The first to say anything decides. */
static void say(struct ese_verdict *verdict, enum ese_verdict_word word, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void say(struct ese_verdict *verdict, enum ese_verdict_word word, const char *format, ...)
{
    if (verdict->word != ESE_VERDICT_PASS)
        return;
    verdict->word = word;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(verdict->reason, sizeof verdict->reason, format, arguments);
    va_end(arguments);
}

/* ---- what the verdict is told from ----------------------------------------------------------- */

struct evidence {
    struct ese_book book;
    struct ese_state_file state;
    struct ese_outbox_file outbox;
    struct ese_mails mails;
    struct ese_oracle oracle;
    struct ese_mail_faults faults;
};

static void read_rest(const char *directory, struct evidence *evidence)
{
    struct ese_error error = {.code = ESE_OK};
    char maildir[ESE_ARTIFACT_PATH_SIZE];
    if (ese_state_file_read(directory, &evidence->state, &error) == -1)
        ese_book_note_missing(&evidence->book, "%.180s", error.text);
    if (ese_outbox_file_read(directory, &evidence->outbox, &error) == -1)
        ese_book_note_missing(&evidence->book, "%.180s", error.text);
    if (ese_artifact_path(directory, ESE_ARTIFACT_MAILDIR, maildir, &error) == -1 ||
        ese_mails_read(maildir, &evidence->mails, &error) == -1)
        ese_book_note_missing(&evidence->book, "%.180s", error.text);
}

static void free_all(struct evidence *evidence)
{
    ese_oracle_free(&evidence->oracle);
    ese_mails_free(&evidence->mails);
    ese_outbox_file_free(&evidence->outbox);
    ese_state_file_free(&evidence->state);
    ese_book_free(&evidence->book);
}

/* ---- the verdicts ---------------------------------------------------------------------------- */

struct fault {
    bool is_held; /* against the transport: it has promised otherwise */
    int64_t count;
    const char *words;
};

static void say_faults(const struct fault *faults, size_t count, struct ese_verdict *verdict)
{
    for (size_t i = 0; i < count; i++) {
        if (faults[i].is_held && faults[i].count > 0)
            say(verdict, ESE_VERDICT_FAIL, "%" PRId64 " %s", faults[i].count, faults[i].words);
    }
}

/* What no later arrival can mend. */
static void judge_certain(const struct ese_judgement *judgement,
                          const struct ese_promises *promises, const struct ese_mail_faults *mails,
                          struct ese_verdict *verdict)
{
    const struct ese_ledger *ledger = &judgement->ledger;
    bool keeps_all = promises->delivery == ESE_DELIVERY_AT_LEAST_ONCE;
    const struct fault faults[] = {
        {keeps_all, ledger->lost, "acknowledged events are lost"},
        {true, ledger->phantom,
         "events were seen though, by their sender's account, never stored"},
        {promises->ordered_per_key, ledger->reordered,
         "events are stored behind a later one of their key"},
        {promises->retry_stored_once, ledger->stored_twice, "events are stored a second time"},
        {true, judgement->mails.doubled, "mails came a second time"},
        {true, mails->unexpected, "mails came that no key presses account for"},
    };
    say_faults(faults, sizeof faults / sizeof faults[0], verdict);
}

static int64_t unknown_in_flight(const struct evidence *evidence)
{
    int64_t count = 0;
    for (uint32_t i = 0; i < evidence->book.count; i++) {
        const struct ese_book_entry *entry = &evidence->book.entries[i];
        count += entry->due_ns != 0 && ese_book_outcome(entry) == ESE_HISTORY_UNKNOWN &&
                 entry->is_in_flight;
    }
    return count;
}

static void judge_ledger(const struct evidence *evidence, const struct ese_promises *promises,
                         struct ese_judgement *judgement)
{
    struct ese_verdict *verdict = &judgement->ledger_verdict;
    if (evidence->book.missing[0] != '\0')
        say(verdict, ESE_VERDICT_CANNOT_TELL, "%s", evidence->book.missing);
    if (judgement->ledger.offered == 0)
        say(verdict, ESE_VERDICT_CANNOT_TELL, "nothing was offered");
    judge_certain(judgement, promises, &evidence->faults, verdict);
    int64_t in_flight = judgement->ledger.in_flight + unknown_in_flight(evidence);
    if (in_flight > 0)
        say(verdict, ESE_VERDICT_CANNOT_TELL,
            "%" PRId64 " stored events were not processed when the drain ended", in_flight);
    if (evidence->outbox.queued > 0)
        say(verdict, ESE_VERDICT_CANNOT_TELL,
            "%" PRId64 " mails were not sent when the drain ended", evidence->outbox.queued);
    const struct fault faults[] = {
        {true, evidence->faults.lost, "mails are missing"},
        {true, evidence->faults.altered, "mails tell of other events than they had to"},
    };
    say_faults(faults, sizeof faults / sizeof faults[0], verdict);
}

static void judge_timing(const struct evidence *evidence, const struct ese_timing *timing,
                         struct ese_judgement *judgement)
{
    struct ese_verdict *verdict = &judgement->timing_verdict;
    int64_t offered = judgement->ledger.offered;
    if (evidence->book.missing[0] != '\0')
        say(verdict, ESE_VERDICT_CANNOT_TELL, "%s", evidence->book.missing);
    if (timing->negative > 0)
        say(verdict, ESE_VERDICT_CANNOT_TELL, "%" PRId64 " latencies are negative",
            timing->negative);
    if (timing->acknowledge.count == 0)
        say(verdict, ESE_VERDICT_CANNOT_TELL, "nothing was acknowledged behind the warm-up");
    if (timing->behind_schedule * 100 > offered * BEHIND_PER_CENT)
        say(verdict, ESE_VERDICT_CANNOT_TELL,
            "the generator fell behind: %" PRId64 " of %" PRId64 " events left more than 5 ms late",
            timing->behind_schedule, offered);
}

static void keep_timing(const struct ese_timing *timing, struct ese_judgement *judgement)
{
    judgement->acknowledge = timing->acknowledge;
    judgement->end_to_end = timing->end_to_end;
    judgement->mail = timing->mail;
    judgement->warmup_cut = timing->warmup_cut;
    judgement->behind_schedule = timing->behind_schedule;
    judgement->reads_again_us = timing->reads_again_us;
    judgement->backlog_at_restart = timing->backlog_at_restart;
    judgement->processed_per_s = timing->processed_per_s;
}

int ese_judge(const struct ese_judge_options *options, struct ese_judgement *judgement,
              struct ese_error *error)
{
    struct evidence evidence = {.faults = {.lost = 0}};
    *judgement = (struct ese_judgement){.reads_again_us = -1};
    if (ese_book_read(options->directory, &evidence.book, error) == -1) {
        free_all(&evidence);
        return -1;
    }
    read_rest(options->directory, &evidence);
    ese_ledger_make(&evidence.book, &evidence.state, options->promises->replayable,
                    &judgement->ledger);
    ese_oracle_ask(&evidence.book, &evidence.oracle);
    const struct ese_mail_evidence mails = {
        .book = &evidence.book, .oracle = &evidence.oracle, .mails = &evidence.mails,
        .state = &evidence.state, .outbox = &evidence.outbox};
    ese_mail_ledger_make(&mails, &judgement->mails, &evidence.faults);
    struct ese_timing timing;
    ese_timing_take(options, &evidence.book, &evidence.oracle, &timing);
    keep_timing(&timing, judgement);
    judge_ledger(&evidence, options->promises, judgement);
    judge_timing(&evidence, &timing, judgement);
    free_all(&evidence);
    return 0;
}
