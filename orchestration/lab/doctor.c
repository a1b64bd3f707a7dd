/* ese-lab doctor: what is missing, what is in the way, and what to do about it. */
#include <jansson.h>
#include <langinfo.h>
#include <locale.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ese-core/address.h"
#include "ese-core/memory.h"
#include "ese-core/service.h"
#include "orchestration/kafka/kafka_command.h"
#include "orchestration/kafka/kafka_home.h"
#include "orchestration/kafka/port.h"
#include "orchestration/lab/command.h"
#include "orchestration/lab/program.h"
#include "orchestration/lab/run_directory.h"

#define MEMORY_WANTED_MB 1024 /* a broker of 350 MB, its page cache, and the rest of the walk */
#define DISK_WANTED_MB 1024

enum finding { WELL, MISSING, BESIDE };

/* A check fills what it found, or what to do. */
typedef enum finding check(char *text, size_t size);

static enum finding programs(char *text, size_t size)
{
    static const char *const names[] = {"ese-client", "ese-server", "ese-consumer", "ese-mailer", "ese-proxy",
                                        "ese-crowd"};
    struct ese_error error;
    char path[ESE_ARTIFACT_PATH_SIZE];
    for (size_t i = 0; i < ESE_COUNT_OF(names); i++) {
        if (ese_program_find(names[i], path, &error) < 0) {
            snprintf(text, size, "%s", error.text);
            return MISSING;
        }
    }
    snprintf(text, size, "client, server, consumer, mailer and proxy are built");
    return WELL;
}

static enum finding sink(char *text, size_t size)
{
    struct ese_error error;
    char path[ESE_ARTIFACT_PATH_SIZE];
    if (ese_program_find_smtp_sink(path, &error) < 0) {
        snprintf(text, size, "%s", error.text);
        return MISSING;
    }
    snprintf(text, size, "%s with aiosmtpd receives the mails", path);
    return WELL;
}

static enum finding java(char *text, size_t size)
{
    FILE *pipe = popen("java -version 2>&1", "re");
    char line[128] = "";
    bool read = pipe != NULL && fgets(line, sizeof line, pipe) != NULL;
    int status = pipe == NULL ? -1 : pclose(pipe);
    line[strcspn(line, "\n")] = '\0';
    if (!read || status != 0) {
        snprintf(text, size, "no Java: install default-jre-headless; without it Kafka is librdkafka's mock");
        return BESIDE;
    }
    snprintf(text, size, "%s", line);
    return WELL;
}

static enum finding jars(char *text, size_t size)
{
    struct ese_kafka_home home;
    ese_kafka_home(&home);
    if (access(home.jars, R_OK) < 0) {
        snprintf(text, size, "Kafka's jars are not in %.200s: './lab kafka start' fetches them (mvn, once)",
                 home.jars);
        return BESIDE;
    }
    snprintf(text, size, "Kafka's jars are in %.200s", home.jars);
    return WELL;
}

static enum finding ports(char *text, size_t size)
{
    struct ese_error error;
    int port;
    if (ese_program_free_port(&port, &error) < 0) {
        snprintf(text, size, "%s: is the loopback interface up?", error.text);
        return MISSING;
    }
    snprintf(text, size, "free ports on 127.0.0.1 can be had (%d, for one)", port);
    return WELL;
}

static enum finding memory(char *text, size_t size)
{
    FILE *file = fopen("/proc/meminfo", "re");
    char line[128];
    long long kib = -1;
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "MemAvailable: %lld", &kib) == 1)
            break;
    }
    if (file != NULL)
        fclose(file);
    snprintf(text, size, "%lld MB of memory available", kib / 1024);
    if (kib / 1024 >= MEMORY_WANTED_MB)
        return WELL;
    snprintf(text, size, "only %lld MB of memory available, %d are wanted with Kafka: end something, or "
                         "compare with --broker embedded", kib / 1024, MEMORY_WANTED_MB);
    return BESIDE;
}

static enum finding disk(char *text, size_t size)
{
    struct statvfs status;
    struct ese_error error = {0};
    if (ese_artifact_directory(ese_lab_home(), &error) < 0 || statvfs(ese_lab_home(), &status) < 0) {
        snprintf(text, size, "%s is not there and cannot be made: set ESE_LAB_HOME", ese_lab_home());
        return MISSING;
    }
    long long free_mb = (long long)(status.f_bavail * status.f_frsize / 1000000);
    snprintf(text, size, "%lld MB free for %s%s", free_mb, ese_lab_home(),
             free_mb < DISK_WANTED_MB ? ": too little, set ESE_LAB_HOME to another disk" : "");
    return free_mb < DISK_WANTED_MB ? MISSING : WELL;
}

static enum finding terminal(char *text, size_t size)
{
    setlocale(LC_CTYPE, "");
    bool utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    snprintf(text, size, "%s", utf8 ? "the locale is UTF-8"
                                    : "the locale is not UTF-8: the picture is drawn in ASCII (try LANG=C.UTF-8)");
    return utf8 ? WELL : BESIDE;
}

static const struct {
    const char *name;
    check *look;
} checks[] = {
    {"programs", programs}, {"mail sink", sink}, {"java", java}, {"jars", jars},
    {"ports", ports},       {"memory", memory},  {"disk", disk}, {"terminal", terminal},
};

/* ---- the ports of the walk by hand, which compare and up do without -------------------------- */

static const struct walk_port {
    const char *number;
    const char *owner;
    const char *option; /* by which its owner, and those who look for it, are told of another one */
} walk_ports[] = {
    {ESE_BROKER_PORT, "a broker", "--port of kafka start, and everybody's --bootstrap-servers"},
    {ESE_SERVER_PORT, "ese-server", "its --listen, and the --server of client and consumer"},
    {ESE_MAILER_PORT, "ese-mailer", "its --listen, and the consumer's --mailer"},
    {ESE_SMTP_PORT, "an SMTP server", "its own options, and ese-mailer's --smtp"},
};

static bool is_own_broker(const char *port)
{
    char address[64];
    return ese_kafka_running(address, sizeof address) == 0 &&
           strcmp(strrchr(address, ':') + 1, port) == 0;
}

static enum finding walk_port(const struct walk_port *port, char *text, size_t size)
{
    struct ese_error error;
    if (is_own_broker(port->number)) {
        snprintf(text, size, "the lab's own Kafka listens on it");
        return WELL;
    }
    if (ese_port_check((int)strtol(port->number, NULL, 10), port->option, &error) == 0) {
        snprintf(text, size, "free for %s, in the walk by hand", port->owner);
        return WELL;
    }
    snprintf(text, size, "wanted for %s, in the walk by hand: %s", port->owner, error.text);
    return BESIDE;
}

/* ---- all of them ----------------------------------------------------------------------------- */

/* Prints one finding, or keeps it in the list where that is there. Returns whether something is
 * missing. */
static bool tell(json_t *list, const char *name, enum finding found, const char *text)
{
    static const char *const words[] = {"ok", "MISSING", "note"};
    static const char *const members[] = {"ok", "missing", "note"};
    if (list == NULL)
        printf("  %-8s %-10s %s\n", words[found], name, text);
    else
        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "name", name, "finding",
                                              members[found], "text", text));
    return found == MISSING;
}

static int look_at_all(json_t *list)
{
    char text[512], name[16];
    int missing = 0;
    for (size_t i = 0; i < ESE_COUNT_OF(checks); i++) {
        enum finding found = checks[i].look(text, sizeof text);
        missing += tell(list, checks[i].name, found, text);
    }
    for (size_t i = 0; i < ESE_COUNT_OF(walk_ports); i++) {
        enum finding found = walk_port(&walk_ports[i], text, sizeof text);
        snprintf(name, sizeof name, "port %s", walk_ports[i].number);
        missing += tell(list, name, found, text);
    }
    return missing;
}

static int run_doctor(const struct ese_config *config, struct ese_error *error)
{
    json_t *list = ese_config_flag(config, "json") ? json_array() : NULL;
    int missing = look_at_all(list);
    if (list != NULL) {
        json_t *object = json_pack("{s:i, s:o}", "missing", missing, "checks", list);
        json_dumpf(object, stdout, JSON_INDENT(2));
        putchar('\n');
        json_decref(object);
    }
    if (missing > 0)
        return ese_fail(error, ESE_E_MISSING, "%d of these must be mended first", missing);
    return 0;
}

static const struct ese_option options[] = {
    {.name = "json", .kind = ESE_OPTION_FLAG, .help = "Prints one JSON object."},
    ESE_OPTION_END,
};

static const struct ese_service service = {
    .manual = {
        .name = "ese-lab doctor",
        .summary = "says what is missing or in the way, and what to do",
        .synopsis = "",
        .description = "Exit status 69 when something must be mended before the lab can run.",
        .examples = NULL,
    },
    .options = options,
    .is_command = true,
    .run = run_doctor,
};

static int doctor_main(int argc, char **argv)
{
    return ese_service_main(&service, argc, argv);
}

const struct ese_lab_command ese_lab_doctor = {
    .name = "doctor",
    .summary = "what is missing, what is in the way, and what to do",
    .main = doctor_main,
};
