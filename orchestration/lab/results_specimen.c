/* A transport to which everything has happened once: what is no figure of its is none of any run's. */
#include <jansson.h>
#include <stdlib.h>

#include "ese-core/memory.h"
#include "orchestration/lab/results.h"

static void fill(struct ese_results_transport *transport)
{
    static const struct ese_promises promises = {.notes = NULL};
    struct ese_judgement *judgement = &transport->judgement;
    struct ese_latency *const latencies[] = {&judgement->acknowledge, &judgement->closed_loop, &judgement->end_to_end,
                                             &judgement->mail, &judgement->lateness};
    snprintf(transport->name, sizeof transport->name, "specimen");
    transport->promises = &promises;
    transport->durability = ESE_DURABILITY_OS;
    transport->endings.count = 1;
    transport->deeds.count = 1;
    transport->deeds.list[0] = (struct ese_deed){
        .roles = ESE_ROLE_BIT(ESE_ROLE_SERVER), .passed_over = ESE_ROLE_BIT(ESE_ROLE_BROKER),
        .members = ESE_MEMBER_BIT(1), .lines = ESE_LINE_BIT(ESE_LINE_CLIENT_SERVER), .how = "full"};
    transport->reader_count = 1;
    transport->crowd.all.count = 1;
    transport->crowd.all.latency.count = 1;
    for (int kind = 0; kind < ESE_CROWD_KINDS; kind++)
        transport->crowd.of[kind].latency.count = 1;
    transport->cost.party_count = 1;
    for (size_t i = 0; i < ESE_COUNT_OF(latencies); i++)
        latencies[i]->count = 1;
    judgement->ledger.offered = 1; /* what is told by the event is a number then */
    judgement->lag.count = judgement->rates.count = 1;
    judgement->stories.fault_count = judgement->stories.people_count = judgement->stories.unknown_count = 1;
    judgement->stories.faults[0].events = judgement->stories.unknown_mails[0].events = 1;
}

json_t *ese_results_specimen(void)
{
    struct ese_results *results = ese_alloc(sizeof *results);
    results->count = 1;
    fill(&results->transports[0]);
    char *text = ese_results_text(results);
    json_t *root = json_loads(text, 0, NULL);
    json_t *transport = json_incref(json_array_get(json_object_get(root, "transports"), 0));
    json_decref(root);
    free(text);
    free(results);
    return transport;
}
