/* What a scenario says and cannot be: options that compare does not take, and deeds that nobody could do. */
#include "ese-core/config.h"
#include "ese-core/memory.h"
#include "ese-core/number.h"
#include "ese-core/schedule_words.h"
#include "orchestration/lab/comparison.h"
#include "orchestration/lab/group_options.h"
#include "orchestration/lab/scenario.h"

/* ---- options --------------------------------------------------------------------------------- */

static struct ese_config *options_of_a_run(void)
{
    struct ese_config *config = ese_config_new();
    ese_config_add(config, "Options of the run", ese_comparison_options);
    ese_config_add(config, "Options of the group", ese_group_options);
    return config;
}

int ese_scenario_check_option(const char *name, const char *value, struct ese_error *error)
{
    struct ese_config *config = options_of_a_run();
    struct ese_schedule_words words;
    int status = ese_config_check(config, name, value, error);
    if (status == 0 && strcmp(name, "schedule") == 0)
        status = ese_schedule_words_read(value, &words, error);
    ese_config_free(&config);
    return status == 0 ? 0 : ese_fail_within(error, "with takes what ese-lab compare --help has");
}

int64_t ese_scenario_number(const struct ese_scenario *scenario, const char *name)
{
    struct ese_config *config = options_of_a_run();
    const char *said = ese_scenario_option(scenario, name);
    const char *text = said != NULL ? said : ese_options_find(ese_config_options(config), name)->fallback;
    int64_t number = text != NULL && strcmp(text, "true") == 0;
    if (text != NULL)
        ese_number_parse(text, name, 0, INT64_MAX, &number, NULL);
    ese_config_free(&config);
    return number;
}

/* ---- deeds ----------------------------------------------------------------------------------- */

/* The parties, a bit each: roles, but of consumers each member. */
#define PARTY_MEMBER(members) ((uint64_t)(members) << 32)

struct standing {
    const struct ese_scenario *scenario;
    unsigned members;              /* ESE_MEMBER_BIT of those that there are */
    uint64_t dead, frozen, cut;    /* those that are just now; whose power has gone once */
    uint64_t ailing; /* whose disk has been bad since they were started: they may have ended by themselves */
};

static uint64_t parties_of(const struct standing *standing, const struct ese_fault_part *part)
{
    unsigned consumers = ESE_ROLE_BIT(ESE_ROLE_CONSUMER);
    uint64_t parties = part->roles & ~consumers;
    if ((part->roles & consumers) != 0)
        parties |= PARTY_MEMBER(part->members != 0 ? part->members : standing->members);
    return parties;
}

/* Of a part those whom such trouble reaches: a broker's JVM has neither such a disk nor such a machine. */
static uint64_t reached_by(enum ese_act act, const struct standing *standing, const struct ese_fault_part *part)
{
    uint64_t parties = ese_trouble_is_for(ESE_ROLE_CONSUMER, act) ? PARTY_MEMBER(standing->members) : 0;
    for (enum ese_role role = 0; role < ESE_ROLES; role++)
        parties |= ese_trouble_is_for(role, act) ? ESE_ROLE_BIT(role) : 0;
    return parties & parties_of(standing, part);
}

/* Each of these acts needs somebody to whom it can be done, as the acts before it have left them. */
static int check_life(struct standing *standing, const struct ese_fault_step *step, struct ese_error *error)
{
    const char *name = step->part->name;
    bool is_power = step->act == ESE_ACT_POWER, is_trouble = is_power || step->act == ESE_ACT_DISK;
    uint64_t whom = is_trouble ? reached_by(step->act, standing, step->part) : parties_of(standing, step->part);
    uint64_t living = whom & ~standing->dead;
    switch (step->act) {
    case ESE_ACT_START:
        if (living == whom && (whom & standing->ailing) == 0)
            return ese_fail(error, ESE_E_USAGE, "nothing has killed %s before that, so they cannot be started: kill "
                                                "them first%s", name, step->part->roles == ESE_ROLE_BIT(ESE_ROLE_READER)
                                                                     ? ", or say with late-readers true" : "");
        standing->dead &= ~whom;
        standing->ailing &= ~whom;
        return 0;
    case ESE_ACT_DISK: standing->ailing |= whom; return 0;
    case ESE_ACT_THAW:
        if ((whom & standing->frozen) == 0)
            return ese_fail(error, ESE_E_USAGE, "nothing has frozen %s before that, so they cannot be thawed: freeze "
                                                "them first", name);
        standing->frozen &= ~whom;
        return 0;
    case ESE_ACT_FREEZE:
        if ((living & ~standing->frozen) == 0)
            return ese_fail(error, ESE_E_USAGE, "%s are %s then, and cannot be frozen", name,
                            living == 0 ? "dead" : "frozen");
        standing->frozen |= living;
        return 0;
    case ESE_ACT_KILL:
    case ESE_ACT_POWER:
        if (living == 0)
            return ese_fail(error, ESE_E_USAGE, "%s are dead then, and cannot die again: start them first", name);
        if (is_power && (whom & standing->cut) != 0)
            return ese_fail(error, ESE_E_USAGE, "the power of %s has gone before, and goes once only: kill them", name);
        standing->cut |= is_power ? whom : 0;
        standing->dead |= whom;
        standing->frozen &= ~whom;
        return 0;
    default: return 0;
    }
}

/* Whether anybody of the part can have that trouble at all. */
static int check_trouble(const struct ese_fault_step *step, struct ese_error *error)
{
    struct ese_buffer names = ESE_BUFFER_INIT(200);
    unsigned roles = 0;
    for (enum ese_role role = 0; role < ESE_ROLES; role++) {
        if (!ese_trouble_is_for(role, step->act))
            continue;
        ese_buffer_printf(&names, "%s%s", roles == 0 ? "" : ", ", ese_role_name(role));
        roles |= ESE_ROLE_BIT(role);
    }
    bool is_possible = roles == 0 || (roles & step->part->roles) != 0;
    if (!is_possible)
        ese_fail(error, ESE_E_USAGE, "'%s' cannot befall %s: only each %s has it", ese_act_name(step->act),
                 step->part->name, names.text);
    ese_buffer_free(&names);
    return is_possible ? 0 : -1;
}

/* Whether whoever is meant is there. */
static int check_presence(const struct standing *standing, const struct ese_fault_part *part, struct ese_error *error)
{
    if ((part->members & ~standing->members) != 0)
        return ese_fail(error, ESE_E_USAGE, "there is no %s: the group has %lld; say with consumers, and how many",
                        part->name, (long long)ese_scenario_number(standing->scenario, "consumers"));
    if (part->roles == ESE_ROLE_BIT(ESE_ROLE_READER) && ese_scenario_number(standing->scenario, "readers") == 0)
        return ese_fail(error, ESE_E_USAGE, "there are no readers: say with readers, and how many");
    if (part->roles == ESE_ROLE_BIT(ESE_ROLE_CROWD) && ese_scenario_number(standing->scenario, "destinations") == 0)
        return ese_fail(error, ESE_E_USAGE, "there are no destinations: say with destinations, and how many");
    return 0;
}

static bool is_of_life(enum ese_act act)
{
    return ese_act_is_death(act) || act == ESE_ACT_START || act == ESE_ACT_FREEZE || act == ESE_ACT_THAW ||
           act == ESE_ACT_DISK; /* of which one may die */
}

/* Whether what is done first, as it was drawn, could have come behind the other, had something else been drawn. */
static bool may_swap(const struct ese_scenario *scenario, int first, int second)
{
    int64_t until_ms = scenario->instants[first].until_ms, from_ms = scenario->instants[second].from_ms;
    bool is_written_behind = scenario->step_lines[first] > scenario->step_lines[second];
    return until_ms > from_ms || (until_ms == from_ms && is_written_behind);
}

/* What makes sense in one order only has to be in that one, whatever is drawn. */
static int check_order(const struct standing *standing, int64_t *line, struct ese_error *error)
{
    const struct ese_scenario *scenario = standing->scenario;
    const struct ese_fault_step *steps = scenario->steps;
    for (int second = 1; second < scenario->fault.count; second++) {
        for (int first = 0; first < second; first++) {
            int64_t one = scenario->step_lines[first], other = scenario->step_lines[second];
            if (!is_of_life(steps[first].act) || !is_of_life(steps[second].act) || !may_swap(scenario, first, second) ||
                (parties_of(standing, steps[first].part) & parties_of(standing, steps[second].part)) == 0)
                continue;
            *line = one > other ? one : other;
            return ese_fail(error, ESE_E_USAGE, "whether this comes before line %lld is left to the seed: let one "
                                                "begin when the other is over", (long long)(one < other ? one : other));
        }
    }
    return 0;
}

static int check_step(struct standing *standing, int place, struct ese_error *error)
{
    const struct ese_scenario *scenario = standing->scenario;
    const struct ese_fault_step *step = &scenario->steps[place];
    int64_t end_ms = 1000 * (ese_scenario_number(scenario, "warmup") + ese_scenario_number(scenario, "duration"));
    if (scenario->instants[place].until_ms > end_ms)
        return ese_fail(error, ESE_E_USAGE, "%lld ms is beyond the load, which ends after %lld ms (warmup and "
                                            "duration)",
                        (long long)scenario->instants[place].until_ms, (long long)end_ms);
    if (check_trouble(step, error) < 0 || check_presence(standing, step->part, error) < 0)
        return -1;
    return check_life(standing, step, error);
}

int ese_scenario_check_deeds(const struct ese_scenario *scenario, int64_t *line, struct ese_error *error)
{
    struct standing standing = {.scenario = scenario};
    for (int member = 1; member <= ese_scenario_number(scenario, "consumers"); member++)
        standing.members |= ESE_MEMBER_BIT(member);
    if (ese_scenario_number(scenario, "late-readers") != 0)
        standing.dead |= ESE_ROLE_BIT(ESE_ROLE_READER);
    if (check_order(&standing, line, error) < 0)
        return -1;
    for (int i = 0; i < scenario->fault.count; i++) {
        *line = scenario->step_lines[i];
        if (check_step(&standing, i, error) < 0)
            return -1;
    }
    return 0;
}
