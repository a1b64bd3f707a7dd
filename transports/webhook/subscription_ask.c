#include "transports/webhook/subscription_ask.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "ese-core/memory.h"
#include "transports/webhook/json_members.h"
#include "transports/webhook/push_headers.h"
#include "transports/webhook/signature.h"

/* A body, and what is looked for in it. */
struct body {
    const char *text;
    size_t length;
};

/* ---- members --------------------------------------------------------------------------------- */

static const char *kind_of(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT: return "object";
    case JSON_ARRAY: return "array";
    case JSON_STRING: return "string";
    case JSON_INTEGER:
    case JSON_REAL: return "number";
    default: return "bool";
    }
}

/* In the words of Go's encoding/json, which its clients know. */
static int fail_kind(const json_t *value, const char *name, const char *wanted, struct ese_error *error)
{
    return ese_fail(error, ESE_E_INVALID, "json: cannot unmarshal %s into Go struct field Subscription.%s of type %s",
                    kind_of(value), name, wanted);
}

/* Of several of that name the last; the caller's. NULL: there is none, or it is null, which to Go is the same. */
static json_t *member(const struct body *body, const char *name)
{
    size_t length;
    const char *text = ese_webhook_json_member(body->text, body->length, name, &length);
    json_t *value = text != NULL ? json_loadb(text, length, JSON_DECODE_ANY, NULL) : NULL;

    if (value == NULL && text != NULL)
        value = json_loadb(text, length, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL); /* beyond an integer */
    if (!json_is_null(value))
        return value;
    json_decref(value);
    return NULL;
}

/* The caller's; "" where there is none. */
static int read_text(const struct body *body, const char *name, char **text, struct ese_error *error)
{
    json_t *value = member(body, name);
    int result = 0;

    if (value == NULL)
        *text = ese_copy_text("");
    else if (json_is_string(value))
        *text = ese_copy_text(json_string_value(value));
    else
        result = fail_kind(value, name, "string", error);
    json_decref(value);
    return result;
}

/* ---- the original's -------------------------------------------------------------------------- */

static int read_json(const struct body *body, struct ese_error *error)
{
    json_error_t problem;
    json_t *value = json_loadb(body->text, body->length, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, &problem);
    int result = 0;

    if (body->length == 0)
        result = ese_fail(error, ESE_E_INVALID, "unexpected end of JSON input");
    else if (value == NULL)
        result = ese_fail(error, ESE_E_INVALID, "invalid JSON: %.200s", problem.text);
    else if (!json_is_object(value) && !json_is_null(value))
        result = ese_fail(error, ESE_E_INVALID,
                          "json: cannot unmarshal %s into Go value of type eventstore.Subscription", kind_of(value));
    json_decref(value);
    return result;
}

static int read_position(struct ese_webhook_ask *ask, const struct body *body, struct ese_error *error)
{
    json_t *value = member(body, "position");
    int result = 0;

    ask->has_position = value != NULL;
    ask->position = json_integer_value(value);
    if (value != NULL && !json_is_integer(value))
        result = fail_kind(value, "position", "int64", error);
    json_decref(value);
    return result;
}

static int read_name(struct ese_webhook_ask *ask, const struct body *body, struct ese_error *error)
{
    char *name = NULL;

    if (read_text(body, "name", &name, error) != 0)
        return -1;
    if (name[0] != '\0' && ese_fit_text(ask->name, sizeof(ask->name), name) != 0)
        ask->name[0] = '\0'; /* too long for any */
    free(name);
    return 0;
}

/* What can be of a wrong kind; headers are kept as they stand there. */
static int read_members(struct ese_webhook_ask *ask, const struct body *body, char **stream, struct ese_error *error)
{
    size_t length = 0;

    if (read_json(body, error) != 0 || read_name(ask, body, error) != 0 ||
        read_text(body, "stream", stream, error) != 0 || read_text(body, "url", &ask->wish.url, error) != 0 ||
        read_position(ask, body, error) != 0)
        return -1;
    const char *headers = ese_webhook_json_member(body->text, body->length, "headers", &length);
    ask->given.headers = headers != NULL && (length != 4 || memcmp(headers, "null", 4) != 0);
    ask->wish.headers = ese_copy_bytes(headers != NULL ? headers : "", length);
    return 0;
}

static int check_stream(struct ese_webhook_wish *wish, const char *stream, struct ese_error *error)
{
    if (stream[0] == '\0')
        return ese_fail(error, ESE_E_INVALID, "Stream name can not be empty");
    if (ese_webhook_stream_check(stream, error) != 0)
        return -1;
    return ese_fit_text(wish->stream, sizeof(wish->stream), stream);
}

static int check_members(struct ese_webhook_ask *ask, const char *stream, const struct ese_webhook_targets *targets,
                         struct ese_error *error)
{
    struct ese_webhook_wish *wish = &ask->wish;
    struct ese_webhook_headers headers;

    if (ese_webhook_subscription_check(ask->name, error) != 0 ||
        ese_fit_text(wish->name, sizeof(wish->name), ask->name) != 0)
        return ese_fail(error, ESE_E_INVALID, "Subscription name must match [a-z0-9_] regex. Must be alphanumeric, "
                                              "underscores are allowed.");
    if (check_stream(wish, stream, error) != 0)
        return -1;
    if (wish->url[0] == '\0')
        return ese_fail(error, ESE_E_INVALID, "Stream callback URL can not be empty");
    if (ese_webhook_targets_check_url(targets, wish->url, error) != 0 ||
        ese_webhook_headers_parse(wish->headers, &headers, error) != 0)
        return -1;
    ese_webhook_headers_clear(&headers);
    if (ask->position < ESE_WEBHOOK_AT_NEWEST)
        return ese_fail(error, ESE_E_INVALID, "position: %" PRId64 " is below -1", ask->position);
    return 0;
}

/* ---- ours ------------------------------------------------------------------------------------ */

/* An integer that fits; -1: it is none, or far out of any range. Not there: number stays. */
static int take_integer(const json_t *value, const char *name, int64_t *number, struct ese_error *error)
{
    if (value == NULL || json_is_null(value))
        return 0;
    if (!json_is_integer(value))
        return ese_fail(error, ESE_E_INVALID, "%s: a %s is no whole number", name, kind_of(value));
    *number = json_integer_value(value);
    if (*number < INT32_MIN || *number > INT32_MAX)
        return ese_fail(error, ESE_E_INVALID, "%s: %" PRId64 " is out of range", name, *number);
    return 0;
}

static int read_batch(struct ese_webhook_ask *ask, const struct body *body, struct ese_error *error)
{
    json_t *value = member(body, "batch");
    int64_t number = 1;

    ask->given.batch = value != NULL;
    int result = take_integer(value, "batch", &number, error);
    json_decref(value);
    ask->wish.batch = (int)number;
    return result;
}

/* A member of `retry`, found as those of the body are. */
static int take_of_retry(const struct body *retry, const char *name, int64_t *number, struct ese_error *error)
{
    char full[32];
    json_t *value = member(retry, name);

    snprintf(full, sizeof(full), "retry.%s", name);
    int result = take_integer(value, full, number, error);
    json_decref(value);
    return result;
}

static int read_retry(struct ese_webhook_ask *ask, const struct body *body, struct ese_error *error)
{
    struct ese_webhook_retry *retry = &ask->wish.retry;
    struct body own = {0};
    json_t *value = member(body, "retry");
    *retry = (struct ese_webhook_retry)ESE_WEBHOOK_RETRY_DEFAULT;
    int64_t tries = retry->tries, most_ms = INT64_MIN;
    int result = 0;

    ask->given.retry = value != NULL;
    if (value != NULL && !json_is_object(value))
        result = ese_fail(error, ESE_E_INVALID, "retry: a %s is no object of tries, first_ms and most_ms",
                          kind_of(value));
    json_decref(value);
    if (!ask->given.retry || result != 0)
        return result;
    own.text = ese_webhook_json_member(body->text, body->length, "retry", &own.length);
    if (take_of_retry(&own, "tries", &tries, error) != 0 ||
        take_of_retry(&own, "first_ms", &retry->first_ms, error) != 0 ||
        take_of_retry(&own, "most_ms", &most_ms, error) != 0)
        return -1;
    if (most_ms != INT64_MIN)
        retry->most_ms = most_ms;
    else if (retry->most_ms < retry->first_ms)
        retry->most_ms = retry->first_ms;
    retry->tries = (int)tries;
    return 0;
}

static int read_poison(struct ese_webhook_ask *ask, const struct body *body, struct ese_error *error)
{
    json_t *value = member(body, "poison");
    const char *word = json_string_value(value);
    int result = 0;

    ask->given.poison = value != NULL;
    if (word != NULL && strcmp(word, "aside") == 0)
        ask->wish.poison = ESE_WEBHOOK_ASIDE;
    else if (value != NULL && (word == NULL || strcmp(word, "stop") != 0))
        result = ese_fail(error, ESE_E_INVALID, "poison: \"%.80s\" is neither \"stop\" nor \"aside\"",
                          word != NULL ? word : "");
    json_decref(value);
    return result;
}

/* A secret's name is a file's. */
static int check_secret_name(const char *name, struct ese_error *error)
{
    size_t length = strlen(name);

    for (size_t i = 0; i < length; i++) {
        bool is_good = isascii((unsigned char)name[i]) &&
                       (isalnum((unsigned char)name[i]) || strchr("_-", name[i]) != NULL || (i > 0 && name[i] == '.'));
        if (!is_good || length > 100)
            return ese_fail(error, ESE_E_INVALID, "signed: '%.100s' is no name of a secret: letters, digits, '_', '-' "
                                                  "and '.' make one, at most 100", name);
    }
    return 0;
}

/* Who signs with what is not there would stand still from the beginning. */
static int read_signed(struct ese_webhook_ask *ask, const struct body *body, const char *secrets,
                       struct ese_error *error)
{
    struct ese_webhook_secret secret;
    json_t *value = member(body, "signed");

    ask->given.signed_by = value != NULL;
    json_decref(value);
    if (read_text(body, "signed", &ask->wish.signed_by, error) != 0)
        return -1;
    const char *name = ask->wish.signed_by;
    if (name[0] == '\0')
        return 0;
    if (secrets == NULL)
        return ese_fail(error, ESE_E_INVALID, "signed: this server has no directory of secrets");
    if (check_secret_name(name, error) != 0)
        return -1;
    int result = ese_webhook_secret_read_named(secrets, name, &secret, error);
    ese_webhook_secret_wipe(&secret);
    return result == 0 ? 0 : ese_fail_within(error, "signed");
}

static int read_ours(struct ese_webhook_ask *ask, const struct body *body, const char *secrets,
                     struct ese_error *error)
{
    if (read_batch(ask, body, error) != 0 || read_retry(ask, body, error) != 0 ||
        read_poison(ask, body, error) != 0 || read_signed(ask, body, secrets, error) != 0)
        return -1;
    return ese_webhook_wish_check(&ask->wish, error);
}

/* ---- asked again ----------------------------------------------------------------------------- */

/* In whatever order and with whatever blanks they stand there; none are as good as an empty object. */
static json_t *headers_of(const char *text)
{
    json_t *headers = json_loads(text, JSON_DECODE_ANY, NULL);

    if (json_is_object(headers))
        return headers;
    json_decref(headers);
    return json_object();
}

static bool same_headers(const char *one, const char *other)
{
    json_t *these = headers_of(one), *those = headers_of(other);
    bool same = json_equal(these, those) == 1;

    json_decref(these);
    json_decref(those);
    return same;
}

const char *ese_webhook_ask_other(const struct ese_webhook_ask *ask, const struct ese_webhook_wish *stored)
{
    const struct ese_webhook_wish *asked = &ask->wish;
    const struct ese_webhook_retry *retry = &asked->retry;

    if (ask->given.headers && !same_headers(asked->headers, stored->headers))
        return "headers";
    if (ask->given.batch && asked->batch != stored->batch)
        return "batch";
    if (ask->given.retry && (retry->tries != stored->retry.tries || retry->first_ms != stored->retry.first_ms ||
                             retry->most_ms != stored->retry.most_ms))
        return "retry";
    if (ask->given.poison && asked->poison != stored->poison)
        return "poison";
    if (ask->given.signed_by && strcmp(asked->signed_by, stored->signed_by) != 0)
        return "signed";
    return NULL;
}

/* ---------------------------------------------------------------------------------------------- */

int ese_webhook_ask_read(struct ese_webhook_ask *ask, const char *text, size_t length,
                         const struct ese_webhook_targets *targets, const char *secrets, struct ese_error *error)
{
    const struct body body = {.text = text, .length = length};
    char *stream = NULL;

    int result = read_members(ask, &body, &stream, error) != 0 ||
                         check_members(ask, stream, targets, error) != 0 ||
                         read_ours(ask, &body, secrets, error) != 0
                     ? -1
                     : 0;
    free(stream);
    return result;
}

void ese_webhook_ask_free(struct ese_webhook_ask *ask)
{
    ese_webhook_wish_clear(&ask->wish);
    free(ask);
}
