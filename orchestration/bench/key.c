#include "orchestration/bench/key.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ese-core/digest.h"
#include "ese-core/memory.h"
#include "orchestration/kafka/kafka_home.h"

/* What the key is of: texts, and files, each of them once, though many sides have one program. */
struct making {
    struct ese_buffer text;
    char **paths; /* of the files */
    size_t count;
};

static bool is_there(const struct making *making, const char *path)
{
    size_t i = 0;

    while (i < making->count && strcmp(making->paths[i], path) != 0)
        i++;
    return i < making->count;
}

static void note(struct making *making, const char *path)
{
    making->paths = ese_realloc_array(making->paths, making->count + 1, sizeof *making->paths);
    making->paths[making->count++] = ese_copy_text(path);
}

static void clear(struct making *making)
{
    for (size_t i = 0; i < making->count; i++)
        free(making->paths[i]);
    free(making->paths);
    ese_buffer_free(&making->text);
}

/* Appends a digest of what the file holds; nothing for what is none (the jars' directory has a version of its own). */
static int append_digest(const char *path, struct ese_buffer *text, struct ese_error *error)
{
    struct stat status;
    uint8_t digest[ESE_DIGEST_SIZE];
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &status) != 0)
        return ese_fail_errno(error, "cannot read %s", path);
    void *bytes = S_ISREG(status.st_mode) && status.st_size > 0
                      ? mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0)
                      : NULL;
    close(fd);
    if (bytes == MAP_FAILED)
        return ese_fail_errno(error, "cannot read %s", path);
    if (bytes == NULL)
        return 0;
    const struct ese_digest_part part = {.bytes = bytes, .length = (size_t)status.st_size};
    ese_digest(&part, 1, digest);
    munmap(bytes, (size_t)status.st_size);
    ese_buffer_append(text, (const char *)digest, sizeof digest);
    return 0;
}

static int add_file(const char *path, struct making *making, struct ese_error *error)
{
    if (is_there(making, path))
        return 0;
    note(making, path);
    return append_digest(path, &making->text, error);
}

/* All of ours, as most rows need more than the one that they measure, and how the broker is set up. What is not there
 * is told when it is wanted. */
static int add_ours(struct making *making, struct ese_error *error)
{
    static const char *const ours[] = {"ese-client", "ese-server", "ese-consumer", "ese-mailer", "ese-bare",
                                       "ese-bare-push", "ese-disk.so"};
    static const char *const settings[] = {"topics.conf", "server.properties", "pom.xml"};
    char path[ESE_PLACE_PATH_SIZE];
    struct ese_kafka_home kafka;
    int status = 0;

    ese_kafka_home(&kafka);
    for (size_t i = 0; i < ESE_COUNT_OF(ours) && status == 0; i++)
        status = ese_place_binary(ours[i], path, NULL) == 0 ? add_file(path, making, error) : 0;
    for (size_t i = 0; i < ESE_COUNT_OF(settings) && status == 0; i++) {
        status = ese_place_path(kafka.conf, settings[i], path, error);
        if (status == 0 && access(path, R_OK) == 0)
            status = add_file(path, making, error);
    }
    return status;
}

static int add_side(const struct ese_side *side, const struct ese_place *place, struct making *making,
                    struct ese_error *error)
{
    char path[ESE_PLACE_PATH_SIZE];

    ese_buffer_printf(&making->text, "%s %d %d %d %s\n", side->contender->name, side->shape.connections,
                      side->shape.batch, side->shape.rate, side->option == NULL ? "" : side->option);
    return side->contender->program(place, path, NULL) != 0 ? 0 : add_file(path, making, error);
}

int ese_key_make(const struct ese_plan *plan, const bool *chosen, const struct ese_place *place, char key[ESE_KEY_SIZE],
                 struct ese_error *error)
{
    struct making making = {.text = ESE_BUFFER_INIT(1 << 16)};
    uint8_t digest[ESE_DIGEST_SIZE];
    int status = add_file("/proc/self/exe", &making, error) != 0 ? -1 : add_ours(&making, error);

    ese_buffer_printf(&making.text, "%d %d %lld %lld %lld\n", plan->rounds, plan->ours_only,
                      (long long)plan->stint.warm_up_ns, (long long)plan->stint.measure_ns,
                      (long long)plan->stint.backlog);
    for (size_t i = 0; i < ese_row_count && status == 0; i++) {
        if (!chosen[i])
            continue;
        ese_buffer_printf(&making.text, "%s ", ese_rows[i].id);
        status = add_side(&ese_rows[i].ours, place, &making, error);
        if (status == 0 && !plan->ours_only)
            status = add_side(&ese_rows[i].peer, place, &making, error);
    }
    const struct ese_digest_part part = {.bytes = making.text.text, .length = making.text.length};
    ese_digest(&part, 1, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(key + 2 * i, 3, "%02x", digest[i]);
    clear(&making);
    return status;
}
