#include "proto/dns/name.h"

#define POINTER_MIN 12 /* nothing before the end of the header is a name */

/* "Letters" are ASCII's, RFC 4343 3; eight octets at once. */
static uint64_t lower_8(uint64_t x)
{
	const uint64_t ones = 0x0101010101010101u;
	uint64_t low7 = x & 0x7f * ones;
	uint64_t past_z = low7 + (0x7f - 'Z') * ones;
	uint64_t from_a = low7 + (0x80 - 'A') * ones;
	uint64_t upper = (from_a ^ past_z) & ~x & 0x80 * ones;
	return x | upper >> 2;
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static uint64_t load_8(const uint8_t *p)
{
	uint64_t x;
	memcpy(&x, p, sizeof(x));
	return x;
}

void dns_octets_lower(uint8_t *dst, const uint8_t *src, size_t len)
{
	if (len < 8) {
		for (size_t i = 0; i < len; i++)
			dst[i] = lower(src[i]);
		return;
	}
	/* The last eight overlap those before: lowering twice changes nothing, also in place. */
	uint64_t last = lower_8(load_8(src + len - 8));
	for (size_t i = 0; i + 8 < len; i += 8) {
		uint64_t x = lower_8(load_8(src + i));
		memcpy(dst + i, &x, sizeof(x));
	}
	memcpy(dst + len - 8, &last, sizeof(last));
}

static bool octets_equal_nocase(const uint8_t *a, const uint8_t *b, size_t len)
{
	if (len < 8) {
		for (size_t i = 0; i < len; i++)
			if (a[i] != b[i] && lower(a[i]) != lower(b[i]))
				return false;
		return true;
	}
	for (size_t i = 0; i + 8 < len; i += 8)
		if (lower_8(load_8(a + i)) != lower_8(load_8(b + i)))
			return false;
	return lower_8(load_8(a + len - 8)) == lower_8(load_8(b + len - 8));
}

/* --- from bytes --- */

/* What one name reads like: out gets its octets, NULL none. ret_len is set on success only. */
static enum err walk(struct reader *r, struct reader message, uint8_t *out, size_t *ret_len)
{
	struct reader at = *r;
	size_t bound = (size_t)(r->data - message.data) + r->pos; /* pointers go below it */
	bool jumped = false;
	size_t len = 0;

	/* Each turn adds to len, which 255 bounds, or lowers bound. */
	for (;;) {
		uint8_t n = read_u8(&at);
		if (n >= 0xc0) {
			size_t target = (size_t)(n & 0x3f) << 8 | read_u8(&at);
			if (at.bad || target >= bound || target < POINTER_MIN)
				break;
			if (!jumped)
				r->pos = at.pos;
			jumped = true;
			bound = target;
			at = message;
			at.pos = target;
			continue;
		}
		struct span label = read_span(&at, n);
		if (at.bad || n > DNS_LABEL_MAX || len + n + 1 > DNS_NAME_MAX)
			break;
		if (out) {
			out[len] = n;
			for (size_t i = 0; i < label.len; i++)
				out[len + 1 + i] = label.data[i];
		}
		len += (size_t)n + 1;
		if (n == 0) {
			if (!jumped)
				r->pos = at.pos;
			*ret_len = len;
			return OK;
		}
	}
	reader_fail(r);
	return ERR_FORMAT;
}

enum err dns_name_read_case(struct reader *r, struct reader message, struct dns_name *ret)
{
	uint8_t wire[DNS_NAME_MAX];
	size_t len = 0;
	TRY(walk(r, message, wire, &len));
	memcpy(ret->wire, wire, len);
	ret->len = (uint8_t)len;
	return OK;
}

enum err dns_name_read(struct reader *r, struct reader message, struct dns_name *ret)
{
	uint8_t wire[DNS_NAME_MAX];
	size_t len = 0;
	TRY(walk(r, message, wire, &len));
	dns_octets_lower(ret->wire, wire, len);
	ret->len = (uint8_t)len;
	return OK;
}

enum err dns_name_check(struct reader *r, struct reader message)
{
	size_t len = 0;
	return walk(r, message, NULL, &len);
}

size_t dns_name_wire_len(struct span wire)
{
	size_t pos = 0;
	while (pos < wire.len && pos < DNS_NAME_MAX) {
		uint8_t n = wire.data[pos];
		if (n == 0)
			return pos + 1;
		if (n > DNS_LABEL_MAX)
			return 0;
		pos += (size_t)n + 1;
	}
	return 0;
}

enum err dns_name_read_plain(struct reader *r, struct dns_name *ret)
{
	size_t len = dns_name_wire_len(span_of(r->data + r->pos, reader_left(r)));
	if (len == 0) {
		reader_fail(r);
		return ERR_FORMAT;
	}
	read_bytes(r, ret->wire, len);
	ret->len = (uint8_t)len;
	return OK;
}

void dns_name_skip(struct reader *r)
{
	size_t len = 0;
	while (len < DNS_NAME_MAX) {
		uint8_t n = read_u8(r);
		if (n == 0)
			return; /* also when r went bad */
		if (n >= 0xc0) {
			reader_skip(r, 1);
			return;
		}
		if (n > DNS_LABEL_MAX)
			break;
		reader_skip(r, n);
		len += (size_t)n + 1;
	}
	reader_fail(r);
}

enum err dns_name_from_wire(struct span wire, struct dns_name *ret)
{
	if (wire.len == 0 || dns_name_wire_len(wire) != wire.len)
		return ERR_FORMAT;
	dns_octets_lower(ret->wire, wire.data, wire.len);
	ret->len = (uint8_t)wire.len;
	return OK;
}

/* --- comparison --- */

bool dns_name_equal_nocase(struct span a, struct span b)
{
	return a.len == b.len && octets_equal_nocase(a.data, b.data, a.len);
}

unsigned dns_name_offsets(struct span wire, uint8_t ret[DNS_LABELS_MAX + 1])
{
	unsigned count = 0;
	for (size_t pos = 0; pos < wire.len && count <= DNS_LABELS_MAX;
	     pos += (size_t)wire.data[pos] + 1)
		ret[count++] = (uint8_t)pos;
	return count;
}

/* a and b point at the length octets of two labels. */
static int compare_labels(const uint8_t *a, const uint8_t *b)
{
	size_t len = a[0] < b[0] ? a[0] : b[0];
	for (size_t i = 1; i <= len; i++) {
		if (a[i] == b[i])
			continue;
		int difference = lower(a[i]) - lower(b[i]);
		if (difference)
			return difference;
	}
	return a[0] - b[0];
}

int dns_name_compare(struct span a, struct span b)
{
	uint8_t at_a[DNS_LABELS_MAX + 1], at_b[DNS_LABELS_MAX + 1];
	unsigned i = dns_name_offsets(a, at_a), j = dns_name_offsets(b, at_b);
	while (i && j) {
		int order = compare_labels(a.data + at_a[--i], b.data + at_b[--j]);
		if (order)
			return order;
	}
	return (int)i - (int)j;
}

unsigned dns_name_common_labels(struct span a, struct span b)
{
	uint8_t at_a[DNS_LABELS_MAX + 1], at_b[DNS_LABELS_MAX + 1];
	unsigned i = dns_name_offsets(a, at_a), j = dns_name_offsets(b, at_b);
	unsigned common = 0;
	while (i && j && compare_labels(a.data + at_a[--i], b.data + at_b[--j]) == 0)
		common++;
	return common ? common - 1 : 0; /* without the root */
}

/* Where the end of name that is `len` octets long begins; name.len when no label begins there. */
static size_t suffix_at(struct span name, size_t len)
{
	size_t at = 0;
	while (at < name.len && name.len - at > len)
		at += (size_t)name.data[at] + 1;
	return name.len - at == len ? at : name.len;
}

bool dns_name_is_under(const struct dns_name *child, const struct dns_name *parent)
{
	size_t at = suffix_at(dns_name_span(child), parent->len);
	return at < child->len && memcmp(child->wire + at, parent->wire, parent->len) == 0;
}

bool dns_name_is_under_nocase(struct span child, struct span parent)
{
	size_t at = suffix_at(child, parent.len);
	return at < child.len && octets_equal_nocase(child.data + at, parent.data, parent.len);
}

/* --- labels --- */

unsigned dns_name_labels_span(struct span wire)
{
	unsigned count = 0;
	for (size_t pos = 0; pos < wire.len && wire.data[pos]; pos += (size_t)wire.data[pos] + 1)
		count++;
	return count;
}

unsigned dns_name_labels(const struct dns_name *n)
{
	return dns_name_labels_span(dns_name_span(n));
}

/* Part of a name that we hold already; dst may overlap it. */
static void name_set(struct dns_name *dst, struct span wire)
{
	memmove(dst->wire, wire.data, wire.len);
	dst->len = (uint8_t)wire.len;
}

bool dns_name_parent(const struct dns_name *n, struct dns_name *ret)
{
	struct span parent = dns_name_parent_span(dns_name_span(n));
	if (parent.len == 0)
		return false;
	name_set(ret, parent);
	return true;
}

struct span dns_name_suffix_span(struct span wire, unsigned labels)
{
	unsigned all = dns_name_labels_span(wire);
	ASSERT(labels <= all);
	size_t at = 0;
	for (unsigned i = labels; i < all; i++)
		at += (size_t)wire.data[at] + 1;
	return span_of(wire.data + at, wire.len - at);
}

void dns_name_suffix(const struct dns_name *n, unsigned labels, struct dns_name *ret)
{
	name_set(ret, dns_name_suffix_span(dns_name_span(n), labels));
}

enum err dns_name_prepend_label(struct span label, const struct dns_name *n, struct dns_name *ret)
{
	if (label.len == 0 || label.len > DNS_LABEL_MAX)
		return ERR_FORMAT;
	if (n->len + label.len + 1 > DNS_NAME_MAX)
		return ERR_LIMIT;
	struct dns_name out;
	out.wire[0] = (uint8_t)label.len;
	memcpy(out.wire + 1, label.data, label.len); /* its length checked above */
	memcpy(out.wire + 1 + label.len, n->wire, n->len);
	out.len = (uint8_t)(n->len + label.len + 1);
	name_set(ret, dns_name_span(&out));
	return OK;
}

enum err dns_name_wildcard(const struct dns_name *parent, struct dns_name *ret)
{
	return dns_name_prepend_label(span_text("*"), parent, ret);
}

enum err dns_name_replace_suffix(const struct dns_name *n, const struct dns_name *from,
				 const struct dns_name *to, struct dns_name *ret)
{
	ASSERT(from->len <= n->len);
	size_t kept = (size_t)(n->len - from->len);
	if (kept + to->len > DNS_NAME_MAX)
		return ERR_LIMIT;
	struct dns_name out;
	memcpy(out.wire, n->wire, kept);
	memcpy(out.wire + kept, to->wire, to->len);
	out.len = (uint8_t)(kept + to->len);
	name_set(ret, dns_name_span(&out));
	return OK;
}

/* --- kinds --- */

static bool is_letter_or_digit(uint8_t c)
{
	return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z');
}

bool dns_name_is_host_name(struct span wire)
{
	if (wire.len <= 1)
		return false;
	for (struct span rest = wire; rest.len > 1; rest = dns_name_parent_span(rest)) {
		struct span label = dns_name_first_label(rest);
		if (label.len == 0 || label.data[0] == '-' || label.data[label.len - 1] == '-')
			return false;
		for (size_t i = 0; i < label.len; i++)
			if (!is_letter_or_digit(label.data[i]) && label.data[i] != '-')
				return false;
	}
	return true;
}
