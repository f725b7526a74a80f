/* Text to wire. */
#include "proto/dns/rdata.h"
#include "proto/dns/rdata_field.h"

struct mnemonic {
	const char *text;
	uint16_t number;
};

/* IANA "DNS Security Algorithm Numbers" (RFC 8624, RFC 9558). */
static const struct mnemonic algorithms[] = {
	{"RSAMD5", 1},
	{"DH", 2},
	{"DSA", 3},
	{"RSASHA1", 5},
	{"DSA-NSEC3-SHA1", 6},
	{"RSASHA1-NSEC3-SHA1", 7},
	{"RSASHA256", 8},
	{"RSASHA512", 10},
	{"ECC-GOST", 12},
	{"ECDSAP256SHA256", 13},
	{"ECDSAP384SHA384", 14},
	{"ED25519", 15},
	{"ED448", 16},
	{"SM2SM3", 17},
	{"ECC-GOST12", 23},
	{"INDIRECT", 252},
	{"PRIVATEDNS", 253},
	{"PRIVATEOID", 254},
	{0},
};

/* RFC 4398 2.1 */
static const struct mnemonic cert_types[] = {
	{"PKIX", 1},   {"SPKI", 2},    {"PGP", 3},   {"IPKIX", 4}, {"ISPKI", 5}, {"IPGP", 6},
	{"ACPKIX", 7}, {"IACPKIX", 8}, {"URI", 253}, {"OID", 254}, {0},
};

/* A number, or one of the mnemonics in any case. */
static enum err parse_mnemonic(struct dns_text_lexer *l, const struct mnemonic *list, uint64_t max,
			       const char *expected, uint64_t *ret)
{
	struct span word;
	TRY(dns_text_word(l, expected, &word));
	if (span_to_u64(word, max, ret))
		return OK;
	for (; list->text; list++)
		if (span_equal_nocase(word, span_text(list->text))) {
			*ret = list->number;
			return OK;
		}
	return dns_text_fail(l, expected);
}

static enum err parse_name(struct dns_text_lexer *l, const struct dns_name *origin,
			   struct writer *w)
{
	struct span word;
	struct dns_name name;
	TRY(dns_text_word(l, "a domain name", &word));
	TRY(dns_text_name(l, origin, &name));
	write_bytes(w, name.wire, name.len);
	return OK;
}

static enum err parse_names(struct dns_text_lexer *l, const struct dns_name *origin,
			    struct writer *w)
{
	while (dns_text_more(l))
		TRY(parse_name(l, origin, w));
	return OK;
}

/* The current token's bytes. */
static enum err write_unescaped(struct dns_text_lexer *l, struct span text, struct writer *w)
{
	if (!l->escaped)
		write_span(w, text);
	else if (!dns_text_unescape_all(text, w))
		return dns_text_fail(l, "escapes as \\X or \\DDD, at most \\255");
	return OK;
}

/* A character-string: quoted or one word. */
static enum err parse_string(struct dns_text_lexer *l, struct writer *w)
{
	struct span text;
	TRY(dns_text_string(l, "a string", &text));
	size_t at = writer_reserve(w, 1);
	TRY(write_unescaped(l, text, w));
	if (!w->bad && w->pos - at - 1 > UINT8_MAX)
		return dns_text_fail(l, "a string of at most 255 bytes");
	writer_fill_u8(w, at);
	return OK;
}

static enum err parse_strings(struct dns_text_lexer *l, struct writer *w)
{
	do
		TRY(parse_string(l, w));
	while (dns_text_more(l));
	return OK;
}

static enum err parse_text(struct dns_text_lexer *l, struct writer *w)
{
	struct span text;
	TRY(dns_text_string(l, "a quoted string", &text));
	return write_unescaped(l, text, w);
}

static enum err parse_tag(struct dns_text_lexer *l, struct writer *w)
{
	static const char *const expected = "a tag of letters and digits, as issue";
	struct span word;
	TRY(dns_text_string(l, expected, &word));
	for (size_t i = 0; i < word.len; i++) {
		uint8_t c = word.data[i], lower = c | 0x20;
		if (!(c >= '0' && c <= '9') && !(lower >= 'a' && lower <= 'z'))
			return dns_text_fail_at(l, i, expected);
	}
	if (word.len == 0 || word.len > UINT8_MAX)
		return dns_text_fail(l, expected);
	write_u8(w, (uint8_t)word.len);
	write_span(w, word);
	return OK;
}

/* One word of digits behind its length; "-" is none where that is allowed. */
static enum err parse_digits_len8(struct dns_text_lexer *l, enum dns_text_base base, bool empty,
				  struct writer *w)
{
	size_t at = writer_reserve(w, 1);
	bool none = empty && dns_text_more(l) && span_is(l->text, "-");
	if (none) {
		(void)dns_text_next(l);
		return OK;
	}
	TRY(dns_field_digits(l, base, true, 1, w));
	if (!w->bad && w->pos - at - 1 > UINT8_MAX)
		return dns_text_fail(l, "at most 255 bytes");
	writer_fill_u8(w, at);
	return OK;
}

static enum err parse_base64_len16(struct dns_text_lexer *l, struct writer *w)
{
	uint64_t len;
	TRY(dns_field_number(l, UINT16_MAX, "a number of bytes from 0 to 65535", &len));
	write_u16(w, (uint16_t)len);
	size_t at = w->pos;
	if (len)
		TRY(dns_field_digits(l, DNS_TEXT_BASE64, true, 1, w));
	if (!w->bad && w->pos - at != len)
		return dns_text_fail(l, "as many bytes as the number says");
	return OK;
}

/* Two hexadecimal digits for each of len bytes, and a separator before every step-th but the first.
 */
static enum err parse_groups(struct dns_text_lexer *l, size_t len, size_t step, char separator,
			     const char *expected, struct writer *w)
{
	struct span word;
	TRY(dns_text_word(l, expected, &word));
	size_t pos = 0;
	for (size_t i = 0; i < len; i += step) {
		struct span group = span_sub(word, pos, step * 2);
		if (group.len != step * 2 || !dns_text_decode_all(DNS_TEXT_HEX, group, w))
			return dns_text_fail(l, expected);
		pos += step * 2;
		bool last = i + step >= len;
		if (last ? pos != word.len : pos >= word.len || word.data[pos] != separator)
			return dns_text_fail(l, expected);
		pos++;
	}
	return OK;
}

/* RFC 1706 7: 0x and digits, with dots anywhere between them. */
static enum err parse_nsap(struct dns_text_lexer *l, struct writer *w)
{
	static const char *const expected = "0x and hexadecimal digits, two for each byte";
	struct dns_text_decoder d = {.base = DNS_TEXT_HEX};
	struct span word;
	TRY(dns_text_word(l, expected, &word));
	size_t start = w->pos, bad;
	if (word.len < 3 || !span_equal_nocase(span_sub(word, 0, 2), span_text("0x")))
		return dns_text_fail(l, expected);
	for (size_t i = 2; i < word.len; i++)
		if (word.data[i] != '.' && !dns_text_decode(&d, span_sub(word, i, 1), w, &bad))
			return dns_text_fail_at(l, i, expected);
	if (!dns_text_decode_end(&d) || (w->pos == start && !w->bad))
		return dns_text_fail(l, expected);
	return OK;
}

static enum err parse_address(unsigned f, struct dns_text_lexer *l, struct writer *w)
{
	bool ipv4 = f == DNS_FIELD_IPV4;
	const char *expected = ipv4 ? "an IPv4 address" : "an IPv6 address";
	struct span word;
	TRY(dns_text_word(l, expected, &word));
	bool right = ipv4 ? dns_field_ipv4(word, w) : dns_field_ipv6(word, w);
	return right ? OK : dns_text_fail(l, expected);
}

/* The fields that are one number on the wire. */
static enum err parse_number(unsigned f, struct dns_text_lexer *l, uint64_t *ret)
{
	struct span word;
	uint32_t u32 = 0;
	uint16_t type = 0;
	switch (f) {
	case DNS_FIELD_U8: return dns_field_number(l, UINT8_MAX, "a number from 0 to 255", ret);
	case DNS_FIELD_U16: return dns_field_number(l, UINT16_MAX, "a number from 0 to 65535", ret);
	case DNS_FIELD_U32:
		return dns_field_number(l, UINT32_MAX, "a number from 0 to 4294967295", ret);
	case DNS_FIELD_U48:
		return dns_field_number(l, (UINT64_C(1) << 48) - 1, "a number of 48 bits", ret);
	case DNS_FIELD_ALGORITHM:
		return parse_mnemonic(l, algorithms, UINT8_MAX,
				      "an algorithm: 0 to 255 or its mnemonic", ret);
	case DNS_FIELD_CERT_TYPE:
		return parse_mnemonic(l, cert_types, UINT16_MAX,
				      "a certificate type: 0 to 65535 or its mnemonic", ret);
	case DNS_FIELD_PERIOD:
		TRY(dns_text_word(l, "seconds, or units as 1h30m", &word));
		if (!dns_text_period(word, UINT32_MAX, &u32))
			return dns_text_fail(l, "seconds, or units as 1h30m");
		break;
	case DNS_FIELD_TIME:
		TRY(dns_text_word(l, "a time as YYYYMMDDHHmmSS", &word));
		if (!dns_text_time(word, &u32))
			return dns_text_fail(l, "a time as YYYYMMDDHHmmSS");
		break;
	default: /* DNS_FIELD_TYPE */
		TRY(dns_text_word(l, "a record type", &word));
		if (!dns_type_from_text(word, &type))
			return dns_text_fail(l, "a record type");
		u32 = type;
	}
	*ret = u32;
	return OK;
}

/* Octets of a number; 0: no such field. */
static size_t number_len(unsigned f)
{
	switch (f) {
	case DNS_FIELD_U8:
	case DNS_FIELD_ALGORITHM: return 1;
	case DNS_FIELD_U16:
	case DNS_FIELD_CERT_TYPE:
	case DNS_FIELD_TYPE: return 2;
	case DNS_FIELD_U32:
	case DNS_FIELD_PERIOD:
	case DNS_FIELD_TIME: return 4;
	case DNS_FIELD_U48: return 6;
	default: return 0;
	}
}

static enum err parse_composite(unsigned f, struct dns_text_lexer *l, const struct dns_name *origin,
				struct writer *w)
{
	switch (f) {
	case DNS_FIELD_BITMAP: return dns_bitmap_parse(l, w);
	case DNS_FIELD_LOC: return dns_loc_parse(l, w);
	case DNS_FIELD_APL: return dns_apl_parse(l, w);
	case DNS_FIELD_HIP: return dns_hip_parse(l, w);
	case DNS_FIELD_GATEWAY: return dns_gateway_parse(l, origin, w);
	case DNS_FIELD_RELAY: return dns_relay_parse(l, origin, w);
	case DNS_FIELD_SVCPARAMS: return dns_svcparams_parse(l, w);
	default: return dns_text_fail(l, "\\# and bytes: this type has no other text"); /* RAW */
	}
}

static enum err parse_other(unsigned f, struct dns_text_lexer *l, const struct dns_name *origin,
			    struct writer *w)
{
	switch (f) {
	case DNS_FIELD_NAMES: return parse_names(l, origin, w);
	case DNS_FIELD_STRING: return parse_string(l, w);
	case DNS_FIELD_STRING_OPT: return dns_text_more(l) ? parse_string(l, w) : OK;
	case DNS_FIELD_STRINGS: return parse_strings(l, w);
	case DNS_FIELD_TAG: return parse_tag(l, w);
	case DNS_FIELD_TEXT: return parse_text(l, w);
	case DNS_FIELD_HEX: return dns_field_digits(l, DNS_TEXT_HEX, false, 1, w);
	case DNS_FIELD_HEX_LEN8: return parse_digits_len8(l, DNS_TEXT_HEX, true, w);
	case DNS_FIELD_BASE64: return dns_field_digits(l, DNS_TEXT_BASE64, false, 1, w);
	case DNS_FIELD_BASE64_OPT: return dns_field_digits(l, DNS_TEXT_BASE64, false, 0, w);
	case DNS_FIELD_BASE64_LEN16: return parse_base64_len16(l, w);
	case DNS_FIELD_BASE32HEX_LEN8: return parse_digits_len8(l, DNS_TEXT_BASE32HEX, false, w);
	case DNS_FIELD_NSAP: return parse_nsap(l, w);
	case DNS_FIELD_EUI48:
		return parse_groups(l, 6, 1, '-', "six bytes as 00-00-5e-00-53-2a", w);
	case DNS_FIELD_EUI64:
		return parse_groups(l, 8, 1, '-', "eight bytes as 00-00-5e-ef-10-00-00-2a", w);
	case DNS_FIELD_LOCATOR64:
		return parse_groups(l, 8, 2, ':', "eight bytes as 2001:0db8:1140:1000", w);
	default: return parse_composite(f, l, origin, w);
	}
}

enum err dns_field_parse(unsigned f, struct dns_text_lexer *l, const struct dns_name *origin,
			 struct writer *w)
{
	if (dns_field_is_name(f))
		return parse_name(l, origin, w);
	if (f == DNS_FIELD_IPV4 || f == DNS_FIELD_IPV6)
		return parse_address(f, l, w);
	size_t len = number_len(f);
	if (len == 0)
		return parse_other(f, l, origin, w);
	uint64_t number;
	TRY(parse_number(f, l, &number));
	for (size_t i = len; i > 0; i--)
		write_u8(w, (uint8_t)(number >> (i - 1) * 8));
	return OK;
}

/* RFC 3597 5, after \#: the length, then as many bytes in hex. */
static enum err parse_generic(uint16_t type, struct dns_text_lexer *l, struct writer *w)
{
	struct dns_text_error here = dns_text_here(l);
	size_t start = w->pos;
	uint64_t len;
	TRY(dns_field_number(l, UINT16_MAX, "a number of bytes from 0 to 65535", &len));
	struct dns_text_error count = dns_text_here(l);
	TRY(dns_field_digits(l, DNS_TEXT_HEX, false, len ? 1 : 0, w));
	if (w->bad)
		return OK;
	if (w->pos - start != len)
		return dns_text_fail_here(l, count, "as many bytes as follow");
	if (dns_rdata_check(type, span_of(w->data + start, w->pos - start)))
		return dns_text_fail_here(l, here, "bytes that are right for the type");
	return OK;
}

/* What an author of text must get right, though a stranger's bytes are not refused for it. */
static const char *judge(uint16_t type, struct span rdata)
{
	static const uint8_t digest_len[] = {0, 20, 32, 32, 48}; /* IANA "DS digest algorithms" */
	static const uint8_t zonemd_len[] = {0, 48, 64};	 /* RFC 8976 5.3 */
	struct dns_ds ds;
	struct dns_zonemd zonemd;
	switch (type) {
	case DNS_TYPE_DS:
	case DNS_TYPE_CDS:
	case DNS_TYPE_DLV:
	case DNS_TYPE_TA:
		if (dns_rdata_ds(rdata, &ds) == OK && ds.digest_type < sizeof(digest_len) &&
		    digest_len[ds.digest_type] && ds.digest.len != digest_len[ds.digest_type])
			return "a digest as long as its type says (SHA-1 20, SHA-256 32, SHA-384 "
			       "48)";
		return NULL;
	case DNS_TYPE_ZONEMD:
		if (dns_rdata_zonemd(rdata, &zonemd))
			return NULL;
		if (zonemd.digest.len < 12) /* RFC 8976 2.2.4 */
			return "a digest of at least 12 bytes";
		if (zonemd.scheme == 1 && zonemd.algorithm < sizeof(zonemd_len) &&
		    zonemd_len[zonemd.algorithm] &&
		    zonemd.digest.len != zonemd_len[zonemd.algorithm])
			return "a digest as long as its algorithm says (SHA-384 48, SHA-512 64)";
		return NULL;
	case DNS_TYPE_URI: /* RFC 7553 4.4 */
		return rdata.len > 4 ? NULL : "a target that is not empty";
	default: return NULL;
	}
}

static enum err parse_fields(const struct dns_type_info *info, struct dns_text_lexer *l,
			     const struct dns_name *origin, struct writer *w)
{
	size_t start = w->pos;
	struct dns_text_error here = {0};
	for (const uint8_t *f = info->fields; *f; f++) {
		if (*f == DNS_FIELD_HEX) {
			(void)dns_text_more(l);
			here = dns_text_here(l);
		}
		TRY(dns_field_parse(*f, l, origin, w));
		if (*f == DNS_FIELD_TEXT)
			here = dns_text_here(l);
	}
	if (w->bad || !here.line)
		return OK;
	const char *wrong = judge(info->type, span_of(w->data + start, w->pos - start));
	return wrong ? dns_text_fail_here(l, here, wrong) : OK;
}

enum err dns_rdata_from_text(uint16_t type, struct dns_text_lexer *l, const struct dns_name *origin,
			     struct writer *out)
{
	const struct dns_type_info *info = dns_type_find(type);
	size_t start = out->pos;
	enum err e;
	bool more = dns_text_more(l);
	if (more && l->token == DNS_TOKEN_WORD && span_is(l->text, "\\#")) {
		(void)dns_text_next(l);
		e = parse_generic(type, l, out);
	} else if (!info) {
		(void)dns_text_next(l);
		e = dns_text_fail(l, "\\# and bytes: the type is unknown");
	} else {
		e = parse_fields(info, l, origin, out);
	}
	if (out->bad || (e == OK && out->pos - start > DNS_RDATA_MAX))
		e = dns_text_fail(l, "an rdata that fits in 65535 bytes") ? ERR_LIMIT : OK;
	if (e)
		writer_rewind(out, start);
	return e;
}
