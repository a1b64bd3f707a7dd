/* ese-lab - the lab itself: starts journeys side by side, breaks them, and keeps the ledger. */
#include "ese-core/memory.h"
#include "orchestration/lab/command.h"

static const struct ese_lab_command *const commands[] = {
    &ese_lab_compare,
    &ese_lab_check,
    &ese_lab_up,
    &ese_lab_status,
    &ese_lab_down,
    &ese_lab_logs,
    &ese_lab_kafka,
    &ese_lab_doctor,
};

static int usage(FILE *stream, int status)
{
    fprintf(stream, "usage: ese-lab COMMAND [OPTIONS]\n\ncommands:\n");
    for (size_t i = 0; i < ESE_COUNT_OF(commands); i++)
        fprintf(stream, "  %-9s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(stream, "\n'ese-lab COMMAND --help' tells more of each.\n");
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return usage(stderr, 64);
    for (size_t i = 0; i < ESE_COUNT_OF(commands); i++) {
        if (strcmp(argv[1], commands[i]->name) == 0)
            return commands[i]->main(argc - 1, argv + 1);
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)
        return usage(stdout, 0);
    if (strcmp(argv[1], "--version") == 0) {
        printf("ese-lab %s\n", ESE_VERSION);
        return 0;
    }
    fprintf(stderr, "ese-lab: there is no command '%.60s'\n", argv[1]);
    return usage(stderr, 64);
}
