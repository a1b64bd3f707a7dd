/*
 * append_result.h - what became of what was given to a store to keep.
 */
#ifndef ESE_APPEND_RESULT_H
#define ESE_APPEND_RESULT_H

enum ese_append_result {
    ESE_APPEND_STORED,
    ESE_APPEND_FULL,     /* its queue is: certainly not stored */
    ESE_APPEND_AT_BOUND, /* it holds as much as it may */
    ESE_APPEND_CONFLICT, /* the same name with another content */
    ESE_APPEND_UNKNOWN,  /* perhaps stored */
    ESE_APPEND_UNSYNCED, /* perhaps stored, and the disk failed */
    ESE_APPEND_NO_ROOM,  /* the disk is full */
    ESE_APPEND_FAILED
};

#endif
