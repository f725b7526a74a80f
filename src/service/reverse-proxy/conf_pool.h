/* Pools of servers as the configuration has them: who is in them, how one is chosen, and how it is
 * seen who is well. Knows neither which server is chosen nor how it is reached. */
#ifndef REVERSE_PROXY_CONF_POOL_H
#define REVERSE_PROXY_CONF_POOL_H

#include "config/schema.h"
#include "proto/dns/name.h"
#include "proto/ip/address.h"
#include "service/reverse-proxy/conf_back.h"
#include "service/reverse-proxy/conf_balance.h"
#include "service/reverse-proxy/conf_check.h"

enum {
	REVERSE_POOLS_MAX = 4096,
	REVERSE_SERVERS_MAX = 1024,
	REVERSE_POOL_NAME_MAX = BACKEND_POOL_NAME_MAX,
};

/* One of address, name and srv is written; the other two are empty (no family, length 0). */
struct reverse_server_conf {
	struct ip_endpoint address;
	struct dns_name name; /* all its addresses, at `port` */
	uint16_t port;
	struct dns_name srv; /* targets, ports, priorities and weights from the DNS (RFC 2782) */
	uint32_t weight;
	bool backup, drain;
	const char *zone; /* NULL: none */
	uint32_t requests_max;
};

struct reverse_pool_conf {
	const char *name;
	struct config_list servers; /* struct reverse_server_conf */
	struct reverse_back_tls_conf tls;
	bool has_tls; /* tls was written */
	enum reverse_protocol protocol;
	enum pool_balance balance;
	struct reverse_hash_conf hash;
	struct reverse_sticky_conf sticky;
	uint64_t slow_start_ms;
	uint32_t requests_max;
	const char *zone; /* ours; NULL: none */
	uint32_t zone_min_pct;
	enum { REVERSE_ALL_DOWN_REFUSE, REVERSE_ALL_DOWN_TRY } all_down;
	struct pool_outlier eject;
	struct pool_breaker breaker;
	struct pool_retry retry;
	struct pool_wait queue;
	struct reverse_check_conf check;
	bool checked; /* check was written */
};

extern const struct config_map reverse_pool_map;

bool reverse_pool_has_tls(const struct reverse_pool_conf *conf);
/* What the keys say as the balance takes it; texts are borrowed from conf. */
struct pool_policy reverse_pool_policy(const struct reverse_pool_conf *conf);

#endif
