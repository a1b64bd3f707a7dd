#include "orchestration/lab/standing.h"

#include <jansson.h>

#include "ese-core/history.h"
#include "ese-core/memory.h"
#include "orchestration/lab/party.h"
#include "orchestration/lab/picture.h"
#include "orchestration/lab/stay.h"

static const struct {
    const char *history;
    enum ese_history_counter counter;
    const char *words;
    const char *member;
} counts[ESE_STANDING_COUNTS] = {
    {ESE_ARTIFACT_CLIENT_HISTORY, ESE_COUNT_OFFERED, "offered", "offered"},
    {ESE_ARTIFACT_CLIENT_HISTORY, ESE_COUNT_ACKNOWLEDGED, "acknowledged", "acknowledged"},
    {ESE_ARTIFACT_CONSUMER_HISTORY, ESE_COUNT_PROCESSED, "processed", "processed"},
    {ESE_ARTIFACT_MAILER_HISTORY, ESE_COUNT_MAILS_SENT, "mails sent", "mails_sent"},
};

/* ---- reading --------------------------------------------------------------------------------- */

static int64_t read_history(const char *artifacts, const char *name, enum ese_history_counter counter)
{
    char path[ESE_ARTIFACT_PATH_SIZE];
    struct ese_history_reader *reader = NULL;
    if (ese_artifact_path(artifacts, name, path, NULL) < 0 ||
        ese_history_read_open(path, &reader, NULL) < 0)
        return -1;
    int64_t count = ese_history_read_count(reader, counter);
    ese_history_read_close(&reader);
    return count;
}

/* Of a group, what all members have done. */
static int64_t read_count(const char *artifacts, int i)
{
    int64_t sum = read_history(artifacts, counts[i].history, counts[i].counter), more = sum;
    bool is_consumer = strcmp(counts[i].history, ESE_ARTIFACT_CONSUMER_HISTORY) == 0;
    for (int member = 2; is_consumer && more >= 0 && member <= ESE_MEMBERS; member++) {
        char name[ESE_ARTIFACT_MEMBER_SIZE];
        ese_artifact_member(member, name);
        more = read_history(artifacts, name, counts[i].counter);
        sum += more > 0 ? more : 0;
    }
    return sum;
}

/* "name value", with any number of blanks between. */
static void take_line(struct ese_standing *standing, char *line)
{
    size_t length = strcspn(line, " ");
    const char *value = line + length + strspn(line + length, " ");
    if (standing->place_count == ESE_STANDING_PLACES)
        return;
    struct ese_standing_place *place = &standing->places[standing->place_count++];
    line[length + strcspn(line + length, "\n")] = '\0';
    snprintf(place->name, sizeof place->name, "%.*s", (int)length, line);
    snprintf(place->value, sizeof place->value, "%s", value);
    for (int i = 0; strcmp(place->name, "artifacts") == 0 && i < ESE_STANDING_COUNTS; i++)
        standing->counts[i] = read_count(place->value, i);
}

int ese_standing_read(pid_t pid, struct ese_standing *standing, struct ese_error *error)
{
    char directory[ESE_ARTIFACT_PATH_SIZE], path[ESE_ARTIFACT_PATH_SIZE];
    char line[sizeof standing->places[0].value + sizeof standing->places[0].name];
    *standing = (struct ese_standing){.pid = pid};
    for (int i = 0; i < ESE_STANDING_COUNTS; i++)
        standing->counts[i] = -1;
    if (ese_stay_directory(directory, error) < 0 ||
        ese_artifact_path(directory, ESE_STANDING_FILE, path, error) < 0)
        return -1;
    FILE *file = pid == 0 ? NULL : fopen(path, "re");
    if (file == NULL)
        return 0;
    standing->serves = true;
    while (fgets(line, sizeof line, file) != NULL)
        take_line(standing, line);
    fclose(file);
    return 0;
}

/* ---- writing --------------------------------------------------------------------------------- */

void ese_standing_write_places(const struct ese_standing *standing, FILE *stream)
{
    for (int i = 0; i < standing->place_count; i++)
        fprintf(stream, "  %-9s %s\n", standing->places[i].name, standing->places[i].value);
}

void ese_standing_write(const struct ese_standing *standing, FILE *stream)
{
    if (standing->pid == 0)
        fprintf(stream, "no lab is up: './lab up' starts one\n");
    else if (!standing->serves)
        fprintf(stream, "the lab (process %d) is starting\n", (int)standing->pid);
    else
        fprintf(stream, "the lab is up, process %d\n", (int)standing->pid);
    ese_standing_write_places(standing, stream);
    for (int i = 0; i < ESE_STANDING_COUNTS && standing->serves; i++) {
        char number[ESE_PICTURE_NUMBER_SIZE];
        ese_picture_number(standing->counts[i] < 0 ? 0 : standing->counts[i], number);
        fprintf(stream, "  %-13s %s\n", counts[i].words, number);
    }
}

void ese_standing_write_json(const struct ese_standing *standing, FILE *stream)
{
    const char *state = standing->pid == 0 ? "down" : standing->serves ? "up" : "starting";
    json_t *object = json_pack("{s:s}", "state", state);
    if (standing->pid != 0)
        json_object_set_new(object, "pid", json_integer(standing->pid));
    for (int i = 0; i < standing->place_count; i++)
        json_object_set_new(object, standing->places[i].name,
                            json_string(standing->places[i].value));
    for (int i = 0; i < ESE_STANDING_COUNTS && standing->serves; i++)
        json_object_set_new(object, counts[i].member,
                            standing->counts[i] < 0 ? json_null()
                                                    : json_integer(standing->counts[i]));
    json_dumpf(object, stream, JSON_INDENT(2));
    fputc('\n', stream);
    json_decref(object);
}
