#include "service/dhcp/lease.h"

enum { FORM = 1, MAC_MAX = 16, KEY_FAMILY = 4 };

void dhcp_lease_key(uint32_t address, uint8_t ret[DHCP_LEASE_KEY_LEN])
{
	ret[0] = KEY_FAMILY;
	put_u32(ret + 1, address);
}

static void write_part(struct writer *w, struct span part)
{
	ASSERT(part.len <= 255);
	write_u8(w, (uint8_t)part.len);
	write_span(w, part);
}

void dhcp_lease_write(const struct dhcp_lease *l, struct writer *w)
{
	write_u8(w, FORM);
	write_u8(w, (uint8_t)l->state);
	write_u32(w, l->granted_s);
	write_u32(w, l->expires_s);
	write_u8(w, l->htype);
	write_part(w, span_of(l->mac, l->mac_len));
	write_part(w, l->client_id);
	write_part(w, l->circuit_id);
	write_part(w, l->remote_id);
	write_part(w, l->name);
	write_u8(w, l->fqdn_flags);
	write_u8(w, l->names);
}

static struct span read_part(struct reader *r)
{
	return read_span(r, read_u8(r));
}

static bool state_is_durable(unsigned state)
{
	return state >= DHCP_LEASE_BOUND && state <= DHCP_LEASE_CONFLICT;
}

enum err dhcp_lease_read(struct span key, struct span value, struct dhcp_lease *ret)
{
	struct reader k = reader_of_span(key), r = reader_of_span(value);
	uint8_t family = read_u8(&k);
	struct dhcp_lease l = {.address = read_u32(&k)};
	TRY(reader_end(&k));
	uint8_t form = read_u8(&r);
	if (r.bad || family != KEY_FAMILY || form == 0)
		return ERR_FORMAT;
	if (form > FORM)
		return ERR_UNSUPPORTED;
	uint8_t state = read_u8(&r);
	l.granted_s = read_u32(&r);
	l.expires_s = read_u32(&r);
	l.htype = read_u8(&r);
	struct span mac = read_part(&r);
	l.client_id = read_part(&r);
	l.circuit_id = read_part(&r);
	l.remote_id = read_part(&r);
	l.name = read_part(&r);
	l.fqdn_flags = read_u8(&r);
	l.names = read_u8(&r);
	TRY(reader_end(&r));
	if (!state_is_durable(state) || mac.len > MAC_MAX)
		return ERR_FORMAT;
	l.state = (enum dhcp_lease_state)state;
	l.mac = mac.data;
	l.mac_len = (uint8_t)mac.len;
	*ret = l;
	return OK;
}
