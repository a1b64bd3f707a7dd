/*
 * artifacts.h - where everything of a run is kept, so that its verdict can be repeated from files alone.
 *
 *     DIR/results.json
 *     DIR/trace.txt           the recorded trace that its load came by, where it did (kept_trace.h)
 *     DIR/<label>/            one directory a transport; the label is its specification with every
 *                             character but letters, digits, '.', '-' and '+' written as '_'
 *         client.history      what was offered and what became of it; of several clients one each, client-2.history
 *                             and so on
 *         consumer-1.history  what the consumer was handed and committed, all its lives in one file; of a group
 *                             one a member, consumer-2.history and so on
 *         reader-1.history    what a reader was handed, reader-1.db its state
 *         crowd.history       what each of many destinations was handed and acknowledged, all in one
 *         server.history      what the server lost, where it tells (struct ese_promises)
 *         mailer.history      what was sent
 *         store.history       the store as read back after the drain (STORED records)
 *         state.db            the consumer's state, or a whole group's: positions, decisions
 *         outbox.db           the mailer's
 *         maildir/            what arrived at the SMTP server, one file a mail
 *         server/             the storage server's data
 *         broker/             the broker's data, where there is one
 *         trouble/            what is bad at the moment, where a scenario lets it (trouble.h)
 *         proxy.control       while it runs, where it has lines through a proxy (network.h): the proxy's socket
 *         PARTY.tally         how often it has synced, answered and asked (ese-core/tally.h)
 *         ack.hlog, end_to_end.hlog, mail.hlog
 *                             latencies over time, for HdrHistogram's tools (latency_logs.h)
 *         logs/               one file a process; NAME.log.1 has what a long one had before
 *
 * A run without an end (docs/endless-runs.md) has, instead of a Maildir and of what is read back at the
 * end, and in segments:
 *
 *         store.history       the store as it was followed; how far, in follow.db
 *         inbox.history       what arrived, as the inbox tells
 *         fold.db             what all histories came to, as far as it is settled
 *
 * and, beside the transports' directories, what the watching of all needs:
 *
 *     DIR/inbox.db            which mails were seen
 *     DIR/watched             which transports are watched (watched.h)
 */
#ifndef ESE_LAB_ARTIFACTS_H
#define ESE_LAB_ARTIFACTS_H

#include <stddef.h>

#include "ese-core/error.h"
#include "ese-core/history.h"

#define ESE_ARTIFACT_RESULTS "results.json"
#define ESE_ARTIFACT_TRACE "trace.txt"
#define ESE_ARTIFACT_CLIENT_HISTORY "client.history"
#define ESE_ARTIFACT_CLIENT_HISTORIES "client*.history" /* of all of them */
#define ESE_ARTIFACT_CONSUMER_HISTORY "consumer-1.history"
#define ESE_ARTIFACT_CROWD_HISTORY "crowd.history"
#define ESE_ARTIFACT_SERVER_HISTORY "server.history"
#define ESE_ARTIFACT_MAILER_HISTORY "mailer.history"
#define ESE_ARTIFACT_STORE_HISTORY "store.history"
#define ESE_ARTIFACT_FOLD "fold.db"
#define ESE_ARTIFACT_FOLLOW "follow.db"
#define ESE_ARTIFACT_INBOX "inbox.db"
#define ESE_ARTIFACT_INBOX_HISTORY "inbox.history"
#define ESE_ARTIFACT_WATCHED "watched"
#define ESE_ARTIFACT_STATE "state.db"
#define ESE_ARTIFACT_OUTBOX "outbox.db"
#define ESE_ARTIFACT_MAILDIR "maildir"
#define ESE_ARTIFACT_SERVER "server"
#define ESE_ARTIFACT_BROKER "broker"
#define ESE_ARTIFACT_LOGS "logs"
#define ESE_ARTIFACT_TROUBLE "trouble"
#define ESE_ARTIFACT_PROXY "proxy" /* its log, and its socket */
#define ESE_ARTIFACT_ACK_LOG "ack.hlog"
#define ESE_ARTIFACT_END_TO_END_LOG "end_to_end.hlog"
#define ESE_ARTIFACT_MAIL_LOG "mail.hlog"

#define ESE_ARTIFACT_PATH_SIZE 1024

/* A specification ("kafka:via=direct") as a directory's name. */
void ese_artifact_label(const char *specification, char *label, size_t size);

/* "directory/name" into path. ESE_E_USAGE when it does not fit. */
int ese_artifact_path(const char *directory, const char *name, char path[ESE_ARTIFACT_PATH_SIZE],
                      struct ese_error *error);

/* Takes "directory/" out of what an error tells, which is returned: a reason has room for no long path, and whoever
 * reads it knows which run is meant. */
const char *ese_artifact_shorten(const char *directory, struct ese_error *error);

/* The history of a member of the group, the first being 1. */
#define ESE_ARTIFACT_MEMBER_SIZE 32
void ese_artifact_member(int member, char name[ESE_ARTIFACT_MEMBER_SIZE]);

/* Of a client, the first being 1, and of a reader. */
void ese_artifact_client(int client, char name[ESE_ARTIFACT_MEMBER_SIZE]);
void ese_artifact_reader(int reader, char name[ESE_ARTIFACT_MEMBER_SIZE]);

/* For reading, of one that need not be there; NULL: it is not, or cannot be read. The caller closes it. */
struct ese_history_reader *ese_artifact_history(const char *directory, const char *name);

/* Makes a directory and those above it; one that is there already is fine. */
int ese_artifact_directory(const char *path, struct ese_error *error);

#endif
