/*
 * sentence.h - what sentences on a run are made of: names, and what holds of whom. Each says what the figures of the
 * run show, and nothing else; of whom nothing can be told, that is said.
 */
#ifndef ESE_LAB_SENTENCE_H
#define ESE_LAB_SENTENCE_H

#include "ese-core/buffer.h"
#include "orchestration/lab/results.h"

#define ESE_SENTENCE_NAMES_SIZE 400
#define ESE_ABOUT_EQUAL 1.2 /* figures of one run closer than this are called about equal */

/* "a", "a and b", "a, b and c" of the transports for which holds says so. Returns how many. */
int ese_sentence_names(const struct ese_results *results, bool (*holds)(const struct ese_results_transport *),
                       char names[ESE_SENTENCE_NAMES_SIZE]);

bool ese_sentence_kept_all(const struct ese_results_transport *transport);
bool ese_sentence_is_untold(const struct ese_results_transport *transport);  /* its ledger */
bool ese_sentence_is_untimed(const struct ese_results_transport *transport); /* or it is not to be trusted */

/* Whole sentences, a line each: what was kept; recovery, where a fault was done; cost, where it is known. */
void ese_say_kept(const struct ese_results *results, struct ese_buffer *text);
void ese_say_recovery(const struct ese_results *results, struct ese_buffer *text);
void ese_say_cost(const struct ese_results *results, struct ese_buffer *text);

#endif
