#include "ese-mailer/positions.h"

#include "ese-core/memory.h"

struct ese_positions {
    struct ese_statement *get, *move;
};

struct ese_positions *ese_positions_new(struct ese_sqlite *database)
{
    struct ese_positions *positions = ese_alloc(sizeof *positions);
    positions->get = ese_statement_new(
        database, "SELECT next FROM position WHERE transport = ?1 AND partition = ?2");
    positions->move = ese_statement_new(
        database, "INSERT INTO position(transport, partition, name, next) VALUES(?1, ?2, ?3, ?4)"
                  " ON CONFLICT DO UPDATE SET name = ?3, next = ?4");
    return positions;
}

void ese_positions_free(struct ese_positions **positions)
{
    free(*positions); /* the statements are the database's */
    *positions = NULL;
}

int ese_positions_get(struct ese_positions *positions, const struct ese_position_of *of,
                      int64_t *next, struct ese_error *error)
{
    *next = ESE_POSITIONS_NONE;
    ese_statement_text(positions->get, 1, of->transport);
    ese_statement_number(positions->get, 2, of->partition);
    int step;
    while ((step = ese_statement_step(positions->get, error)) == 1)
        *next = ese_statement_column_number(positions->get, 0);
    return step;
}

int ese_positions_check(struct ese_positions *positions, const struct ese_position_of *of,
                        int64_t from, struct ese_error *error)
{
    int64_t next;
    if (ese_positions_get(positions, of, &next, error) != 0)
        return -1;
    if (next == from)
        return 0;
    return ese_fail(error, ESE_E_FENCED,
                    "%s of '%s' was read further meanwhile, by whoever else uses this outbox",
                    of->name, of->transport);
}

int ese_positions_move(struct ese_positions *positions, const struct ese_position_of *of,
                       int64_t next, struct ese_error *error)
{
    ese_statement_text(positions->move, 1, of->transport);
    ese_statement_number(positions->move, 2, of->partition);
    ese_statement_text(positions->move, 3, of->name);
    ese_statement_number(positions->move, 4, next);
    return ese_statement_run(positions->move, error);
}
