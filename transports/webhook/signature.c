#include "transports/webhook/signature.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "ese-core/base64.h"
#include "ese-core/buffer.h"
#include "ese-core/digest.h"
#include "ese-core/number.h"
#include "ese-core/secret.h"

#define PREFIX "whsec_"
#define SCHEME "v1,"
#define ONE_LENGTH (sizeof SCHEME - 1 + 44) /* of one signature: 32 bytes are 44 characters */
#define BLANKS " \t\r"

/* ---- secrets --------------------------------------------------------------------------------- */

/* what: how an error names the file; never the line's text. */
static int add_key(struct ese_webhook_secret *secret, const char *text, size_t length, const char *what, int line,
                   struct ese_error *error)
{
    size_t prefix = sizeof PREFIX - 1;
    if (secret->count == ESE_WEBHOOK_KEYS)
        return ese_fail(error, ESE_E_USAGE,
                        "%.256s, line %d: more than %d secrets: drop those that nobody signs with any more", what, line,
                        ESE_WEBHOOK_KEYS);
    uint8_t *bytes = secret->keys[secret->count].bytes;
    int count = -1;
    if (length >= prefix && memcmp(text, PREFIX, prefix) == 0)
        count = ese_base64_read(text + prefix, length - prefix, bytes, ESE_WEBHOOK_KEY_MOST);
    if (count < ESE_WEBHOOK_KEY_LEAST)
        return ese_fail(error, ESE_E_USAGE,
                        "%.256s, line %d: a secret must be " PREFIX " and behind it %d to %d bytes in base64, as of: "
                        "echo " PREFIX "$(openssl rand -base64 32)",
                        what, line, ESE_WEBHOOK_KEY_LEAST, ESE_WEBHOOK_KEY_MOST);
    secret->keys[secret->count++].length = (size_t)count;
    return 0;
}

static int add_keys(struct ese_webhook_secret *secret, const char *text, const char *what, struct ese_error *error)
{
    for (int line = 1; *text != '\0'; line++) {
        size_t whole = strcspn(text, "\n"), before = strspn(text, BLANKS), length = whole;
        while (length > before && strchr(BLANKS, text[length - 1]) != NULL)
            length--;
        if (length > before && add_key(secret, text + before, length - before, what, line, error) != 0)
            return -1;
        text += whole + (text[whole] == '\n');
    }
    if (secret->count == 0)
        return ese_fail(error, ESE_E_USAGE, "%.200s has no secret: give one a line", what);
    return 0;
}

/* shown: what errors call the file. */
static int read_secret(const char *path, const char *shown, struct ese_webhook_secret *secret,
                       struct ese_error *error)
{
    char text[ESE_SECRET_SIZE], what[256];
    const struct ese_secret_place place = {
        .path = path, .shown = shown, .what = "the webhook secret file", .takes_all = true};
    *secret = (struct ese_webhook_secret){.count = 0};
    snprintf(what, sizeof what, "the webhook secret file '%.200s'", shown);
    int found = ese_secret_read(&place, text, error);
    int result = found == 1 ? add_keys(secret, text, what, error) : found;
    if (result != 0)
        ese_webhook_secret_wipe(secret);
    explicit_bzero(text, sizeof text);
    return result;
}

int ese_webhook_secret_read(const char *path, struct ese_webhook_secret *secret, struct ese_error *error)
{
    return read_secret(path, path, secret, error);
}

int ese_webhook_secret_read_named(const char *directory, const char *name, struct ese_webhook_secret *secret,
                                  struct ese_error *error)
{
    struct ese_buffer path = ESE_BUFFER_INIT(SIZE_MAX);
    ese_buffer_printf(&path, "%s/%s", directory, name);
    int result = read_secret(path.text, name, secret, error);
    ese_buffer_free(&path);
    return result;
}

void ese_webhook_secret_wipe(struct ese_webhook_secret *secret)
{
    explicit_bzero(secret, sizeof *secret);
}

/* ---- signing --------------------------------------------------------------------------------- */

/* A '.' would let "a.1", 2 and a body be taken for "a", 1 and "2." with that body; a control character would be another
 * header's beginning. */
bool ese_webhook_is_id(const char *id)
{
    size_t length = 0;
    while (id[length] > ' ' && id[length] <= '~' && id[length] != '.')
        length++;
    return length > 0 && length <= ESE_WEBHOOK_ID_MOST && id[length] == '\0';
}

static int check_id(const char *id, struct ese_error *error)
{
    if (ese_webhook_is_id(id))
        return 0;
    return ese_fail(error, ESE_E_INVALID, "webhook-id must be 1 to %d visible characters without a '.'",
                    ESE_WEBHOOK_ID_MOST);
}

/* One signature, as it stands in the header. */
static void sign(const struct ese_webhook_secret *secret, size_t key, const char *id, const char *timestamp,
                 const void *body, size_t length, char text[ONE_LENGTH + 1])
{
    uint8_t code[ESE_DIGEST_SIZE];
    const struct ese_digest_part parts[] = {
        {id, strlen(id)}, {".", 1}, {timestamp, strlen(timestamp)}, {".", 1}, {body, length}};
    struct ese_buffer encoded = ESE_BUFFER_INIT(ONE_LENGTH);
    ese_digest_keyed(secret->keys[key].bytes, secret->keys[key].length, parts, sizeof parts / sizeof parts[0], code);
    ese_base64_write(code, sizeof code, &encoded);
    snprintf(text, ONE_LENGTH + 1, SCHEME "%s", encoded.text);
    ese_buffer_free(&encoded);
}

int ese_webhook_sign(const struct ese_webhook_secret *secret, const char *id, int64_t timestamp_s, const void *body,
                     size_t length, char signature[ESE_WEBHOOK_SIGNATURE_SIZE], struct ese_error *error)
{
    char timestamp[32];
    assert(secret->count > 0 && secret->count <= ESE_WEBHOOK_KEYS && timestamp_s >= 0);
    signature[0] = '\0';
    if (check_id(id, error) != 0)
        return -1;
    snprintf(timestamp, sizeof timestamp, "%" PRId64, timestamp_s);
    char *end = signature;
    for (size_t i = 0; i < secret->count; i++) {
        if (i > 0)
            *end++ = ' ';
        sign(secret, i, id, timestamp, body, length, end);
        end += ONE_LENGTH;
    }
    return 0;
}

/* ---- verifying ------------------------------------------------------------------------------- */

/* The text is signed as it came, so "007" is another one than "7". */
static int check_time(const char *timestamp, int64_t now_s, int64_t tolerance_s, struct ese_error *error)
{
    int64_t signed_s = 0;
    if (ese_number_parse(timestamp, "webhook-timestamp", 0, INT64_MAX, &signed_s, NULL) != 0)
        return ese_fail(error, ESE_E_INVALID, "webhook-timestamp must be a whole number of Unix seconds");
    if (signed_s < now_s && now_s - signed_s > tolerance_s)
        return ese_fail(error, ESE_E_TIMEOUT,
                        "webhook-timestamp %" PRId64 " is too old: %" PRId64 " s, and %" PRId64 " s are allowed",
                        signed_s, now_s - signed_s, tolerance_s);
    if (signed_s > now_s && signed_s - now_s > tolerance_s)
        return ese_fail(error, ESE_E_TIMEOUT,
                        "webhook-timestamp %" PRId64 " is too new: %" PRId64 " s from now, and %" PRId64
                        " s are allowed; look at both clocks", signed_s, signed_s - now_s, tolerance_s);
    return 0;
}

/* All of the list are looked at: how long it takes tells not which it was. */
static bool is_listed(const char *list, const char *wanted)
{
    bool found = false;
    while (*list != '\0') {
        size_t length = strcspn(list, " ");
        if (length == ONE_LENGTH)
            found = ese_digest_same(list, wanted, ONE_LENGTH) || found;
        list += length + (list[length] == ' ');
    }
    return found;
}

static int check_there(const char *header, const char *name, struct ese_error *error)
{
    if (header != NULL && header[0] != '\0')
        return 0;
    return ese_fail(error, ESE_E_INVALID, "the header %s is missing: it is not signed", name);
}

int ese_webhook_verify(const struct ese_webhook_secret *secret, const struct ese_webhook_signed *headers,
                       const void *body, size_t length, int64_t now_s, int64_t tolerance_s, struct ese_error *error)
{
    char wanted[ONE_LENGTH + 1];
    bool found = false;
    assert(secret->count <= ESE_WEBHOOK_KEYS && now_s >= 0 && tolerance_s >= 0);
    if (check_there(headers->id, "webhook-id", error) != 0 ||
        check_there(headers->timestamp, "webhook-timestamp", error) != 0 ||
        check_there(headers->signature, "webhook-signature", error) != 0 || check_id(headers->id, error) != 0 ||
        check_time(headers->timestamp, now_s, tolerance_s, error) != 0)
        return -1;
    for (size_t i = 0; i < secret->count; i++) {
        sign(secret, i, headers->id, headers->timestamp, body, length, wanted);
        found = is_listed(headers->signature, wanted) || found;
    }
    if (found)
        return 0;
    return ese_fail(error, ESE_E_INVALID,
                    "webhook-signature: none fits this id, time and body with a secret known here");
}
