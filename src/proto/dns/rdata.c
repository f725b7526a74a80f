#include "proto/dns/rdata.h"

#include "proto/dns/build.h"
#include "proto/dns/name.h"
#include "proto/dns/rdata_field.h"

/* One character-string. */
static void pass_string(struct reader *r)
{
	reader_skip(r, read_u8(r));
}

static enum err check_tag(struct reader *r)
{
	struct span tag = read_span(r, read_u8(r));
	for (size_t i = 0; i < tag.len; i++) {
		uint8_t c = tag.data[i], lower = c | 0x20;
		if (!(c >= '0' && c <= '9') && !(lower >= 'a' && lower <= 'z'))
			return ERR_FORMAT;
	}
	return tag.len ? OK : ERR_FORMAT;
}

/* At least min bytes to the end. */
static enum err check_rest(struct reader *r, size_t min)
{
	if (reader_left(r) < min)
		return ERR_FORMAT;
	reader_skip_all(r);
	return reader_check(r);
}

/* Octets of a field of fixed size; 0 for the others. */
static size_t fixed_len(unsigned f)
{
	switch (f) {
	case DNS_FIELD_U8:
	case DNS_FIELD_ALGORITHM: return 1;
	case DNS_FIELD_U16:
	case DNS_FIELD_TYPE:
	case DNS_FIELD_CERT_TYPE: return 2;
	case DNS_FIELD_U32:
	case DNS_FIELD_PERIOD:
	case DNS_FIELD_TIME:
	case DNS_FIELD_IPV4: return 4;
	case DNS_FIELD_U48:
	case DNS_FIELD_EUI48: return 6;
	case DNS_FIELD_EUI64:
	case DNS_FIELD_LOCATOR64: return 8;
	case DNS_FIELD_IPV6: return 16;
	default: return 0;
	}
}

static enum err check_composite(unsigned f, struct reader *r)
{
	switch (f) {
	case DNS_FIELD_BITMAP: return dns_bitmap_check(r);
	case DNS_FIELD_LOC: return dns_loc_check(r);
	case DNS_FIELD_APL: return dns_apl_check(r);
	case DNS_FIELD_HIP: return dns_hip_check(r);
	case DNS_FIELD_GATEWAY: return dns_gateway_check(r);
	case DNS_FIELD_RELAY: return dns_relay_check(r);
	case DNS_FIELD_SVCPARAMS: return dns_svcparams_check(r);
	default: return ERR_UNSUPPORTED; /* no field is left */
	}
}

enum err dns_field_check(unsigned f, struct reader *r)
{
	size_t len = fixed_len(f);
	if (len) {
		reader_skip(r, len);
		return reader_check(r);
	}
	switch (f) {
	case DNS_FIELD_NAME_COMPRESS:
	case DNS_FIELD_NAME_DECOMPRESS:
	case DNS_FIELD_NAME: return dns_field_name_read(r).len ? OK : ERR_FORMAT;
	case DNS_FIELD_NAMES:
		while (reader_left(r))
			(void)dns_field_name_read(r);
		return reader_check(r);
	case DNS_FIELD_STRING: pass_string(r); return reader_check(r);
	case DNS_FIELD_STRING_OPT:
		if (reader_left(r))
			pass_string(r);
		return reader_check(r);
	case DNS_FIELD_STRINGS:
		do
			pass_string(r);
		while (reader_left(r));
		return reader_check(r);
	case DNS_FIELD_TAG: return check_tag(r);
	case DNS_FIELD_HEX:
	case DNS_FIELD_NSAP:
	case DNS_FIELD_BASE64: return check_rest(r, 1);
	case DNS_FIELD_TEXT:
	case DNS_FIELD_BASE64_OPT:
	case DNS_FIELD_RAW: return check_rest(r, 0);
	case DNS_FIELD_HEX_LEN8: pass_string(r); return reader_check(r);
	case DNS_FIELD_BASE32HEX_LEN8: return read_span(r, read_u8(r)).len ? OK : ERR_FORMAT;
	case DNS_FIELD_BASE64_LEN16: reader_skip(r, read_u16(r)); return reader_check(r);
	default: return check_composite(f, r);
	}
}

/* One field of a received rdata, whole at out. */
static enum err copy_field(unsigned f, struct reader *r, struct reader message, struct writer *out)
{
	struct dns_name name;
	if (f == DNS_FIELD_NAME_COMPRESS || f == DNS_FIELD_NAME_DECOMPRESS) {
		TRY(dns_name_read_case(r, message, &name));
		write_bytes(out, name.wire, name.len);
		return OK;
	}
	struct span left = span_of(r->data + r->pos, reader_left(r));
	TRY(dns_field_check(f, r));
	write_span(out, span_sub(left, 0, left.len - reader_left(r)));
	return OK;
}

static enum err copy_rdata(const struct dns_type_info *info, struct reader *r,
			   struct reader message, struct writer *out)
{
	for (const uint8_t *f = info->fields; *f; f++)
		TRY(copy_field(*f, r, message, out));
	TRY(reader_end(r));
	return writer_check(out);
}

enum err dns_rdata_from_wire(uint16_t type, struct reader *rdata, struct reader message,
			     struct writer *out)
{
	const struct dns_type_info *info = dns_type_find(type);
	size_t start = out->pos;
	if (!info) {
		write_span(out, read_span(rdata, reader_left(rdata)));
		return writer_check(out);
	}
	enum err e = copy_rdata(info, rdata, message, out);
	if (e)
		writer_rewind(out, start);
	return e;
}

enum err dns_rdata_check(uint16_t type, struct span rdata)
{
	const struct dns_type_info *info = dns_type_find(type);
	struct reader r = reader_of_span(rdata);
	if (rdata.len > DNS_RDATA_MAX)
		return ERR_FORMAT;
	if (!info)
		return OK;
	for (const uint8_t *f = info->fields; *f; f++)
		TRY(dns_field_check(*f, &r));
	return reader_end(&r);
}

/* The bytes of the next field; empty, and r at its end, when it is not right. */
static struct span next_field(unsigned f, struct reader *r)
{
	struct span left = span_of(r->data + r->pos, reader_left(r));
	if (dns_field_check(f, r)) {
		reader_fail(r);
		return (struct span){0};
	}
	return span_sub(left, 0, left.len - reader_left(r));
}

void dns_rdata_write(uint16_t type, struct span rdata, struct dns_build *b)
{
	if (!(dns_type_flags(type) & DNS_TYPE_COMPRESSED)) {
		write_span(&b->w, rdata);
		return;
	}
	struct reader r = reader_of_span(rdata);
	for (const uint8_t *f = dns_type_find(type)->fields; *f; f++) {
		struct span field = next_field(*f, &r);
		if (*f == DNS_FIELD_NAME_COMPRESS && field.len)
			(void)dns_build_name(b, field);
		else
			write_span(&b->w, field);
	}
}

struct span dns_rdata_name_span(uint16_t type, struct span rdata, unsigned which)
{
	if (!(dns_type_flags(type) & DNS_TYPE_NAMES))
		return (struct span){0};
	struct reader r = reader_of_span(rdata);
	for (const uint8_t *f = dns_type_find(type)->fields; *f; f++) {
		struct span field = next_field(*f, &r);
		if (dns_field_is_name(*f) && which-- == 0)
			return field;
	}
	return (struct span){0};
}

bool dns_rdata_name(uint16_t type, struct span rdata, unsigned which, struct dns_name *ret)
{
	struct span name = dns_rdata_name_span(type, rdata, which);
	return name.len && dns_name_from_wire(name, ret) == OK;
}
