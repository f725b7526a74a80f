/* The durable form of a lease for IPv6; its contract is in v6_engine.h. */
#include "base/reader.h"
#include "base/writer.h"
#include "service/dhcp/v6_engine.h"

enum { LEASE_FORM = 1, KEY_FAMILY = 6 };

void v6_lease_key(const struct ip_prefix *p, uint8_t ret[V6_LEASE_KEY_LEN])
{
	ret[0] = KEY_FAMILY;
	memcpy(ret + 1, p->address.bytes, 16);
	ret[17] = p->bits;
}

static void write_short(struct writer *w, struct span s)
{
	write_u8(w, (uint8_t)s.len);
	write_bytes(w, s.data, s.len & 0xff);
}

void v6_lease_write(const struct v6_lease_view *l, struct writer *w)
{
	write_u8(w, LEASE_FORM);
	write_u8(w, (uint8_t)l->kind);
	write_u8(w, (uint8_t)l->state);
	write_u8(w, l->fqdn_flags);
	write_u8(w, l->names);
	write_u32(w, l->iaid);
	write_u32(w, l->granted_s);
	write_u32(w, l->expires_s);
	write_u32(w, l->preferred_s);
	write_short(w, l->duid);
	write_short(w, l->mac);
	write_short(w, l->name);
}

static enum err read_key(struct span key, struct ip_prefix *ret)
{
	struct reader r = reader_of_span(key);
	struct ip_prefix p = {.address = {.family = 6}};
	uint8_t family = read_u8(&r);
	read_bytes(&r, p.address.bytes, 16);
	p.bits = read_u8(&r);
	TRY(reader_end(&r));
	struct ip_prefix masked = ip_prefix_of(&p.address, p.bits);
	if (family != KEY_FAMILY || p.bits > 128 || !ip_prefix_equal(&masked, &p))
		return ERR_FORMAT;
	*ret = p;
	return OK;
}

enum err v6_lease_read(struct span key, struct span value, struct v6_lease_view *ret)
{
	struct reader r = reader_of_span(value);
	struct v6_lease_view l = {0};
	TRY(read_key(key, &l.prefix));
	uint8_t form = read_u8(&r);
	if (form != LEASE_FORM)
		return r.bad || form == 0 ? ERR_FORMAT : ERR_UNSUPPORTED;
	uint8_t kind = read_u8(&r), state = read_u8(&r);
	l.fqdn_flags = read_u8(&r);
	l.names = read_u8(&r);
	l.iaid = read_u32(&r);
	l.granted_s = read_u32(&r);
	l.expires_s = read_u32(&r);
	l.preferred_s = read_u32(&r);
	l.duid = read_span(&r, read_u8(&r));
	l.mac = read_span(&r, read_u8(&r));
	l.name = read_span(&r, read_u8(&r));
	TRY(reader_end(&r));
	if (kind > DHCP6_IA_PD || state < V6_LEASE_BOUND || state > V6_LEASE_DECLINED ||
	    l.duid.len > DHCP6_DUID_LEN_MAX || l.mac.len > DHCP_MAC_MAX)
		return ERR_FORMAT;
	l.kind = (enum dhcp6_ia_kind)kind;
	l.state = (enum v6_lease_state)state;
	*ret = l;
	return OK;
}
