#include "orchestration/lab/report.h"

#include <time.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"
#include "orchestration/lab/cost_cells.h"
#include "orchestration/lab/crowd_cells.h"
#include "orchestration/lab/fault_cells.h"
#include "orchestration/lab/picture.h"
#include "orchestration/lab/reader_cells.h"

#define LABEL_WIDTH 34
#define COLUMN_WIDTH 22
#define CELL_SIZE ESE_FAULT_CELL_SIZE

typedef const struct ese_results_transport column;

/* One row of the table: its label, and how a transport's cell reads. */
struct row {
    const char *label; /* NULL cell: a heading */
    void (*cell)(column *transport, char text[CELL_SIZE]);
    bool (*shown)(const struct ese_results *results); /* NULL: always */
    bool is_brief; /* also of a walk that goes on */
};

/* ---- cells ---- */

static void put_number(int64_t number, char text[CELL_SIZE])
{
    char digits[ESE_PICTURE_NUMBER_SIZE];
    ese_picture_number(number, digits);
    snprintf(text, CELL_SIZE, "%s", digits);
}

#define NUMBER_CELL(name, member)                                                                  \
    static void name##_cell(column *transport, char text[CELL_SIZE])                               \
    {                                                                                              \
        put_number(transport->judgement.member, text);                                             \
    }

NUMBER_CELL(offered, ledger.offered)
NUMBER_CELL(acknowledged, ledger.acknowledged)
NUMBER_CELL(refused, ledger.refused)
NUMBER_CELL(unknown, ledger.unknown)
NUMBER_CELL(not_sent, ledger.not_sent)
NUMBER_CELL(processed, ledger.processed)
NUMBER_CELL(dead, ledger.dead_letters)
NUMBER_CELL(lost, ledger.lost)
NUMBER_CELL(clash, ledger.lost_by_clash)
NUMBER_CELL(expiry, ledger.lost_by_expiry)
NUMBER_CELL(death, ledger.lost_by_death)
NUMBER_CELL(other, ledger.lost_by_other)
NUMBER_CELL(in_flight, ledger.in_flight)
NUMBER_CELL(redelivered, ledger.redelivered)
NUMBER_CELL(stored_twice, ledger.stored_twice)
NUMBER_CELL(reordered, ledger.reordered)
NUMBER_CELL(again_retry, ledger.redelivered_by_retry)
NUMBER_CELL(again_death, ledger.redelivered_by_death)
NUMBER_CELL(again_return, ledger.redelivered_by_return)
NUMBER_CELL(again_other, ledger.redelivered_by_other)
NUMBER_CELL(twice_retry, ledger.stored_twice_by_retry)
NUMBER_CELL(twice_death, ledger.stored_twice_by_death)
NUMBER_CELL(twice_other, ledger.stored_twice_by_other)
NUMBER_CELL(within, ledger.disordered_within)
NUMBER_CELL(after, ledger.disordered_after)
NUMBER_CELL(processed_so, ledger.processed_out_of_order)
NUMBER_CELL(passed_over, ledger.passed_over_first)
NUMBER_CELL(stale, ledger.stale)
NUMBER_CELL(phantom, ledger.phantom)
NUMBER_CELL(strangers, ledger.strangers)
NUMBER_CELL(mails_expected, mails.expected)
NUMBER_CELL(mails_arrived, mails.arrived)
NUMBER_CELL(mails_lost, mails.lost)
NUMBER_CELL(mails_in_flight, mails.in_flight)
NUMBER_CELL(mails_doubled, mails.doubled)
NUMBER_CELL(mails_unexpected, mails.unexpected)
NUMBER_CELL(mails_unknown, mails.unknown)
NUMBER_CELL(mails_altered, mails.altered)
NUMBER_CELL(doubtful, mails.doubtful_chains)
NUMBER_CELL(touched, mails.touched_chains)

static void put_latency(int64_t count, int64_t one_us, int64_t other_us, char text[CELL_SIZE])
{
    if (count == 0)
        snprintf(text, CELL_SIZE, "-");
    else
        snprintf(text, CELL_SIZE, "%.1f / %.1f ms", (double)one_us / 1000.0, (double)other_us / 1000.0);
}

/* The usual and the rare, and behind them the rarest. */
#define LATENCY_CELLS(name, member)                                                                \
    static void name##_cell(column *transport, char text[CELL_SIZE])                               \
    {                                                                                              \
        const struct ese_latency *latency = &transport->judgement.member;                          \
        put_latency(latency->count, latency->p50_us, latency->p99_us, text);                       \
    }                                                                                              \
    static void name##_worst_cell(column *transport, char text[CELL_SIZE])                         \
    {                                                                                              \
        const struct ese_latency *latency = &transport->judgement.member;                          \
        put_latency(latency->count, latency->p999_us, latency->max_us, text);                      \
    }
LATENCY_CELLS(acknowledge, acknowledge)
LATENCY_CELLS(end_to_end, end_to_end)
LATENCY_CELLS(mail, mail)

static void lateness_cell(column *transport, char text[CELL_SIZE])
{
    const struct ese_latency *late = &transport->judgement.lateness;
    put_latency(late->count, late->p50_us, late->p99_us, text);
}

static void highest_cell(column *transport, char text[CELL_SIZE])
{
    put_number(transport->judgement.lag.highest, text);
}

static void load_end_cell(column *transport, char text[CELL_SIZE])
{
    put_number(transport->judgement.lag.at_load_end, text);
}

static void throughput_cell(column *transport, char text[CELL_SIZE])
{
    snprintf(text, CELL_SIZE, "%.0f /s", transport->judgement.processed_per_s);
}

/* Of the parties of which it is known. */
#define SUM_CELL(name, member)                                                                     \
    static void name##_cell(column *transport, char text[CELL_SIZE])                               \
    {                                                                                              \
        int64_t sum = 0;                                                                           \
        for (int i = 0; i < transport->cost.party_count; i++)                                      \
            sum += transport->cost.parties[i].member > 0 ? transport->cost.parties[i].member : 0;  \
        put_number(sum, text);                                                                     \
    }
SUM_CELL(switches, switches + transport->cost.parties[i].preemptions)
SUM_CELL(syncs, syncs)
SUM_CELL(requests, requests)

static void durability_cell(column *transport, char text[CELL_SIZE])
{
    snprintf(text, CELL_SIZE, "%s%s", ese_durability_name(transport->durability),
             transport->mock ? " (mock broker)" : "");
}

static const struct ese_promises *promises_of(column *transport)
{
    static const struct ese_promises none;
    const struct ese_promises *promises = ese_results_promises(transport);
    return promises != NULL ? promises : &none;
}

static void delivery_cell(column *transport, char text[CELL_SIZE])
{
    bool least = promises_of(transport)->delivery == ESE_DELIVERY_AT_LEAST_ONCE;
    snprintf(text, CELL_SIZE, "%s", least ? "at least once" : "may lose");
}

static void order_cell(column *transport, char text[CELL_SIZE])
{
    snprintf(text, CELL_SIZE, "%s", promises_of(transport)->ordered_per_key ? "kept" : "not kept");
}

static void retry_cell(column *transport, char text[CELL_SIZE])
{
    snprintf(text, CELL_SIZE, "%s", promises_of(transport)->retry_stored_once ? "stored once" : "may be stored again");
}

static void replay_cell(column *transport, char text[CELL_SIZE])
{
    snprintf(text, CELL_SIZE, "%s", promises_of(transport)->replayable ? "from the beginning" : "not");
}

static void sharing_cell(column *transport, char text[CELL_SIZE])
{
    if (transport->members > 1)
        snprintf(text, CELL_SIZE, "by a group of %d", transport->members);
    else
        snprintf(text, CELL_SIZE, "%s", promises_of(transport)->shares_work ? "by a group" : "one reader");
}

static void verdict_cell(column *transport, char text[CELL_SIZE])
{
    static const char *const words[] = {"balances", "DOES NOT BALANCE", "cannot tell"};
    snprintf(text, CELL_SIZE, "%s", words[transport->judgement.ledger_verdict.word]);
}

static void timing_cell(column *transport, char text[CELL_SIZE])
{
    snprintf(text, CELL_SIZE, "%s", ese_verdict_text(transport->judgement.timing_verdict.word));
}

/* ---- rows ---- */

/* Causes are told where any store tells them. */
static bool any_cause(const struct ese_results *results)
{
    for (int i = 0; i < results->count; i++) {
        if (promises_of(&results->transports[i])->tells_losses)
            return true;
    }
    return false;
}

/* Rows of what is there only where a transport loses or keeps no order, or something is wrong. */
#define ANY(name, member)                                                                          \
    static bool any_##name(const struct ese_results *results)                                      \
    {                                                                                              \
        for (int i = 0; i < results->count; i++) {                                                 \
            if (results->transports[i].judgement.member > 0)                                       \
                return true;                                                                       \
        }                                                                                          \
        return false;                                                                              \
    }
ANY(again_retry, ledger.redelivered_by_retry)
ANY(again_death, ledger.redelivered_by_death)
ANY(again_return, ledger.redelivered_by_return)
ANY(again_other, ledger.redelivered_by_other)
ANY(twice_retry, ledger.stored_twice_by_retry)
ANY(twice_death, ledger.stored_twice_by_death)
ANY(twice_other, ledger.stored_twice_by_other)
ANY(within, ledger.disordered_within)
ANY(after, ledger.disordered_after)
ANY(processed_so, ledger.processed_out_of_order)
ANY(passed_over, ledger.passed_over_first)
ANY(stale, ledger.stale)
ANY(strangers, ledger.strangers)
ANY(mails_in_flight, mails.in_flight)
ANY(altered, mails.altered)
ANY(doubtful, mails.doubtful_chains)
ANY(touched, mails.touched_chains)

static bool any_dead(const struct ese_results *results)
{
    for (int i = 0; i < results->count; i++) {
        if (results->transports[i].judgement.ledger.dead_letters > 0)
            return true;
    }
    return false;
}

/* Of a run of earlier days nobody knows what each party cost. */
static bool any_party(const struct ese_results *results)
{
    for (int i = 0; i < results->count; i++) {
        if (results->transports[i].cost.party_count != 0)
            return true;
    }
    return false;
}

static const struct row rows[] = {
    {"PROMISED", NULL, NULL, false},
    {"durability", durability_cell, NULL, false},
    {"delivery", delivery_cell, NULL, false},
    {"order per key", order_cell, NULL, false},
    {"a retry", retry_cell, NULL, false},
    {"replay", replay_cell, NULL, false},
    {"work shared", sharing_cell, NULL, false},
    {"LEDGER", NULL, NULL, true},
    {"offered", offered_cell, NULL, true},
    {"  refused", refused_cell, NULL, true},
    {"  outcome unknown", unknown_cell, NULL, true},
    {"  not sent", not_sent_cell, NULL, true},
    {"  acknowledged", acknowledged_cell, NULL, true},
    {"    processed", processed_cell, NULL, true},
    {"      as dead letters", dead_cell, any_dead, true},
    {"    lost", lost_cell, NULL, true},
    {"      by key clash", clash_cell, any_cause, true},
    {"      by expiry", expiry_cell, any_cause, true},
    {"      by the store's death", death_cell, any_cause, true},
    {"      by no cause that is noted", other_cell, any_cause, true},
    {"    still in flight", in_flight_cell, NULL, true},
    {"handed again (recognised)", redelivered_cell, NULL, false},
    {"  stored again by a retry", again_retry_cell, any_again_retry, false},
    {"  by one after a server's death", again_death_cell, any_again_death, false},
    {"  its partition was given anew", again_return_cell, any_again_return, false},
    {"  for no cause that is noted", again_other_cell, any_again_other, false},
    {"stored twice", stored_twice_cell, NULL, true},
    {"  by a retry", twice_retry_cell, any_twice_retry, false},
    {"  by one after a server's death", twice_death_cell, any_twice_death, false},
    {"  for no cause that is noted", twice_other_cell, any_twice_other, false},
    {"reordered within a key", reordered_cell, NULL, true},
    {"handed out of order, one reader", within_cell, any_within, false},
    {"handed so after a rebalance", after_cell, any_after, false},
    {"  and processed so", processed_so_cell, any_processed_so, false},
    {"passed over, and handed later", passed_over_cell, any_passed_over, false},
    {"processed too late (stale)", stale_cell, any_stale, false},
    {"stored though refused (phantom)", phantom_cell, NULL, false},
    {"strangers' events, beside these", strangers_cell, any_strangers, true},
    {"MAILS", NULL, NULL, true},
    {"expected", mails_expected_cell, NULL, true},
    {"arrived", mails_arrived_cell, NULL, true},
    {"  lost", mails_lost_cell, NULL, true},
    {"  under way when the drain ended", mails_in_flight_cell, any_mails_in_flight, true},
    {"  doubled", mails_doubled_cell, NULL, true},
    {"  unexpected", mails_unexpected_cell, NULL, false},
    {"  unknown", mails_unknown_cell, NULL, false},
    {"  altered (of other events)", mails_altered_cell, any_altered, false},
    {"chains a loss has touched", touched_cell, any_touched, false},
    {"chains in doubt", doubtful_cell, any_doubtful, false},
    {"TIME, from when an event was due", NULL, NULL, true},
    {"sent (the load itself), p50 / p99", lateness_cell, NULL, false},
    {"acknowledged, p50 / p99", acknowledge_cell, NULL, true},
    {"processed, p50 / p99", end_to_end_cell, NULL, true},
    {"mail delivered, p50 / p99", mail_cell, NULL, true},
    {"acknowledged, p99.9 / most", acknowledge_worst_cell, NULL, false},
    {"processed, p99.9 / most", end_to_end_worst_cell, NULL, false},
    {"mail delivered, p99.9 / most", mail_worst_cell, NULL, false},
    {"processed", throughput_cell, NULL, false},
    {"WAITING, acknowledged and not processed", NULL, NULL, false},
    {"most", highest_cell, NULL, false},
    {"when the load ended", load_end_cell, NULL, false},
    {"FURTHER READERS", NULL, ese_reader_cells_any, false},
    {"how many", ese_reader_cell_count, ese_reader_cells_any, false},
    {"acknowledged and not seen, at most", ese_reader_cell_missed, ese_reader_cells_any, false},
    {"handed again, all together", ese_reader_cell_again, ese_reader_cells_any, false},
    {"had seen all, since it began", ese_reader_cell_caught_up, ese_reader_cells_any, false},
    {"DESTINATIONS, each of which wants all", NULL, ese_crowd_cells_any, false},
    {"how many / of these flaky", ese_crowd_cell_count, ese_crowd_cells_any, false},
    {"acknowledged and not delivered", ese_crowd_cell_missed, ese_crowd_cells_any, false},
    {"handed again, all together", ese_crowd_cell_again, ese_crowd_cells_any, false},
    {"delivered out of order", ese_crowd_cell_order, ese_crowd_cells_any, false},
    {"delivered to the healthy, p50 / p99", ese_crowd_cell_healthy, ese_crowd_cells_any, false},
    {"behind when the load ended, of the healthy", ese_crowd_cell_healthy_behind, ese_crowd_cells_any, false},
    {"behind when the load ended, who hangs", ese_crowd_cell_hung_behind, ese_crowd_cells_any, false},
    {"FAULT", NULL, ese_fault_cells_any, false},
    {"server away for", ese_fault_cell_server, ese_fault_cells_server, false},
    {"acknowledged again, since death", ese_fault_cell_acknowledges, ese_fault_cells_server, false},
    {"consumer away for", ese_fault_cell_consumer, ese_fault_cells_consumer, false},
    {"waiting when it came back", ese_fault_cell_backlog, ese_fault_cells_restart, false},
    {"it read again after", ese_fault_cell_reads, ese_fault_cells_restart, false},
    {"backlog gone, since the return", ese_fault_cell_gone, ese_fault_cells_events, false},
    {"less than a second's worth after", ese_fault_cell_caught_up, ese_fault_cells_consumer, false},
    {"mailer away for", ese_fault_cell_mailer, ese_fault_cells_mailer, false},
    {"COST", NULL, ese_cost_cells_any, false},
    {"processes", ese_cost_cell_processes, ese_cost_cells_any, false},
    {"processor time", ese_cost_cell_cpu, ese_cost_cells_any, false},
    {"memory, highest", ese_cost_cell_memory, ese_cost_cells_any, false},
    {"bytes on the wire", ese_cost_cell_wire, ese_cost_cells_any, false},
    {"disk, at the end", ese_cost_cell_disk, ese_cost_cells_any, false},
    {"disk, written", ese_cost_cell_written, ese_cost_cells_any, false},
    {"context switches", switches_cell, any_party, false},
    {"syncs, the broker's own not", syncs_cell, any_party, false},
    {"requests answered", requests_cell, any_party, false},
    {"FOR 1,000 EVENTS PROCESSED", NULL, ese_cost_cells_any, false},
    {"processor time", ese_cost_cell_cpu_each, ese_cost_cells_any, false},
    {"bytes on the wire", ese_cost_cell_wire_each, ese_cost_cells_any, false},
    {"disk, written", ese_cost_cell_written_each, ese_cost_cells_any, false},
    {"VERDICT", NULL, NULL, true},
    {"ledger", verdict_cell, NULL, true},
    {"timing", timing_cell, NULL, false},
};

static void add_endings(column *transport, struct ese_buffer *text)
{
    for (int i = 0; i < transport->endings.count; i++) {
        const struct ese_ending *ending = &transport->endings.list[i];
        ese_buffer_printf(text, "  %s: %.1f s into the run ", transport->name,
                          (double)(ending->ended_ns - transport->schedule_ns) / 1e9);
        ese_ending_write(ending, text);
        ese_buffer_text(text, "\n");
    }
}

/* Where more were asked for than there could be. */
static void add_alone(const struct ese_results *results, column *transport, struct ese_buffer *text)
{
    if (results->consumers > 1 && transport->members == 1)
        ese_buffer_printf(text, "  %s: one reader, though %d were asked for: a second would read everything again, "
                                "or they must share by hand\n", transport->name, results->consumers);
}

/* Of each role that a step was meant for and that was not there to be struck; of a broker only where it is all
 * that is missing. */
static void add_passed_over(column *transport, struct ese_buffer *text)
{
    bool has_no_server = ese_deeds_passed_over(&transport->deeds, ESE_ROLE_BIT(ESE_ROLE_SERVER));
    for (enum ese_role role = 0; role < ESE_ROLES; role++) {
        if (!ese_deeds_passed_over(&transport->deeds, ESE_ROLE_BIT(role)) ||
            (role == ESE_ROLE_BROKER && has_no_server))
            continue;
        if (role == ESE_ROLE_CONSUMER) {
            ese_buffer_printf(text, "  %s: it has no group, so what befalls one of several members passed it over\n",
                              transport->name);
            continue;
        }
        ese_buffer_printf(text, "  %s: it has no %s of its own, so the fault passed it over\n",
                          transport->name, ese_role_name(role));
    }
}

static void add_reasons(const struct ese_results *results, struct ese_buffer *text)
{
    for (int i = 0; i < results->count; i++) {
        column *transport = &results->transports[i];
        const struct ese_judgement *judgement = &transport->judgement;
        if (judgement->ledger_verdict.reason[0] != '\0')
            ese_buffer_printf(text, "  %s, ledger: %s\n", transport->name, judgement->ledger_verdict.reason);
        if (judgement->timing_verdict.reason[0] != '\0')
            ese_buffer_printf(text, "  %s, timing: %s\n", transport->name, judgement->timing_verdict.reason);
        add_endings(transport, text);
        add_alone(results, transport, text);
        add_passed_over(transport, text);
        if (promises_of(transport)->tells_losses && promises_of(transport)->notes != NULL)
            ese_buffer_printf(text, "  %s: %s\n", transport->name, promises_of(transport)->notes);
        if (transport->broker[0] != '\0')
            ese_buffer_printf(text, "  %s: %s\n", transport->name, transport->broker);
    }
}

/* Books nobody goes on with. */
static void add_unwatched(const struct ese_results *results, struct ese_buffer *text)
{
    for (int i = 0; i < results->unwatched_count; i++)
        ese_buffer_printf(text, "  %s: no longer watched, so it is not judged\n", results->unwatched[i]);
}

static void add_names(const struct ese_results *results, const char *label, struct ese_buffer *text)
{
    ese_buffer_printf(text, "\n  %-*s", LABEL_WIDTH, label);
    for (int i = 0; i < results->count; i++)
        ese_buffer_printf(text, "%*.*s", COLUMN_WIDTH, COLUMN_WIDTH - 2, results->transports[i].name);
    ese_buffer_text(text, "\n");
}

static void add_row(const struct ese_results *results, const struct row *row, struct ese_buffer *text)
{
    ese_buffer_printf(text, "    %-*s", LABEL_WIDTH - 2, row->label);
    for (int i = 0; i < results->count; i++) {
        char cell[CELL_SIZE];
        row->cell(&results->transports[i], cell);
        ese_buffer_printf(text, "%*s", COLUMN_WIDTH, cell);
    }
    ese_buffer_text(text, "\n");
}

void ese_report_table(const struct ese_results *results, struct ese_buffer *text)
{
    add_names(results, "", text);
    for (size_t r = 0; r < ESE_COUNT_OF(rows); r++) {
        if (rows[r].shown != NULL && !rows[r].shown(results))
            continue;
        if (rows[r].cell == NULL)
            ese_buffer_printf(text, "\n  %s\n", rows[r].label);
        else
            add_row(results, &rows[r], text);
    }
    ese_report_lag(results, text);
    ese_buffer_text(text, "\n");
    add_reasons(results, text);
    add_unwatched(results, text);
}

void ese_report_brief(const struct ese_results *results, struct ese_buffer *text)
{
    char now[32];
    time_t seconds = (time_t)(ese_clock_wall_ms() / 1000);
    struct tm parts;
    strftime(now, sizeof now, "%Y-%m-%d %H:%M:%S UTC", gmtime_r(&seconds, &parts));
    add_names(results, now, text);
    for (size_t r = 0; r < ESE_COUNT_OF(rows); r++) {
        if (!rows[r].is_brief || (rows[r].shown != NULL && !rows[r].shown(results)))
            continue;
        if (rows[r].cell == NULL)
            ese_buffer_printf(text, "  %s\n", rows[r].label);
        else
            add_row(results, &rows[r], text);
    }
    add_reasons(results, text);
}

int ese_report_exit_status(const struct ese_results *results, bool strict)
{
    static const int statuses[] = {0, 1, 2};
    int worst = 0;
    for (int i = 0; i < results->count; i++) {
        const struct ese_judgement *judgement = &results->transports[i].judgement;
        int words[] = {statuses[judgement->ledger_verdict.word],
                       strict ? statuses[judgement->timing_verdict.word] : 0};
        for (size_t w = 0; w < ESE_COUNT_OF(words); w++) {
            if (words[w] == 1 || (words[w] == 2 && worst == 0))
                worst = words[w];
        }
    }
    return worst;
}
