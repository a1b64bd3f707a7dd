/* ese-bench - figures of ours beside those of peers, at the same durability, on the same machine, in one run. */
#include <stdlib.h>
#include <unistd.h>

#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "ese-core/service.h"
#include "orchestration/bench/key.h"
#include "orchestration/bench/plan.h"
#include "orchestration/bench/results.h"

#define NOT_REACHED 1 /* exit status */

#define QUICK_ROUNDS 3
#define QUICK_ROUND_MS 1000
#define QUICK_WARM_UP_MS 500
#define QUICK_BACKLOG 100000
#define ROUNDS 5
#define ROUND_MS 4000
#define WARM_UP_MS 1000
#define BACKLOG 1000000 /* which the topics keep: three partitions of 256 MiB have some 1.8 million */

static const struct ese_option options[] = {
    {.name = "quick", .kind = ESE_OPTION_FLAG,
     .help = "Three rounds of one second instead of five of four, for a first look: under six minutes. The goals are "
             "the same."},
    {.name = "only", .kind = ESE_OPTION_TEXT, .value = "ID[,ID...]", .help = "These rows and no others."},
    {.name = "json", .kind = ESE_OPTION_FLAG, .help = "Prints the results as JSON instead of the table."},
    {.name = "against", .kind = ESE_OPTION_TEXT, .value = "FILE",
     .help = "Shows what became slower since FILE, which --json has printed."},
    {.name = "side", .kind = ESE_OPTION_CHOICE, .choices = "both|ours", .fallback = "both",
     .help = "ours: without the peers, and so without ratios."},
    {.name = "rounds", .kind = ESE_OPTION_NUMBER, .value = "N", .min = 1, .max = ESE_JOURNAL_ROUNDS,
     .help = "Rounds of each side. (5; 3 with --quick)"},
    {.name = "repeats", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "3", .min = 0, .max = 10,
     .help = "A round during which others used the machine is repeated so often at most."},
    {.name = "round-ms", .kind = ESE_OPTION_NUMBER, .value = "MS", .min = 1, .max = 3600000,
     .help = "How long a round is measured. (4000; 1000 with --quick)"},
    {.name = "warm-up-ms", .kind = ESE_OPTION_NUMBER, .value = "MS", .min = 0, .max = 3600000,
     .help = "How long it goes on before that. (1000; 500 with --quick)"},
    {.name = "backlog", .kind = ESE_OPTION_NUMBER, .value = "N", .min = 1, .max = BACKLOG,
     .help = "How many events wait for who begins to read, where that is measured. (1000000; 100000 with --quick)"},
    ESE_OPTION_END,
};

static int64_t number_or(const struct ese_config *config, const char *name, int64_t full, int64_t quick)
{
    if (ese_config_has(config, name))
        return ese_config_number(config, name);
    return ese_config_flag(config, "quick") ? quick : full;
}

static struct ese_plan make_plan(const struct ese_config *config)
{
    return (struct ese_plan){
        .rounds = (int)number_or(config, "rounds", ROUNDS, QUICK_ROUNDS),
        .repeats = (int)ese_config_number(config, "repeats"),
        .ours_only = strcmp(ese_config_text(config, "side"), "ours") == 0,
        .is_brief = ese_config_flag(config, "quick") || ese_config_has(config, "round-ms"),
        .stint = {.warm_up_ns = number_or(config, "warm-up-ms", WARM_UP_MS, QUICK_WARM_UP_MS) * 1000000,
                  .measure_ns = number_or(config, "round-ms", ROUND_MS, QUICK_ROUND_MS) * 1000000,
                  .backlog = number_or(config, "backlog", BACKLOG, QUICK_BACKLOG)},
    };
}

/* A first look has no minutes for a soak. */
static int choose(const struct ese_config *config, bool *chosen, struct ese_error *error)
{
    const char *only = ese_config_text(config, "only");

    if (ese_row_choose(only, chosen, error) != 0)
        return -1;
    for (size_t i = 0; i < ese_row_count && only == NULL && ese_config_flag(config, "quick"); i++)
        chosen[i] = chosen[i] && ese_rows[i].span_ms == 0;
    return 0;
}

static int open_journal(const struct ese_plan *plan, const bool *chosen, const struct ese_place *place,
                        struct ese_journal **journal, struct ese_error *error)
{
    char path[ESE_PLACE_PATH_SIZE], key[ESE_KEY_SIZE];

    if (ese_key_make(plan, chosen, place, key, error) != 0 ||
        ese_place_path(place->directory, "rounds.jsonl", path, error) != 0)
        return -1;
    return ese_journal_open(path, key, journal, error);
}

static int measure(const struct ese_plan *plan, const bool *chosen, struct ese_place *place,
                   struct ese_row_figures *figures, size_t *count, struct ese_error *error)
{
    struct ese_journal *journal = NULL;
    int status = open_journal(plan, chosen, place, &journal, error);

    *count = 0;
    for (size_t i = 0; i < ese_row_count && status == 0; i++) {
        if (chosen[i])
            status = ese_plan_row(plan, &ese_rows[i], place, journal, &figures[(*count)++], error);
    }
    if (status == 0)
        ese_journal_finish(&journal);
    ese_journal_close(&journal);
    return status;
}

/* What became slower goes beside the table; beside JSON it is talk. */
static int show_against(const struct ese_config *config, const struct ese_bench_results *results, int *slower,
                        struct ese_error *error)
{
    struct ese_buffer text = ESE_BUFFER_INIT(1 << 16);
    const char *path = ese_config_text(config, "against");
    int status = path == NULL ? 0 : ese_bench_results_against(results, path, &text, slower, error);

    if (status == 0 && text.length > 0)
        fputs(text.text, ese_config_flag(config, "json") ? stderr : stdout);
    ese_buffer_free(&text);
    return status;
}

/* Sooner than after all has been measured. */
static int check_against(const struct ese_config *config, struct ese_error *error)
{
    const struct ese_bench_results none = {.count = 0};
    const char *path = ese_config_text(config, "against");
    int slower;

    return path == NULL ? 0 : ese_bench_results_against(&none, path, NULL, &slower, error);
}

static int show(const struct ese_config *config, const struct ese_bench_results *results, struct ese_error *error)
{
    int slower = 0;
    bool reached = true;

    if (ese_config_flag(config, "json")) {
        char *text = ese_bench_results_json(results);
        puts(text);
        free(text);
    } else {
        struct ese_buffer text = ESE_BUFFER_INIT(1 << 16);
        ese_bench_results_table(results, &text);
        fputs(text.text, stdout);
        ese_buffer_free(&text);
    }
    if (show_against(config, results, &slower, error) != 0)
        return -1;
    for (size_t i = 0; i < results->count; i++) {
        const struct ese_row_figures *figures = &results->rows[i];
        bool alone = figures->peer.rounds == 0 && figures->reason[0] == '\0';
        reached = reached && (alone || ese_figures_reached(figures));
    }
    return reached && slower == 0 ? 0 : NOT_REACHED;
}

static int run(const struct ese_config *config, struct ese_error *error)
{
    struct ese_place place;
    struct ese_plan plan = make_plan(config);
    struct ese_row_figures *figures = ese_alloc_array(ese_row_count, sizeof *figures);
    bool *chosen = ese_alloc_array(ese_row_count, sizeof *chosen);
    struct ese_bench_results results = {.rows = figures, .quick = ese_config_flag(config, "quick")};

    int status = choose(config, chosen, error);
    if (status == 0)
        status = check_against(config, error);
    if (status == 0)
        status = ese_place_open(&place, error);
    if (status == 0) {
        status = measure(&plan, chosen, &place, figures, &results.count, error);
        ese_place_close(&place);
    }
    if (status == 0)
        status = show(config, &results, error);
    free(figures);
    free(chosen);
    return status;
}

static const struct ese_service service = {
    .manual =
        {
            .name = "ese-bench",
            .summary = "measures ours beside peers, at the same durability",
            .synopsis = "",
            .description =
                "Row by row, ours and the peer's in turn, each from nothing and under the same load; the ratio is the "
                "median over the rounds, and always such that more is better. Beside each figure stands how often "
                "something was synced meanwhile: a row of disk without that is void.\n\n"
                "What is finished is kept: when a run was interrupted, the same command goes on with it, unless a "
                "binary is another one meanwhile. The exit status is 1 when a goal is missed, a row is void, or "
                "something became slower than in the file of --against.\n\n"
                "Peers are not installed: ./lab bench unpacks them below $ESE_LAB_HOME/peers.",
            .examples = "ese-bench --quick --only http-disk-1\n"
                        "  whether the http store keeps up with Redis\n"
                        "ese-bench --only webhook-disk-64,push-1\n"
                        "  what it costs that the server pushes\n"
                        "ese-bench --json --against before.json\n"
                        "  everything, and what became slower\n",
        },
    .options = options,
    .is_command = true,
    .choose = NULL,
    .run = run,
};

int main(int argc, char **argv)
{
    return ese_service_main(&service, argc, argv);
}
