/*
 * mail_json.h - a mail as it is asked for, and a parked one as it is listed.
 *
 *   asked for  {"from","to","subject","content"} as the original mailer takes it, + "id",
 *              + "transport"
 *   listed     [{"seq","id","to","subject","status","reply_code","reply_text","attempts",
 *              "accepted_ms","changed_ms"}...]
 */
#ifndef ESE_MAIL_JSON_H
#define ESE_MAIL_JSON_H

#include <stddef.h>

#include "ese-core/buffer.h"
#include "ese-mailer/mail.h"
#include "ese-mailer/mail_table.h"

/* Fills from, to, subject, content, and id and transport ("" where there is none) of a cleared mail;
 * does not check them (ese_mail_check does). Members we do not know are passed over. ESE_E_INVALID:
 * no JSON, a member missing, of another type, or too long. */
int ese_mail_json_read(const char *body, size_t length, struct ese_mail *mail,
                       struct ese_error *error);

/* {"id": ID}: the answer to a mail that was taken. */
void ese_mail_json_write_taken(struct ese_buffer *buffer, const char *id);

void ese_mail_json_write_list(struct ese_buffer *buffer, const struct ese_mail_row *rows,
                              int count);

#endif
