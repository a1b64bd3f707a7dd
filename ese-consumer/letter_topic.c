#include "ese-consumer/letter_topic.h"

#include <jansson.h>

#include "ese-core/backoff.h"
#include "ese-core/buffer.h"
#include "ese-core/clock.h"
#include "ese-core/dead_letter_event.h"
#include "ese-core/log.h"
#include "ese-core/mail_request.h" /* ESE_TOPIC_OPTION */
#include "ese-core/memory.h"
#include "transports/face_config.h"

#define INFLIGHT 32
#define DEADLINE_MS 10000 /* then it is put anew */
#define LOOK_MS 500       /* how often the table is looked at */
#define HOLD_MS 5000      /* then other members have a turn, if only one may write at a time */
#define FIRST_WAIT_MS 500 /* behind one that was not taken */
#define LONGEST_WAIT_MS 30000
#define COMPLAIN_MS 30000
#define BYTES_LIMIT (12 * 1024) /* of what is no event; four characters may stand for each */

struct letter {
    bool is_open;
    int64_t number;
    struct ese_id id; /* of the record */
};

struct ese_letter_topic {
    struct ese_letter_topic_options options;
    struct ese_config *config;
    const struct ese_produce_face *face;
    char name[64]; /* of the transport */
    struct ese_producer *producer; /* NULL: not yet */
    int64_t opened_ns;
    struct letter letters[INFLIGHT];
    uint32_t run;
    uint32_t sequences[INFLIGHT]; /* each place is a lane, so that none waits for another */
    struct ese_backoff backoff;
    int64_t look_ns, complain_ns; /* not before */
    int64_t waits_ns; /* since when there was something to put, and nothing taken; 0: there was not, or it was */
    unsigned looks; /* with which of the partitions one begins follows from it */
    bool is_idle;
};

/* ---- a letter as an event -------------------------------------------------------------------- */

static json_t *describe(const struct ese_dead_letter *letter, bool is_cut)
{
    char id[ESE_ID_TEXT_SIZE] = "";
    struct ese_buffer reason = ESE_BUFFER_INIT(2000), bytes = {.limit = 5 * BYTES_LIMIT};
    ese_dead_letter_write_plain(&reason, letter->reason, strlen(letter->reason));
    json_t *object = json_pack(
        "{s:I, s:s, s:I, s:s, s:s, s:I, s:I, s:b}", "number", (json_int_t)letter->number,
        "partition", letter->place, "offset", (json_int_t)letter->offset, "cause",
        ese_dead_cause_name(letter->cause), "reason", reason.length > 0 ? reason.text : "", "tries",
        (json_int_t)letter->tries, "dead_ms", (json_int_t)letter->dead_ms, "cut", is_cut);
    if (letter->cause == ESE_DEAD_UNPARSABLE) {
        size_t length = letter->length < BYTES_LIMIT ? letter->length : BYTES_LIMIT;
        ese_dead_letter_write_plain(&bytes, letter->bytes, length);
        json_object_set_new(object, "bytes", json_string(bytes.length > 0 ? bytes.text : ""));
        json_object_set_new(object, "whole", json_integer(letter->whole));
    } else {
        if (!ese_id_is_none(&letter->event.id))
            ese_id_text(&letter->event.id, id);
        json_object_set_new(object, "id", json_string(id));
        json_object_set_new(object, "client_ts", json_integer(letter->event.client_ts));
        if (!is_cut)
            json_object_set_new(object, "data", json_string(ese_event_data(&letter->event)));
    }
    ese_buffer_free(&reason);
    ese_buffer_free(&bytes);
    return object;
}

static char *write_data(const struct ese_dead_letter *letter)
{
    bool is_cut = letter->cause == ESE_DEAD_UNPARSABLE && letter->length > BYTES_LIMIT;
    json_t *object = describe(letter, is_cut);
    char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    if (strlen(text) <= ESE_EVENT_DATA_LIMIT)
        return text;
    free(text);
    object = describe(letter, true);
    text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    return text;
}

static void make_event(const struct ese_dead_letter *letter, const struct ese_id *id,
                       struct ese_event *event)
{
    *event = (struct ese_event){.id = *id, .client_ts = ese_clock_wall_ms()};
    snprintf(event->type, sizeof event->type, "%s", letter->event.type);
    if (letter->cause == ESE_DEAD_UNPARSABLE) {
        snprintf(event->sub_type, sizeof event->sub_type, "%s", letter->event.type);
        snprintf(event->ip, sizeof event->ip, "%s", letter->place);
        snprintf(event->key, sizeof event->key, "%s", letter->place);
    } else {
        snprintf(event->sub_type, sizeof event->sub_type, "%s", letter->event.sub_type);
        snprintf(event->ip, sizeof event->ip, "%s", letter->event.ip);
        snprintf(event->key, sizeof event->key, "%s", letter->event.key);
        snprintf(event->traceparent, sizeof event->traceparent, "%s", letter->event.traceparent);
    }
    event->data = write_data(letter);
}

/* ---- answers --------------------------------------------------------------------------------- */

static void hold_back(struct ese_letter_topic *topic, const char *why)
{
    int64_t now_ns = ese_clock_monotonic_ns();
    topic->look_ns = now_ns + ese_backoff_next_ms(&topic->backoff) * ESE_NS_PER_MS;
    if (now_ns < topic->complain_ns)
        return;
    topic->complain_ns = now_ns + COMPLAIN_MS * ESE_NS_PER_MS;
    ese_log_warning("the topic of dead letters, over %s: %s; they stay in the state file, and are "
                    "put there later", topic->name, why);
}

static int take_outcome(struct ese_letter_topic *topic, const struct ese_acknowledgement *outcome,
                        struct ese_error *error)
{
    struct letter *letter = topic->letters;
    while (!letter->is_open || !ese_id_equal(&letter->id, &outcome->id))
        letter++; /* each has one outcome */
    letter->is_open = false;
    if (outcome->outcome != ESE_OUTCOME_ACKNOWLEDGED) {
        hold_back(topic, "one was not taken");
        return 0;
    }
    ese_backoff_reset(&topic->backoff);
    topic->waits_ns = 0;
    return ese_dead_letters_note_told(ese_state_letters(topic->options.state), letter->number,
                                      ese_clock_wall_ms(), error);
}

static int take_outcomes(struct ese_letter_topic *topic, struct ese_error *error)
{
    struct ese_acknowledgement outcomes[INFLIGHT];
    if (topic->producer == NULL || topic->face->pending(topic->producer) == 0)
        return 0;
    int count = topic->face->poll(topic->producer, 0, outcomes, INFLIGHT);
    bool all_taken = count > 0;
    for (int i = 0; i < count; i++) {
        all_taken = all_taken && outcomes[i].outcome == ESE_OUTCOME_ACKNOWLEDGED;
        if (take_outcome(topic, &outcomes[i], error) != 0)
            return -1;
    }
    if (all_taken)
        topic->look_ns = 0; /* there is room for more */
    return 0;
}

/* ---- putting --------------------------------------------------------------------------------- */

static struct letter *find_room(struct ese_letter_topic *topic)
{
    for (int i = 0; i < INFLIGHT; i++)
        if (!topic->letters[i].is_open)
            return &topic->letters[i];
    return NULL;
}

static bool is_under_way(const struct ese_letter_topic *topic, int64_t number)
{
    for (int i = 0; i < INFLIGHT; i++)
        if (topic->letters[i].is_open && topic->letters[i].number == number)
            return true;
    return false;
}

static int open_producer(struct ese_letter_topic *topic, struct ese_error *why)
{
    const struct ese_produce_settings settings = {.inflight = INFLIGHT,
                                                  .retry_deadline_ms = DEADLINE_MS};
    if (topic->producer != NULL)
        return 0;
    topic->opened_ns = ese_clock_monotonic_ns();
    if (topic->face->open(topic->config, &settings, &topic->producer, why) == 0)
        return 0;
    topic->face->close(&topic->producer);
    if (why->code == ESE_E_FULL)
        ese_backoff_reset(&topic->backoff); /* somebody else writes, and will let go of it */
    return -1;
}

/* False: not now. */
static bool put(struct ese_letter_topic *topic, const struct ese_dead_letter *letter,
                struct letter *place)
{
    size_t lane = (size_t)(place - topic->letters);
    struct ese_error why;
    struct ese_event event;
    if (open_producer(topic, &why) != 0) {
        hold_back(topic, why.text);
        return false;
    }
    *place = (struct letter){
        .is_open = true,
        .number = letter->number,
        .id = ese_id_make(&(struct ese_id_parts){.time_ms = ese_clock_wall_ms(),
                                                 .lane = (uint16_t)lane,
                                                 .run = topic->run,
                                                 .sequence = topic->sequences[lane]++})};
    make_event(letter, &place->id, &event);
    place->is_open = topic->face->send(topic->producer, &event, &why) == 0;
    ese_event_clear(&event);
    if (!place->is_open)
        hold_back(topic, why.text);
    return place->is_open;
}

/* Of one partition, as many as there is room for. */
static int put_some(struct ese_letter_topic *topic, int32_t partition, struct ese_error *error)
{
    struct ese_dead_letters *letters = ese_state_letters(topic->options.state);
    struct ese_dead_letter letter = {.number = 0};
    struct letter *place = find_room(topic);
    int found = 0;
    while (place != NULL &&
           (found = ese_dead_letters_next_untold(letters, partition, letter.number, &letter,
                                                 error)) == 1) {
        topic->is_idle = false;
        if (!is_under_way(topic, letter.number) && !put(topic, &letter, place))
            break;
        place = find_room(topic);
    }
    ese_dead_letter_clear(&letter);
    return found == -1 ? -1 : 0;
}

/* Each time another partition is the first, so that none that has many keeps the others from their topic. */
static int put_all(struct ese_letter_topic *topic, struct ese_error *error)
{
    const struct ese_holdings *holdings = topic->options.holdings;
    unsigned first = topic->looks++;
    for (int i = 0; i < holdings->count; i++) {
        const struct ese_holding *holding = holdings->items[(first + (unsigned)i) % (unsigned)holdings->count];
        if (holding->letters > 0 && put_some(topic, holding->partition, error) != 0)
            return -1;
    }
    return 0;
}

static void note_waiting(struct ese_letter_topic *topic, int64_t now_ns)
{
    if (topic->is_idle)
        topic->waits_ns = 0;
    else if (topic->waits_ns == 0)
        topic->waits_ns = now_ns;
}

/* Over some transports one may write at a time, and other members have letters, too. */
static bool is_time_to_make_way(const struct ese_letter_topic *topic, int64_t now_ns)
{
    return topic->producer != NULL && now_ns - topic->opened_ns > HOLD_MS * ESE_NS_PER_MS;
}

static void make_way(struct ese_letter_topic *topic)
{
    if (topic->producer != NULL && topic->face->pending(topic->producer) == 0)
        topic->face->close(&topic->producer);
}

int ese_letter_topic_turn(struct ese_letter_topic *topic, struct ese_error *error)
{
    int64_t now_ns = ese_clock_monotonic_ns();
    if (take_outcomes(topic, error) != 0)
        return -1;
    if (now_ns < topic->look_ns)
        return 0;
    bool was_idle = topic->is_idle;
    topic->look_ns = now_ns + LOOK_MS * ESE_NS_PER_MS;
    if (is_time_to_make_way(topic, now_ns)) {
        make_way(topic);
        topic->look_ns += LOOK_MS * ESE_NS_PER_MS; /* so long that who looks every so often finds it free */
        return 0;
    }
    topic->is_idle = true;
    if (put_all(topic, error) != 0)
        return -1;
    if (was_idle && topic->is_idle)
        make_way(topic);
    note_waiting(topic, now_ns);
    return 0;
}

bool ese_letter_topic_is_idle(const struct ese_letter_topic *topic)
{
    return topic->is_idle;
}

bool ese_letter_topic_has_failed(const struct ese_letter_topic *topic)
{
    return topic->waits_ns != 0 &&
           ese_clock_monotonic_ns() - topic->waits_ns > topic->options.give_up_ms * ESE_NS_PER_MS;
}

/* ---- opening --------------------------------------------------------------------------------- */

/* What the transport is told for reading holds for writing, as far as it is the same option. */
static void take_over(struct ese_config *to, const struct ese_config *from,
                      const struct ese_option *options)
{
    for (; options->name != NULL; options++) {
        const char *name = options->name, *item;
        if (strcmp(name, ESE_TOPIC_OPTION) == 0 || !ese_config_has(from, name))
            continue;
        if (options->kind != ESE_OPTION_LIST)
            ese_config_give(to, name, ese_config_text(from, name));
        for (int i = 0; options->kind == ESE_OPTION_LIST &&
                        (item = ese_config_item(from, name, i)) != NULL; i++)
            ese_config_give(to, name, item);
    }
}

/* Who reads dead letters does not add to them. */
static bool has_topic(const struct ese_letter_topic_options *options)
{
    const struct ese_produce_face *face = options->transport->produce;
    const struct ese_option *option = face == NULL ? NULL : face->options;
    while (option != NULL && option->name != NULL && strcmp(option->name, ESE_TOPIC_OPTION) != 0)
        option++;
    if (option == NULL || option->name == NULL)
        return false;
    return !ese_config_has(options->config, ESE_TOPIC_OPTION) ||
           strcmp(ese_config_text(options->config, ESE_TOPIC_OPTION), ESE_TOPIC_DEAD_LETTERS) != 0;
}

static int configure(struct ese_letter_topic *topic, struct ese_error *error)
{
    const struct ese_letter_topic_options *options = &topic->options;
    bool is_own = options->specification == NULL;
    if (ese_face_config(is_own ? options->transport->name : options->specification,
                        ESE_FACE_PRODUCE, &topic->config, error) != 0)
        return -1;
    if (is_own)
        take_over(topic->config, options->config, options->transport->produce->options);
    if (ese_options_find(ese_config_options(topic->config), ESE_TOPIC_OPTION) != NULL)
        ese_config_give(topic->config, ESE_TOPIC_OPTION, ESE_TOPIC_DEAD_LETTERS);
    return ese_config_settle(topic->config, error);
}

int ese_letter_topic_open(const struct ese_letter_topic_options *options,
                          struct ese_letter_topic **topic, struct ese_error *error)
{
    *topic = NULL;
    if (options->specification == NULL && !has_topic(options))
        return 0;
    struct ese_letter_topic *opened = ese_alloc(sizeof *opened);
    opened->options = *options;
    if (options->give_up_ms == 0)
        opened->options.give_up_ms = ESE_LETTER_TOPIC_GIVE_UP_MS;
    opened->run = ese_id_draw_run();
    opened->backoff = (struct ese_backoff){.first_ms = FIRST_WAIT_MS, .most_ms = LONGEST_WAIT_MS};
    if (configure(opened, error) != 0) {
        ese_letter_topic_close(&opened);
        return ese_fail_within(error, "--dead-letters");
    }
    const struct ese_transport *transport = ese_registry_chosen(opened->config);
    opened->face = transport->produce;
    snprintf(opened->name, sizeof opened->name, "%s", transport->name);
    *topic = opened;
    return 0;
}

void ese_letter_topic_close(struct ese_letter_topic **topic)
{
    if (*topic == NULL)
        return;
    if ((*topic)->producer != NULL)
        (*topic)->face->close(&(*topic)->producer);
    ese_config_free(&(*topic)->config);
    free(*topic);
    *topic = NULL;
}
