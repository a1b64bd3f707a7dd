/* A cursor of a store of one partition (transports/http/cursor.h): what is taken is what would have been handed out. */
#include "ese-core/buffer.h"
#include "ese-core/event.h"
#include "ese-core/memory.h"
#include "tests/fuzz/fuzz.h"
#include "transports/http/cursor.h"

static void read_cursor(const char *text)
{
    char again[ESE_HTTP_CURSOR_SIZE];
    int64_t offset;
    if (ese_http_cursor_parse(text, &offset, NULL) != 0)
        return;
    ese_http_cursor_text(offset, again);
    ESE_HOLDS(offset >= 0 && strcmp(text, again) == 0);
}

/* As it is; and as what stands before the check, with the right one behind, which bytes that are made up lack. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct ese_buffer text = ESE_BUFFER_INIT(SIZE_MAX);
    ese_buffer_printf(&text, "%.*s", (int)length, (const char *)bytes);
    read_cursor(text.text);
    ese_buffer_printf(&text, "%08x", ese_event_key_hash(text.text));
    read_cursor(text.text);
    ese_buffer_free(&text);
    return 0;
}
