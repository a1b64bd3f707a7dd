#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/e2e/connections.h"

static bool is_among(int port, const int ports[ESE_TEST_PORTS])
{
    for (int i = 0; i < ESE_TEST_PORTS && ports[i] != 0; i++) {
        if (ports[i] == port)
            return true;
    }
    return false;
}

/* The inodes of the sockets that a process has open. */
static int sockets_of(pid_t pid, unsigned long inodes[], int most)
{
    char path[300];
    int count = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *directory = opendir(path);
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL && count < most;) {
        char target[64];
        snprintf(path, sizeof path, "/proc/%d/fd/%.20s", (int)pid, entry->d_name);
        ssize_t length = readlink(path, target, sizeof target - 1);
        target[length < 0 ? 0 : length] = '\0';
        if (sscanf(target, "socket:[%lu]", &inodes[count]) == 1)
            count++;
    }
    closedir(directory);
    return count;
}

/* Of one table of the kernel's: those connections of the sockets that lead to any of the ports. */
static int connections_in(const char *table, const unsigned long inodes[], int count, const int ports[ESE_TEST_PORTS])
{
    char line[512];
    int found = 0;
    FILE *file = fopen(table, "re");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        unsigned port, tcp_state;
        unsigned long inode;
        if (sscanf(line, " %*d: %*[^ ] %*[^:]:%X %X %*s %*s %*s %*u %*u %lu", &port, &tcp_state, &inode) != 3 ||
            tcp_state != 1 || !is_among((int)port, ports)) /* established: include/net/tcp_states.h */
            continue;
        for (int i = 0; i < count; i++)
            found += inodes[i] == inode;
    }
    fclose(file);
    return found;
}

int ese_test_connections(pid_t pid, const int ports[ESE_TEST_PORTS])
{
    static unsigned long inodes[4096];
    int count = sockets_of(pid, inodes, 4096);
    return connections_in("/proc/net/tcp", inodes, count, ports) +
           connections_in("/proc/net/tcp6", inodes, count, ports);
}
