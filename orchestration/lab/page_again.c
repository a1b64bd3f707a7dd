#include "orchestration/lab/page_again.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/memory.h"

#define PATH_SIZE 120
#define VALUE_MOST 24 /* characters of a value that are told */

/* What judging is given and does not find out: no artifact tells it a second time. */
static const char *const given[] = {
    "name", "durability", "broker", "mock", "drained", "schedule_ns", "restarted_ns",
    "waited_until_ns", "consumers", "endings", "deeds", "cost", "promises.notes",
};

static bool is_given(const char *path)
{
    size_t i = 0;
    while (i < ESE_COUNT_OF(given) && strcmp(given[i], path) != 0)
        i++;
    return i < ESE_COUNT_OF(given);
}

/* A number is the same however it is written: 100 and 100.0. */
static bool is_equal(const json_t *a, const json_t *b)
{
    if (json_is_integer(a) && json_is_integer(b))
        return json_integer_value(a) == json_integer_value(b);
    if (json_is_number(a) && json_is_number(b))
        return json_number_value(a) == json_number_value(b);
    if (!json_is_array(a) || !json_is_array(b))
        return json_equal(a, b) != 0;
    size_t i = 0, count = json_array_size(a);
    while (i < count && i < json_array_size(b) && is_equal(json_array_get(a, i), json_array_get(b, i)))
        i++;
    return i == count && count == json_array_size(b);
}

/* What can be told in a few characters; of all else it is only said that it differs. */
static void put_values(const json_t *then, const json_t *now, char *text, size_t size)
{
    char *was = json_dumps(then, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
    char *is = json_dumps(now, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
    text[0] = '\0';
    if (then == NULL)
        snprintf(text, size, " (missing)");
    else if (was != NULL && is != NULL && strlen(was) <= VALUE_MOST && strlen(is) <= VALUE_MOST)
        snprintf(text, size, " (%s there, %s judged again)", was, is);
    free(was);
    free(is);
}

static void name_difference(const char *transport, const char *path, const json_t *then, const json_t *now,
                            json_t *named)
{
    char values[3 * VALUE_MOST + 1], text[400];
    if (json_array_size(named) == ESE_PAGE_DIFFERENCES)
        return;
    put_values(then, now, values, sizeof values);
    snprintf(text, sizeof text, "%.120s: %s%s", transport, path, values);
    json_t *string = json_string(text); /* NULL where a name was cut within a letter */
    json_array_append_new(named, string != NULL ? string : json_string(path));
}

static size_t compare(const char *transport, const char *path, const json_t *then, const json_t *now, json_t *named)
{
    const char *member;
    json_t *value;
    size_t differ = 0;
    if (is_given(path))
        return 0;
    if (!json_is_object(now) || !json_is_object(then)) {
        if (then != NULL && is_equal(then, now))
            return 0;
        name_difference(transport, path, then, now, named);
        return 1;
    }
    json_object_foreach((json_t *)now, member, value) {
        char inner[PATH_SIZE];
        snprintf(inner, sizeof inner, "%.80s%s%.38s", path, path[0] == '\0' ? "" : ".", member);
        differ += compare(transport, inner, json_object_get(then, member), value, named);
    }
    return differ;
}

size_t ese_page_again_differences(const char *transport, const json_t *then, const json_t *now, json_t *named)
{
    return compare(transport, "", then, now, named);
}

json_t *ese_page_again(const json_t *written, const struct ese_results *judged,
                       const char troubles[ESE_RESULTS_TRANSPORTS][ESE_ARTIFACT_PATH_SIZE])
{
    char *text = ese_results_text(judged);
    json_t *again = json_loads(text, 0, NULL), *named = json_array(), *transports = json_array();
    const json_t *then = json_object_get(written, "transports"), *now = json_object_get(again, "transports");
    const char *trouble = "";
    size_t all = 0;
    for (int i = 0; i < judged->count; i++) {
        size_t differ = 0;
        if (troubles[i][0] == '\0')
            differ = ese_page_again_differences(judged->transports[i].name, json_array_get(then, (size_t)i),
                                                json_array_get(now, (size_t)i), named);
        else
            trouble = troubles[i];
        json_array_append_new(transports, json_pack("{s:s, s:s}", "word",
                                                    troubles[i][0] != '\0' ? "cannot" : differ > 0 ? "differs" : "same",
                                                    "reason", troubles[i]));
        all += differ;
    }
    json_decref(again);
    free(text);
    return json_pack("{s:s, s:s, s:I, s:o, s:o}", "word", all > 0 ? "differs" : trouble[0] != '\0' ? "cannot" : "same",
                     "reason", trouble, "more", (json_int_t)(all - json_array_size(named)), "members", named,
                     "transports", transports);
}
