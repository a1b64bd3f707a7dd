/*
 * kafka_command.h - `./lab kafka start|stop|status|topics`: a broker that stays until it is
 * stopped.
 */
#ifndef ESE_KAFKA_COMMAND_H
#define ESE_KAFKA_COMMAND_H

#include <stddef.h>

/* How ese-lab calls it. */
#define ESE_KAFKA_COMMAND "kafka"

/* argv[0] is how the user called it, argv[1] the subcommand or an option. Returns the exit status:
 * 0; 1 when `status` finds no broker, or on failure; 64 usage; 69 where Java or jars are missing
 * or the port is taken. */
int ese_kafka_command(int argc, char **argv);

/* The address of the lab's own broker if that runs: fills text and returns 0; -1 otherwise. */
int ese_kafka_running(char *text, size_t size);

#endif
