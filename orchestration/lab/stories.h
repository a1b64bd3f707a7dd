/*
 * stories.h - for whoever doubts a number, one case of it: of each kind of fault the first, three people who never got
 * their mail, and by name the mails of which the mailer does not know whether it has sent them.
 */
#ifndef ESE_LAB_STORIES_H
#define ESE_LAB_STORIES_H

#include <stdint.h>

#include "ese-core/buffer.h"
#include "ese-core/id.h"

#define ESE_STORY_SIZE 800
#define ESE_STORY_KINDS 28
#define ESE_STORY_OF_MAILS 24 /* of these kinds, the first one of mails (mail_stories.c); those before are of events */
#define ESE_STORY_PEOPLE 3
#define ESE_STORY_UNKNOWN 10

struct ese_story {
    char what[64];  /* the kind of fault: "lost by key clash"; or the person, by ip */
    int64_t events; /* or mails: how many of that kind there are; of a person 0 */
    char text[ESE_STORY_SIZE];
    /* Which of two is the first: by kind, time and id. */
    int kind; /* its place in the tables of kinds; of a person 1 who got another mail of that chain, else 0 */
    int64_t at_ns; /* the book's time */
    struct ese_id id; /* of the event or decision */
};

struct ese_stories {
    struct ese_story faults[ESE_STORY_KINDS]; /* by the table in stories.c */
    int fault_count;
    struct ese_story people[ESE_STORY_PEOPLE]; /* who got no mail of that chain first; by when its last event was due */
    int people_count;
    struct ese_story unknown_mails[ESE_STORY_UNKNOWN]; /* the same: of the first, what is the person */
    int unknown_count;
    int64_t unknown; /* how many there are: struct ese_mail_ledger's unknown and unknown_arrived */
};

struct ese_evidence;
struct ese_book;
struct ese_book_entry;

/* The kind of fault there is with an event, the first that fits: "lost by key clash"; NULL: none. The book must bear
 * the ledger's marks. */
const char *ese_stories_kind(const struct ese_book *book, const struct ese_book_entry *entry);

/* Of evidence that figures were taken from, of a run that is over. partition_name: as in story.h. */
void ese_stories_tell(const struct ese_evidence *evidence,
                      void (*partition_name)(int32_t, char *, size_t), struct ese_stories *stories);

/* Those of other people and events of the same run. */
void ese_stories_add(struct ese_stories *into, const struct ese_stories *from);

/* For who tells some of them. Names a story and takes its text, which is freed. */
void ese_story_write(struct ese_story *story, const char *what, struct ese_buffer *text);
/* Which of two is the first: less than, equal to or greater than 0. */
int ese_story_compare(const struct ese_story *story, const struct ese_story *other);
/* Puts it where it belongs among at most `most`, of which the last falls out. Returns how many there are. */
int ese_story_put(struct ese_story stories[], int count, int most, const struct ese_story *story);

#endif
