#include "orchestration/kafka/kafka_home.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *setting(const char *name, const char *fallback)
{
    const char *value = getenv(name);
    return value == NULL || value[0] == '\0' ? fallback : value;
}

void ese_kafka_home(struct ese_kafka_home *home)
{
    const char *lab = setting("ESE_LAB_HOME", ".lab");
    snprintf(home->conf, sizeof home->conf, "%s", setting("ESE_KAFKA_CONF", "orchestration/kafka"));
    snprintf(home->topics, sizeof home->topics, "%.1000s/topics.conf", home->conf);
    snprintf(home->jars, sizeof home->jars, "%s/kafka/libs", lab);
    snprintf(home->data, sizeof home->data, "%s/kafka/data", lab);
    snprintf(home->log, sizeof home->log, "%s/kafka/broker.log", lab);
    snprintf(home->pid_file, sizeof home->pid_file, "%s/kafka/broker.pid", lab);
}

void ese_kafka_home_version(const struct ese_kafka_home *home, char *text, size_t size)
{
    char pattern[ESE_KAFKA_PATH_SIZE + 32];
    glob_t found;
    text[0] = '\0';
    snprintf(pattern, sizeof pattern, "%s/kafka_2.13-[0-9]*.jar", home->jars);
    if (glob(pattern, 0, NULL, &found) != 0)
        return;
    const char *version = strrchr(found.gl_pathv[0], '-') + 1;
    snprintf(text, size, "%.*s", (int)(strlen(version) - strlen(".jar")), version);
    globfree(&found);
}
