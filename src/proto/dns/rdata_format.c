/* Wire to text. */
#include "proto/dns/rdata.h"
#include "proto/dns/rdata_field.h"

static void format_strings(struct reader *r, struct writer *w)
{
	for (bool first = true; first || reader_left(r); first = false) {
		if (!first)
			write_u8(w, ' ');
		dns_text_quote(read_span(r, read_u8(r)), w);
	}
}

/* Two digits for each byte, `step` bytes between separators. */
static void format_groups(struct span bytes, size_t step, char separator, struct writer *w)
{
	for (size_t i = 0; i < bytes.len; i++) {
		if (i && i % step == 0)
			write_u8(w, (uint8_t)separator);
		write_format(w, "%02x", bytes.data[i]);
	}
}

static bool format_composite(unsigned f, struct reader *r, struct writer *w)
{
	switch (f) {
	case DNS_FIELD_BITMAP: dns_bitmap_format(read_span(r, reader_left(r)), w); return true;
	case DNS_FIELD_LOC: return dns_loc_format(r, w);
	case DNS_FIELD_APL: return dns_apl_format(r, w);
	case DNS_FIELD_HIP: dns_hip_format(r, w); return true;
	case DNS_FIELD_GATEWAY: dns_gateway_format(r, w); return true;
	case DNS_FIELD_RELAY: return dns_relay_format(r, w);
	case DNS_FIELD_SVCPARAMS: return dns_svcparams_format(r, w);
	default: return false; /* RAW */
	}
}

static bool format_bytes(unsigned f, struct reader *r, struct writer *w)
{
	struct span bytes;
	switch (f) {
	case DNS_FIELD_TEXT: dns_text_quote(read_span(r, reader_left(r)), w); return true;
	case DNS_FIELD_TAG: write_span(w, read_span(r, read_u8(r))); return true;
	case DNS_FIELD_HEX: dns_text_hex_write(read_span(r, reader_left(r)), w); return true;
	case DNS_FIELD_HEX_LEN8:
		bytes = read_span(r, read_u8(r));
		if (bytes.len == 0)
			write_u8(w, '-');
		dns_text_hex_write(bytes, w);
		return true;
	case DNS_FIELD_BASE64:
	case DNS_FIELD_BASE64_OPT:
		dns_text_base64_write(read_span(r, reader_left(r)), w);
		return true;
	case DNS_FIELD_BASE32HEX_LEN8:
		dns_text_base32hex_write(read_span(r, read_u8(r)), w);
		return true;
	case DNS_FIELD_BASE64_LEN16:
		bytes = read_span(r, read_u16(r));
		write_format(w, bytes.len ? "%zu " : "%zu", bytes.len);
		dns_text_base64_write(bytes, w);
		return true;
	case DNS_FIELD_NSAP:
		write_text(w, "0x");
		format_groups(read_span(r, reader_left(r)), SIZE_MAX, 0, w);
		return true;
	case DNS_FIELD_EUI48: format_groups(read_span(r, 6), 1, '-', w); return true;
	case DNS_FIELD_EUI64: format_groups(read_span(r, 8), 1, '-', w); return true;
	case DNS_FIELD_LOCATOR64: format_groups(read_span(r, 8), 2, ':', w); return true;
	default: return format_composite(f, r, w);
	}
}

static void format_names(struct reader *r, struct writer *w)
{
	for (bool first = true; reader_left(r); first = false) {
		if (!first)
			write_u8(w, ' ');
		dns_field_name_write(r, w);
	}
}

bool dns_field_format(unsigned f, struct reader *r, struct writer *w)
{
	switch (f) {
	case DNS_FIELD_NAME_COMPRESS:
	case DNS_FIELD_NAME_DECOMPRESS:
	case DNS_FIELD_NAME: dns_field_name_write(r, w); return true;
	case DNS_FIELD_NAMES: format_names(r, w); return true;
	case DNS_FIELD_U8:
	case DNS_FIELD_ALGORITHM: write_format(w, "%u", read_u8(r)); return true;
	case DNS_FIELD_U16:
	case DNS_FIELD_CERT_TYPE: write_format(w, "%u", read_u16(r)); return true;
	case DNS_FIELD_U32:
	case DNS_FIELD_PERIOD: write_format(w, "%u", read_u32(r)); return true;
	case DNS_FIELD_U48: write_format(w, "%llu", (unsigned long long)read_u48(r)); return true;
	case DNS_FIELD_TIME: dns_text_time_write(read_u32(r), w); return true;
	case DNS_FIELD_TYPE: dns_type_write(read_u16(r), w); return true;
	case DNS_FIELD_IPV4: dns_field_address_write(read_span(r, 4), w); return true;
	case DNS_FIELD_IPV6: dns_field_address_write(read_span(r, 16), w); return true;
	case DNS_FIELD_STRING: dns_text_quote(read_span(r, read_u8(r)), w); return true;
	case DNS_FIELD_STRING_OPT:
	case DNS_FIELD_STRINGS:
		if (f == DNS_FIELD_STRINGS || reader_left(r))
			format_strings(r, w);
		return true;
	default: return format_bytes(f, r, w);
	}
}

/* RFC 3597 5 */
static void format_generic(struct span rdata, struct writer *w)
{
	write_format(w, rdata.len ? "\\# %zu " : "\\# %zu", rdata.len);
	dns_text_hex_write(rdata, w);
}

static bool format_fields(const struct dns_type_info *info, struct span rdata, struct writer *w)
{
	struct reader r = reader_of_span(rdata);
	size_t first = w->pos;
	for (const uint8_t *f = info->fields; *f; f++) {
		size_t before = w->pos;
		if (before > first)
			write_u8(w, ' ');
		size_t start = w->pos;
		if (!dns_field_format(*f, &r, w) || r.bad)
			return false;
		if (w->pos == start && !w->bad) /* an empty field at the end leaves no blank */
			w->pos = before;
	}
	return true;
}

void dns_rdata_format(uint16_t type, struct span rdata, struct writer *w)
{
	const struct dns_type_info *info = dns_type_find(type);
	size_t start = w->pos;
	bool bad = w->bad;
	if (info && dns_rdata_check(type, rdata) == OK && format_fields(info, rdata, w))
		return;
	if (!bad)
		writer_rewind(w, start);
	format_generic(rdata, w);
}
