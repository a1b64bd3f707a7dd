/* ese-lab watch: keeps the books of a walk that goes on, which others started. */
#include <pthread.h>
#include <stdatomic.h>

#include "ese-core/clock.h"
#include "ese-core/contact.h"
#include "ese-core/history_option.h"
#include "ese-core/listen_option.h"
#include "ese-core/log.h"
#include "ese-core/memory.h"
#include "ese-core/monitor.h"
#include "ese-core/service.h"
#include "orchestration/lab/command.h"
#include "orchestration/lab/follow.h"
#include "orchestration/lab/inbox.h"
#include "orchestration/lab/ledger_metrics.h"
#include "orchestration/lab/report.h"
#include "orchestration/lab/run_directory.h"
#include "orchestration/lab/running.h"
#include "orchestration/lab/watched.h"

#define TURN_MS 100             /* for each store */
#define INBOX_EVERY_NS ESE_NS_PER_S
#define INBOX_TURN_MS 2000
#define SHOWN_BEHIND_NS (2 * ESE_NS_PER_S)   /* what is younger may rightly be on its way */
#define FOLDED_BEHIND_NS (120 * ESE_NS_PER_S)
#define WELL_WITHIN_NS (60 * ESE_NS_PER_S) /* since the loop last turned */

static const struct ese_option options[] = {
    {.name = "transports", .kind = ESE_OPTION_TEXT, .value = "LIST",
     .help = "Whose walks to watch, separated by commas, with their addresses behind a colon "
             "(http:server=http://127.0.0.1:2001), by --servers, or in the environment (ESE_SERVER, "
             "ESE_BOOTSTRAP_SERVERS). A lesson's '+' may be written '-', and names that are no "
             "transport's are passed over, as the list may be one of docker-compose's profiles. Default: "
             "those that transports.list compares."},
    {.name = "servers", .kind = ESE_OPTION_TEXT, .value = "LIST",
     .help = "Where the servers are of transports that have one of their own: TRANSPORT=URL, separated "
             "by commas. Those of transports that are not watched are passed over."},
    {.name = "run", .kind = ESE_OPTION_TEXT, .value = "DIR", .fallback = "run",
     .help = "Where the parties write: DIR/TRANSPORT/client.history, consumer-1.history and state.db, "
             "DIR/mailer/mailer.history and outbox.db."},
    {.name = "inbox", .kind = ESE_OPTION_TEXT, .value = "URL", .fallback = "http://127.0.0.1:8025",
     .help = "The HTTP interface of the Mailpit that receives the mails."},
    {.name = "every", .kind = ESE_OPTION_NUMBER, .value = "S", .fallback = "10", .min = 1, .max = 3600,
     .help = "Prints the table every so many seconds."},
    {.name = "durability", .kind = ESE_OPTION_CHOICE, .choices = "memory|os|disk|replicas",
     .fallback = "os", .help = "The label the parties were given, for the table."},
    {.name = "metrics", .kind = ESE_OPTION_TEXT, .value = "HOST:PORT",
     .help = "Serves GET /metrics, the ledgers among them, and GET /health there; port 0 takes a free "
             "one. Beyond loopback only with --token-file or --trusted-network."},
    {.name = "json", .kind = ESE_OPTION_FLAG,
     .help = "Prints each time the results as one JSON document instead of the table."},
    ESE_OPTION_END,
};

struct walk {
    char name[64];
    char directory[ESE_ARTIFACT_PATH_SIZE];
    struct ese_follower *follower;
    struct ese_history *inbox;
    char trouble[256]; /* why its books do not go on; "" when they do */
};

struct watch {
    const struct ese_config *config;
    const char *run;
    struct walk walks[ESE_RESULTS_TRANSPORTS];
    int count;
    struct ese_inbox *inbox;
    bool inbox_is_away;
    struct ese_contact *inbox_contact; /* for whoever asks how we are */
    int64_t inbox_due_ns, table_due_ns;
    struct ese_metrics *metrics;
    struct ese_http_server *monitor;
    _Atomic int64_t turned_ns; /* when the loop last did */
    pthread_mutex_t lock;      /* for what follows, which whoever asks how we are reads */
    char trouble[256];         /* of the first walk that has any */
};

/* ---- opening --------------------------------------------------------------------------------- */

/* Until something is known the figures are there, as zeros. */
static void show_untold(struct watch *watch, const struct walk *walk)
{
    struct ese_results_transport untold = {
        .judgement = {.ledger_verdict = {.word = ESE_VERDICT_CANNOT_TELL}}};
    snprintf(untold.name, sizeof untold.name, "%s", walk->name);
    ese_ledger_metrics_set(watch->metrics, &untold);
    ese_ledger_metrics_unsettled(watch->metrics, walk->name, 0, ESE_FOLD_MOST);
}

/* What the list says of this transport, in the list; 0: nothing. */
static size_t find_server(const char *list, const char *transport, const char **url)
{
    size_t name = strlen(transport);
    for (const char *at = list; at != NULL; at = strchr(at, ',') != NULL ? strchr(at, ',') + 1 : NULL) {
        if (strncmp(at, transport, name) != 0 || at[name] != '=')
            continue;
        *url = at + name + 1;
        return strcspn(*url, ",");
    }
    return 0;
}

/* The transport, with the options that were written behind it, and its server where that is in --servers. */
static char *specification_of(const struct watch *watch, const struct ese_registry_entry *entry,
                              const char *more)
{
    struct ese_buffer text = ESE_BUFFER_INIT(4096);
    const char *name = entry->transport->name, *url;
    size_t length = find_server(ese_config_text(watch->config, "servers"), name, &url);
    ese_buffer_printf(&text, "%s%s", name, more);
    if (length > 0)
        ese_buffer_printf(&text, ":server=%.*s", (int)length, url);
    return ese_buffer_detach(&text);
}

static int open_walk(struct watch *watch, const char *specification, struct ese_error *error)
{
    if (watch->count == ESE_RESULTS_TRANSPORTS)
        return ese_fail(error, ESE_E_USAGE, "--transports: '%.60s' is one too many: name at most %d", specification,
                        ESE_RESULTS_TRANSPORTS);
    struct walk *walk = &watch->walks[watch->count++];
    struct ese_history_options history = ese_history_told(watch->config, "inbox", specification);
    char path[ESE_ARTIFACT_PATH_SIZE];
    const struct ese_follow_options follow = {.specification = specification,
                                              .directory = walk->directory,
                                              .history_bytes = history.limit,
                                              .history_segments = history.segments};
    snprintf(walk->name, sizeof walk->name, "%.*s", (int)strcspn(specification, ":"), specification);
    history.path = path;
    if (ese_artifact_path(watch->run, walk->name, walk->directory, error) == -1 ||
        ese_given_directory_make("--run", walk->directory, error) == -1 ||
        ese_artifact_path(walk->directory, ESE_ARTIFACT_INBOX_HISTORY, path, error) == -1 ||
        ese_history_open(&history, &walk->inbox, error) == -1 ||
        ese_follower_open(&follow, &walk->follower, error) == -1)
        return -1;
    ese_inbox_follow(watch->inbox, walk->name, walk->inbox);
    show_untold(watch, walk);
    return 0;
}

static int open_chosen(struct watch *watch, const struct ese_registry_entry *entry, const char *more,
                       struct ese_error *error)
{
    char *specification = specification_of(watch, entry, more);
    int status = open_walk(watch, specification, error);
    free(specification);
    return status;
}

/* A list may name what else is chosen with the transports: the profiles of a container's set-up. */
static int open_listed(struct watch *watch, char *list, struct ese_error *error)
{
    char *rest = list;
    for (char *word = strsep(&rest, ","); word != NULL; word = strsep(&rest, ",")) {
        const struct ese_registry_entry *entry = ese_registry_find_profile(word);
        if (entry != NULL && open_chosen(watch, entry, strchrnul(word, ':'), error) == -1)
            return -1;
    }
    return watch->count > 0 ? 0
                            : ese_fail(error, ESE_E_USAGE, "--transports %.200s: none of these is a transport; leave "
                                                           "it away to watch those that are compared",
                                       ese_config_text(watch->config, "transports"));
}

static int open_compared(struct watch *watch, struct ese_error *error)
{
    for (const struct ese_registry_entry *entry = ese_registry(); entry->transport != NULL; entry++) {
        if (entry->compared && open_chosen(watch, entry, "", error) == -1)
            return -1;
    }
    return 0;
}

static int open_walks(struct watch *watch, struct ese_error *error)
{
    char *list = ese_copy_text(ese_config_text(watch->config, "transports"));
    int status = list == NULL ? open_compared(watch, error) : open_listed(watch, list, error);
    free(list);
    return status;
}

static int tell_watched(const struct watch *watch, struct ese_error *error)
{
    struct ese_watched watched = {.names = ""};
    for (int i = 0; i < watch->count; i++) {
        if (ese_watched_add(&watched, watch->walks[i].name, error) == -1)
            return -1;
    }
    return ese_watched_write(watch->run, &watched, error);
}

static int open_all(struct watch *watch, struct ese_error *error)
{
    const struct ese_inbox_options inbox = {.url = ese_config_text(watch->config, "inbox"),
                                            .directory = watch->run};
    if (ese_given_directory_make("--run", watch->run, error) == -1 ||
        ese_inbox_open(&inbox, &watch->inbox, error) == -1 || open_walks(watch, error) == -1)
        return -1;
    return tell_watched(watch, error);
}

static void close_all(struct watch *watch)
{
    ese_inbox_close(&watch->inbox);
    for (int i = 0; i < watch->count; i++) {
        ese_follower_close(&watch->walks[i].follower);
        ese_history_close(&watch->walks[i].inbox);
    }
}

/* ---- following ------------------------------------------------------------------------------- */

static int follow_stores(struct watch *watch, struct ese_error *error)
{
    for (int i = 0; i < watch->count; i++) {
        if (ese_follower_turn(watch->walks[i].follower, TURN_MS, error) == -1)
            return -1;
    }
    return 0;
}

static void follow_inbox(struct watch *watch)
{
    struct ese_error error;
    if (ese_clock_monotonic_ns() < watch->inbox_due_ns)
        return;
    bool is_away = ese_inbox_turn(watch->inbox, INBOX_TURN_MS, &error) == -1;
    if (is_away && !watch->inbox_is_away)
        ese_log_warning("%s; asking again", error.text);
    if (!is_away && watch->inbox_is_away)
        ese_log_info("the inbox answers again");
    if (is_away)
        ese_contact_lost(watch->inbox_contact, error.text);
    else
        ese_contact_heard(watch->inbox_contact);
    watch->inbox_is_away = is_away;
    watch->inbox_due_ns = ese_clock_monotonic_ns() + INBOX_EVERY_NS;
}

/* ---- the table ------------------------------------------------------------------------------- */

/* Once when it begins, and once when it has passed. */
static void note_trouble(struct walk *walk, const char *why)
{
    if (why[0] != '\0' && strncmp(walk->trouble, why, sizeof walk->trouble - 1) != 0)
        ese_log_warning("%s: its books do not go on: %s", walk->name, why);
    if (why[0] == '\0' && walk->trouble[0] != '\0')
        ese_log_info("%s: its books go on again", walk->name);
    snprintf(walk->trouble, sizeof walk->trouble, "%s", why);
}

/* False: nobody has begun yet. */
static bool judge_walk(struct watch *watch, struct walk *walk, struct ese_results_transport *result)
{
    struct ese_fold_progress progress = {.unread = ""};
    struct ese_error error = {.code = ESE_OK};
    int64_t now_ns = ese_clock_monotonic_ns();
    const struct ese_running_options turn = {.run = watch->run, .transport = walk->name,
                                             .until_ns = now_ns - SHOWN_BEHIND_NS,
                                             .fold_ns = now_ns - FOLDED_BEHIND_NS};
    result->durability = ese_durability_parse(ese_config_text(watch->config, "durability"));
    int status = ese_running_turn(&turn, result, &progress, &error);
    if (status == -1 && error.code == ESE_E_MISSING) {
        ese_log_debug("%s: %s", walk->name, error.text);
        return false;
    }
    if (status == -1)
        ese_judge_nothing(error.text, &result->judgement);
    note_trouble(walk, status == -1 ? error.text : progress.unread);
    ese_ledger_metrics_set(watch->metrics, result);
    if (status == 0 && progress.unread[0] == '\0')
        ese_ledger_metrics_unsettled(watch->metrics, walk->name, progress.unsettled, ESE_FOLD_MOST);
    return true;
}

static void judge(struct watch *watch, struct ese_results *results)
{
    char trouble[sizeof watch->trouble] = "";
    for (int i = 0; i < watch->count; i++) {
        struct walk *walk = &watch->walks[i];
        results->count += judge_walk(watch, walk, &results->transports[results->count]);
        if (walk->trouble[0] != '\0' && trouble[0] == '\0')
            snprintf(trouble, sizeof trouble, "%s: %.200s", walk->name, walk->trouble);
    }
    pthread_mutex_lock(&watch->lock);
    snprintf(watch->trouble, sizeof watch->trouble, "%s", trouble);
    pthread_mutex_unlock(&watch->lock);
}

static void print(const struct watch *watch, const struct ese_results *results)
{
    struct ese_buffer text = ESE_BUFFER_INIT(1 << 16);
    if (ese_config_flag(watch->config, "json")) {
        char *document = ese_results_text(results);
        puts(document);
        free(document);
    } else {
        ese_report_brief(results, &text);
        fputs(text.text, stdout);
    }
    ese_buffer_free(&text);
    fflush(stdout);
}

static void show(struct watch *watch)
{
    struct ese_results results = {.count = 0};
    if (ese_clock_monotonic_ns() < watch->table_due_ns)
        return;
    watch->table_due_ns =
        ese_clock_monotonic_ns() + ese_config_number(watch->config, "every") * ESE_NS_PER_S;
    judge(watch, &results);
    if (results.count > 0)
        print(watch, &results);
}

/* ---- the loop -------------------------------------------------------------------------------- */

/* Whoever is watched may be away: that is what there is to see. What hinders us to look is not. */
static bool is_well(void *context, char *text, size_t size)
{
    struct watch *watch = context;
    int64_t still_ns = ese_clock_monotonic_ns() - atomic_load(&watch->turned_ns);
    ese_contact_away_ms(watch->inbox_contact, text, size);
    pthread_mutex_lock(&watch->lock);
    bool has_trouble = watch->trouble[0] != '\0';
    if (has_trouble)
        snprintf(text, size, "the books do not go on: %s", watch->trouble);
    pthread_mutex_unlock(&watch->lock);
    if (still_ns > WELL_WITHIN_NS)
        snprintf(text, size, "nothing has been followed for %lld s", (long long)(still_ns / ESE_NS_PER_S));
    return still_ns <= WELL_WITHIN_NS && !has_trouble;
}

static int watch_on(struct watch *watch, struct ese_error *error)
{
    int64_t every_ns = ese_config_number(watch->config, "every") * ESE_NS_PER_S;
    watch->table_due_ns = ese_clock_monotonic_ns() + every_ns;
    while (!ese_service_stopping()) {
        if (follow_stores(watch, error) == -1)
            return -1;
        follow_inbox(watch);
        show(watch);
        atomic_store(&watch->turned_ns, ese_clock_monotonic_ns());
    }
    return 0;
}

static int run_watch(const struct ese_config *config, struct ese_error *error)
{
    struct watch watch = {.config = config, .run = ese_config_text(config, "run"),
                          .metrics = ese_metrics_new(),
                          .inbox_contact = ese_contact_new("the inbox"), .turned_ns = ese_clock_monotonic_ns(),
                          .lock = PTHREAD_MUTEX_INITIALIZER};
    const struct ese_health health = {.check = is_well, .context = &watch};
    int status = open_all(&watch, error);
    if (status == 0)
        status = ese_monitor_open(config, watch.metrics, &health, &watch.monitor, error);
    if (status == 0)
        status = ese_service_ready(
            config, watch.monitor == NULL ? "" : ese_http_server_address(watch.monitor), error);
    if (status == 0)
        status = watch_on(&watch, error);
    ese_http_server_close(&watch.monitor);
    close_all(&watch);
    ese_contact_free(&watch.inbox_contact);
    ese_metrics_free(&watch.metrics);
    return status;
}

static int choose(struct ese_config *config, struct ese_error *error)
{
    (void)error;
    ese_config_add(config, "Options of the history", ese_history_option_table);
    ese_config_add(config, "Options of serving", ese_listen_option_table);
    return 0;
}

static const struct ese_service service = {
    .manual = {
        .name = "ese-lab watch",
        .summary = "keeps the books of a walk that goes on",
        .synopsis = "",
        .description =
            "For walks whose parties are started by others (docker-compose, or by hand) and have no end: "
            "follows the stores and the inbox, prints every few seconds how all transports stand, side by "
            "side, and folds what has settled into running totals. 'ese-lab check DIR' gives the verdict at "
            "any moment.",
        .examples = NULL,
    },
    .options = options,
    .choose = choose,
    .run = run_watch,
};

static int watch_main(int argc, char **argv)
{
    return ese_service_main(&service, argc, argv);
}

const struct ese_lab_command ese_lab_watch = {
    .name = "watch",
    .summary = "keeps the books of a walk that others started and that goes on",
    .main = watch_main,
};
