#include "orchestration/disk/reading.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "ese-core/memory.h"

#define DATA_LIMIT (UINT64_C(1) << 30)

/* 1: all of it; 0: the file ends before. */
static int read_bytes(FILE *file, void *bytes, size_t length)
{
    return length == 0 || fread(bytes, length, 1, file) == 1;
}

/* 1: taken; 0: the journal ends. */
static int read_record(FILE *file, struct ese_disk_platter *platter, struct ese_error *error)
{
    struct ese_disk_record record;
    char name[ESE_DISK_NAME_MOST + 1] = "", other_name[ESE_DISK_NAME_MOST + 1] = "";
    if (!read_bytes(file, &record, sizeof record))
        return 0;
    if (record.magic != ESE_DISK_MAGIC || record.name_length > ESE_DISK_NAME_MOST ||
        record.other_name_length > ESE_DISK_NAME_MOST || record.data_length > DATA_LIMIT)
        return ese_fail(error, ESE_E_INVALID, "no record where one has to begin: the journal is broken");
    char *data = ese_alloc(record.data_length + 1);
    int result = 0;
    if (read_bytes(file, name, record.name_length) && read_bytes(file, other_name, record.other_name_length) &&
        read_bytes(file, data, record.data_length))
        result = ese_disk_platter_take(platter, &record, name, other_name, data, error) == 0 ? 1 : -1;
    free(data);
    return result;
}

int ese_disk_reading(const char *path, struct ese_disk_platter *platter, struct ese_error *error)
{
    FILE *file = fopen(path, "re");
    int more;
    if (file == NULL)
        return ese_fail_path(error, "--journal", path, "the journal of a process");
    while ((more = read_record(file, platter, error)) == 1)
        ;
    fclose(file);
    return more == 0 ? 0 : ese_fail_within(error, "journal %s", path);
}
