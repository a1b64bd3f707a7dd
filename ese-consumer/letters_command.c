#include "ese-consumer/letters_command.h"

#include <ctype.h>
#include <inttypes.h>
#include <jansson.h>
#include <unistd.h>

#include "ese-consumer/replay.h"
#include "ese-core/buffer.h"
#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "ese-core/number.h"
#include "ese-core/service.h"

#define TEXT_LIMIT (1 << 20) /* what is shown of one letter */
#define AT_ONCE 500          /* decisions there is to be room for, when all are replayed */

static const struct ese_option options[] = {
    {.name = "state", .kind = ESE_OPTION_TEXT, .value = "FILE",
     .help = "The consumer's state file, in which they are. It may be at work."},
    {.name = "all", .kind = ESE_OPTION_FLAG,
     .help = "list: those that were replayed or dropped, too. replay: all that can be."},
    {.name = "json", .kind = ESE_OPTION_FLAG, .help = "Prints JSON instead of text."},
    {.name = "rule", .kind = ESE_OPTION_TEXT, .value = "NAME,...",
     .fallback = "steady-click,stuck-order",
     .help = "replay: the rules that are applied; those of the consumer, but for what has failed."},
    {.name = "stuck-after-ms", .kind = ESE_OPTION_NUMBER, .value = "MS", .fallback = "5000",
     .min = 0, .max = 86400000,
     .help = "replay: how long after it was created stuck-order gives an order to be completed."},
    {.name = "max-bytes", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "1073741824",
     .min = 16777216, .max = INT64_C(1) << 43,
     .help = "The bound of the state file, as the consumer has it."},
    ESE_OPTION_END,
};

/* ---- the state file -------------------------------------------------------------------------- */

/* Whose it is: nobody else's is opened, and none is made. */
static int read_about(struct ese_sqlite *database, const char *name, char *value, size_t size,
                      struct ese_error *error)
{
    struct ese_statement *get =
        ese_statement_new(database, "SELECT value FROM about WHERE name = ?1");
    ese_statement_text(get, 1, name);
    if (ese_statement_step(get, error) != 1)
        return ese_fail(error, ESE_E_USAGE, "it does not say its %s", name);
    snprintf(value, size, "%s", ese_statement_column_text(get, 0));
    ese_statement_reset(get);
    return 0;
}

static int check_table(struct ese_sqlite *database, struct ese_error *error)
{
    struct ese_statement *count = ese_statement_new(
        database, "SELECT count(*) FROM sqlite_schema WHERE name IN ('about', 'position')");
    if (ese_statement_step(count, error) != 1)
        return -1;
    int64_t tables = ese_statement_column_number(count, 0);
    ese_statement_reset(count);
    return tables == 2 ? 0 : ese_fail(error, ESE_E_USAGE, "it is no state file of ese-consumer");
}

struct owner {
    char group[128];
    char transport[64];
};

static int read_owner(const char *path, struct owner *owner, struct ese_error *error)
{
    struct ese_sqlite *database = NULL;
    const struct ese_sqlite_options about = {
        .path = path, .durability = ESE_DURABILITY_OS, .read_only = true};
    if (ese_sqlite_open(&about, &database, error) != 0)
        return -1;
    bool read = check_table(database, error) == 0 &&
                read_about(database, "group", owner->group, sizeof owner->group, error) == 0 &&
                read_about(database, "transport", owner->transport, sizeof owner->transport,
                           error) == 0;
    ese_sqlite_close(&database);
    return read ? 0 : ese_fail_within(error, "--state %.200s", path);
}

static int open_state(const struct ese_config *config, struct owner *owner,
                      struct ese_state **state, struct ese_error *error)
{
    const char *path = ese_config_text(config, "state");
    if (path == NULL)
        return ese_fail(error, ESE_E_USAGE, "--state: name the consumer's state file");
    if (access(path, R_OK | W_OK) != 0)
        return ese_fail_path(error, "--state", path, "the file that the consumer has");
    if (read_owner(path, owner, error) != 0)
        return -1;
    const struct ese_state_options opening = {.path = path,
                                              .durability = ESE_DURABILITY_DISK,
                                              .group = owner->group,
                                              .transport = owner->transport,
                                              .max_bytes = ese_config_number(config, "max-bytes")};
    return ese_state_open(&opening, state, error);
}

/* ---- showing --------------------------------------------------------------------------------- */

static char *plain(const void *bytes, size_t length)
{
    struct ese_buffer text = {.limit = TEXT_LIMIT};
    ese_dead_letter_write_plain(&text, bytes, length);
    char *copy = ese_copy_text(text.length > 0 ? text.text : "");
    ese_buffer_free(&text);
    return copy;
}

static const char *word_of(const struct ese_dead_letter *letter)
{
    return letter->settled_ms == 0 ? "dead" : letter->replay != 0 ? "replayed" : "dropped";
}

static void set_text(json_t *object, const char *name, const char *text)
{
    char *shown = plain(text, strlen(text));
    json_object_set_new(object, name, json_string(shown));
    free(shown);
}

static json_t *to_json(const struct ese_dead_letter *letter)
{
    const struct ese_event *event = &letter->event;
    char id[ESE_ID_TEXT_SIZE] = "";
    if (!ese_id_is_none(&event->id))
        ese_id_text(&event->id, id);
    json_t *object = json_pack(
        "{s:I, s:s, s:I, s:s, s:I, s:I, s:s, s:I, s:I, s:I, s:s}", "number", (json_int_t)letter->number,
        "partition", letter->place, "offset", (json_int_t)letter->offset, "cause",
        ese_dead_cause_name(letter->cause), "tries", (json_int_t)letter->tries, "dead_ms",
        (json_int_t)letter->dead_ms, "is", word_of(letter), "settled_ms", (json_int_t)letter->settled_ms,
        "replay", (json_int_t)letter->replay, "told_ms", (json_int_t)letter->told_ms, "id", id);
    set_text(object, "reason", letter->reason);
    set_text(object, "type", event->type);
    if (letter->cause == ESE_DEAD_UNPARSABLE) {
        char *bytes = plain(letter->bytes, letter->length);
        json_object_set_new(object, "bytes", json_string(bytes));
        json_object_set_new(object, "whole", json_integer(letter->whole));
        free(bytes);
        return object;
    }
    set_text(object, "sub_type", event->sub_type);
    set_text(object, "ip", event->ip);
    set_text(object, "key", event->key);
    json_object_set_new(object, "client_ts", json_integer(event->client_ts));
    json_object_set_new(object, "server_ts", json_integer(event->server_ts));
    set_text(object, "traceparent", event->traceparent);
    set_text(object, "source", event->source);
    set_text(object, "foreign_id", event->foreign_id);
    json_t *data = json_loads(ese_event_data(event), 0, NULL);
    json_object_set_new(object, "data", data != NULL ? data : json_null());
    return object;
}

static void print_json(json_t *value)
{
    char *text = json_dumps(value, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    puts(text);
    free(text);
    json_decref(value);
}

static void print_row(const struct ese_dead_letter *letter)
{
    char when[ESE_CLOCK_TEXT_SIZE];
    ese_clock_local_text(letter->dead_ms, when);
    char *key = plain(letter->event.key, strlen(letter->event.key));
    char *reason = plain(letter->reason, strlen(letter->reason));
    printf("%6" PRId64 "  %-8s  %-23s  %-18s %10" PRId64 "  %-10s  %5" PRId64 "  %-20s  %s\n",
           letter->number, word_of(letter), when, letter->place, letter->offset,
           ese_dead_cause_name(letter->cause), letter->tries, key[0] != '\0' ? key : "-", reason);
    free(reason);
    free(key);
}

/* ---- the commands ---------------------------------------------------------------------- */

static int list(const struct ese_config *config, struct ese_state *state, struct ese_error *error)
{
    struct ese_dead_letter letter = {.number = 0};
    bool all = ese_config_flag(config, "all"), json = ese_config_flag(config, "json");
    int64_t behind = 0;
    int found;
    const char *word = ese_config_argument(config, 1);
    if (word != NULL)
        return ese_fail(error, ESE_E_USAGE, "list: '%.40s' is one too many; `show NUMBER` shows one letter", word);
    if (!json)
        printf("%6s  %-8s  %-23s  %-18s %10s  %-10s  %5s  %-20s  %s\n", "number", "is", "since",
               "partition", "offset", "cause", "tries", "key", "reason");
    json_t *rows = json_array();
    while ((found = ese_dead_letters_next(ese_state_letters(state), behind, &letter, error)) == 1) {
        behind = letter.number;
        if (!all && letter.settled_ms != 0)
            continue;
        if (json)
            json_array_append_new(rows, to_json(&letter));
        else
            print_row(&letter);
    }
    if (json)
        print_json(json_incref(rows));
    json_decref(rows);
    ese_dead_letter_clear(&letter);
    return found;
}

static int read_number(const struct ese_config *config, int i, int64_t *number,
                       struct ese_error *error)
{
    const char *word = ese_config_argument(config, i);
    return ese_number_parse(word, "NUMBER of a dead letter", 1, INT64_MAX, number, error);
}

static int find(struct ese_state *state, int64_t number, struct ese_dead_letter *letter,
                struct ese_error *error)
{
    int found = ese_dead_letters_next(ese_state_letters(state), number - 1, letter, error);
    if (found == -1 || (found == 1 && letter->number == number))
        return found == -1 ? -1 : 0;
    return ese_fail(error, ESE_E_USAGE, "there is no dead letter %" PRId64, number);
}

static int show(const struct ese_config *config, struct ese_state *state, struct ese_error *error)
{
    struct ese_dead_letter letter = {.number = 0};
    int64_t number = 0;
    if (ese_config_argument(config, 1) == NULL || ese_config_argument(config, 2) != NULL)
        return ese_fail(error, ESE_E_USAGE, "show: name one letter by its number");
    if (read_number(config, 1, &number, error) != 0)
        return -1;
    int found = find(state, number, &letter, error);
    if (found == 0)
        print_json(to_json(&letter));
    ese_dead_letter_clear(&letter);
    return found;
}

static int by_number(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* In their order, each once, however they were named. -1: one is no number. */
static int read_numbers(const struct ese_config *config, int64_t *numbers, int *count,
                        struct ese_error *error)
{
    int read = 0;
    for (; ese_config_argument(config, read + 1) != NULL; read++) {
        if (read == ESE_REPLAY_MOST)
            return ese_fail(error, ESE_E_USAGE, "at most %d letters at once", ESE_REPLAY_MOST);
        if (read_number(config, read + 1, &numbers[read], error) != 0)
            return -1;
    }
    qsort(numbers, (size_t)read, sizeof numbers[0], by_number);
    *count = 0;
    for (int i = 0; i < read; i++)
        if (i == 0 || numbers[i] != numbers[i - 1])
            numbers[(*count)++] = numbers[i];
    return 0;
}

static int replay_chosen(const struct ese_config *config, struct ese_state *state,
                         const char *transport, const struct ese_replay_choice *choice,
                         struct ese_error *error)
{
    struct ese_rules rules = {
        .settings.stuck_after_ms = ese_config_number(config, "stuck-after-ms")};
    int decisions = choice->numbers != NULL ? choice->count : AT_ONCE;
    struct ese_replay_result result;
    if (ese_rules_choose(ese_config_text(config, "rule"), &rules, error) != 0)
        return -1;
    if (rules.count == 0)
        return ese_fail(error, ESE_E_USAGE, "replay: --rule none would settle letters that no rule has had: name the "
                                            "consumer's rules, or `drop` what nobody wants");
    if (ese_state_check_room(state, decisions, error) != 0 ||
        ese_replay(state, transport, &rules, choice, &result, error) != 0)
        return -1;
    if (ese_config_flag(config, "json"))
        print_json(json_pack("{s:I, s:i, s:i}", "replay", (json_int_t)result.number, "letters",
                             result.letters, "decisions", result.decisions));
    else
        printf("%d letters replayed, %d mails decided; the consumer asks for them\n",
               result.letters, result.decisions);
    return 0;
}

static int replay(const struct ese_config *config, struct ese_state *state, const char *transport,
                  struct ese_error *error)
{
    bool all = ese_config_flag(config, "all");
    struct ese_replay_choice choice = {.numbers = NULL, .count = ESE_REPLAY_MOST};
    if (all == (ese_config_argument(config, 1) != NULL))
        return ese_fail(error, ESE_E_USAGE, "replay: name letters by their numbers, or give --all");
    if (all)
        return replay_chosen(config, state, transport, &choice, error);
    int64_t *numbers = ese_alloc_array(ESE_REPLAY_MOST, sizeof numbers[0]);
    choice.numbers = numbers;
    int done = read_numbers(config, numbers, &choice.count, error);
    if (done == 0)
        done = replay_chosen(config, state, transport, &choice, error);
    free(numbers);
    return done;
}

/* All of them, or none. */
static int drop_chosen(struct ese_state *state, const int64_t *numbers, int count,
                       struct ese_error *error)
{
    struct ese_dead_letter letter = {.number = 0};
    int done = ese_state_begin(state, error);
    if (done != 0)
        return -1;
    for (int i = 0; i < count && done == 0; i++) {
        done = find(state, numbers[i], &letter, error);
        if (done == 0 && letter.settled_ms != 0)
            done = ese_fail(error, ESE_E_USAGE, "letter %" PRId64 " was %s already", numbers[i],
                            word_of(&letter));
        if (done == 0)
            done = ese_dead_letters_settle(ese_state_letters(state), numbers[i], ESE_DEAD_DROPPED,
                                           ese_clock_wall_ms(), error);
    }
    ese_dead_letter_clear(&letter);
    if (done == 0)
        return ese_state_commit(state, error);
    ese_state_rollback(state);
    return -1;
}

static int drop(const struct ese_config *config, struct ese_state *state, struct ese_error *error)
{
    int count = 0;
    if (ese_config_flag(config, "all") || ese_config_argument(config, 1) == NULL)
        return ese_fail(error, ESE_E_USAGE, "drop: name letters by their numbers");
    int64_t *numbers = ese_alloc_array(ESE_REPLAY_MOST, sizeof numbers[0]);
    int done = read_numbers(config, numbers, &count, error);
    if (done == 0)
        done = drop_chosen(state, numbers, count, error);
    free(numbers);
    if (done == 0 && ese_config_flag(config, "json"))
        print_json(json_pack("{s:i}", "letters", count));
    else if (done == 0)
        printf("%d letters dropped\n", count);
    return done;
}

static int run(const struct ese_config *config, struct ese_error *error)
{
    struct ese_state *state = NULL;
    struct owner owner;
    const char *command = ese_config_argument(config, 0);
    int done = -1;
    if (command == NULL)
        return ese_fail(error, ESE_E_USAGE, "say what to do: list, show, replay or drop");
    if (open_state(config, &owner, &state, error) != 0)
        return -1;
    if (strcmp(command, "list") == 0)
        done = list(config, state, error);
    else if (strcmp(command, "show") == 0)
        done = show(config, state, error);
    else if (strcmp(command, "replay") == 0)
        done = replay(config, state, owner.transport, error);
    else if (strcmp(command, "drop") == 0)
        done = drop(config, state, error);
    else
        ese_fail(error, ESE_E_USAGE, "there is no '%.40s'; there are list, show, replay and drop",
                 command);
    ese_state_close(&state);
    return done;
}

static const struct ese_service service = {
    .manual = {
        .name = "ese-consumer " ESE_LETTERS_COMMAND,
        .summary = "shows events that nobody could process, replays them, or puts them away",
        .synopsis = "list|show NUMBER|replay NUMBER...|drop NUMBER...",
        .description =
            "A record that is no event, or an event on which a rule has failed five times, is passed "
            "over as a dead letter, with the reason and where it stood. list shows those that "
            "were neither replayed nor dropped yet, show all that is known of one.\n\n"
            "replay hands the chosen ones to the rules, in the order in which they were passed over, "
            "as one batch, on state of its own. Their mails are asked for by the consumer, now or "
            "when it runs. Where a rule fails again, nothing was replayed. A letter is replayed "
            "once.\n\n"
            "drop puts away what nobody wants again, what is no event above all: it is listed no more, "
            "cannot be replayed, and leaves the state file a day later.",
        .examples =
            "ese-consumer dead-letters list --state ese-consumer.file.state\n"
            "  Shows a line a letter.\n"
            "ese-consumer dead-letters replay --all --state ese-consumer.file.state\n"
            "  Replays all that are events.\n"
            "ese-consumer dead-letters drop 3 7 --state ese-consumer.file.state\n"
            "  Puts these two away.",
    },
    .options = options,
    .is_command = true,
    .choose = NULL,
    .run = run,
};

int ese_letters_command(int argc, char **argv)
{
    return ese_service_main(&service, argc, argv);
}
