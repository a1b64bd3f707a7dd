/* The members of both ledgers by name. */
#include "orchestration/lab/judgement.h"

#define EVENTS(member, does_add_up) {#member, offsetof(struct ese_ledger, member), does_add_up}
#define EVENTS_AS(name, member) {name, offsetof(struct ese_ledger, member), true}
#define MAILS(member) {#member, offsetof(struct ese_mail_ledger, member), true}

const struct ese_ledger_member ese_ledger_members[] = {
    EVENTS(offered, true),
    EVENTS(acknowledged, true),
    EVENTS(refused, true),
    EVENTS(unknown, true),
    EVENTS(unknown_stored, true),
    EVENTS(unknown_absent, true),
    EVENTS(not_sent, true),
    EVENTS(processed, true),
    EVENTS(dead_letters, true),
    EVENTS(lost, true),
    EVENTS(lost_by_clash, true),
    EVENTS(lost_by_expiry, true),
    EVENTS(lost_by_death, true),
    EVENTS(lost_by_other, true),
    EVENTS(in_flight, true),
    EVENTS(redelivered, true),
    EVENTS(redelivered_by_retry, true),
    EVENTS(redelivered_by_death, true),
    EVENTS(redelivered_by_return, true),
    EVENTS(redelivered_by_other, true),
    EVENTS(stored_twice, true),
    EVENTS(stored_twice_by_retry, true),
    EVENTS(stored_twice_by_death, true),
    EVENTS(stored_twice_by_other, true),
    EVENTS(reordered, true),
    EVENTS(handed_out_of_order, true),
    EVENTS_AS("handed_out_of_order_by_within_ownership", disordered_within),
    EVENTS_AS("handed_out_of_order_by_after_rebalance", disordered_after),
    EVENTS(processed_out_of_order, true),
    EVENTS(passed_over_first, true),
    EVENTS(stale, true),
    EVENTS(phantom, true),
    EVENTS(strangers, true),
    EVENTS(late, false),
    EVENTS(beyond_window, false),
    EVENTS(skipped_by_retention, false),
    {.name = NULL},
};

const struct ese_ledger_member ese_mail_ledger_members[] = {
    MAILS(expected),   MAILS(arrived), MAILS(matched),         MAILS(altered),
    MAILS(lost),       MAILS(in_flight), MAILS(doubled),       MAILS(unexpected),
    MAILS(unknown),    MAILS(unknown_arrived),                 MAILS(doubtful_chains),
    MAILS(touched_chains),
    {.name = NULL},
};

int64_t *ese_ledger_at(void *ledger, const struct ese_ledger_member *member)
{
    return (int64_t *)(void *)((char *)ledger + member->offset);
}

int64_t ese_ledger_get(const void *ledger, const struct ese_ledger_member *member)
{
    return *(const int64_t *)(const void *)((const char *)ledger + member->offset);
}
