/*
 * stories.h - for whoever doubts a number, one case of it: of each kind of fault the first, and three
 * people who never got their mail.
 */
#ifndef ESE_LAB_STORIES_H
#define ESE_LAB_STORIES_H

#include <stdint.h>

#include "ese-core/id.h"

#define ESE_STORY_SIZE 600
#define ESE_STORY_KINDS 16
#define ESE_STORY_PEOPLE 3

struct ese_story {
    char what[48];  /* the kind of fault: "lost by key clash"; or the person, by ip */
    int64_t events; /* how many of that kind there are; of a person 0 */
    char text[ESE_STORY_SIZE];
    /* Which of two is the first: by kind, time and id. */
    int kind; /* its place in the table of kinds */
    int64_t at_ns; /* the book's time */
    struct ese_id id; /* of the event or decision */
};

struct ese_stories {
    struct ese_story faults[ESE_STORY_KINDS]; /* by the table in stories.c */
    int fault_count;
    struct ese_story people[ESE_STORY_PEOPLE]; /* by when their mail's last event was due */
    int people_count;
};

struct ese_evidence;

/* Of evidence that figures were taken from. partition_name: as in story.h. */
void ese_stories_tell(const struct ese_evidence *evidence,
                      void (*partition_name)(int32_t, char *, size_t), struct ese_stories *stories);

/* Those of other people and events of the same run. */
void ese_stories_add(struct ese_stories *into, const struct ese_stories *from);

#endif
