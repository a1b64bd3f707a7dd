/*
 * ese-bare-push: a loop of libcurl's and nothing else, to measure our pushes against. One handle, by which the same
 * request is made again and again: the bench's event, and as many headers as one of ours has.
 */
#include <curl/curl.h>

#include "ese-core/event.h"
#include "ese-core/id.h"
#include "ese-core/memory.h"
#include "ese-core/service.h"
#include "orchestration/bench/payload.h"
#include "orchestration/bench/place.h"

static const struct ese_option options[] = {
    {.name = "url", .kind = ESE_OPTION_TEXT, .value = "URL", .fallback = "http://127.0.0.1:8080/0",
     .help = "Where it is pushed to."},
    ESE_OPTION_END,
};

static size_t take_nothing(char *bytes, size_t size, size_t count, void *context)
{
    (void)bytes;
    (void)context;
    return size * count;
}

/* As transports/webhook/push_message.h has them, and as long. */
static struct curl_slist *make_headers(const struct ese_payload *payload)
{
    static const char *const headers[] = {
        "content-type: application/json",
        "x-event-position: 1000000",
        "x-event-created: 2026-11-27 18:42:47.123456789 +0000 UTC",
        "user-agent: Eventor",
        "x-event-stream: " ESE_PLACE_CLICKS,
        "x-event-type: " ESE_TYPE_CLICK,
        "x-event-newest: 1000000",
    };
    char uuid[80];
    struct curl_slist *made = NULL;

    snprintf(uuid, sizeof uuid, "x-event-uuid: %.*s", ESE_ID_TEXT_SIZE - 1, ese_payload_id(payload, payload->text));
    made = curl_slist_append(made, uuid);
    for (size_t i = 0; i < ESE_COUNT_OF(headers); i++)
        made = curl_slist_append(made, headers[i]);
    return made;
}

static int push_on(CURL *handle, struct ese_error *error)
{
    while (!ese_service_stopping()) {
        long status = 0;
        CURLcode result = curl_easy_perform(handle);
        if (result != CURLE_OK)
            return ese_fail(error, ESE_E_IO, "libcurl: %s", curl_easy_strerror(result));
        curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
        if (status != 200)
            return ese_fail(error, ESE_E_IO, "it is answered by %ld", status);
    }
    return 0;
}

static int run(const struct ese_config *config, struct ese_error *error)
{
    struct ese_payload payload;

    ese_payload_make(&payload, ese_id_draw_run(), 0);
    CURL *handle = curl_easy_init();
    struct curl_slist *headers = make_headers(&payload);
    curl_easy_setopt(handle, CURLOPT_URL, ese_config_text(config, "url"));
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, payload.text);
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE, (long)ESE_PAYLOAD_BYTES);
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take_nothing);
    int status = push_on(handle, error);
    curl_slist_free_all(headers);
    curl_easy_cleanup(handle);
    return status;
}

static const struct ese_service service = {
    .manual = {.name = "ese-bare-push",
               .summary = "a bare libcurl loop, for ese-bench",
               .synopsis = "",
               .description = "Posts the bench's event there until it is stopped.",
               .examples = NULL},
    .options = options,
    .is_command = true,
    .choose = NULL,
    .run = run,
};

int main(int argc, char **argv)
{
    return ese_service_main(&service, argc, argv);
}
