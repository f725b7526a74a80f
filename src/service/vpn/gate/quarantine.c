#include "service/vpn/gate/quarantine.h"

#include "base/reader.h"
#include "service/vpn/gate/gate.h"
#include "service/vpn/gate/packet.h"

enum {
	DNS_PORT = 53,
	TIME_PORT = 123,
	ECHO_REPLY4 = 0,
	ECHO_REQUEST4 = 8,
	ECHO_REQUEST6 = 128,
	ECHO_REPLY6 = 129,
	UDP_HEAD = 8,
	/* RFC 5905 7.3: modes; the others could carry more than the time. */
	TIME_CLIENT = 3,
	TIME_SERVER = 4,
};

/* One end of a packet, and which. */
struct end {
	struct span address;
	uint16_t port;
};

static bool is_page(const struct gate_net *net, struct span address)
{
	const struct ip_address *page = address.len == 4 ? &net->page.page4 : &net->page.page6;
	return span_equal(ip_address_span(page), address);
}

static bool is_inner(const struct gate_net *net, struct span address)
{
	for (size_t i = 0; i < net->inner_n; i++)
		if (span_equal(ip_address_span(&net->inner[i]), address))
			return true;
	return false;
}

static bool is_time_server(const struct gate_net *net, struct span address)
{
	for (size_t i = 0; i < net->time_servers_n; i++)
		if (span_equal(ip_address_span(&net->time_servers[i]), address))
			return true;
	return false;
}

static bool is_time(const struct gate_packet *p, uint8_t mode)
{
	struct reader r = reader_of_span(p->upper);
	reader_skip(&r, UDP_HEAD);
	return (read_u8(&r) & 7) == mode && !r.bad;
}

static bool is_echo(const struct gate_packet *p, uint8_t type4, uint8_t type6)
{
	return p->family == 4 ? p->protocol == GATE_ICMP && p->icmp_type == type4
			      : p->protocol == GATE_ICMPV6 && p->icmp_type == type6;
}

/* far: the end that is not the peer's. */
static enum quarantine_way tcp_way(const struct gate_net *net, struct end far, uint16_t web_port)
{
	if (net->page_port && far.port == net->page_port && is_page(net, far.address))
		return QUARANTINE_PASS;
	return net->redirect && net->page.port && far.port == web_port ? QUARANTINE_WEB
								       : QUARANTINE_REFUSE;
}

static enum quarantine_way way_in(const struct gate_net *net, const struct gate_packet *p)
{
	struct end far = {.address = p->destination, .port = p->destination_port};
	if (p->fragment != GATE_WHOLE || !net->page_port)
		return QUARANTINE_REFUSE;
	if (p->protocol == GATE_TCP)
		return tcp_way(net, far, WEB_REDIRECT_PORT);
	if (p->protocol == GATE_UDP && far.port == DNS_PORT)
		return QUARANTINE_DNS;
	bool time = p->protocol == GATE_UDP && far.port == TIME_PORT &&
		    is_time_server(net, far.address) && is_time(p, TIME_CLIENT);
	bool echo = is_echo(p, ECHO_REQUEST4, ECHO_REQUEST6) && is_inner(net, far.address);
	return time || echo ? QUARANTINE_PASS : QUARANTINE_REFUSE;
}

static enum quarantine_way way_out(const struct gate_net *net, const struct gate_packet *p)
{
	struct end far = {.address = p->source, .port = p->source_port};
	if (p->fragment != GATE_WHOLE || !net->page_port)
		return QUARANTINE_REFUSE;
	if (p->protocol == GATE_TCP) {
		enum quarantine_way way = tcp_way(net, far, net->page.port);
		return way == QUARANTINE_WEB && !is_page(net, far.address) ? QUARANTINE_REFUSE
									   : way;
	}
	bool time = p->protocol == GATE_UDP && far.port == TIME_PORT &&
		    is_time_server(net, far.address) && is_time(p, TIME_SERVER);
	bool echo = is_echo(p, ECHO_REPLY4, ECHO_REPLY6) && is_inner(net, far.address);
	return time || echo ? QUARANTINE_PASS : QUARANTINE_REFUSE;
}

/* An error about a packet that passed the other way goes back to who sent that. */
static enum quarantine_way error_way(const struct gate_net *net, const struct gate_packet *p,
				     enum quarantine_way (*other)(const struct gate_net *net,
								  const struct gate_packet *p))
{
	struct gate_packet quoted;
	if (p->fragment != GATE_WHOLE || gate_packet_read_quoted(p, &quoted) != OK ||
	    !span_equal(p->destination, quoted.source))
		return QUARANTINE_REFUSE;
	return other(net, &quoted) == QUARANTINE_PASS ? QUARANTINE_PASS : QUARANTINE_REFUSE;
}

enum quarantine_way quarantine_in(const struct gate_net *net, const struct gate_packet *p)
{
	return gate_packet_is_error(p) ? error_way(net, p, way_out) : way_in(net, p);
}

enum quarantine_way quarantine_out(const struct gate_net *net, const struct gate_packet *p)
{
	return gate_packet_is_error(p) ? error_way(net, p, way_in) : way_out(net, p);
}
