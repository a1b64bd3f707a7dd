#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "ese-core/memory.h"
#include "tests/support/directory.h"
#include "tests/unit/webhook_secret.h"
#include "transports/webhook/signature.h"

/* The example that all libraries of the specification are tried with (github.com/standard-webhooks/standard-webhooks,
 * libraries/javascript/src/webhook.test.ts): what "sign" is to make of it, its secret, and a key that has made none. */
#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define ID "msg_p5jXN8AQM9LWM0D4loKWxJek"
#define TIME_S 1614265330
#define TIME "1614265330"
#define BODY "{\"test\": 2432232314}"
#define SIGNATURE "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#define FOREIGN "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="
#define OTHER_SECRET "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"

/* ---- secrets --------------------------------------------------------------------------------- */

/* What a file with that text gives: how many secrets, or -1 and a text with those words in it. */
static void assert_file(const char *content, int expected, const char *words)
{
    char *directory = ese_test_directory_make();
    char *path = ese_test_path(directory, "secrets");
    struct ese_webhook_secret secret, none = {.count = 0};
    struct ese_error error = {0};
    webhook_secret_write(path, content);
    memset(&secret, 'x', sizeof secret);
    int result = ese_webhook_secret_read(path, &secret, &error);
    if (result != 0)
        assert_memory_equal(&secret, &none, sizeof none);
    assert_int_equal(result != 0 ? -1 : (int)secret.count, expected);
    assert_int_equal(error.code, result != 0 ? ESE_E_USAGE : ESE_OK);
    if (words != NULL && (strstr(error.text, words) == NULL || strstr(error.text, path) == NULL))
        fail_msg("\"%s\" has no \"%s\", or names no file", error.text, words);
    assert_null(strstr(error.text, "MfKQ"));
    free(path);
    ese_test_directory_remove(&directory);
}

static void each_line_of_a_file_is_one(void **state)
{
    (void)state;
    assert_file(SECRET "\n", 1, NULL);
    assert_file(SECRET, 1, NULL);
    assert_file("\n  " SECRET " \r\n\n\t" OTHER_SECRET "\n", 2, NULL);
    assert_file(SECRET "\n" SECRET "\n" SECRET "\n" SECRET "\n", ESE_WEBHOOK_KEYS, NULL);
    assert_file(SECRET "\n" SECRET "\n" SECRET "\n" SECRET "\n" SECRET "\n", -1, "line 5: more than 4");
    assert_file(SECRET "\nMfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n", -1, "line 2: a secret must be whsec_");
    assert_file(SECRET " " OTHER_SECRET "\n", -1, "line 1: a secret must be");
    assert_file(SECRET "MfKQ=\n", -1, "line 1: a secret must be");
    assert_file("WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n", -1, "line 1: a secret must be");
    assert_file("whsec_\n", -1, "line 1: a secret must be");
    assert_file(" \n\t\n", -1, "has no secret");
    assert_file("", -1, "must be 1 to");
}

static void a_secret_has_bounds(void **state)
{
    (void)state;
    static const struct {
        const char *behind;
        int count;
    } ends[] = {{"", -1}, {"AAA=", -1}, {"AAAA", 24}, {"AAAAAA==", 25}};
    struct ese_webhook_secret secret;
    char text[128];
    for (size_t i = 0; i < ESE_COUNT_OF(ends); i++) {
        snprintf(text, sizeof text, "whsec_%028d%s", 0, ends[i].behind);
        assert_int_equal(webhook_secret_of(text, &secret), ends[i].count < 0 ? -1 : 0);
        assert_int_equal(ends[i].count < 0 ? -1 : (int)secret.keys[0].length, ends[i].count);
    }
    snprintf(text, sizeof text, "whsec_%084dAA==", 0);
    assert_int_equal(webhook_secret_of(text, &secret), 0);
    assert_int_equal(secret.keys[0].length, ESE_WEBHOOK_KEY_MOST);
    snprintf(text, sizeof text, "whsec_%084dAAA=", 0);
    assert_int_equal(webhook_secret_of(text, &secret), -1);
    assert_int_equal(secret.count, 0);
}

static void a_file_that_others_read_is_refused(void **state)
{
    (void)state;
    char *directory = ese_test_directory_make();
    char *path = ese_test_path(directory, "secrets");
    struct ese_webhook_secret secret;
    struct ese_error error = {0};
    webhook_secret_write(path, SECRET);
    chmod(path, 0644);
    assert_int_equal(ese_webhook_secret_read(path, &secret, &error), -1);
    assert_non_null(strstr(error.text, "chmod 600"));
    chmod(path, 0600);
    assert_int_equal(ese_webhook_secret_read(path, &secret, &error), 0);
    free(path);
    ese_test_directory_remove(&directory);
}

static void a_wiped_one_is_gone(void **state)
{
    (void)state;
    struct ese_webhook_secret secret, none = {.count = 0};
    assert_int_equal(webhook_secret_of(SECRET, &secret), 0);
    ese_webhook_secret_wipe(&secret);
    assert_memory_equal(&secret, &none, sizeof none);
}

/* ---- signing --------------------------------------------------------------------------------- */

static struct ese_webhook_secret secret_of(const char *first, const char *second)
{
    struct ese_webhook_secret secret;
    char lines[256];
    snprintf(lines, sizeof lines, "%s\n%s\n", first, second != NULL ? second : "");
    assert_int_equal(webhook_secret_of(lines, &secret), 0);
    return secret;
}

static void the_published_example_is_met(void **state)
{
    (void)state;
    char signature[ESE_WEBHOOK_SIGNATURE_SIZE];
    const struct ese_webhook_secret secret = secret_of(SECRET, NULL);
    assert_int_equal(ese_webhook_sign(&secret, ID, TIME_S, BODY, strlen(BODY), signature, NULL), 0);
    assert_string_equal(signature, SIGNATURE);
}

static void each_key_signs(void **state)
{
    (void)state;
    char signature[ESE_WEBHOOK_SIGNATURE_SIZE], other[ESE_WEBHOOK_SIGNATURE_SIZE], both[ESE_WEBHOOK_SIGNATURE_SIZE];
    struct ese_webhook_secret secret = secret_of(OTHER_SECRET, NULL);
    assert_int_equal(ese_webhook_sign(&secret, ID, TIME_S, BODY, strlen(BODY), other, NULL), 0);
    secret = secret_of(SECRET, OTHER_SECRET);
    assert_int_equal(ese_webhook_sign(&secret, ID, TIME_S, BODY, strlen(BODY), signature, NULL), 0);
    snprintf(both, sizeof both, "%s %s", SIGNATURE, other);
    assert_string_equal(signature, both);
    for (secret.count = 2; secret.count < ESE_WEBHOOK_KEYS; secret.count++)
        secret.keys[secret.count] = secret.keys[0];
    assert_int_equal(ese_webhook_sign(&secret, ID, TIME_S, BODY, strlen(BODY), signature, NULL), 0);
    assert_int_equal(strlen(signature), ESE_WEBHOOK_SIGNATURE_SIZE - 1);
}

static void an_id_is_one_word_without_a_stop(void **state)
{
    (void)state;
    char signature[ESE_WEBHOOK_SIGNATURE_SIZE], longest[ESE_WEBHOOK_ID_MOST + 2];
    const struct ese_webhook_secret secret = secret_of(SECRET, NULL);
    static const char *const bad[] = {"", "a.1", "a b", "a\r\nx-y: z", "a\x7f", "\xc3\xa9"};
    for (size_t i = 0; i < ESE_COUNT_OF(bad); i++) {
        struct ese_error error = {0};
        assert_int_equal(ese_webhook_sign(&secret, bad[i], TIME_S, BODY, strlen(BODY), signature, &error), -1);
        assert_int_equal(error.code, ESE_E_INVALID);
        assert_string_equal(signature, "");
    }
    memset(longest, 'x', sizeof longest);
    longest[ESE_WEBHOOK_ID_MOST + 1] = '\0';
    assert_int_equal(ese_webhook_sign(&secret, longest, TIME_S, BODY, strlen(BODY), signature, NULL), -1);
    longest[ESE_WEBHOOK_ID_MOST] = '\0';
    assert_int_equal(ese_webhook_sign(&secret, longest, TIME_S, BODY, strlen(BODY), signature, NULL), 0);
}

static void an_empty_body_is_signed(void **state)
{
    (void)state;
    char signature[ESE_WEBHOOK_SIGNATURE_SIZE];
    const struct ese_webhook_secret secret = secret_of(SECRET, NULL);
    const struct ese_webhook_signed headers = {ID, TIME, signature};
    assert_int_equal(ese_webhook_sign(&secret, ID, TIME_S, NULL, 0, signature, NULL), 0);
    assert_int_equal(ese_webhook_verify(&secret, &headers, "", 0, TIME_S, 0, NULL), 0);
    assert_int_equal(ese_webhook_verify(&secret, &headers, "", 1, TIME_S, 0, NULL), -1);
}

/* ---- verifying ------------------------------------------------------------------------------- */

/* words NULL: it is verified. */
static void assert_verified(struct ese_webhook_signed headers, const char *body, int64_t now_s, enum ese_code code,
                            const char *words)
{
    const struct ese_webhook_secret secret = secret_of(OTHER_SECRET, SECRET);
    struct ese_error error = {0};
    int result = ese_webhook_verify(&secret, &headers, body, strlen(body), now_s, ESE_WEBHOOK_TOLERANCE_S, &error);
    if (result != (words != NULL ? -1 : 0) || (words != NULL && strstr(error.text, words) == NULL))
        fail_msg("expected \"%s\": %d \"%s\"", words != NULL ? words : "verified", result, error.text);
    assert_int_equal(error.code, code);
    assert_null(strstr(error.text, "g0hM"));
    assert_null(strstr(error.text, "MfKQ"));
}

static void any_of_the_list_with_any_of_the_keys_will_do(void **state)
{
    (void)state;
    assert_verified((struct ese_webhook_signed){ID, TIME, SIGNATURE}, BODY, TIME_S, ESE_OK, NULL);
    assert_verified((struct ese_webhook_signed){ID, TIME, FOREIGN " v2,x " SIGNATURE " " FOREIGN}, BODY, TIME_S, ESE_OK,
                    NULL);
    assert_verified((struct ese_webhook_signed){ID, TIME, "  " SIGNATURE " "}, BODY, TIME_S, ESE_OK, NULL);
}

static void what_was_changed_does_not_fit(void **state)
{
    (void)state;
    static const char *const none = "none fits";
    assert_verified((struct ese_webhook_signed){ID, TIME, SIGNATURE}, BODY " ", TIME_S, ESE_E_INVALID, none);
    assert_verified((struct ese_webhook_signed){ID, TIME, SIGNATURE}, "", TIME_S, ESE_E_INVALID, none);
    assert_verified((struct ese_webhook_signed){ID "x", TIME, SIGNATURE}, BODY, TIME_S, ESE_E_INVALID, none);
    assert_verified((struct ese_webhook_signed){ID, "1614265331", SIGNATURE}, BODY, TIME_S, ESE_E_INVALID, none);
    assert_verified((struct ese_webhook_signed){ID, "0" TIME, SIGNATURE}, BODY, TIME_S, ESE_E_INVALID, none);
}

static void another_signature_does_not_fit(void **state)
{
    (void)state;
    static const char *const bad[] = {
        FOREIGN, "v1,", "v1", ",", " ", "v1,g0hM9SsE",
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE",     /* cut */
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE==",   /* longer */
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OF=",    /* bits behind its last byte */
        "v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",   /* another scheme */
        "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",       /* without any */
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=,v1," /* not a list */
    };
    for (size_t i = 0; i < ESE_COUNT_OF(bad); i++)
        assert_verified((struct ese_webhook_signed){ID, TIME, bad[i]}, BODY, TIME_S, ESE_E_INVALID, "none fits");
}

static void the_time_has_bounds(void **state)
{
    (void)state;
    const struct ese_webhook_signed headers = {ID, TIME, SIGNATURE};
    assert_verified(headers, BODY, TIME_S + ESE_WEBHOOK_TOLERANCE_S, ESE_OK, NULL);
    assert_verified(headers, BODY, TIME_S - ESE_WEBHOOK_TOLERANCE_S, ESE_OK, NULL);
    assert_verified(headers, BODY, TIME_S + ESE_WEBHOOK_TOLERANCE_S + 1, ESE_E_TIMEOUT, "too old: 301 s");
    assert_verified(headers, BODY, TIME_S - ESE_WEBHOOK_TOLERANCE_S - 1, ESE_E_TIMEOUT, "too new: 301 s");
    assert_verified((struct ese_webhook_signed){ID, "0", SIGNATURE}, BODY, INT64_MAX, ESE_E_TIMEOUT, "too old");
    assert_verified((struct ese_webhook_signed){ID, "9223372036854775807", SIGNATURE}, BODY, 0, ESE_E_TIMEOUT,
                    "too new");
}

static void a_time_is_a_number(void **state)
{
    (void)state;
    static const char *const bad[] = {"hello", "-1", "+1614265330", " 1614265330", "1614265330 ", "1614265330.0",
                                      "1.6e9", "0x6037BB72", "9223372036854775808"};
    for (size_t i = 0; i < ESE_COUNT_OF(bad); i++)
        assert_verified((struct ese_webhook_signed){ID, bad[i], SIGNATURE}, BODY, TIME_S, ESE_E_INVALID,
                        "webhook-timestamp must be");
}

static void what_is_missing_is_named(void **state)
{
    (void)state;
    assert_verified((struct ese_webhook_signed){NULL, TIME, SIGNATURE}, BODY, TIME_S, ESE_E_INVALID,
                    "webhook-id is missing");
    assert_verified((struct ese_webhook_signed){ID, NULL, SIGNATURE}, BODY, TIME_S, ESE_E_INVALID,
                    "webhook-timestamp is missing");
    assert_verified((struct ese_webhook_signed){ID, TIME, NULL}, BODY, TIME_S, ESE_E_INVALID,
                    "webhook-signature is missing");
    assert_verified((struct ese_webhook_signed){ID, TIME, ""}, BODY, TIME_S, ESE_E_INVALID,
                    "webhook-signature is missing");
    assert_verified((struct ese_webhook_signed){NULL, NULL, NULL}, BODY, TIME_S, ESE_E_INVALID, "is missing");
}

/* "a.1" at 2 with "3" is signed by the same text as "a" at 1 with "2.3". */
static void a_stop_moves_nothing(void **state)
{
    (void)state;
    char signature[ESE_WEBHOOK_SIGNATURE_SIZE];
    const struct ese_webhook_secret secret = secret_of(SECRET, NULL);
    const struct ese_webhook_signed moved = {"a.1", "2", signature};
    struct ese_error error = {0};
    assert_int_equal(ese_webhook_sign(&secret, "a", 1, "2.3", 3, signature, NULL), 0);
    assert_int_equal(ese_webhook_verify(&secret, &moved, "3", 1, 2, 10, &error), -1);
    assert_non_null(strstr(error.text, "without a '.'"));
}

static void without_keys_nothing_fits(void **state)
{
    (void)state;
    const struct ese_webhook_secret none = {.count = 0};
    const struct ese_webhook_signed headers = {ID, TIME, SIGNATURE};
    assert_int_equal(ese_webhook_verify(&none, &headers, BODY, strlen(BODY), TIME_S, 300, NULL), -1);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_line_of_a_file_is_one),
        cmocka_unit_test(a_secret_has_bounds),
        cmocka_unit_test(a_file_that_others_read_is_refused),
        cmocka_unit_test(a_wiped_one_is_gone),
        cmocka_unit_test(the_published_example_is_met),
        cmocka_unit_test(each_key_signs),
        cmocka_unit_test(an_id_is_one_word_without_a_stop),
        cmocka_unit_test(an_empty_body_is_signed),
        cmocka_unit_test(any_of_the_list_with_any_of_the_keys_will_do),
        cmocka_unit_test(what_was_changed_does_not_fit),
        cmocka_unit_test(another_signature_does_not_fit),
        cmocka_unit_test(the_time_has_bounds),
        cmocka_unit_test(a_time_is_a_number),
        cmocka_unit_test(what_is_missing_is_named),
        cmocka_unit_test(a_stop_moves_nothing),
        cmocka_unit_test(without_keys_nothing_fits),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
