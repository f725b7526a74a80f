/* The `forward-proxy` section of the configuration as a struct, put together from its parts, and
 * its schema. Knows nothing of sockets, reads no files and decides nothing about a request.
 *
 * Each part is a header and a file of its own, which say what its keys mean: conf_listen,
 * conf_limits, conf_tunnels, access/conf_access, access/conf_answers, access/conf_bandwidth,
 * access/conf_quota,
 * privacy/conf_privacy, pac/conf_pac; the log's and the cache's are of both proxies. A part joins
 * by a member here, by its key in conf.c, and by its judge there when its keys are to be judged
 * together with others'.
 */
#ifndef FORWARD_PROXY_CONF_H
#define FORWARD_PROXY_CONF_H

#include "config/schema.h"
#include "proxy/access-log/conf_log.h"
#include "proxy/cache/conf_cache.h"
#include "proxy/io_rings.h"
#include "service/forward-proxy/access/conf_access.h"
#include "service/forward-proxy/access/conf_answers.h"
#include "service/forward-proxy/access/conf_bandwidth.h"
#include "service/forward-proxy/access/conf_quota.h"
#include "service/forward-proxy/conf_limits.h"
#include "service/forward-proxy/conf_listen.h"
#include "service/forward-proxy/conf_tunnels.h"
#include "service/forward-proxy/conf_upstream.h"
#include "service/forward-proxy/inspect/conf_inspect.h"
#include "service/forward-proxy/pac/conf_pac.h"
#include "service/forward-proxy/ports.h"
#include "service/forward-proxy/privacy/conf_privacy.h"

enum { FORWARD_WORKERS_MAX = 64, FORWARD_CONF_RESOLVERS_MAX = 4 };

struct forward_conf {
	struct config_list listen;	 /* struct forward_listen_conf */
	struct config_list certificates; /* struct forward_certificate_conf */
	const char *name;
	const char *contact; /* NULL: none */
	uint32_t workers;    /* 0: one for each processor */
	enum proxy_rings_wish io_uring;
	struct config_list clients;	 /* struct ip_prefix */
	struct config_list upstreams;	 /* struct forward_upstream_conf */
	struct config_list resolver;	 /* struct ip_endpoint */
	struct config_list ports;	 /* const char *; forward_ports reads them */
	struct config_list tunnel_ports; /* likewise */
	struct config_list socks_ports;	 /* likewise */
	struct forward_tunnels_conf tunnels;
	struct forward_inspect_conf inspection;
	bool has_inspection;
	struct config_list allow_inside; /* struct ip_prefix */
	struct config_list nat64;	 /* struct ip_prefix */
	struct forward_access_conf access;
	struct config_list answers;   /* struct forward_answer_conf */
	struct config_list bandwidth; /* struct forward_bandwidth_conf */
	struct config_list quotas;    /* struct forward_quota_conf */
	struct forward_privacy_conf privacy;
	struct forward_pac_conf pac;
	bool has_pac;
	bool policy; /* obey the section of that name */
	struct forward_limits_conf limits;
	struct forward_timeouts_conf timeouts;
	bool has_cache;
	struct proxy_cache_conf cache;
	struct proxy_cache_rules_conf cache_rules;
	struct access_log_conf access_log;
};

extern const struct config_map forward_conf_map;

/* The ports of a list that was judged. */
void forward_ports(const struct config_list *list, struct ports *ret);

#endif
