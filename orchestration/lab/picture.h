/*
 * picture.h - the run as it happens, in the terminal: the walk from top to bottom, the transports side by side.
 *
 * Goes to stderr. On a terminal it is redrawn in place; elsewhere (or with TERM=dumb) it is a plain line a
 * transport every two seconds and at every event, such as the unasked end of a party. NO_COLOR is honoured
 * (https://no-color.org).
 */
#ifndef ESE_LAB_PICTURE_H
#define ESE_LAB_PICTURE_H

#include "orchestration/lab/run.h"

struct ese_picture;

/* title: one line ("500 events/s, seed 1, durability os"). fault: may be NULL. */
struct ese_picture *ese_picture_new(const char *title, const struct ese_fault *fault, bool quiet);
void ese_picture_free(struct ese_picture **picture); /* leaves the last picture standing */

/* Fits ese_run_watch: context is the picture. */
void ese_picture_show(void *context, const struct ese_run_moment *moment);

/* One frame as text, for a terminal of that width. Split from show so that it can be tested and shown in docs. */
void ese_picture_draw(struct ese_picture *picture, const struct ese_run_moment *moment,
                      const struct ese_journey_view *views, int width, struct ese_buffer *frame);

/* 12345 as "12,345". */
#define ESE_PICTURE_NUMBER_SIZE 32
void ese_picture_number(int64_t number, char text[ESE_PICTURE_NUMBER_SIZE]);

#endif
