/* replay.c - a target without a fuzzer: gives it a file, or each of a directory, in memory that ends where the file
 * does, so that a sanitizer sees it read on. TAP; what breaks off has been named before. */
#include <dirent.h>
#include <sys/stat.h>

#include "ese-core/buffer.h"
#include "ese-core/memory.h"
#include "tests/fuzz/fuzz.h"

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void give(const char *path, int number)
{
    struct ese_buffer text = ESE_BUFFER_INIT(SIZE_MAX);
    char piece[4096];
    size_t length;
    fprintf(stderr, "# %s\n", path);
    FILE *file = fopen(path, "rb");
    ESE_HOLDS(file != NULL);
    while ((length = fread(piece, 1, sizeof piece, file)) > 0)
        ese_buffer_append(&text, piece, length);
    fclose(file);
    uint8_t *exact = malloc(text.length > 0 ? text.length : 1);
    if (text.length > 0)
        memcpy(exact, text.text, text.length);
    ESE_HOLDS(LLVMFuzzerTestOneInput(exact, text.length) == 0);
    free(exact);
    ese_buffer_free(&text);
    printf("ok %d - %s\n", number, strrchr(path, '/') + 1);
    fflush(stdout);
}

static int give_each(const char *directory)
{
    struct dirent **entries = NULL;
    int count = scandir(directory, &entries, is_visible, by_name);
    printf("1..%d\n", count);
    for (int i = 0; i < count; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", directory, entries[i]->d_name);
        give(path, i + 1);
        free(entries[i]);
    }
    free(entries);
    return count > 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct stat status;
    if (argc != 2 || strchr(argv[1], '/') == NULL || stat(argv[1], &status) != 0) {
        fprintf(stderr, "give the path of a corpus, or of a file of it\n");
        return 64;
    }
    if (S_ISDIR(status.st_mode))
        return give_each(argv[1]);
    printf("1..1\n");
    give(argv[1], 1);
    return 0;
}
