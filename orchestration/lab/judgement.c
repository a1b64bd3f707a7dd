/* The judgement of a run that is over, from its artifacts. */
#include "orchestration/lab/artifacts.h"
#include "orchestration/lab/verdict.h"

static void read_rest(const char *directory, struct ese_evidence *evidence)
{
    struct ese_error error = {.code = ESE_OK};
    char maildir[ESE_ARTIFACT_PATH_SIZE];
    if (ese_state_file_read(directory, &evidence->state, &error) == -1)
        ese_book_note_missing(&evidence->book, "%.180s", error.text);
    if (ese_outbox_file_read(directory, NULL, &evidence->outbox, &error) == -1)
        ese_book_note_missing(&evidence->book, "%.180s", error.text);
    if (ese_artifact_path(directory, ESE_ARTIFACT_MAILDIR, maildir, &error) == -1 ||
        ese_mails_read(maildir, &evidence->mails, &error) == -1)
        ese_book_note_missing(&evidence->book, "%.180s", error.text);
}

int ese_judge(const struct ese_judge_options *options, struct ese_judgement *judgement,
              struct ese_error *error)
{
    struct ese_evidence evidence = {.absent = NULL};
    *judgement = (struct ese_judgement){.recovery = ESE_RECOVERY_NONE};
    if (ese_book_read(options->directory, options->promises, &evidence.book, error) == -1) {
        ese_evidence_free(&evidence);
        return -1;
    }
    read_rest(options->directory, &evidence);
    struct ese_figures figures;
    ese_figures_take(&evidence, options, &figures);
    const struct ese_grounds grounds = {.promises = options->promises,
                                        .missing = evidence.book.missing,
                                        .ended = options->ended,
                                        .queued = evidence.outbox.queued};
    ese_judge_figures(&figures, &grounds, judgement);
    ese_stories_tell(&evidence, options->partition_name, &judgement->stories);
    ese_figures_free(&figures);
    ese_evidence_free(&evidence);
    return 0;
}
