/*
 * journal.h - the rounds that are finished, on file as they finish, for a bench that is interrupted to go on.
 *
 * JSON lines. The first says what was measured with: options, and a digest of all binaries; where that is another, what
 * follows is worth nothing and the file begins anew. A line that was torn (killed while it was written) and what stands
 * behind it are left away. A bench that comes to its end removes it.
 */
#ifndef ESE_BENCH_JOURNAL_H
#define ESE_BENCH_JOURNAL_H

#include "orchestration/bench/round.h"

#define ESE_JOURNAL_ROUNDS 64 /* of one side of a row at most */

struct ese_journal;

int ese_journal_open(const char *path, const char *key, struct ese_journal **journal, struct ese_error *error);
void ese_journal_close(struct ese_journal **journal);
/* And removes the file. */
void ese_journal_finish(struct ese_journal **journal);

/* How many rounds are finished; those of one side of a row, in their order. peer: of which side. */
int ese_journal_rounds(const struct ese_journal *journal, const char *row, bool peer,
                       struct ese_round rounds[ESE_JOURNAL_ROUNDS]);

/* Appends one; it is on file when this returns. */
int ese_journal_note(struct ese_journal *journal, const char *row, bool peer, const struct ese_round *round,
                     struct ese_error *error);

#endif
