#include "os/conntrack.h"

#include "os/netlink_request.h"

#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>

/* --- reading ---------------------------------------------------------------------------------- */

struct listing {
	bool (*call)(void *arg, const struct conntrack_flow *flow);
	void *arg;
	bool enough;
};

static void read_addresses(struct reader r, struct conntrack_way *way)
{
	struct reader body;
	uint16_t type;
	while (netlink_attribute_next(&r, &type, &body)) {
		size_t n = reader_left(&body);
		struct span raw = read_span(&body, n);
		if ((type == CTA_IP_V4_SRC && n == 4) || (type == CTA_IP_V6_SRC && n == 16))
			way->from.address = ip_address_of(raw);
		else if ((type == CTA_IP_V4_DST && n == 4) || (type == CTA_IP_V6_DST && n == 16))
			way->to.address = ip_address_of(raw);
	}
}

static void read_ports(struct reader r, struct conntrack_flow *flow, struct conntrack_way *way)
{
	bool answers = way == &flow->way[1];
	struct reader body;
	uint16_t type;
	while (netlink_attribute_next(&r, &type, &body))
		switch (type) {
		case CTA_PROTO_NUM: flow->proto = read_u8(&body); break;
		case CTA_PROTO_SRC_PORT: way->from.port = read_u16(&body); break;
		case CTA_PROTO_DST_PORT: way->to.port = read_u16(&body); break;
		case CTA_PROTO_ICMP_ID:
		case CTA_PROTO_ICMPV6_ID:
			*(answers ? &way->to.port : &way->from.port) = read_u16(&body);
			break;
		default: break;
		}
}

static void read_way(struct reader r, struct conntrack_flow *flow, struct conntrack_way *way)
{
	struct reader body;
	uint16_t type;
	while (netlink_attribute_next(&r, &type, &body))
		if (type == CTA_TUPLE_IP)
			read_addresses(body, way);
		else if (type == CTA_TUPLE_PROTO)
			read_ports(body, flow, way);
}

static uint64_t read_bytes_of(struct reader r)
{
	struct reader body;
	uint16_t type;
	while (netlink_attribute_next(&r, &type, &body))
		if (type == CTA_COUNTERS_BYTES)
			return read_u64(&body);
	return 0;
}

static enum conntrack_tcp tcp_of(uint8_t state)
{
	if (state == TCP_CONNTRACK_ESTABLISHED)
		return CONNTRACK_OPEN;
	return state < TCP_CONNTRACK_ESTABLISHED || state == TCP_CONNTRACK_SYN_SENT2
		       ? CONNTRACK_OPENING
		       : CONNTRACK_CLOSING;
}

static enum conntrack_tcp read_tcp(struct reader r)
{
	struct reader tcp, body;
	uint16_t type;
	while (netlink_attribute_next(&r, &type, &tcp))
		while (type == CTA_PROTOINFO_TCP && netlink_attribute_next(&tcp, &type, &body)) {
			if (type == CTA_PROTOINFO_TCP_STATE)
				return tcp_of(read_u8(&body));
			type = CTA_PROTOINFO_TCP;
		}
	return CONNTRACK_OPENING;
}

static void read_flow(struct reader r, struct conntrack_flow *flow)
{
	struct reader body;
	uint16_t type;
	while (netlink_attribute_next(&r, &type, &body))
		switch (type) {
		case CTA_TUPLE_ORIG: read_way(body, flow, &flow->way[0]); break;
		case CTA_TUPLE_REPLY: read_way(body, flow, &flow->way[1]); break;
		case CTA_STATUS: flow->status = read_u32(&body); break;
		case CTA_TIMEOUT: flow->left_s = read_u32(&body); break;
		case CTA_PROTOINFO: flow->tcp = read_tcp(body); break;
		case CTA_COUNTERS_ORIG: flow->way[0].bytes = read_bytes_of(body); break;
		case CTA_COUNTERS_REPLY: flow->way[1].bytes = read_bytes_of(body); break;
		default: break;
		}
}

static void take(void *arg, uint16_t type, struct reader body)
{
	struct listing *l = arg;
	struct conntrack_flow flow = {0};
	if (type != (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW) || l->enough)
		return;
	reader_skip(&body, sizeof(struct nfgenmsg));
	read_flow(body, &flow);
	if (flow.way[0].from.address.family && flow.way[1].from.address.family)
		l->enough = !l->call(l->arg, &flow);
}

enum err conntrack_list(unsigned family, bool (*call)(void *arg, const struct conntrack_flow *flow),
			void *arg)
{
	struct nfgenmsg head = {.nfgen_family = family == 4   ? AF_INET
						: family == 6 ? AF_INET6
							      : AF_UNSPEC,
				.version = NFNETLINK_V0};
	struct listing l = {.call = call, .arg = arg};
	struct netlink_request q;
	netlink_request_init(&q, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET, 0, &head,
			     sizeof(head));
	q.family = NETLINK_NETFILTER;
	enum err e = netlink_request_list(&q, take, &l);
	/* What began or ended meanwhile may be missing, as it may behind the walk. */
	return e == (enum err)EINTR ? OK : e;
}

/* --- removing --------------------------------------------------------------------------------- */

static void put_port(struct netlink_request *q, uint16_t type, uint16_t port)
{
	const uint8_t raw[2] = {(uint8_t)(port >> 8), (uint8_t)port};
	netlink_put(q, type, raw, sizeof(raw));
}

static bool has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP ||
	       proto == IPPROTO_DCCP || proto == IPPROTO_UDPLITE;
}

static void put_icmp(struct netlink_request *q, const struct conntrack_flow *flow)
{
	enum { ECHO_REQUEST = 8, ECHO_REQUEST6 = 128 };
	bool six = flow->proto == IPPROTO_ICMPV6;
	const uint8_t type = six ? ECHO_REQUEST6 : ECHO_REQUEST, code = 0;
	netlink_put(q, six ? CTA_PROTO_ICMPV6_TYPE : CTA_PROTO_ICMP_TYPE, &type, 1);
	netlink_put(q, six ? CTA_PROTO_ICMPV6_CODE : CTA_PROTO_ICMP_CODE, &code, 1);
	put_port(q, six ? CTA_PROTO_ICMPV6_ID : CTA_PROTO_ICMP_ID, flow->way[0].from.port);
}

enum err conntrack_remove(const struct conntrack_flow *flow)
{
	const struct conntrack_way *way = &flow->way[0];
	bool six = way->from.address.family == 6;
	struct nfgenmsg head = {.nfgen_family = six ? AF_INET6 : AF_INET, .version = NFNETLINK_V0};
	struct netlink_request q;
	netlink_request_init(&q, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE, 0, &head,
			     sizeof(head));
	q.family = NETLINK_NETFILTER;
	size_t tuple = netlink_nest_begin(&q, CTA_TUPLE_ORIG | NLA_F_NESTED);
	size_t ip = netlink_nest_begin(&q, CTA_TUPLE_IP | NLA_F_NESTED);
	netlink_put_address(&q, six ? CTA_IP_V6_SRC : CTA_IP_V4_SRC, &way->from.address);
	netlink_put_address(&q, six ? CTA_IP_V6_DST : CTA_IP_V4_DST, &way->to.address);
	netlink_nest_end(&q, ip);
	size_t proto = netlink_nest_begin(&q, CTA_TUPLE_PROTO | NLA_F_NESTED);
	netlink_put(&q, CTA_PROTO_NUM, &flow->proto, 1);
	if (has_ports(flow->proto)) {
		put_port(&q, CTA_PROTO_SRC_PORT, way->from.port);
		put_port(&q, CTA_PROTO_DST_PORT, way->to.port);
	} else if (flow->proto == IPPROTO_ICMP || flow->proto == IPPROTO_ICMPV6) {
		put_icmp(&q, flow);
	}
	netlink_nest_end(&q, proto);
	netlink_nest_end(&q, tuple);
	return netlink_request_do(&q);
}
