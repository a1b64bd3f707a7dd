#include "orchestration/lab/page.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "ese-core/memory.h"
#include "orchestration/lab/artifacts.h"

#define DYGRAPHS_MOST (4 << 20)
#define NONCE_BYTES 16
#define MARK "@@" /* before and behind a word of the page that stands for something else */

/* ---- dygraphs -------------------------------------------------------------------------------- */

/* Where it would look for its sources: there are none beside the page. */
static void cut_map(struct ese_buffer *text)
{
    char *map = strstr(text->text, "\n//# sourceMappingURL=");
    if (map == NULL)
        return;
    text->length = (size_t)(map + 1 - text->text);
    *(map + 1) = '\0';
}

static int check_dygraphs(const char *path, struct ese_buffer *text, struct ese_error *error)
{
    ese_buffer_text(text, "");
    if (strcasestr(text->text, "</script") != NULL || strstr(text->text, "Dygraph") == NULL)
        return ese_fail(error, ESE_E_INVALID, "%.300s is not dygraphs: name the file dygraph.min.js of version 2",
                        path);
    cut_map(text);
    return 0;
}

int ese_page_read_dygraphs(const char *path, struct ese_buffer *text, struct ese_error *error)
{
    char part[65536];
    size_t length;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return ese_fail(error, ESE_E_MISSING, "the curves are drawn by dygraphs, and %.300s cannot be read (%s): "
                                              "install libjs-dygraphs (apt-get install libjs-dygraphs)",
                        path, strerror(errno));
    while ((length = fread(part, 1, sizeof part, file)) > 0 && text->length < DYGRAPHS_MOST)
        ese_buffer_append(text, part, length);
    fclose(file);
    return check_dygraphs(path, text, error);
}

/* ---- the page -------------------------------------------------------------------------------- */

static int draw_nonce(char nonce[2 * NONCE_BYTES + 1], struct ese_error *error)
{
    unsigned char bytes[NONCE_BYTES];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return ese_fail_errno(error, "the kernel has no random bytes");
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(nonce + 2 * i, 3, "%02x", bytes[i]);
    return 0;
}

/* Within an element of data no text begins with what looks like its end. */
static void put_data(FILE *file, const char *data)
{
    for (const char *next; (next = strchr(data, '<')) != NULL; data = next + 1)
        fprintf(file, "%.*s\\u003c", (int)(next - data), data);
    fputs(data, file);
}

struct filling {
    const char *dygraphs, *data, *nonce;
};

static void put_word(FILE *file, const char *word, size_t length, const struct filling *filling)
{
    const struct {
        const char *word, *text;
    } words[] = {
        {"NONCE", filling->nonce},
        {"STYLE", ese_page_style},
        {"DYGRAPHS", filling->dygraphs},
        {"SCRIPT", ese_page_script},
    };
    for (size_t i = 0; i < ESE_COUNT_OF(words); i++) {
        if (strlen(words[i].word) == length && strncmp(words[i].word, word, length) == 0)
            fputs(words[i].text, file);
    }
    if (length == strlen("DATA") && strncmp(word, "DATA", length) == 0)
        put_data(file, filling->data);
}

static void put_page(FILE *file, const struct filling *filling)
{
    const char *page = ese_page_html, *mark, *end;
    while ((mark = strstr(page, MARK)) != NULL && (end = strstr(mark + strlen(MARK), MARK)) != NULL) {
        const char *word = mark + strlen(MARK);
        fwrite(page, 1, (size_t)(mark - page), file);
        put_word(file, word, (size_t)(end - word), filling);
        page = end + strlen(MARK);
    }
    fputs(page, file);
}

int ese_page_write(const char *path, const char *dygraphs, const char *data, struct ese_error *error)
{
    char beside[ESE_ARTIFACT_PATH_SIZE], nonce[2 * NONCE_BYTES + 1];
    const struct filling filling = {.dygraphs = dygraphs, .data = data, .nonce = nonce};
    if (draw_nonce(nonce, error) == -1)
        return -1;
    if (snprintf(beside, sizeof beside, "%s.part", path) >= (int)sizeof beside)
        return ese_fail(error, ESE_E_USAGE, "--out '%.100s...' is too long", path);
    FILE *file = fopen(beside, "we");
    if (file == NULL)
        return ese_fail_errno(error, "cannot write %.300s", beside);
    put_page(file, &filling);
    bool is_written = ferror(file) == 0;
    if (fclose(file) == 0 && is_written && rename(beside, path) == 0)
        return 0;
    unlink(beside);
    return ese_fail_errno(error, "cannot write %.300s", path);
}
