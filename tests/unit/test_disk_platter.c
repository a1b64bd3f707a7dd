#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ese-core/memory.h"
#include "orchestration/disk/file.h"
#include "orchestration/disk/reading.h"
#include "tests/support/directory.h"

#define CUTS 64 /* of each history: what may happen at all does in some of them */
#define ROOT 1
#define A 10
#define B 11
#define D 20

/* ---- telling a history ----------------------------------------------------------------------------------------- */

static struct ese_disk_platter *platter;

static int set_up(void **state)
{
    struct ese_error error;
    (void)state;
    platter = ese_disk_platter_new();
    return ese_disk_platter_take(platter, &(struct ese_disk_record){.kind = ESE_DISK_ROOT, .file = ROOT}, "", "", NULL,
                                 &error);
}

static int tear_down(void **state)
{
    (void)state;
    ese_disk_platter_free(&platter);
    return 0;
}

static void tell(struct ese_disk_record record, const char *name, const char *other_name, const void *data)
{
    struct ese_error error = {.code = ESE_OK};
    if (ese_disk_platter_take(platter, &record, name, other_name, data, &error) != 0)
        fail_msg("%s", error.text);
}

static void made(uint64_t file, const char *name)
{
    tell((struct ese_disk_record){.kind = ESE_DISK_MADE_FILE, .file = file, .directory = ROOT}, name, "", NULL);
}

static void synced(uint64_t number)
{
    tell((struct ese_disk_record){.kind = ESE_DISK_SYNCED, .file = number}, "", "", NULL);
}

static void sync_begins(uint64_t number, int64_t thread)
{
    tell((struct ese_disk_record){.kind = ESE_DISK_SYNC_BEGINS, .file = number, .offset = thread}, "", "", NULL);
}

static void sync_ends(uint64_t number, int64_t thread)
{
    tell((struct ese_disk_record){.kind = ESE_DISK_SYNCED, .file = number, .offset = thread}, "", "", NULL);
}

static void sync_failed(uint64_t number)
{
    tell((struct ese_disk_record){.kind = ESE_DISK_SYNC_FAILED, .file = number}, "", "", NULL);
}

static void resized(uint64_t file, int64_t size)
{
    tell((struct ese_disk_record){.kind = ESE_DISK_RESIZED, .file = file, .offset = size}, "", "", NULL);
}

static void wrote(uint64_t file, int64_t offset, const void *data, size_t length)
{
    tell((struct ese_disk_record){.kind = ESE_DISK_WRITTEN, .file = file, .offset = offset, .data_length = length}, "",
         "", data);
}

static void filled(uint64_t file, int64_t block, char with)
{
    char bytes[ESE_DISK_BLOCK];
    memset(bytes, with, sizeof bytes);
    wrote(file, block * ESE_DISK_BLOCK, bytes, sizeof bytes);
}

/* A file that is there, of so many blocks of 'o'. */
static void old_file(uint64_t file, const char *name, int blocks)
{
    made(file, name);
    for (int i = 0; i < blocks; i++)
        filled(file, i, 'o');
    synced(file);
    synced(ROOT);
}

/* ---- looking at what a cut leaves ------------------------------------------------------------------------------- */

/* What is there under the name: its bytes (freed by the next look), or NULL. */
static char *content;
static size_t content_length;

static char *look(const char *directory, const char *name)
{
    char *path = ese_test_path(directory, name);
    struct stat status;
    int fd = open(path, O_RDONLY);
    free(content);
    content = NULL;
    free(path);
    if (fd < 0 || fstat(fd, &status) != 0)
        return NULL;
    content_length = (size_t)status.st_size;
    content = ese_alloc(content_length + 1);
    assert_int_equal(read(fd, content, content_length), status.st_size);
    close(fd);
    return content;
}

/* Cuts often, and has each cut looked at; the bits it finds are those of what happened. */
static unsigned cut_often(unsigned (*find)(const char *directory))
{
    unsigned found = 0;
    for (uint64_t seed = 0; seed < CUTS; seed++) {
        char *directory = ese_test_directory_make();
        struct ese_random random = ese_random_seeded(seed, 0);
        struct ese_error error = {.code = ESE_OK};
        if (ese_disk_platter_cut(platter, &random, directory, &error) != 0)
            fail_msg("%s", error.text);
        found |= 1u << find(directory);
        ese_test_directory_remove(&directory);
    }
    free(content);
    content = NULL;
    return found;
}

static unsigned is_there(const char *directory)
{
    return look(directory, "a") != NULL;
}

/* 1: 'n' in all of its first block; 0: 'o'; 2: a mixture by the sector; 3: anything else. */
static unsigned first_block(const char *directory)
{
    unsigned sectors = 0;
    if (look(directory, "a") == NULL || content_length < ESE_DISK_BLOCK)
        return 3;
    for (int i = 0; i < ESE_DISK_BLOCK; i++) {
        bool is_new = content[i] == 'n';
        if ((!is_new && content[i] != 'o') || (i % ESE_DISK_SECTOR != 0 && content[i] != content[i - 1]))
            return 3;
        sectors += is_new && i % ESE_DISK_SECTOR == 0;
    }
    return sectors == 0 ? 0 : sectors == ESE_DISK_BLOCK / ESE_DISK_SECTOR ? 1 : 2;
}

enum { OLD = 1, NEW = 2, TORN = 4, ELSE = 8, ABSENT = 1, THERE = 2 };

/* ---- names ------------------------------------------------------------------------------------------------------ */

static void a_name_is_there_once_its_directory_is_synced(void **state)
{
    (void)state;
    made(A, "a");
    filled(A, 0, 'n');
    synced(A);
    assert_int_equal(cut_often(is_there), ABSENT | THERE);
    synced(ROOT);
    assert_int_equal(cut_often(is_there), THERE);
    assert_int_equal(cut_often(first_block), NEW);
}

static void a_name_leaves_once_its_directory_is_synced(void **state)
{
    (void)state;
    old_file(A, "a", 1);
    tell((struct ese_disk_record){.kind = ESE_DISK_UNLINKED, .file = A, .directory = ROOT}, "a", "", NULL);
    assert_int_equal(cut_often(is_there), ABSENT | THERE);
    synced(ROOT);
    assert_int_equal(cut_often(is_there), ABSENT);
}

/* 0: neither, 1: a alone, 2: b alone, 3: both. */
static unsigned which(const char *directory)
{
    unsigned a = look(directory, "a") != NULL, b = look(directory, "b") != NULL;
    return a + 2 * b;
}

static void a_rename_happens_as_a_whole_or_not_at_all(void **state)
{
    (void)state;
    old_file(A, "a", 1);
    tell((struct ese_disk_record){.kind = ESE_DISK_RENAMED, .file = A, .directory = ROOT, .other_directory = ROOT}, "a",
         "b", NULL);
    assert_int_equal(cut_often(which), 1u << 1 | 1u << 2);
    synced(ROOT);
    assert_int_equal(cut_often(which), 1u << 2);
}

static void of_several_names_the_first_come_first(void **state)
{
    (void)state;
    made(A, "a");
    made(B, "b");
    assert_int_equal(cut_often(which), 1u << 0 | 1u << 1 | 1u << 3);
}

static unsigned which_in_directory(const char *directory)
{
    return look(directory, "d/a") != NULL;
}

static void a_directory_is_a_name_too(void **state)
{
    (void)state;
    tell((struct ese_disk_record){.kind = ESE_DISK_MADE_DIRECTORY, .file = D, .directory = ROOT}, "d", "", NULL);
    tell((struct ese_disk_record){.kind = ESE_DISK_MADE_FILE, .file = A, .directory = D}, "a", "", NULL);
    synced(A);
    synced(D);
    assert_int_equal(cut_often(which_in_directory), ABSENT | THERE);
    synced(ROOT);
    assert_int_equal(cut_often(which_in_directory), THERE);
}

static void a_number_that_is_given_anew_is_another_file(void **state)
{
    (void)state;
    old_file(A, "a", 1);
    tell((struct ese_disk_record){.kind = ESE_DISK_UNLINKED, .file = A, .directory = ROOT}, "a", "", NULL);
    made(A, "b");
    filled(A, 0, 'n');
    synced(A);
    assert_int_equal(cut_often(first_block), OLD | ELSE); /* the old one has its own content, or is gone */
}

/* ---- blocks ----------------------------------------------------------------------------------------------------- */

static void what_is_synced_is_there(void **state)
{
    (void)state;
    old_file(A, "a", 2);
    filled(A, 0, 'n');
    assert_int_equal(cut_often(first_block), OLD | NEW | TORN);
    synced(A);
    assert_int_equal(cut_often(first_block), NEW);
}

static void a_sync_of_all_is_one(void **state)
{
    (void)state;
    made(A, "a");
    filled(A, 0, 'n');
    tell((struct ese_disk_record){.kind = ESE_DISK_SYNCED_ALL}, "", "", NULL);
    assert_int_equal(cut_often(first_block), NEW);
}

static void a_sync_of_another_file_is_none(void **state)
{
    (void)state;
    old_file(A, "a", 1);
    old_file(B, "b", 1);
    filled(A, 0, 'n');
    synced(B);
    synced(ROOT);
    assert_true(cut_often(first_block) & OLD);
}

/* Which of the two blocks are new, as bits; nothing of torn ones. */
static unsigned which_blocks(const char *directory)
{
    assert_non_null(look(directory, "a"));
    return (content[0] == 'n') + 2u * (content[ESE_DISK_BLOCK] == 'n');
}

/* Of four. */
static unsigned which_of_many(const char *directory)
{
    unsigned found = 0;
    assert_non_null(look(directory, "a"));
    for (unsigned i = 0; i < 4; i++)
        found |= (unsigned)(content[i * ESE_DISK_BLOCK] == 'n') << i;
    return found;
}

/* Two of four, too: one alone may be other than the rest because it is torn. */
static void blocks_survive_in_any_combination(void **state)
{
    (void)state;
    old_file(A, "a", 4);
    for (int i = 0; i < 4; i++)
        filled(A, i, 'n');
    assert_int_equal(cut_often(which_of_many), 65535);
}

/* 0: as it was, 1: after the first write, 2: after the second, 3: anything else. */
static unsigned how_many_writes(const char *block)
{
    return block[0] == 'o' ? (block[1] == 'o' ? 0 : 3) : block[1] == 'o' ? 1 : 2;
}

/* Of two blocks, of which one may be torn. */
static unsigned how_many_of_each(const char *directory)
{
    assert_non_null(look(directory, "a"));
    return 3 * how_many_writes(content) + how_many_writes(content + ESE_DISK_BLOCK);
}

static void a_block_may_be_as_it_was_between_two_writes(void **state)
{
    (void)state;
    old_file(A, "a", 2);
    for (int i = 0; i < 2; i++) {
        wrote(A, i * ESE_DISK_BLOCK, "n", 1);
        wrote(A, i * ESE_DISK_BLOCK + 1, "n", 1);
    }
    assert_int_equal(cut_often(how_many_of_each), 511);
}

/* How many of the blocks are torn, and whether all others are one thing. */
static unsigned count_torn(const char *directory)
{
    unsigned torn = 0;
    assert_non_null(look(directory, "a"));
    for (size_t block = 0; block < 4; block++) {
        const char *bytes = content + block * ESE_DISK_BLOCK;
        bool is_torn = false;
        for (int i = ESE_DISK_SECTOR; i < ESE_DISK_BLOCK; i += ESE_DISK_SECTOR)
            is_torn |= bytes[i] != bytes[0];
        torn += is_torn;
    }
    return torn;
}

static void one_block_at_most_is_torn(void **state)
{
    (void)state;
    old_file(A, "a", 4);
    for (int i = 0; i < 4; i++)
        filled(A, i, 'n');
    assert_int_equal(cut_often(count_torn), 1u << 0 | 1u << 1);
}

static void a_write_across_blocks_is_one_of_each(void **state)
{
    char bytes[2 * ESE_DISK_BLOCK];
    (void)state;
    old_file(A, "a", 3);
    memset(bytes, 'n', sizeof bytes);
    wrote(A, ESE_DISK_BLOCK / 2, bytes, ESE_DISK_BLOCK);
    assert_int_equal(ese_disk_platter_open_blocks(platter), 2);
}

/* ---- sizes ------------------------------------------------------------------------------------------------------ */

static unsigned how_long(const char *directory)
{
    assert_non_null(look(directory, "a"));
    assert_int_equal(content_length % ESE_DISK_BLOCK, 0);
    return (unsigned)(content_length / ESE_DISK_BLOCK);
}

static void a_file_is_as_long_as_it_was_at_any_time_since(void **state)
{
    (void)state;
    old_file(A, "a", 1);
    filled(A, 1, 'n');
    filled(A, 2, 'n');
    resized(A, 0);
    assert_int_equal(cut_often(how_long), 15);
    synced(A);
    assert_int_equal(cut_often(how_long), 1);
}

static unsigned is_zeros_or_new(const char *directory)
{
    if (look(directory, "a") == NULL || content_length < 2 * ESE_DISK_BLOCK)
        return 2;
    return content[ESE_DISK_BLOCK] == 'n' ? 1 : content[ESE_DISK_BLOCK] == '\0' ? 0 : 3;
}

static void what_is_long_and_was_not_written_is_zeros(void **state)
{
    (void)state;
    old_file(A, "a", 1);
    filled(A, 1, 'n');
    assert_int_equal(cut_often(is_zeros_or_new), 7);
}

static void what_was_cut_off_does_not_come_back(void **state)
{
    (void)state;
    old_file(A, "a", 2);
    resized(A, 0);
    resized(A, 2 * ESE_DISK_BLOCK);
    synced(A);
    assert_int_equal(cut_often(is_zeros_or_new), 1u << 0);
}

/* ---- syncs that last -------------------------------------------------------------------------------------------- */

static void a_sync_is_of_what_was_written_before_it_began(void **state)
{
    (void)state;
    old_file(A, "a", 2);
    filled(A, 0, 'n');
    sync_begins(A, 7);
    filled(A, 1, 'n');
    sync_ends(A, 7);
    assert_int_equal(cut_often(which_blocks), 1u << 1 | 1u << 3);
    sync_begins(A, 7);
    sync_ends(A, 7);
    assert_int_equal(cut_often(which_blocks), 1u << 3);
}

static void a_sync_is_of_the_size_before_it_began(void **state)
{
    (void)state;
    old_file(A, "a", 1);
    filled(A, 1, 'n');
    sync_begins(A, 7);
    filled(A, 2, 'n');
    sync_ends(A, 7);
    assert_int_equal(cut_often(how_long), 1u << 2 | 1u << 3);
}

static void a_sync_is_of_the_names_before_it_began(void **state)
{
    (void)state;
    made(A, "a");
    sync_begins(ROOT, 7);
    made(B, "b");
    sync_ends(ROOT, 7);
    assert_int_equal(cut_often(which), 1u << 1 | 1u << 3);
    synced(ROOT);
    assert_int_equal(cut_often(which), 1u << 3);
}

static void a_sync_of_all_is_of_what_was_before_it_began(void **state)
{
    (void)state;
    old_file(A, "a", 1);
    sync_begins(ROOT, 7);
    filled(A, 0, 'n');
    tell((struct ese_disk_record){.kind = ESE_DISK_SYNCED_ALL, .offset = 7}, "", "", NULL);
    assert_int_equal(cut_often(first_block), OLD | NEW | TORN);
}

static void a_sync_that_began_earlier_takes_nothing_back(void **state)
{
    (void)state;
    old_file(A, "a", 1);
    sync_begins(A, 7);
    filled(A, 0, 'n');
    filled(A, 1, 'n');
    made(B, "b");
    sync_begins(A, 8);
    sync_ends(A, 8);
    synced(ROOT);
    sync_ends(A, 7);
    assert_int_equal(cut_often(which_blocks), 1u << 3);
    assert_int_equal(cut_often(how_long), 1u << 2);
    assert_int_equal(cut_often(which), 1u << 3);
}

static void a_sync_that_never_ended_is_forgotten(void **state)
{
    (void)state;
    old_file(A, "a", 1);
    sync_begins(A, 7);
    filled(A, 0, 'n');
    sync_begins(A, 7); /* of another process, whose thread has that number again */
    sync_ends(A, 7);
    assert_int_equal(cut_often(first_block), NEW);
}

/* ---- failed syncs, mappings ------------------------------------------------------------------------------------- */

static void a_second_sync_does_not_bring_what_the_first_one_has_lost(void **state)
{
    (void)state;
    old_file(A, "a", 1);
    filled(A, 0, 'n');
    sync_failed(A);
    synced(A);
    assert_true(cut_often(first_block) & OLD);
    filled(A, 0, 'n');
    synced(A);
    assert_int_equal(cut_often(first_block), NEW);
}

static void a_sync_that_lasts_does_not_bring_what_another_one_loses_meanwhile(void **state)
{
    (void)state;
    old_file(A, "a", 1);
    filled(A, 0, 'n');
    sync_begins(A, 7);
    sync_failed(A);
    filled(A, 0, 'n');
    sync_ends(A, 7);
    assert_true(cut_often(first_block) & OLD);
}

static void what_is_mapped_counts_for_nothing(void **state)
{
    (void)state;
    old_file(A, "a", 1);
    tell((struct ese_disk_record){.kind = ESE_DISK_MAPPED, .file = A}, "", "", NULL);
    assert_int_equal(cut_often(is_there), ABSENT);
}

/* ---- seeds, journals -------------------------------------------------------------------------------------------- */

static void a_seed_decides_all_of_it(void **state)
{
    struct ese_error error;
    (void)state;
    old_file(A, "a", 64);
    for (int i = 0; i < 64; i++)
        filled(A, i, 'n');
    char *first = NULL;
    for (int i = 0; i < 2; i++) {
        char *directory = ese_test_directory_make();
        struct ese_random random = ese_random_seeded(7, 0);
        assert_int_equal(ese_disk_platter_cut(platter, &random, directory, &error), 0);
        assert_non_null(look(directory, "a"));
        if (i == 1)
            assert_memory_equal(content, first, content_length);
        free(first);
        first = i == 0 ? ese_copy_bytes(content, content_length) : NULL;
        ese_test_directory_remove(&directory);
    }
    free(content);
    content = NULL;
}

static void what_has_a_gap_is_refused(void **state)
{
    struct ese_error error;
    (void)state;
    const struct ese_disk_record records[] = {
        {.kind = ESE_DISK_WRITTEN, .file = A}, {.kind = ESE_DISK_SYNCED, .file = A},
        {.kind = ESE_DISK_MADE_FILE, .file = A, .directory = D}, {.kind = ESE_DISK_ROOT, .file = ROOT},
        {.kind = ESE_DISK_KINDS, .file = ROOT}, {.kind = 0}, {.kind = ESE_DISK_WRITTEN, .file = ROOT},
        {.kind = ESE_DISK_SYNCED, .file = ROOT, .offset = 7}, {.kind = ESE_DISK_SYNCED_ALL, .offset = 7},
        {.kind = ESE_DISK_SYNC_BEGINS, .file = A, .offset = 7}};
    for (size_t i = 0; i < ESE_COUNT_OF(records); i++) {
        assert_int_equal(ese_disk_platter_take(platter, &records[i], "", "", NULL, &error), -1);
        assert_int_equal(error.code, ESE_E_INVALID);
    }
}

static int read_journal(const void *bytes, size_t length, struct ese_error *error)
{
    char *directory = ese_test_directory_make();
    char *path = ese_test_path(directory, "journal");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
    struct ese_disk_platter *read = ese_disk_platter_new();
    int result = ese_disk_reading(path, read, error);
    int names = (int)ese_disk_platter_open_names(read);
    ese_disk_platter_free(&read);
    free(path);
    ese_test_directory_remove(&directory);
    return result == 0 ? names : -1;
}

static void a_journal_may_end_anywhere_and_not_be_broken(void **state)
{
    struct ese_error error;
    (void)state;
    struct ese_disk_record records[2] = {
        {.magic = ESE_DISK_MAGIC, .kind = ESE_DISK_ROOT, .file = ROOT},
        {.magic = ESE_DISK_MAGIC, .kind = ESE_DISK_MADE_FILE, .file = A, .directory = ROOT, .name_length = 1}};
    char bytes[sizeof records + 1];
    memcpy(bytes, records, sizeof records);
    bytes[sizeof records] = 'a';
    for (size_t length = sizeof records[0]; length < sizeof bytes; length++)
        assert_int_equal(read_journal(bytes, length, &error), 0);
    assert_int_equal(read_journal(bytes, sizeof bytes, &error), 1);
    bytes[sizeof records[0]] ^= 1;
    assert_int_equal(read_journal(bytes, sizeof bytes, &error), -1);
    assert_non_null(strstr(error.text, "broken"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(a_name_is_there_once_its_directory_is_synced),
        CASE(a_name_leaves_once_its_directory_is_synced),
        CASE(a_rename_happens_as_a_whole_or_not_at_all),
        CASE(of_several_names_the_first_come_first),
        CASE(a_directory_is_a_name_too),
        CASE(a_number_that_is_given_anew_is_another_file),
        CASE(what_is_synced_is_there),
        CASE(a_sync_of_all_is_one),
        CASE(a_sync_of_another_file_is_none),
        CASE(blocks_survive_in_any_combination),
        CASE(a_block_may_be_as_it_was_between_two_writes),
        CASE(one_block_at_most_is_torn),
        CASE(a_write_across_blocks_is_one_of_each),
        CASE(a_file_is_as_long_as_it_was_at_any_time_since),
        CASE(what_is_long_and_was_not_written_is_zeros),
        CASE(what_was_cut_off_does_not_come_back),
        CASE(a_sync_is_of_what_was_written_before_it_began),
        CASE(a_sync_is_of_the_size_before_it_began),
        CASE(a_sync_is_of_the_names_before_it_began),
        CASE(a_sync_of_all_is_of_what_was_before_it_began),
        CASE(a_sync_that_began_earlier_takes_nothing_back),
        CASE(a_sync_that_never_ended_is_forgotten),
        CASE(a_sync_that_lasts_does_not_bring_what_another_one_loses_meanwhile),
        CASE(a_second_sync_does_not_bring_what_the_first_one_has_lost),
        CASE(what_is_mapped_counts_for_nothing),
        CASE(a_seed_decides_all_of_it),
        CASE(what_has_a_gap_is_refused),
        CASE(a_journal_may_end_anywhere_and_not_be_broken),
    };
    ese_test_directories_in_memory();
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
