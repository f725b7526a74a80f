/* The `resolver` section of the configuration as a struct, its schema, and the rules that an engine
 * takes from it. Knows nothing of sockets and reads no files. */
#ifndef RESOLVER_CONF_H
#define RESOLVER_CONF_H

#include "config/schema.h"
#include "service/resolver/dns64.h"
#include "service/resolver/engine.h"
#include "service/resolver/filter.h"

#include <stdatomic.h>

enum resolver_answers { RESOLVER_ANSWERS_FULL, RESOLVER_ANSWERS_MINIMAL };

struct resolver_zone_conf {
	struct dns_name zone;
	struct config_list to; /* struct ip_endpoint */
	/* Of stubs: how long answers are held at most. */
	uint64_t hold_ms;
	bool hold_own; /* it was written */
};

struct resolver_dns64_conf {
	struct config_list prefixes;		       /* struct ip_prefix */
	struct config_list ranges;		       /* struct dns64_map */
	struct config_list unmapped, clients, exclude; /* struct ip_prefix */
};

struct resolver_filter_conf {
	enum filter_answer answer;
	struct config_list page; /* struct ip_address, one of each family at most */
	uint64_t ttl_ms;
};

struct resolver_conf {
	struct config_list listen; /* struct ip_endpoint */
	uint32_t workers;	   /* 0: one for each processor */
	struct config_list access; /* struct ip_prefix */
	const char *root_hints;	   /* NULL: built in */
	struct config_list roots;  /* struct ip_address */
	bool prime, forwarders;
	struct config_list forward, stub; /* struct resolver_zone_conf */
	enum minimise minimise;
	bool upstream_ipv4, upstream_ipv6;
	struct config_list outgoing; /* struct ip_address */
	bool ask_loopback;
	enum resolver_answers answers;
	struct {
		uint64_t min_ms, max_ms, negative_max_ms;
	} ttl;
	uint32_t edns_size;
	uint64_t cache; /* bytes */
	uint32_t queries;
	struct {
		uint32_t clients;
		uint64_t idle_ms;
	} tcp;
	uint16_t upstream_port;
	bool special_names;
	struct resolver_dns64_conf dns64;
	bool dns64_on; /* it was written */
	struct resolver_filter_conf policy;
	bool policy_on;	      /* likewise */
	const char *identity; /* NULL: none */
	bool version;
};

extern const struct config_map resolver_conf_map;
extern const struct config_map resolver_dns64_map;  /* its key dns64 */
extern const struct config_map resolver_filter_map; /* its key policy */

struct policy_held;

/* The rules of one configuration with all that they point to: a copy, so that the configuration may
 * go. Shared by the workers; the last who gives it back frees it. */
struct resolver_rules {
	struct engine_rules rules;
	struct delegation roots;
	struct dns64_rules dns64;
	struct filter_rules filter;
	struct policy_held *held; /* counted; NULL: nothing is blocked */
	uint64_t idle_ms;	  /* of TCP clients */
	atomic_uint refs;
	void *memory;
};

/* Of those that were told at run time; they are asked for all that no zone of the configuration
 * names. */
struct resolver_told {
	const struct ip_endpoint *at;
	size_t n;
};

/* hints: the text of conf->root_hints, empty when that is NULL. version: of this program.
 * ERR_FORMAT: the hints are wrong; ret_line and ret_message say where and why. */
MUST enum err resolver_rules_new(const struct resolver_conf *conf, struct span hints,
				 struct resolver_told told, const char *version,
				 struct resolver_rules **ret, uint32_t *ret_line, char *ret_message,
				 size_t message_size);
/* Before anybody else has the rules: they block what that policy blocks. held: counted for them;
 * NULL, or a conf without `policy`: they block nothing. */
void resolver_rules_obey(struct resolver_rules *r, const struct resolver_conf *conf,
			 struct policy_held *held);
struct resolver_rules *resolver_rules_ref(struct resolver_rules *r);
void resolver_rules_unref(struct resolver_rules *r); /* accepts NULL */

#endif
