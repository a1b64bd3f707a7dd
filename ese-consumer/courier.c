#include "ese-consumer/courier.h"

#include <stddef.h>

int ese_courier_open(const struct ese_courier_options *options, struct ese_courier **courier,
                     struct ese_error *error)
{
    const struct ese_courier_kind *kind =
        options->requests != NULL ? &ese_courier_topic : &ese_courier_post;
    *courier = NULL;
    if (kind->open(options, courier, error) != 0)
        return -1;
    (*courier)->kind = kind;
    (*courier)->transport = options->transport;
    (*courier)->answered = options->answered;
    return 0;
}

void ese_courier_close(struct ese_courier **courier)
{
    if (*courier == NULL)
        return;
    (*courier)->kind->close(*courier);
    *courier = NULL;
}

void ese_courier_ask(struct ese_courier *courier, const struct ese_decision *decision,
                     void *asked)
{
    courier->kind->ask(courier, decision, asked);
}

int ese_courier_poll(struct ese_courier *courier, int timeout_ms)
{
    return courier->kind->poll(courier, timeout_ms);
}

void ese_courier_wake(struct ese_courier *courier)
{
    courier->kind->wake(courier);
}
