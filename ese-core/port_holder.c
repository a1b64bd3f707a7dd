#include "ese-core/port_holder.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

#include "ese-core/memory.h"

#define LISTENING 0x0a /* TCP_LISTEN, as the kernel's table says it */

/* The inode of the socket that listens on the port, by one of the tables of proc(5); 0: none. */
static unsigned long listener_in(const char *table, int port)
{
    char line[512];
    unsigned long inode = 0;
    FILE *file = fopen(table, "re");
    if (file == NULL)
        return 0;
    while (inode == 0 && fgets(line, sizeof line, file) != NULL) {
        unsigned local, state;
        unsigned long found;
        if (sscanf(line, " %*d: %*[0-9A-F]:%x %*s %x %*s %*s %*s %*s %*s %lu", &local, &state,
                   &found) == 3 &&
            local == (unsigned)port && state == LISTENING)
            inode = found;
    }
    fclose(file);
    return inode;
}

/* Whether one of the process's descriptors is the socket. */
static bool holds(const char *pid, unsigned long inode)
{
    char path[64], wanted[64], target[64];
    snprintf(path, sizeof path, "/proc/%.20s/fd", pid);
    snprintf(wanted, sizeof wanted, "socket:[%lu]", inode);
    DIR *directory = opendir(path);
    if (directory == NULL)
        return false;
    bool held = false;
    const struct dirent *entry;
    while (!held && (entry = readdir(directory)) != NULL) {
        ssize_t length = readlinkat(dirfd(directory), entry->d_name, target, sizeof target - 1);
        target[length < 0 ? 0 : length] = '\0';
        held = strcmp(target, wanted) == 0;
    }
    closedir(directory);
    return held;
}

static void name_process(const char *pid, char text[ESE_PORT_HOLDER_SIZE])
{
    char path[64], name[32] = "";
    snprintf(path, sizeof path, "/proc/%.20s/comm", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return;
    if (fgets(name, sizeof name, file) != NULL) {
        name[strcspn(name, "\n")] = '\0';
        snprintf(text, ESE_PORT_HOLDER_SIZE, "%s (process %.20s)", name, pid);
    }
    fclose(file);
}

const char *ese_port_holder(int port, char text[ESE_PORT_HOLDER_SIZE])
{
    static const char *const tables[] = {"/proc/net/tcp", "/proc/net/tcp6"};
    unsigned long inode = 0;
    snprintf(text, ESE_PORT_HOLDER_SIZE, "another process");
    for (size_t i = 0; inode == 0 && i < ESE_COUNT_OF(tables); i++)
        inode = listener_in(tables[i], port);
    DIR *processes = inode == 0 ? NULL : opendir("/proc");
    if (processes == NULL)
        return text;
    bool found = false;
    const struct dirent *entry;
    while (!found && (entry = readdir(processes)) != NULL) {
        found = isdigit((unsigned char)entry->d_name[0]) && holds(entry->d_name, inode);
        if (found)
            name_process(entry->d_name, text);
    }
    closedir(processes);
    return text;
}
