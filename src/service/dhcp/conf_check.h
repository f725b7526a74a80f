/* What the keys of the section `dhcp` must be together: the checks of its maps. Knows no schema. */
#ifndef DHCP_CONF_CHECK_H
#define DHCP_CONF_CHECK_H

#include "base/err.h"
#include "base/span.h"

struct config_at;
struct dhcp_conf;
struct dhcp_reservation_conf;
struct dhcp_scope_conf;
struct writer;

/* As config_map.check. */
void dhcp_check_vendor(const void *conf, struct config_at *at);
void dhcp_check_pool(const void *conf, struct config_at *at);
void dhcp_check_reservation(const void *conf, struct config_at *at);
void dhcp_check_network(const void *conf, struct config_at *at);
void dhcp_check_match(const void *conf, struct config_at *at);
void dhcp_check_class(const void *conf, struct config_at *at);
void dhcp_check_split(const void *conf, struct config_at *at);
void dhcp_check_site(const void *conf, struct config_at *at);

void dhcp_check_scope(const struct dhcp_scope_conf *s, struct config_at *at);

/* --- for the checks and for site.c, which reads what they have passed --- */

/* Of the reservation: its identity and, by circuit-id, the remote-id, into w. ERR_FORMAT,
 * ERR_LIMIT. */
MUST enum err dhcp_reservation_identity(const struct dhcp_reservation_conf *r, struct writer *w,
					int *ret_kind, struct span *ret_identity,
					struct span *ret_remote_id);

/* "0-127" or "5". ERR_FORMAT. */
MUST enum err dhcp_bucket_parse(struct span text, unsigned *ret_first, unsigned *ret_last);

/* The network on whose link the nth is, by the first that has its word; n itself: alone. */
size_t dhcp_conf_link(const struct dhcp_conf *c, size_t n);

#endif
