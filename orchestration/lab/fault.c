#include "orchestration/lab/fault.h"

#include "ese-core/memory.h"

static const struct ese_fault_step consumer_down[] = {
    {.after_ms = 0, .act = ESE_FAULT_KILL, .role = ESE_ROLE_CONSUMER},
    {.after_ms = 5000, .act = ESE_FAULT_START, .role = ESE_ROLE_CONSUMER},
};

static const struct ese_fault faults[] = {
    {.name = "none", .story = "nothing is broken", .steps = NULL, .count = 0},
    {
        .name = "consumer-down",
        .story = "the consumers are killed (SIGKILL) and come back five seconds later",
        .steps = consumer_down,
        .count = (int)ESE_COUNT_OF(consumer_down),
    },
};

int ese_fault_find(const char *name, const struct ese_fault **fault, struct ese_error *error)
{
    for (size_t i = 0; i < ESE_COUNT_OF(faults); i++) {
        if (strcmp(faults[i].name, name) == 0) {
            *fault = &faults[i];
            return 0;
        }
    }
    return ese_fail(error, ESE_E_USAGE, "--fault: there is no fault '%.60s', only " ESE_FAULT_NAMES, name);
}
