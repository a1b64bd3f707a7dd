/* Lines of a history as text, as other programs may write them: what is taken stays within what a record can say, and
 * what is refused says why. */
#include "ese-core/history_text.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

static void look_at_line(const char *text, size_t length)
{
    struct ese_history_line line;
    struct ese_error error = {.text = ""};
    if (ese_history_text_read(text, length, &line, &error) != 0) {
        ESE_HOLDS(error.code == ESE_E_INVALID && error.text[0] != '\0');
        return;
    }
    ESE_HOLDS(line.record.kind > ESE_HISTORY_END && line.record.kind < ESE_HISTORY_KINDS);
    ESE_HOLDS(ese_history_kind_name(line.record.kind) != NULL);
    ESE_HOLDS(memchr(line.id, '\0', sizeof line.id) != NULL && memchr(line.other, '\0', sizeof line.other) != NULL);
    ESE_HOLDS(memchr(line.key, '\0', sizeof line.key) != NULL && memchr(line.type, '\0', sizeof line.type) != NULL);
}

static void look_at_title(const char *text, size_t length)
{
    struct ese_history_title title, again;
    struct ese_buffer written = ESE_BUFFER_INIT(ESE_HISTORY_TEXT_LIMIT);
    if (ese_history_text_read_title(text, length, &title, NULL) != 0)
        return;
    ESE_HOLDS(ese_history_text_is_title(text, length));
    ese_history_text_title(&title, &written);
    ESE_HOLDS(ese_history_text_read_title(written.text, written.length, &again, NULL) == 0);
    ESE_HOLDS(strcmp(title.party, again.party) == 0 && title.clock.boot == again.clock.boot &&
              title.clock.wall_offset_ns == again.clock.wall_offset_ns);
    ese_buffer_free(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    look_at_line((const char *)bytes, length);
    look_at_title((const char *)bytes, length);
    return 0;
}
