/*
 * command.h - the commands of ese-lab, one file each, one table in main.c.
 */
#ifndef ESE_LAB_COMMAND_H
#define ESE_LAB_COMMAND_H

struct ese_lab_command {
    const char *name;
    const char *summary;
    int (*main)(int argc, char **argv); /* argv[0] is the command's name; returns the exit status */
};

extern const struct ese_lab_command ese_lab_compare;
extern const struct ese_lab_command ese_lab_scenario;
extern const struct ese_lab_command ese_lab_torture;
extern const struct ese_lab_command ese_lab_check;
extern const struct ese_lab_command ese_lab_history;
extern const struct ese_lab_command ese_lab_report;
extern const struct ese_lab_command ese_lab_watch;
extern const struct ese_lab_command ese_lab_up;
extern const struct ese_lab_command ese_lab_status;
extern const struct ese_lab_command ese_lab_down;
extern const struct ese_lab_command ese_lab_logs;
extern const struct ese_lab_command ese_lab_kafka;
extern const struct ese_lab_command ese_lab_doctor;

#endif
