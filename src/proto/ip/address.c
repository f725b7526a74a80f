#include "proto/ip/address.h"

#include "base/writer.h"

enum { GROUPS = 8, V4_LEN = 4, V6_LEN = 16, MAPPED_LEN = 12 };

static const uint8_t mapped_start[MAPPED_LEN] = {[10] = 0xff, [11] = 0xff};

struct ip_address ip_address_of(struct span raw)
{
	struct ip_address a = {0};
	if (raw.len != V4_LEN && raw.len != V6_LEN)
		return a;
	a.family = raw.len == V4_LEN ? 4 : 6;
	for (size_t i = 0; i < raw.len; i++)
		a.bytes[i] = raw.data[i];
	return a;
}

/* --- text to bytes --- */

/* Four numbers, each as ip_number_parse reads one, in one pass. */
static bool parse_v4(struct span text, uint8_t ret[V4_LEN])
{
	size_t at = 0;
	for (size_t i = 0; i < V4_LEN; i++) {
		unsigned number = 0;
		size_t start = at;
		for (; at < text.len && at - start < 3; at++) {
			unsigned digit = text.data[at] - (unsigned)'0';
			if (digit > 9)
				break;
			number = number * 10 + digit;
		}
		if (at == start || number > 255 || (text.data[start] == '0' && at - start > 1))
			return false;
		ret[i] = (uint8_t)number;
		if (i < V4_LEN - 1 && (at == text.len || text.data[at++] != '.'))
			return false;
	}
	return at == text.len;
}

static bool parse_group(struct span text, uint8_t ret[2])
{
	unsigned group = 0;
	if (text.len < 1 || text.len > 4)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		unsigned c = text.data[i];
		if (c >= '0' && c <= '9')
			c -= '0';
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			c = (c | 0x20) - 'a' + 10;
		else
			return false;
		group = group << 4 | c;
	}
	ret[0] = (uint8_t)(group >> 8);
	ret[1] = (uint8_t)group;
	return true;
}

/* Groups and perhaps an IPv4 tail: as many bytes as there are, and where among them `::` stood
 * (V6_LEN + 1: nowhere). */
static bool parse_groups(struct span text, uint8_t ret[V6_LEN], size_t *ret_len, size_t *ret_gap)
{
	size_t len = 0;
	size_t gap = V6_LEN + 1;
	if (text.len >= 2 && text.data[0] == ':' && text.data[1] == ':') {
		gap = 0;
		text = span_sub(text, 2, text.len);
	}
	while (text.len) {
		size_t end = span_find(text, ':');
		struct span group = span_sub(text, 0, end);
		bool tail = end == text.len && span_find(group, '.') < group.len;
		size_t group_len = tail ? V4_LEN : 2;
		if (len + group_len > V6_LEN ||
		    !(tail ? parse_v4(group, ret + len) : parse_group(group, ret + len)))
			return false;
		len += group_len;
		if (end == text.len)
			break;
		text = span_sub(text, end + 1, text.len);
		if (text.len == 0)
			return false; /* one colon at the end */
		if (text.data[0] == ':') {
			if (gap <= V6_LEN)
				return false; /* RFC 4291 2.2: `::` only once */
			gap = len;
			text = span_sub(text, 1, text.len);
		}
	}
	*ret_len = len;
	*ret_gap = gap;
	return true;
}

static bool parse_v6(struct span text, uint8_t ret[V6_LEN])
{
	uint8_t bytes[V6_LEN];
	size_t len, gap;
	if (!parse_groups(text, bytes, &len, &gap))
		return false;
	if (gap > V6_LEN) {
		if (len != V6_LEN)
			return false;
		gap = V6_LEN;
	} else if (len == V6_LEN) {
		return false; /* RFC 4291 2.2: `::` stands for one group or more */
	}
	memset(ret, 0, V6_LEN);
	memcpy(ret, bytes, gap);
	memcpy(ret + V6_LEN - (len - gap), bytes + gap, len - gap);
	return true;
}

enum err ip_address_parse(struct span text, struct ip_address *ret)
{
	struct ip_address a = {0};
	if (span_find(text, ':') < text.len) {
		a.family = 6;
		if (!parse_v6(text, a.bytes))
			return ERR_FORMAT;
	} else {
		a.family = 4;
		if (!parse_v4(text, a.bytes))
			return ERR_FORMAT;
	}
	*ret = a;
	return OK;
}

/* --- bytes to text --- */

static void write_v4(struct writer *w, const uint8_t *bytes)
{
	uint8_t text[sizeof("255.255.255.255")];
	size_t at = 0;
	for (size_t i = 0; i < V4_LEN; i++) {
		unsigned n = bytes[i];
		if (n >= 100)
			text[at++] = (uint8_t)('0' + n / 100);
		if (n >= 10)
			text[at++] = (uint8_t)('0' + n / 10 % 10);
		text[at++] = (uint8_t)('0' + n % 10);
		text[at++] = '.';
	}
	write_bytes(w, text, at - 1);
}

static unsigned group_at(const uint8_t *bytes, size_t group)
{
	return (unsigned)bytes[group * 2] << 8 | bytes[group * 2 + 1];
}

/* RFC 5952 4.1, 4.3: no leading zeros, lower case. */
static void write_group(struct writer *w, unsigned group)
{
	unsigned shift = 12;
	while (shift && group >> shift == 0)
		shift -= 4;
	for (;; shift -= 4) {
		write_u8(w, (uint8_t) "0123456789abcdef"[group >> shift & 15]);
		if (shift == 0)
			return;
	}
}

/* RFC 5952 4.2.2, 4.2.3: the longest run of two or more zero groups, the first of equals. */
static size_t longest_zeros(const uint8_t *bytes, size_t *ret_start)
{
	size_t best = 1, run = 0;
	*ret_start = GROUPS;
	for (size_t i = 0; i < GROUPS; i++) {
		run = group_at(bytes, i) ? 0 : run + 1;
		if (run > best) {
			best = run;
			*ret_start = i + 1 - run;
		}
	}
	return best;
}

static void write_v6(struct writer *w, const uint8_t *bytes)
{
	size_t gap, gap_len = longest_zeros(bytes, &gap);
	for (size_t i = 0; i < GROUPS; i++) {
		if (i == gap) {
			write_text(w, "::");
			i += gap_len - 1;
			continue;
		}
		if (i && i != gap + gap_len)
			write_u8(w, ':');
		write_group(w, group_at(bytes, i));
	}
}

void ip_address_write(struct writer *w, const struct ip_address *a)
{
	if (a->family == 4) {
		write_v4(w, a->bytes);
	} else if (ip_address_is_mapped(a)) {
		write_text(w, "::ffff:"); /* RFC 5952 5 */
		write_v4(w, a->bytes + MAPPED_LEN);
	} else if (a->family == 6) {
		write_v6(w, a->bytes);
	} else {
		write_text(w, "none");
	}
}

size_t ip_address_format(const struct ip_address *a, char ret[IP_ADDRESS_TEXT_MAX])
{
	struct writer w = writer_of(ret, IP_ADDRESS_TEXT_MAX);
	ip_address_write(&w, a);
	write_u8(&w, 0);
	ASSERT(!w.bad);
	return w.pos - 1;
}

/* --- what an address is --- */

bool ip_address_equal(const struct ip_address *a, const struct ip_address *b)
{
	return ip_address_compare(a, b) == 0;
}

int ip_address_compare(const struct ip_address *a, const struct ip_address *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, ip_address_len(a));
}

bool ip_address_is_mapped(const struct ip_address *a)
{
	return a->family == 6 && memcmp(a->bytes, mapped_start, MAPPED_LEN) == 0;
}

struct ip_address ip_address_unmap(const struct ip_address *a)
{
	if (!ip_address_is_mapped(a))
		return *a;
	const uint8_t *v4 = a->bytes + MAPPED_LEN;
	return ip_address_v4(v4[0], v4[1], v4[2], v4[3]);
}

bool ip_address_is_unspecified(const struct ip_address *a)
{
	static const uint8_t zeros[V6_LEN];
	struct ip_address u = ip_address_unmap(a);
	return u.family && memcmp(u.bytes, zeros, ip_address_len(&u)) == 0;
}

bool ip_address_is_loopback(const struct ip_address *a)
{
	static const uint8_t one[V6_LEN] = {[15] = 1};
	struct ip_address u = ip_address_unmap(a);
	return u.family == 4 ? u.bytes[0] == 127
			     : u.family == 6 && memcmp(u.bytes, one, V6_LEN) == 0;
}

bool ip_address_is_private(const struct ip_address *a)
{
	struct ip_address u = ip_address_unmap(a);
	const uint8_t *b = u.bytes;
	if (u.family == 4)
		return b[0] == 10 || (b[0] == 172 && b[1] >> 4 == 1) ||
		       (b[0] == 192 && b[1] == 168);
	return u.family == 6 && (b[0] & 0xfe) == 0xfc;
}

bool ip_address_is_link_local(const struct ip_address *a)
{
	struct ip_address u = ip_address_unmap(a);
	const uint8_t *b = u.bytes;
	if (u.family == 4)
		return b[0] == 169 && b[1] == 254;
	return u.family == 6 && b[0] == 0xfe && b[1] >> 6 == 2;
}

bool ip_address_is_multicast(const struct ip_address *a)
{
	struct ip_address u = ip_address_unmap(a);
	return u.family == 4 ? u.bytes[0] >> 4 == 14 : u.family == 6 && u.bytes[0] == 0xff;
}
