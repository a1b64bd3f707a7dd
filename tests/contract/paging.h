/*
 * paging.h - GET /events of a server that has it, by pages and as a list: cases of the contract
 * suite. Each is given the server's address (HOST:PORT), and skips the test where there are no
 * pages.
 */
#ifndef ESE_CONTRACT_PAGING_H
#define ESE_CONTRACT_PAGING_H

#include "tests/contract/bench.h"

typedef void ese_paging_case(struct ese_bench *bench);

ese_paging_case ese_paging_shows_each_event_once;
ese_paging_case ese_paging_shows_what_was_answered_before;
ese_paging_case ese_paging_shows_the_same_again_or_more;
ese_paging_case ese_paging_shows_the_same_again_with_small_limits;
ese_paging_case ese_paging_goes_on_after_a_restart;
ese_paging_case ese_paging_holds_until_there_is_something;
ese_paging_case ese_paging_tells_what_is_wrong;
/* A page with this fault is found out; no server is asked. */
void ese_paging_finds_faults(void);

#endif
