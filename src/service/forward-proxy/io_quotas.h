/* The quotas of the main thread: periods turn, what was used is kept in a file, people ask and
 * change it. Knows no request.
 *
 * The file is replaced at once, every FORWARD_QUOTAS_SAVE_MS while something was used: a process
 * that is killed forgets what was moved since. */
#ifndef FORWARD_PROXY_IO_QUOTAS_H
#define FORWARD_PROXY_IO_QUOTAS_H

#include "service/forward-proxy/access/quota.h"

struct control_reply;
struct control_request;
struct writer;

enum { FORWARD_QUOTAS_SAVE_MS = 5000 };

struct forward_quotas {
	struct quota_table *table;
	char *path;	   /* of the file; NULL: nothing is kept */
	uint64_t saved;	   /* a sum of what is in it */
	uint64_t saved_ms; /* when that was last looked at, monotonic */
	uint64_t saves, failures;
	uint64_t turned_s; /* when periods were last looked at; 0: never */
	uint64_t next_s;   /* when the next one ends */
	const struct quota *turned_by;
};

/* rows_max: clients at once. */
MUST enum err forward_quotas_init(struct forward_quotas *q, size_t rows_max);
/* Reads what was kept; what cannot be read is told in the log, and begins anew. folder: NULL: there
 * is none, which is told when there are quotas. ENOMEM. */
MUST enum err forward_quotas_open(struct forward_quotas *q, const char *folder,
				  const struct quotas *all);
/* Every second, by the configuration in force. */
void forward_quotas_second(struct forward_quotas *q, const struct quotas *all, uint64_t now_ms);
/* What is there is kept now. */
void forward_quotas_save(struct forward_quotas *q);
/* Accepts zeroed storage. */
void forward_quotas_done(struct forward_quotas *q);

/* GET /quotas ?quota=&limit=; POST /quotas/reset ?quota=&client=; POST /quotas/grant
 * ?quota=&client=&bytes= */
void forward_quotas_show(struct forward_quotas *q, const struct quotas *all,
			 const struct control_request *req, struct control_reply *reply);
void forward_quotas_reset(struct forward_quotas *q, const struct quotas *all,
			  const struct control_request *req, struct control_reply *reply);
void forward_quotas_grant(struct forward_quotas *q, const struct quotas *all,
			  const struct control_request *req, struct control_reply *reply);
void forward_quotas_metrics(const struct forward_quotas *q, const struct quotas *all,
			    const char *prefix, struct writer *w);

#endif
