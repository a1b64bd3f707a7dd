/*
 * preset.h - named runs of compare: each asks one question, with options that are fixed unless others are given, and
 * answers it in three sentences, from the figures of that very run.
 */
#ifndef ESE_LAB_PRESET_H
#define ESE_LAB_PRESET_H

#include "ese-core/buffer.h"
#include "ese-core/config.h"
#include "orchestration/lab/results.h"

/* For the option table. */
#define ESE_PRESET_NAMES "share-work|bad-day|quiet-shop|answer-now"

struct ese_preset;

/* NULL where there is none of that name, or none is named. */
const struct ese_preset *ese_preset_find(const char *name);

/* Before the config is settled: of what was not given, what the preset says. */
void ese_preset_give(const struct ese_preset *preset, struct ese_config *config);

/* What it says of the option; NULL where it says nothing, or there is no preset. */
const char *ese_preset_value(const struct ese_preset *preset, const char *option);

/* Whether it compares, of the transports that are compared by default, only those that promise to lose nothing: where
 * the question is another. */
bool ese_preset_is_of_careful(const struct ese_preset *preset);

/* Its sentences, a line each. */
void ese_preset_say(const struct ese_preset *preset, const struct ese_results *results, struct ese_buffer *text);

/* The sentences of the named runs (preset_sentences.c). */
void ese_say_share_work(const struct ese_results *results, struct ese_buffer *text);
void ese_say_bad_day(const struct ese_results *results, struct ese_buffer *text);
void ese_say_quiet_shop(const struct ese_results *results, struct ese_buffer *text);
void ese_say_answer_now(const struct ese_results *results, struct ese_buffer *text);

#endif
