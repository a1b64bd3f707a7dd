/*
 * letters_command.h - ese-consumer dead-letters list|show|replay|drop: what became of events that nobody
 * could process, handing them to the rules once more, and putting them away.
 */
#ifndef ESE_LETTERS_COMMAND_H
#define ESE_LETTERS_COMMAND_H

#define ESE_LETTERS_COMMAND "dead-letters"

/* argv[0] is the command's name; returns the exit status. */
int ese_letters_command(int argc, char **argv);

#endif
