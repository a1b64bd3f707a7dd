/* A cursor of a store of several partitions (transports/kafka/cursor.h): what is taken is what would have been
 * handed out. */
#include "ese-core/buffer.h"
#include "ese-core/event.h"
#include "ese-core/memory.h"
#include "tests/fuzz/fuzz.h"
#include "transports/kafka/cursor.h"

#define ORIGIN "cluster topics"

static void read_cursor(const char *text)
{
    struct ese_buffer again = ESE_BUFFER_INIT(SIZE_MAX);
    struct ese_kafka_cursor cursor;
    if (ese_kafka_cursor_parse(text, ORIGIN, &cursor, NULL) != 0)
        return;
    ESE_HOLDS(cursor.count >= 0 && cursor.count <= ESE_CURSOR_PARTITIONS);
    for (int i = 0; i < cursor.count; i++)
        ESE_HOLDS(cursor.places[i].next >= 0);
    ese_kafka_cursor_text(&cursor, ORIGIN, &again);
    ESE_HOLDS(strcmp(text, again.text) == 0);
    ese_buffer_free(&again);
}

/* As it is; and as what stands before the check, with the right one behind, which bytes that are made up lack. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct ese_buffer text = ESE_BUFFER_INIT(SIZE_MAX), checked = ESE_BUFFER_INIT(SIZE_MAX);
    ese_buffer_printf(&text, "%.*s", (int)length, (const char *)bytes);
    read_cursor(text.text);
    ese_buffer_printf(&checked, "%s" ORIGIN, text.text);
    ese_buffer_printf(&text, "%08x", ese_event_key_hash(checked.text));
    read_cursor(text.text);
    ese_buffer_free(&checked);
    ese_buffer_free(&text);
    return 0;
}
