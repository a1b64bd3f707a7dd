#include "transports/webhook/subscription_name.h"

#include <assert.h>
#include <ctype.h>

#include "ese-core/buffer.h"
#include "ese-core/id.h"
#include "ese-core/memory.h"

#define GROUP_MOST 140 /* characters, so that the stream has room */

static void write_escaped(struct ese_buffer *buffer, const char *text)
{
    for (; *text != '\0'; text++) {
        if (isalnum((unsigned char)*text))
            ese_buffer_append(buffer, text, 1);
        else if (*text == '_')
            ese_buffer_text(buffer, "__");
        else
            ese_buffer_printf(buffer, "_%02x", (unsigned char)*text);
    }
}

static void write_group(struct ese_buffer *buffer, const char *group)
{
    write_escaped(buffer, group);
    if (buffer->length <= GROUP_MOST)
        return;
    char text[ESE_ID_TEXT_SIZE];
    struct ese_id id = ese_id_derive(group, NULL, 0);
    ese_id_text(&id, text);
    ese_buffer_clear(buffer);
    write_escaped(buffer, text);
}

void ese_webhook_subscription_name(const char *group, const char *stream, char name[ESE_WEBHOOK_SUBSCRIPTION_SIZE])
{
    struct ese_buffer buffer = ESE_BUFFER_INIT(4096);
    write_group(&buffer, group);
    ese_buffer_text(&buffer, "_s_");
    write_escaped(&buffer, stream);
    assert(buffer.length < ESE_WEBHOOK_SUBSCRIPTION_SIZE);
    ese_fit_text(name, ESE_WEBHOOK_SUBSCRIPTION_SIZE, buffer.text);
    ese_buffer_free(&buffer);
}
