/* Which of a journey's lines go through a proxy, and where they lead. */
#include "orchestration/lab/journey_parts.h"

#include "ese-core/memory.h"

/* The lines to a broker, and the listener of the broker that each leads to. */
static const struct {
    enum ese_line line;
    const char *listener;
} to_broker[] = {
    {ESE_LINE_CLIENT_BROKER, "CLIENT"},
    {ESE_LINE_SERVER_BROKER, "SERVER"},
    {ESE_LINE_CONSUMER_BROKER, "CONSUMER"},
};

_Static_assert(ESE_COUNT_OF(to_broker) <= ESE_LISTENERS, "a broker can listen for each of them");

int ese_journey_listeners(const struct ese_journey *journey, struct ese_listener listeners[ESE_LISTENERS])
{
    int count = 0;
    for (size_t i = 0; i < ESE_COUNT_OF(to_broker); i++) {
        int port = ese_network_port(journey->network, to_broker[i].line);
        if (port != 0)
            listeners[count++] = (struct ese_listener){.name = to_broker[i].listener, .advertised_port = port};
    }
    return count;
}

/* Whether who plays that face is told where the other end is. */
static bool asks_for(const struct ese_journey *journey, enum ese_face face, const char *option)
{
    return ese_option_find(ese_registry_options(journey->entry->transport, face), option) != NULL;
}

/* A broker that is not the lab's own, or a mock, has no such listeners: the lines are not there. */
static void lead_to_broker(struct ese_journey *journey)
{
    static const enum ese_face faces[] = {ESE_FACE_PRODUCE, ESE_FACE_STORE, ESE_FACE_CONSUME};
    int listener = 0;
    for (size_t i = 0; journey->broker != NULL && i < ESE_COUNT_OF(to_broker); i++) {
        char target[32];
        if (ese_network_port(journey->network, to_broker[i].line) == 0)
            continue;
        int port = ese_broker_life_listener_port(journey->broker, listener++);
        snprintf(target, sizeof target, "127.0.0.1:%d", port);
        if (port != 0 && asks_for(journey, faces[i], "bootstrap-servers"))
            ese_network_lead(journey->network, to_broker[i].line, target);
    }
}

static void lead_to_server(struct ese_journey *journey)
{
    if (journey->server_address[0] == '\0')
        return;
    if (asks_for(journey, ESE_FACE_PRODUCE, "server"))
        ese_network_lead(journey->network, ESE_LINE_CLIENT_SERVER, journey->server_address);
    if (asks_for(journey, ESE_FACE_CONSUME, "server"))
        ese_network_lead(journey->network, ESE_LINE_CONSUMER_SERVER, journey->server_address);
}

/* Where the consumer is pushed to. */
static void lead_to_consumer(struct ese_journey *journey)
{
    if (journey->receiver_address[0] != '\0')
        ese_network_lead(journey->network, ESE_LINE_SERVER_CONSUMER, journey->receiver_address);
}

int ese_journey_lay_lines(struct ese_journey *journey, struct ese_error *error)
{
    lead_to_server(journey);
    lead_to_broker(journey);
    lead_to_consumer(journey);
    ese_network_lead(journey->network, ESE_LINE_CONSUMER_MAILER, journey->mailer_address);
    ese_network_lead(journey->network, ESE_LINE_MAILER_SMTP, journey->smtp_address);
    return ese_network_start(journey->network, error);
}

void ese_journey_look_at_lines(struct ese_journey *journey)
{
    char words[300] = "";
    struct ese_process *proxy = ese_network_process(journey->network);
    if (proxy == NULL || journey->proxy_is_lost || ese_process_running(proxy))
        return;
    journey->proxy_is_lost = true;
    ese_process_last_words(proxy, words, sizeof words);
    ese_endings_add(&journey->endings, ESE_ARTIFACT_PROXY, ese_process_status(proxy), words);
}

bool ese_journey_has_line(const struct ese_journey *journey, enum ese_line line)
{
    return ese_network_has(journey->network, line);
}

int ese_journey_network(struct ese_journey *journey, enum ese_line line, const char *condition, struct ese_error *error)
{
    if (ese_network_check(condition, error) < 0)
        return -1;
    return ese_network_tell(journey->network, line, condition, NULL, 0, error);
}

int ese_journey_passed(struct ese_journey *journey, enum ese_line line, char *text, size_t size,
                       struct ese_error *error)
{
    text[0] = '\0';
    return ese_network_tell(journey->network, line, "show", text, size, error);
}
