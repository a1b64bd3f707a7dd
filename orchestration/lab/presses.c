#include "orchestration/lab/presses.h"

#include "ese-core/memory.h"

static bool is_press(const struct ese_book_entry *event)
{
    return event->kind == ESE_BOOK_KEY_PRESS;
}

static void keep_last(struct ese_presses *presses, const struct ese_book_entry *press)
{
    if (presses->count == ESE_PRESSES)
        memmove(presses->list, presses->list + 1, (ESE_PRESSES - 1) * sizeof *presses->list);
    else
        presses->count++;
    presses->list[presses->count - 1] = press;
}

/* The last three of its chain up to its last event. */
struct ese_presses ese_presses_behind(const struct ese_evidence *evidence, uint32_t number)
{
    const struct ese_book *book = &evidence->book;
    const struct ese_oracle_mail *mail = &evidence->oracle.mails[number];
    struct ese_presses presses = {.count = 0};
    for (uint32_t i = 0; i < book->offered; i++) {
        uint32_t event = book->by_key[i];
        if (evidence->oracle.chain_of[event] != mail->chain)
            continue;
        keep_last(&presses, &book->entries[event]);
        if (event == mail->last_event)
            break;
    }
    return presses;
}

int ese_presses_of_chain(const struct ese_evidence *evidence, uint32_t chain)
{
    int count = 0;
    for (uint32_t i = 0; i < evidence->book.count; i++)
        count += evidence->oracle.chain_of[i] == chain && is_press(&evidence->book.entries[i]);
    return count;
}

const char *ese_presses_name(const struct ese_presses *presses)
{
    return is_press(presses->list[0]) ? "key presses" : "order";
}

void ese_presses_times(const struct ese_storyteller *teller, const struct ese_presses *presses,
                       struct ese_buffer *text)
{
    for (int i = 0; i < presses->count; i++) {
        ese_story_time(teller, presses->list[i]->due_ns, text);
        ese_buffer_text(text, i + 2 < presses->count ? ", " : i + 2 == presses->count ? " and " : "");
    }
}

/* Its place; -1: none is. */
static int first_amiss(const struct ese_presses *presses)
{
    for (int i = 0; i < presses->count; i++) {
        if (!presses->list[i]->is_processed)
            return i;
    }
    for (int i = 0; i < presses->count; i++) {
        if (presses->list[i]->is_reordered)
            return i;
    }
    return -1;
}

/* Several may have been due within a millisecond, so a press is told by its place, too. */
static const char *name_of(const struct ese_presses *presses, int place)
{
    static const char *const names[ESE_PRESSES] = {"first press, ", "second press, ", "third press, "};
    return is_press(presses->list[place]) ? names[place] : "order ";
}

bool ese_presses_blame(const struct ese_storyteller *teller, const struct ese_presses *presses,
                       struct ese_buffer *text)
{
    int amiss = first_amiss(presses);
    if (amiss == -1)
        return false;
    ese_buffer_printf(text, "The %sdue at ", name_of(presses, amiss));
    ese_story_time(teller, presses->list[amiss]->due_ns, text);
    ese_buffer_text(text, ": ");
    ese_story_fate(teller, presses->list[amiss], text);
    return true;
}
