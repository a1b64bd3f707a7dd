/* What goes wrong in a scenario: an instant, an act, a party. */
#include "ese-core/memory.h"
#include "ese-core/number.h"
#include "orchestration/lab/scenario.h"

#define LATEST_MS (24 * 3600 * INT64_C(1000))

static int read_instant(const char *text, int64_t *at_ms, struct ese_error *error)
{
    static const struct ese_unit units[] = {{"ms", 1}, {"s", 1000}, {NULL, 0}};
    return ese_number_parse_in_units(text, "an instant, such as 10s or 1500ms", units, 0, LATEST_MS, at_ms, error);
}

/* One, or two with dots between them. */
static int read_instants(char *text, struct ese_instants *instants, struct ese_error *error)
{
    char *dots = strstr(text, "..");
    const char *until = dots == NULL ? text : dots + 2;
    if (dots != NULL)
        *dots = '\0';
    if (read_instant(text, &instants->from_ms, error) < 0 || read_instant(until, &instants->until_ms, error) < 0)
        return -1;
    return instants->from_ms <= instants->until_ms
               ? 0
               : ese_fail(error, ESE_E_USAGE, "'%.40s' comes before '%.40s': the earlier one stands first", until,
                          text);
}

/* "client-server,client-broker": at least one. */
static int read_lines(char *names, unsigned *lines, struct ese_error *error)
{
    char *rest = names;
    for (char *name = strsep(&rest, ","); name != NULL; name = strsep(&rest, ",")) {
        enum ese_line line = ese_line_find(name);
        if (line == ESE_LINES)
            return ese_fail(error, ESE_E_USAGE, "'%.40s' is no line: client-server, consumer-server, server-consumer, "
                                                "consumer-mailer, mailer-smtp, client-broker, server-broker or "
                                                "consumer-broker", name);
        *lines |= ESE_LINE_BIT(line);
    }
    return 0;
}

/* Of "network client-server cut backward" what stands behind the word. */
static int read_network(char *rest, struct ese_fault_step *step, struct ese_error *error)
{
    char *names = strsep(&rest, " ");
    step->part = ese_fault_part_lines();
    if (read_lines(names, &step->lines, error) < 0)
        return -1;
    ese_fit_text(step->how, sizeof step->how, rest == NULL ? "" : rest);
    return ese_network_check(step->how, error);
}

/* Of "disk servers full" and "smtp slow 500": an SMTP server is one party only. */
static int read_trouble(char *rest, struct ese_fault_step *step, struct ese_error *error)
{
    char *how = rest;
    const char *part = step->act == ESE_ACT_SMTP ? "smtp" : strsep(&how, " ");
    step->part = ese_fault_part_find(part);
    if (strcmp(part, "member") == 0 && ese_trouble_is_for(ESE_ROLE_CONSUMER, step->act))
        return ese_fail(error, ESE_E_USAGE, "'%s' befalls all members of a group alike, and no 'member %.*s' alone: "
                                            "write consumers instead", ese_act_name(step->act),
                        how == NULL ? 0 : (int)strcspn(how, " "), how == NULL ? "" : how);
    if (step->part == NULL)
        return ese_fail(error, ESE_E_USAGE, "'%.60s' is no party: " ESE_FAULT_PARTIES, part);
    ese_fit_text(step->how, sizeof step->how, how == NULL ? "" : how);
    return ese_trouble_check(step->act, step->how, error);
}

static int read_act(char *rest, struct ese_fault_step *step, struct ese_error *error)
{
    if (step->act == ESE_ACT_NETWORK)
        return read_network(rest, step, error);
    if (ese_act_has_how(step->act))
        return read_trouble(rest, step, error);
    step->part = ese_fault_part_find(rest);
    return step->part != NULL ? 0 : ese_fail(error, ESE_E_USAGE, "'%.60s' is no party: " ESE_FAULT_PARTS, rest);
}

int ese_scenario_step(const char *text, struct ese_fault_step *step, struct ese_instants *instants,
                      struct ese_error *error)
{
    char instant[64], act[32], rest[128];
    int read = 0;
    if (sscanf(text, "%63s %31s %127[^\n]%n", instant, act, rest, &read) != 3 || text[read] != '\0')
        return ese_fail(error, ESE_E_USAGE, "'%.60s': write an instant, what is done, and to whom: 10s kill consumers",
                        text);
    *step = (struct ese_fault_step){.act = ese_act_find(act)};
    if (step->act == ESE_ACTS)
        return ese_fail(error, ESE_E_USAGE, "nothing is called '%.40s': kill, start, freeze, thaw, disk, power, clock, "
                                            "rule, smtp or network", act);
    return read_act(rest, step, error) < 0 ? -1 : read_instants(instant, instants, error);
}
