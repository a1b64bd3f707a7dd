#include "orchestration/lab/contenders.h"

#include <string.h>

bool ese_contenders_lose_nothing(const struct ese_registry_entry *entry)
{
    return entry->transport->promises.delivery == ESE_DELIVERY_AT_LEAST_ONCE;
}

static int add_specification(struct ese_run_options *run, const char *word, struct ese_error *error)
{
    if (word[0] == '\0')
        return ese_fail(error, ESE_E_USAGE, "--transports: beside a comma there is no name: add one, or leave the "
                                            "comma away");
    if (run->count == ESE_RUN_JOURNEYS)
        return ese_fail(error, ESE_E_USAGE, "--transports: '%.60s' is one too many: name at most %d", word,
                        ESE_RUN_JOURNEYS);
    for (int i = 0; i < run->count; i++) {
        if (strcmp(run->specifications[i], word) == 0)
            return ese_fail(error, ESE_E_USAGE, "--transports: '%.60s' is there twice: name it once", word);
    }
    if (ese_journey_check(word, run->durability, run->bootstrap_servers, error) < 0)
        return -1;
    run->specifications[run->count++] = word;
    return 0;
}

static int add_default(struct ese_run_options *run, bool (*is_meant)(const struct ese_registry_entry *),
                       struct ese_error *error)
{
    for (const struct ese_registry_entry *entry = ese_registry(); entry->transport != NULL; entry++) {
        if (entry->compared && (is_meant == NULL || is_meant(entry)) &&
            add_specification(run, entry->transport->name, error) < 0)
            return -1;
    }
    if (run->count > 0)
        return 0;
    return ese_fail(error, ESE_E_USAGE, "--transports: this build has none that is compared unasked: name one");
}

int ese_contenders_choose(struct ese_run_options *run, char *list,
                          bool (*is_meant)(const struct ese_registry_entry *entry),
                          struct ese_error *error)
{
    if (list == NULL)
        return add_default(run, is_meant, error);
    char *rest = list;
    for (char *word = strsep(&rest, ","); word != NULL; word = strsep(&rest, ",")) {
        if (add_specification(run, word, error) < 0)
            return -1;
    }
    return 0;
}
