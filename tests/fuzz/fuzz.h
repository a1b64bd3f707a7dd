/*
 * fuzz.h - what the targets here share. Each is one function that is given any bytes and has to come back: by libFuzzer
 * (fuzz.py), which makes them up, or by replay.c, from a file of the corpus.
 */
#ifndef ESE_FUZZ_H
#define ESE_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* libFuzzer's name for it, and its contract: the bytes are not to be changed, and it returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* What has to be so, whatever the bytes. */
#define ESE_HOLDS(condition)                                                                       \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);         \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#endif
