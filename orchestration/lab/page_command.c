/* ese-lab report: one HTML file that shows a run, or two side by side. */
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ese-core/service.h"
#include "orchestration/lab/artifacts.h"
#include "orchestration/lab/command.h"
#include "orchestration/lab/page.h"
#include "orchestration/lab/page_data.h"

#define RUNS 2
#define STORIES_MOST (6 << 20) /* bytes, of all runs */
#define DATA_MOST (200 << 20)

static const struct ese_option options[] = {
    {.name = "out", .kind = ESE_OPTION_TEXT, .value = "FILE",
     .help = "Where to write it. Default: report.html in the run's directory; of two runs report-with-NAME.html in the "
             "first one's, NAME being the other's, so that no report of one of them is written over."},
    {.name = "dygraphs", .kind = ESE_OPTION_TEXT, .value = "FILE", .fallback = ESE_PAGE_DYGRAPHS,
     .help = "The file of dygraphs, which draws the curves and is written into the page. It is where Debian's "
             "libjs-dygraphs has it."},
    {.name = "json", .kind = ESE_OPTION_FLAG, .help = "Print the path in a JSON object."},
    ESE_OPTION_END,
};

/* However it is named; one that is not there is told of later. */
static int check_different(const char *const runs[RUNS], int count, struct ese_error *error)
{
    struct stat one, other;
    if (count < 2 || stat(runs[0], &one) == -1 || stat(runs[1], &other) == -1 || one.st_dev != other.st_dev ||
        one.st_ino != other.st_ino)
        return 0;
    return ese_fail(error, ESE_E_USAGE, "'%.100s' and '%.100s' are the same run: name another beside it, or one alone",
                    runs[0], runs[1]);
}

static int choose_runs(const struct ese_config *config, const char *runs[RUNS], int *count, struct ese_error *error)
{
    *count = 0;
    while (ese_config_argument(config, *count) != NULL) {
        if (*count == RUNS)
            return ese_fail(error, ESE_E_USAGE, "'%.100s' is one too many: name one run's directory, or two",
                            ese_config_argument(config, RUNS));
        runs[*count] = ese_config_argument(config, *count);
        ++*count;
    }
    if (*count == 0)
        return ese_fail(error, ESE_E_USAGE, "name a run's directory, as compare printed it at its end, or two");
    return check_different(runs, *count, error);
}

/* "report.html"; of two "report-with-20260131-130000.html", by the other's own name, whatever it is called here. */
static int choose_path(const char *const runs[RUNS], int count, char path[ESE_ARTIFACT_PATH_SIZE],
                       struct ese_error *error)
{
    char name[NAME_MAX + 1] = "report.html", whole[PATH_MAX];
    if (count > 1) {
        const char *last = realpath(runs[1], whole) != NULL ? strrchr(whole, '/') : NULL;
        if (last == NULL)
            return ese_fail(error, ESE_E_MISSING, "no run can be read in '%.200s'", runs[1]);
        if (snprintf(name, sizeof name, "report-with-%s.html", last + 1) >= (int)sizeof name)
            return ese_fail(error, ESE_E_USAGE, "'%.100s...' has too long a name to call a report by: give --out",
                            last + 1);
    }
    return ese_artifact_path(runs[0], name, path, error);
}

static int tell_runs(const char *const runs[RUNS], int count, struct ese_buffer *data, struct ese_error *error)
{
    ese_buffer_printf(data, "{\"version\":\"%s\",\"runs\":[", ESE_VERSION);
    for (int i = 0; i < count; i++) {
        ese_buffer_text(data, i == 0 ? "" : ",");
        if (ese_page_data(runs[i], STORIES_MOST / (size_t)count, data, error) == -1)
            return -1;
    }
    ese_buffer_text(data, "]}");
    return 0;
}

static int make_page(const struct ese_config *config, const char *path, const char *const runs[RUNS], int count,
                     struct ese_error *error)
{
    struct ese_buffer dygraphs = ESE_BUFFER_INIT(8 << 20), data = ESE_BUFFER_INIT(DATA_MOST);
    int status = ese_page_read_dygraphs(ese_config_text(config, "dygraphs"), &dygraphs, error);
    if (status == 0)
        status = tell_runs(runs, count, &data, error);
    if (status == 0)
        status = ese_page_write(path, dygraphs.text, data.text, error);
    ese_buffer_free(&data);
    ese_buffer_free(&dygraphs);
    return status;
}

static void print_path(const char *path, bool json)
{
    json_t *object = json_pack("{s:s}", "report", path); /* NULL of one that is not UTF-8 */
    char *text = json && object != NULL ? json_dumps(object, 0) : NULL;
    puts(text != NULL ? text : path);
    free(text);
    json_decref(object);
}

static int run_report(const struct ese_config *config, struct ese_error *error)
{
    const char *runs[RUNS], *out = ese_config_text(config, "out");
    char path[ESE_ARTIFACT_PATH_SIZE];
    int count;
    if (choose_runs(config, runs, &count, error) == -1 ||
        (out == NULL && choose_path(runs, count, path, error) == -1) ||
        make_page(config, out != NULL ? out : path, runs, count, error) == -1)
        return -1;
    print_path(out != NULL ? out : path, ese_config_flag(config, "json"));
    return 0;
}

static const struct ese_service service = {
    .manual = {
        .name = "ese-lab report",
        .summary = "makes one HTML file that shows a run to people, or two side by side",
        .synopsis = "DIR [DIR2]",
        .description = "The page has the question, what happened over the time with the fault's deeds in it, "
                       "latencies, the ledger as a balance, the cost, what was promised and kept, single events' "
                       "stories, what is fair about the comparison, all numbers of results.json, and how to repeat "
                       "it. It needs no network, and prints on paper. Its figures are those of results.json; the run "
                       "is judged again besides, and the page says whether that came to the same; cost, which was "
                       "measured, is not judged again.\n\n"
                       "DIR may also be a run of somebody else's (docs/evidence.md), or one that goes on: it is judged "
                       "as of now.\n\n"
                       "The path of the file is printed. The exit status is 69 where dygraphs is not installed.",
        .examples = "ese-lab report .lab/runs/20260131-120000\n"
                    "ese-lab report .lab/runs/20260131-120000 .lab/runs/20260131-130000 --out both.html\n",
    },
    .options = options,
    .is_command = true,
    .choose = NULL,
    .run = run_report,
};

static int report_main(int argc, char **argv)
{
    return ese_service_main(&service, argc, argv);
}

const struct ese_lab_command ese_lab_report = {
    .name = "report",
    .summary = "makes one HTML file that shows a run, or two side by side",
    .main = report_main,
};
