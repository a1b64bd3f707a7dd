#include "orchestration/lab/expectation_parts.h"

#include <ctype.h>
#include <jansson.h>
#include <string.h>

#include "ese-core/memory.h"
#include "ese-core/number.h"

#define BLANKS " \t\n\v\f\r"

static const char *const signs[COMPARISONS] = {
    [EQUAL] = "=", [UNEQUAL] = "!=", [LESS] = "<", [AT_MOST] = "<=", [MORE] = ">", [AT_LEAST] = ">=",
};

/* ---- reading --------------------------------------------------------------------------------- */

static char *next_word(char **rest)
{
    *rest += strspn(*rest, BLANKS);
    char *word = *rest;
    *rest += strcspn(*rest, BLANKS);
    if (**rest != '\0')
        *(*rest)++ = '\0';
    return word;
}

static bool is_number(const char *text, double *number)
{
    const char *end;
    bool is_below_0 = text[0] == '-';
    if (ese_number_read_decimal(text + is_below_0, &end, number) < 0 || *end != '\0')
        return false;
    *number = is_below_0 ? -*number : *number;
    return true;
}

static void trim(char *text)
{
    size_t length = strlen(text);
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        text[--length] = '\0';
}

/* A number, "[FACTOR *] [NAME/]member.of.it", or else a word. */
static int read_value(struct ese_expectation *made, char *text, struct ese_error *error)
{
    char *times = strstr(text, " * ");
    made->factor = 1;
    if (times != NULL) {
        *times = '\0';
        if (!is_number(text, &made->factor))
            return ese_fail(error, ESE_E_USAGE, "'%.60s' before the * is no number", text);
        text = times + 3;
    }
    made->value = text;
    made->kind = is_number(text, &made->number) ? NUMBER : strpbrk(text, "./") != NULL ? MEMBER : WORD;
    if (text[0] == '\0' || (times != NULL && made->kind != MEMBER))
        return ese_fail(error, ESE_E_USAGE, "behind the comparison '%.60s' is no value: give a number, a word or a "
                                            "member, such as ledger.offered", text);
    char *slash = made->kind == MEMBER ? strrchr(text, '/') : NULL;
    if (slash != NULL) {
        *slash = '\0';
        made->other = text;
        made->value = slash + 1;
    }
    return 0;
}

static enum ese_comparison_sign find_sign(const char *word)
{
    enum ese_comparison_sign found = 0;
    while (found < COMPARISONS && strcmp(signs[found], word) != 0)
        found++;
    return found;
}

/* Whether it begins with a blank, and two dashes that stand alone. */
static bool is_reason(const char *text)
{
    return strspn(text, BLANKS) > 0 && strncmp(text + 1, "--", 2) == 0 && strcspn(text + 3, BLANKS) == 0;
}

const char *ese_expectation_find_reason(const char *text)
{
    while (*text != '\0' && !is_reason(text))
        text++;
    return *text == '\0' ? NULL : text;
}

static int read_parts(struct ese_expectation *made, struct ese_error *error)
{
    static char nothing[] = "";
    char *rest = made->text;
    const char *reason = ese_expectation_find_reason(rest);
    made->reason = nothing;
    if (reason != NULL) {
        rest[reason - rest] = '\0';
        made->reason = rest + strlen(rest) + 3;
        made->reason += strspn(made->reason, BLANKS);
    }
    trim(rest);
    made->who = next_word(&rest);
    rest += strspn(rest, BLANKS);
    made->claim = ese_copy_text(rest);
    made->member = next_word(&rest);
    const char *sign = next_word(&rest);
    made->comparison = find_sign(sign);
    if (made->comparison == COMPARISONS)
        return ese_fail(error, ESE_E_USAGE, "'%.60s' is no comparison: write WHO MEMBER, then one of = != < <= > >=, "
                                            "then a value", sign);
    if (read_value(made, rest + strspn(rest, BLANKS), error) < 0)
        return -1;
    if (made->kind == WORD && made->comparison != EQUAL && made->comparison != UNEQUAL)
        return ese_fail(error, ESE_E_USAGE, "'%s %.60s': words have no order; compare one by = or !=, or give a number",
                        sign, made->value);
    return 0;
}

int ese_expectation_read(const char *text, struct ese_expectation **expectation, struct ese_error *error)
{
    struct ese_expectation *made = ese_alloc(sizeof *made);
    *expectation = made;
    made->text = ese_copy_text(text);
    if (read_parts(made, error) == 0)
        return 0;
    ese_expectation_free(expectation);
    return -1;
}

void ese_expectation_free(struct ese_expectation **expectation)
{
    struct ese_expectation *old = *expectation;
    if (old == NULL)
        return;
    free(old->claim);
    free(old->text);
    free(old);
    *expectation = NULL;
}

const char *ese_expectation_who(const struct ese_expectation *expectation)
{
    return expectation->who;
}

const char *ese_expectation_claim(const struct ese_expectation *expectation)
{
    return expectation->claim;
}

const char *ese_expectation_reason(const struct ese_expectation *expectation)
{
    return expectation->reason;
}

/* ---- who is meant ---------------------------------------------------------------------------- */

const char *ese_expectation_named(const struct ese_expectation *expectation, int i, size_t *length)
{
    const char *who = expectation->who, *other = expectation->other;
    while (strcmp(expectation->who, "all") != 0) {
        *length = strcspn(who, ",");
        if (i-- == 0)
            return who;
        if (who[*length] == '\0')
            break;
        who += *length + 1;
    }
    *length = other == NULL ? 0 : strlen(other);
    return i == 0 ? other : NULL;
}

bool ese_expectation_is_named(const char *name, size_t length, const char *specification)
{
    size_t plain = strcspn(specification, ":");
    return strlen(specification) == length ? strncmp(name, specification, length) == 0
                                           : plain == length && strncmp(name, specification, plain) == 0;
}

bool ese_expectation_is_of(const struct ese_expectation *expectation, const char *specification)
{
    const char *who = expectation->who;
    if (strcmp(who, "all") == 0)
        return true;
    while (*who != '\0') {
        size_t length = strcspn(who, ",");
        if (ese_expectation_is_named(who, length, specification))
            return true;
        who += length + (who[length] == ',');
    }
    return false;
}

static const char *name_of(const json_t *transport)
{
    const char *name = json_string_value(json_object_get(transport, "name"));
    return name == NULL ? "" : name;
}

static const json_t *find_other(const json_t *transports, const char *name)
{
    for (size_t i = 0; i < json_array_size(transports); i++) {
        const json_t *transport = json_array_get(transports, i);
        if (ese_expectation_is_named(name, strlen(name), name_of(transport)))
            return transport;
    }
    return NULL;
}

/* ---- looking --------------------------------------------------------------------------------- */

bool ese_expectation_is_index(const char *name, int64_t *index)
{
    return ese_number_parse(name, "an index", 0, INT32_MAX, index, NULL) == 0;
}

/* The elements of an array go by number, from 0. */
static const json_t *element_of(const json_t *array, const char *name)
{
    int64_t index;
    return ese_expectation_is_index(name, &index) ? json_array_get(array, (size_t)index) : NULL;
}

/* "ledger.lost_by.clash", "readers.0.missed". */
const json_t *ese_expectation_walk(const json_t *value, const char *path,
                                   const json_t *(*element)(const json_t *array, const char *name))
{
    char name[64];
    while (value != NULL && *path != '\0') {
        size_t length = strcspn(path, ".");
        if (length >= sizeof name)
            return NULL;
        memcpy(name, path, length);
        name[length] = '\0';
        value = json_is_array(value) ? element(value, name) : json_object_get(value, name);
        path += length + (path[length] == '.');
    }
    return value;
}

static const json_t *member_of(const json_t *value, const char *path)
{
    return ese_expectation_walk(value, path, element_of);
}

static void tell(const json_t *value, char *text, size_t size)
{
    if (json_is_string(value))
        snprintf(text, size, "%s", json_string_value(value));
    else if (json_is_integer(value))
        snprintf(text, size, "%lld", (long long)json_integer_value(value));
    else if (json_is_number(value))
        snprintf(text, size, "%g", json_number_value(value));
    else
        snprintf(text, size, "%s", json_is_true(value)    ? "true"
                                   : json_is_false(value) ? "false"
                                                          : "there is no such figure");
}

static bool holds(enum ese_comparison_sign comparison, double left, double right)
{
    switch (comparison) {
    case EQUAL: return !(left < right) && !(left > right);
    case UNEQUAL: return left < right || left > right;
    case LESS: return left < right;
    case AT_MOST: return left <= right;
    case MORE: return left > right;
    case AT_LEAST: return left >= right;
    default: return false;
    }
}

static bool word_holds(const struct ese_expectation *expectation, const json_t *figure)
{
    char text[64];
    tell(figure, text, sizeof text);
    bool is_same = strcmp(text, expectation->value) == 0;
    return expectation->comparison == EQUAL ? is_same : expectation->comparison == UNEQUAL && !is_same;
}

/* ---- what nobody has measured, or nobody is to judge by ---------------------------------------- */

static const char *last_of(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot == NULL ? path : dot + 1;
}

/* The percentile of nothing. */
static bool is_of_none(const json_t *of, const char *path)
{
    char parent[ESE_EXPECTATION_PATH_SIZE];
    const char *last = last_of(path);
    if (last == path || strlen(path) >= sizeof parent || strcmp(last, "count") == 0)
        return false;
    snprintf(parent, sizeof parent, "%.*s", (int)(last - path - 1), path);
    const json_t *count = json_object_get(member_of(of, parent), "count");
    return json_is_integer(count) && json_integer_value(count) == 0;
}

/* No figure of a run is below 0: -1 is a moment that did not come. */
static bool is_measured(const json_t *of, const char *path)
{
    const json_t *figure = member_of(of, path);
    return !(json_is_number(figure) && json_number_value(figure) < 0) && !is_of_none(of, path);
}

static bool ends_with(const char *word, size_t length, const char *ending)
{
    size_t size = strlen(ending);
    return length >= size && strncmp(word + length - size, ending, size) == 0;
}

/* Whether a length of time, or what was done in one; which of two moments (_ns) was first is no such thing, nor is how
 * many were measured. */
static bool is_time(const char *path)
{
    static const char *const endings[] = {"_us", "_ms", "cpu_s", "_per_s"};
    if (strcmp(last_of(path), "count") == 0)
        return false;
    for (;;) {
        size_t length = strcspn(path, ".");
        for (size_t i = 0; i < ESE_COUNT_OF(endings); i++) {
            if (ends_with(path, length, endings[i]))
                return true;
        }
        if (path[length] == '\0')
            return false;
        path += length + 1;
    }
}

/* Beside 0, or -1, it is asked whether there was such a moment, and not when. */
bool ese_expectation_is_timed(const struct ese_expectation *expectation)
{
    bool is_whether = expectation->kind == NUMBER && expectation->number <= 0;
    return !is_whether && (is_time(expectation->member) || (expectation->kind == MEMBER &&
                                                            is_time(expectation->value)));
}

static bool is_withheld(const json_t *transport)
{
    const char *word = json_string_value(member_of(transport, "verdict.timing.word"));
    return word != NULL && strcmp(word, "pass") != 0;
}

/* ---- and what of it holds -------------------------------------------------------------------- */

static enum ese_expectation_word word_of(bool is_met)
{
    return is_met ? ESE_EXPECTATION_MET : ESE_EXPECTATION_NOT_MET;
}

static void add(const char *more, char *text, size_t size)
{
    size_t length = strlen(text);
    snprintf(text + length, size - length, "%s", more);
}

/* A figure: of the transport, or of an element of one of its arrays. whose: the member it is compared with. */
static enum ese_expectation_word look_at(const struct ese_expectation *expectation, const json_t *of, const char *path,
                                         const json_t *whose, char *found, size_t size)
{
    const json_t *figure = member_of(of, path);
    bool is_whether = expectation->kind == NUMBER &&
                      (expectation->comparison == EQUAL || expectation->comparison == UNEQUAL);
    bool all_measured = is_measured(of, path);
    double right = expectation->number;
    tell(figure, found, size);
    if (expectation->kind == WORD)
        return word_of(figure != NULL && word_holds(expectation, figure));
    if (expectation->kind == MEMBER) {
        const json_t *value = member_of(whose, expectation->value);
        add(" beside ", found, size);
        tell(value, found + strlen(found), size - strlen(found));
        if (!json_is_number(value))
            return ESE_EXPECTATION_NOT_MET;
        all_measured = all_measured && is_measured(whose, expectation->value);
        right = expectation->factor * json_number_value(value);
    }
    if (!all_measured && !is_whether) {
        add(": not measured", found, size);
        return ESE_EXPECTATION_NOT_MET;
    }
    return word_of(json_is_number(figure) && holds(expectation->comparison, json_number_value(figure), right));
}

/* "readers.*.missed": of each. Where there is none, there is no such figure. */
static enum ese_expectation_word look_at_each(const struct ese_expectation *expectation, const json_t *transport,
                                              const char *star, const json_t *whose, char *found, size_t size)
{
    char array_path[ESE_EXPECTATION_PATH_SIZE], which[40];
    snprintf(array_path, sizeof array_path, "%.*s", (int)(star - expectation->member), expectation->member);
    const json_t *array = member_of(transport, array_path);
    size_t count = json_array_size(array);
    tell(NULL, found, size);
    for (size_t i = 0; i < count; i++) {
        if (look_at(expectation, json_array_get(array, i), star + strlen(ESE_EXPECTATION_EACH), whose, found, size) ==
            ESE_EXPECTATION_MET)
            continue;
        snprintf(which, sizeof which, " in number %zu", i);
        add(which, found, size);
        return ESE_EXPECTATION_NOT_MET;
    }
    snprintf(which, sizeof which, ", the last of %zu", count);
    if (count > 0)
        add(which, found, size);
    return word_of(count > 0);
}

enum ese_expectation_word ese_expectation_look(const struct ese_expectation *expectation, const json_t *transport,
                                               const json_t *transports, char *found, size_t size)
{
    const json_t *whose = expectation->other == NULL ? transport : find_other(transports, expectation->other);
    if (expectation->kind == MEMBER && whose == NULL) {
        snprintf(found, size, "%s does not take part", expectation->other);
        return ESE_EXPECTATION_NOT_LOOKED_AT;
    }
    if (ese_expectation_is_timed(expectation) && (is_withheld(transport) || is_withheld(whose))) {
        snprintf(found, size, "the timing of %s is withheld", name_of(is_withheld(transport) ? transport : whose));
        return ESE_EXPECTATION_WITHHELD;
    }
    const char *star = strstr(expectation->member, ESE_EXPECTATION_EACH);
    return star != NULL ? look_at_each(expectation, transport, star, whose, found, size)
                        : look_at(expectation, transport, expectation->member, whose, found, size);
}
