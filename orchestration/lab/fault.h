/*
 * fault.h - what goes wrong in a run, and when: the same steps at the same instants on every journey.
 */
#ifndef ESE_LAB_FAULT_H
#define ESE_LAB_FAULT_H

#include <stdint.h>

#include "ese-core/error.h"
#include "orchestration/lab/journey.h"

enum ese_fault_act { ESE_FAULT_KILL, ESE_FAULT_START };

struct ese_fault_step {
    int64_t after_ms; /* since the fault began */
    enum ese_fault_act act;
    enum ese_role role;
};

struct ese_fault {
    const char *name;
    const char *story; /* one line, for people */
    const struct ese_fault_step *steps;
    int count;
};

/* ESE_E_USAGE names the known ones. */
int ese_fault_find(const char *name, const struct ese_fault **fault, struct ese_error *error);

/* "none|consumer-down": for the option table. */
#define ESE_FAULT_NAMES "none|consumer-down"

#endif
