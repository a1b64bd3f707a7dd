/*
 * news.h - a state that may change many times a second, and is told to the log now and then.
 *
 * A store at its bound refuses, has room for one, and refuses again. What is told is true when it
 * is told, the first change at once; a change back is told ten seconds later, if it lasts. One
 * thread.
 */
#ifndef ESE_NEWS_H
#define ESE_NEWS_H

#include <stdbool.h>
#include <stdint.h>

struct ese_news { /* zeroed: what was told last is false */
    bool told;
    int64_t next_ns; /* nothing more is told before */
};

/* True when the state is to be told now: it is not what was told last. Ask again and again. */
bool ese_news_due(struct ese_news *news, bool state);

#endif
