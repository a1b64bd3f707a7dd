/*
 * json_scan.h - JSON read where it lies, in one pass and without a tree: for what comes in great numbers.
 *
 * It takes less than RFC 8259 allows, and only what everybody reads and writes in the same way: valid UTF-8
 * (RFC 3629), integers of up to 18 digits, strings whose escapes are the short ones, objects whose names are
 * in ascending order of their bytes, and so are there once. What is rare (a fraction, \u0041, names in
 * another order) and what is wrong is not told apart: both are "not for this reader", false, and who needs to
 * know reads the text again with jansson. So there is one authority on what is JSON, and this is only a way
 * past it, at an eighth of the time.
 *
 * Nothing is allocated. Slices point into the text and end where their length says.
 */
#ifndef ESE_JSON_SCAN_H
#define ESE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ESE_JSON_SCAN_DEPTH 32 /* levels of objects and arrays in a value */

struct ese_json_scan {
    const char *at, *end;
};

struct ese_json_slice {
    const char *text;
    size_t length;
};

#define ESE_JSON_SLICE(literal) {literal, sizeof literal - 1}

bool ese_json_slice_equal(const struct ese_json_slice *a, const struct ese_json_slice *b);

/* Past blanks, and past the character; false, and nothing but the blanks passed, when another is there. */
bool ese_json_scan_pass(struct ese_json_scan *scan, char character);

/* Whether nothing but blanks is left. */
bool ese_json_scan_ends(struct ese_json_scan *scan);

/* A string, without its quotes; escapes stand in it as they were written (ese_json_slice_unescape). */
bool ese_json_scan_string(struct ese_json_scan *scan, struct ese_json_slice *string);

/* A string without escapes. */
bool ese_json_scan_plain(struct ese_json_scan *scan, struct ese_json_slice *string);

/* A string without escapes, and the colon behind it. */
bool ese_json_scan_name(struct ese_json_scan *scan, struct ese_json_slice *name);

/* Its digits, or the first 18 of them: who goes on meets the others, or a fraction, where neither can be. */
bool ese_json_scan_integer(struct ese_json_scan *scan, int64_t *number);

/* A whole object, of which the slice is everything from brace to brace. Where it has a member of the wanted
 * name that is a string without escapes, `member` is that; else its text is NULL. */
bool ese_json_scan_object(struct ese_json_scan *scan, const struct ese_json_slice *wanted,
                          struct ese_json_slice *object, struct ese_json_slice *member);

/* Copies what was scanned without the blanks between its tokens; to has room for slice->length + 1, and may be where
 * the slice is. Returns the length. */
size_t ese_json_slice_compact(const struct ese_json_slice *slice, char *to);

/* Copies a string that was scanned, its escapes resolved; to has room for slice->length + 1. Returns the length. */
size_t ese_json_slice_unescape(const struct ese_json_slice *slice, char *to);

#endif
