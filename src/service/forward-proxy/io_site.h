/* All that requests go by, of one configuration: made whole in the main thread, never changed,
 * shared by the workers, freed by the last who uses it. Knows no connection and no worker.
 */
#ifndef FORWARD_PROXY_IO_SITE_H
#define FORWARD_PROXY_IO_SITE_H

#include "base/arena.h"
#include "proxy/auth/basic_auth.h"
#include "proxy/exchange.h"
#include "service/forward-proxy/access/access.h"
#include "service/forward-proxy/access/answers.h"
#include "service/forward-proxy/access/bandwidth.h"
#include "service/forward-proxy/access/inside.h"
#include "service/forward-proxy/access/quota.h"
#include "service/forward-proxy/conf.h"
#include "service/forward-proxy/inspect/skip.h"
#include "service/forward-proxy/message.h"
#include "service/forward-proxy/privacy/levels.h"
#include "service/forward-proxy/upstream.h"

#include <stdatomic.h>

struct config;
struct inspect_authority;
struct tls_client;
struct tls_server;
struct tls_tickets;

enum { FORWARD_VIA_MAX = 72 };

struct forward_site {
	atomic_uint refs;
	uint64_t number;       /* of this process, from 1 */
	struct config *config; /* counted */
	const struct forward_conf *conf;
	struct tls_server **servers; /* by place in conf->listen; counted; NULL: without TLS */
	size_t servers_n;
	struct proxy_limits limits;
	struct proxy_limits hold_limits; /* of what lasts as long as its client wants */
	struct ports ports, tunnel_ports, socks_ports, tls_ports;
	struct inside_rules inside; /* own: none; who asks adds it */
	struct arena arena;	    /* of what is made of the configuration */
	struct upstream *upstreams; /* conf->upstreams.n; NULL while it is made */
	struct access_rules rules;
	struct answers_rules answers;
	struct bandwidth_limits bandwidth;
	struct quotas quotas;
	/* Of TLS that is inspected: whose, and what not; how servers are checked; in whose name
	 * clients are answered (counted). inspect_like NULL: nobody's is. */
	struct access_rules inspect_rules;
	struct inspect_skip inspect_skip;
	struct tls_client *inspect_client;
	struct inspect_authority *authority;
	struct tls_server *inspect_like;
	struct auth_users users;
	struct span realm_field; /* of Proxy-Authenticate */
	struct span pac;	 /* the script for browsers; empty: none */
	struct privacy_levels privacy;
	struct span name;
	struct message_via via;
	char via_text[3][FORWARD_VIA_MAX]; /* what via lies in */
};

/* config: judged, with the section; a count of its own is taken. before: the one in force, or NULL.
 * ENOMEM; ERR_CONFIG: a file cannot
 * be used, which the log says with its line. */
MUST enum err forward_site_new(struct config *config, struct tls_tickets *tickets, uint64_t number,
			       const struct forward_site *before, struct forward_site **ret);
/* Before the site is in force: TLS is inspected by that authority (a count of its own is taken), if
 * the configuration says so. ENOMEM. */
MUST enum err forward_site_inspect(struct forward_site *s, struct inspect_authority *authority);
struct forward_site *forward_site_ref(struct forward_site *s);
void forward_site_unref(struct forward_site *s); /* any thread; accepts NULL */
DEFINE_AUTO(struct forward_site, forward_site_unref)

/* The folders of the files, each once, which a reload must be able to read: a file that is replaced
 * by renaming is another one. NULL-terminated, for _free. ENOMEM. */
MUST enum err forward_site_folders(const struct forward_conf *conf, char ***ret);
void forward_site_folders_free(char **folders); /* accepts NULL */

#endif
