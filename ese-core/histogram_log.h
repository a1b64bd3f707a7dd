/*
 * histogram_log.h - a histogram in a file that the public HdrHistogram tools read: HistogramLogProcessor, the plotter,
 * and the libraries of other languages.
 *
 * The log format, version 1.3, and in it histograms in the encoding V2, compressed: as HdrHistogram's
 * HistogramLogWriter and AbstractHistogram.encodeIntoCompressedByteBuffer
 * (https://github.com/HdrHistogram/HdrHistogram, 2.2) have them.
 */
#ifndef ESE_HISTOGRAM_LOG_H
#define ESE_HISTOGRAM_LOG_H

#include "ese-core/buffer.h"
#include "ese-core/histogram.h"

/* The lines at the beginning. comment: what it is of; one line. */
void ese_histogram_log_begin(const char *comment, double start_s, struct ese_buffer *text);

/* A line: what was recorded within length_s seconds from start_s on (Unix time, as in its beginning). tag: what is
 * timed ("acknowledge"); NULL: nothing is said of it. The maximum stands there in plain text, in units of `unit`: with
 * 1000 microseconds become milliseconds, as these tools expect them. */
void ese_histogram_log_add(const struct ese_histogram *histogram, const char *tag, double start_s, double length_s,
                           double unit, struct ese_buffer *text);

#endif
