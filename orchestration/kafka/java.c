#include "orchestration/kafka/java.h"

#include <glob.h>
#include <limits.h>
#include <unistd.h>

#include "ese-core/memory.h"

struct ese_java {
    char program[PATH_MAX];
    char *class_path;
    char *archive;
    char *log_config;
    char *temporary;
    char *properties;
    const char *format[ESE_JAVA_WORDS];
    const char *broker[ESE_JAVA_WORDS];
};

static char *join(const char *a, const char *b, const char *c)
{
    size_t size = strlen(a) + strlen(b) + strlen(c) + 1;
    char *text = ese_alloc(size);
    snprintf(text, size, "%s%s%s", a, b, c);
    return text;
}

static int find_on_path(char *program, size_t size)
{
    const char *path = getenv("PATH");
    while (path != NULL && *path != '\0') {
        int length = (int)strcspn(path, ":");
        int written = snprintf(program, size, "%.*s/java", length, path);
        if (written > 0 && (size_t)written < size && access(program, X_OK) == 0)
            return 0;
        path += length;
        if (*path == ':')
            path++;
    }
    return -1;
}

static int find_program(char *program, size_t size)
{
    const char *home = getenv("JAVA_HOME");
    if (home != NULL && home[0] != '\0') {
        int written = snprintf(program, size, "%s/bin/java", home);
        if (written > 0 && (size_t)written < size && access(program, X_OK) == 0)
            return 0;
    }
    return find_on_path(program, size);
}

static int check_jars(const char *jars_dir, struct ese_error *error)
{
    char *pattern = join(jars_dir, "/", "kafka_2.13-*.jar");
    glob_t found;
    int result = glob(pattern, 0, NULL, &found);
    free(pattern);
    if (result == 0)
        globfree(&found);
    if (result != 0)
        return ese_fail(error, ESE_E_MISSING,
                        "no Kafka jars in '%.200s': `./lab doctor` says how to get them", jars_dir);
    return 0;
}

/* Where it was not written, or for another Java, starting takes longer: nothing else. */
static char *find_archive(const char *jars_dir)
{
    char *path = join(jars_dir, ".jsa", "");
    char *word = access(path, R_OK) == 0 ? join("-XX:SharedArchiveFile=", path, "")
                                         : join("-Xshare:auto", "", "");
    free(path);
    return word;
}

int ese_java_find(const char *jars_dir, const char *conf_dir, const char *data_dir,
                  struct ese_java **java, struct ese_error *error)
{
    *java = NULL;
    struct ese_java *made = ese_alloc(sizeof *made);
    if (find_program(made->program, sizeof made->program) == -1) {
        free(made);
        return ese_fail(error, ESE_E_MISSING,
                        "no java found by JAVA_HOME or PATH: Kafka needs Java 17; `./lab doctor` "
                        "says how to get it");
    }
    if (check_jars(jars_dir, error) == -1) {
        free(made);
        return -1;
    }
    made->class_path = join(jars_dir, "/", "*"); /* Java itself expands the star */
    made->archive = find_archive(jars_dir);
    made->log_config = join("-Dlog4j2.configurationFile=", conf_dir, "/log4j2.properties");
    made->temporary = join("-Djava.io.tmpdir=", data_dir, "/tmp");
    made->properties = join(data_dir, "/", "server.properties");
    /* Small: 384 MB are plenty for a lab's load, the serial collector and the first compiler start
     * quickest. UsePerfData would leave a file in /tmp after a SIGKILL. */
    const char *format[] = {made->program, "-Xmx128m", "-XX:+UseSerialGC",
                      "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", made->archive,
                      made->log_config, made->temporary, "-cp", made->class_path,
                      "kafka.tools.StorageTool", "format", "-g", "-c", made->properties, "-t", NULL};
    const char *broker[] = {made->program, "-Xmx384m", "-XX:+UseSerialGC",
                      "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", made->archive,
                      made->log_config, made->temporary, "-cp", made->class_path,
                      "kafka.Kafka", made->properties, NULL};
    memcpy(made->format, format, sizeof format);
    memcpy(made->broker, broker, sizeof broker);
    *java = made;
    return 0;
}

void ese_java_free(struct ese_java **java)
{
    if (*java == NULL)
        return;
    free((*java)->class_path);
    free((*java)->archive);
    free((*java)->log_config);
    free((*java)->temporary);
    free((*java)->properties);
    free(*java);
    *java = NULL;
}

const char *const *ese_java_format(const struct ese_java *java)
{
    return java->format;
}

const char *const *ese_java_broker(const struct ese_java *java)
{
    return java->broker;
}
