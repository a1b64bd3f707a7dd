/* Whether an expectation could hold at all: what could not is a slip, and would be found out when the run is over. */
#include <jansson.h>
#include <string.h>

#include "orchestration/lab/expectation_parts.h"
#include "orchestration/lab/judgement.h"

/* Of a specimen's each stands for all. */
static const json_t *any_element_of(const json_t *array, const char *name)
{
    int64_t index;
    return ese_expectation_is_index(name, &index) ? json_array_get(array, 0) : NULL;
}

static const json_t *member_of(const json_t *specimen, const char *path)
{
    return ese_expectation_walk(specimen, path, any_element_of);
}

static int fail_as_unknown(const char *path, struct ese_error *error)
{
    return ese_fail(error, ESE_E_USAGE, "'%.80s' is no figure that a transport has in results.json: docs/results.md "
                                        "names all of them", path);
}

/* Whether it is one figure, and not several of them. */
static bool is_figure(const json_t *value)
{
    return value != NULL && !json_is_object(value) && !json_is_array(value);
}

static bool is_verdict(const char *word)
{
    bool is_one = false;
    for (enum ese_verdict_word which = ESE_VERDICT_PASS; which <= ESE_VERDICT_CANNOT_TELL; which++)
        is_one = is_one || strcmp(word, ese_verdict_text(which)) == 0;
    return is_one;
}

/* A word that the figure cannot be. */
static int check_word(const char *path, const char *word, const json_t *figure, struct ese_error *error)
{
    const char *dot = strrchr(path, '.');
    if (json_is_number(figure))
        return ese_fail(error, ESE_E_USAGE, "'%.80s' is a number, and '%.40s' is none", path, word);
    if (json_is_boolean(figure) && strcmp(word, "true") != 0 && strcmp(word, "false") != 0)
        return ese_fail(error, ESE_E_USAGE, "'%.80s' is true or false, and never '%.40s'", path, word);
    if (dot != NULL && strcmp(dot, ".word") == 0 && !is_verdict(word))
        return ese_fail(error, ESE_E_USAGE, "'%.80s' is pass, fail or cannot tell, and never '%.40s'", path, word);
    return 0;
}

/* A number, whether it is written there or another figure's, is beside a number only: ese_expectation_look meets
 * nothing else. */
static int check_number(const char *path, const json_t *figure, const char *value, struct ese_error *error)
{
    return json_is_number(figure) ? 0
                                  : ese_fail(error, ESE_E_USAGE, "'%.80s' is no number, and cannot be compared with "
                                                                 "%.80s", path, value);
}

static int check_kinds(const struct ese_expectation *expectation, const json_t *figure, const json_t *value,
                       struct ese_error *error)
{
    if (expectation->kind == WORD)
        return check_word(expectation->member, expectation->value, figure, error);
    if (check_number(expectation->member, figure, expectation->value, error) < 0)
        return -1;
    return expectation->kind == NUMBER ? 0 : check_number(expectation->value, value, expectation->member, error);
}

/* One beyond the readers that there are to be. */
static int check_reader(const char *path, int64_t readers, struct ese_error *error)
{
    static const char of_readers[] = "readers.";
    char name[24];
    int64_t index;
    if (strncmp(path, of_readers, strlen(of_readers)) != 0)
        return 0;
    path += strlen(of_readers);
    snprintf(name, sizeof name, "%.*s", (int)strcspn(path, "."), path);
    if (!ese_expectation_is_index(name, &index) || index < readers)
        return 0;
    if (readers == 0)
        return ese_fail(error, ESE_E_USAGE, "there is no reader %s: there are none; say by readers how many there are "
                                            "to be", name);
    return ese_fail(error, ESE_E_USAGE, "there is no reader %s: there are %lld, counted from 0; say by readers how "
                                        "many there are to be", name, (long long)readers);
}

int ese_expectation_check_readers(const struct ese_expectation *expectation, int64_t readers, struct ese_error *error)
{
    if (check_reader(expectation->member, readers, error) < 0)
        return -1;
    return expectation->kind == MEMBER ? check_reader(expectation->value, readers, error) : 0;
}

int ese_expectation_check(const struct ese_expectation *expectation, const json_t *specimen, struct ese_error *error)
{
    const char *path = expectation->member, *star = strstr(path, ESE_EXPECTATION_EACH);
    const json_t *whose = specimen;
    if (star != NULL) {
        char array[ESE_EXPECTATION_PATH_SIZE];
        snprintf(array, sizeof array, "%.*s", (int)(star - path), path);
        whose = json_array_get(member_of(specimen, array), 0);
        path = star + strlen(ESE_EXPECTATION_EACH);
    }
    const json_t *figure = member_of(whose, path), *value = NULL;
    if (!is_figure(figure))
        return fail_as_unknown(expectation->member, error);
    if (expectation->kind == MEMBER) {
        value = member_of(specimen, expectation->value);
        if (!is_figure(value))
            return fail_as_unknown(expectation->value, error);
    }
    return check_kinds(expectation, figure, value, error);
}
