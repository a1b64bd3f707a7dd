#include "tests/support/fake_mailer.h"

#include <jansson.h>
#include <pthread.h>

#include "ese-core/http_server.h"
#include "ese-core/memory.h"

struct kept {
    json_t *mail;
    char *traceparent;
    char *transport;
    char *authorization;
    int times;
    int answered;
};

struct fake_mailer {
    struct ese_http_server *server;
    char url[100];
    fake_mailer_temper *temper;
    void *context;
    pthread_mutex_t lock;
    int requests;
    struct kept *mails;
    int count;
};

static const char *text_of(const struct kept *kept, const char *member)
{
    return json_string_value(json_object_get(kept->mail, member));
}

static struct kept *find(struct fake_mailer *mailer, const char *id)
{
    for (int i = 0; i < mailer->count; i++)
        if (strcmp(text_of(&mailer->mails[i], "id"), id) == 0)
            return &mailer->mails[i];
    return NULL;
}

static struct kept *keep(struct fake_mailer *mailer, const struct ese_http_request *request,
                         json_t *mail)
{
    struct kept *kept = find(mailer, json_string_value(json_object_get(mail, "id")));
    if (kept == NULL) {
        mailer->mails = ese_realloc_array(mailer->mails, (size_t)mailer->count + 1,
                                          sizeof *mailer->mails);
        kept = &mailer->mails[mailer->count++];
        *kept = (struct kept){
            .mail = json_incref(mail),
            .traceparent = ese_copy_text(ese_http_request_header(request, "traceparent")),
            .transport = ese_copy_text(ese_http_request_header(request, "X-ESE-Transport")),
            .authorization = ese_copy_text(ese_http_request_header(request, "Authorization"))};
    }
    kept->times++;
    return kept;
}

static int64_t break_off(void *context, char *bytes, size_t size)
{
    (void)context;
    (void)bytes;
    (void)size;
    return -1;
}

static void nothing(void *context)
{
    (void)context;
}

static void answer(struct ese_http_request *request, enum fake_mailer_answer answer)
{
    switch (answer) {
    case FAKE_TAKE: ese_http_reply(request, 200, ESE_HTTP_JSON, "{}", 2); break;
    case FAKE_TAKE_AND_DROP:
    case FAKE_DROP:
        ese_http_reply_stream(request, 200, ESE_HTTP_TEXT, break_off, nothing, NULL);
        break;
    case FAKE_BUSY:
        ese_http_request_add_header(request, "Retry-After", "0");
        ese_http_reply_message(request, 503, "busy");
        break;
    case FAKE_REFUSE: ese_http_reply_message(request, 422, "no such address"); break;
    }
}

static void on_mail(void *context, struct ese_http_request *request)
{
    struct fake_mailer *mailer = context;
    size_t length = 0;
    const char *body = ese_http_request_body(request, &length);
    json_t *mail = json_loadb(body, length, 0, NULL);
    const char *subject = json_string_value(json_object_get(mail, "subject"));
    if (subject == NULL || json_string_value(json_object_get(mail, "id")) == NULL) {
        ese_http_reply_message(request, 400, "no mail");
        json_decref(mail);
        return;
    }
    pthread_mutex_lock(&mailer->lock);
    int number = mailer->requests++;
    enum fake_mailer_answer mood =
        mailer->temper == NULL ? FAKE_TAKE : mailer->temper(mailer->context, number, subject);
    if (mood == FAKE_TAKE || mood == FAKE_TAKE_AND_DROP)
        keep(mailer, request, mail)->answered += mood == FAKE_TAKE;
    pthread_mutex_unlock(&mailer->lock);
    answer(request, mood);
    json_decref(mail);
}

struct fake_mailer *fake_mailer_open(fake_mailer_temper *temper, void *context)
{
    struct ese_error error = {.text = ""};
    struct fake_mailer *mailer = ese_alloc(sizeof *mailer);
    mailer->temper = temper;
    mailer->context = context;
    pthread_mutex_init(&mailer->lock, NULL);
    const struct ese_http_server_options options = {.listen = "127.0.0.1:0"};
    if (ese_http_server_open(&options, &mailer->server, &error) == 0) {
        ese_http_server_route(mailer->server, "POST", "/mail", on_mail, mailer);
        if (ese_http_server_start(mailer->server, &error) == 0) {
            snprintf(mailer->url, sizeof mailer->url, "http://%s",
                     ese_http_server_address(mailer->server));
            return mailer;
        }
    }
    fprintf(stderr, "fake mailer: %s\n", error.text);
    exit(1);
}

void fake_mailer_close(struct fake_mailer **mailer)
{
    struct fake_mailer *closed = *mailer;
    if (closed == NULL)
        return;
    ese_http_server_close(&closed->server);
    for (int i = 0; i < closed->count; i++) {
        json_decref(closed->mails[i].mail);
        free(closed->mails[i].traceparent);
        free(closed->mails[i].transport);
        free(closed->mails[i].authorization);
    }
    free(closed->mails);
    pthread_mutex_destroy(&closed->lock);
    free(closed);
    *mailer = NULL;
}

const char *fake_mailer_url(const struct fake_mailer *mailer)
{
    return mailer->url;
}

int fake_mailer_requests(struct fake_mailer *mailer)
{
    pthread_mutex_lock(&mailer->lock);
    int requests = mailer->requests;
    pthread_mutex_unlock(&mailer->lock);
    return requests;
}

int fake_mailer_ids(struct fake_mailer *mailer)
{
    pthread_mutex_lock(&mailer->lock);
    int count = mailer->count;
    pthread_mutex_unlock(&mailer->lock);
    return count;
}

int fake_mailer_kept(struct fake_mailer *mailer, const char *id, int *answered)
{
    pthread_mutex_lock(&mailer->lock);
    const struct kept *kept = find(mailer, id);
    int times = kept == NULL ? 0 : kept->times;
    if (answered != NULL)
        *answered = kept == NULL ? 0 : kept->answered;
    pthread_mutex_unlock(&mailer->lock);
    return times;
}

const char *fake_mailer_text(struct fake_mailer *mailer, const char *id, const char *member)
{
    pthread_mutex_lock(&mailer->lock);
    const struct kept *kept = find(mailer, id);
    const char *text = kept == NULL ? NULL : text_of(kept, member);
    pthread_mutex_unlock(&mailer->lock);
    return text;
}

const char *fake_mailer_traceparent(struct fake_mailer *mailer, const char *id)
{
    pthread_mutex_lock(&mailer->lock);
    const struct kept *kept = find(mailer, id);
    const char *text = kept == NULL ? NULL : kept->traceparent;
    pthread_mutex_unlock(&mailer->lock);
    return text;
}

const char *fake_mailer_transport(struct fake_mailer *mailer, const char *id)
{
    pthread_mutex_lock(&mailer->lock);
    const struct kept *kept = find(mailer, id);
    const char *text = kept == NULL ? NULL : kept->transport;
    pthread_mutex_unlock(&mailer->lock);
    return text;
}

const char *fake_mailer_authorization(struct fake_mailer *mailer, const char *id)
{
    pthread_mutex_lock(&mailer->lock);
    const struct kept *kept = find(mailer, id);
    const char *text = kept == NULL ? NULL : kept->authorization;
    pthread_mutex_unlock(&mailer->lock);
    return text;
}
