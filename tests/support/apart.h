/*
 * apart.h - a case that changes its process for good, as a limit or a failed sync does, has a process of its own.
 */
#ifndef ESE_TEST_APART_H
#define ESE_TEST_APART_H

/* Asserts, for cmocka, that nothing is wrong: find_problem, called in a process of its own that ends with it, returns
 * NULL. What it returns otherwise is printed. Its threads are the caller's only (fork(2)). */
void ese_test_apart(const char *(*find_problem)(void *context), void *context);

#endif
