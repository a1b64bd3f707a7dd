#include "tests/planted/stall.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "ese-core/clock.h"

void stall_here(void)
{
    int fd = open("stalled", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return;
    dprintf(fd, "%" PRId64 "\n", ese_clock_monotonic_ns());
    for (;;)
        pause();
}
