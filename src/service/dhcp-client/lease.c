#include "service/dhcp-client/lease.h"

#include "base/reader.h"
#include "proto/dhcp/option.h"

/* RFC 2131 4.4.5: T1 is half of the lease, T2 is 0.875 of it; both with some fuzz. */
#define RENEW_EIGHTHS  4
#define REBIND_EIGHTHS 7
#define FUZZ_PART      32

bool lease_address_is_host(uint32_t address)
{
	uint8_t first = (uint8_t)(address >> 24);
	return first != 0 && first != 127 && first < 224;
}

static uint32_t mask_of(unsigned bits)
{
	return bits ? ~UINT32_C(0) << (32 - bits) : 0;
}

/* The prefix's length of a mask; false when its ones are not contiguous. */
static bool bits_of(uint32_t mask, uint8_t *ret)
{
	unsigned bits = (unsigned)__builtin_popcount(mask);
	if (mask != mask_of(bits))
		return false;
	*ret = (uint8_t)bits;
	return true;
}

/* The option where it is there and its form is right; what is wrong is counted. */
static bool option_of(const struct dhcp_message *m, uint8_t code, struct span *ret,
		      uint32_t *ignored)
{
	if (!dhcp_message_has(m, code))
		return false;
	*ret = dhcp_message_option(m, code);
	if (dhcp_option_check(code, *ret) == OK)
		return true;
	(*ignored)++;
	return false;
}

static bool number_of(const struct dhcp_message *m, uint8_t code, uint32_t *ret, uint32_t *ignored)
{
	struct span value;
	if (!option_of(m, code, &value, ignored))
		return false;
	if (value.len == 4 && dhcp_message_u32(m, code, ret) == OK)
		return true;
	(*ignored)++;
	return false;
}

/* --- the parts of a lease --------------------------------------------------------------------- */

/* Without a mask the address's class says it, as RFC 1122 3.2.1.3 has it. */
static uint8_t bits_by_class(uint32_t address)
{
	uint8_t first = (uint8_t)(address >> 24);
	return first < 128 ? 8 : first < 192 ? 16 : 24;
}

/* Whether the address names a host in its prefix: not the network, not its broadcast address
 * (which /31 and /32 do not have, RFC 3021). */
static bool names_a_host(uint32_t address, unsigned bits)
{
	uint32_t host = address & ~mask_of(bits);
	return bits > 30 || (host != 0 && host != ~mask_of(bits));
}

static enum err read_prefix(const struct dhcp_message *m, struct lease *l, uint32_t *ignored)
{
	uint32_t mask;
	l->address = m->head.yiaddr;
	if (!lease_address_is_host(l->address))
		return ERR_REFUSED;
	l->bits = bits_by_class(l->address);
	if (number_of(m, DHCP_OPT_SUBNET_MASK, &mask, ignored) &&
	    (mask == 0 || !bits_of(mask, &l->bits)))
		(*ignored)++;
	return names_a_host(l->address, l->bits) ? OK : ERR_REFUSED;
}

static void read_times(const struct dhcp_message *m, struct lease *l, uint32_t *ignored)
{
	uint32_t renew = 0, rebind = 0;
	(void)number_of(m, DHCP_OPT_RENEWAL_TIME, &renew, ignored);
	(void)number_of(m, DHCP_OPT_REBINDING_TIME, &rebind, ignored);
	/* RFC 2131 4.4.5: T1 MUST be earlier than T2, which MUST be earlier than the end. */
	if (rebind >= l->lease_s) {
		*ignored += rebind != LEASE_FOREVER;
		rebind = 0;
	}
	uint64_t latest = rebind ? rebind : (uint64_t)l->lease_s * REBIND_EIGHTHS / 8;
	if (renew >= latest) {
		*ignored += renew != LEASE_FOREVER;
		renew = 0;
	}
	l->renew_s = renew;
	l->rebind_s = rebind;
}

static size_t read_servers(const struct dhcp_message *m, uint8_t code,
			   uint32_t ret[LEASE_SERVERS_MAX], uint32_t *ignored)
{
	struct span value, list;
	size_t n = 0;
	if (!option_of(m, code, &value, ignored) || dhcp_message_addresses(m, code, &list) != OK)
		return 0;
	for (size_t i = 0; i < dhcp_addresses_len(list) && n < LEASE_SERVERS_MAX; i++) {
		uint32_t address = dhcp_addresses_at(list, i);
		/* A resolver on this very machine is no business of the uplink's. */
		if (lease_address_is_host(address))
			ret[n++] = address;
		else
			(*ignored)++;
	}
	return n;
}

static void read_names(const struct dhcp_message *m, struct lease *l, uint32_t *ignored)
{
	struct span value;
	size_t at = 0;
	/* A name that is none is left out, as domain names end in files that others read. */
	if (option_of(m, DHCP_OPT_DOMAIN_NAME, &value, ignored) &&
	    (dhcp_message_text(m, DHCP_OPT_DOMAIN_NAME, &value) != OK ||
	     dns_name_from_text(value, NULL, &l->domain) != OK)) {
		l->domain = (struct dns_name){0};
		(*ignored)++;
	}
	if (!option_of(m, DHCP_OPT_DOMAIN_SEARCH, &value, ignored))
		return;
	while (at < value.len && l->search_n < LEASE_SEARCH_MAX) {
		if (dhcp_search_next(value, &at, &l->search[l->search_n]) != OK) {
			(*ignored)++;
			return;
		}
		l->search_n++;
	}
}

static void read_mtu(const struct dhcp_message *m, struct lease *l, uint32_t *ignored)
{
	struct span value;
	uint16_t mtu;
	if (!option_of(m, DHCP_OPT_INTERFACE_MTU, &value, ignored))
		return;
	if (dhcp_message_u16(m, DHCP_OPT_INTERFACE_MTU, &mtu) == OK && mtu >= LEASE_MTU_MIN)
		l->mtu = mtu;
	else
		(*ignored)++;
}

/* --- routes ----------------------------------------------------------------------------------- */

/* Where no route of a server's may lead: loopback, and all from 224/4 on. */
static bool route_makes_sense(const struct lease_route *r)
{
	if (r->router && !lease_address_is_host(r->router))
		return false;
	return r->bits == 0 || lease_address_is_host(r->destination) ||
	       (r->destination >> 24 == 0 && r->bits < 8);
}

static void add_route(struct lease *l, const struct lease_route *r, uint32_t *ignored)
{
	bool sense = route_makes_sense(r) && l->routes_n < LEASE_ROUTES_MAX;
	for (size_t i = 0; sense && i < l->routes_n; i++) /* the first of two wins */
		sense = l->routes[i].destination != r->destination || l->routes[i].bits != r->bits;
	if (sense)
		l->routes[l->routes_n++] = *r;
	else
		(*ignored)++;
}

static bool read_classless(const struct dhcp_message *m, struct lease *l, uint32_t *ignored)
{
	struct span value;
	struct dhcp_route route;
	if (!option_of(m, DHCP_OPT_CLASSLESS_STATIC_ROUTES, &value, ignored))
		return false;
	struct reader r = reader_of_span(value);
	while (dhcp_route_next(&r, &route)) {
		/* RFC 3442: bits that the mask does not have are to be cleared. */
		struct lease_route one = {.destination = route.destination & mask_of(route.bits),
					  .router = route.router,
					  .bits = route.bits};
		add_route(l, &one, ignored);
	}
	return true;
}

static void read_static(const struct dhcp_message *m, struct lease *l, uint32_t *ignored)
{
	struct span value, pairs;
	if (!option_of(m, DHCP_OPT_STATIC_ROUTES, &value, ignored) ||
	    dhcp_message_addresses(m, DHCP_OPT_STATIC_ROUTES, &pairs) != OK)
		return;
	for (size_t i = 0; i + 1 < dhcp_addresses_len(pairs); i += 2) {
		uint32_t to = dhcp_addresses_at(pairs, i);
		struct lease_route r = {.router = dhcp_addresses_at(pairs, i + 1)};
		/* RFC 2132 5.8: 0.0.0.0 is no legal destination. The mask is that of the class; a
		 * destination with bits beyond it is a host. */
		if (to == 0 || r.router == 0) {
			(*ignored)++;
			continue;
		}
		r.bits = bits_by_class(to);
		if (to & ~mask_of(r.bits))
			r.bits = 32;
		r.destination = to;
		add_route(l, &r, ignored);
	}
}

static void read_routes(const struct dhcp_message *m, struct lease *l, uint32_t *ignored)
{
	uint32_t routers[LEASE_SERVERS_MAX];
	/* RFC 3442: "If the DHCP server returns both a Classless Static Routes option and a Router
	 * option, the DHCP client MUST ignore the Router option", and the same of option 33. */
	if (read_classless(m, l, ignored))
		return;
	read_static(m, l, ignored);
	/* RFC 2132 3.5: "in order of preference". */
	if (read_servers(m, DHCP_OPT_ROUTERS, routers, ignored)) {
		struct lease_route first = {.router = routers[0]};
		add_route(l, &first, ignored);
	}
}

/* --- all of it -------------------------------------------------------------------------------- */

static void read_wire(const struct dhcp_message *m, struct lease *l)
{
	struct reader r = reader_of_span(m->wire);
	ASSERT(m->wire.len <= sizeof(l->message));
	l->message_len = (uint16_t)m->wire.len;
	read_bytes(&r, l->message, m->wire.len);
}

enum err lease_read(const struct dhcp_message *m, struct lease *ret, uint32_t *ret_ignored)
{
	uint32_t ignored = 0, lease_s, server, wait_s;
	*ret = (struct lease){0};
	if (!number_of(m, DHCP_OPT_LEASE_TIME, &lease_s, &ignored) ||
	    !number_of(m, DHCP_OPT_SERVER_IDENTIFIER, &server, &ignored))
		return ERR_ABSENT;
	if (lease_s < LEASE_MIN_S || !lease_address_is_host(server))
		return ERR_REFUSED;
	ret->lease_s = lease_s;
	ret->server = server;
	TRY(read_prefix(m, ret, &ignored));
	ret->rapid = dhcp_message_has(m, DHCP_OPT_RAPID_COMMIT);
	read_times(m, ret, &ignored);
	read_mtu(m, ret, &ignored);
	ret->dns_n = read_servers(m, DHCP_OPT_DOMAIN_NAME_SERVERS, ret->dns, &ignored);
	ret->ntp_n = read_servers(m, DHCP_OPT_NTP_SERVERS, ret->ntp, &ignored);
	read_names(m, ret, &ignored);
	read_routes(m, ret, &ignored);
	(void)number_of(m, DHCP_OPT_IPV6_ONLY_PREFERRED, &wait_s, &ignored); /* see receive.c */
	ret->has_nonce = dhcp_auth_nonce(m, &ret->replay, ret->nonce) == OK;
	read_wire(m, ret);
	*ret_ignored = ignored;
	return OK;
}

struct lease_times lease_times(const struct lease *l, uint64_t random)
{
	if (l->lease_s == LEASE_FOREVER)
		return (struct lease_times){UINT64_MAX, UINT64_MAX, UINT64_MAX};
	uint64_t end_ms = l->lease_s * UINT64_C(1000), fuzz_ms = end_ms / FUZZ_PART;
	uint64_t renew_ms =
		l->renew_s ? l->renew_s * UINT64_C(1000)
			   : end_ms * RENEW_EIGHTHS / 8 - (random & UINT32_MAX) % (fuzz_ms + 1);
	uint64_t rebind_ms = l->rebind_s
				     ? l->rebind_s * UINT64_C(1000)
				     : end_ms * REBIND_EIGHTHS / 8 - (random >> 32) % (fuzz_ms + 1);
	if (renew_ms >= rebind_ms)
		renew_ms = rebind_ms / 2;
	return (struct lease_times){renew_ms, rebind_ms, end_ms};
}
