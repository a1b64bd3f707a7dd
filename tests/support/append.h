/*
 * append.h - a request as the intake hands it to a store, made by a test.
 */
#ifndef ESE_TEST_APPEND_H
#define ESE_TEST_APPEND_H

#include <stdlib.h>

#include "ese-core/event_intake.h"
#include "ese-core/memory.h"

/* As the intake does before the store has it; again where events were changed since. */
static inline void ese_test_note_contents(struct ese_append *append)
{
    free(append->contents);
    append->contents = ese_alloc_array(append->list.count + 1, sizeof append->contents[0]);
    for (size_t i = 0; i < append->list.count; i++)
        append->contents[i] = ese_event_content_hash(&append->list.events[i]);
}

/* What is behind it; itself it is the test's. */
static inline void ese_test_append_clear(struct ese_append *append)
{
    ese_event_list_clear(&append->list);
    free(append->contents);
    append->contents = NULL;
}

#endif
