#include "orchestration/proxy/condition.h"

#include <string.h>

#include "ese-core/memory.h"
#include "ese-core/number.h"
#include "ese-core/clock.h"

#define WORDS 4
#define TEXT_SIZE 128

/* The words of a condition, taken one by one. */
struct words {
    char text[TEXT_SIZE];
    const char *list[WORDS + 1]; /* NULL behind the last */
};

static int split(const char *text, struct words *words)
{
    int count = 0;
    *words = (struct words){0};
    if (ese_fit_text(words->text, sizeof words->text, text) != 0)
        return -1;
    char *rest = words->text;
    for (char *word; (word = strsep(&rest, " ")) != NULL; count++) {
        if (count == WORDS || word[0] == '\0')
            return -1;
        words->list[count] = word;
    }
    return 0;
}

static int read_latency(const char *const *values, struct ese_proxy_condition *condition, struct ese_error *error)
{
    int64_t latency_ms, jitter_ms = 0;
    if (ese_number_parse(values[0], "latency", 0, ESE_PROXY_LATENCY_MOST_MS, &latency_ms, error) != 0)
        return -1;
    if (values[1] != NULL &&
        (strcmp(values[1], "jitter") != 0 || values[2] == NULL ||
         ese_number_parse(values[2], "jitter", 0, ESE_PROXY_LATENCY_MOST_MS, &jitter_ms, error) != 0))
        return ese_fail(error, ESE_E_USAGE, "behind latency MS there may be: jitter MS");
    condition->latency_ns = latency_ms * ESE_NS_PER_MS;
    condition->jitter_ns = jitter_ms * ESE_NS_PER_MS;
    return 0;
}

static int read_bandwidth(const char *const *values, struct ese_proxy_condition *condition, struct ese_error *error)
{
    return ese_number_parse(values[0], "bandwidth", 1, ESE_PROXY_BANDWIDTH_MOST, &condition->bytes_per_s, error);
}

static int read_cut(const char *const *values, struct ese_proxy_condition *condition, struct ese_error *error)
{
    bool both = strcmp(values[0], "both") == 0;
    condition->cut[ESE_PROXY_FORWARD] = both || strcmp(values[0], "forward") == 0;
    condition->cut[ESE_PROXY_BACKWARD] = both || strcmp(values[0], "backward") == 0;
    if (condition->cut[ESE_PROXY_FORWARD] || condition->cut[ESE_PROXY_BACKWARD])
        return 0;
    return ese_fail(error, ESE_E_USAGE, "cut '%.40s': forward, backward or both", values[0]);
}

static int read_half_open(const char *const *values, struct ese_proxy_condition *condition, struct ese_error *error)
{
    bool near = strcmp(values[0], "near") == 0;
    condition->gone = near ? ESE_PROXY_NEAR : ESE_PROXY_FAR;
    if (near || strcmp(values[0], "far") == 0)
        return 0;
    return ese_fail(error, ESE_E_USAGE, "half-open '%.40s': the end that is gone, near or far", values[0]);
}

static const struct {
    const char *name;
    int least, most; /* words behind it */
    int (*read)(const char *const *values, struct ese_proxy_condition *condition, struct ese_error *error);
} verbs[] = {
    [ESE_PROXY_LATENCY] = {"latency", 1, 3, read_latency},
    [ESE_PROXY_BANDWIDTH] = {"bandwidth", 1, 1, read_bandwidth},
    [ESE_PROXY_CUT] = {"cut", 1, 1, read_cut},
    [ESE_PROXY_HALF_OPEN] = {"half-open", 1, 1, read_half_open},
    [ESE_PROXY_RESET] = {"reset", 0, 0, NULL},
    [ESE_PROXY_RESTORE] = {"restore", 0, 0, NULL},
};

int ese_proxy_condition_parse(const char *text, struct ese_proxy_condition *condition, struct ese_error *error)
{
    struct words words;
    int verb = 0, count = 0;
    bool is_split = split(text, &words) == 0;
    while (is_split && verb < (int)ESE_COUNT_OF(verbs) && strcmp(verbs[verb].name, words.list[0]) != 0)
        verb++;
    while (is_split && words.list[count + 1] != NULL)
        count++;
    if (!is_split || verb == (int)ESE_COUNT_OF(verbs) || count < verbs[verb].least || count > verbs[verb].most)
        return ese_fail(error, ESE_E_USAGE,
                        "'%.80s' is no condition of a line: latency MS [jitter MS], bandwidth BYTES, "
                        "cut forward|backward|both, half-open near|far, reset, or restore", text);
    *condition = (struct ese_proxy_condition){.verb = (enum ese_proxy_verb)verb};
    return verbs[verb].read == NULL ? 0 : verbs[verb].read(words.list + 1, condition, error);
}
