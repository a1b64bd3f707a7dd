#include "orchestration/lab/results_form.h"

#include <jansson.h>
#include <stdlib.h>

int ese_results_form_check(const struct ese_config *config, struct ese_error *error)
{
    if (!ese_config_flag(config, "json") || !ese_config_flag(config, "ndjson"))
        return 0;
    return ese_fail(error, ESE_E_USAGE, "--json and --ndjson are two forms of the same: leave one of the two away");
}

static void print_line(const json_t *value, FILE *file)
{
    json_dumpf(value, file, JSON_COMPACT | JSON_REAL_PRECISION(6)); /* as the document has its numbers */
    putc('\n', file);
}

int ese_results_print_lines(json_t *results, FILE *file)
{
    json_t *transports = json_incref(json_object_get(results, "transports"));
    const json_t *transport;
    size_t i;
    int status = json_is_array(transports) ? 0 : -1;
    if (status == 0) {
        json_object_del(results, "transports");
        print_line(results, file);
    }
    json_array_foreach(transports, i, transport)
        print_line(transport, file);
    json_decref(transports);
    return status;
}

bool ese_results_print(const struct ese_config *config, const struct ese_results *results)
{
    bool is_lines = ese_config_flag(config, "ndjson");
    if (!is_lines && !ese_config_flag(config, "json"))
        return false;
    char *text = ese_results_text(results);
    json_t *document = is_lines ? json_loads(text, 0, NULL) : NULL;
    if (is_lines)
        ese_results_print_lines(document, stdout);
    else
        puts(text);
    json_decref(document);
    free(text);
    return true;
}
