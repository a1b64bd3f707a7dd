/* An expectation's text, with results to look at: what is refused says why; what is taken is read again as it is told,
 * and finds something to say, whatever it asks for. */
#include "orchestration/lab/expectation.h"

#include <jansson.h>

#include "ese-core/buffer.h"
#include "ese-core/memory.h"
#include "tests/fuzz/fuzz.h"

static const char results[] =
    "[{\"name\": \"http\", \"drained\": true, \"ledger\": {\"offered\": 7, \"lost\": 0, \"lost_by\": {\"clash\": 2}},"
    "  \"latency_us\": {\"ack\": {\"p50\": 400}}, \"cpu_s\": 0.25, \"readers\": [{\"missed\": 3}, 5],"
    "  \"deeds\": [{\"passed_over\": [\"client\"]}], \"verdict\": {\"ledger\": {\"word\": \"cannot tell\"}}},"
    " {\"name\": \"log:via=direct\", \"gone_us\": null, \"latency_us\": {\"ack\": {\"p50\": 1000}}}, {}, 7]";

static void look_at(const struct ese_expectation *expectation)
{
    json_t *transports = json_loads(results, 0, NULL);
    for (size_t i = 0; i < json_array_size(transports); i++) {
        char found[120];
        memset(found, 'x', sizeof found);
        enum ese_expectation_word word =
            ese_expectation_look(expectation, json_array_get(transports, i), transports, found, sizeof found);
        ESE_HOLDS(word == ESE_EXPECTATION_MET || word == ESE_EXPECTATION_NOT_MET ||
                  word == ESE_EXPECTATION_NOT_LOOKED_AT);
        ESE_HOLDS(memchr(found, '\0', sizeof found) != NULL);
    }
    json_decref(transports);
}

/* Each whom it names, and nobody between them. */
static void look_at_names(const struct ese_expectation *expectation, size_t longest)
{
    const char *name;
    size_t length;
    for (int i = 0; (name = ese_expectation_named(expectation, i, &length)) != NULL; i++) {
        ESE_HOLDS(length <= longest && memchr(name, '\0', length) == NULL);
        char *specification = ese_copy_bytes(name, length);
        if (memchr(name, '/', length) == NULL && i == 0 && name == ese_expectation_who(expectation))
            ESE_HOLDS(ese_expectation_is_of(expectation, specification));
        free(specification);
    }
}

static struct ese_expectation *read_text(const char *text)
{
    struct ese_expectation *expectation;
    struct ese_error error = {.text = ""};
    if (ese_expectation_read(text, &expectation, &error) == 0)
        return expectation;
    ESE_HOLDS(expectation == NULL && error.code == ESE_E_USAGE && error.text[0] != '\0');
    return NULL;
}

static bool is_same(const struct ese_expectation *a, const struct ese_expectation *b)
{
    return strcmp(ese_expectation_who(a), ese_expectation_who(b)) == 0 &&
           strcmp(ese_expectation_claim(a), ese_expectation_claim(b)) == 0 &&
           strcmp(ese_expectation_reason(a), ese_expectation_reason(b)) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    char *text = length == 0 ? ese_copy_text("") : ese_copy_bytes((const char *)bytes, length);
    struct ese_expectation *expectation = read_text(text);
    if (expectation != NULL) {
        struct ese_buffer told = ESE_BUFFER_INIT(SIZE_MAX);
        const char *reason = ese_expectation_reason(expectation);
        ese_buffer_printf(&told, "%s %s%s%s", ese_expectation_who(expectation), ese_expectation_claim(expectation),
                          reason[0] == '\0' ? "" : " -- ", reason);
        struct ese_expectation *again = read_text(told.text);
        ESE_HOLDS(again != NULL && is_same(expectation, again));
        look_at(expectation);
        look_at_names(expectation, length);
        ese_expectation_free(&again);
        ese_buffer_free(&told);
    }
    ese_expectation_free(&expectation);
    free(text);
    return 0;
}
