#include "ese-core/base64.h"

#include <assert.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "ese-core/memory.h"

void ese_base64_write(const void *bytes, size_t length, struct ese_buffer *text)
{
    assert(length <= INT_MAX / 2);
    char *written = ese_alloc(4 * ((length + 2) / 3) + 1);
    EVP_EncodeBlock((unsigned char *)written, bytes, (int)length);
    ese_buffer_text(text, written);
    free(written);
}
