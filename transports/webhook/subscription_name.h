/*
 * subscription_name.h - what the lab's own consumer calls its subscription.
 *
 * Names here are letters, digits and underscores; a group's and a stream's may have dots and dashes, too. These are
 * written as "_" and two hexadecimal digits, an underscore as two, and between group and stream stands "_s_":
 * "ese_2dconsumer_s_click_2devents". So two groups never have one name. A group whose name becomes too long is named by
 * a digest of it.
 */
#ifndef ESE_WEBHOOK_SUBSCRIPTION_NAME_H
#define ESE_WEBHOOK_SUBSCRIPTION_NAME_H

#define ESE_WEBHOOK_SUBSCRIPTION_SIZE 201

void ese_webhook_subscription_name(const char *group, const char *stream, char name[ESE_WEBHOOK_SUBSCRIPTION_SIZE]);

#endif
