#include "orchestration/lab/picture.h"

#include <langinfo.h>
#include <locale.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ese-core/clock.h"
#include "ese-core/memory.h"

#define LABEL_WIDTH 10
#define AGO_WIDTH 14 /* what stands around an event in its line */
#define BAR_CELLS 12
#define FRAME_LIMIT 65536
#define PLAIN_EVERY_NS (2 * ESE_NS_PER_S)

struct glyphs {
    const char *up, *down, *line, *full, *empty;
};
static const struct glyphs unicode = {"●", "✗", "│", "▓", "░"};
static const struct glyphs ascii = {"o", "x", "|", "#", "."};

struct ese_picture {
    char *title;
    const struct ese_fault *fault;
    bool quiet;
    bool terminal;
    bool color;
    const struct glyphs *glyph;
    int drawn;        /* lines of the last frame, to go back over */
    int64_t plain_ns; /* when the last plain lines were written */
    char event[ESE_RUN_EVENT_SIZE];
    int64_t event_ms;
    char ending[300]; /* the newest, with its journey */
    int64_t highest_lag; /* scale of the bars */
};

struct ese_picture *ese_picture_new(const char *title, const struct ese_fault *fault, bool quiet)
{
    struct ese_picture *picture = ese_alloc(sizeof *picture);
    const char *terminal = getenv("TERM");
    setlocale(LC_CTYPE, "");
    picture->title = ese_copy_text(title);
    picture->fault = fault;
    picture->quiet = quiet;
    picture->terminal = isatty(STDERR_FILENO) && terminal != NULL && strcmp(terminal, "dumb") != 0;
    picture->color = picture->terminal && getenv("NO_COLOR") == NULL;
    picture->glyph = strcmp(nl_langinfo(CODESET), "UTF-8") == 0 ? &unicode : &ascii;
    picture->highest_lag = 1;
    return picture;
}

void ese_picture_free(struct ese_picture **picture)
{
    if (*picture == NULL)
        return;
    free((*picture)->title);
    free(*picture);
    *picture = NULL;
}

void ese_picture_number(int64_t number, char text[ESE_PICTURE_NUMBER_SIZE])
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%lld", (long long)number);
    int at = 0;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0 && digits[i - 1] != '-')
            text[at++] = ',';
        text[at++] = digits[i];
    }
    text[at] = '\0';
}

static const char *phase_words(enum ese_run_phase phase)
{
    static const char *const words[] = {"starting",  "warming up",        "running",
                                        "draining", "reading back", "stopping"};
    return words[phase];
}

/* ---- one cell: text and its width on the screen, padded to the column ---- */

enum tone { PLAIN, GOOD, BAD, BUSY, FAINT };

static void tone(const struct ese_picture *picture, struct ese_buffer *frame, enum tone which)
{
    static const char *const codes[] = {"\033[0m", "\033[32m", "\033[1;31m", "\033[33m", "\033[2m"};
    if (picture->color)
        ese_buffer_text(frame, codes[which]);
}

static void pad(struct ese_buffer *frame, int used, int width)
{
    for (; used < width; used++)
        ese_buffer_text(frame, " ");
}

/* A glyph, two spaces and a text. */
static void cell(const struct ese_picture *picture, struct ese_buffer *frame, const char *glyph,
                 enum tone which, const char *text, int width)
{
    int room = width - 4;
    tone(picture, frame, which);
    ese_buffer_text(frame, glyph);
    tone(picture, frame, which == BAD ? BAD : PLAIN);
    ese_buffer_printf(frame, "  %.*s", room, text);
    tone(picture, frame, PLAIN);
    int length = (int)strlen(text);
    pad(frame, 3 + (length < room ? length : room), width);
}

static bool is_well(const struct ese_role_view *role)
{
    return !role->exists || (role->up && !role->coming);
}

/* How far it has come; before that, who is dead: it must be seen in a narrow column, too. */
static void state_cell(const struct ese_picture *picture, struct ese_buffer *frame,
                       const struct ese_role_view *role, const char *whose, int64_t number,
                       const char *what, int width)
{
    char text[128], count[ESE_PICTURE_NUMBER_SIZE];
    double since_s = (double)(ese_clock_monotonic_ns() - role->since_ns) / 1e9;
    bool well = is_well(role);
    ese_picture_number(number, count);
    if (well)
        snprintf(text, sizeof text, "%s %s", count, what);
    else
        snprintf(text, sizeof text, "%s%s %.1f s, %s %s", whose, role->up ? "STARTING" : "DOWN",
                 since_s, count, what);
    cell(picture, frame, well ? picture->glyph->up : picture->glyph->down, well ? GOOD : BAD, text, width);
}

static void bar_cell(struct ese_picture *picture, struct ese_buffer *frame, int64_t lag, int width)
{
    char count[ESE_PICTURE_NUMBER_SIZE];
    if (lag > picture->highest_lag)
        picture->highest_lag = lag;
    int64_t scale = picture->highest_lag < 20 ? 20 : picture->highest_lag;
    int full = (int)(lag * BAR_CELLS / scale);
    ese_picture_number(lag, count);
    tone(picture, frame, FAINT);
    ese_buffer_printf(frame, "%s  ", picture->glyph->line);
    tone(picture, frame, lag > 0 ? BUSY : FAINT);
    for (int i = 0; i < BAR_CELLS; i++)
        ese_buffer_text(frame, i < full ? picture->glyph->full : picture->glyph->empty);
    tone(picture, frame, PLAIN);
    ese_buffer_printf(frame, " %s waiting", count);
    pad(frame, 3 + BAR_CELLS + 1 + (int)strlen(count) + 8, width);
}

static void label(struct ese_buffer *frame, const char *text)
{
    ese_buffer_printf(frame, "  %-*s", LABEL_WIDTH, text);
}

/* ---- the rows of the walk ---- */

struct row {
    const char *label;
    void (*cell)(struct ese_picture *picture, struct ese_buffer *frame,
                 const struct ese_journey_view *view, int width);
    bool (*shown)(const struct ese_journey_view *view); /* where it is so of any; NULL: always */
};

static void client_cell(struct ese_picture *picture, struct ese_buffer *frame,
                        const struct ese_journey_view *view, int width)
{
    static const struct ese_role_view calm = {.exists = false}; /* who has finished is no fault */
    const struct ese_role_view *role = &view->role[ESE_ROLE_CLIENT];
    state_cell(picture, frame, role->lost ? role : &calm, "", view->count[ESE_COUNT_OFFERED], "offered",
               width);
}

static void line_cell(struct ese_picture *picture, struct ese_buffer *frame,
                      const struct ese_journey_view *view, int width)
{
    (void)view;
    cell(picture, frame, picture->glyph->line, FAINT, "", width);
}

static void server_cell(struct ese_picture *picture, struct ese_buffer *frame,
                        const struct ese_journey_view *view, int width)
{
    const struct ese_role_view *server = &view->role[ESE_ROLE_SERVER];
    const struct ese_role_view *broker = &view->role[ESE_ROLE_BROKER];
    bool broker_is_well = is_well(broker);
    state_cell(picture, frame, broker_is_well ? server : broker, broker_is_well ? "" : "broker ",
               view->count[ESE_COUNT_ACKNOWLEDGED], "acknowledged", width);
}

static bool has_let_go(const struct ese_journey_view *view)
{
    return view->count[ESE_COUNT_OVERWRITTEN] > 0 || view->count[ESE_COUNT_EXPIRED] > 0;
}

/* What a store notes that it no longer has. */
static void lost_cell(struct ese_picture *picture, struct ese_buffer *frame,
                      const struct ese_journey_view *view, int width)
{
    char text[128], overwritten[ESE_PICTURE_NUMBER_SIZE], expired[ESE_PICTURE_NUMBER_SIZE];
    ese_picture_number(view->count[ESE_COUNT_OVERWRITTEN], overwritten);
    ese_picture_number(view->count[ESE_COUNT_EXPIRED], expired);
    if (!has_let_go(view)) {
        line_cell(picture, frame, view, width);
        return;
    }
    snprintf(text, sizeof text, "%s overwritten", overwritten);
    if (view->count[ESE_COUNT_EXPIRED] > 0)
        snprintf(text + strlen(text), sizeof text - strlen(text), ", %s expired", expired);
    cell(picture, frame, picture->glyph->down, BAD, text, width);
}

static void lag_cell(struct ese_picture *picture, struct ese_buffer *frame,
                     const struct ese_journey_view *view, int width)
{
    bar_cell(picture, frame, view->lag, width);
}

static bool is_group(const struct ese_journey_view *view)
{
    return view->role[ESE_ROLE_CONSUMER].parties > 1;
}

/* Of a group, as long as anybody is up the others' work goes on. */
static void consumer_cell(struct ese_picture *picture, struct ese_buffer *frame,
                          const struct ese_journey_view *view, int width)
{
    static const struct ese_role_view calm = {.exists = false};
    const struct ese_role_view *role = &view->role[ESE_ROLE_CONSUMER];
    state_cell(picture, frame, is_group(view) && role->parties_up > 0 ? &calm : role, "",
               view->count[ESE_COUNT_HANDED], "handed on", width);
}

/* Who reads, where any journey has a group. */
static void members_cell(struct ese_picture *picture, struct ese_buffer *frame,
                         const struct ese_journey_view *view, int width)
{
    const struct ese_role_view *role = &view->role[ESE_ROLE_CONSUMER];
    char text[64] = "one; a second reads all again";
    if (is_group(view))
        snprintf(text, sizeof text, "%d of %d members are up", role->parties_up, role->parties);
    bool well = !is_group(view) || role->up;
    cell(picture, frame, well ? picture->glyph->line : picture->glyph->down, well ? FAINT : BAD, text, width);
}

static void mailer_cell(struct ese_picture *picture, struct ese_buffer *frame,
                        const struct ese_journey_view *view, int width)
{
    state_cell(picture, frame, &view->role[ESE_ROLE_MAILER], "", view->count[ESE_COUNT_MAILS_SENT],
               "mails sent", width);
}

static const struct row rows[] = {
    {"click", client_cell}, {"", line_cell}, {"stored", server_cell}, {"lost", lost_cell, has_let_go},
    {"", lag_cell}, {"rule", consumer_cell}, {"readers", members_cell, is_group}, {"", line_cell},
    {"mail", mailer_cell},
};

static bool is_shown(const struct row *row, const struct ese_journey_view *views, int count)
{
    bool shown = row->shown == NULL;
    for (int i = 0; i < count && !shown; i++)
        shown = row->shown(&views[i]);
    return shown;
}

static void draw_head(struct ese_picture *picture, const struct ese_run_moment *moment, int width,
                      struct ese_buffer *frame)
{
    ese_buffer_printf(frame, "\n  ESE lab: %s   %lld:%02lld of %lld:%02lld, %s\n", picture->title,
                      (long long)(moment->elapsed_ms / 60000), (long long)(moment->elapsed_ms / 1000 % 60),
                      (long long)(moment->total_ms / 60000), (long long)(moment->total_ms / 1000 % 60),
                      phase_words(moment->phase));
    if (picture->event[0] != '\0')
        ese_buffer_printf(frame, "  %.*s %.1f s ago\n", width - AGO_WIDTH, picture->event,
                          (double)(moment->elapsed_ms - picture->event_ms) / 1000.0);
    else if (picture->fault != NULL)
        ese_buffer_printf(frame, "  to come: %.*s\n", width - AGO_WIDTH, picture->fault->story);
    else
        ese_buffer_text(frame, "\n");
    if (picture->ending[0] == '\0')
        return;
    tone(picture, frame, BAD);
    ese_buffer_printf(frame, "  %.*s", width - 3, picture->ending);
    tone(picture, frame, PLAIN);
    ese_buffer_text(frame, "\n");
}

void ese_picture_draw(struct ese_picture *picture, const struct ese_run_moment *moment,
                      const struct ese_journey_view *views, int width, struct ese_buffer *frame)
{
    int columns = moment->count > 0 ? moment->count : 1;
    int column = (width - LABEL_WIDTH - 3) / columns;
    column = column < 24 ? 24 : column > 44 ? 44 : column;
    draw_head(picture, moment, width, frame);
    ese_buffer_text(frame, "\n");
    label(frame, "");
    for (int i = 0; i < moment->count; i++)
        ese_buffer_printf(frame, "   %-*.*s", column - 3, column - 4,
                          ese_journey_specification(moment->journeys[i]));
    ese_buffer_text(frame, "\n");
    for (size_t r = 0; r < ESE_COUNT_OF(rows); r++) {
        if (!is_shown(&rows[r], views, moment->count))
            continue;
        label(frame, rows[r].label);
        for (int i = 0; i < moment->count; i++)
            rows[r].cell(picture, frame, &views[i], column);
        ese_buffer_text(frame, "\n");
    }
}

static int lines_of(const char *text)
{
    int lines = 0;
    for (; *text != '\0'; text++)
        lines += *text == '\n';
    return lines;
}

/* Writes the frame over the last one: up, then each line cleared to its end. */
static void redraw(struct ese_picture *picture, const struct ese_buffer *frame)
{
    if (picture->drawn > 0)
        fprintf(stderr, "\033[%dA", picture->drawn);
    for (const char *line = frame->text; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        fprintf(stderr, "\r\033[K%.*s\n", (int)length, line);
        line += length + (line[length] == '\n');
    }
    fflush(stderr);
    picture->drawn = lines_of(frame->text);
}

static int terminal_width(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20)
        return size.ws_col;
    return 80;
}

static void note_ending(struct ese_picture *picture, const struct ese_run_moment *moment)
{
    char text[ESE_ENDING_TEXT_SIZE];
    ese_ending_text(moment->ending, text);
    snprintf(picture->ending, sizeof picture->ending, "%s: %s", moment->ended_in, text);
}

static void plain_ending(const struct ese_run_moment *moment)
{
    struct ese_buffer text = ESE_BUFFER_INIT(FRAME_LIMIT);
    ese_ending_write(moment->ending, &text);
    fprintf(stderr, "%6.1f s  %s: %s\n", (double)moment->elapsed_ms / 1000.0, moment->ended_in,
            text.text);
    ese_buffer_free(&text);
}

static void plain(struct ese_picture *picture, const struct ese_run_moment *moment,
                  const struct ese_journey_view *views)
{
    int64_t now = ese_clock_monotonic_ns();
    if (moment->ending != NULL)
        plain_ending(moment);
    if (moment->event != NULL)
        fprintf(stderr, "%6.1f s  %s\n", (double)moment->elapsed_ms / 1000.0, moment->event);
    else if (now - picture->plain_ns < PLAIN_EVERY_NS)
        return;
    picture->plain_ns = now;
    for (int i = 0; i < moment->count; i++) {
        const int64_t *count = views[i].count;
        fprintf(stderr,
                "%6.1f s  %-12s %-10s %lld offered, %lld acknowledged, %lld handed on, %lld waiting, "
                "%lld mails\n",
                (double)moment->elapsed_ms / 1000.0, phase_words(moment->phase),
                ese_journey_specification(moment->journeys[i]), (long long)count[ESE_COUNT_OFFERED],
                (long long)count[ESE_COUNT_ACKNOWLEDGED], (long long)count[ESE_COUNT_HANDED],
                (long long)views[i].lag, (long long)count[ESE_COUNT_MAILS_SENT]);
    }
}

void ese_picture_show(void *context, const struct ese_run_moment *moment)
{
    struct ese_picture *picture = context;
    struct ese_journey_view views[ESE_RUN_JOURNEYS];
    if (moment->event != NULL) {
        snprintf(picture->event, sizeof picture->event, "%s", moment->event);
        picture->event_ms = moment->elapsed_ms;
    }
    if (moment->ending != NULL)
        note_ending(picture, moment);
    if (picture->quiet)
        return;
    for (int i = 0; i < moment->count; i++)
        ese_journey_view(moment->journeys[i], &views[i]);
    if (!picture->terminal) {
        plain(picture, moment, views);
        return;
    }
    struct ese_buffer frame = ESE_BUFFER_INIT(FRAME_LIMIT);
    ese_picture_draw(picture, moment, views, terminal_width(), &frame);
    redraw(picture, &frame);
    ese_buffer_free(&frame);
}
