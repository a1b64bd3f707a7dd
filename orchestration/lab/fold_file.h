/*
 * fold_file.h - fold.db: what a run that goes on has come to so far (fold.h).
 *
 *   total      name, value: the figures of what has settled; "missing" has a text instead, the first reason
 *              why something can no longer be told
 *   latency    name, value (microseconds), times: histograms of the same
 *   place      name, segment, record: how far each history was read
 *   history    name, id: which one that was
 *   clock      boot, apart_ns: by how much times of each boot of the machine are moved (book.h)
 *   lane       run, lane, sequence: up to which number a lane's events have settled
 *   beginning  partition, offset: what the store had forgotten when it was first read (once: where it began then)
 *   event      what is known of each event that has not settled
 *   mail       kind ('arrived' or 'sent'), decision, time_ns, number: of decisions that have not settled
 *   absent     decision, is_unknown, is_blamed: mails that were missing when their chain settled
 *
 * Times (_ns) are the book's (ese_book_time). A load and a save are one transaction each.
 */
#ifndef ESE_LAB_FOLD_FILE_H
#define ESE_LAB_FOLD_FILE_H

#include "orchestration/lab/figures.h"

struct ese_fold_file;

/* For reading only, a file that is not there yet is empty. */
int ese_fold_file_open(const char *directory, bool read_only, struct ese_fold_file **file,
                       struct ese_error *error);
void ese_fold_file_close(struct ese_fold_file **file);

/* Into a book that was just begun, and figures that were. */
int ese_fold_file_load(struct ese_fold_file *file, struct ese_evidence *evidence,
                       struct ese_figures *totals, struct ese_error *error);

/* Whether somebody else has saved since it was loaded. */
bool ese_fold_file_has_moved(struct ese_fold_file *file);

/* In place of all that was there: entries that are out of the book, mails as they stand. Changes
 * neither. */
int ese_fold_file_save(struct ese_fold_file *file, struct ese_evidence *evidence,
                       struct ese_figures *totals, struct ese_error *error);

#endif
