/*
 * smtp_dialogue.h - what an SMTP server was asked and what it answered, counted as the bytes go by.
 *
 * libesmtp takes the next line that comes for the answer to its last command, whenever it was sent.
 * An answer that is there before its question is none: somebody on the way put it behind the reply
 * to STARTTLS, to be believed inside of TLS (as in CVE-2011-0411), or the server has lost count.
 * What became of a login is seen here, too, as libesmtp does not tell. No word of a server is kept:
 * it may repeat the password.
 */
#ifndef ESE_SMTP_DIALOGUE_H
#define ESE_SMTP_DIALOGUE_H

#include <stdbool.h>

struct ese_smtp_dialogue { /* zeroed: nothing is connected yet */
    int asked;       /* connecting asks for the greeting; then every line sent */
    int answered;    /* replies, when their last line has ended */
    bool in_login;   /* from AUTH to the reply that ends it */
    bool logged_in;
    int login_refused; /* the code of the last reply that refused one; 0: none did */

    /* The line that is being received. */
    int column;
    int code;
    bool is_last; /* of its reply */
    bool in_reply; /* a line that was not the last has ended */
};

/* A connection was made; begins anew. */
void ese_smtp_dialogue_begin(struct ese_smtp_dialogue *dialogue);

void ese_smtp_dialogue_sent(struct ese_smtp_dialogue *dialogue, const char *bytes, int length);
void ese_smtp_dialogue_received(struct ese_smtp_dialogue *dialogue, const char *bytes, int length);

/* More has come than was asked for. */
bool ese_smtp_dialogue_is_ahead(const struct ese_smtp_dialogue *dialogue);

#endif
