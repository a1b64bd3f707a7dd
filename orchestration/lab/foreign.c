#include "orchestration/lab/foreign.h"

#include <jansson.h>
#include <unistd.h>

#include "ese-core/memory.h"
#include "orchestration/lab/artifacts.h"

#define RUN "run.json"
#define VERSION 1

bool ese_foreign_is(const char *directory)
{
    char path[ESE_ARTIFACT_PATH_SIZE];
    return ese_artifact_path(directory, RUN, path, NULL) == 0 && access(path, F_OK) == 0;
}

static int fail_member(const char *name, const char *wanted, struct ese_error *error)
{
    return ese_fail(error, ESE_E_INVALID, "\"%s\": give %s", name, wanted);
}

/* Missing is none of what is promised: a transport is held to what it promises, and to no more. */
static int take_promise(const json_t *promises, const char *name, bool *promised, struct ese_error *error)
{
    const json_t *value = json_object_get(promises, name);
    *promised = json_is_true(value);
    return value == NULL || json_is_boolean(value) ? 0 : fail_member(name, "true or false", error);
}

/* The first member that is none of those known; NULL: all are. */
static const char *first_unknown(const json_t *object, const char *const known[], size_t count)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value) {
        size_t i = 0;
        while (i < count && strcmp(known[i], name) != 0)
            i++;
        if (i == count)
            return name;
    }
    return NULL;
}

/* A promise that nobody knows would be one that nobody holds anybody to. */
static int check_names(const json_t *promises, struct ese_error *error)
{
    static const char *const known[] = {"delivery", "ordered_per_key", "replayable", "shares_work",
                                        "retry_stored_once"};
    const char *name = first_unknown(promises, known, ESE_COUNT_OF(known));
    return name == NULL ? 0
                        : ese_fail(error, ESE_E_INVALID,
                                   "\"promises\": there is no promise \"%.60s\", only delivery, "
                                   "ordered_per_key, replayable, shares_work and retry_stored_once", name);
}

/* And what is misspelt would be left out, and nobody told. */
static int check_members(const json_t *root, struct ese_error *error)
{
    static const char *const known[] = {"run", "name", "promises", "durability", "rate", "warmup_s", "stale_after_ms"};
    const char *name = first_unknown(root, known, ESE_COUNT_OF(known));
    return name == NULL ? 0
                        : ese_fail(error, ESE_E_INVALID, "\"%.60s\": there is no such member, only run, name, "
                                                         "promises, durability, rate, warmup_s and stale_after_ms",
                                                         name);
}

static int take_delivery(const json_t *promises, enum ese_delivery *delivery, struct ese_error *error)
{
    const char *word = json_string_value(json_object_get(promises, "delivery"));
    if (word != NULL && strcmp(word, "at_least_once") == 0)
        *delivery = ESE_DELIVERY_AT_LEAST_ONCE;
    else if (word != NULL && strcmp(word, "at_most_once") == 0)
        *delivery = ESE_DELIVERY_AT_MOST_ONCE;
    else
        return fail_member("delivery", "\"at_least_once\", or \"at_most_once\" where acknowledged events may be lost",
                           error);
    return 0;
}

static int take_promises(const json_t *root, struct ese_promises *promises, struct ese_error *error)
{
    const json_t *object = json_object_get(root, "promises");
    *promises = (struct ese_promises){.positions_survive = true};
    if (!json_is_object(object))
        return fail_member("promises", "an object, with \"delivery\" at least", error);
    return check_names(object, error) == -1 || take_delivery(object, &promises->delivery, error) == -1 ||
                   take_promise(object, "ordered_per_key", &promises->ordered_per_key, error) == -1 ||
                   take_promise(object, "replayable", &promises->replayable, error) == -1 ||
                   take_promise(object, "shares_work", &promises->shares_work, error) == -1 ||
                   take_promise(object, "retry_stored_once", &promises->retry_stored_once, error) == -1
               ? -1
               : 0;
}

static int take_number(const json_t *root, const char *name, int64_t most, int64_t *number, struct ese_error *error)
{
    const json_t *value = json_object_get(root, name);
    *number = json_integer_value(value);
    if (value == NULL || (json_is_integer(value) && *number >= 0 && *number <= most))
        return 0;
    return ese_fail(error, ESE_E_INVALID, "\"%s\": give a whole number from 0 to %lld, or leave it out", name,
                    (long long)most);
}

static int take_durability(const json_t *root, enum ese_durability *durability, struct ese_error *error)
{
    const json_t *value = json_object_get(root, "durability");
    *durability = value == NULL ? ESE_DURABILITY_MEMORY
                                : ese_durability_parse(json_is_string(value) ? json_string_value(value) : "");
    return *durability != 0 ? 0 : fail_member("durability", "\"memory\", \"os\", \"disk\" or \"replicas\"", error);
}

static int take_run(const json_t *root, struct ese_foreign *foreign, struct ese_error *error)
{
    const char *name = json_string_value(json_object_get(root, "name"));
    int64_t version;
    if (!json_is_object(root))
        return ese_fail(error, ESE_E_INVALID, "a JSON object is expected");
    if (take_number(root, "run", INT32_MAX, &version, error) == -1 || version != VERSION)
        return fail_member("run", "1, the version of this format", error);
    if (check_members(root, error) == -1)
        return -1;
    if (name == NULL || name[0] == '\0' || ese_fit_text(foreign->name, sizeof foreign->name, name) == -1)
        return fail_member("name", "a text of 1 to 63 bytes: what to call it", error);
    return take_number(root, "rate", 1000000, &foreign->rate, error) == -1 ||
                   take_number(root, "warmup_s", 86400, &foreign->warmup_s, error) == -1 ||
                   take_number(root, "stale_after_ms", ESE_STALE_MOST_MS, &foreign->stale_after_ms, error) == -1 ||
                   take_durability(root, &foreign->durability, error) == -1
               ? -1
               : take_promises(root, &foreign->promises, error);
}

int ese_foreign_read(const char *directory, struct ese_foreign *foreign, struct ese_error *error)
{
    char path[ESE_ARTIFACT_PATH_SIZE];
    json_error_t wrong;
    if (ese_artifact_path(directory, RUN, path, error) == -1)
        return -1;
    if (access(path, F_OK) != 0)
        return ese_fail(error, ESE_E_MISSING,
                        "there is no %s: a run of your own has run.json, client.ndjson and consumer-1.ndjson there "
                        "(docs/evidence.md)", path);
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &wrong);
    int status = root == NULL ? ese_fail(error, ESE_E_INVALID, "no JSON: %s in line %d", wrong.text, wrong.line)
                              : take_run(root, foreign, error);
    json_decref(root);
    return status == 0 ? 0 : ese_fail_within(error, "%s", path);
}
