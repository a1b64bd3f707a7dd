/*
 * webhook_caller.c - signs, and verifies, what comes on stdin, with the secrets of a file
 * (transports/webhook/signature.h):
 *
 *     webhook_caller FILE sign ID SECONDS                       the header webhook-signature
 *     webhook_caller FILE verify ID SECONDS SIGNATURE NOW       "verified", or what is wrong with it, and status 1
 *
 * "-" for a header: it did not come. What cannot be begun with ends with 64.
 */
#include <stdio.h>
#include <stdlib.h>

#include "ese-core/buffer.h"
#include "ese-core/number.h"
#include "transports/webhook/signature.h"

#define LONGEST 1000000 /* bytes of a body */

static int end(int status, const struct ese_error *error)
{
    if (status != 0)
        puts(error->text);
    return status;
}

static const char *header(const char *word)
{
    return strcmp(word, "-") == 0 ? NULL : word;
}

static int sign(const struct ese_webhook_secret *secret, char **words, const struct ese_buffer *body)
{
    char signature[ESE_WEBHOOK_SIGNATURE_SIZE];
    struct ese_error error;
    int64_t timestamp_s;
    if (ese_number_parse(words[1], "SECONDS", 0, INT64_MAX, &timestamp_s, &error) != 0)
        return end(64, &error);
    if (ese_webhook_sign(secret, words[0], timestamp_s, body->text, body->length, signature, &error) != 0)
        return end(1, &error);
    puts(signature);
    return 0;
}

static int verify(const struct ese_webhook_secret *secret, char **words, const struct ese_buffer *body)
{
    const struct ese_webhook_signed headers = {header(words[0]), header(words[1]), header(words[2])};
    struct ese_error error;
    int64_t now_s;
    if (ese_number_parse(words[3], "NOW", 0, INT64_MAX, &now_s, &error) != 0)
        return end(64, &error);
    if (ese_webhook_verify(secret, &headers, body->text, body->length, now_s, ESE_WEBHOOK_TOLERANCE_S, &error) != 0)
        return end(1, &error);
    puts("verified");
    return 0;
}

int main(int argc, char **argv)
{
    struct ese_buffer body = ESE_BUFFER_INIT(LONGEST);
    struct ese_webhook_secret secret;
    struct ese_error error;
    char piece[4096];
    bool signs = argc == 5 && strcmp(argv[2], "sign") == 0;
    if (!signs && (argc != 7 || strcmp(argv[2], "verify") != 0)) {
        fputs("webhook_caller FILE sign ID SECONDS | FILE verify ID SECONDS SIGNATURE NOW\n", stderr);
        return 64;
    }
    if (ese_webhook_secret_read(argv[1], &secret, &error) != 0)
        return end(64, &error);
    for (size_t got = fread(piece, 1, sizeof piece, stdin); got > 0; got = fread(piece, 1, sizeof piece, stdin))
        ese_buffer_append(&body, piece, got);
    int status = signs ? sign(&secret, argv + 3, &body) : verify(&secret, argv + 3, &body);
    ese_buffer_free(&body);
    return status;
}
