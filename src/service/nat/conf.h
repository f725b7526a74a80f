/* The `nat` section of the configuration as structs, its schema, and the texts in it that are more
 * than one type of the configuration language. Knows nothing of devices that are there, of maps or
 * of packets. */
#ifndef NAT_CONF_H
#define NAT_CONF_H

#include "config/schema.h"
#include "proto/dns/name.h"
#include "proto/ip/prefix.h"
#include "service/nat/bpf/shared.h"
#include "service/nat/conf_log.h"
#include "service/nat/conf_portctl.h"
#include "service/nat/conf_take.h"
#include "service/nat/conf_v6.h"
#include "service/nat/traffic.h"

enum {
	NAT_INTERFACE_MAX = 15, /* octets: the kernel's */
	NAT_CONF_ZONES_MAX = NAT_ZONE_BOGON - NAT_ZONE_INSIDE - 1,
	NAT_INTERFACES_MAX = 256,
	NAT_CONF_HOSTS_MAX = 4096,
	NAT_CONF_FORWARDS_MAX = 512,
	NAT_CONF_RULES_MAX = 512,
	NAT_CONF_PLAIN_MAX = 256,
	NAT_FLOWS_MIN = 1024,
	NAT_FLOWS_MAX = 16 << 20,
	NAT_EVENTS_MAX = 65535, /* a second */
};

/* The same order as what choices say in conf.c. */
enum nat_attach {
	NAT_ATTACH_AUTO,
	NAT_ATTACH_XDP,
	NAT_ATTACH_XDP_GENERIC,
	NAT_ATTACH_TC,
	NAT_ATTACH_NFTABLES
};
enum nat_mapping_conf { NAT_MAPPING_INDEPENDENT, NAT_MAPPING_ADDRESS, NAT_MAPPING_ENDPOINT };
enum nat_filtering_conf { NAT_FILTERING_ENDPOINT, NAT_FILTERING_INDEPENDENT };

struct nat_zone_conf {
	const char *name;
	struct config_list interfaces; /* const char * */
	struct config_list networks;   /* struct ip_prefix */
	bool translate;
	uint32_t line;
};

struct nat_host_conf {
	const char *name; /* an address, or a host name */
	bool open, has_open;
	int mapping; /* enum nat_mapping_conf */
	bool has_mapping;
	uint32_t limit; /* flows; 0: that of all */
	uint32_t line;
};

struct nat_forward_conf {
	struct config_list from;   /* const char *: 443/tcp, 8000-8010/udp, 53 */
	const char *to;		   /* HOST or HOST:PORT */
	struct config_list allow;  /* const char *: for: who may; all when empty */
	struct ip_address address; /* the public one; family 0: each */
	uint32_t line;
};

struct nat_rule_conf {
	int action;		    /* enum nat_action - 1 */
	struct config_list from;    /* const char *: zones, addresses, names; all when empty */
	struct config_list to;	    /* the same */
	struct config_list traffic; /* const char *; any when empty */
	const char *source_ports;   /* NULL: any */
	const char *rate;	    /* NULL: none */
	uint32_t burst;
	bool log;
	uint32_t line;
};

/* To whom nobody is translated. */
struct nat_plain_conf {
	struct config_list to;	    /* const char *: addresses, networks, names; all when empty */
	struct config_list traffic; /* const char *; any when empty */
	uint32_t line;
};

struct nat_timeouts_conf {
	uint64_t tcp_opening_ms, tcp_ms, tcp_closing_ms, udp_ms, dns_ms, icmp_ms, other_ms,
		fragment_ms;
};

struct nat_limits_conf {
	uint32_t flows, flows6, host_flows; /* flows6: of IPv6 and NAT64 */
	uint32_t events;		    /* a second */
};

struct nat_conf {
	struct config_list outside, inside; /* const char *: interfaces */
	struct config_list zones;	    /* struct nat_zone_conf */
	struct config_list addresses;	    /* struct ip_range; those of the devices when empty */
	int attach;			    /* enum nat_attach */
	bool veth_peers;
	int mapping, filtering; /* enum nat_mapping_conf, nat_filtering_conf */
	bool parity;
	const char *ports; /* FIRST-LAST */
	uint32_t port_block;
	struct config_list hosts;    /* struct nat_host_conf */
	struct config_list forward;  /* struct nat_forward_conf */
	struct config_list firewall; /* struct nat_rule_conf */
	struct config_list plain;    /* struct nat_plain_conf */
	struct config_list takes;    /* struct nat_take_conf */
	struct portctl_conf port_control;
	bool bogons, answer_unasked;
	struct nat_timeouts_conf timeouts;
	struct nat_limits_conf limits;
	struct nat_log_conf log;
	struct config_list resolver; /* struct ip_endpoint */
	struct dns_name domain;	     /* len 0: none */
	struct nat_v6_conf v6;
};

extern const struct config_map nat_conf_map;

/* The judge of nat_conf_map, in conf_check.c. */
void nat_conf_check(const void *conf, struct config_at *at);

/* Of a list that says who, under key in one of where's items. */
void nat_conf_check_who(const struct nat_conf *c, const struct config_list *list,
			struct config_step where, const char *key, struct config_at *at);

/* --- zones --- */

/* Of enum nat_zone, or one behind NAT_ZONE_INSIDE for the others in the file's order; -1: none of
 * that name. */
int nat_conf_zone(const struct nat_conf *c, struct span name);
/* NULL: no such zone. */
const char *nat_conf_zone_name(const struct nat_conf *c, unsigned zone);
/* The zone that an interface is in; -1: none. */
int nat_conf_interface_zone(const struct nat_conf *c, const char *interface);
/* Bits of all zones inside, NAT_ZONE_INSIDE among them. */
uint32_t nat_conf_zones_inside(const struct nat_conf *c);

/* --- who --- */

enum nat_who_kind { NAT_WHO_ZONE, NAT_WHO_PREFIX, NAT_WHO_NAME };

struct nat_who {
	enum nat_who_kind kind;
	unsigned zone;
	struct ip_prefix prefix;
	struct dns_name name;
};

/* A zone's name, an address, a prefix, or a host name; one of a single label is in conf->domain.
 * ERR_FORMAT, ERR_REFUSED as ip_prefix_parse. */
MUST enum err nat_who_parse(const struct nat_conf *c, struct span text, struct nat_who *ret);

/* HOST or HOST:PORT of a forward; ret_port 0: none. ERR_FORMAT; ERR_UNSUPPORTED: an IPv6 address,
 * or a zone. */
MUST enum err nat_target_parse(const struct nat_conf *c, struct span text, struct nat_who *ret,
			       uint16_t *ret_port);

#endif
