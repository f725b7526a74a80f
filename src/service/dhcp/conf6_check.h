/* The parts of the key `ipv6`: what no single key can tell, whether they fit each other, and the
 * maps of conf6_router.c. For conf6*.c alone; knows no syntax. */
#ifndef DHCP_CONF6_CHECK_H
#define DHCP_CONF6_CHECK_H

#include <stdbool.h>

struct config_at;
struct config_map;
struct v6_conf;

extern const struct config_map v6_advertise_map, v6_relay_map;

/* A reservation's DUID, and its link-layer address, as text. */
bool v6_conf_is_duid(const char *text);
bool v6_conf_is_mac(const char *text);

void v6_check_pool(const void *conf, struct config_at *at);
void v6_check_prefix_pool(const void *conf, struct config_at *at);
void v6_check_reservation(const void *conf, struct config_at *at);
void v6_check_match(const void *conf, struct config_at *at);
void v6_check_class(const void *conf, struct config_at *at);
void v6_check_network(const void *conf, struct config_at *at);
void v6_check_advertised(const void *conf, struct config_at *at);
void v6_check_route(const void *conf, struct config_at *at);
void v6_check_advertise(const void *conf, struct config_at *at);
void v6_check_relay(const void *conf, struct config_at *at);
void v6_check(const void *conf, struct config_at *at);

/* conf6_class.c: what classes and the pools that name them have in common. */
void v6_check_classes(const struct v6_conf *c, struct config_at *at);

#endif
