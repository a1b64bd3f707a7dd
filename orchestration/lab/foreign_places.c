#include "orchestration/lab/foreign_places.h"

#include <inttypes.h>

#include "ese-core/history_text.h"
#include "ese-core/memory.h"
#include "orchestration/lab/number_table.h"

#define NAME_SIZE 36 /* of an event, in words: so much of it as leaves room for two in a reason (judgement.h) */

/* A record that says where an event is. */
struct claim {
    struct ese_id id;
    enum ese_history_kind kind;
    int file;
    int64_t line; /* 0: there is no such record */
    int32_t partition; /* -1: it was not told */
    int64_t offset;
};

/* What its client says of an event, and where others say it is. */
struct event {
    struct ese_id id;
    struct claim told, elsewhere;
    bool is_where_told, is_sent_again;
};

/* A partition in the history of one consumer. */
struct holding {
    int32_t partition;
    bool is_held;
    int64_t taken; /* the line that says so; 0: none does */
};

struct ese_foreign_places {
    struct event *events; /* that were offered */
    uint32_t event_count, event_size;
    struct ese_number_table event_table;
    struct claim *claims; /* the first of each place */
    uint32_t claim_count, claim_size;
    struct ese_number_table claim_table;
    int file;             /* whose holdings these are */
    struct holding *holdings;
    size_t holding_count;
    int32_t partition;    /* the only one that is told of; */
    bool is_any, is_several;
    /* What cannot be true: the first, and the first that cannot if there is one partition. */
    struct claim first[2], first_untold[2];
    struct holding unheld; /* as first[0] has it */
};

static uint64_t hash_id(const struct ese_id *id)
{
    uint64_t halves[2];
    memcpy(halves, id->bytes, sizeof halves);
    return ese_number_mix(halves[0] ^ ese_number_mix(halves[1]));
}

static uint64_t event_hash(const void *events, uint32_t number)
{
    return hash_id(&((const struct event *)events)[number].id);
}

static bool event_same(const void *events, uint32_t number, const void *id)
{
    return ese_id_equal(&((const struct event *)events)[number].id, id);
}

static uint64_t hash_place(const struct claim *claim)
{
    return ese_number_mix((uint64_t)claim->offset ^ ese_number_mix((uint64_t)(int64_t)claim->partition));
}

static uint64_t claim_hash(const void *claims, uint32_t number)
{
    return hash_place(&((const struct claim *)claims)[number]);
}

static bool claim_same(const void *claims, uint32_t number, const void *wanted)
{
    const struct claim *claim = &((const struct claim *)claims)[number], *other = wanted;
    return claim->partition == other->partition && claim->offset == other->offset;
}

struct ese_foreign_places *ese_foreign_places_new(void)
{
    struct ese_foreign_places *places = ese_alloc(sizeof *places);
    places->event_table = (struct ese_number_table){.hash = event_hash, .same = event_same};
    places->claim_table = (struct ese_number_table){.hash = claim_hash, .same = claim_same};
    return places;
}

void ese_foreign_places_free(struct ese_foreign_places **places)
{
    if (*places == NULL)
        return;
    ese_number_table_free(&(*places)->event_table);
    ese_number_table_free(&(*places)->claim_table);
    free((*places)->events);
    free((*places)->claims);
    free((*places)->holdings);
    free(*places);
    *places = NULL;
}

/* ---- what is known --------------------------------------------------------------------------- */

static struct event *find_event(const struct ese_foreign_places *places, const struct ese_id *id)
{
    uint32_t number = ese_number_table_find(&places->event_table, places->events, hash_id(id), id);
    return number == ESE_NUMBER_NONE ? NULL : &places->events[number];
}

static void add_event(struct ese_foreign_places *places, const struct ese_id *id)
{
    if (find_event(places, id) != NULL)
        return;
    if (places->event_count == places->event_size) {
        places->event_size = places->event_size == 0 ? 256 : places->event_size * 2;
        places->events = ese_realloc_array(places->events, places->event_size, sizeof *places->events);
    }
    places->events[places->event_count] = (struct event){.id = *id};
    ese_number_table_add(&places->event_table, places->events, places->event_count++);
}

/* Whoever says something of that place first; NULL: nobody does. */
static const struct claim *find_claim(const struct ese_foreign_places *places, const struct claim *claim)
{
    uint32_t number = ese_number_table_find(&places->claim_table, places->claims, hash_place(claim), claim);
    return number == ESE_NUMBER_NONE ? NULL : &places->claims[number];
}

static void add_claim(struct ese_foreign_places *places, const struct claim *claim)
{
    if (places->claim_count == places->claim_size) {
        places->claim_size = places->claim_size == 0 ? 256 : places->claim_size * 2;
        places->claims = ese_realloc_array(places->claims, places->claim_size, sizeof *places->claims);
    }
    places->claims[places->claim_count] = *claim;
    ese_number_table_add(&places->claim_table, places->claims, places->claim_count++);
}

static void note(struct claim found[2], const struct claim *one, const struct claim *other)
{
    if (found[0].line != 0)
        return;
    found[0] = *one;
    if (other != NULL)
        found[1] = *other;
}

/* ---- what is said of a place ----------------------------------------------------------------- */

static void take_partition(struct ese_foreign_places *places, int32_t partition)
{
    if (partition < 0)
        return;
    places->is_several |= places->is_any && places->partition != partition;
    places->partition = partition;
    places->is_any = true;
}

static void take_claim(struct ese_foreign_places *places, const struct claim *claim)
{
    const struct claim *known = find_claim(places, claim);
    take_partition(places, claim->partition);
    if (known == NULL)
        add_claim(places, claim);
    else if (!ese_id_equal(&known->id, &claim->id))
        note(claim->partition < 0 ? places->first_untold : places->first, claim, known);
}

static void take_told(struct ese_foreign_places *places, struct event *event, const struct claim *claim,
                      int64_t attempts)
{
    event->is_sent_again |= attempts > 1;
    if (claim->offset < 0)
        return;
    event->told = *claim;
    take_claim(places, claim);
}

static void take_seen(struct ese_foreign_places *places, struct event *event, const struct claim *claim)
{
    const struct claim *told = &event->told;
    bool is_there = told->offset == claim->offset && (told->partition < 0 || told->partition == claim->partition);
    event->is_where_told |= told->line == 0 || is_there;
    if (event->elsewhere.line == 0 && !is_there)
        event->elsewhere = *claim;
    take_claim(places, claim);
}

/* ---- whose a partition is -------------------------------------------------------------------- */

static struct holding *holding_of(struct ese_foreign_places *places, int file, int32_t partition)
{
    if (places->file != file)
        places->holding_count = 0;
    places->file = file;
    for (size_t i = 0; i < places->holding_count; i++) {
        if (places->holdings[i].partition == partition)
            return &places->holdings[i];
    }
    places->holdings = ese_realloc_array(places->holdings, places->holding_count + 1, sizeof *places->holdings);
    struct holding *holding = &places->holdings[places->holding_count++];
    *holding = (struct holding){.partition = partition};
    return holding;
}

static void hold(struct ese_foreign_places *places, const struct claim *claim)
{
    struct holding *holding = holding_of(places, claim->file, claim->partition);
    bool is_deed = claim->kind == ESE_HISTORY_HANDED || claim->kind == ESE_HISTORY_COMMITTED;
    take_partition(places, claim->partition);
    if (is_deed && !holding->is_held && places->first[0].line == 0) {
        note(places->first, claim, NULL);
        places->unheld = *holding;
    }
    if (is_deed)
        return;
    holding->is_held = claim->kind == ESE_HISTORY_GIVEN;
    holding->taken = holding->is_held ? 0 : claim->line;
}

void ese_foreign_places_take(struct ese_foreign_places *places, int file, int64_t line,
                             const struct ese_history_record *record)
{
    const struct claim claim = {record->id, record->kind, file, line, record->partition, record->a};
    struct event *event = find_event(places, &record->id);
    switch (record->kind) {
    case ESE_HISTORY_OFFERED: add_event(places, &record->id); break;
    case ESE_HISTORY_SENT_AGAIN:
        if (event != NULL)
            event->is_sent_again = true;
        break;
    case ESE_HISTORY_ACKNOWLEDGED:
        if (event != NULL && event->told.line == 0)
            take_told(places, event, &claim, record->b);
        break;
    case ESE_HISTORY_HANDED:
    case ESE_HISTORY_STORED:
        if (event != NULL)
            take_seen(places, event, &claim);
        if (record->kind == ESE_HISTORY_HANDED)
            hold(places, &claim);
        break;
    case ESE_HISTORY_GIVEN:
    case ESE_HISTORY_TAKEN:
    case ESE_HISTORY_FENCED:
    case ESE_HISTORY_COMMITTED: hold(places, &claim); break;
    default: break;
    }
}

/* ---- in words -------------------------------------------------------------------------------- */

/* The client's places of which partition is not told, where there is only one. */
static void look_at_untold(struct ese_foreign_places *places)
{
    if (places->is_several || !places->is_any)
        return;
    note(places->first, &places->first_untold[0], &places->first_untold[1]);
    for (uint32_t i = 0; i < places->claim_count; i++) {
        struct claim claim = places->claims[i];
        if (claim.partition >= 0)
            continue;
        claim.partition = places->partition;
        const struct claim *seen = find_claim(places, &claim);
        if (seen != NULL && !ese_id_equal(&seen->id, &claim.id))
            note(places->first, seen, &places->claims[i]);
    }
}

/* What was sent once is at one place: where its client was told. */
static void look_at_events(struct ese_foreign_places *places)
{
    for (uint32_t i = 0; i < places->event_count; i++) {
        const struct event *event = &places->events[i];
        if (!event->is_where_told && !event->is_sent_again && event->elsewhere.line != 0)
            note(places->first, &event->elsewhere, &event->told);
    }
}

static void say_file(const struct claim *claim, struct ese_buffer *text)
{
    if (claim->file > 0)
        ese_buffer_printf(text, "consumer-%d.ndjson", claim->file);
    else
        ese_buffer_text(text, claim->file == ESE_FOREIGN_STORE ? "store.ndjson" : "client.ndjson");
    ese_buffer_printf(text, ", line %" PRId64, claim->line);
}

static void say_name(const struct claim *claim, const struct ese_foreign_names *names, struct ese_buffer *text)
{
    char name[NAME_SIZE];
    ese_foreign_names_text(names, &claim->id, name, sizeof name);
    ese_buffer_printf(text, "%s %s", name, ese_history_kind_name(claim->kind));
}

static void say_place(const struct claim *claim, struct ese_buffer *text)
{
    if (claim->partition >= 0)
        ese_buffer_printf(text, " at %d/%" PRId64, (int)claim->partition, claim->offset);
    else
        ese_buffer_printf(text, " at offset %" PRId64, claim->offset);
}

static void say_unheld(const struct ese_foreign_places *places, const struct ese_foreign_names *names,
                       struct ese_buffer *text)
{
    const struct claim *claim = &places->first[0];
    say_file(claim, text);
    ese_buffer_text(text, ": ");
    if (claim->kind == ESE_HISTORY_HANDED)
        say_name(claim, names, text);
    else
        ese_buffer_text(text, "committed");
    ese_buffer_printf(text, " in partition %d, which it ", (int)claim->partition);
    if (places->unheld.taken == 0)
        ese_buffer_text(text, "was never given");
    else
        ese_buffer_printf(text, "had no more since line %" PRId64, places->unheld.taken);
    ese_buffer_text(text, ": the histories contradict themselves");
}

void ese_foreign_places_say(struct ese_foreign_places *places, const struct ese_foreign_names *names,
                            struct ese_buffer *text)
{
    look_at_untold(places);
    look_at_events(places);
    const struct claim *one = &places->first[0], *other = &places->first[1];
    if (one->line == 0)
        return;
    if (other->line == 0) {
        say_unheld(places, names, text);
        return;
    }
    say_file(one, text);
    ese_buffer_text(text, ": ");
    say_name(one, names, text);
    say_place(one, text);
    ese_buffer_text(text, ", and ");
    say_file(other, text);
    ese_buffer_text(text, ": ");
    say_name(other, names, text);
    say_place(other, text);
    ese_buffer_text(text, ": the histories contradict themselves");
}
