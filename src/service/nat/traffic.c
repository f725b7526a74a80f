#include "service/nat/traffic.h"

#include <stdio.h>

static const struct {
	const char *name;
	uint8_t proto;
} protocols[] = {
	{"tcp", NAT_PROTO_TCP},
	{"udp", NAT_PROTO_UDP},
	{"sctp", NAT_PROTO_SCTP},
	{"icmp", NAT_PROTO_ICMP},
	{"icmpv6", NAT_PROTO_ICMPV6},
	{"gre", 47},
	{"esp", 50},
	{"ah", 51},
};

/* RFC 792 and RFC 4443, as far as people write rules about them. */
static const struct {
	const char *name;
	uint8_t proto, type;
} icmp_types[] = {
	{"echo-reply", NAT_PROTO_ICMP, 0},
	{"destination-unreachable", NAT_PROTO_ICMP, 3},
	{"redirect", NAT_PROTO_ICMP, 5},
	{"echo-request", NAT_PROTO_ICMP, 8},
	{"time-exceeded", NAT_PROTO_ICMP, 11},
	{"parameter-problem", NAT_PROTO_ICMP, 12},
	{"timestamp-request", NAT_PROTO_ICMP, 13},
	{"destination-unreachable", NAT_PROTO_ICMPV6, 1},
	{"packet-too-big", NAT_PROTO_ICMPV6, 2},
	{"time-exceeded", NAT_PROTO_ICMPV6, 3},
	{"parameter-problem", NAT_PROTO_ICMPV6, 4},
	{"echo-request", NAT_PROTO_ICMPV6, 128},
	{"echo-reply", NAT_PROTO_ICMPV6, 129},
	{"router-solicitation", NAT_PROTO_ICMPV6, 133},
	{"router-advertisement", NAT_PROTO_ICMPV6, 134},
	{"neighbour-solicitation", NAT_PROTO_ICMPV6, 135},
	{"neighbour-advertisement", NAT_PROTO_ICMPV6, 136},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum err nat_ports_parse(struct span text, uint16_t *ret_first, uint16_t *ret_last)
{
	size_t dash = span_find(text, '-');
	uint64_t first, last;
	if (!span_to_u64(span_trim(span_sub(text, 0, dash)), UINT16_MAX, &first) || first == 0)
		return ERR_FORMAT;
	last = first;
	if (dash < text.len &&
	    !span_to_u64(span_trim(span_sub(text, dash + 1, text.len)), UINT16_MAX, &last))
		return ERR_FORMAT;
	if (last < first)
		return ERR_FORMAT;
	*ret_first = (uint16_t)first;
	*ret_last = (uint16_t)last;
	return OK;
}

static bool protocol_find(struct span text, uint8_t *ret)
{
	for (size_t i = 0; i < COUNT(protocols); i++)
		if (span_is(text, protocols[i].name)) {
			*ret = protocols[i].proto;
			return true;
		}
	return false;
}

static bool icmp_type_find(struct span text, uint8_t proto, uint8_t *ret)
{
	for (size_t i = 0; i < COUNT(icmp_types); i++)
		if (icmp_types[i].proto == proto && span_is(text, icmp_types[i].name)) {
			*ret = icmp_types[i].type;
			return true;
		}
	return false;
}

/* What stands behind icmp/ or icmpv6/: a name, TYPE or TYPE/CODE. */
static enum err icmp_parse(struct span text, uint8_t proto, struct nat_traffic *ret)
{
	size_t slash = span_find(text, '/');
	uint64_t type, code;
	uint8_t named;
	if (icmp_type_find(text, proto, &named)) {
		*ret = (struct nat_traffic){proto, (uint16_t)(named << 8),
					    (uint16_t)(named << 8 | UINT8_MAX)};
		return OK;
	}
	if (!span_to_u64(span_sub(text, 0, slash), UINT8_MAX, &type))
		return ERR_FORMAT;
	*ret = (struct nat_traffic){proto, (uint16_t)(type << 8),
				    (uint16_t)(type << 8 | UINT8_MAX)};
	if (slash == text.len)
		return OK;
	if (!span_to_u64(span_sub(text, slash + 1, text.len), UINT8_MAX, &code))
		return ERR_FORMAT;
	ret->first = ret->last = (uint16_t)(type << 8 | code);
	return OK;
}

static struct nat_traffics one(struct nat_traffic t)
{
	return (struct nat_traffics){.items = {t}, .n = 1};
}

/* before '/' and behind it: PORTS/tcp, icmp/…, 47/ip. */
static enum err pair_parse(struct span left, struct span right, struct nat_traffics *ret)
{
	struct nat_traffic t = {.last = UINT16_MAX};
	uint64_t number;
	if (span_is(left, "icmp") || span_is(left, "icmpv6")) {
		TRY(icmp_parse(right, span_is(left, "icmp") ? NAT_PROTO_ICMP : NAT_PROTO_ICMPV6,
			       &t));
		*ret = one(t);
		return OK;
	}
	if (span_is(right, "ip")) {
		if (!span_to_u64(left, UINT8_MAX, &number) || number == 0)
			return ERR_FORMAT;
		t.proto = (uint8_t)number;
		*ret = one(t);
		return OK;
	}
	if (!protocol_find(right, &t.proto) || !nat_traffic_has_ports(&t))
		return ERR_FORMAT;
	TRY(nat_ports_parse(left, &t.first, &t.last));
	*ret = one(t);
	return OK;
}

enum err nat_traffic_parse(struct span text, struct nat_traffics *ret)
{
	struct nat_traffic t = {.last = UINT16_MAX};
	size_t slash = span_find(text, '/');
	if (slash < text.len)
		return pair_parse(span_sub(text, 0, slash), span_sub(text, slash + 1, text.len),
				  ret);
	if (protocol_find(text, &t.proto)) {
		*ret = one(t);
		return OK;
	}
	if (span_is(text, "ping")) {
		*ret = (struct nat_traffics){
			.items = {{NAT_PROTO_ICMP, 8 << 8, 8 << 8 | 255},
				  {NAT_PROTO_ICMPV6, 128 << 8, 128 << 8 | 255}},
			.n = 2};
		return OK;
	}
	TRY(nat_ports_parse(text, &t.first, &t.last));
	ret->n = 2;
	ret->items[0] = ret->items[1] = t;
	ret->items[0].proto = NAT_PROTO_TCP;
	ret->items[1].proto = NAT_PROTO_UDP;
	return OK;
}

static const char *protocol_name(uint8_t proto)
{
	for (size_t i = 0; i < COUNT(protocols); i++)
		if (protocols[i].proto == proto)
			return protocols[i].name;
	return NULL;
}

const char *nat_traffic_format(const struct nat_traffic *t, char ret[NAT_TRAFFIC_TEXT_MAX])
{
	const char *name = protocol_name(t->proto);
	bool all = t->first == 0 && t->last == UINT16_MAX;
	unsigned type = t->first >> 8;
	if (t->proto == 0)
		(void)snprintf(ret, NAT_TRAFFIC_TEXT_MAX, "any");
	else if (!name)
		(void)snprintf(ret, NAT_TRAFFIC_TEXT_MAX, "%u/ip", t->proto);
	else if (all)
		(void)snprintf(ret, NAT_TRAFFIC_TEXT_MAX, "%s", name);
	else if (!nat_traffic_has_ports(t) && t->first == t->last)
		(void)snprintf(ret, NAT_TRAFFIC_TEXT_MAX, "%s/%u/%u", name, type,
			       t->first & UINT8_MAX);
	else if (!nat_traffic_has_ports(t))
		(void)snprintf(ret, NAT_TRAFFIC_TEXT_MAX, "%s/%u", name, type);
	else if (t->first == t->last)
		(void)snprintf(ret, NAT_TRAFFIC_TEXT_MAX, "%u/%s", t->first, name);
	else
		(void)snprintf(ret, NAT_TRAFFIC_TEXT_MAX, "%u-%u/%s", t->first, t->last, name);
	return ret;
}

enum err nat_rate_parse(struct span text, uint32_t *ret_us)
{
	size_t slash = span_find(text, '/');
	struct span unit = span_sub(text, slash + 1, text.len);
	uint64_t n, us = span_is(unit, "s")   ? 1000000
			 : span_is(unit, "m") ? 60000000
			 : span_is(unit, "h") ? UINT64_C(3600000000)
					      : 0;
	if (!span_to_u64(span_sub(text, 0, slash), 1000000, &n) || n == 0 || us == 0)
		return ERR_FORMAT;
	*ret_us = us / n ? (uint32_t)(us / n) : 1;
	return OK;
}
