/*
 * address.h - where each part listens, and is looked for by the others, unless told otherwise.
 *
 * Each number stands here and nowhere else, so that the parts meet and the doctor knows where to
 * look. The server's and the SMTP server's are those of the original.
 */
#ifndef ESE_ADDRESS_H
#define ESE_ADDRESS_H

#define ESE_LOOPBACK "127.0.0.1"

#define ESE_SERVER_PORT "2001"
#define ESE_MAILER_PORT "2525"
#define ESE_SMTP_PORT "1025"
#define ESE_BROKER_PORT "19092"

#define ESE_SERVER_ADDRESS ESE_LOOPBACK ":" ESE_SERVER_PORT
#define ESE_MAILER_ADDRESS ESE_LOOPBACK ":" ESE_MAILER_PORT
#define ESE_SMTP_ADDRESS ESE_LOOPBACK ":" ESE_SMTP_PORT
#define ESE_BROKER_ADDRESS ESE_LOOPBACK ":" ESE_BROKER_PORT

#endif
