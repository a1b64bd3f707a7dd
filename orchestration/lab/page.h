/*
 * page.h - the report: one HTML file that shows a run, or two, to people. It needs no network.
 *
 * The page's sources stand in orchestration/web/report and are a part of the program (orchestration/web/embed.py);
 * dygraphs, which draws the curves, is a file of the distribution's and is written into the page. What the page shows
 * is data in it, as JSON (page_data.h). That is other people's text: no '<' of it is written as such, the page puts it
 * into texts alone, and its Content-Security-Policy lets only scripts run that bear the page's own nonce.
 */
#ifndef ESE_LAB_PAGE_H
#define ESE_LAB_PAGE_H

#include "ese-core/buffer.h"
#include "ese-core/error.h"

#define ESE_PAGE_DYGRAPHS "/usr/share/javascript/dygraphs/dygraph.min.js"

/* As they were embedded. */
extern const char ese_page_html[];
extern const char ese_page_style[];
extern const char ese_page_script[];

/* Reads dygraphs. ESE_E_MISSING says what to install; ESE_E_INVALID: it would end the page's script, and so is none. */
int ese_page_read_dygraphs(const char *path, struct ese_buffer *text, struct ese_error *error);

/* Writes the page; one that is there is replaced as a whole. */
int ese_page_write(const char *path, const char *dygraphs, const char *data, struct ese_error *error);

#endif
