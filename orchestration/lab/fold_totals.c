#include "orchestration/lab/fold_totals.h"

#include <assert.h>

#include "ese-core/memory.h"
#include "orchestration/lab/judgement.h"

#define TOTALS_MOST 64

/* A total, by its name, and where it stands: in the book or the figures. */
struct total {
    char name[48];
    int64_t *value;
};

struct totals {
    struct total list[TOTALS_MOST];
    int count;
};

/* ---- totals ---------------------------------------------------------------------------------- */

static void list_one(struct totals *totals, const char *prefix, const char *name,
                     int64_t *value)
{
    assert(totals->count < TOTALS_MOST);
    struct total *total = &totals->list[totals->count++];
    snprintf(total->name, sizeof total->name, "%s%s", prefix, name);
    total->value = value;
}

static void list_ledger(struct totals *totals, const char *prefix, void *ledger,
                        const struct ese_ledger_member *members)
{
    for (const struct ese_ledger_member *member = members; member->name != NULL; member++) {
        if (member->does_add_up)
            list_one(totals, prefix, member->name, ese_ledger_at(ledger, member));
    }
}

static void list(struct ese_book *book, struct ese_figures *figures, struct totals *totals)
{
    totals->count = 0;
    list_ledger(totals, "ledger.", &figures->ledger, ese_ledger_members);
    list_ledger(totals, "mails.", &figures->mails, ese_mail_ledger_members);
    list_one(totals, "faults.", "lost", &figures->faults.lost);
    list_one(totals, "faults.", "altered", &figures->faults.altered);
    list_one(totals, "faults.", "unexpected", &figures->faults.unexpected);
    list_one(totals, "", "behind_schedule", &figures->timing.behind_schedule);
    list_one(totals, "", "negative", &figures->timing.negative);
    list_one(totals, "", "skipped", &book->skipped);
    list_one(totals, "", "wall_offset_ns", &book->wall_offset_ns);
    list_one(totals, "", "lives", &book->lives);
    list_one(totals, "", "retention_ms", &book->retention_ms);
}

void ese_fold_totals_read(struct ese_book *book, struct ese_figures *figures, struct ese_statement *row)
{
    const char *name = ese_statement_column_text(row, 0);
    struct totals totals;
    if (strcmp(name, "missing") == 0)
        ese_fit_text(book->missing, sizeof book->missing, ese_statement_column_text(row, 1));
    list(book, figures, &totals);
    for (int i = 0; i < totals.count; i++) {
        if (strcmp(name, totals.list[i].name) == 0)
            *totals.list[i].value = ese_statement_column_number(row, 1);
    }
}

int ese_fold_totals_write(struct ese_sqlite *database, struct ese_book *book, struct ese_figures *figures,
                          struct ese_error *error)
{
    struct ese_statement *put = ese_statement_new(database, "INSERT INTO total VALUES (?1, ?2)");
    struct totals totals;
    list(book, figures, &totals);
    for (int i = 0; i < totals.count; i++) {
        ese_statement_text(put, 1, totals.list[i].name);
        ese_statement_number(put, 2, *totals.list[i].value);
        if (ese_statement_run(put, error) == -1)
            return -1;
    }
    if (book->missing[0] == '\0')
        return 0;
    ese_statement_text(put, 1, "missing");
    ese_statement_text(put, 2, book->missing);
    return ese_statement_run(put, error);
}

/* ---- latencies ------------------------------------------------------------------------------- */

static struct ese_histogram *histogram_of(const struct ese_figures *totals, const char *name)
{
    const struct ese_timing *timing = &totals->timing;
    if (strcmp(name, "acknowledge") == 0)
        return timing->acknowledge;
    if (strcmp(name, "lateness") == 0)
        return timing->lateness;
    return strcmp(name, "end_to_end") == 0 ? timing->end_to_end : timing->mail;
}

void ese_fold_latencies_read(struct ese_figures *figures, struct ese_statement *row)
{
    ese_histogram_record_many(histogram_of(figures, ese_statement_column_text(row, 0)),
                              ese_statement_column_number(row, 1),
                              (uint64_t)ese_statement_column_number(row, 2));
}

struct bucket_writer {
    struct ese_statement *put;
    const char *name;
    int status;
    struct ese_error *error;
};

static void write_bucket(void *context, int64_t value, uint64_t times)
{
    struct bucket_writer *writer = context;
    ese_statement_text(writer->put, 1, writer->name);
    ese_statement_number(writer->put, 2, value);
    ese_statement_number(writer->put, 3, (int64_t)times);
    if (writer->status == 0)
        writer->status = ese_statement_run(writer->put, writer->error);
}

int ese_fold_latencies_write(struct ese_sqlite *database, const struct ese_figures *figures,
                             struct ese_error *error)
{
    static const char *const names[] = {"acknowledge", "end_to_end", "mail", "lateness"};
    struct bucket_writer writer = {
        .put = ese_statement_new(database, "INSERT INTO latency VALUES (?1, ?2, ?3)"), .error = error};
    for (size_t i = 0; i < ESE_COUNT_OF(names); i++) {
        writer.name = names[i];
        ese_histogram_each(histogram_of(figures, names[i]), write_bucket, &writer);
    }
    return writer.status;
}
