/*
 * listing.h - GET /events of any server, as whoever asks sees it: pages and lists, and whether they
 * fit together.
 *
 * What cannot be asked fails the test (cmocka); the checks answer with NULL, or with a sentence
 * about the first thing they found wrong, so that they can be tested themselves.
 */
#ifndef ESE_TEST_LISTING_H
#define ESE_TEST_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/raw_http.h"

/* Sends GET /events with the query; reads the answer, which the caller clears. */
int ese_listing_begin(const char *address, const char *query);
struct ese_raw_answer ese_listing_finish(int fd);

struct ese_raw_answer ese_listing_post(const char *address, const char *path, const char *body);

/* Posts it until it is stored: what is answered 503 was not, as on a machine that is very busy. */
void ese_listing_store(const char *address, const char *path, const char *body);

/* Stores so many clicks in one request: their client_ts count from first, their ips are
 * 10.0.0.(client_ts mod ips). */
void ese_listing_post_many(const char *address, int first, int events, int ips);

/* An event as a page or a list shows it. */
struct ese_shown {
    char partition[64]; /* "" where there is but one */
    int64_t offset;     /* -1 in a list */
    char ip[64];
    int64_t client_ts;
    char id[40];
};

struct ese_shown_page {
    struct ese_shown *events;
    size_t count;
    char *next; /* NULL: a list's */
};
void ese_shown_clear(struct ese_shown_page *page);

/* Behind the cursor, at most limit, or one of each partition; more: further parameters, or "". */
struct ese_shown_page ese_listing_page(const char *address, const char *after, int limit,
                                       const char *more);
/* What is read from the socket must be a page. */
struct ese_shown_page ese_listing_finish_page(int fd);

/* All that there is, by following cursors up to an empty page, which is the next of what is
 * returned. */
struct ese_shown_page ese_listing_follow(const char *address, const char *after, int limit);

/* GET /events, which must be answered 200. */
struct ese_shown_page ese_listing_list(const char *address);

/* Each place of a partition was shown once, in rising order; of each ip the client_ts rise, as
 * ese_listing_post_many has given them. */
const char *ese_shown_check(const struct ese_shown_page *page);

/* Of each partition what was shown first was shown again, in the same order, and perhaps more. */
const char *ese_shown_check_again(const struct ese_shown_page *page,
                                  const struct ese_shown_page *again);

bool ese_shown_has(const struct ese_shown_page *page, int64_t client_ts);

#endif
