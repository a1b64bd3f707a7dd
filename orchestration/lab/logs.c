/* ese-lab logs: the last lines of every process of the lab that `up` started. */
#include <dirent.h>
#include <unistd.h>

#include "ese-core/buffer.h"
#include "ese-core/json_text.h"
#include "ese-core/memory.h"
#include "ese-core/service.h"
#include "orchestration/lab/command.h"
#include "orchestration/lab/party.h"
#include "orchestration/lab/stay.h"

#define LINES 20
#define LINES_BYTES (32 * 1024) /* at most, of one log, as JSON */
#define LOGS_MOST 64

static const struct ese_option options[] = {
    {.name = "follow", .letter = 'f', .kind = ESE_OPTION_FLAG, .help = "Go on showing what comes."},
    {.name = "json", .kind = ESE_OPTION_FLAG, .help = "Prints one JSON object. Not with --follow."},
    ESE_OPTION_END,
};

struct logs {
    char *paths[LOGS_MOST];
    char processes[LOGS_MOST][ESE_PARTY_NAME_SIZE];
    int count;
};

static void add_log(struct logs *logs, const char *process, const char *path)
{
    if (logs->count == LOGS_MOST || access(path, R_OK) != 0)
        return;
    snprintf(logs->processes[logs->count], sizeof logs->processes[0], "%s", process);
    logs->paths[logs->count++] = ese_copy_text(path);
}

/* Of a party, under the name that it has alone or in a group. */
static void add_party(struct logs *logs, const char *directory, const char *label, int party, bool is_alone)
{
    char path[ESE_ARTIFACT_PATH_SIZE], name[ESE_PARTY_NAME_SIZE];
    ese_party_name(party, is_alone, name);
    snprintf(path, sizeof path, "%s/%s/" ESE_ARTIFACT_LOGS "/%s.log", directory, label, name);
    add_log(logs, name, path);
}

static void add_role(struct logs *logs, const char *directory, const char *label, enum ese_role role)
{
    add_party(logs, directory, label, (int)role, true);
    for (int party = ese_party_first(role, ESE_MEMBERS_ALL); role == ESE_ROLE_CONSUMER && party < ESE_PARTIES;
         party = ese_party_next(party, role, ESE_MEMBERS_ALL))
        add_party(logs, directory, label, party, false);
}

/* The lab's own log, and every party's under up/<label>/logs. */
static void find_logs(const char *directory, struct logs *logs)
{
    char path[ESE_ARTIFACT_PATH_SIZE];
    struct dirent **labels = NULL;
    int found = scandir(directory, &labels, NULL, alphasort);
    if (ese_artifact_path(directory, ESE_STAY_LOG, path, NULL) == 0)
        add_log(logs, "lab", path);
    for (int i = 0; i < found; i++) {
        for (enum ese_role role = 0; labels[i]->d_name[0] != '.' && role < ESE_ROLES; role++)
            add_role(logs, directory, labels[i]->d_name, role);
        free(labels[i]);
    }
    free(labels);
}

/* ---- as text: what tail is there for --------------------------------------------------------- */

static int become_tail(const struct logs *logs, bool follow, struct ese_error *error)
{
    char lines[16];
    const char *words[LOGS_MOST + 5] = {"tail", "-n", lines};
    int count = 3;
    snprintf(lines, sizeof lines, "%d", LINES);
    if (follow)
        words[count++] = "-F";
    for (int i = 0; i < logs->count; i++)
        words[count++] = logs->paths[i];
    execvp(words[0], (char *const *)words); /* which does not change them */
    return ese_fail_errno(error, "cannot run tail");
}

/* ---- as JSON --------------------------------------------------------------------------------- */

/* Where the last lines begin in text. */
static char *last_lines(char *text, size_t length)
{
    int newlines = 0;
    for (char *c = text + length; c > text; c--) {
        if (c[-1] == '\n' && c != text + length && ++newlines == LINES)
            return c;
    }
    return text;
}

static void write_lines(const char *path, struct ese_buffer *json)
{
    char *text = ese_alloc(LINES_BYTES + 1);
    FILE *file = fopen(path, "re");
    if (file != NULL) {
        if (fseek(file, -LINES_BYTES, SEEK_END) != 0)
            rewind(file); /* it is shorter */
        size_t length = fread(text, 1, LINES_BYTES, file);
        fclose(file);
        text[length] = '\0';
        char *rest = last_lines(text, length);
        const char *line, *comma = "";
        while ((line = strsep(&rest, "\n")) != NULL && (rest != NULL || line[0] != '\0')) {
            ese_buffer_text(json, comma);
            ese_json_write_string(json, line);
            comma = ",";
        }
    }
    free(text);
}

/* By hand: a log may hold any bytes. */
static void print_json(const struct logs *logs)
{
    struct ese_buffer json = ESE_BUFFER_INIT((size_t)LOGS_MOST * 6 * LINES_BYTES);
    ese_buffer_text(&json, "{\"logs\":[");
    for (int i = 0; i < logs->count; i++) {
        ese_buffer_printf(&json, "%s{\"process\":\"%s\",\"file\":", i > 0 ? "," : "",
                          logs->processes[i]);
        ese_json_write_string(&json, logs->paths[i]);
        ese_buffer_text(&json, ",\"lines\":[");
        write_lines(logs->paths[i], &json);
        ese_buffer_text(&json, "]}");
    }
    ese_buffer_text(&json, "]}");
    puts(json.text);
    ese_buffer_free(&json);
}

/* ---- the command ----------------------------------------------------------------------------- */

static int run_logs(const struct ese_config *config, struct ese_error *error)
{
    char directory[ESE_ARTIFACT_PATH_SIZE];
    struct logs logs = {.count = 0};
    bool follow = ese_config_flag(config, "follow"), json = ese_config_flag(config, "json");
    if (follow && json)
        return ese_fail(error, ESE_E_USAGE, "--follow and --json: leave one of them away");
    if (ese_stay_directory(directory, error) < 0)
        return -1;
    find_logs(directory, &logs);
    int status = logs.count == 0 ? 1 : 0;
    if (json)
        print_json(&logs);
    else if (logs.count == 0)
        printf("there are no logs: './lab up' starts a lab that writes some\n");
    else
        status = become_tail(&logs, follow, error);
    for (int i = 0; i < logs.count; i++)
        free(logs.paths[i]);
    return status;
}

static const struct ese_service service = {
    .manual = {
        .name = "ese-lab logs",
        .summary = "shows the last lines of every process's log",
        .synopsis = "",
        .description = "Of the lab that 'up' started, also after it is down, and what the lab "
                       "itself did. Exit status 1 when there are none.",
        .examples = NULL,
    },
    .options = options,
    .is_command = true,
    .run = run_logs,
};

static int logs_main(int argc, char **argv)
{
    return ese_service_main(&service, argc, argv);
}

const struct ese_lab_command ese_lab_logs = {
    .name = "logs",
    .summary = "the last lines of every process's log",
    .main = logs_main,
};
