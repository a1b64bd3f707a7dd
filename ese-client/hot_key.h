/*
 * hot_key.h - a lesson: so many of a hundred clicks are one person's, whoever else did them. All of these share a key,
 * a lane and a partition.
 */
#ifndef ESE_HOT_KEY_H
#define ESE_HOT_KEY_H

#include "ese-client/source.h"

/* Takes the source over and gives one to be used in its place; percent: 0 to 100. The seed decides which clicks. */
void ese_hot_key_open(int percent, uint64_t seed, struct ese_source **source);

#endif
