#include "orchestration/kafka/listeners.h"

#include <assert.h>

#include "ese-core/memory.h"
#include "orchestration/kafka/port.h"

#define EVERYBODY 0
#define CONTROLLER 1
#define FURTHER 2

struct place {
    const char *name;
    int port, advertised_port;
    struct ese_port *held; /* NULL: it was given */
};

struct ese_listeners {
    struct place places[FURTHER + ESE_LISTENERS];
    int count;
};

static int add(struct ese_listeners *listeners, const char *name, int port, int advertised_port,
               struct ese_error *error)
{
    struct place *place = &listeners->places[listeners->count++];
    place->name = name;
    if (port == 0 && ese_port_draw(&place->held, error) == -1)
        return -1;
    place->port = port != 0 ? port : ese_port_number(place->held);
    place->advertised_port = advertised_port != 0 ? advertised_port : place->port;
    return 0;
}

int ese_listeners_open(int port, const struct ese_listener *further, int count, struct ese_listeners **listeners,
                       struct ese_error *error)
{
    assert(count <= ESE_LISTENERS);
    struct ese_listeners *made = *listeners = ese_alloc(sizeof *made);
    int result = add(made, "BROKER", port, 0, error);
    if (result == 0)
        result = add(made, "CONTROLLER", 0, 0, error);
    for (int i = 0; result == 0 && i < count; i++)
        result = add(made, further[i].name, further[i].port, further[i].advertised_port, error);
    if (result != 0)
        ese_listeners_close(listeners);
    return result;
}

void ese_listeners_close(struct ese_listeners **listeners)
{
    if (*listeners == NULL)
        return;
    for (int i = 0; i < (*listeners)->count; i++)
        ese_port_release(&(*listeners)->places[i].held);
    free(*listeners);
    *listeners = NULL;
}

int ese_listeners_port(const struct ese_listeners *listeners)
{
    return listeners->places[EVERYBODY].port;
}

int ese_listeners_further_port(const struct ese_listeners *listeners, int i)
{
    return listeners->places[FURTHER + i].port;
}

/* The controllers' listener is not advertised: it is the voters' affair. */
void ese_listeners_write(const struct ese_listeners *listeners, FILE *properties)
{
    const struct place *places = listeners->places;
    fprintf(properties, "\nlisteners=");
    for (int i = 0; i < listeners->count; i++)
        fprintf(properties, "%s%s://127.0.0.1:%d", i == 0 ? "" : ",", places[i].name, places[i].port);
    fprintf(properties, "\nadvertised.listeners=");
    for (int i = 0; i < listeners->count; i++) {
        if (i != CONTROLLER)
            fprintf(properties, "%s%s://127.0.0.1:%d", i == 0 ? "" : ",", places[i].name, places[i].advertised_port);
    }
    if (listeners->count > FURTHER) {
        fprintf(properties, "\nlistener.security.protocol.map=");
        for (int i = 0; i < listeners->count; i++)
            fprintf(properties, "%s%s:PLAINTEXT", i == 0 ? "" : ",", places[i].name);
    }
    fprintf(properties, "\ncontroller.quorum.voters=1@127.0.0.1:%d\n", places[CONTROLLER].port);
}
