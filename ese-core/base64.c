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

/* The padding is counted by libcrypto as bytes that are 0. */
int64_t ese_base64_read(const char *text, size_t length, void *bytes)
{
    if (length % 4 != 0 || length > INT_MAX / 2 || memchr(text, '\0', length) != NULL)
        return -1;
    size_t padding = length >= 4 ? (size_t)(text[length - 1] == '=') + (size_t)(text[length - 2] == '=') : 0;
    if (memchr(text, '=', length - padding) != NULL || strcspn(text, " \t\r\n-") < length)
        return -1;
    int written = length == 0 ? 0 : EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)length);
    return written < 0 ? -1 : written - (int64_t)padding;
}
