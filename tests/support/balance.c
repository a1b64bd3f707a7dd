#include "tests/support/balance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

void balance_check(const struct ese_judgement *judgement)
{
    const struct ese_ledger *ledger = &judgement->ledger;
    const struct ese_mail_ledger *mails = &judgement->mails;
    assert_int_equal(ledger->offered,
                     ledger->not_sent + ledger->refused + ledger->unknown + ledger->acknowledged);
    assert_int_equal(ledger->acknowledged, ledger->processed + ledger->lost + ledger->in_flight);
    assert_int_equal(ledger->lost, ledger->lost_by_clash + ledger->lost_by_expiry +
                                       ledger->lost_by_death + ledger->lost_by_other);
    assert_int_equal(ledger->unknown, ledger->unknown_stored + ledger->unknown_absent);
    assert_int_equal(ledger->redelivered, ledger->redelivered_by_retry + ledger->redelivered_by_death +
                                              ledger->redelivered_by_return + ledger->redelivered_by_other);
    assert_int_equal(ledger->stored_twice, ledger->stored_twice_by_retry + ledger->stored_twice_by_death +
                                               ledger->stored_twice_by_other);
    assert_int_equal(ledger->handed_out_of_order, ledger->disordered_within + ledger->disordered_after);
    assert_true(ledger->processed_out_of_order <= ledger->disordered_after);
    assert_int_equal(mails->expected,
                     mails->matched + mails->altered + mails->lost + mails->in_flight + mails->unknown);
    assert_int_equal(mails->arrived,
                     mails->matched + mails->altered + mails->doubled + mails->unexpected);
}
