/*
 * group_options.h - the options of ese-lab's commands that walk with a group of consumers instead of one.
 */
#ifndef ESE_LAB_GROUP_OPTIONS_H
#define ESE_LAB_GROUP_OPTIONS_H

#include "ese-core/option.h"

/* --consumers, and --rule-cost-us. */
extern const struct ese_option ese_group_options[];

#endif
