#include "orchestration/lab/fold.h"

#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "orchestration/lab/artifacts.h"
#include "orchestration/lab/fold_file.h"
#include "orchestration/lab/settle.h"
#include "orchestration/lab/unknown_mails.h"
#include "orchestration/lab/verdict.h"

#define LOOKS_MOST 5 /* of a turn that commits nothing, while others commit under it */

struct turn {
    const struct ese_fold_options *options;
    struct ese_fold_file *file;
    struct ese_evidence evidence;
    struct ese_figures totals;
    struct ese_fold_progress progress;
    int64_t store_ns, inbox_ns; /* the book's time: all that was there before is known; 0: never yet */
};

/* ---- reading --------------------------------------------------------------------------------- */

/* The moment until which a follower has noted all there was, in the book's time; 0: never. To be asked
 * before what it noted is read. */
static int64_t followed_ns(struct turn *turn, const char *name)
{
    char path[ESE_ARTIFACT_PATH_SIZE];
    struct ese_history_reader *reader = NULL;
    if (ese_artifact_path(turn->options->directory, name, path, NULL) == -1 ||
        ese_history_read_open(path, &reader, NULL) == -1)
        return 0;
    int64_t followed = ese_history_read_count(reader, ESE_COUNT_FOLLOWED_NS);
    const struct ese_history_clock clock = ese_history_read_newest_clock(reader);
    if (followed != 0)
        followed = ese_book_time(&turn->evidence.book, followed, &clock);
    ese_history_read_close(&reader);
    return followed;
}

/* Who has not begun yet says nothing; who cannot be read is noted in the book. */
static void read_party(struct turn *turn, const char *directory, const char *name)
{
    (void)ese_book_read_party(&turn->evidence.book, directory, name, NULL);
}

/* Files that are not there yet say nothing, as long as nobody has written what they would tell of. */
static bool is_there(const char *directory, const char *name)
{
    char path[ESE_ARTIFACT_PATH_SIZE];
    return ese_artifact_path(directory, name, path, NULL) == 0 && access(path, F_OK) == 0;
}

static void read_files(struct turn *turn)
{
    const struct ese_fold_options *options = turn->options;
    struct ese_evidence *evidence = &turn->evidence;
    struct ese_error error = {.code = ESE_OK};
    if (is_there(options->mailers, ESE_ARTIFACT_OUTBOX) &&
        ese_outbox_file_read(options->mailers, options->transport, NULL, &evidence->outbox, &error) == -1)
        ese_book_note_unread(&evidence->book, "%.180s", error.text);
    if (is_there(options->directory, ESE_ARTIFACT_STATE) &&
        ese_state_file_read(options->directory, NULL, &evidence->state, &error) == -1)
        ese_book_note_unread(&evidence->book, "%.180s", error.text);
}

/* The arrived, as the mail ledger wants them. */
static void take_arrived(struct ese_evidence *evidence)
{
    const struct ese_book_mails *arrived = &evidence->book.arrived;
    for (size_t i = 0; i < arrived->count; i++) {
        const struct ese_arrived_mail mail = {.decision = arrived->mails[i].decision};
        ese_mails_add(&evidence->mails, &mail);
    }
    ese_mails_sort(&evidence->mails);
}

static int read_on(struct turn *turn, struct ese_error *error)
{
    const struct ese_fold_options *options = turn->options;
    struct ese_book *book = &turn->evidence.book;
    turn->inbox_ns = followed_ns(turn, ESE_ARTIFACT_INBOX_HISTORY);
    read_party(turn, options->directory, ESE_ARTIFACT_INBOX_HISTORY);
    read_files(turn);
    read_party(turn, options->mailers, ESE_ARTIFACT_MAILER_HISTORY);
    turn->store_ns = book->followed_ns = followed_ns(turn, ESE_ARTIFACT_STORE_HISTORY);
    read_party(turn, options->directory, ESE_ARTIFACT_STORE_HISTORY);
    read_party(turn, options->directory, ESE_BOOK_CONSUMERS);
    if (book->tells_losses)
        read_party(turn, options->directory, ESE_ARTIFACT_SERVER_HISTORY);
    if (ese_book_read_party(book, options->directory, ESE_ARTIFACT_CLIENT_HISTORY, error) == -1)
        return -1;
    ese_book_end(book);
    take_arrived(&turn->evidence);
    return 0;
}

/* ---- judging --------------------------------------------------------------------------------- */

/* A time by the clock of this boot as the book's. */
static int64_t book_time(struct turn *turn, int64_t time_ns)
{
    const struct ese_history_clock now = ese_history_clock_now();
    return ese_book_time(&turn->evidence.book, time_ns, &now);
}

static int64_t missing_mails(const struct ese_figures *figures)
{
    return figures->mails.expected - figures->mails.matched - figures->mails.altered;
}

/* While the walk is watched, a mail that has not come may still come: it is missed when its chain
 * settles. Whoever checks has waited. */
static int64_t hope_for_mails(const struct ese_evidence *evidence, struct ese_figures *figures)
{
    int64_t taken_back = 0, blamed = 0; /* of those that were missed before */
    for (size_t i = 0; i < evidence->absent_count; i++) {
        const struct ese_absent_mail *absent = &evidence->absent[i];
        taken_back += absent->has_come && !absent->is_unknown;
        blamed += absent->has_come && absent->is_blamed;
    }
    int64_t hoped = figures->mails.lost + taken_back;
    figures->mails.lost = -taken_back;
    figures->faults.lost = -blamed;
    return hoped;
}

static void judge(struct turn *turn, struct ese_judgement *judgement)
{
    const struct ese_fold_options *options = turn->options;
    const struct ese_judge_options judging = {.directory = options->directory,
                                              .promises = options->promises};
    struct ese_figures figures;
    int64_t until_ns = book_time(turn, options->until_ns);
    ese_book_cut(&turn->evidence.book, until_ns);
    turn->progress.has_store = turn->store_ns >= until_ns;
    turn->progress.has_inbox = turn->inbox_ns >= until_ns;
    ese_figures_take(&turn->evidence, &judging, &figures);
    turn->progress.waiting =
        figures.ledger.in_flight + figures.unknown_in_flight + missing_mails(&figures);
    int64_t queued = options->fold_ns != 0     ? hope_for_mails(&turn->evidence, &figures)
                     : figures.faults.lost > 0 ? turn->evidence.outbox.queued : 0;
    ese_figures_add(&figures, &turn->totals);
    const struct ese_book *book = &turn->evidence.book;
    const struct ese_grounds grounds = {
        .promises = options->promises, .queued = queued, .unknown_most = ESE_UNKNOWN_MAILS_ANY,
        .dead_most = ESE_DEAD_LETTERS_ANY, /* whoever walks may send what nobody can process */
        .missing = book->missing[0] != '\0' ? book->missing : book->unread};
    ese_judge_figures(&figures, &grounds, judgement);
    ese_figures_free(&figures);
}

/* ---- folding --------------------------------------------------------------------------------- */

/* In the book's time. Nothing settles that the followers have not passed. */
static int64_t cut_ns(struct turn *turn)
{
    int64_t cut = book_time(turn, turn->options->fold_ns);
    if (turn->store_ns < cut)
        cut = turn->store_ns;
    return turn->inbox_ns < cut ? turn->inbox_ns : cut;
}

static void remove_read(const struct turn *turn)
{
    const struct ese_book *book = &turn->evidence.book;
    for (size_t i = 0; i < book->place_count; i++) {
        char path[ESE_ARTIFACT_PATH_SIZE];
        bool is_own = strcmp(book->places[i].name, ESE_ARTIFACT_MAILER_HISTORY) != 0;
        if (is_own && ese_artifact_path(turn->options->directory, book->places[i].name, path, NULL) == 0)
            ese_history_remove_before(path, book->places[i].position.segment);
    }
}

static void give_up(struct turn *turn)
{
    ese_log_error("%s: %s; no ledger can be made any more", turn->options->transport, turn->evidence.book.missing);
    ese_settle_give_up(&turn->evidence);
}

static int64_t count_unsettled(const struct ese_book *book)
{
    int64_t count = 0;
    for (uint32_t i = 0; i < book->count; i++)
        count += book->entries[i].is_out;
    return count;
}

static int fold(struct turn *turn, struct ese_error *error)
{
    const struct ese_judge_options judging = {.directory = turn->options->directory,
                                              .promises = turn->options->promises};
    struct ese_figures settled;
    ese_settle_mark(&turn->evidence, cut_ns(turn));
    ese_figures_take(&turn->evidence, &judging, &settled);
    ese_settle_note(&turn->evidence);
    ese_figures_add(&turn->totals, &settled);
    ese_figures_free(&settled);
    if (turn->evidence.book.is_full)
        give_up(turn);
    turn->progress.unsettled = count_unsettled(&turn->evidence.book);
    if (ese_fold_file_save(turn->file, &turn->evidence, &turn->totals, error) == -1)
        return -1;
    remove_read(turn);
    return 0;
}

static int take_turn(struct turn *turn, struct ese_judgement *judgement, struct ese_error *error)
{
    bool is_folding = turn->options->fold_ns != 0;
    if (ese_fold_file_open(turn->options->directory, !is_folding, &turn->file, error) == -1 ||
        ese_fold_file_load(turn->file, &turn->evidence, &turn->totals, error) == -1 ||
        read_on(turn, error) == -1)
        return -1;
    judge(turn, judgement);
    ese_fit_text(turn->progress.unread, sizeof turn->progress.unread, turn->evidence.book.unread);
    return is_folding && turn->progress.unread[0] == '\0' ? fold(turn, error) : 0;
}

/* Who folds removes the segments that were read, perhaps under the eyes of somebody who has loaded the fold before:
 * what is not there was read, then, and another look tells. */
static bool must_look_again(struct turn *turn, int status)
{
    const struct ese_book *book = &turn->evidence.book;
    bool lacks_something = status == -1 || book->missing[0] != '\0' || book->unread[0] != '\0';
    return turn->options->fold_ns == 0 && lacks_something && turn->file != NULL &&
           ese_fold_file_has_moved(turn->file);
}

/* Returns as ese_fold_turn; is_stale: all of it is of yesterday. */
static int look(const struct ese_fold_options *options, struct ese_judgement *judgement,
                struct ese_fold_progress *progress, bool *is_stale, struct ese_error *error)
{
    struct turn turn = {.options = options};
    *judgement = (struct ese_judgement){.recovery = ESE_RECOVERY_NONE};
    ese_book_begin(&turn.evidence.book, options->promises);
    turn.evidence.book.is_running = true;
    turn.evidence.book.most = options->most == 0 ? ESE_FOLD_MOST : options->most;
    ese_figures_begin(&turn.totals);
    int status = take_turn(&turn, judgement, error);
    *is_stale = must_look_again(&turn, status);
    if (progress != NULL)
        *progress = turn.progress;
    ese_figures_free(&turn.totals);
    ese_evidence_free(&turn.evidence);
    ese_fold_file_close(&turn.file);
    return status;
}

int ese_fold_turn(const struct ese_fold_options *options, struct ese_judgement *judgement,
                  struct ese_fold_progress *progress, struct ese_error *error)
{
    bool is_stale;
    int status = look(options, judgement, progress, &is_stale, error);
    for (int looks = 1; is_stale && looks < LOOKS_MOST; looks++)
        status = look(options, judgement, progress, &is_stale, error);
    return status;
}
