#include "orchestration/lab/torture_verdict.h"

#include <inttypes.h>
#include <stdarg.h>

#include "ese-core/clock.h"
#include "orchestration/lab/torture_schedule.h"

/* How bad a word is: what is certain comes before what cannot be told. */
static int badness(enum ese_verdict_word word)
{
    static const int of[] = {
        [ESE_VERDICT_PASS] = 0, [ESE_VERDICT_CANNOT_TELL] = 1, [ESE_VERDICT_FAIL] = 2};
    return of[word];
}

/* The worst decides; of the same badness, the first. */
static void say(struct ese_verdict *verdict, enum ese_verdict_word word, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void say(struct ese_verdict *verdict, enum ese_verdict_word word, const char *format, ...)
{
    if (badness(word) <= badness(verdict->word))
        return;
    verdict->word = word;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(verdict->reason, sizeof verdict->reason, format, arguments);
    va_end(arguments);
}

void ese_torture_judge_one(const struct ese_results_transport *transport, struct ese_verdict *verdict)
{
    int64_t waiting = transport->judgement.recovery.waiting_at_kill;
    *verdict = transport->judgement.ledger_verdict;
    if (!transport->drained)
        say(verdict, ESE_VERDICT_CANNOT_TELL,
            "all was not read and mailed %.1f s after the round's beginning, when the waiting ended",
            (double)(transport->waited_until_ns - transport->schedule_ns) / ESE_NS_PER_S);
    if (waiting < ESE_TORTURE_WAITING)
        say(verdict, ESE_VERDICT_CANNOT_TELL,
            "at no kill more than %" PRId64 " events were in flight or unread, where %d have to be", waiting,
            ESE_TORTURE_WAITING);
}

void ese_torture_judge(const struct ese_results *results, struct ese_verdict *verdict)
{
    *verdict = (struct ese_verdict){.word = ESE_VERDICT_PASS};
    if (results->count == 0)
        say(verdict, ESE_VERDICT_CANNOT_TELL, "nothing was judged");
    for (int i = 0; i < results->count; i++) {
        struct ese_verdict one;
        ese_torture_judge_one(&results->transports[i], &one);
        say(verdict, one.word, "%.60s: %.170s", results->transports[i].name, one.reason);
    }
}
