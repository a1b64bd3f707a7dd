/*
 * clicks.h - a life of clicking: once a cycle one burst.
 *
 * A button click, an input and a key press, then r = 0..8 repeats of one kind (an even r: input, 3:
 * button, 1, 5 and 7: key press), all within 4 ms. That is seven events and 4/9 steady-click mails a
 * burst in the mean: r = 5 makes six key presses and r = 7 eight, two mails each.
 */
#ifndef ESE_CLICKS_H
#define ESE_CLICKS_H

#include "ese-client/persons.h"

#define ESE_CLICKS_BURST_NS (4 * INT64_C(1000000))

extern const struct ese_life ese_clicks_life;

#endif
