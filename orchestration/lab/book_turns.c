#include "orchestration/lab/book_turns.h"

#include "ese-core/memory.h"
#include "orchestration/lab/artifacts.h"

static bool was_handed_before(const struct ese_book *book, int32_t partition)
{
    for (size_t i = 0; i < book->turn_count; i++) {
        const struct ese_book_turn *turn = &book->turns[i];
        if (turn->partition == partition && (turn->highest >= 0 || turn->is_anew))
            return true;
    }
    return false;
}

static void begin(struct ese_book *book, struct ese_book_turn *turn)
{
    turn->is_anew = was_handed_before(book, turn->partition);
    turn->number = ++book->turns_begun;
    turn->highest = -1;
}

/* The present one of whoever writes that page. Valid until the next call. */
static struct ese_book_turn *turn_of(const struct ese_book_page *page)
{
    struct ese_book *book = page->book;
    for (size_t i = 0; i < book->turn_count; i++) {
        if (book->turns[i].partition == page->record->partition && strcmp(book->turns[i].reader, page->name) == 0)
            return &book->turns[i];
    }
    book->turns = ese_realloc_array(book->turns, book->turn_count + 1, sizeof *book->turns);
    struct ese_book_turn *turn = &book->turns[book->turn_count++];
    *turn = (struct ese_book_turn){.partition = page->record->partition, .highest = -1};
    ese_fit_text(turn->reader, sizeof turn->reader, page->name);
    begin(book, turn);
    return turn;
}

/* Without places its reader numbers what it is handed: that tells nothing of where it lies. */
static bool is_elsewhere(const struct ese_book_page *page, const struct ese_book_entry *entry)
{
    return !page->book->has_no_places && (entry->handed_partition != page->record->partition ||
                                          entry->handed_offset != page->record->a);
}

/* Whether the later of two turns is one that began when something of the partition had been handed. Two readers that
 * were given it before that have it at once, whyever: neither was given it anew. */
static bool is_given_anew(const struct ese_book *book, const struct ese_book_turn *turn, uint32_t last)
{
    if (turn->number >= last)
        return turn->number > last && turn->is_anew;
    for (size_t i = 0; i < book->turn_count; i++) {
        if (book->turns[i].number == last)
            return book->turns[i].is_anew;
    }
    return true; /* its reader has had another since */
}

/* Further copies of it are handed in the turn in which the first of them was; in others they are handed again. */
static void note_elsewhere(const struct ese_book *book, struct ese_book_entry *entry, const struct ese_book_turn *turn)
{
    if (entry->handed_elsewhere == 0)
        entry->elsewhere_turn = turn->number;
    if (turn->number == entry->elsewhere_turn)
        entry->handed_elsewhere++;
    else
        entry->handed_anew += is_given_anew(book, turn, entry->elsewhere_turn);
}

void ese_book_turns_hand(const struct ese_book_page *page, struct ese_book_entry *entry)
{
    struct ese_book *book = page->book;
    if (book->is_running)
        return;
    const struct ese_book_turn *turn = turn_of(page);
    uint32_t number = book->handings + 1;
    bool is_first = entry->handings == 1;
    if (is_first) {
        entry->handed_number = entry->had_number = number;
        entry->handed_turn = turn->number;
        entry->was_passed_over = !book->has_no_places && page->record->a < turn->highest;
    } else if (is_elsewhere(page, entry)) {
        note_elsewhere(book, entry, turn);
    } else {
        entry->handed_anew += is_given_anew(book, turn, entry->last_turn);
    }
    if (entry->committed_ns == 0 && !ese_book_is_given_to_another(book, page->record->partition, page->name))
        entry->had_number = number;
    entry->last_turn = turn->number;
}

void ese_book_turns_note(const struct ese_book_page *page)
{
    const struct ese_history_record *record = page->record;
    if (page->book->is_running || strcmp(page->name, ESE_ARTIFACT_STORE_HISTORY) == 0)
        return;
    if (record->kind == ESE_HISTORY_GIVEN)
        begin(page->book, turn_of(page));
    if (record->kind != ESE_HISTORY_HANDED)
        return;
    struct ese_book_turn *turn = turn_of(page);
    turn->highest = record->a > turn->highest ? record->a : turn->highest;
    page->book->handings++;
}
