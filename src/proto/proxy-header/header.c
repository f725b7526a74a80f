#include "proto/proxy-header/header.h"

#include "base/reader.h"
#include "proto/proxy-header/crc32c.h"
#include "proto/proxy-header/inner.h"

/* --- version 1 ---------------------------------------------------------------------------------
 */

/* The next word of a line whose words stand apart by one blank; empty where there is none. */
static struct span word_next(struct span *line)
{
	struct span word = span_sub(*line, 0, span_find(*line, ' '));
	*line = span_sub(*line, word.len + 1, line->len);
	return word;
}

static bool port_read(struct span text, uint16_t *ret)
{
	uint64_t n;
	if (!span_to_u64(text, UINT16_MAX, &n) || (text.len > 1 && text.data[0] == '0'))
		return false;
	*ret = (uint16_t)n;
	return true;
}

static bool addresses_read_text(struct span line, uint8_t family, struct proxy_header *h)
{
	if (ip_address_parse(word_next(&line), &h->source.address) != OK ||
	    ip_address_parse(word_next(&line), &h->destination.address) != OK)
		return false;
	struct span source_port = word_next(&line), destination_port = line;
	h->transport = PROXY_HEADER_STREAM;
	return h->source.address.family == family && h->destination.address.family == family &&
	       port_read(source_port, &h->source.port) &&
	       port_read(destination_port, &h->destination.port);
}

static enum parse text_read(struct span in, struct proxy_header *ret)
{
	struct proxy_header h = {.version = 1};
	struct span whole = span_sub(in, 0, PROXY_HEADER_TEXT_MAX);
	size_t end = span_find(whole, '\n');
	if (end == whole.len) {
		size_t cr = span_find(whole, '\r'); /* only as the last byte so far */
		return in.len < PROXY_HEADER_TEXT_MAX && cr + 1 >= whole.len ? PARSE_MORE
									     : PARSE_BAD;
	}
	if (whole.data[end - 1] != '\r') /* there are bytes before it: "PROXY " */
		return PARSE_BAD;
	h.len = end + 1;
	struct span line = span_sub(whole, 0, end - 1);
	if (span_find(line, '\r') != line.len)
		return PARSE_BAD;
	(void)word_next(&line);
	struct span family = word_next(&line);
	if (!span_is(family, "UNKNOWN") && /* 2.1: what follows it is ignored */
	    !(span_is(family, "TCP4") && addresses_read_text(line, 4, &h)) &&
	    !(span_is(family, "TCP6") && addresses_read_text(line, 6, &h)))
		return PARSE_BAD;
	*ret = h;
	return PARSE_DONE;
}

/* --- version 2 ---------------------------------------------------------------------------------
 */

static void tls_read_tlv(struct reader r, struct proxy_header_tls *ret, bool *ret_good)
{
	struct proxy_header_tls t = {.present = true};
	uint8_t client = read_u8(&r);
	uint32_t verify = read_u32(&r);
	for (size_t n = 0; reader_left(&r); n++) {
		uint8_t type = read_u8(&r);
		struct span value = read_span(&r, read_u16(&r));
		if (n == PROXY_HEADER_TLVS_MAX)
			reader_fail(&r);
		switch (type) {
		case PP2_TYPE_SSL_VERSION: t.version = value; break;
		case PP2_TYPE_SSL_CN: t.name = value; break;
		case PP2_TYPE_SSL_CIPHER: t.cipher = value; break;
		case PP2_TYPE_SSL_SIGNATURE: t.signature = value; break;
		case PP2_TYPE_SSL_KEY: t.key = value; break;
		default: break;
		}
	}
	t.used = client & PP2_CLIENT_SSL;
	t.certificate_now = client & PP2_CLIENT_CERT_CONN;
	t.certificate_earlier = client & PP2_CLIENT_CERT_SESS;
	t.verified = verify == 0 && t.used && (t.certificate_now || t.certificate_earlier);
	*ret_good = !r.bad;
	if (!r.bad)
		*ret = t;
}

/* 2.2.3: over the whole header, the checksum itself as zeros. */
static bool checksum_is_right(struct span header, struct span sum)
{
	static const uint8_t zeros[PP2_CRC_LEN];
	if (sum.len != PP2_CRC_LEN)
		return false;
	size_t at = (size_t)(sum.data - header.data);
	uint32_t crc = proxy_header_crc32c(CRC32C_BEGIN, span_sub(header, 0, at));
	crc = proxy_header_crc32c(crc, span_of(zeros, sizeof(zeros)));
	crc = proxy_header_crc32c(crc, span_sub(header, at + PP2_CRC_LEN, header.len));
	struct reader r = reader_of_span(sum);
	return crc == read_u32(&r);
}

static bool tlv_read(struct span header, uint8_t type, struct span value, struct proxy_header *h)
{
	bool good = true;
	switch (type) {
	case PP2_TYPE_ALPN: h->alpn = value; break;
	case PP2_TYPE_AUTHORITY: h->authority = value; break;
	case PP2_TYPE_NETNS: h->netns = value; break;
	case PP2_TYPE_UNIQUE_ID:
		h->unique_id = value;
		good = value.len <= PROXY_HEADER_UNIQUE_MAX;
		break;
	case PP2_TYPE_CRC32C: good = h->crc32c = checksum_is_right(header, value); break;
	case PP2_TYPE_SSL: tls_read_tlv(reader_of_span(value), &h->tls, &good); break;
	default: break;
	}
	return good;
}

static struct span path_read(struct reader *r)
{
	struct span padded = read_span(r, PROXY_HEADER_UNIX_LEN);
	size_t len = padded.len;
	while (len && padded.data[len - 1] == 0) /* an abstract name begins with a zero */
		len--;
	return span_sub(padded, 0, len);
}

static void addresses_read(struct reader *r, unsigned family, struct proxy_header *h)
{
	size_t len = family == PP2_FAMILY_INET ? 4 : 16;
	if (family == PP2_FAMILY_UNIX) {
		h->is_unix = true;
		h->unix_source = path_read(r);
		h->unix_destination = path_read(r);
		return;
	}
	h->source.address = ip_address_of(read_span(r, len));
	h->destination.address = ip_address_of(read_span(r, len));
	h->source.port = read_u16(r);
	h->destination.port = read_u16(r);
}

/* r: behind the fixed part. */
static bool body_read(struct span header, struct reader r, uint8_t kind, struct proxy_header *h)
{
	unsigned family = kind >> 4, transport = kind & 15;
	if (family == PP2_FAMILY_UNSPEC && transport == 0)
		return true; /* how long its addresses are nobody knows */
	if (family == PP2_FAMILY_UNSPEC || family > PP2_FAMILY_UNIX || transport == 0 ||
	    transport > PP2_DATAGRAM)
		return false;
	h->transport = transport == PP2_STREAM ? PROXY_HEADER_STREAM : PROXY_HEADER_DATAGRAM;
	addresses_read(&r, family, h);
	for (size_t n = 0; reader_left(&r) && !r.bad; n++) {
		uint8_t type = read_u8(&r);
		struct span value = read_span(&r, read_u16(&r));
		if (r.bad || n == PROXY_HEADER_TLVS_MAX || !tlv_read(header, type, value, h))
			return false;
	}
	return !r.bad;
}

static enum parse binary_read(struct span in, struct proxy_header *ret)
{
	struct proxy_header h = {.version = 2};
	struct reader r = reader_of_span(in);
	reader_skip(&r, PP2_SIGNATURE_LEN);
	uint8_t command = read_u8(&r), kind = read_u8(&r);
	size_t len = read_u16(&r);
	if (in.len > PP2_SIGNATURE_LEN && command != PP2_LOCAL && command != PP2_PROXY)
		return PARSE_BAD;
	if (r.bad)
		return PARSE_MORE;
	h.len = PP2_FIXED_LEN + len;
	if (h.len > PROXY_HEADER_MAX)
		return PARSE_BAD;
	if (in.len < h.len)
		return PARSE_MORE;
	h.local = command == PP2_LOCAL; /* 2.2: the block is discarded, whatever its family */
	if (!h.local && !body_read(span_sub(in, 0, h.len), reader_sub(&r, len), kind, &h))
		return PARSE_BAD;
	*ret = h;
	return PARSE_DONE;
}

/* How much of a beginning there is: PARSE_DONE for all of it. */
static enum parse begins_with(struct span in, struct span beginning)
{
	struct span have = span_sub(in, 0, beginning.len);
	if (!span_equal(have, span_sub(beginning, 0, have.len)))
		return PARSE_BAD;
	return have.len == beginning.len ? PARSE_DONE : PARSE_MORE;
}

enum parse proxy_header_read(struct span in, struct proxy_header *ret)
{
	enum parse one = begins_with(in, span_text("PROXY "));
	enum parse two = begins_with(in, span_of(proxy_header_signature, PP2_SIGNATURE_LEN));
	if (one == PARSE_DONE)
		return text_read(in, ret);
	if (two == PARSE_DONE)
		return binary_read(in, ret);
	return one == PARSE_MORE || two == PARSE_MORE ? PARSE_MORE : PARSE_BAD;
}
