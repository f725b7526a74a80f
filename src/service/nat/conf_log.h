/* `log` of the `nat` section: which translations are told to whom, so that a public address and
 * port of some instant lead back to a host (RFC 6888 4). Knows no file and no socket. */
#ifndef NAT_CONF_LOG_H
#define NAT_CONF_LOG_H

#include "config/schema.h"
#include "proto/ip/address.h"

struct nat_log_conf {
	bool file;
	uint64_t file_size;	      /* octets; then the next one begins */
	uint32_t files;		      /* kept, with the one being written */
	struct ip_endpoint collector; /* address.family 0: none */
	uint32_t domain;
	uint64_t templates_ms;
	bool mappings, flows, destinations;
};

extern const struct config_map nat_log_conf_map;

/* Whether anything is logged at all. */
static inline bool nat_log_conf_on(const struct nat_log_conf *c)
{
	return c->file || c->collector.address.family != 0;
}

#endif
