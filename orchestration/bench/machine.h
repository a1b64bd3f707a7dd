/*
 * machine.h - what this machine's kernel counts: processor time of ours and of others, and flushes of the disk.
 */
#ifndef ESE_BENCH_MACHINE_H
#define ESE_BENCH_MACHINE_H

#include <stdint.h>
#include <sys/types.h>

/* Processor time of a process and of all that descend from it, ended ones that were waited for included. 0 where there
 * is none such. */
int64_t ese_machine_tree_ns(pid_t pid);

/* Memory of a process that is resident. 0 where there is none such. */
int64_t ese_machine_resident_bytes(pid_t pid);

/* Of all processors: time spent in programs and in the kernel for them (interrupts excepted). */
int64_t ese_machine_busy_ns(void);

/* How often the device below the path was told to flush what it holds and had done so, since it is there: for all who
 * use it. -1 where that is not counted: in memory, over a network, where the device has no cache to flush.
 * https://docs.kernel.org/block/stat.html */
int64_t ese_machine_flushes(const char *path);

#endif
