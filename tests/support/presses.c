#include "tests/support/presses.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ese-core/memory.h"
#include "ese-core/sqlite.h"
#include "tests/support/state_probe.h"

#define KEYS 50
#define GAP_MS 1000

/* The presses of one key that may become a decision. */
struct chain {
    int count;
    int64_t last_ms;
    struct ese_id ids[3];
};

struct presses {
    unsigned seed;
    int64_t now_ms;
    uint32_t sequences[PRESSES_LANES];
    struct chain chains[KEYS];
    int64_t distinct;
    int64_t repeated;
    struct ese_event held; /* to come again after others */
    struct ese_event again;
    bool comes_again; /* next */
    struct ese_id *expected;
    int expected_count;
};

struct presses *presses_new(int64_t from_ms)
{
    struct presses *presses = ese_alloc(sizeof *presses);
    presses->seed = 42;
    presses->now_ms = from_ms;
    return presses;
}

void presses_free(struct presses **presses)
{
    if (*presses == NULL)
        return;
    free((*presses)->expected);
    free(*presses);
    *presses = NULL;
}

static void expect(struct presses *presses, int key, const struct ese_event *event)
{
    struct chain *chain = &presses->chains[key];
    if (chain->count > 0 && event->client_ts - chain->last_ms > GAP_MS)
        chain->count = 0;
    chain->last_ms = event->client_ts;
    chain->ids[chain->count++] = event->id;
    if (chain->count < 3)
        return;
    char cause[100];
    snprintf(cause, sizeof cause, "steady-click:%s", event->key);
    presses->expected = ese_realloc_array(presses->expected, (size_t)presses->expected_count + 1,
                                          sizeof *presses->expected);
    presses->expected[presses->expected_count++] = ese_id_derive(cause, chain->ids, 3);
    chain->count = 0;
}

static struct ese_event make_event(struct presses *presses)
{
    int key = rand_r(&presses->seed) % KEYS;
    bool pressed = rand_r(&presses->seed) % 4 != 0;
    presses->now_ms += presses->distinct % 997 == 0 ? 5000 : rand_r(&presses->seed) % 20;
    struct ese_event event = {.type = ESE_TYPE_CLICK, .client_ts = presses->now_ms,
                              .server_ts = presses->now_ms};
    snprintf(event.ip, sizeof event.ip, "10.0.0.1-%d", key);
    ese_fit_text(event.sub_type, sizeof event.sub_type,
                 pressed ? ESE_SUB_TYPE_KEY_PRESS : ESE_SUB_TYPE_BUTTON);
    ese_event_set_key(&event);
    uint16_t lane = (uint16_t)(key % PRESSES_LANES);
    event.id = ese_id_make(&(struct ese_id_parts){.time_ms = presses->now_ms,
                                                  .lane = lane,
                                                  .run = PRESSES_RUN,
                                                  .sequence = presses->sequences[lane]++});
    ese_event_set_traceparent(&event);
    if (pressed)
        expect(presses, key, &event);
    return event;
}

struct ese_event presses_next(struct presses *presses)
{
    if (presses->comes_again) {
        presses->comes_again = false;
        presses->repeated++;
        return presses->again;
    }
    struct ese_event event = make_event(presses);
    int64_t i = presses->distinct++;
    if (i % 50 == 49) {
        presses->again = i % 100 == 99 ? presses->held : event;
        presses->comes_again = true;
    }
    if (i % 100 == 80)
        presses->held = event;
    return event;
}

int64_t presses_distinct(const struct presses *presses)
{
    return presses->distinct;
}

int64_t presses_repeated(const struct presses *presses)
{
    return presses->repeated;
}

int presses_decisions(const struct presses *presses)
{
    return presses->expected_count;
}

void presses_check_decisions(const struct presses *presses, const char *state_path,
                             struct fake_mailer *mailer)
{
    struct ese_sqlite *database = NULL;
    const struct ese_sqlite_options options = {.path = state_path, .read_only = true};
    assert_int_equal(ese_sqlite_open(&options, &database, NULL), 0);
    struct ese_statement *find = ese_statement_new(
        database, "SELECT answered_ms IS NOT NULL AND refused_ms IS NULL FROM decision "
                  "WHERE id = ?1");
    for (int i = 0; i < presses->expected_count; i++) {
        char id[ESE_ID_TEXT_SIZE];
        ese_id_text(&presses->expected[i], id);
        ese_statement_bytes(find, 1, presses->expected[i].bytes, 16);
        if (ese_statement_step(find, NULL) != 1)
            fail_msg("decision %s is missing", id);
        assert_int_equal(ese_statement_column_number(find, 0), 1);
        ese_statement_reset(find);
        if (fake_mailer_kept(mailer, id, NULL) == 0)
            fail_msg("the mailer never got decision %s", id);
    }
    ese_sqlite_close(&database);
    assert_int_equal(state_probe_number(state_path, "SELECT count(*) FROM decision"),
                     presses->expected_count);
    assert_int_equal(fake_mailer_ids(mailer), presses->expected_count);
}
