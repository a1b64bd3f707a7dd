#include "orchestration/lab/torture_report.h"

#include <jansson.h>

#include "ese-core/memory.h"
#include "orchestration/lab/picture.h"
#include "orchestration/lab/torture_schedule.h"
#include "orchestration/lab/unknown_mails.h"

/* ---- totals ---------------------------------------------------------------------------------- */

void ese_torture_add(struct ese_torture_totals *totals, const struct ese_results *results,
                     const struct ese_verdict *verdict)
{
    totals->rounds[verdict->word]++;
    for (int i = 0; i < results->count; i++) {
        const struct ese_judgement *judgement = &results->transports[i].judgement;
        int64_t waiting = judgement->recovery.waiting_at_kill;
        totals->acknowledged += judgement->ledger.acknowledged;
        totals->dead_letters += judgement->ledger.dead_letters;
        totals->lost += judgement->ledger.lost;
        totals->mails += judgement->mails.arrived;
        totals->lost_mails += judgement->mails.lost;
        totals->doubled += judgement->mails.doubled;
        totals->altered += judgement->mails.altered;
        totals->unexpected += judgement->mails.unexpected;
        totals->unknown_mails += judgement->mails.unknown + judgement->mails.unknown_arrived;
        if (totals->waiting_least < 0 || waiting < totals->waiting_least)
            totals->waiting_least = waiting;
    }
}

int ese_torture_exit_status(const struct ese_torture_totals *totals)
{
    if (totals->rounds[ESE_VERDICT_FAIL] > 0)
        return 1;
    return totals->rounds[ESE_VERDICT_CANNOT_TELL] > 0 || totals->rounds[ESE_VERDICT_PASS] == 0 ? 2 : 0;
}

/* ---- for people ------------------------------------------------------------------------------ */

static void add_number(struct ese_buffer *text, int64_t number, const char *what)
{
    char digits[ESE_PICTURE_NUMBER_SIZE];
    ese_picture_number(number, digits);
    ese_buffer_printf(text, "%s%s", digits, what);
}

static int64_t unknown_most(const struct ese_results_transport *transport)
{
    return ese_unknown_mails_most(&transport->deeds, &transport->endings, ESE_TORTURE_SMTP_MS);
}

static void add_journey(const struct ese_results_transport *transport, struct ese_buffer *text)
{
    const struct ese_ledger *ledger = &transport->judgement.ledger;
    const struct ese_mail_ledger *mails = &transport->judgement.mails;
    ese_buffer_printf(text, " | %s: ", transport->name);
    add_number(text, ledger->offered, " offered, ");
    add_number(text, ledger->acknowledged, " acknowledged, ");
    if (ledger->dead_letters > 0)
        add_number(text, ledger->dead_letters, " dead letters, ");
    add_number(text, ledger->lost, " lost, ");
    add_number(text, ledger->unknown, " unknown, ");
    add_number(text, ledger->refused, " refused, ");
    add_number(text, ledger->not_sent, " not sent; ");
    add_number(text, mails->arrived, " mails, ");
    add_number(text, mails->lost, " lost, ");
    add_number(text, mails->doubled, " doubled, ");
    add_number(text, mails->altered, " altered, ");
    add_number(text, mails->unexpected, " unexpected, ");
    add_number(text, mails->unknown + mails->unknown_arrived, " unknown of at most ");
    add_number(text, unknown_most(transport), "; ");
    add_number(text, transport->judgement.recovery.waiting_at_kill, " waited at a kill");
}

void ese_torture_round_line(const struct ese_torture_round *round, const struct ese_results *results,
                            const struct ese_verdict *verdict, struct ese_buffer *text)
{
    ese_buffer_printf(text, "round %lld: %s", (long long)round->number, ese_verdict_text(verdict->word));
    if (verdict->reason[0] != '\0')
        ese_buffer_printf(text, " (%s)", verdict->reason);
    for (int i = 0; i < results->count; i++)
        add_journey(&results->transports[i], text);
    ese_buffer_text(text, "\n");
}

void ese_torture_acts(const struct ese_torture_round *round, struct ese_buffer *text)
{
    for (int i = 0; i < round->fault.count; i++) {
        const struct ese_fault_step *step = &round->steps[i];
        ese_buffer_printf(text, "    %6.3f s  %s %s\n", (double)step->after_ms / 1000.0,
                          ese_act_name(step->act), step->part->name);
    }
}

void ese_torture_totals_text(const struct ese_torture_totals *totals, struct ese_buffer *text)
{
    ese_buffer_text(text, "Of the rounds ");
    add_number(text, totals->rounds[ESE_VERDICT_PASS], " passed, ");
    add_number(text, totals->rounds[ESE_VERDICT_FAIL], " failed, ");
    add_number(text, totals->rounds[ESE_VERDICT_CANNOT_TELL], " cannot be told. ");
    add_number(text, totals->acknowledged, " events were acknowledged, ");
    if (totals->dead_letters > 0)
        add_number(text, totals->dead_letters, " of them are dead letters, ");
    add_number(text, totals->lost, " of them are lost; ");
    add_number(text, totals->mails, " mails came, ");
    add_number(text, totals->doubled, " a second time, ");
    add_number(text, totals->altered, " of other events and ");
    add_number(text, totals->unexpected, " unexpected; ");
    add_number(text, totals->lost_mails, " are lost and ");
    add_number(text, totals->unknown_mails, " unknown.");
    if (totals->waiting_least >= 0) {
        ese_buffer_text(text, " At one kill of each round at least ");
        add_number(text, totals->waiting_least, " events were in flight or unread.");
    }
    ese_buffer_text(text, "\n");
}

/* ---- for programs ---------------------------------------------------------------------------- */

static void add_json(json_t *object, struct ese_buffer *text)
{
    char *line = json_dumps(object, JSON_COMPACT);
    ese_buffer_printf(text, "%s\n", line);
    free(line);
    json_decref(object);
}

static json_t *acts_json(const struct ese_torture_round *round)
{
    json_t *acts = json_array();
    for (int i = 0; i < round->fault.count; i++) {
        const struct ese_fault_step *step = &round->steps[i];
        json_t *parties = json_array();
        for (enum ese_role role = 0; role < ESE_ROLES; role++) {
            if ((step->part->roles & ESE_ROLE_BIT(role)) != 0)
                json_array_append_new(parties, json_string(ese_role_name(role)));
        }
        json_array_append_new(acts, json_pack("{s:I, s:s, s:s, s:o}", "at_ms", (json_int_t)step->after_ms, "act",
                                              ese_act_name(step->act), "part", step->part->name, "parties",
                                              parties));
    }
    return acts;
}

struct member {
    const char *name;
    int64_t value;
};

static void add_members(json_t *object, const struct member *members, size_t count)
{
    for (size_t i = 0; i < count; i++)
        json_object_set_new(object, members[i].name, json_integer(members[i].value));
}

static json_t *journey_json(const struct ese_results_transport *transport)
{
    const struct ese_ledger *ledger = &transport->judgement.ledger;
    const struct ese_mail_ledger *mails = &transport->judgement.mails;
    const struct member members[] = {
        {"offered", ledger->offered},
        {"acknowledged", ledger->acknowledged},
        {"dead_letters", ledger->dead_letters},
        {"lost", ledger->lost},
        {"unknown", ledger->unknown},
        {"refused", ledger->refused},
        {"not_sent", ledger->not_sent},
        {"mails_arrived", mails->arrived},
        {"mails_lost", mails->lost},
        {"mails_doubled", mails->doubled},
        {"mails_altered", mails->altered},
        {"mails_unexpected", mails->unexpected},
        {"mails_unknown", mails->unknown + mails->unknown_arrived},
        {"mails_unknown_most", unknown_most(transport)},
        {"waiting_at_kill", transport->judgement.recovery.waiting_at_kill},
    };
    json_t *object = json_pack("{s:s}", "name", transport->name);
    add_members(object, members, ESE_COUNT_OF(members));
    return object;
}

void ese_torture_round_json(const struct ese_torture_round *round, const struct ese_results *results,
                            const struct ese_verdict *verdict, const char *kept_in, struct ese_buffer *text)
{
    json_t *transports = json_array();
    for (int i = 0; i < results->count; i++)
        json_array_append_new(transports, journey_json(&results->transports[i]));
    add_json(json_pack("{s:I, s:I, s:o, s:{s:s, s:s}, s:s?, s:o}", "round", (json_int_t)round->number,
                       "load_seed", (json_int_t)round->load_seed, "acts", acts_json(round), "verdict", "word",
                       ese_verdict_text(verdict->word), "reason", verdict->reason, "artifacts", kept_in,
                       "transports", transports),
             text);
}

void ese_torture_totals_json(const struct ese_torture_totals *totals, struct ese_buffer *text)
{
    const struct member members[] = {
        {"passed", totals->rounds[ESE_VERDICT_PASS]},
        {"failed", totals->rounds[ESE_VERDICT_FAIL]},
        {"cannot_tell", totals->rounds[ESE_VERDICT_CANNOT_TELL]},
        {"acknowledged", totals->acknowledged},
        {"dead_letters", totals->dead_letters},
        {"lost", totals->lost},
        {"mails_arrived", totals->mails},
        {"mails_lost", totals->lost_mails},
        {"mails_doubled", totals->doubled},
        {"mails_altered", totals->altered},
        {"mails_unexpected", totals->unexpected},
        {"mails_unknown", totals->unknown_mails},
        {"waiting_at_kill", totals->waiting_least},
    };
    json_t *object = json_object();
    add_members(object, members, ESE_COUNT_OF(members));
    add_json(object, text);
}
