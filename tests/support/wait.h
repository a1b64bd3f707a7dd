/*
 * wait.h - tests wait for what they need, never for luck.
 */
#ifndef ESE_TEST_WAIT_H
#define ESE_TEST_WAIT_H

#include <stdbool.h>

/* Asks again and again, a few milliseconds apart, until the condition holds. False when it did not
 * within timeout_ms: a bound for a broken test, to be chosen generously. */
bool ese_test_wait_until(bool (*condition)(void *context), void *context, int timeout_ms);

#endif
