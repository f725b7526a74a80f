#include "proto/dns/edns.h"

#include "proto/dns/code.h"

#define FLAG_DO 0x8000u

bool dns_edns_option_next(struct reader *r, struct dns_edns_option *ret)
{
	if (reader_left(r) == 0)
		return false;
	uint16_t code = read_u16(r);
	uint16_t len = read_u16(r);
	struct span body = read_span(r, len);
	if (r->bad)
		return false;
	*ret = (struct dns_edns_option){.code = code, .body = body};
	return true;
}

/* RFC 7873 4: a client cookie, or that and a server cookie. */
static bool is_cookie(struct span body)
{
	return body.len == DNS_COOKIE_CLIENT_LEN ||
	       (body.len >= DNS_COOKIE_CLIENT_LEN + DNS_COOKIE_SERVER_MIN &&
		body.len <= DNS_COOKIE_MAX);
}

static enum err option_note(const struct dns_edns_option *o, struct dns_edns *e)
{
	switch (o->code) {
	case DNS_OPTION_NSID: e->nsid = true; break;
	case DNS_OPTION_PADDING: e->padding = true; break;
	case DNS_OPTION_TCP_KEEPALIVE:
		if (o->body.len != 0 && o->body.len != 2)
			return ERR_FORMAT; /* RFC 7828 3.1 */
		e->keepalive = true;
		break;
	case DNS_OPTION_COOKIE:
		if (!is_cookie(o->body))
			return ERR_FORMAT;
		if (e->cookie.len == 0)
			e->cookie = o->body; /* RFC 7873 5: all but the first are ignored */
		break;
	case DNS_OPTION_CLIENT_SUBNET: {
		struct dns_client_subnet subnet;
		enum err err = dns_client_subnet_read(o->body, &subnet);
		if (err == ERR_UNSUPPORTED)
			break; /* of a family that is nothing to us */
		TRY(err);
		if (e->subnet.len == 0)
			e->subnet = o->body;
		break;
	}
	default: break; /* RFC 6891 6.1.2: what is unknown is ignored */
	}
	return OK;
}

enum err dns_edns_read(uint16_t class, uint32_t ttl, struct span rdata, struct dns_edns *ret)
{
	struct dns_edns e = {
		.present = true,
		.do_bit = ttl & FLAG_DO,
		.version = (uint8_t)(ttl >> 16),
		.extended_rcode = (uint8_t)(ttl >> 24),
		.udp_size = class < DNS_EDNS_UDP_MIN ? DNS_EDNS_UDP_MIN : class,
	};
	/* What another version means by its options nobody knows yet. */
	if (e.version == DNS_EDNS_VERSION && rdata.len) {
		struct reader r = reader_of_span(rdata);
		struct dns_edns_option o;
		while (dns_edns_option_next(&r, &o))
			TRY(option_note(&o, &e));
		TRY(reader_end(&r));
		e.options = rdata;
	}
	*ret = e;
	return OK;
}

static void option_head(struct writer *w, uint16_t code, size_t len)
{
	if (len > UINT16_MAX)
		w->bad = true;
	write_u16(w, code);
	write_u16(w, (uint16_t)len);
}

void dns_edns_write_option(struct writer *w, uint16_t code, struct span body)
{
	option_head(w, code, body.len);
	write_span(w, body);
}

void dns_edns_write_nsid(struct writer *w, struct span id)
{
	dns_edns_write_option(w, DNS_OPTION_NSID, id);
}

/* --- client subnet --- */

/* Bits of an address of the family; 0: unknown. */
static unsigned family_bits(uint16_t family)
{
	return family == 1 ? 32 : family == 2 ? 128 : 0;
}

enum err dns_client_subnet_read(struct span body, struct dns_client_subnet *ret)
{
	struct dns_client_subnet s = {0};
	struct reader r = reader_of_span(body);
	s.family = read_u16(&r);
	s.source = read_u8(&r);
	s.scope = read_u8(&r);
	unsigned bits = family_bits(s.family);
	size_t octets = ((size_t)s.source + 7) / 8;
	if (s.family > 2)
		return r.bad ? ERR_FORMAT : ERR_UNSUPPORTED;
	/* RFC 7871 6: as many octets as the prefix needs. Family 0 is of no address: 0/0. */
	if (s.source > bits || s.scope > bits || reader_left(&r) != octets)
		return ERR_FORMAT;
	read_bytes(&r, s.address, octets);
	TRY(reader_end(&r));
	if (s.source % 8 && s.address[octets - 1] & 0xff >> s.source % 8)
		return ERR_FORMAT; /* bits past the prefix are 0 */
	*ret = s;
	return OK;
}

void dns_edns_write_client_subnet(struct writer *w, const struct dns_client_subnet *s)
{
	ASSERT(s->source <= family_bits(s->family) && s->scope <= family_bits(s->family));
	size_t octets = ((size_t)s->source + 7) / 8;
	option_head(w, DNS_OPTION_CLIENT_SUBNET, 4 + octets);
	write_u16(w, s->family);
	write_u8(w, s->source);
	write_u8(w, s->scope);
	for (size_t i = 0; i < octets; i++) {
		unsigned kept = s->source - 8 * (unsigned)i;
		write_u8(w, kept >= 8 ? s->address[i] : (uint8_t)(s->address[i] & 0xff00 >> kept));
	}
}

/* --- keepalive, padding --- */

void dns_edns_write_keepalive(struct writer *w, uint16_t timeout_100ms)
{
	option_head(w, DNS_OPTION_TCP_KEEPALIVE, 2);
	write_u16(w, timeout_100ms);
}

size_t dns_edns_padding_len(size_t message_len, size_t block, size_t max)
{
	ASSERT(block);
	size_t over = (message_len + DNS_OPTION_LEN(0)) % block;
	size_t len = over ? block - over : 0;
	return len < max ? len : max;
}

void dns_edns_write_padding(struct writer *w, size_t body_len)
{
	option_head(w, DNS_OPTION_PADDING, body_len);
	uint8_t *at = write_room(w, body_len);
	if (at)
		memset(at, 0, body_len);
}

/* --- extended errors --- */

enum err dns_extended_error_read(struct span body, struct dns_extended_error *ret)
{
	struct reader r = reader_of_span(body);
	uint16_t code = read_u16(&r);
	TRY(reader_check(&r));
	*ret = (struct dns_extended_error){.code = code, .text = read_span(&r, reader_left(&r))};
	return OK;
}

void dns_edns_write_extended_error(struct writer *w, uint16_t code, struct span text)
{
	option_head(w, DNS_OPTION_EDE, 2 + text.len);
	write_u16(w, code);
	write_span(w, text);
}
