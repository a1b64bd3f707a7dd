/*
 * hash.h - numbers for texts, by which they are found: FNV-1a, the same everywhere and for ever. Who chooses the texts
 * can choose such as have the same number.
 *
 * Source: http://www.isthe.com/chongo/tech/comp/fnv/
 */
#ifndef ESE_HASH_H
#define ESE_HASH_H

#include <stdint.h>

static inline uint32_t ese_hash32(const char *text)
{
    uint32_t hash = UINT32_C(2166136261);

    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++)
        hash = (hash ^ *c) * UINT32_C(16777619);
    return hash;
}

static inline uint64_t ese_hash64(const char *text)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++)
        hash = (hash ^ *c) * UINT64_C(1099511628211);
    return hash;
}

#endif
