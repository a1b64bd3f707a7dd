/*
 * listen_option.h - the options of whoever serves HTTP, the same for every binary.
 *
 * Where a binary serves is the option "listen" of its own table, or "metrics" where it serves
 * nothing but what it tells of itself. One token is the whole lab's: who asks for it sends it, too.
 */
#ifndef ESE_LISTEN_OPTION_H
#define ESE_LISTEN_OPTION_H

#include "ese-core/config.h"
#include "ese-core/http_server.h"
#include "ese-core/token.h"

/* --token-file, --trusted-network and --health, to be added to a binary's tables: before a
 * transport's, which may have a "token-file" for what it asks. */
extern const struct ese_option ese_listen_option_table[];

/* What they say, for ese_http_server_open: fills in listen (NULL: nowhere), token and
 * trusted_network. `token` keeps the token's text, as long as options are in use. */
int ese_listen_told(const struct ese_config *config, char token[ESE_TOKEN_SIZE],
                    struct ese_http_server_options *options, struct ese_error *error);

#endif
