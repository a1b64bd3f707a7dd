/*
 * connections.h - who is connected to whom, as the kernel tells: past any line that a test has put between them.
 */
#ifndef ESE_TEST_CONNECTIONS_H
#define ESE_TEST_CONNECTIONS_H

#include <sys/types.h>

#define ESE_TEST_PORTS 16

/* The established connections of a process to any of the ports; 0 ends them, where there are fewer. */
int ese_test_connections(pid_t pid, const int ports[ESE_TEST_PORTS]);

#endif
