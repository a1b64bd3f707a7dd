#include "ese-core/manual.h"

#include <ctype.h>
#include <inttypes.h>

#include "ese-core/buffer.h"

#define TEXT_LIMIT 8000
#define LINE_WIDTH 79
#define HELP_INDENT 28
#define PAGE_DATE "November 25, 2026" /* when what the pages say last changed */

typedef void visit_option(const struct ese_option *option);

/* Those of one table that no earlier table has too. */
static void visit_table(const struct ese_options *options, int table, visit_option *visit)
{
    const struct ese_option *option = options->tables[table].table;
    for (; option->name != NULL; option++) {
        if (ese_options_find(options, option->name) == option)
            visit(option);
    }
}

static bool is_empty(const struct ese_options *options, int table)
{
    const struct ese_option *option = options->tables[table].table;
    while (option->name != NULL && ese_options_find(options, option->name) != option)
        option++;
    return option->name == NULL;
}

static bool on_by_default(const struct ese_option *option)
{
    return option->kind == ESE_OPTION_FLAG && option->fallback != NULL &&
           strcmp(option->fallback, "true") == 0;
}

/* What stands behind the option's name: "N", "os|disk", or "" for a flag. */
static const char *placeholder(const struct ese_option *option)
{
    if (option->kind == ESE_OPTION_FLAG)
        return "";
    return option->value != NULL ? option->value : option->choices;
}

static void describe_range(struct ese_buffer *text, const struct ese_option *option)
{
    if (option->max == INT64_MAX)
        ese_buffer_printf(text, " At least %" PRId64, option->min);
    else
        ese_buffer_printf(text, " From %" PRId64 " to %" PRId64, option->min, option->max);
    if (option->choices != NULL)
        ese_buffer_printf(text, ", or %s", option->choices);
    ese_buffer_text(text, ".");
}

/* The help, and behind it what the table says without words: choices, range, default. */
static void describe(struct ese_buffer *text, const struct ese_option *option, bool with_range)
{
    ese_buffer_text(text, option->help);
    if (option->kind == ESE_OPTION_CHOICE && option->value != NULL)
        ese_buffer_printf(text, " One of %s.", option->choices);
    if (option->kind == ESE_OPTION_LIST)
        ese_buffer_text(text, " May be given several times.");
    if (option->kind == ESE_OPTION_NUMBER && with_range)
        describe_range(text, option);
    if (option->fallback != NULL && option->kind != ESE_OPTION_FLAG)
        ese_buffer_printf(text, " Default: %s.", option->fallback);
}

/* ---- --help ---------------------------------------------------------------------------------- */

/* Prints text word by word, broken at LINE_WIDTH, further lines indented; column: the present one. */
static void print_wrapped(const char *text, int indent, int column)
{
    bool first = true;
    while (*(text += strspn(text, " \n")) != '\0') {
        int length = (int)strcspn(text, " \n");
        if (!first && column + 1 + length > LINE_WIDTH) {
            printf("\n%*s", indent, "");
            column = indent;
            first = true;
        }
        printf("%s%.*s", first ? "" : " ", length, text);
        column += length + (first ? 0 : 1);
        first = false;
        text += length;
    }
    putchar('\n');
}

static void print_paragraphs(const char *text)
{
    while (*text != '\0') {
        const char *end = strstr(text, "\n\n");
        int length = end != NULL ? (int)(end - text) : (int)strlen(text);
        struct ese_buffer paragraph = ESE_BUFFER_INIT(TEXT_LIMIT);
        ese_buffer_append(&paragraph, text, (size_t)length);
        putchar('\n');
        print_wrapped(paragraph.text != NULL ? paragraph.text : "", 0, 0);
        ese_buffer_free(&paragraph);
        text += length;
        text += strspn(text, "\n");
    }
}

static void print_option(const struct ese_option *option)
{
    char letter[8] = "    ";
    if (option->letter != '\0')
        snprintf(letter, sizeof letter, "-%c, ", option->letter);
    int column = printf("  %s--%s%s%s%s", letter, on_by_default(option) ? "[no-]" : "",
                        option->name, placeholder(option)[0] != '\0' ? " " : "",
                        placeholder(option));
    if (column > HELP_INDENT - 2)
        printf("\n%*s", HELP_INDENT, "");
    else
        printf("%*s", HELP_INDENT - column, "");
    struct ese_buffer text = ESE_BUFFER_INIT(TEXT_LIMIT);
    describe(&text, option, false);
    print_wrapped(text.text, HELP_INDENT, HELP_INDENT);
    ese_buffer_free(&text);
}

static void print_examples(const char *examples)
{
    printf("\nExamples:\n");
    while (*examples != '\0') {
        int length = (int)strcspn(examples, "\n");
        printf("  %.*s\n", length, examples);
        examples += length + (examples[length] == '\n');
    }
}

void ese_manual_help(const struct ese_manual *manual, const struct ese_config *config)
{
    const struct ese_options *options = ese_config_options(config);
    bool arguments = manual->synopsis != NULL && manual->synopsis[0] != '\0';
    printf("Usage: %s [OPTION ...]%s%s\n", manual->name, arguments ? " " : "",
           arguments ? manual->synopsis : "");
    printf("%s %s.\n", manual->name, manual->summary);
    if (manual->description != NULL)
        print_paragraphs(manual->description);
    for (int i = 0; i < options->count; i++) {
        if (is_empty(options, i))
            continue;
        printf("\n%s:\n", options->tables[i].heading);
        visit_table(options, i, print_option);
    }
    if (manual->examples != NULL)
        print_examples(manual->examples);
}

/* ---- --man: mdoc(7), https://mandoc.bsd.lv/man/mdoc.7.html ----------------------------------- */

/* One word, so that roff takes none of it for an instruction. */
static void print_roff_word(const char *word, int length)
{
    if (word[0] == '.' || word[0] == '\'')
        printf("\\&");
    for (int i = 0; i < length; i++) {
        if (word[i] == '\\')
            printf("\\e");
        else
            putchar(word[i]);
    }
}

/* Text lines: broken before LINE_WIDTH and, as mdoc wants it, behind every sentence. */
static void print_roff_text(const char *text)
{
    int column = 0;
    while (*(text += strspn(text, " \n")) != '\0') {
        int length = (int)strcspn(text, " \n");
        if (column > 0 && column + 1 + length > LINE_WIDTH - 4) {
            putchar('\n');
            column = 0;
        }
        if (column > 0)
            putchar(' ');
        print_roff_word(text, length);
        column += length + 1;
        if (strchr(".!?", text[length - 1]) != NULL) {
            putchar('\n');
            column = 0;
        }
        text += length;
    }
    if (column > 0)
        putchar('\n');
}

static void print_roff_option(const struct ese_option *option)
{
    printf(".It ");
    if (option->letter != '\0')
        printf("Fl %c , ", option->letter);
    printf("Fl -%s%s", on_by_default(option) ? "[no-]" : "", option->name);
    if (placeholder(option)[0] != '\0')
        printf(" Ar \"%s\"", placeholder(option));
    putchar('\n');
    struct ese_buffer text = ESE_BUFFER_INIT(TEXT_LIMIT);
    describe(&text, option, true);
    print_roff_text(text.text);
    ese_buffer_free(&text);
}

static void print_roff_paragraphs(const char *text)
{
    for (bool first = true; *text != '\0'; first = false) {
        const char *end = strstr(text, "\n\n");
        size_t length = end != NULL ? (size_t)(end - text) : strlen(text);
        struct ese_buffer paragraph = ESE_BUFFER_INIT(TEXT_LIMIT);
        ese_buffer_append(&paragraph, text, length);
        if (!first)
            printf(".Pp\n");
        print_roff_text(paragraph.text != NULL ? paragraph.text : "");
        ese_buffer_free(&paragraph);
        text += length;
        text += strspn(text, "\n");
    }
}

static void print_roff_examples(const char *examples)
{
    printf(".Sh EXAMPLES\n.Bd -literal\n");
    while (*examples != '\0') {
        int length = (int)strcspn(examples, "\n");
        print_roff_word(examples, length);
        putchar('\n');
        examples += length + (examples[length] == '\n');
    }
    printf(".Ed\n");
}

static void print_roff_heading(const struct ese_manual *manual)
{
    printf(".Dd " PAGE_DATE "\n.Dt ");
    for (const char *c = manual->name; *c != '\0'; c++)
        putchar(*c == ' ' ? '-' : toupper((unsigned char)*c));
    printf(" 1\n.Os\n.Sh NAME\n.Nm \"%s\"\n.Nd %s\n", manual->name, manual->summary);
    printf(".Sh SYNOPSIS\n.Nm\n.Op Ar option ...\n");
    if (manual->synopsis != NULL && manual->synopsis[0] != '\0')
        printf(".Ar \"%s\"\n", manual->synopsis);
}

void ese_manual_page(const struct ese_manual *manual, const struct ese_config *config)
{
    const struct ese_options *options = ese_config_options(config);
    print_roff_heading(manual);
    printf(".Sh DESCRIPTION\n");
    print_roff_paragraphs(manual->description != NULL ? manual->description : manual->summary);
    for (int i = 0; i < options->count; i++) {
        if (is_empty(options, i))
            continue;
        printf(".Ss %s\n.Bl -tag -width Ds\n", options->tables[i].heading);
        visit_table(options, i, print_roff_option);
        printf(".El\n");
    }
    printf(".Sh ENVIRONMENT\n");
    print_roff_text("An option is also read from the environment variable of its name, in "
                    "capitals, with ESE_ before it and underscores for dashes: --log-level from "
                    "ESE_LOG_LEVEL. An empty one counts as not set. The command line is stronger "
                    "than the environment, the environment stronger than the file of --config.");
    printf(".Sh FILES\n");
    print_roff_text("The file of --config has one option a line, written as name = value, without "
                    "the dashes. Lines that begin with # are comments.");
    printf(".Sh EXIT STATUS\n");
    print_roff_text("0 on success, 64 when an option or argument is wrong, 69 when something is "
                    "missing in the environment, 130 when a second signal ended it, otherwise as "
                    "described above or 1.");
    if (manual->examples != NULL)
        print_roff_examples(manual->examples);
}

/* ---- --completion bash ----------------------------------------------------------------------- */

static void print_names(const struct ese_option *option)
{
    printf(" --%s", option->name);
    if (on_by_default(option))
        printf(" --no-%s", option->name);
}

/* One arm of the case: what may stand behind this option. */
static void print_values(const struct ese_option *option)
{
    if (option->choices != NULL) {
        printf("    --%s) words='", option->name);
        for (const char *c = option->choices; *c != '\0'; c++)
            putchar(*c == '|' ? ' ' : *c);
        printf("' ;;\n");
    } else if (option->kind != ESE_OPTION_FLAG) {
        printf("    --%s) return ;;\n", option->name); /* bash's own file names */
    }
}

/* The shell function's name: the program's, with underscores. */
static void print_function_name(const char *name)
{
    putchar('_');
    for (; *name != '\0'; name++)
        putchar(*name == '-' || *name == ' ' ? '_' : *name);
}

void ese_manual_completion(const struct ese_manual *manual, const struct ese_config *config)
{
    const struct ese_options *options = ese_config_options(config);
    printf("# bash completion of %s; source this file\n", manual->name);
    print_function_name(manual->name);
    printf("() {\n    local words='");
    for (int i = 0; i < options->count; i++)
        visit_table(options, i, print_names);
    printf("'\n    COMPREPLY=()\n    case ${COMP_WORDS[COMP_CWORD-1]} in\n");
    for (int i = 0; i < options->count; i++)
        visit_table(options, i, print_values);
    printf("    esac\n"
           "    COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
           "}\n");
    if (strchr(manual->name, ' ') != NULL)
        return; /* a command's: its program's function calls it */
    printf("complete -o default -F ");
    print_function_name(manual->name);
    printf(" %s\n", manual->name);
}
