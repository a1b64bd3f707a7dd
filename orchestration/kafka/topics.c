#include "orchestration/kafka/topics.h"

#include <errno.h>

#include "ese-core/memory.h"
#include "ese-core/number.h"

#define BLANKS " \t\r\n"
#define MOST_PARTITIONS 1000

static int read_property(const char *word, struct ese_topic *topic, struct ese_error *error)
{
    const char *equals = strchr(word, '=');
    if (equals == NULL || equals == word)
        return ese_fail(error, ESE_E_INVALID, "'%.100s' is not property=value", word);
    if (topic->property_count == ESE_TOPIC_PROPERTIES)
        return ese_fail(error, ESE_E_INVALID, "more than %d properties", ESE_TOPIC_PROPERTIES);
    struct ese_topic_property *property = &topic->properties[topic->property_count];
    size_t length = (size_t)(equals - word);
    if (length >= sizeof property->name ||
        ese_fit_text(property->value, sizeof property->value, equals + 1) == -1)
        return ese_fail(error, ESE_E_INVALID, "property '%.100s' is too long", word);
    memcpy(property->name, word, length);
    property->name[length] = '\0';
    topic->property_count++;
    return 0;
}

/* https://kafka.apache.org: letters, digits, '.', '_' and '-', at most 249 of them. */
static bool is_legal(const char *name)
{
    static const char legal[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    return name[strspn(name, legal)] == '\0' && strlen(name) < ESE_TOPIC_NAME_SIZE;
}

int ese_topics_check_prefix(const struct ese_topics *topics, const char *prefix,
                            struct ese_error *error)
{
    for (int i = 0; prefix != NULL && i < topics->count; i++) {
        size_t length = strlen(prefix) + strlen(topics->topics[i].name);
        if (!is_legal(prefix) || length >= ESE_TOPIC_NAME_SIZE)
            return ese_fail(error, ESE_E_USAGE,
                            "--topic-prefix '%.60s' is wrong: Kafka names topics with at most %d "
                            "letters, digits, '.', '_' and '-'", prefix, ESE_TOPIC_NAME_SIZE - 1);
    }
    return 0;
}

static int read_name(const char *word, struct ese_topic *topic, struct ese_error *error)
{
    if (!is_legal(word) || ese_fit_text(topic->name, sizeof topic->name, word) == -1)
        return ese_fail(error, ESE_E_INVALID, "'%.100s' is no topic name", word);
    return 0;
}

static int read_topic(char *line, struct ese_topic *topic, struct ese_error *error)
{
    char *rest = line;
    const char *name = strtok_r(line, BLANKS, &rest);
    const char *partitions = strtok_r(NULL, BLANKS, &rest);
    int64_t number = 0;
    if (partitions == NULL)
        return ese_fail(error, ESE_E_INVALID, "a topic needs a name and a number of partitions");
    if (read_name(name, topic, error) == -1 ||
        ese_number_parse(partitions, "partitions", 1, MOST_PARTITIONS, &number, error) == -1)
        return -1;
    topic->partitions = (int)number;
    const char *word;
    while ((word = strtok_r(NULL, BLANKS, &rest)) != NULL) {
        if (read_property(word, topic, error) == -1)
            return -1;
    }
    return 0;
}

static int read_lines(FILE *file, struct ese_topics *topics, int *line_number,
                      struct ese_error *error)
{
    char line[1024];
    while (fgets(line, sizeof line, file) != NULL) {
        ++*line_number;
        const char *start = line + strspn(line, BLANKS);
        if (*start == '\0' || *start == '#')
            continue;
        if (strchr(line, '\n') == NULL && !feof(file))
            return ese_fail(error, ESE_E_INVALID, "the line is too long");
        if (topics->count == ESE_TOPICS)
            return ese_fail(error, ESE_E_INVALID, "more than %d topics", ESE_TOPICS);
        if (read_topic(line, &topics->topics[topics->count], error) == -1)
            return -1;
        topics->count++;
    }
    return 0;
}

int ese_topics_read(const char *path, struct ese_topics *topics, struct ese_error *error)
{
    memset(topics, 0, sizeof *topics);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return ese_fail(error, ESE_E_MISSING,
                        "cannot read '%.200s': %s; set ESE_KAFKA_CONF to the directory it is in",
                        path, strerror(errno));
    int line_number = 0;
    int result = read_lines(file, topics, &line_number, error);
    fclose(file);
    if (result == -1) {
        ese_fail_within(error, "%.200s line %d", path, line_number);
        if (error != NULL)
            error->code = ESE_E_INVALID;
    }
    return result;
}
