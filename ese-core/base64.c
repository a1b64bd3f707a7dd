#include "ese-core/base64.h"

#include <assert.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "ese-core/memory.h"

void ese_base64_write(const void *bytes, size_t length, struct ese_buffer *text)
{
    assert(length <= INT_MAX / 2);
    char *written = ese_alloc(4 * ((length + 2) / 3) + 1);
    EVP_EncodeBlock((unsigned char *)written, bytes, (int)length);
    ese_buffer_text(text, written);
    free(written);
}

/* How many '=' stand at its end: 0 to 2, or too many. */
static size_t count_padding(const char *text, size_t length)
{
    size_t count = 0;
    while (count < length && text[length - 1 - count] == '=')
        count++;
    return count;
}

static bool is_whole(const char *text, size_t length, size_t padding)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const char *const last[] = {alphabet, "AEIMQUYcgkosw048", "AQgw"}; /* with no bits behind the last byte */
    if (length % 4 != 0 || padding > 2)
        return false;
    for (size_t i = 0; i < length - padding; i++) {
        const char *allowed = i + 1 == length - padding ? last[padding] : alphabet;
        if (text[i] == '\0' || strchr(allowed, text[i]) == NULL)
            return false;
    }
    return true;
}

int ese_base64_read(const char *text, size_t length, uint8_t *bytes, size_t most)
{
    assert(most <= INT_MAX / 2);
    memset(bytes, 0, most);
    size_t padding = count_padding(text, length);
    if (length / 4 > (most + 2) / 3 || !is_whole(text, length, padding) || length / 4 * 3 - padding > most)
        return -1;
    uint8_t *read = ese_alloc(length / 4 * 3 + 1); /* libcrypto makes zeros of the padding, too */
    int count = length > 0 ? EVP_DecodeBlock(read, (const unsigned char *)text, (int)length) - (int)padding : 0;
    memcpy(bytes, read, (size_t)count);
    explicit_bzero(read, (size_t)count);
    free(read);
    return count;
}
