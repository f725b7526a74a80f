#include "proto/dhcp/duid.h"

#include "base/reader.h"
#include "base/writer.h"
#include "proto/dhcp/identity.h"

#include <assert.h>

#define EPOCH_2000_S 946684800u /* 2000-01-01T00:00:00Z since 1970 */

static_assert(DUID_LEN_MAX <= UINT8_MAX, "the length is an octet");

uint32_t duid_time(uint64_t unix_s)
{
	return (uint32_t)(unix_s - EPOCH_2000_S);
}

/* Closes what was written into d. tail: what must not be empty. */
static enum err close_duid(struct duid *d, struct writer *w, struct span tail, struct duid *ret)
{
	write_span(w, tail);
	TRY(writer_check(w));
	if (tail.len == 0)
		return ERR_LIMIT;
	d->len = (uint8_t)w->pos;
	*ret = *d;
	return OK;
}

enum err duid_make_llt(uint16_t htype, uint32_t time, struct span link_address, struct duid *ret)
{
	struct duid d = {0};
	struct writer w = writer_of(d.bytes, sizeof(d.bytes));
	write_u16(&w, DUID_LLT);
	write_u16(&w, htype);
	write_u32(&w, time);
	return close_duid(&d, &w, link_address, ret);
}

enum err duid_make_ll(uint16_t htype, struct span link_address, struct duid *ret)
{
	struct duid d = {0};
	struct writer w = writer_of(d.bytes, sizeof(d.bytes));
	write_u16(&w, DUID_LL);
	write_u16(&w, htype);
	return close_duid(&d, &w, link_address, ret);
}

enum err duid_make_en(uint32_t enterprise, struct span identifier, struct duid *ret)
{
	struct duid d = {0};
	struct writer w = writer_of(d.bytes, sizeof(d.bytes));
	write_u16(&w, DUID_EN);
	write_u32(&w, enterprise);
	return close_duid(&d, &w, identifier, ret);
}

void duid_make_uuid(const uint8_t uuid[16], struct duid *ret)
{
	*ret = (struct duid){.len = 18};
	struct writer w = writer_of(ret->bytes, sizeof(ret->bytes));
	write_u16(&w, DUID_UUID);
	write_bytes(&w, uuid, 16);
}

enum err duid_check(struct span wire)
{
	return wire.len >= DUID_LEN_MIN && wire.len <= DUID_LEN_MAX ? OK : ERR_FORMAT;
}

enum err duid_from_span(struct span wire, struct duid *ret)
{
	TRY(duid_check(wire));
	*ret = (struct duid){.len = (uint8_t)wire.len};
	struct reader r = reader_of_span(wire);
	read_bytes(&r, ret->bytes, wire.len);
	return OK;
}

unsigned duid_type(struct span wire)
{
	struct reader r = reader_of_span(wire);
	return read_u16(&r);
}

struct span duid_link_address(struct span wire, uint16_t *ret_htype)
{
	struct reader r = reader_of_span(wire);
	unsigned type = read_u16(&r);
	uint16_t htype = read_u16(&r);
	if (type == DUID_LLT)
		reader_skip(&r, 4);
	else if (type != DUID_LL)
		reader_fail(&r);
	struct span address = read_span(&r, reader_left(&r));
	if (address.len)
		*ret_htype = htype;
	return address;
}

void duid_write(struct writer *w, struct span wire)
{
	dhcp_hex_write(w, wire);
}

size_t duid_format(struct span wire, char ret[DUID_TEXT_MAX])
{
	struct writer w = writer_of(ret, DUID_TEXT_MAX - 1);
	duid_write(&w, wire);
	size_t len = w.bad ? 0 : w.pos;
	ret[len] = 0;
	return len;
}

enum err duid_parse(struct span text, struct duid *ret)
{
	struct duid d = {0};
	struct writer w = writer_of(d.bytes, sizeof(d.bytes));
	if (dhcp_hex_parse(text, &w))
		return ERR_FORMAT;
	TRY(duid_check(writer_span(&w)));
	d.len = (uint8_t)w.pos;
	*ret = d;
	return OK;
}
