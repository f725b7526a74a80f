/* One check that runs: a connection to the server, TLS in it, the question and the answer, or those
 * as datagrams (io_check_udp.h). Knows neither how long it may take nor what was thought of the
 * server before.
 */
#ifndef REVERSE_PROXY_IO_CHECK_H
#define REVERSE_PROXY_IO_CHECK_H

#include "fetch/connection.h"
#include "service/reverse-proxy/check2.h"

struct reverse_check_bytes;
struct reverse_check_conf;
struct tls_peer;

/* why: a fixed text, "" of one that went well. The check is over by then and may begin again. */
typedef void reverse_check_over(void *arg, bool good, const char *why);

struct reverse_check_run {
	/* Set by its owner, all borrowed; they stay as long as the check runs. */
	struct loop *loop;
	struct reverse_check2_share *share;
	reverse_check_over *over;
	void *arg;
	const struct reverse_check_conf *conf;
	struct tls_peer *peer; /* NULL: plain */
	bool http2;	       /* with TLS its peer offers that alone */
	/* Private. */
	struct fetch_connection connection; /* none: no check runs; its owner begins with that */
	bool asked;
	struct reverse_check2 *k;	   /* owned; NULL: by HTTP/1.1, or not asked yet */
	struct reverse_check_bytes *bytes; /* owned, while it runs */
	int udp_fd; /* of a check by UDP; -1: none, its owner begins with that */
	struct loop_watch udp_watch;
};

/* Begins one, which ends by `over`, never from within this call. to: where the connection goes;
 * named: the address that is asked for when the configuration has no name. An error: none runs.
 * ERR_LIMIT and what err_is_shortage knows: for want of ours, which says nothing of the server. */
MUST enum err reverse_check_begin(struct reverse_check_run *r, const struct ip_endpoint *to,
				  const struct ip_endpoint *named);
bool reverse_check_runs(const struct reverse_check_run *r);
/* Without a word to `over`; accepts one that does not run. */
void reverse_check_end(struct reverse_check_run *r);

#endif
