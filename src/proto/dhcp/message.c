#include "proto/dhcp/message.h"

#include "base/reader.h"

#include <assert.h>

#define MAGIC_COOKIE 0x63825363u

/* RFC 2132 9.3: which fields hold options. */
enum { OVERLOAD_FILE = 1, OVERLOAD_SNAME = 2 };

static_assert(DHCP_MESSAGE_MAX <= UINT16_MAX, "offsets are 16 bits");

static void read_head(struct reader *r, struct dhcp_head *h)
{
	h->op = read_u8(r);
	h->htype = read_u8(r);
	h->hlen = read_u8(r);
	h->hops = read_u8(r);
	h->xid = read_u32(r);
	h->secs = read_u16(r);
	h->flags = read_u16(r);
	h->ciaddr = read_u32(r);
	h->yiaddr = read_u32(r);
	h->siaddr = read_u32(r);
	h->giaddr = read_u32(r);
	read_bytes(r, h->chaddr, sizeof(h->chaddr));
}

/* --- the walk over one field's options --- */

/* A part of an option: its code, and where its octets are in the message. */
struct part {
	uint8_t code;
	uint16_t at, len;
};

/* The next part in r, a reader over the whole message that ends where the field does. False at END,
 * at the field's end, and with a bad reader for an option that is longer than what is left. */
static bool next_part(struct reader *r, struct part *ret)
{
	while (reader_left(r)) {
		uint8_t code = read_u8(r);
		if (code == DHCP_OPT_PAD)
			continue;
		if (code == DHCP_OPT_END)
			break;
		uint8_t len = read_u8(r);
		*ret = (struct part){.code = code, .at = (uint16_t)r->pos, .len = len};
		reader_skip(r, len);
		return !r->bad;
	}
	return false;
}

/* A reader over the octets from at to end of the message: positions are those of the message. */
static struct reader field_of(const struct dhcp_message *m, size_t at, size_t end)
{
	struct reader r = reader_of(m->wire.data, end);
	reader_skip(&r, at);
	return r;
}

static struct dhcp_option *find(struct dhcp_message *m, uint8_t code)
{
	return dhcp_message_has(m, code) ? &m->options[m->slot[code]] : NULL;
}

/* Notes all options of one field. parts: of the whole message so far. */
static enum err note_field(struct dhcp_message *m, struct reader r, unsigned *parts)
{
	struct part p;
	while (next_part(&r, &p)) {
		if (++*parts > DHCP_PARTS_MAX)
			return ERR_LIMIT;
		struct dhcp_option *o = find(m, p.code);
		if (o) {
			/* RFC 3396 5: the octets are one option's; joined below. */
			o->len = (uint16_t)(o->len + p.len);
			o->parts++;
			continue;
		}
		m->present[p.code / 64] |= 1ull << p.code % 64;
		m->slot[p.code] = (uint8_t)m->options_len;
		m->options[m->options_len++] =
			(struct dhcp_option){.code = p.code, .at = p.at, .len = p.len, .parts = 1};
	}
	return reader_check(&r);
}

/* Copies the parts of options that came in several to their places in m->joined. */
static void join_field(struct dhcp_message *m, struct reader r)
{
	struct part p;
	while (next_part(&r, &p)) {
		struct dhcp_option *o = find(m, p.code);
		if (!o->joined)
			continue;
		struct reader from = field_of(m, p.at, (size_t)p.at + p.len);
		read_bytes(&from, m->joined + o->at + o->len, p.len);
		o->len = (uint16_t)(o->len + p.len);
	}
}

/* Gives each option of several parts its place in m->joined; its len becomes 0, for join_field to
 * count up. All lengths together are less than the message, so they fit. */
static bool plan_join(struct dhcp_message *m)
{
	size_t at = 0;
	for (unsigned i = 0; i < m->options_len; i++) {
		struct dhcp_option *o = &m->options[i];
		if (o->parts == 1)
			continue;
		o->joined = true;
		o->at = (uint16_t)at;
		at += o->len;
		o->len = 0;
	}
	return at > 0;
}

/* Option 52 as the options field alone says it: 0 without one. RFC 3396 5: it is never split. */
static enum err read_overload(struct dhcp_message *m, unsigned *ret)
{
	const struct dhcp_option *o = find(m, DHCP_OPT_OVERLOAD);
	uint8_t overload = 0;
	if (o) {
		if (o->parts != 1)
			return ERR_FORMAT;
		TRY(dhcp_message_u8(m, DHCP_OPT_OVERLOAD, &overload));
		if (overload < 1 || overload > (OVERLOAD_FILE | OVERLOAD_SNAME))
			return ERR_FORMAT;
	}
	*ret = overload;
	return OK;
}

static enum err read_options(struct dhcp_message *m)
{
	unsigned parts = 0, overload;
	struct reader options = field_of(m, DHCP_OPTIONS_AT, m->wire.len);
	struct reader file = field_of(m, DHCP_FIXED_LEN - DHCP_FILE_LEN, DHCP_FIXED_LEN);
	struct reader sname = field_of(m, DHCP_FIXED_LEN - DHCP_FILE_LEN - DHCP_SNAME_LEN,
				       DHCP_FIXED_LEN - DHCP_FILE_LEN);
	TRY(note_field(m, options, &parts));
	TRY(read_overload(m, &overload));
	/* RFC 3396 5: the options field, then file, then sname, each one only if it is used. */
	if (overload & OVERLOAD_FILE)
		TRY(note_field(m, file, &parts));
	if (overload & OVERLOAD_SNAME)
		TRY(note_field(m, sname, &parts));
	if (parts != m->options_len && plan_join(m)) {
		join_field(m, options);
		if (overload & OVERLOAD_FILE)
			join_field(m, file);
		if (overload & OVERLOAD_SNAME)
			join_field(m, sname);
	}
	if (overload & OVERLOAD_FILE)
		m->file = (struct span){0};
	if (overload & OVERLOAD_SNAME)
		m->sname = (struct span){0};
	return OK;
}

static enum err read_type(struct dhcp_message *m)
{
	uint8_t type;
	enum err e = dhcp_message_u8(m, DHCP_OPT_MESSAGE_TYPE, &type);
	if (e == ERR_ABSENT)
		return OK;
	TRY(e);
	if (type == DHCP_TYPE_NONE)
		return ERR_FORMAT;
	m->type = type;
	return OK;
}

static struct span up_to_nul(struct span s)
{
	return span_sub(s, 0, span_find(s, 0));
}

enum err dhcp_message_read(struct span wire, struct dhcp_message *ret)
{
	struct dhcp_message *m = ret;
	if (wire.len > DHCP_MESSAGE_MAX)
		return ERR_LIMIT;
	struct reader r = reader_of_span(wire);
	read_head(&r, &m->head);
	m->wire = wire;
	m->sname = up_to_nul(read_span(&r, DHCP_SNAME_LEN));
	m->file = up_to_nul(read_span(&r, DHCP_FILE_LEN));
	TRY(reader_check(&r));
	if (m->head.op != DHCP_OP_REQUEST && m->head.op != DHCP_OP_REPLY)
		return ERR_FORMAT;
	if (m->head.hlen > DHCP_CHADDR_MAX)
		return ERR_FORMAT;
	m->type = DHCP_TYPE_NONE;
	m->options_len = 0;
	memset(m->present, 0, sizeof(m->present));
	/* RFC 1048: without the cookie the rest means something that we do not know. */
	m->cookie = read_u32(&r) == MAGIC_COOKIE;
	if (!m->cookie)
		return OK;
	TRY(read_options(m));
	return read_type(m);
}

/* --- look-up --- */

static struct span octets(const struct dhcp_message *m, const struct dhcp_option *o)
{
	return span_of((o->joined ? m->joined : m->wire.data) + o->at, o->len);
}

struct span dhcp_message_option(const struct dhcp_message *m, uint8_t code)
{
	if (!dhcp_message_has(m, code))
		return (struct span){0};
	return octets(m, &m->options[m->slot[code]]);
}

struct span dhcp_message_option_at(const struct dhcp_message *m, unsigned i, uint8_t *ret_code)
{
	ASSERT(i < m->options_len);
	*ret_code = m->options[i].code;
	return octets(m, &m->options[i]);
}

/* A reader over the option when it has exactly len octets. */
static enum err exactly(const struct dhcp_message *m, uint8_t code, size_t len, struct reader *ret)
{
	if (!dhcp_message_has(m, code))
		return ERR_ABSENT;
	struct span s = dhcp_message_option(m, code);
	if (s.len != len)
		return ERR_FORMAT;
	*ret = reader_of_span(s);
	return OK;
}

enum err dhcp_message_u8(const struct dhcp_message *m, uint8_t code, uint8_t *ret)
{
	struct reader r;
	TRY(exactly(m, code, 1, &r));
	*ret = read_u8(&r);
	return OK;
}

enum err dhcp_message_u16(const struct dhcp_message *m, uint8_t code, uint16_t *ret)
{
	struct reader r;
	TRY(exactly(m, code, 2, &r));
	*ret = read_u16(&r);
	return OK;
}

enum err dhcp_message_u32(const struct dhcp_message *m, uint8_t code, uint32_t *ret)
{
	struct reader r;
	TRY(exactly(m, code, 4, &r));
	*ret = read_u32(&r);
	return OK;
}

enum err dhcp_message_address(const struct dhcp_message *m, uint8_t code, uint32_t *ret)
{
	return dhcp_message_u32(m, code, ret);
}

enum err dhcp_message_addresses(const struct dhcp_message *m, uint8_t code, struct span *ret)
{
	if (!dhcp_message_has(m, code))
		return ERR_ABSENT;
	struct span s = dhcp_message_option(m, code);
	if (s.len == 0 || s.len % 4)
		return ERR_FORMAT;
	*ret = s;
	return OK;
}

enum err dhcp_message_text(const struct dhcp_message *m, uint8_t code, struct span *ret)
{
	if (!dhcp_message_has(m, code))
		return ERR_ABSENT;
	struct span s = dhcp_message_option(m, code);
	while (s.len && s.data[s.len - 1] == 0)
		s.len--;
	if (s.len == 0 || span_find(s, 0) != s.len)
		return ERR_FORMAT;
	*ret = s;
	return OK;
}

enum err dhcp_message_client_id(const struct dhcp_message *m, struct span *ret)
{
	if (!dhcp_message_has(m, DHCP_OPT_CLIENT_IDENTIFIER))
		return ERR_ABSENT;
	struct span s = dhcp_message_option(m, DHCP_OPT_CLIENT_IDENTIFIER);
	if (s.len < 2)
		return ERR_FORMAT;
	*ret = s;
	return OK;
}

size_t dhcp_message_size_max(const struct dhcp_message *m, size_t max)
{
	uint16_t said;
	size_t size = DHCP_SIZE_MIN;
	if (dhcp_message_u16(m, DHCP_OPT_MAX_MESSAGE_SIZE, &said) == OK &&
	    said > DHCP_SIZE_MIN + DHCP_IP_UDP_LEN)
		size = (size_t)said - DHCP_IP_UDP_LEN;
	return size < max ? size : max;
}
