#include "ese-mailer/smtp_dialogue.h"

#include <string.h>

#define CODE_LENGTH 3

void ese_smtp_dialogue_begin(struct ese_smtp_dialogue *dialogue)
{
    *dialogue = (struct ese_smtp_dialogue){.asked = 1};
}

void ese_smtp_dialogue_sent(struct ese_smtp_dialogue *dialogue, const char *bytes, int length)
{
    static const char login[] = "AUTH ";
    const char *end = bytes + length;
    while (bytes < end) {
        if ((size_t)(end - bytes) >= strlen(login) && memcmp(bytes, login, strlen(login)) == 0)
            dialogue->in_login = true;
        const char *newline = memchr(bytes, '\n', (size_t)(end - bytes));
        dialogue->asked += newline != NULL;
        bytes = newline == NULL ? end : newline + 1;
    }
}

/* A login ends with any reply but one that asks for more. */
static void note_reply(struct ese_smtp_dialogue *dialogue)
{
    int kind = dialogue->code / 100;
    dialogue->answered++;
    if (!dialogue->in_login || kind == 3)
        return;
    dialogue->in_login = false;
    dialogue->logged_in = kind == 2;
    if (kind != 2)
        dialogue->login_refused = dialogue->code;
}

static void end_line(struct ese_smtp_dialogue *dialogue)
{
    if (dialogue->is_last)
        note_reply(dialogue);
    dialogue->in_reply = !dialogue->is_last;
    dialogue->column = 0;
    dialogue->code = 0;
}

void ese_smtp_dialogue_received(struct ese_smtp_dialogue *dialogue, const char *bytes, int length)
{
    for (const char *c = bytes; c < bytes + length; c++) {
        if (*c == '\n') {
            end_line(dialogue);
            continue;
        }
        if (dialogue->column < CODE_LENGTH && *c >= '0' && *c <= '9')
            dialogue->code = 10 * dialogue->code + (*c - '0');
        if (dialogue->column <= CODE_LENGTH) /* "250-" has more lines behind it, "250" alone has not */
            dialogue->is_last = dialogue->column < CODE_LENGTH || *c != '-';
        dialogue->column++;
    }
}

bool ese_smtp_dialogue_is_ahead(const struct ese_smtp_dialogue *dialogue)
{
    bool in_the_middle = dialogue->column > 0 || dialogue->in_reply;
    return dialogue->answered + in_the_middle > dialogue->asked;
}
