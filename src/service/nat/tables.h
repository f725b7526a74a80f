/* What the data plane is told, made from the configuration, the names' addresses and the machine's
 * devices: rules, forwards, hosts, sources, public addresses, settings. Writes no map and knows no
 * time.
 *
 *	tables.c	settings, and the order of it all
 *	rules.c		firewall, what holds without one, who may use a forward
 *	publics.c	public addresses and their places
 *	sources.c	which zone a source belongs to
 *	forwards.c	forwards, hosts, ports kept for the machine's own services
 */
#ifndef NAT_TABLES_H
#define NAT_TABLES_H

#include "base/err.h"
#include "base/writer.h"
#include "proto/ip/prefix.h"
#include "service/nat/bpf/shared.h"

struct nat_conf;
struct nat_names;
struct nat_net;

enum {
	NAT_SOURCES_MAX = 4096,
	NAT_HOSTS_MAX = 8192, /* with a record of the configuration */
	NAT_LOCALS_MAX = 1024,
	NAT_KEPT_MAX = 256,
	NAT_NOTES_MAX = 64,
	NAT_KEPT_RANGE_MAX = 4096, /* ports of one rule that are kept for the machine itself */
};
#define NAT_EVERY_PUBLIC 0xffffu

struct nat_source_place {
	struct ip_prefix prefix;
	uint8_t zone, flags; /* as struct nat_source */
};

/* Map locals4. */
struct nat_local_place {
	__be32 address;
	uint16_t slot, flags; /* as struct nat_local */
};

struct nat_forward_place {
	uint16_t slot; /* of the public address; NAT_EVERY_PUBLIC */
	uint32_t line;
	uint32_t conf; /* its place in `forward` */
};

struct nat_host_setting {
	struct nat_host_key key;
	uint32_t flags, flows_max;
};

/* Public ports that no mapping may take: the machine serves them itself. */
struct nat_kept {
	uint8_t space; /* enum nat_port_space */
	uint16_t first, last;
};

/* Why something of the configuration is not in force now. */
struct nat_note {
	uint32_t line;
	char text[128];
};

struct nat_device_place {
	uint32_t ifindex;
	uint16_t first, n; /* as nat_device.public_first, public_n */
};

struct nat_tables {
	struct nat_rule rules[NAT_SET_RULES]; /* [0] is nobody's */
	uint32_t rules_own, rules_n, rules_plain, rules_taken,
		rules_end; /* the last of each kind; rules_plain: to whom nobody is translated,
			    * rules_taken: what a proxy takes, rules_end: with forwards */
	uint8_t takes[NAT_SET_RULES]; /* of rules up to rules_taken: place in `intercept` */
	bool untaken;		      /* and nobody may: there is no packet filter to lead */
	struct nat_rate rates[NAT_SET_RATES];
	uint32_t rates_n; /* with [0] */
	struct nat_forward4 forwards[NAT_SET_FORWARDS];
	struct nat_forward_place forward_places[NAT_SET_FORWARDS];
	uint32_t forwards_n; /* the last */
	struct nat_public publics[NAT_PUBLICS];
	struct nat_device_place devices[NAT_PUBLICS]; /* outside devices with addresses */
	size_t devices_n;
	uint32_t judged; /* bits of the zones whose devices are NAT_DEVICE_JUDGED */
	struct nat_source_place sources[NAT_SOURCES_MAX];
	size_t sources_n;
	struct nat_local_place locals[NAT_LOCALS_MAX];
	size_t locals_n;
	struct nat_host_setting hosts[NAT_HOSTS_MAX];
	size_t hosts_n;
	struct nat_kept kept[NAT_KEPT_MAX];
	size_t kept_n;
	struct nat_note notes[NAT_NOTES_MAX];
	size_t notes_n, notes_more;
	struct nat_settings settings; /* but for seed, hop_gen, rules_gen */
};

/* before: publics as they are in the map, NAT_PUBLICS of them; NULL: none. What stays keeps its
 * place. publics_max: as many places there are ports for. ERR_LIMIT: the rules or forwards are more
 * than fit; ret->notes says which. */
MUST enum err nat_tables_make(const struct nat_conf *conf, const struct nat_names *names,
			      const struct nat_net *net, const struct nat_public *before,
			      uint32_t publics_max, struct nat_tables *ret);

__attribute__((format(printf, 3, 4))) void nat_tables_note(struct nat_tables *t, uint32_t line,
							   const char *format, ...);

/* By the longest prefix; NULL: in no network that is known, so it is in the world. */
const struct nat_source_place *nat_tables_source(const struct nat_tables *t,
						 const struct ip_address *a);
/* The zone of a source by the longest prefix; NAT_ZONE_OUTSIDE when there is none. ret_prefix: may
 * be NULL; family 0 when there is none. */
unsigned nat_tables_zone(const struct nat_tables *t, const struct ip_address *a,
			 struct ip_prefix *ret_prefix);

/* Rules that hold without a configuration say what they are for; NULL: a number of another rule. */
const char *nat_tables_default_text(const struct nat_tables *t, uint32_t rule);

/* An address as in rules and keys: IPv4 mapped. */
void nat_address_map(const struct ip_address *a, uint8_t ret[16]);
struct ip_address nat_address_unmap(const uint8_t mapped[16]);
__be32 nat_address_be32(const struct ip_address *a); /* IPv4 */
struct ip_address nat_address_of(__be32 address);

/* As it lies in a packet. */
static inline __be16 nat_be16(uint16_t v)
{
	__be16 r;
	put_u16((uint8_t *)&r, v);
	return r;
}
static inline uint16_t nat_host16(__be16 v)
{
	const uint8_t *at = (const uint8_t *)&v;
	return (uint16_t)(at[0] << 8 | at[1]);
}

#endif
