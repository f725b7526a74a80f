#include "proto/dhcp/build.h"

#include "base/writer.h"

#include <assert.h>

#define MAGIC_COOKIE 0x63825363u

enum {
	SNAME_AT = 44,
	FILE_AT = SNAME_AT + DHCP_SNAME_LEN,
	PART_MAX = 255,	   /* octets of one part of a value */
	PART_HEAD = 2,	   /* code and length */
	END_LEN = 1,	   /* each field ends with END */
	OVERLOAD_LEN = 3,  /* option 52 */
	OVERLOAD_FILE = 1, /* RFC 2132 9.3 */
	OVERLOAD_SNAME = 2,
};

static_assert(FILE_AT + DHCP_FILE_LEN == DHCP_FIXED_LEN, "RFC 2131 figure 1");

/* Octets that a value takes when nothing but its length splits it. */
static size_t encoded_len(size_t value_len)
{
	size_t parts = value_len ? (value_len + PART_MAX - 1) / PART_MAX : 1;
	return value_len + parts * PART_HEAD;
}

static void write_fixed(struct dhcp_build *b, struct writer *w, const struct dhcp_head *h)
{
	write_u8(w, h->op);
	write_u8(w, h->htype);
	write_u8(w, h->hlen);
	write_u8(w, h->hops);
	write_u32(w, h->xid);
	write_u16(w, h->secs);
	write_u16(w, h->flags);
	write_u32(w, h->ciaddr);
	write_u32(w, h->yiaddr);
	write_u32(w, h->siaddr);
	write_u32(w, h->giaddr);
	size_t rest = DHCP_CHADDR_MAX + DHCP_SNAME_LEN + DHCP_FILE_LEN;
	uint8_t *at = write_room(w, rest);
	write_u32(w, MAGIC_COOKIE);
	if (w->bad)
		return;
	memset(at, 0, rest);
	memcpy(at, h->chaddr, h->hlen); /* what a caller in this tree filled */
	if (b->rules.sname.len)
		memcpy(b->data + SNAME_AT, b->rules.sname.data, b->rules.sname.len);
	if (b->rules.file.len)
		memcpy(b->data + FILE_AT, b->rules.file.data, b->rules.file.len);
}

static bool may_use_file(const struct dhcp_build *b)
{
	return b->rules.overload && b->rules.file.len == 0;
}

static bool may_use_sname(const struct dhcp_build *b)
{
	return b->rules.overload && b->rules.sname.len == 0;
}

void dhcp_build_init(struct dhcp_build *b, void *data, size_t size, const struct dhcp_head *head,
		     const struct dhcp_build_rules *rules)
{
	ASSERT(head->hlen <= DHCP_CHADDR_MAX);
	*b = (struct dhcp_build){.data = data, .rules = *rules};
	size_t max = size < rules->size_max ? size : rules->size_max;
	if (max > UINT16_MAX)
		max = UINT16_MAX;
	/* A name and its NUL: RFC 2131 2 says null terminated. */
	if (rules->sname.len >= DHCP_SNAME_LEN || rules->file.len >= DHCP_FILE_LEN) {
		b->err = ERR_LIMIT;
		return;
	}
	size_t closing = END_LEN;
	if (may_use_file(b) || may_use_sname(b))
		closing += OVERLOAD_LEN;
	if (rules->relay.len)
		closing += encoded_len(rules->relay.len);
	struct writer w = writer_of(data, max);
	write_fixed(b, &w, head);
	if (w.bad || max < DHCP_PADDED_LEN || writer_left(&w) < closing) {
		b->err = ERR_LIMIT;
		return;
	}
	b->options =
		(struct dhcp_build_field){.at = (uint16_t)w.pos, .end = (uint16_t)(max - closing)};
	if (may_use_file(b))
		b->file = (struct dhcp_build_field){.at = FILE_AT,
						    .end = FILE_AT + DHCP_FILE_LEN - END_LEN};
	if (may_use_sname(b))
		b->sname = (struct dhcp_build_field){.at = SNAME_AT,
						     .end = SNAME_AT + DHCP_SNAME_LEN - END_LEN};
}

static size_t room(const struct dhcp_build_field *f)
{
	return (size_t)(f->end - f->at);
}

/* Writes as much of value into the field as goes there, in parts of at most 255 octets; returns
 * what is left. The value's first part may be empty. */
static struct span put(struct dhcp_build *b, struct dhcp_build_field *f, uint8_t code,
		       struct span value)
{
	bool any = false;
	while ((value.len || !any) && room(f) >= (size_t)PART_HEAD + (value.len != 0)) {
		size_t n = room(f) - PART_HEAD;
		if (n > value.len)
			n = value.len;
		if (n > PART_MAX)
			n = PART_MAX;
		uint8_t *at = b->data + f->at;
		at[0] = code;
		at[1] = (uint8_t)n;
		if (n)
			memcpy(at + PART_HEAD, value.data, n);
		f->at = (uint16_t)(f->at + PART_HEAD + n);
		value = span_of(n ? value.data + n : value.data, value.len - n);
		any = true;
	}
	return value;
}

/* Could put() place all of it, going from field to field? */
static bool fits_across(const struct dhcp_build *b, size_t len)
{
	const struct dhcp_build_field *fields[] = {&b->options, &b->file, &b->sname};
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		size_t left = room(fields[i]);
		while (len && left > PART_HEAD) {
			size_t n = left - PART_HEAD;
			if (n > len)
				n = len;
			if (n > PART_MAX)
				n = PART_MAX;
			len -= n;
			left -= n + PART_HEAD;
		}
	}
	return len == 0;
}

/* The fields in which options of the message are looked for, in the order of RFC 3396 5. */
static bool place(struct dhcp_build *b, uint8_t code, struct span value)
{
	size_t len = encoded_len(value.len);
	if (len <= room(&b->options)) {
		(void)put(b, &b->options, code, value);
	} else if (len <= room(&b->file)) {
		b->used_file = true;
		(void)put(b, &b->file, code, value);
	} else if (len <= room(&b->sname)) {
		b->used_sname = true;
		(void)put(b, &b->sname, code, value);
	} else if (value.len > DHCP_FILE_LEN && fits_across(b, value.len)) {
		/* Split across fields only what no other way fits: older clients read the first
		 * part alone. */
		value = put(b, &b->options, code, value);
		b->used_file |= value.len != 0 && room(&b->file) > PART_HEAD;
		if (value.len)
			value = put(b, &b->file, code, value);
		b->used_sname |= value.len != 0;
		if (value.len)
			value = put(b, &b->sname, code, value);
		ASSERT(value.len == 0);
	} else {
		return false;
	}
	return true;
}

void dhcp_build_option(struct dhcp_build *b, uint8_t code, struct span value)
{
	ASSERT(code != DHCP_OPT_PAD && code != DHCP_OPT_END && code != DHCP_OPT_OVERLOAD &&
	       code != DHCP_OPT_RELAY_AGENT_INFORMATION);
	if (b->err || dhcp_build_has(b, code))
		return;
	if (place(b, code, value)) {
		b->present[code / 64] |= 1ull << code % 64;
		return;
	}
	if (b->left_out_len < DHCP_LEFT_OUT_MAX)
		b->left_out[b->left_out_len] = code;
	b->left_out_len++;
}

void dhcp_build_u8(struct dhcp_build *b, uint8_t code, uint8_t value)
{
	dhcp_build_option(b, code, span_of(&value, 1));
}

void dhcp_build_u16(struct dhcp_build *b, uint8_t code, uint16_t value)
{
	uint8_t wire[2];
	put_u16(wire, value);
	dhcp_build_option(b, code, span_of(wire, sizeof(wire)));
}

void dhcp_build_u32(struct dhcp_build *b, uint8_t code, uint32_t value)
{
	uint8_t wire[4];
	put_u32(wire, value);
	dhcp_build_option(b, code, span_of(wire, sizeof(wire)));
}

enum err dhcp_build_finish(struct dhcp_build *b, struct span *ret)
{
	TRY(b->err);
	struct dhcp_build_field *f = &b->options;
	uint8_t overload = (uint8_t)((b->used_file ? OVERLOAD_FILE : 0) |
				     (b->used_sname ? OVERLOAD_SNAME : 0));
	if (overload) {
		f->end = (uint16_t)(f->end + OVERLOAD_LEN);
		(void)put(b, f, DHCP_OPT_OVERLOAD, span_of(&overload, 1));
	}
	/* RFC 2131 4.1: options in file and sname end with END, the rest of the field is PAD. */
	if (b->used_file)
		b->data[b->file.at] = DHCP_OPT_END;
	if (b->used_sname)
		b->data[b->sname.at] = DHCP_OPT_END;
	/* RFC 3046 2.2: "SHOULD be the last option in the message" but for END. */
	if (b->rules.relay.len) {
		f->end = (uint16_t)(f->end + encoded_len(b->rules.relay.len));
		(void)put(b, f, DHCP_OPT_RELAY_AGENT_INFORMATION, b->rules.relay);
	}
	b->data[f->at++] = DHCP_OPT_END;
	while (f->at < DHCP_PADDED_LEN)
		b->data[f->at++] = DHCP_OPT_PAD;
	*ret = span_of(b->data, f->at);
	return OK;
}

struct dhcp_head dhcp_head_reply(const struct dhcp_head *request)
{
	struct dhcp_head h = {
		.op = DHCP_OP_REPLY,
		.htype = request->htype,
		.hlen = request->hlen,
		.xid = request->xid,
		.flags = request->flags,
		.giaddr = request->giaddr,
	};
	memcpy(h.chaddr, request->chaddr, sizeof(h.chaddr));
	return h;
}
