#include "proto/dns/name.h"
#include "proto/ip/address.h"

#define IPV4_END "\7in-addr\4arpa" /* with its NUL: the root */
#define IPV6_END "\3ip6\4arpa"

static void append(struct dns_name *n, const void *octets, size_t len)
{
	memcpy(n->wire + n->len, octets, len);
	n->len = (uint8_t)(n->len + len);
}

/* 1 to 3 digits as one label. */
static void append_number(struct dns_name *n, unsigned number)
{
	uint8_t label[4] = {0};
	for (unsigned scale = 100; scale; scale /= 10)
		if (number >= scale || scale == 1)
			label[++label[0]] = (uint8_t)('0' + number / scale % 10);
	append(n, label, label[0] + 1u);
}

void dns_name_from_address(const struct ip_address *a, struct dns_name *ret)
{
	ASSERT(a->family == 4 || a->family == 6);
	struct dns_name n;
	n.len = 0;
	for (size_t i = ip_address_len(a); i-- > 0;) {
		if (a->family == 4) {
			append_number(&n, a->bytes[i]);
			continue;
		}
		const char *digits = "0123456789abcdef";
		const uint8_t low[2] = {1, (uint8_t)digits[a->bytes[i] & 15]};
		const uint8_t high[2] = {1, (uint8_t)digits[a->bytes[i] >> 4]};
		append(&n, low, 2);
		append(&n, high, 2);
	}
	if (a->family == 4)
		append(&n, IPV4_END, sizeof(IPV4_END));
	else
		append(&n, IPV6_END, sizeof(IPV6_END));
	memcpy(ret, &n, offsetof(struct dns_name, wire) + n.len);
}

/* The only spelling that dns_name_from_address gives: "01" is no address's. */
static bool read_number(struct span label, uint8_t *ret)
{
	uint64_t number = 0;
	if (label.len > 1 && label.data[0] == '0')
		return false;
	if (!span_to_u64(label, UINT8_MAX, &number))
		return false;
	*ret = (uint8_t)number;
	return true;
}

static bool read_nibble(struct span label, uint8_t *ret)
{
	if (label.len != 1)
		return false;
	uint8_t c = label.data[0];
	if (c >= '0' && c <= '9')
		*ret = (uint8_t)(c - '0');
	else if (c >= 'a' && c <= 'f')
		*ret = (uint8_t)(c - 'a' + 10);
	else
		return false;
	return true;
}

enum err dns_name_to_address(const struct dns_name *n, struct ip_address *ret)
{
	struct ip_address a = {0};
	struct span rest = dns_name_span(n);
	unsigned labels = dns_name_labels(n);
	if (labels == 4 + 2 &&
	    span_equal(dns_name_suffix_span(rest, 2), span_of(IPV4_END, sizeof(IPV4_END)))) {
		a.family = 4;
		for (size_t i = 4; i-- > 0; rest = dns_name_parent_span(rest))
			if (!read_number(dns_name_first_label(rest), &a.bytes[i]))
				return ERR_FORMAT;
	} else if (labels == 32 + 2 &&
		   span_equal(dns_name_suffix_span(rest, 2), span_of(IPV6_END, sizeof(IPV6_END)))) {
		a.family = 6;
		for (size_t i = 32; i-- > 0; rest = dns_name_parent_span(rest)) {
			uint8_t nibble;
			if (!read_nibble(dns_name_first_label(rest), &nibble))
				return ERR_FORMAT;
			a.bytes[i / 2] |= (uint8_t)(i % 2 ? nibble : nibble << 4);
		}
	} else {
		return ERR_FORMAT;
	}
	*ret = a;
	return OK;
}
