/*
 * ese-crowd: many destinations in one program, each of which wants all events, and some of which are flaky.
 */
#include <stdio.h>
#include <sys/resource.h>

#include "ese-core/clock.h"
#include "ese-core/history_option.h"
#include "ese-core/memory.h"
#include "ese-core/service.h"
#include "orchestration/crowd/destination.h"
#include "transports/registry.h"

#define LOOK_MS 50
#define PLAN_BYTES ((size_t)100 * ESE_CROWD_MOST)

static const struct ese_option options[] = {
    {.name = "transport", .kind = ESE_OPTION_TEXT, .value = "NAME[:OPTION=VALUE...]",
     .help = "How the events travel. Its own options are listed below once it is chosen."},
    {.name = "destinations", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "1", .min = 1, .max = ESE_CROWD_MOST,
     .help = "How many want the events, each all of them: consumers of groups of their own, numbered from 1."},
    {.name = "flaky", .kind = ESE_OPTION_NUMBER, .value = "PERCENT", .fallback = "0", .min = 0, .max = 100,
     .help = "So many of them are flaky: one takes a batch and hangs for ever; the others are slow to acknowledge, "
             "fail for a while, or are away for a while."},
    {.name = "seed", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "1", .min = 0, .max = INT64_MAX,
     .help = "Decides which, when and for how long."},
    {.name = "plan", .kind = ESE_OPTION_FLAG, .command_line_only = true,
     .help = "Prints what that comes to, and ends."},
    {.name = "group", .kind = ESE_OPTION_TEXT, .value = "NAME", .fallback = "ese-crowd",
     .help = "What the groups' names begin with: NAME-destination-1 is the first one's."},
    ESE_OPTION_END,
};

struct crowd {
    struct ese_crowd_setting setting;
    int count;
    struct ese_crowd_way ways[ESE_CROWD_MOST];
    struct ese_crowd_places places[ESE_CROWD_MOST];
    struct ese_crowd_destination *destinations[ESE_CROWD_MOST];
};

static int choose(struct ese_config *config, struct ese_error *error)
{
    ese_config_add(config, "Options of the history", ese_history_option_table);
    if (ese_config_peek(config, "plan") != NULL)
        return 0;
    return ese_registry_choose(config, ESE_FACE_CONSUME, error);
}

static int print_plan(const struct crowd *crowd)
{
    struct ese_buffer text = ESE_BUFFER_INIT(PLAN_BYTES);
    ese_crowd_plan_write(crowd->ways, crowd->count, &text);
    if (text.length > 0)
        fputs(text.text, stdout);
    ese_buffer_free(&text);
    return 0;
}

/* Where each is pushed to it has sockets of its own: more than a process may have unless it asks. */
static void ask_for_handles(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static int start(struct crowd *crowd, struct ese_error *error)
{
    for (int i = 0; i < crowd->count; i++) {
        if (ese_crowd_destination_open(&crowd->setting, i + 1, &crowd->ways[i], &crowd->places[i],
                                       &crowd->destinations[i], error) != 0)
            return -1;
    }
    return 0;
}

static bool are_given(const struct crowd *crowd)
{
    for (int i = 0; i < crowd->count; i++) {
        if (!ese_crowd_destination_is_given(crowd->destinations[i]))
            return false;
    }
    return true;
}

/* The moment at which the last of them had nothing left to read. */
static void note_end(const struct crowd *crowd)
{
    int64_t first_ns = INT64_MAX;
    for (int i = 0; i < crowd->count; i++) {
        int64_t at_end_ns = ese_crowd_destination_at_end_ns(crowd->destinations[i]);
        first_ns = at_end_ns < first_ns ? at_end_ns : first_ns;
    }
    ese_history_set(crowd->setting.history, ESE_COUNT_AT_END_NS,
                    first_ns == INT64_MAX ? ese_clock_monotonic_ns() : first_ns);
    ese_history_note_wire(crowd->setting.history);
}

static int serve(struct crowd *crowd, const struct ese_config *config, struct ese_error *error)
{
    bool is_ready = false;
    ask_for_handles();
    if (start(crowd, error) != 0)
        return -1;
    while (!ese_service_wait(LOOK_MS)) {
        if (!is_ready && are_given(crowd)) {
            is_ready = true;
            if (ese_service_ready(config, "", error) != 0)
                return -1;
        }
        note_end(crowd);
    }
    return 0;
}

/* Whoever has failed for good has stopped the others. */
static int close_all(struct crowd *crowd, struct ese_error *error)
{
    int result = 0;
    ese_service_stop();
    for (int i = 0; i < crowd->count; i++) {
        if (ese_crowd_destination_close(&crowd->destinations[i], result == 0 ? error : NULL) != 0)
            result = -1;
        ese_crowd_places_free(&crowd->places[i]);
    }
    return result;
}

static int run_crowd(struct crowd *crowd, const struct ese_config *config, struct ese_error *error)
{
    struct ese_history_options history = ese_history_told(config, "ese-crowd", crowd->setting.transport->name);
    int result = ese_crowd_places_read(history.path, crowd->places, crowd->count, error);
    if (result == 0)
        result = ese_history_open(&history, &crowd->setting.history, error);
    if (result == 0)
        result = serve(crowd, config, error);
    if (close_all(crowd, result == 0 ? error : NULL) != 0)
        result = -1;
    if (crowd->setting.history != NULL)
        ese_history_note_wire(crowd->setting.history);
    ese_history_close(&crowd->setting.history);
    return result;
}

static int run(const struct ese_config *config, struct ese_error *error)
{
    struct crowd *crowd = ese_alloc(sizeof *crowd);
    crowd->count = (int)ese_config_number(config, "destinations");
    ese_crowd_draw(ese_config_number(config, "seed"), crowd->count, (int)ese_config_number(config, "flaky"),
                   crowd->ways);
    int result;
    if (ese_config_flag(config, "plan")) {
        result = print_plan(crowd);
    } else {
        crowd->setting = (struct ese_crowd_setting){.config = config, .transport = ese_registry_chosen(config),
                                                    .group = ese_config_text(config, "group")};
        result = run_crowd(crowd, config, error);
    }
    free(crowd);
    return result;
}

static const struct ese_service service = {
    .manual = {
        .name = "ese-crowd",
        .summary = "many destinations that want all events, some of them flaky",
        .synopsis = "",
        .description =
            "Consumes a transport's events many times over, each time as a group of its own, and keeps nothing of them "
            "but what it was handed and when, in its history. There each destination is told by its number, and there "
            "it finds, started again, how far it had come.\n"
            "\n"
            "Which of them are flaky, how, from when and for how long is drawn from --seed.",
        .examples = "ese-crowd --destinations 100 --flaky 30 --plan\n"
                    "  Says who will be flaky, and how.\n"
                    "ese-crowd --transport http --destinations 100 --flaky 30 --history crowd.history\n"
                    "  A hundred who each read all from the server on this machine.\n",
    },
    .options = options,
    .choose = choose,
    .run = run,
};

int main(int argc, char **argv)
{
    return ese_service_main(&service, argc, argv);
}
