/* ese-lab - the lab itself: starts journeys side by side, breaks them, and keeps the ledger. */
#include "ese-core/buffer.h"
#include "ese-core/manual.h"
#include "ese-core/memory.h"
#include "orchestration/lab/command.h"

static const struct ese_lab_command *const commands[] = {
    &ese_lab_compare,
    &ese_lab_scenario,
    &ese_lab_torture,
    &ese_lab_check,
    &ese_lab_history,
    &ese_lab_report,
    &ese_lab_watch,
    &ese_lab_up,
    &ese_lab_status,
    &ese_lab_down,
    &ese_lab_logs,
    &ese_lab_kafka,
    &ese_lab_doctor,
};

static void print_commands(FILE *stream)
{
    fprintf(stream, "Usage: ese-lab COMMAND [OPTION ...]\n\nCommands:\n");
    for (size_t i = 0; i < ESE_COUNT_OF(commands); i++)
        fprintf(stream, "  %-9s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(stream, "\n'ese-lab COMMAND --help' tells more of each.\n");
}

/* ---- what it says of itself; each command does the same for its own options ------------------ */

static int help(void)
{
    print_commands(stdout);
    return 0;
}

static int version(void)
{
    printf("ese-lab %s\n", ESE_VERSION);
    return 0;
}

static int page(void)
{
    struct ese_buffer text = ESE_BUFFER_INIT(8000);
    ese_buffer_text(&text, "Keeps journeys of events, from click to mail, over exchangeable "
                           "transports. Its commands are:");
    for (size_t i = 0; i < ESE_COUNT_OF(commands); i++)
        ese_buffer_printf(&text, "\n\n%s: %s.", commands[i]->name, commands[i]->summary);
    ese_buffer_text(&text, "\n\nEach has options of its own and prints its page with --man.");
    const struct ese_manual manual = {.name = "ese-lab",
                                      .summary = "walks events over transports side by side",
                                      .synopsis = "COMMAND",
                                      .description = text.text};
    struct ese_config *none = ese_config_new();
    ese_manual_page(&manual, none);
    ese_config_free(&none);
    ese_buffer_free(&text);
    return 0;
}

/* The commands' functions, and one that calls the right one. ./lab has the same commands. */
static int completion(void)
{
    char *words[] = {NULL, "--completion", "bash", NULL};
    for (size_t i = 0; i < ESE_COUNT_OF(commands); i++) {
        words[0] = (char *)commands[i]->name;
        commands[i]->main(3, words);
    }
    printf("_ese_lab() {\n"
           "    local command=_ese_lab_${COMP_WORDS[1]}\n"
           "    COMPREPLY=()\n"
           "    if [ \"$COMP_CWORD\" -gt 1 ]; then\n"
           "        declare -F \"$command\" >/dev/null && \"$command\"\n"
           "        return\n"
           "    fi\n"
           "    COMPREPLY=($(compgen -W '");
    for (size_t i = 0; i < ESE_COUNT_OF(commands); i++)
        printf("%s ", commands[i]->name);
    printf("--help --version --man --completion' -- \"${COMP_WORDS[1]}\"))\n}\n"
           "complete -o default -F _ese_lab ese-lab lab\n");
    return 0;
}

static const struct {
    const char *word;
    const char *value; /* what must stand behind it, or NULL */
    int (*answer)(void);
} questions[] = {
    {"--help", NULL, help},
    {"-h", NULL, help},
    {"help", NULL, help},
    {"--version", NULL, version},
    {"--man", NULL, page},
    {"--completion", "bash", completion},
};

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_commands(stderr);
        return 64;
    }
    for (size_t i = 0; i < ESE_COUNT_OF(commands); i++) {
        if (strcmp(argv[1], commands[i]->name) == 0)
            return commands[i]->main(argc - 1, argv + 1);
    }
    for (size_t i = 0; i < ESE_COUNT_OF(questions); i++) {
        if (strcmp(argv[1], questions[i].word) != 0)
            continue;
        if (questions[i].value == NULL || (argc > 2 && strcmp(argv[2], questions[i].value) == 0))
            return questions[i].answer();
        fprintf(stderr, "ese-lab: %s: '%.60s' is wrong, give %s; see ese-lab --help\n", argv[1],
                argc > 2 ? argv[2] : "", questions[i].value);
        return 64;
    }
    fprintf(stderr, "ese-lab: there is no command '%.60s'; see ese-lab --help\n", argv[1]);
    return 64;
}
