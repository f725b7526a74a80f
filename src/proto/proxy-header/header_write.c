#include "base/reader.h"
#include "proto/proxy-header/crc32c.h"
#include "proto/proxy-header/header.h"
#include "proto/proxy-header/inner.h"

static bool has_addresses(const struct proxy_header *h)
{
	return !h->local && h->transport != PROXY_HEADER_UNSPEC;
}

static bool is_ip(const struct proxy_header *h)
{
	return !h->is_unix && h->source.address.family &&
	       h->source.address.family == h->destination.address.family;
}

static void text_write(struct writer *w, const struct proxy_header *h)
{
	if (!has_addresses(h) || h->transport != PROXY_HEADER_STREAM || !is_ip(h)) {
		write_text(w, "PROXY UNKNOWN\r\n");
		return;
	}
	write_text(w, h->source.address.family == 4 ? "PROXY TCP4 " : "PROXY TCP6 ");
	ip_address_write(w, &h->source.address);
	write_text(w, " ");
	ip_address_write(w, &h->destination.address);
	write_format(w, " %u %u\r\n", h->source.port, h->destination.port);
}

static void tlv_write(struct writer *w, uint8_t type, struct span value, size_t max)
{
	if (value.len == 0)
		return;
	if (value.len > max)
		w->bad = true;
	write_u8(w, type);
	write_u16(w, (uint16_t)value.len);
	write_span(w, value);
}

static void tls_write_tlv(struct writer *w, const struct proxy_header_tls *t)
{
	if (!t->present)
		return;
	write_u8(w, PP2_TYPE_SSL);
	size_t len = writer_reserve(w, 2);
	write_u8(w, (uint8_t)((t->used ? PP2_CLIENT_SSL : 0) |
			      (t->certificate_now ? PP2_CLIENT_CERT_CONN : 0) |
			      (t->certificate_earlier ? PP2_CLIENT_CERT_SESS : 0)));
	write_u32(w, t->verified ? 0 : 1);
	tlv_write(w, PP2_TYPE_SSL_VERSION, t->version, PROXY_HEADER_NAME_MAX);
	tlv_write(w, PP2_TYPE_SSL_CN, t->name, PROXY_HEADER_NAME_MAX);
	tlv_write(w, PP2_TYPE_SSL_CIPHER, t->cipher, PROXY_HEADER_NAME_MAX);
	tlv_write(w, PP2_TYPE_SSL_SIGNATURE, t->signature, PROXY_HEADER_NAME_MAX);
	tlv_write(w, PP2_TYPE_SSL_KEY, t->key, PROXY_HEADER_NAME_MAX);
	writer_fill_u16(w, len);
}

static void path_write(struct writer *w, struct span path)
{
	uint8_t *at = write_room(w, PROXY_HEADER_UNIX_LEN);
	if (!at)
		return;
	memset(at, 0, PROXY_HEADER_UNIX_LEN);
	if (path.len > PROXY_HEADER_UNIX_LEN)
		w->bad = true;
	else if (path.len)
		memcpy(at, path.data, path.len);
}

static void addresses_write(struct writer *w, const struct proxy_header *h)
{
	if (h->is_unix) {
		path_write(w, h->unix_source);
		path_write(w, h->unix_destination);
		return;
	}
	write_span(w, ip_address_span(&h->source.address));
	write_span(w, ip_address_span(&h->destination.address));
	write_u16(w, h->source.port);
	write_u16(w, h->destination.port);
}

static void tlvs_write(struct writer *w, const struct proxy_header *h, size_t begin)
{
	tlv_write(w, PP2_TYPE_ALPN, h->alpn, PROXY_HEADER_NAME_MAX);
	tlv_write(w, PP2_TYPE_AUTHORITY, h->authority, PROXY_HEADER_NAME_MAX);
	tlv_write(w, PP2_TYPE_UNIQUE_ID, h->unique_id, PROXY_HEADER_UNIQUE_MAX);
	tls_write_tlv(w, &h->tls);
	tlv_write(w, PP2_TYPE_NETNS, h->netns, PROXY_HEADER_NAME_MAX);
	if (!h->crc32c)
		return;
	write_u8(w, PP2_TYPE_CRC32C);
	write_u16(w, PP2_CRC_LEN);
	uint8_t *sum = write_room(w, PP2_CRC_LEN);
	if (!sum)
		return;
	put_u32(sum, 0);
	writer_fill_u16(w, begin + PP2_FIXED_LEN - 2); /* the sum is over the length as well */
	put_u32(sum, proxy_header_crc32c(CRC32C_BEGIN, span_of(w->data + begin, w->pos - begin)));
}

static void binary_write(struct writer *w, const struct proxy_header *h)
{
	size_t begin = w->pos;
	bool whole = has_addresses(h) && (h->is_unix || is_ip(h));
	unsigned family = h->is_unix			  ? PP2_FAMILY_UNIX
			  : h->source.address.family == 4 ? PP2_FAMILY_INET
							  : PP2_FAMILY_INET6;
	unsigned transport = h->transport == PROXY_HEADER_STREAM ? PP2_STREAM : PP2_DATAGRAM;
	write_bytes(w, proxy_header_signature, PP2_SIGNATURE_LEN);
	write_u8(w, h->local ? PP2_LOCAL : PP2_PROXY);
	write_u8(w, whole ? (uint8_t)(family << 4 | transport) : 0);
	size_t len = writer_reserve(w, 2);
	if (whole) {
		addresses_write(w, h);
		tlvs_write(w, h, begin);
	}
	if (!w->bad)
		writer_fill_u16(w, len);
}

void proxy_header_write(struct writer *w, const struct proxy_header *h)
{
	if (h->version == 1)
		text_write(w, h);
	else
		binary_write(w, h);
}
