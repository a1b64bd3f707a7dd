#include "transports/webhook/shape.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/memory.h"

#define MD5_OF_NOTHING "d41d8cd98f00b204e9800998ecf8427e"

static void write_hex(struct ese_buffer *hash, const char *text)
{
    static const char digits[] = "0123456789abcdef";

    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        const char pair[] = {digits[*c >> 4], digits[*c & 15]};
        ese_buffer_append(hash, pair, 2);
    }
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void write_keys(struct ese_buffer *hash, json_t *object)
{
    const char **keys = ese_alloc_array(json_object_size(object) + 1, sizeof(*keys));
    size_t count = 0;
    const char *key;
    json_t *value;

    json_object_foreach(object, key, value)
        keys[count++] = key;
    qsort(keys, count, sizeof(*keys), compare);
    for (size_t i = 0; i < count; i++)
        write_hex(hash, keys[i]);
    free(keys);
}

bool ese_webhook_shape_hash(const char *body, size_t length, const char *stream, const char *type,
                            struct ese_buffer *hash)
{
    json_t *json = json_loadb(body, length, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
    bool has_shape = json_is_object(json) || json_is_null(json);

    if (has_shape) {
        write_keys(hash, json);
        write_hex(hash, stream);
        write_hex(hash, type);
        ese_buffer_text(hash, MD5_OF_NOTHING);
    }
    json_decref(json);
    return has_shape;
}
