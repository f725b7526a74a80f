#include "service/vpn/gate/gate.h"

const char *gate_cause_name(enum gate_cause cause)
{
	static const char *const names[GATE_CAUSES] = {
		[GATE_MALFORMED] = "malformed",	  [GATE_SPOOFED] = "spoofed",
		[GATE_STEERED] = "source-routed", [GATE_QUARANTINE] = "quarantine",
		[GATE_PAST_DATE] = "expired",	  [GATE_REACH] = "reach",
		[GATE_PEERS] = "peer-to-peer",	  [GATE_BANDWIDTH] = "bandwidth",
		[GATE_PAGE_DNS] = "page-dns",	  [GATE_PAGE_FULL] = "page-redirect",
	};
	ASSERT(cause < GATE_CAUSES);
	return names[cause];
}

/* 0 to 63, by the octets that differ most on one network. */
static unsigned hash_of(struct span address)
{
	const uint8_t *last = address.data + address.len - 2;
	return (last[0] * 7u + last[1]) % 64;
}

bool gate_own_add(struct gate_own *own, const struct ip_address *address)
{
	struct span raw = ip_address_span(address);
	if (!raw.len || gate_own_has(own, raw))
		return true;
	if (own->n == GATE_OWN_MAX)
		return false;
	own->addresses[own->n++] = *address;
	uint64_t bit = UINT64_C(1) << hash_of(raw);
	if (address->family == 4)
		own->some4 |= bit;
	else
		own->some6 |= bit;
	return true;
}

bool gate_own_has(const struct gate_own *own, struct span address)
{
	uint64_t some = address.len == 4 ? own->some4 : own->some6;
	if (!(some >> hash_of(address) & 1))
		return false;
	for (size_t i = 0; i < own->n; i++)
		if (span_equal(ip_address_span(&own->addresses[i]), address))
			return true;
	return false;
}

void gate_net_clear(struct gate_net *net)
{
	net->inner_n = net->time_servers_n = 0;
	net->own = (struct gate_own){0};
	net->dns = (struct page_dns){0};
	net->page = (struct web_redirect_page){0};
	net->page_port = 0;
}

void gate_net_set_page(struct gate_net *net, const struct dns_name *name, uint16_t page_port,
		       uint16_t redirect_port)
{
	net->dns.name = *name;
	net->page_port = page_port;
	net->page.port = redirect_port;
}

void gate_net_set_page_address(struct gate_net *net, const struct ip_address *address)
{
	if (address->family == 4)
		net->dns.page4 = net->page.page4 = *address;
	else if (address->family == 6)
		net->dns.page6 = net->page.page6 = *address;
}

bool gate_net_add_inner(struct gate_net *net, const struct ip_address *address)
{
	if (net->inner_n == GATE_INNER_MAX || !gate_own_add(&net->own, address))
		return false;
	net->inner[net->inner_n++] = *address;
	bool v4 = address->family == 4;
	if (!(v4 ? net->page.page4.family : net->page.page6.family))
		gate_net_set_page_address(net, address);
	return true;
}
