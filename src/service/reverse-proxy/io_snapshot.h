/* All that requests go by, of one configuration and of the back ends as they are known now: made
 * whole in the main thread, never changed, shared by the workers, freed by the last who uses it.
 * Knows no connection and no worker.
 *
 * A reload makes a new one; so does a name of a back end that has other addresses, which shares
 * configuration and routes with the one before.
 */
#ifndef REVERSE_PROXY_IO_SNAPSHOT_H
#define REVERSE_PROXY_IO_SNAPSHOT_H

#include "proxy/exchange.h"
#include "service/reverse-proxy/conf.h"
#include "service/reverse-proxy/route/request.h"

#include <stdatomic.h>

struct config;
struct countries;
struct files_roots;
struct pool;
struct registry;
struct reverse_acme;
struct reverse_names;
struct reverse_page_files;
struct reverse_routes;
struct reverse_tls;
struct reverse_way;
struct tls_tickets;

/* What follows from the configuration alone. */
struct reverse_site {
	atomic_uint refs;
	struct config *config; /* counted */
	const struct reverse_conf *conf;
	struct reverse_routes *routes;
	struct reverse_tls *tls;   /* owned */
	struct reverse_way **ways; /* to the servers of each pool of conf; NULL: HTTP/1.1, plain */
	struct proxy_limits limits;
	struct proxy_limits *route_limits; /* by route.number */
	struct files_roots *files;
	struct reverse_page_files *pages;
	struct countries *countries; /* NULL: no file of them */
	struct route_trust trust;
};

struct reverse_snapshot {
	atomic_uint refs;
	uint64_t number;	   /* of this process, from 1 */
	struct reverse_site *site; /* counted */
	/* Those of the configuration, then one for each address that a route names. */
	struct pool **pools; /* counted */
	size_t pools_n;
};

/* config: judged, with the section; a count of its own is taken. before: the one in force, or NULL;
 * when it is of this config, its files of certificates are not read again. ENOMEM; ERR_CONFIG: what
 * the log says. */
MUST enum err reverse_site_new(struct config *config, struct tls_tickets *tickets,
			       struct reverse_acme *acme, const struct reverse_site *before,
			       struct reverse_site **ret);
void reverse_site_unref(struct reverse_site *s); /* any thread; accepts NULL */

/* Takes a count of site. Main thread, whose registry and names are; new back ends get in there.
 * ENOMEM, ERR_LIMIT. */
MUST enum err reverse_snapshot_new(struct reverse_site *site, struct registry *registry,
				   struct reverse_names *names, uint64_t number, uint64_t now_ms,
				   struct reverse_snapshot **ret);
struct reverse_snapshot *reverse_snapshot_ref(struct reverse_snapshot *s);
void reverse_snapshot_unref(struct reverse_snapshot *s); /* any thread; accepts NULL */

/* "web", or the address of a pool that a route names by that. buf: for the latter. */
const char *reverse_snapshot_pool_name(const struct reverse_snapshot *s, size_t pool,
				       char buf[IP_ENDPOINT_TEXT_MAX]);

#endif
