/*
 * faulty.h - a real transport with one fault planted: what the suite's checks are tried on.
 */
#ifndef ESE_FAULTY_H
#define ESE_FAULTY_H

#include "transports/transport.h"

enum ese_fault {
    ESE_FAULT_DROPS,       /* does not hand an acknowledged event */
    ESE_FAULT_DOUBLES,     /* hands an event twice */
    ESE_FAULT_SWAPS,       /* hands two events of one key the wrong way round */
    ESE_FAULT_ALTERS,      /* hands an event with other data */
    ESE_FAULT_MISPLACES,   /* hands an event with another offset */
    ESE_FAULT_FORGETS,     /* tells no outcome of an event */
    ESE_FAULT_TELLS_TWICE, /* tells an outcome twice */
    ESE_FAULT_MISTELLS     /* tells that an event was refused that is stored */
};

/* Valid until the next call. One thread, one consumer and one producer at a time. The fault strikes
 * once, at the first chance. */
const struct ese_transport *ese_faulty(const struct ese_transport *real, enum ese_fault fault);

#endif
