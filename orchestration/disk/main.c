/*
 * ese-power-cut: makes the directory that a power cut would have left, out of a journal that the disk's shim has kept.
 */
#include <stdio.h>

#include "ese-core/service.h"
#include "orchestration/disk/reading.h"

static const struct ese_option options[] = {
    {.name = "journal", .kind = ESE_OPTION_TEXT, .value = "FILE", .help = "What ESE_DISK_JOURNAL named."},
    {.name = "seed", .kind = ESE_OPTION_NUMBER, .value = "N", .fallback = "1", .min = 0, .max = INT64_MAX,
     .help = "Decides what of the unsynced has survived."},
    {.name = "into", .kind = ESE_OPTION_TEXT, .value = "DIR", .help = "An empty directory: what the disk then has."},
    ESE_OPTION_END,
};

static int check_given(const struct ese_config *config, const char *name, struct ese_error *error)
{
    if (ese_config_has(config, name))
        return 0;
    return ese_fail(error, ESE_E_USAGE, "--%s is missing: give it", name);
}

static int cut(const struct ese_config *config, struct ese_disk_platter *platter, struct ese_error *error)
{
    struct ese_random random = ese_random_seeded((uint64_t)ese_config_number(config, "seed"), 0);
    if (ese_disk_reading(ese_config_text(config, "journal"), platter, error) != 0 ||
        ese_disk_platter_cut(platter, &random, ese_config_text(config, "into"), error) != 0)
        return -1;
    printf("{\"open_blocks\":%lld,\"open_names\":%lld}\n", (long long)ese_disk_platter_open_blocks(platter),
           (long long)ese_disk_platter_open_names(platter));
    return 0;
}

static int run(const struct ese_config *config, struct ese_error *error)
{
    if (check_given(config, "journal", error) != 0 || check_given(config, "into", error) != 0)
        return -1;
    struct ese_disk_platter *platter = ese_disk_platter_new();
    int result = cut(config, platter, error);
    ese_disk_platter_free(&platter);
    return result;
}

static const struct ese_service service = {
    .manual = {
        .name = "ese-power-cut",
        .summary = "leaves what a power cut would leave",
        .synopsis = "",
        .description =
            "Reads the journal of a process that ran with the disk's shim (docs/bad-disks.md), draws from --seed what "
            "of the blocks and names that were not synced has survived, and writes the files as they then are. Says as "
            "JSON how many blocks and names there were to decide about.",
        .examples = "ese-power-cut --journal /tmp/journal --seed 7 --into /tmp/after\n"
                    "  What the disk has after the seventh way in which the power may have gone.\n",
    },
    .options = options,
    .is_command = true,
    .run = run,
};

int main(int argc, char **argv)
{
    return ese_service_main(&service, argc, argv);
}
