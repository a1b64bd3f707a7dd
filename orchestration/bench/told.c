#include "orchestration/bench/told.h"

#include <ctype.h>
#include <stdlib.h>

#include "ese-core/memory.h"
#include "orchestration/bench/served.h"

#define ASK "GET /metrics HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n"

int ese_told_ask(const char *address, char **text, struct ese_error *error)
{
    return ese_served_ask(address, ASK, NULL, text, error);
}

int64_t ese_told_value(const char *text, const char *name, const char *label)
{
    int64_t sum = -1;
    size_t length = strlen(name);

    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        const char *end = line + strcspn(line, "\n");
        const char *labelled = label == NULL ? line : strstr(line, label);
        if (strncmp(line, name, length) != 0 || (line[length] != ' ' && line[length] != '{') || labelled == NULL ||
            labelled >= end)
            continue;
        while (end > line && !isspace((unsigned char)end[-1]))
            end--;
        sum = (sum < 0 ? 0 : sum) + strtoll(end, NULL, 10);
    }
    return sum;
}

int ese_told_one(const char *address, const char *name, int64_t *value, struct ese_error *error)
{
    char *text;

    if (ese_told_ask(address, &text, error) != 0)
        return -1;
    *value = ese_told_value(text, name, NULL);
    free(text);
    return *value >= 0 ? 0 : ese_fail(error, ESE_E_INVALID, "%s does not tell %s", address, name);
}
