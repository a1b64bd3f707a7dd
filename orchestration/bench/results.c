#include "orchestration/bench/results.h"

#include <jansson.h>
#include <stdlib.h>

#include "ese-core/memory.h"

#define DIFFERENCE 0.05 /* of a ratio, beyond the earlier spread: less is no news */
#define ALONE 0.10      /* of a figure without a peer beside it, which takes the machine's mood out */

static json_t *number_or_null(bool is_there, double number)
{
    return is_there ? json_real(number) : json_null();
}

static json_t *row_json(const struct ese_row_figures *figures, bool quick)
{
    const struct ese_row *row = figures->row;
    const struct ese_figure *ours = &figures->ours, *peer = &figures->peer;
    bool paired = figures->ratio > 0;
    json_t *object = json_pack(
        "{s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:s,s:i,s:o,s:o,s:o,s:b}", "id", row->id, "what", row->what, "unit",
        ese_measure_unit(row->measure), "ours", number_or_null(ours->rounds > 0, ours->median), "peer",
        number_or_null(peer->rounds > 0, peer->median), "ratio", number_or_null(paired, figures->ratio), "goal",
        number_or_null(row->goal > 0, row->goal), "durability", ese_durability_name(row->durability), "rounds",
        ours->rounds, "min", number_or_null(paired, figures->ratio_min), "max",
        number_or_null(paired, figures->ratio_max), "syncs_per_s",
        number_or_null(ours->syncs_per_s >= 0, ours->syncs_per_s), "verified",
        figures->reason[0] == '\0' && ours->rounds > 0);
    json_t *more = json_pack(
        "{s:b,s:s,s:b,s:b,s:s,s:f,s:f,s:f,s:f,s:f,s:o,s:o}", "reached", ese_figures_reached(figures), "void",
        figures->reason, "noisy", figures->noisy, "quick", quick, "peer_name", row->peer.contender->name,
        "server_us", ours->server_us, "peer_server_us", peer->server_us, "load_cores", ours->load_cores, "late_us",
        ours->late_us, "foreign_cores", ours->foreign_cores, "peer_syncs_per_s",
        number_or_null(peer->rounds > 0 && peer->syncs_per_s >= 0, peer->syncs_per_s), "memory_mib",
        number_or_null(ours->memory_mib > 0, ours->memory_mib));
    json_object_update(object, more);
    json_decref(more);
    return object;
}

char *ese_bench_results_json(const struct ese_bench_results *results)
{
    json_t *array = json_array();

    for (size_t i = 0; i < results->count; i++)
        json_array_append_new(array, row_json(&results->rows[i], results->quick));
    char *text = json_dumps(array, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    json_decref(array);
    return text;
}

/* ---- the table ------------------------------------------------------------------------------------------------- */

static void add_cell(struct ese_buffer *text, bool is_there, int width, int digits, double number)
{
    if (is_there)
        ese_buffer_printf(text, " %*.*f", width, digits, number);
    else
        ese_buffer_printf(text, " %*s", width, "-");
}

static const char *judgement(const struct ese_row_figures *figures)
{
    if (figures->reason[0] != '\0')
        return "void";
    if (figures->ratio <= 0)
        return "-";
    if (figures->row->goal <= 0)
        return "shown";
    return ese_figures_reached(figures) ? "reached" : "missed";
}

static void add_row(const struct ese_row_figures *figures, struct ese_buffer *text)
{
    const struct ese_figure *ours = &figures->ours, *peer = &figures->peer;
    bool has_ours = ours->rounds > 0, has_peer = peer->rounds > 0, paired = figures->ratio > 0;
    int digits = ese_measure_digits(figures->row->measure);

    ese_buffer_printf(text, "%-24s", figures->row->id);
    add_cell(text, has_ours, 9, digits, ours->median);
    add_cell(text, has_peer, 9, digits, peer->median);
    ese_buffer_printf(text, " %-9s", ese_measure_unit(figures->row->measure));
    add_cell(text, paired, 6, 2, figures->ratio);
    add_cell(text, paired, 6, 2, figures->ratio_min);
    add_cell(text, paired, 6, 2, figures->ratio_max);
    add_cell(text, figures->row->goal > 0, 5, 2, figures->row->goal);
    ese_buffer_printf(text, " %-8s %-5s", judgement(figures), ese_durability_name(figures->row->durability));
    add_cell(text, has_ours && ours->syncs_per_s >= 0, 7, 0, ours->syncs_per_s);
    add_cell(text, has_peer && peer->syncs_per_s >= 0, 7, 0, peer->syncs_per_s);
    add_cell(text, has_ours && ours->server_us > 0, 7, 1, ours->server_us);
    add_cell(text, has_peer && peer->server_us > 0, 7, 1, peer->server_us);
    add_cell(text, has_ours, 5, 2, ours->load_cores);
    add_cell(text, has_ours && figures->row->ours.shape.rate > 0, 6, 0, ours->late_us);
    ese_buffer_text(text, "\n");
}

void ese_bench_results_table(const struct ese_bench_results *results, struct ese_buffer *text)
{
    if (results->quick)
        ese_buffer_text(text, "quick: three rounds of a second; the figures of the documents are of the full run\n");
    ese_buffer_printf(text, "%-24s %9s %9s %-9s %6s %6s %6s %5s %-8s %-5s %7s %7s %7s %7s %5s %6s\n", "row", "ours",
                      "peer", "unit", "ratio", "min", "max", "goal", "", "kept", "syncs/s", "peer's", "us/ev", "peer's",
                      "load", "late");
    for (size_t i = 0; i < results->count; i++)
        add_row(&results->rows[i], text);
    for (size_t i = 0; i < results->count; i++) {
        const struct ese_row_figures *figures = &results->rows[i];
        if (figures->reason[0] != '\0')
            ese_buffer_printf(text, "%s is void: %s\n", figures->row->id, figures->reason);
        if (figures->noisy)
            ese_buffer_printf(text, "%s: others used the machine while it was measured\n", figures->row->id);
    }
}

/* ---- against an earlier one ------------------------------------------------------------------------------------ */

static const json_t *find_row(const json_t *array, const char *id)
{
    size_t i;
    const json_t *row;

    json_array_foreach(array, i, row) {
        const char *name = json_string_value(json_object_get(row, "id"));
        if (name != NULL && strcmp(name, id) == 0)
            return row;
    }
    return NULL;
}

/* -1 slower, 1 faster, 0 as it was. By the ratio, where both have one: it must have left the earlier spread. */
static int change(const struct ese_row_figures *figures, const json_t *earlier, double *was, double *is)
{
    const json_t *ratio = json_object_get(earlier, "ratio"), *ours = json_object_get(earlier, "ours");
    const json_t *min = json_object_get(earlier, "min"), *max = json_object_get(earlier, "max");

    if (json_is_number(ratio) && figures->ratio > 0) {
        *was = json_number_value(ratio);
        *is = figures->ratio;
        double least = json_is_number(min) ? json_number_value(min) : *was;
        double most = json_is_number(max) ? json_number_value(max) : *was;
        return *is < *was * (1 - DIFFERENCE) && *is < least ? -1 : *is > *was * (1 + DIFFERENCE) && *is > most;
    }
    *was = json_number_value(ours);
    *is = figures->ours.median;
    double relation = ese_measure_ratio(figures->row->measure, *is, *was);
    return relation == 0 ? 0 : relation < 1 - ALONE ? -1 : relation > 1 + ALONE;
}

/* One that measured something, for as long. */
static bool is_comparable(const struct ese_row_figures *figures, const json_t *earlier, bool quick)
{
    const char *void_since = json_string_value(json_object_get(earlier, "void"));
    const json_t *was_quick = json_object_get(earlier, "quick");

    return earlier != NULL && figures->ours.rounds > 0 && figures->reason[0] == '\0' &&
           json_is_number(json_object_get(earlier, "ours")) && (void_since == NULL || void_since[0] == '\0') &&
           (was_quick == NULL || json_is_true(was_quick) == quick);
}

static json_t *read_earlier(const char *path, struct ese_error *error)
{
    json_error_t wrong;
    json_t *array = json_load_file(path, JSON_REJECT_DUPLICATES, &wrong);

    if (array == NULL)
        ese_fail(error, ESE_E_USAGE, "--against '%.200s': %s: give a file that --json has printed", path, wrong.text);
    else if (!json_is_array(array)) {
        ese_fail(error, ESE_E_USAGE, "--against '%.200s' is no list of rows: give a file that --json has printed",
                 path);
        json_decref(array);
        array = NULL;
    }
    return array;
}

int ese_bench_results_against(const struct ese_bench_results *results, const char *path, struct ese_buffer *text,
                              int *slower, struct ese_error *error)
{
    static const char *const words[] = {"slower", "as it was", "faster"};
    json_t *array = read_earlier(path, error);

    if (array == NULL)
        return -1;
    *slower = 0;
    for (size_t i = 0; i < results->count; i++) {
        const struct ese_row_figures *figures = &results->rows[i];
        const json_t *earlier = find_row(array, figures->row->id);
        double was, is;
        if (!is_comparable(figures, earlier, results->quick)) {
            ese_buffer_printf(text, "%-24s nothing to compare\n", figures->row->id);
            continue;
        }
        int changed = change(figures, earlier, &was, &is);
        *slower += changed < 0;
        ese_buffer_printf(text, "%-24s %-9s %.2f, was %.2f\n", figures->row->id, words[changed + 1], is, was);
    }
    json_decref(array);
    return 0;
}
