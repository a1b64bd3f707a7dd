/*
 * port_holder.h - who listens on a TCP port of this machine, for messages about one that is taken.
 */
#ifndef ESE_PORT_HOLDER_H
#define ESE_PORT_HOLDER_H

#define ESE_PORT_HOLDER_SIZE 64

/* Fills text with "java (process 4711)", and returns it; "another process" where that cannot be
 * seen: it belongs to another user, or has ended meanwhile. */
const char *ese_port_holder(int port, char text[ESE_PORT_HOLDER_SIZE]);

#endif
