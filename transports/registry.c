#include "transports/registry.h"

#include <assert.h>

#include "ese-core/buffer.h"
#include "ese-core/memory.h"

#define ESE_TRANSPORT(symbol, name, compared, needs_broker)                                       \
    extern const struct ese_transport ese_transport_##symbol;
#include "transports/table.inc"
#undef ESE_TRANSPORT

static const struct ese_registry_entry entries[] = {
#define ESE_TRANSPORT(symbol, name, compared, needs_broker)                                       \
    {&ese_transport_##symbol, "Options of --transport " name, compared, needs_broker},
#include "transports/table.inc"
#undef ESE_TRANSPORT
    {.transport = NULL},
};

const struct ese_registry_entry *ese_registry(void)
{
    return entries;
}

/* ---- faces ----------------------------------------------------------------------------------- */

static bool has_face(const struct ese_transport *transport, enum ese_face face)
{
    switch (face) {
    case ESE_FACE_PRODUCE: return transport->produce != NULL;
    case ESE_FACE_STORE: return transport->store != NULL;
    case ESE_FACE_CONSUME: return transport->consume != NULL;
    }
    return false;
}

const struct ese_option *ese_registry_options(const struct ese_transport *transport,
                                              enum ese_face face)
{
    if (!has_face(transport, face))
        return NULL;
    switch (face) {
    case ESE_FACE_PRODUCE: return transport->produce->options;
    case ESE_FACE_STORE: return transport->store->options;
    case ESE_FACE_CONSUME: return transport->consume->options;
    }
    return NULL;
}

static const enum ese_face faces[] = {ESE_FACE_PRODUCE, ESE_FACE_STORE, ESE_FACE_CONSUME};

/* Whether one of the first so many does. */
static bool any_face_has_option(const struct ese_transport *transport, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (ese_option_find(ese_registry_options(transport, faces[i]), name) != NULL)
            return true;
    }
    return false;
}

/* ---- finding --------------------------------------------------------------------------------- */

/* "a, b, c": the transports that have the face. */
static void append_names(struct ese_buffer *names, enum ese_face face)
{
    for (const struct ese_registry_entry *entry = entries; entry->transport != NULL; entry++) {
        if (has_face(entry->transport, face))
            ese_buffer_printf(names, "%s%s", names->length > 0 ? ", " : "", entry->transport->name);
    }
}

static int fail_naming(enum ese_face face, struct ese_error *error, const char *said)
{
    struct ese_buffer names = ESE_BUFFER_INIT(200);
    append_names(&names, face);
    ese_fail(error, ESE_E_USAGE, "%s, there are: %s", said, names.length > 0 ? names.text : "none");
    ese_buffer_free(&names);
    return -1;
}

int ese_registry_find(const char *specification, const struct ese_registry_entry **entry,
                      struct ese_error *error)
{
    size_t length = strcspn(specification, ":");
    for (*entry = entries; (*entry)->transport != NULL; ++*entry) {
        const char *name = (*entry)->transport->name;
        if (strlen(name) == length && strncmp(name, specification, length) == 0)
            return 0;
    }
    *entry = NULL;
    char said[100];
    snprintf(said, sizeof said, "there is no transport '%.*s'", length < 40 ? (int)length : 40,
             specification);
    return fail_naming(ESE_FACE_CONSUME, error, said);
}

/* A profile's name has no plus. */
static bool is_profile_of(const char *name, const char *specification)
{
    while (*name != '\0' && (*name == *specification || (*name == '+' && *specification == '-'))) {
        name++;
        specification++;
    }
    return *name == '\0' && (*specification == '\0' || *specification == ':');
}

const struct ese_registry_entry *ese_registry_find_profile(const char *specification)
{
    const struct ese_registry_entry *entry = entries;
    while (entry->transport != NULL && !is_profile_of(entry->transport->name, specification))
        entry++;
    return entry->transport != NULL ? entry : NULL;
}

/* ---- choosing -------------------------------------------------------------------------------- */

/* What --transport says so far, or by default. */
static const char *specification_of(const struct ese_config *config)
{
    const char *given = ese_config_peek(config, "transport");
    if (given != NULL)
        return given;
    const struct ese_option *option = ese_options_find(ese_config_options(config), "transport");
    return option != NULL ? option->fallback : NULL;
}

/* The end of the option that begins at text: the next colon behind which another option stands. A
 * colon within a value ("server=http://127.0.0.1:2001") has no '=' before the colon after it. */
static const char *option_end(const char *text)
{
    const char *end = strchrnul(text, ':');
    while (*end != '\0' && end[1 + strcspn(end + 1, ":=")] != '=')
        end = strchrnul(end + 1, ':');
    return end;
}

/* By which option a transport is chosen, and which of its faces. */
struct choice {
    const char *option;
    enum ese_face face;
};

/* "a, b, c": the options of all faces, each once. */
static void append_options(struct ese_buffer *names, const struct ese_transport *transport)
{
    for (size_t i = 0; i < ESE_COUNT_OF(faces); i++) {
        const struct ese_option *option = ese_registry_options(transport, faces[i]);
        for (; option != NULL && option->name != NULL; option++) {
            if (!any_face_has_option(transport, i, option->name))
                ese_buffer_printf(names, "%s%s", names->length > 0 ? ", " : "", option->name);
        }
    }
}

static int fail_of_option(const struct choice *choice, const struct ese_transport *transport,
                          const char *option, struct ese_error *error)
{
    struct ese_buffer names = ESE_BUFFER_INIT(400);
    append_options(&names, transport);
    ese_fail(error, ESE_E_USAGE, "--%s %s has no option '%.60s', there are: %s", choice->option,
             transport->name, option, names.length > 0 ? names.text : "none");
    ese_buffer_free(&names);
    return -1;
}

static int give_option(struct ese_config *config, const struct choice *choice,
                       const struct ese_transport *transport, char *option, struct ese_error *error)
{
    char *equals = strchr(option, '=');
    if (equals == NULL)
        return ese_fail(error, ESE_E_USAGE, "--%s %s: '%.60s' should be OPTION=VALUE",
                        choice->option, transport->name, option);
    *equals = '\0';
    if (ese_option_find(ese_registry_options(transport, choice->face), option) != NULL)
        ese_config_give(config, option, equals + 1);
    else if (!any_face_has_option(transport, ESE_COUNT_OF(faces), option))
        return fail_of_option(choice, transport, option, error);
    return 0;
}

static int give_options(struct ese_config *config, const struct choice *choice,
                        const struct ese_transport *transport, const char *specification,
                        struct ese_error *error)
{
    const char *at = strchrnul(specification, ':');
    while (*at == ':') {
        const char *end = option_end(++at);
        char *option = ese_copy_bytes(at, (size_t)(end - at));
        int result = give_option(config, choice, transport, option, error);
        free(option);
        if (result != 0)
            return -1;
        at = end;
    }
    return 0;
}

/* heading NULL: the transport's own. */
static int choose(struct ese_config *config, const struct choice *choice, const char *heading,
                  const char *specification, struct ese_error *error)
{
    const struct ese_registry_entry *entry;
    if (ese_registry_find(specification, &entry, error) != 0)
        return -1;
    const struct ese_transport *transport = entry->transport;
    if (!has_face(transport, choice->face)) {
        char said[100];
        snprintf(said, sizeof said, "--%s %s cannot be used here", choice->option,
                 transport->name);
        return fail_naming(choice->face, error, said);
    }
    const struct ese_option *options = ese_registry_options(transport, choice->face);
    if (options != NULL)
        ese_config_add(config, heading != NULL ? heading : entry->heading, options);
    return give_options(config, choice, transport, specification, error);
}

int ese_registry_choose(struct ese_config *config, enum ese_face face, struct ese_error *error)
{
    const struct choice choice = {.option = "transport", .face = face};
    const char *specification = specification_of(config);
    if (specification == NULL)
        return fail_naming(face, error, "--transport is missing");
    return choose(config, &choice, NULL, specification, error);
}

int ese_registry_choose_by(struct ese_config *config, const char *option, const char *heading,
                           enum ese_face face, struct ese_error *error)
{
    const struct choice choice = {.option = option, .face = face};
    const char *specification = ese_config_peek(config, option);
    return specification == NULL ? 0 : choose(config, &choice, heading, specification, error);
}

const struct ese_transport *ese_registry_chosen_by(const struct ese_config *config,
                                                   const char *option)
{
    const char *specification = ese_config_text(config, option);
    const struct ese_registry_entry *entry = NULL;
    if (specification == NULL)
        return NULL;
    ese_registry_find(specification, &entry, NULL);
    assert(entry != NULL); /* whoever chose it has found it */
    return entry->transport;
}

const struct ese_transport *ese_registry_chosen(const struct ese_config *config)
{
    return ese_registry_chosen_by(config, "transport");
}
