#include "orchestration/lab/text_lines.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/memory.h"

int ese_text_lines_open(const char *path, struct ese_text_lines *lines, struct ese_error *error)
{
    *lines = (struct ese_text_lines){.file = fopen(path, "re")};
    if (lines->file == NULL)
        return ese_fail_errno(error, "cannot read %s", path);
    lines->text = ese_alloc(ESE_TEXT_LINE_MOST + 1);
    return 0;
}

void ese_text_lines_close(struct ese_text_lines *lines)
{
    if (lines->file != NULL)
        fclose(lines->file);
    free(lines->text);
    *lines = (struct ese_text_lines){.file = NULL};
}

/* Of the line that comes next as much as may be; false: there is none. */
static bool read_line(struct ese_text_lines *lines)
{
    int byte = 0;
    lines->length = 0;
    while (lines->length < ESE_TEXT_LINE_MOST && byte != '\n' && (byte = getc_unlocked(lines->file)) != EOF)
        lines->text[lines->length++] = (char)byte;
    lines->text[lines->length] = '\0';
    lines->number += lines->length > 0;
    return lines->length > 0;
}

static int check_line(const struct ese_text_lines *lines, struct ese_error *error)
{
    const char *nul = memchr(lines->text, '\0', lines->length);
    if (nul != NULL)
        return ese_fail(error, ESE_E_INVALID, "there is a NUL in it, at byte %zu: remove it",
                        (size_t)(nul - lines->text) + 1);
    if (lines->length == ESE_TEXT_LINE_MOST && lines->text[lines->length - 1] != '\n')
        return ese_fail(error, ESE_E_INVALID, "it is longer than %d bytes: break it up", ESE_TEXT_LINE_MOST);
    return 0;
}

int ese_text_lines_next(struct ese_text_lines *lines, struct ese_error *error)
{
    while (read_line(lines)) {
        if (check_line(lines, error) == -1)
            return -1;
        while (lines->length > 0 && strchr("\r\n\t ", lines->text[lines->length - 1]) != NULL)
            lines->text[--lines->length] = '\0';
        if (lines->length > 0)
            return ferror(lines->file) ? ese_fail_errno(error, "it cannot be read") : 1;
    }
    return ferror(lines->file) ? ese_fail_errno(error, "it cannot be read") : 0;
}
