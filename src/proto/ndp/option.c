#include "proto/ndp/option.h"

#include "base/writer.h"

bool ndp_option_next(struct reader *r, struct ndp_option *ret)
{
	if (reader_left(r) == 0)
		return false;
	uint8_t type = read_u8(r);
	unsigned len = read_u8(r) * 8u;
	if (len == 0)
		reader_fail(r); /* RFC 4861 4.6: "Nodes MUST silently discard" the packet */
	struct span body = read_span(r, len ? len - 2 : 0);
	if (r->bad)
		return false;
	*ret = (struct ndp_option){.type = type, .body = body};
	return true;
}

static struct ip_address read_address(struct reader *r, size_t octets)
{
	struct ip_address a = {.family = 6};
	read_bytes(r, a.bytes, octets);
	return a;
}

enum err ndp_prefix_read(struct span body, struct ndp_prefix *ret)
{
	struct reader r = reader_of_span(body);
	struct ndp_prefix p = {0};
	uint8_t bits = read_u8(&r);
	uint8_t flags = read_u8(&r);
	p.on_link = flags & 0x80;
	p.autonomous = flags & 0x40;
	p.valid_s = read_u32(&r);
	p.preferred_s = read_u32(&r);
	reader_skip(&r, 4);
	struct ip_address a = read_address(&r, 16);
	TRY(reader_end(&r));
	if (bits > 128)
		return ERR_FORMAT;
	p.prefix = ip_prefix_of(&a, bits); /* RFC 4861 4.6.2: bits beyond "MUST be … ignored" */
	*ret = p;
	return OK;
}

enum err ndp_mtu_read(struct span body, uint32_t *ret)
{
	struct reader r = reader_of_span(body);
	reader_skip(&r, 2);
	uint32_t mtu = read_u32(&r);
	TRY(reader_end(&r));
	*ret = mtu;
	return OK;
}

enum err ndp_route_read(struct span body, struct ndp_route *ret)
{
	struct reader r = reader_of_span(body);
	struct ndp_route route = {0};
	uint8_t bits = read_u8(&r);
	unsigned preference = read_u8(&r) >> 3 & 3;
	route.lifetime_s = read_u32(&r);
	size_t octets = reader_left(&r);
	/* RFC 4191 2.3: 0, 8 or 16 octets of prefix, as many as the length needs at least. */
	if (octets > 16 || bits > 128 || octets * 8 < bits || preference == 2)
		return ERR_FORMAT;
	struct ip_address a = read_address(&r, octets);
	TRY(reader_end(&r));
	route.prefix = ip_prefix_of(&a, bits);
	route.preference = (enum ndp_preference)preference;
	*ret = route;
	return OK;
}

enum err ndp_rdnss_read(struct span body, struct ndp_rdnss *ret)
{
	struct reader r = reader_of_span(body);
	struct ndp_rdnss d = {0};
	reader_skip(&r, 2);
	d.lifetime_s = read_u32(&r);
	/* RFC 8106 5.1: the minimum length is 3 units, and it is odd. */
	if (r.bad || reader_left(&r) < 16 || reader_left(&r) % 16)
		return ERR_FORMAT;
	while (reader_left(&r) && d.servers_n < NDP_RDNSS_MAX)
		d.servers[d.servers_n++] = read_address(&r, 16);
	*ret = d;
	return OK;
}

enum err ndp_dnssl_read(struct span body, uint32_t *ret_lifetime_s, struct span *ret_names)
{
	struct reader r = reader_of_span(body);
	struct dns_name name;
	reader_skip(&r, 2);
	uint32_t lifetime_s = read_u32(&r);
	TRY(reader_check(&r));
	size_t start = r.pos, end = start;
	while (reader_left(&r)) {
		TRY(dns_name_read_plain(&r, &name));
		if (dns_name_is_root(&name))
			break; /* padding begins */
		end = r.pos;
	}
	if (end == start)
		return ERR_FORMAT; /* RFC 8106 5.2: "one or more domain names" */
	while (reader_left(&r))
		if (read_u8(&r) != 0)
			return ERR_FORMAT;
	*ret_lifetime_s = lifetime_s;
	*ret_names = span_sub(body, start, end - start);
	return OK;
}

/* RFC 8781 4: the length of the prefix by its code. */
static const uint8_t pref64_bits[] = {96, 64, 56, 48, 40, 32};

enum err ndp_pref64_read(struct span body, struct ndp_pref64 *ret)
{
	struct reader r = reader_of_span(body);
	uint16_t head = read_u16(&r);
	struct ip_address a = read_address(&r, 12);
	TRY(reader_end(&r));
	/* "The receiver MUST ignore the PREF64 option if the Prefix Length Code field is not set to
	 * one of those values." */
	if ((head & 7) >= sizeof(pref64_bits))
		return ERR_FORMAT;
	*ret = (struct ndp_pref64){.prefix = ip_prefix_of(&a, pref64_bits[head & 7]),
				   .lifetime_s = head & 0xfff8};
	return OK;
}

enum err ndp_captive_portal_read(struct span body, struct span *ret)
{
	size_t end = body.len;
	while (end && body.data[end - 1] == 0)
		end--; /* RFC 8910 2.3: padded with NUL */
	struct span uri = span_sub(body, 0, end);
	if (end == 0 || span_find(uri, 0) != end)
		return ERR_FORMAT;
	*ret = uri;
	return OK;
}

/* --- writing: the length is in units of 8 octets, filled when the body is there --- */

static size_t begin(struct writer *w, uint8_t type)
{
	size_t at = w->pos;
	write_u8(w, type);
	write_u8(w, 0);
	return at;
}

static void end(struct writer *w, size_t at)
{
	while (!w->bad && (w->pos - at) % 8)
		write_u8(w, 0);
	if (w->bad)
		return;
	if ((w->pos - at) / 8 > UINT8_MAX)
		w->bad = true;
	else
		w->data[at + 1] = (uint8_t)((w->pos - at) / 8);
}

void ndp_write_link_layer(struct writer *w, enum ndp_option_type type, struct span address)
{
	size_t at = begin(w, (uint8_t)type);
	write_span(w, address);
	end(w, at);
}

void ndp_write_prefix(struct writer *w, const struct ndp_prefix *p)
{
	size_t at = begin(w, NDP_OPT_PREFIX);
	write_u8(w, p->prefix.bits);
	write_u8(w, (uint8_t)((p->on_link ? 0x80 : 0) | (p->autonomous ? 0x40 : 0)));
	write_u32(w, p->valid_s);
	write_u32(w, p->preferred_s);
	write_u32(w, 0);
	write_bytes(w, p->prefix.address.bytes, 16);
	end(w, at);
}

void ndp_write_mtu(struct writer *w, uint32_t mtu)
{
	size_t at = begin(w, NDP_OPT_MTU);
	write_u16(w, 0);
	write_u32(w, mtu);
	end(w, at);
}

void ndp_write_route(struct writer *w, const struct ndp_route *r)
{
	size_t at = begin(w, NDP_OPT_ROUTE);
	write_u8(w, r->prefix.bits);
	write_u8(w, (uint8_t)((unsigned)r->preference << 3));
	write_u32(w, r->lifetime_s);
	write_bytes(w, r->prefix.address.bytes, (r->prefix.bits + 63u) / 64 * 8);
	end(w, at);
}

void ndp_write_rdnss(struct writer *w, const struct ndp_rdnss *r)
{
	size_t at = begin(w, NDP_OPT_RDNSS);
	write_u16(w, 0);
	write_u32(w, r->lifetime_s);
	for (size_t i = 0; i < r->servers_n; i++)
		write_bytes(w, r->servers[i].bytes, 16);
	end(w, at);
}

void ndp_write_dnssl(struct writer *w, uint32_t lifetime_s, struct span names)
{
	size_t at = begin(w, NDP_OPT_DNSSL);
	write_u16(w, 0);
	write_u32(w, lifetime_s);
	write_span(w, names);
	end(w, at);
}

void ndp_write_pref64(struct writer *w, const struct ndp_pref64 *p)
{
	size_t code = 0;
	while (code < sizeof(pref64_bits) && pref64_bits[code] != p->prefix.bits)
		code++;
	ASSERT(code < sizeof(pref64_bits));
	size_t at = begin(w, NDP_OPT_PREF64);
	write_u16(w, (uint16_t)((p->lifetime_s & 0xfff8u) | code));
	write_bytes(w, p->prefix.address.bytes, 12);
	end(w, at);
}

void ndp_write_captive_portal(struct writer *w, struct span uri)
{
	size_t at = begin(w, NDP_OPT_CAPTIVE_PORTAL);
	write_span(w, uri);
	end(w, at);
}

void ndp_write_nonce(struct writer *w, struct span nonce)
{
	size_t at = begin(w, NDP_OPT_NONCE);
	write_span(w, nonce);
	end(w, at);
}
