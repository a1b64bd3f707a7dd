/*
 * event_scan.h - events out of JSON by json_scan.h: the way in for those that are as nearly all are.
 *
 * Each function reads what its namesake in event_json.h reads, and to the same event, or returns false and
 * leaves nothing behind: then the text has something rare, or is wrong, and jansson says which.
 * Members come in any order; one that is not known, or is there twice, is for jansson.
 */
#ifndef ESE_EVENT_SCAN_H
#define ESE_EVENT_SCAN_H

#include "ese-core/event_json.h"

/* The event must be empty, the list and the page, too. */
bool ese_event_scan_posted(const char *body, size_t length, struct ese_event *event);
bool ese_event_scan_posted_list(const char *body, size_t length, size_t max, struct ese_event_list *list);
bool ese_event_scan_page(const char *body, size_t length, struct ese_event_page *page);
bool ese_event_scan_record(const char *value, size_t length, struct ese_event *event);

#endif
