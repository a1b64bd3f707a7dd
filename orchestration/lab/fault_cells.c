#include "orchestration/lab/fault_cells.h"

#include "ese-core/memory.h"
#include "orchestration/lab/picture.h"

#define CELL_SIZE ESE_FAULT_CELL_SIZE
#define CONSUMER ESE_ROLE_BIT(ESE_ROLE_CONSUMER)
#define MAILER ESE_ROLE_BIT(ESE_ROLE_MAILER)

typedef const struct ese_results_transport column;

static bool was_struck(column *transport, unsigned roles)
{
    return ese_deeds_first(&transport->deeds, ESE_ACT_KILL, roles, 0) != 0;
}

/* ---- cells ---- */

static void put_seconds(int64_t us, char text[CELL_SIZE])
{
    if (us < 0)
        snprintf(text, CELL_SIZE, "never");
    else
        snprintf(text, CELL_SIZE, "%.2f s", (double)us / 1e6);
}

static void put_away(column *transport, unsigned roles, char text[CELL_SIZE])
{
    int64_t killed_ns = ese_deeds_first(&transport->deeds, ESE_ACT_KILL, roles, 0);
    int64_t started_ns = ese_deeds_first(&transport->deeds, ESE_ACT_START, roles, killed_ns);
    if (killed_ns == 0)
        snprintf(text, CELL_SIZE, "passed over");
    else if (started_ns == 0)
        snprintf(text, CELL_SIZE, "to the end");
    else
        put_seconds((started_ns - killed_ns) / 1000, text);
}

/* The time, where any of the roles was struck. */
static void put_recovery(column *transport, unsigned roles, int64_t us, char text[CELL_SIZE])
{
    if (was_struck(transport, roles))
        put_seconds(us, text);
    else
        snprintf(text, CELL_SIZE, "-");
}

void ese_fault_cell_server(column *transport, char text[CELL_SIZE])
{
    put_away(transport, ESE_ROLES_KEEPING, text);
}

/* When what was done to the same consumers came to its end; 0: never. */
static int64_t back_ns(const struct ese_deeds *deeds, int gone)
{
    for (int i = gone + 1; i < deeds->count; i++) {
        const struct ese_deed *deed = &deeds->list[i];
        bool is_return = deed->act == ESE_ACT_START || deed->act == ESE_ACT_THAW;
        if (is_return && (deed->roles & CONSUMER) != 0 && deed->members == deeds->list[gone].members)
            return deed->done_ns;
    }
    return 0;
}

static void put_absence(const struct ese_deeds *deeds, int gone, struct ese_buffer *text)
{
    int64_t until_ns = back_ns(deeds, gone);
    if (text->length > 0)
        ese_buffer_text(text, ", ");
    if (until_ns == 0)
        ese_buffer_text(text, "to the end");
    else
        ese_buffer_printf(text, "%.2f s", (double)(until_ns - deeds->list[gone].done_ns) / 1e9);
}

/* Each absence, where members of a group were away one after the other. */
void ese_fault_cell_consumer(column *transport, char text[CELL_SIZE])
{
    struct ese_buffer words = ESE_BUFFER_INIT(CELL_SIZE - 1);
    const struct ese_deeds *deeds = &transport->deeds;
    for (int i = 0; i < deeds->count; i++) {
        const struct ese_deed *deed = &deeds->list[i];
        bool is_absence = deed->act == ESE_ACT_KILL || deed->act == ESE_ACT_FREEZE;
        if (is_absence && (deed->roles & CONSUMER) != 0)
            put_absence(deeds, i, &words);
    }
    snprintf(text, CELL_SIZE, "%s", words.length == 0 ? "passed over" : words.text);
    ese_buffer_free(&words);
}

void ese_fault_cell_mailer(column *transport, char text[CELL_SIZE])
{
    put_away(transport, MAILER, text);
}

void ese_fault_cell_acknowledges(column *transport, char text[CELL_SIZE])
{
    put_recovery(transport, ESE_ROLES_KEEPING, transport->judgement.recovery.acknowledges_again_us,
                 text);
}

/* Runs of earlier days tell a restart, and no deeds. */
void ese_fault_cell_reads(column *transport, char text[CELL_SIZE])
{
    if (transport->restarted_ns == 0)
        snprintf(text, CELL_SIZE, "-");
    else
        put_seconds(transport->judgement.recovery.reads_again_us, text);
}

void ese_fault_cell_backlog(column *transport, char text[CELL_SIZE])
{
    char number[ESE_PICTURE_NUMBER_SIZE];
    ese_picture_number(transport->judgement.recovery.backlog_at_restart, number);
    snprintf(text, CELL_SIZE, "%s", transport->restarted_ns == 0 ? "-" : number);
}

void ese_fault_cell_gone(column *transport, char text[CELL_SIZE])
{
    put_recovery(transport, ESE_ROLES_KEEPING | CONSUMER, transport->judgement.recovery.backlog_gone_us,
                 text);
}

void ese_fault_cell_caught_up(column *transport, char text[CELL_SIZE])
{
    bool came_back = ese_deeds_last(&transport->deeds, ESE_ACT_START, CONSUMER) != 0 ||
                     ese_deeds_last(&transport->deeds, ESE_ACT_THAW, CONSUMER) != 0;
    if (came_back)
        put_seconds(transport->judgement.lag.caught_up_us, text);
    else
        snprintf(text, CELL_SIZE, "-");
}

/* ---- rows ---- */

static bool was_meant(const struct ese_results *results, unsigned roles)
{
    for (int i = 0; i < results->count; i++) {
        column *transport = &results->transports[i];
        if (was_struck(transport, roles) || ese_deeds_last(&transport->deeds, ESE_ACT_FREEZE, roles) != 0 ||
            ese_deeds_passed_over(&transport->deeds, roles))
            return true;
    }
    return false;
}

bool ese_fault_cells_server(const struct ese_results *results)
{
    return was_meant(results, ESE_ROLES_KEEPING);
}

bool ese_fault_cells_consumer(const struct ese_results *results)
{
    return was_meant(results, CONSUMER);
}

bool ese_fault_cells_mailer(const struct ese_results *results)
{
    return was_meant(results, MAILER);
}

bool ese_fault_cells_events(const struct ese_results *results)
{
    return was_meant(results, ESE_ROLES_KEEPING | CONSUMER);
}

bool ese_fault_cells_restart(const struct ese_results *results)
{
    for (int i = 0; i < results->count; i++) {
        if (results->transports[i].restarted_ns != 0)
            return true;
    }
    return false;
}

bool ese_fault_cells_any(const struct ese_results *results)
{
    return ese_fault_cells_events(results) || ese_fault_cells_mailer(results) ||
           ese_fault_cells_restart(results);
}
