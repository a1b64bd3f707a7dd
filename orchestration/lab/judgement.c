/* The judgement of a run that is over, from its artifacts: share by share, however long it was. */
#include <unistd.h>

#include "ese-core/memory.h"
#include "orchestration/lab/artifacts.h"
#include "orchestration/lab/closed_loop.h"
#include "orchestration/lab/mail_pile.h"
#include "orchestration/lab/recovery.h"
#include "orchestration/lab/story.h"
#include "orchestration/lab/unknown_mails.h"
#include "orchestration/lab/verdict.h"

/* What all passes share, and what they have come to. */
struct passes {
    const struct ese_judge_options *options;
    struct ese_shares shares;
    struct ese_mail_pile *mails;
    char mails_missing[ESE_BOOK_REASON_SIZE]; /* why not all mails are there; "" when they are */
    struct ese_figures figures;
    struct ese_stories stories;
    int64_t begun_ns, wall_offset_ns; /* of the books: all have the same */
    int64_t contradictions;
    int64_t queued;
    char missing[ESE_BOOK_REASON_SIZE];
};

/* The first reason stays. */
static void note_missing(char missing[ESE_BOOK_REASON_SIZE], const char *reason)
{
    if (missing[0] == '\0')
        snprintf(missing, ESE_BOOK_REASON_SIZE, "%s", reason);
}

/* ---- what a pass reads ----------------------------------------------------------------------- */

static int64_t events_of(const struct ese_judge_options *options)
{
    return options->events == 0 ? ESE_JUDGE_EVENTS : options->events;
}

static int64_t most_of(const struct ese_judge_options *options)
{
    return options->most == 0 ? ESE_JUDGE_MOST : options->most;
}

/* What a member alone was handed would be held against the transport. Whoever reads alone is missed as it is. */
static void miss_members(const struct ese_judge_options *options, struct ese_book *book)
{
    for (int member = 1; options->members > 1 && member <= options->members; member++) {
        char name[ESE_ARTIFACT_MEMBER_SIZE], path[ESE_ARTIFACT_PATH_SIZE];
        ese_artifact_member(member, name);
        if (ese_artifact_path(options->directory, name, path, NULL) == -1 || access(path, F_OK) != 0)
            ese_book_note_missing(book, "there is no history %s of a group of %d: has that member begun, or was it "
                                        "removed?", name, options->members);
    }
}

static int read_events(struct passes *passes, const struct ese_share *share,
                       struct ese_evidence *evidence, struct ese_error *error)
{
    const struct ese_judge_options *options = passes->options;
    struct ese_error trouble = {.code = ESE_OK};
    struct ese_book *book = &evidence->book;
    ese_book_begin(book, options->promises);
    book->begun_ns = options->schedule_ns;
    book->share = share;
    book->is_unseen = options->is_store_unseen;
    book->is_foreign = options->is_foreign;
    book->names = options->names;
    book->most = (uint32_t)most_of(options);
    book->contradictions = passes->contradictions; /* so that the last pass tells of all */
    if (ese_book_read(book, options->directory, error) == -1)
        return -1;
    miss_members(options, book);
    passes->contradictions = book->contradictions;
    if (book->is_full)
        return ese_fail(error, ESE_E_FULL,
                        "more than %u events are told of in one share of the run, and its client.history offers "
                        "fewer: it was cut short, or a history of another run lies beside it", book->most);
    if (ese_state_file_read(options->directory, share, &evidence->state, &trouble) == -1)
        ese_book_note_missing(book, "%s", ese_artifact_shorten(options->directory, &trouble));
    return 0;
}

static bool is_expected(const void *oracle, const struct ese_id *decision)
{
    return ese_oracle_find(oracle, decision) != ESE_BOOK_NONE;
}

static bool is_expected_or_decided(const void *context, const struct ese_id *decision)
{
    const struct ese_evidence *evidence = context;
    return is_expected(&evidence->oracle, decision) ||
           ese_state_file_decision(&evidence->state, decision) != NULL;
}

/* Of the mails, what the events that were read can tell of. */
static void read_mails(struct passes *passes, struct ese_evidence *evidence)
{
    const char *directory = passes->options->directory;
    const struct ese_id_filter expected = {.wants = is_expected, .context = &evidence->oracle};
    const struct ese_id_filter known = {.wants = is_expected_or_decided, .context = evidence};
    struct ese_error error = {.code = ESE_OK};
    ese_book_read_mails(&evidence->book, directory, &expected);
    if (ese_outbox_file_read(directory, NULL, &known, &evidence->outbox, &error) == -1)
        ese_book_note_missing(&evidence->book, "%s", ese_artifact_shorten(directory, &error));
    if (ese_mail_pile_take(passes->mails, &known, &evidence->mails, &error) == -1)
        note_missing(passes->mails_missing, ese_artifact_shorten(directory, &error));
    if (passes->mails_missing[0] != '\0')
        ese_book_note_missing(&evidence->book, "%s", passes->mails_missing);
}

/* ---- passes ---------------------------------------------------------------------------------- */

/* In the pass that holds it. */
static void tell_asked(const struct ese_judge_options *options, const struct ese_book *book)
{
    uint32_t number = options->asked == NULL ? ESE_BOOK_NONE : ese_book_find(book, options->asked);
    const struct ese_storyteller teller = ese_storyteller_of(book, options->partition_name);
    if (number != ESE_BOOK_NONE)
        ese_story_fate(&teller, &book->entries[number], options->told);
}

static void add(struct passes *passes, const struct ese_evidence *evidence,
                const struct ese_figures *figures)
{
    struct ese_stories stories;
    ese_figures_add(&passes->figures, figures);
    ese_stories_tell(evidence, passes->options->partition_name, &stories);
    ese_stories_add(&passes->stories, &stories);
    tell_asked(passes->options, &evidence->book);
    if (passes->options->look != NULL)
        passes->options->look->take(passes->options->look->context, evidence);
}

/* What does not add up is the same in all passes. */
static void begin_with(struct passes *passes, const struct ese_figures *first)
{
    passes->figures.ledger = (struct ese_ledger){
        .late = first->ledger.late,
        .beyond_window = first->ledger.beyond_window,
        .skipped_by_retention = first->ledger.skipped_by_retention,
    };
    passes->figures.timing.recovery = first->timing.recovery;
}

static int take_pass(struct passes *passes, int number, struct ese_error *error)
{
    const struct ese_share share = {.shares = &passes->shares, .number = number};
    struct ese_evidence evidence = {.absent = NULL};
    struct ese_figures figures;
    int status = read_events(passes, passes->shares.count == 1 ? NULL : &share, &evidence, error);
    if (status == 0) {
        ese_figures_take_events(&evidence, passes->options, &figures);
        read_mails(passes, &evidence);
        ese_figures_take_mails(&evidence, passes->options, &figures);
        if (number == 0)
            begin_with(passes, &figures);
        else
            ese_recovery_add(&passes->figures.timing.recovery, &figures.timing.recovery);
        add(passes, &evidence, &figures);
        passes->queued = evidence.outbox.queued;
        passes->begun_ns = evidence.book.begun_ns;
        passes->wall_offset_ns = evidence.book.wall_offset_ns;
        if (evidence.book.missing[0] != '\0') /* the last reason, as it tells of most contradictions */
            ese_fit_text(passes->missing, sizeof passes->missing, evidence.book.missing);
        ese_figures_free(&figures);
    }
    ese_evidence_free(&evidence);
    return status;
}

/* Mails that no event accounts for: told by themselves, as many at once as a pass may have events. */
static void take_strays(struct passes *passes)
{
    int64_t parts = ese_mail_pile_left(passes->mails) / events_of(passes->options) + 1;
    for (int64_t part = 0; part < parts && ese_mail_pile_left(passes->mails) > 0; part++) {
        struct ese_evidence evidence = {.absent = NULL};
        struct ese_figures figures;
        struct ese_error error = {.code = ESE_OK};
        ese_book_begin(&evidence.book, passes->options->promises);
        evidence.book.begun_ns = passes->begun_ns;
        evidence.book.wall_offset_ns = passes->wall_offset_ns;
        if (ese_mail_pile_take_left(passes->mails, part, parts, &evidence.mails, &error) == -1)
            note_missing(passes->missing, ese_artifact_shorten(passes->options->directory, &error));
        ese_figures_take(&evidence, passes->options, &figures);
        add(passes, &evidence, &figures);
        ese_figures_free(&figures);
        ese_evidence_free(&evidence);
    }
}

static void pile_mails(struct passes *passes)
{
    char maildir[ESE_ARTIFACT_PATH_SIZE] = "";
    struct ese_error error = {.code = ESE_OK};
    int status = ese_artifact_path(passes->options->directory, ESE_ARTIFACT_MAILDIR, maildir, &error);
    if (ese_mail_pile_make(maildir, &passes->mails, &error) == -1 || status == -1)
        note_missing(passes->mails_missing, ese_artifact_shorten(passes->options->directory, &error));
}

static int take_passes(struct passes *passes, struct ese_error *error)
{
    const struct ese_judge_options *options = passes->options;
    if (ese_shares_find(options->directory, events_of(options), most_of(options), &passes->shares,
                        error) == -1)
        return -1;
    pile_mails(passes);
    for (int number = 0; number < passes->shares.count; number++) {
        if (take_pass(passes, number, error) == -1)
            return -1;
    }
    take_strays(passes);
    ese_closed_loop_take(options->directory, options->measured_from_ns, passes->figures.timing.closed_loop);
    return 0;
}

static const char *ended_of(const struct ese_judge_options *options, char text[ESE_ENDING_TEXT_SIZE])
{
    return options->endings == NULL ? NULL : ese_endings_text(options->endings, text);
}

/* Where nobody tells of deeds and endings, it is not known who died. */
static int64_t unknown_most(const struct ese_judge_options *options)
{
    if (options->deeds == NULL || options->endings == NULL)
        return ESE_UNKNOWN_MAILS_ANY;
    return ese_unknown_mails_most(options->deeds, options->endings, options->smtp_timeout_ms);
}

/* A client that was started again goes on where the schedule is by then, and what it passes by may lie between two
 * that are poison: each of its lives may have one more than their number says. */
static int64_t dead_most(const struct ese_judge_options *options, int64_t offered)
{
    int64_t lives = 0;
    if (options->poison_every == 0)
        return 0;
    for (int i = 0; options->deeds != NULL && i < options->deeds->count; i++) {
        const struct ese_deed *deed = &options->deeds->list[i];
        lives += deed->act == ESE_ACT_START && (deed->roles & ESE_ROLE_BIT(ESE_ROLE_CLIENT)) != 0;
    }
    return offered / options->poison_every + lives;
}

/* When a consumer last came back: started again, or thawed. */
static int64_t back_ns(const struct ese_deeds *deeds)
{
    unsigned consumer = ESE_ROLE_BIT(ESE_ROLE_CONSUMER);
    if (deeds == NULL)
        return 0;
    int64_t started_ns = ese_deeds_last(deeds, ESE_ACT_START, consumer);
    int64_t thawed_ns = ese_deeds_last(deeds, ESE_ACT_THAW, consumer);
    return started_ns > thawed_ns ? started_ns : thawed_ns;
}

int ese_judge(const struct ese_judge_options *options, struct ese_judgement *judgement,
              struct ese_error *error)
{
    struct passes passes = {.options = options};
    struct ese_error ignored;
    char ended[ESE_ENDING_TEXT_SIZE];
    if (error == NULL)
        error = &ignored;
    *judgement = (struct ese_judgement){.recovery = ESE_RECOVERY_NONE, .lag.caught_up_us = -1};
    ese_figures_begin(&passes.figures);
    int status = take_passes(&passes, error);
    if (status == 0) {
        const struct ese_grounds grounds = {.promises = options->promises,
                                            .missing = passes.missing,
                                            .contradiction = options->contradiction,
                                            .ended = ended_of(options, ended),
                                            .unknown_most = unknown_most(options),
                                            .dead_most = dead_most(options, passes.figures.ledger.offered),
                                            .queued = passes.queued,
                                            .is_store_unseen = options->is_store_unseen,
                                            .is_foreign = options->is_foreign,
                                            .back_ns = back_ns(options->deeds),
                                            .rate = options->rate};
        ese_judge_figures(&passes.figures, &grounds, judgement);
        judgement->stories = passes.stories;
        judgement->passes = passes.shares.count;
    }
    ese_figures_free(&passes.figures);
    ese_mail_pile_free(&passes.mails);
    if (status == -1 && error->code == ESE_E_FULL) {
        ese_judge_nothing(error->text, judgement);
        return 0;
    }
    return status;
}
