#include "ese-consumer/enrolment.h"

/* Asked for at a start and after a fence only: nothing is kept prepared. */
static int ask_life(struct ese_sqlite *database, const char *text, const char *name, int64_t *life,
                    struct ese_error *error)
{
    struct ese_statement *statement = ese_statement_new(database, text);
    int found;
    ese_statement_text(statement, 1, name);
    while ((found = ese_statement_step(statement, error)) == 1)
        *life = ese_statement_column_number(statement, 0);
    return found;
}

int ese_enrolment_begin(struct ese_sqlite *database, const char *name,
                        struct ese_enrolment *enrolment, struct ese_error *error)
{
    *enrolment = (struct ese_enrolment){.name = name};
    return ask_life(database,
                    "INSERT INTO member(name, life) VALUES(?1, 1) "
                    "ON CONFLICT DO UPDATE SET life = life + 1 RETURNING life",
                    name, &enrolment->life, error);
}

int ese_enrolment_is_newest(struct ese_sqlite *database, const struct ese_enrolment *enrolment,
                            struct ese_error *error)
{
    int64_t life = 0;
    if (ask_life(database, "SELECT life FROM member WHERE name = ?1", enrolment->name, &life,
                 error) != 0)
        return -1;
    return life == enrolment->life;
}
