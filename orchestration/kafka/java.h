/*
 * java.h - the Java command line of a broker, checked before anything is started.
 */
#ifndef ESE_JAVA_H
#define ESE_JAVA_H

#include "ese-core/error.h"

#define ESE_JAVA_WORDS 20

struct ese_java; /* owns the texts of its command lines */

/* Finds java ($JAVA_HOME/bin/java, else by PATH) and the broker's jars. ESE_E_MISSING names the
 * remedy. conf_dir and data_dir are absolute; Java's temporary files go below data_dir. What
 * archive-classes wrote beside the jars is used. */
int ese_java_find(const char *jars_dir, const char *conf_dir, const char *data_dir,
                  struct ese_java **java, struct ese_error *error);
void ese_java_free(struct ese_java **java);

/* Argument vectors, ended by NULL; valid as long as java. */
/* formats the storage of server.properties */
const char *const *ese_java_format(const struct ese_java *java);
const char *const *ese_java_broker(const struct ese_java *java);

#endif
