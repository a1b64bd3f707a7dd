#include "orchestration/lab/mails.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <strings.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "orchestration/lab/artifacts.h"

#define HEADERS_MOST (64 * 1024)
#define DECISION "X-ESE-Decision"

/* ---- one mail -------------------------------------------------------------------------------- */

/* Joins folded lines in place: a line break before a blank is no line break. Ends the text behind
 * the headers. */
static void unfold(char *text)
{
    char *to = text;
    for (const char *from = text; *from != '\0'; from++) {
        if (*from == '\r')
            continue;
        if (*from == '\n' && (from[1] == ' ' || from[1] == '\t'))
            continue;
        if (*from == '\n' && (from[1] == '\n' || (from[1] == '\r' && from[2] == '\n')))
            break;
        *to++ = *from;
    }
    *to = '\0';
}

static void take_text(char *target, size_t size, const char *value)
{
    snprintf(target, size, "%s", value);
}

static void take_header(struct ese_arrived_mail *mail, const char *name, const char *value)
{
    if (strcasecmp(name, DECISION) == 0) {
        if (ese_id_parse(value, &mail->decision, NULL) == -1)
            mail->decision = (struct ese_id){{0}};
    } else if (strcasecmp(name, "X-ESE-Transport") == 0) {
        take_text(mail->transport, sizeof mail->transport, value);
    } else if (strcasecmp(name, "traceparent") == 0) {
        take_text(mail->traceparent, sizeof mail->traceparent, value);
    } else if (strcasecmp(name, "To") == 0) {
        take_text(mail->to, sizeof mail->to, value);
    } else if (strcasecmp(name, "Subject") == 0) {
        take_text(mail->subject, sizeof mail->subject, value);
    }
}

/* Without the blanks around it, in place. */
static const char *trimmed(char *value)
{
    size_t length = strlen(value);
    while (length > 0 && (value[length - 1] == ' ' || value[length - 1] == '\t'))
        value[--length] = '\0';
    return value + strspn(value, " \t");
}

void ese_mails_parse(char *text, struct ese_arrived_mail *mail)
{
    *mail = (struct ese_arrived_mail){.to = ""};
    unfold(text);
    int decisions = 0;
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        char *colon = strchr(line, ':');
        if (colon == NULL)
            continue;
        *colon = '\0';
        take_header(mail, line, trimmed(colon + 1));
        decisions += strcasecmp(line, DECISION) == 0;
    }
    if (decisions > 1) /* whose is it? */
        mail->decision = (struct ese_id){{0}};
}

static int read_mail(const char *path, struct ese_arrived_mail *mail, struct ese_error *error)
{
    static const char *const why = "cannot read the mail %s";
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return ese_fail_errno(error, why, path);
    char *text = ese_alloc(HEADERS_MOST + 1);
    size_t got = fread(text, 1, HEADERS_MOST, file);
    bool failed = ferror(file) != 0;
    fclose(file);
    text[got] = '\0';
    if (!failed)
        ese_mails_parse(text, mail);
    free(text);
    return failed ? ese_fail(error, ESE_E_IO, why, path) : 0;
}

/* FNV-1a, its end included. */
static uint64_t mix_text(uint64_t mixed, const char *text)
{
    do {
        mixed = (mixed ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    } while (*text++ != '\0');
    return mixed;
}

uint64_t ese_mails_told(const char *transport, const char *to, const char *subject)
{
    return mix_text(mix_text(mix_text(UINT64_C(0xcbf29ce484222325), transport), to), subject);
}

/* ---- the Maildir ----------------------------------------------------------------------------- */

struct taker {
    ese_mails_take *take;
    void *context;
    const char *folder;
};

/* Names begin with the second of the arrival; most go on with its microseconds: "1795644688.M93615P11223Q185.host". */
static int64_t came_ns(const char *name)
{
    char *end;
    if (!isdigit((unsigned char)name[0]))
        return 0;
    int64_t seconds = strtoll(name, &end, 10), micros = 0;
    if (*end != '.' || seconds > UINT32_MAX)
        return 0;
    if (end[1] == 'M' && isdigit((unsigned char)end[2]))
        micros = strtoll(end + 2, NULL, 10);
    return micros < 1000000 ? seconds * ESE_NS_PER_S + micros * 1000 : 0;
}

static int take_mail(const struct taker *taker, const char *directory, const char *name,
                     struct ese_error *error)
{
    char path[ESE_ARTIFACT_PATH_SIZE];
    struct ese_arrived_mail mail;
    if (ese_artifact_path(directory, name, path, error) == -1 || read_mail(path, &mail, error) == -1)
        return -1;
    snprintf(mail.file, sizeof mail.file, "%s/%.90s", taker->folder, name);
    mail.came_ns = came_ns(name);
    return taker->take(taker->context, &mail, error);
}

static int read_folder(const char *maildir, const struct taker *taker, struct ese_error *error)
{
    char path[ESE_ARTIFACT_PATH_SIZE];
    if (ese_artifact_path(maildir, taker->folder, path, error) == -1)
        return -1;
    DIR *directory = opendir(path);
    if (directory == NULL)
        return ese_fail_errno(error, "cannot look into the Maildir %s", path);
    int status = 0;
    for (struct dirent *found; status == 0 && (found = readdir(directory)) != NULL;) {
        if (found->d_name[0] != '.')
            status = take_mail(taker, path, found->d_name, error);
    }
    closedir(directory);
    return status;
}

int ese_mails_each(const char *maildir, ese_mails_take *take, void *context, struct ese_error *error)
{
    struct taker taker = {.take = take, .context = context, .folder = "new"};
    if (read_folder(maildir, &taker, error) == -1)
        return -1;
    taker.folder = "cur";
    return read_folder(maildir, &taker, error);
}

void ese_mails_add(struct ese_mails *mails, const struct ese_arrived_mail *mail)
{
    if (mails->count == mails->size) {
        mails->size = mails->size == 0 ? 64 : mails->size * 2;
        mails->mails = ese_realloc_array(mails->mails, mails->size, sizeof *mails->mails);
    }
    mails->mails[mails->count++] = *mail;
}

static int by_decision(const void *a, const void *b)
{
    const struct ese_arrived_mail *mail = a, *other = b;
    return ese_id_compare(&mail->decision, &other->decision);
}

/* Whatever order a folder is read in, its mails are in one order. */
static int by_decision_and_arrival(const void *a, const void *b)
{
    const struct ese_arrived_mail *mail = a, *other = b;
    int order = by_decision(a, b);
    if (order == 0)
        order = (mail->came_ns > other->came_ns) - (mail->came_ns < other->came_ns);
    return order != 0 ? order : strcmp(mail->file, other->file);
}

void ese_mails_sort(struct ese_mails *mails)
{
    if (mails->count > 0)
        qsort(mails->mails, mails->count, sizeof *mails->mails, by_decision_and_arrival);
}

const struct ese_arrived_mail *ese_mails_find(const struct ese_mails *mails, const struct ese_id *decision)
{
    const struct ese_arrived_mail wanted = {.decision = *decision}, *found = NULL;
    if (mails->count > 0)
        found = bsearch(&wanted, mails->mails, mails->count, sizeof wanted, by_decision);
    while (found != NULL && found > mails->mails && by_decision(&wanted, found - 1) == 0)
        found--;
    return found;
}

bool ese_mails_have(const struct ese_mails *mails, const struct ese_id *decision)
{
    return ese_mails_find(mails, decision) != NULL;
}

static int is_mail(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

void ese_mails_bound(const char *maildir, int most)
{
    char folder[ESE_ARTIFACT_PATH_SIZE], path[ESE_ARTIFACT_PATH_SIZE];
    struct dirent **names = NULL;
    if (ese_artifact_path(maildir, "new", folder, NULL) == -1)
        return;
    int count = scandir(folder, &names, is_mail, alphasort); /* -1: nothing has come yet */
    for (int i = 0; i < count; i++) {
        if (i < count - most && ese_artifact_path(folder, names[i]->d_name, path, NULL) == 0)
            remove(path);
        free(names[i]);
    }
    free(names);
}

void ese_mails_free(struct ese_mails *mails)
{
    free(mails->mails);
    *mails = (struct ese_mails){.count = 0};
}
