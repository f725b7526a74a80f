/* What clients have used of their quotas, as text: what a restart of the service reads back. Knows
 * no file and no clock.
 *
 * The first line has how many follow and a sum of them; each of them is one client of one quota.
 * Names stand in it so that each is one word. */
#ifndef FORWARD_PROXY_ACCESS_QUOTA_FILE_H
#define FORWARD_PROXY_ACCESS_QUOTA_FILE_H

#include "service/forward-proxy/access/quota.h"

enum { QUOTA_FILE_HEAD_MAX = 64, QUOTA_FILE_LINE_MAX = 600 };

/* Clients of whom nothing is used are left out; those that come while it is written may be. Room
 * for QUOTA_FILE_HEAD_MAX and QUOTA_FILE_LINE_MAX for each of quota_rows; what does not fit is left
 * out too. */
void quota_file_write(struct quota_table *t, struct writer *w);

/* All of it or nothing: t is as it was on an error. What is of a period that is over is read too:
 * quota_turn forgets it. ERR_FORMAT: it is none of ours, or damaged, *ret_line the line; ERR_LIMIT:
 * there was no room for some, who begin anew. */
MUST enum err quota_file_read(struct quota_table *t, struct span text, size_t *ret_line);

#endif
