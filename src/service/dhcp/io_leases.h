/* Leases as JSON, and the words of a request about one. Knows the engine; decides nothing. */
#ifndef DHCP_IO_LEASES_H
#define DHCP_IO_LEASES_H

#include "service/dhcp/engine.h"

#include <jansson.h>

struct control_reply;
struct control_request;
struct dhcp_service;

/* A new object; now_ms decides what has expired. site: for the name of the network. */
json_t *dhcp_lease_json(const struct dhcp_lease *l, const struct dhcp_site *site, uint64_t now_ms);

/* Octets in hexadecimal, and Unix time as RFC 3339 or "never"; empty ones and 0 are left out. */
void dhcp_json_octets(json_t *o, const char *key, const char *before, const char *between,
		      struct span s);
void dhcp_json_time(json_t *o, const char *key, uint32_t at_s);

/* Whether address= is one of IPv6, or a prefix: then these answer. */
bool dhcp_request_is_v6(const struct control_request *req);
void dhcp_lease6_show(struct dhcp_service *d, const struct control_request *req,
		      struct control_reply *reply);
void dhcp_lease6_release(struct dhcp_service *d, const struct control_request *req,
			 struct control_reply *reply);
void dhcp_lease6_renew(struct dhcp_service *d, const struct control_request *req,
		       struct control_reply *reply);

/* address= of the request. False: the answer was given. */
bool dhcp_request_address(const struct control_request *req, struct control_reply *reply,
			  uint32_t *ret);

/* "192.168.7.20"; host order. */
MUST bool dhcp_address_read(const char *text, uint32_t *ret);
/* "02:00:5e:00:53:01". */
MUST bool dhcp_mac_read(const char *text, uint8_t ret[6]);

#endif
