#include "orchestration/lab/explain_words.h"

#include <inttypes.h>

/* Behind a word: "in", "from". */
static void put_place(const struct ese_explain *asked, const char *where, int32_t partition, int64_t offset,
                      struct ese_buffer *text)
{
    char name[100];
    if (partition < 0) {
        ese_buffer_printf(text, "at offset %" PRId64 ", of which partition is not told", offset);
        return;
    }
    ese_buffer_printf(text, "%s ", where);
    snprintf(name, sizeof name, "partition %d", (int)partition);
    if (asked->partition_name != NULL)
        asked->partition_name(partition, name, sizeof name);
    ese_buffer_printf(text, "%s at offset %" PRId64, name, offset);
}

static void put_attempts(int64_t attempts, struct ese_buffer *text)
{
    if (attempts > 1)
        ese_buffer_printf(text, ", at attempt %" PRId64, attempts);
}

static void put_outcome(const struct ese_explain *asked, const struct ese_history_record *record,
                        struct ese_buffer *text)
{
    if (record->kind == ESE_HISTORY_NOT_SENT) {
        ese_buffer_text(text, asked->is_foreign ? "not sent" : "not sent: there was no room for it, or no time left");
        return;
    }
    ese_buffer_text(text, record->kind == ESE_HISTORY_ACKNOWLEDGED ? "acknowledged"
                          : record->kind == ESE_HISTORY_REFUSED   ? "refused"
                                                                  : "given up without an answer");
    if (record->kind == ESE_HISTORY_ACKNOWLEDGED && record->a >= 0) {
        ese_buffer_text(text, ", as stored ");
        put_place(asked, "in", record->partition, record->a, text);
    }
    put_attempts(record->b, text);
}

static void put_other(const struct ese_explain *asked, const struct ese_history_record *record, struct ese_buffer *text)
{
    struct ese_id other = ese_history_get_id(record);
    bool is_victim = ese_id_equal(&record->id, &asked->id);
    char id[ESE_ID_TEXT_SIZE];
    ese_id_text(is_victim ? &other : &record->id, id);
    ese_buffer_printf(text, is_victim ? "overwritten: event %s took its place" : "took the place of event %s", id);
}

static void put_mail(const struct ese_history_record *record, struct ese_buffer *text)
{
    char id[ESE_ID_TEXT_SIZE];
    ese_id_text(&record->id, id);
    switch (record->kind) {
    case ESE_HISTORY_DECIDED: ese_buffer_printf(text, "made decision %s of it", id); break;
    case ESE_HISTORY_MAIL_ASKED: ese_buffer_printf(text, "brought decision %s to the mailer", id); break;
    case ESE_HISTORY_MAIL_SENT: ese_buffer_printf(text, "sent the mail of decision %s", id); break;
    case ESE_HISTORY_MAIL_DEAD:
        ese_buffer_printf(text, "cannot send the mail of decision %s: %" PRId64, id, record->a);
        break;
    default: ese_buffer_printf(text, "the mail of decision %s arrived", id); break;
    }
}

/* "due: KEY_PRESS of 203.0.113.7-1"; what it was need not be told. */
static void put_offer(const struct ese_history_record *record, const struct ese_history_reader *reader,
                      struct ese_buffer *text)
{
    const char *what = ese_history_read_word(reader, (uint16_t)record->b);
    ese_buffer_printf(text, "%s: %s of %s", record->kind == ESE_HISTORY_OFFERED ? "due" : "found, and a stranger's",
                      what[0] != '\0' ? what : "an event", ese_history_read_key(reader));
}

void ese_explain_words(const struct ese_explain *asked, const struct ese_history_record *record,
                       const struct ese_history_reader *reader, struct ese_buffer *text)
{
    switch (record->kind) {
    case ESE_HISTORY_OFFERED:
    case ESE_HISTORY_FOUND: put_offer(record, reader, text); break;
    case ESE_HISTORY_SENT: ese_buffer_text(text, "sent"); break;
    case ESE_HISTORY_SENT_AGAIN: ese_buffer_text(text, "sent again, though it was acknowledged"); break;
    case ESE_HISTORY_HANDED:
        ese_buffer_text(text, record->aux == 1 ? "handed again, and known, " : "handed, ");
        put_place(asked, "from", record->partition, record->a, text);
        break;
    case ESE_HISTORY_STORED:
        ese_buffer_text(text, "found in the store, ");
        put_place(asked, "in", record->partition, record->a, text);
        break;
    case ESE_HISTORY_KEPT: ese_buffer_text(text, "kept"); break;
    case ESE_HISTORY_EXPIRED: ese_buffer_text(text, "expired"); break;
    case ESE_HISTORY_OVERWRITTEN: put_other(asked, record, text); break;
    case ESE_HISTORY_DEAD_LETTER:
        ese_buffer_printf(text, "passed over as a dead letter, after %" PRId64 " tries", record->b);
        break;
    case ESE_HISTORY_DECIDED:
    case ESE_HISTORY_MAIL_ASKED:
    case ESE_HISTORY_MAIL_SENT:
    case ESE_HISTORY_MAIL_DEAD:
    case ESE_HISTORY_MAIL_ARRIVED: put_mail(record, text); break;
    default: put_outcome(asked, record, text); break;
    }
}
