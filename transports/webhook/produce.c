/*
 * produce.c - the client's side: each event is posted to the stream of its type, by the poster that every HTTP
 * transport shares; the answer says at which position it stands.
 */
#include <stdio.h>
#include <stdlib.h>

#include "ese-core/address.h"
#include "ese-core/event_poster.h"
#include "ese-core/memory.h"
#include "ese-core/number.h"
#include "ese-core/token.h"
#include "transports/webhook/stream_name.h"
#include "transports/webhook/webhook.h"
