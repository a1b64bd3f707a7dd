/*
 * explain_words.h - what one record of a history says of an event that is explained (explain.h), in words.
 */
#ifndef ESE_LAB_EXPLAIN_WORDS_H
#define ESE_LAB_EXPLAIN_WORDS_H

#include "ese-core/history.h"
#include "orchestration/lab/explain.h"

/* Appends them. The record was read last by the reader; it is about the event, or about a decision that was made of it.
 * What is not told (a type, a partition) is not told here either. */
void ese_explain_words(const struct ese_explain *asked, const struct ese_history_record *record,
                       const struct ese_history_reader *reader, struct ese_buffer *text);

#endif
