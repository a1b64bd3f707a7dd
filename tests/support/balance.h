/*
 * balance.h - the equations of judgement.h, held against a judgement: the test fails where one does not hold.
 */
#ifndef ESE_TEST_BALANCE_H
#define ESE_TEST_BALANCE_H

#include "orchestration/lab/judgement.h"

void balance_check(const struct ese_judgement *judgement);

#endif
