/*
 * stall.h - a program that stands still for good at one point, so that a kill strikes it exactly there.
 *
 * The point is given by a file that is linked beside this one, and takes over the functions around it
 * (ld's --wrap). The lab's kill comes later, by its own schedule. Whoever has stood still leaves the
 * file "stalled" in its working directory, with the monotonic time in it; where that is, nobody stands
 * still again: the next life goes on.
 */
#ifndef ESE_TEST_STALL_H
#define ESE_TEST_STALL_H

void stall_here(void);

#endif
