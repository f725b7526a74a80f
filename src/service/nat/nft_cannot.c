/* What of a configuration the kernel's packet filter has no way to give. */
#include "service/nat/nft.h"

#include "service/nat/conf.h"

#include <string.h>

enum { ICMP_MS = 60000, OTHER_MS = 600000, FRAGMENT_MS = 15000, FLOWS = 131072, FLOWS6 = 65535 };

struct telling {
	void (*tell)(void *arg, uint32_t line, const char *text);
	void *arg;
};

static void say(const struct telling *t, bool holds, uint32_t line, const char *text)
{
	if (holds)
		t->tell(t->arg, line, text);
}

static void of_mapping(const struct telling *t, const struct nat_conf *c)
{
	say(t, c->mapping != NAT_MAPPING_ENDPOINT, 0,
	    "mapping: a host's port may become another public port for each far end; only "
	    "address-and-port-dependent holds");
	say(t, c->filtering != NAT_FILTERING_ENDPOINT, 0,
	    "filtering: only whom a host has sent to may answer it; endpoint-independent does not "
	    "hold");
	say(t, c->parity, 0, "parity: a public port may be odd or even");
	say(t, strcmp(c->ports, "1024-65535") != 0, 0,
	    "ports: the kernel chooses from all ports of the range of the host's own (to 511, to "
	    "1023, above)");
	say(t, c->port_block, 0, "port-block: hosts have no blocks of ports");
}

static void of_hosts(const struct telling *t, const struct nat_conf *c)
{
	const struct nat_host_conf *hosts = c->hosts.items;
	for (size_t i = 0; i < c->hosts.n; i++) {
		const struct nat_host_conf *h = &hosts[i];
		say(t, h->has_open && h->open, h->line,
		    "hosts, open: only whom the host has sent to may answer it");
		say(t, h->has_mapping && h->mapping != NAT_MAPPING_ENDPOINT, h->line,
		    "hosts, mapping: only address-and-port-dependent holds");
		say(t, h->limit, h->line, "hosts, limit: the flows of a host are not bounded");
	}
}

static void of_rest(const struct telling *t, const struct nat_conf *c)
{
	const struct nat_rule_conf *rules = c->firewall.items;
	for (size_t i = 0; i < c->firewall.n; i++)
		say(t, rules[i].log, rules[i].line, "firewall, log: there are no events of flows");
	say(t, portctl_conf_on(&c->port_control), 0,
	    "port-control: hosts cannot open ports for themselves");
	say(t, c->answer_unasked, 0,
	    "answer-unasked: who calls a TCP port that nobody has opened is told nothing");
	say(t,
	    c->timeouts.icmp_ms != ICMP_MS || c->timeouts.other_ms != OTHER_MS ||
		    c->timeouts.fragment_ms != FRAGMENT_MS,
	    0, "timeouts, icmp, other, fragment: the kernel's own hold");
	say(t, c->limits.flows != FLOWS || c->limits.flows6 != FLOWS6, 0,
	    "limits, flows, flows-ipv6: net.netfilter.nf_conntrack_max is the bound");
	say(t, true, 0, "limits, host-flows: the flows of a host are not bounded");
	say(t, nat_log_conf_on(&c->log), 0, "log: there is no log of translations");
	say(t, c->v6.prefixes.n, 0,
	    "nptv6: the prefix alone is exchanged, flow by flow; addresses outside are not those "
	    "of RFC 6296");
	say(t, c->veth_peers, 0, "veth-peers: what leaves by a veth passes the device");
	say(t, c->v6.nat64.address.family, 0, "nat64: hosts of IPv6 do not reach IPv4");
}

void nat_nft_cannot(const struct nat_conf *conf,
		    void (*tell)(void *arg, uint32_t line, const char *text), void *arg)
{
	const struct telling t = {.tell = tell, .arg = arg};
	of_mapping(&t, conf);
	of_hosts(&t, conf);
	of_rest(&t, conf);
}
