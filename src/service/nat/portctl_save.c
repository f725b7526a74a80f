/* The list as text: what a restart of the service reads back. */
#include "base/writer.h"
#include "service/nat/portctl_inner.h"

#include <assert.h>

/* The first line has the wall clock's time, the epoch, whether the list was whole, and how many
 * lines follow; each of them is one mapping. Texts stand in hexadecimal: a stranger wrote them. */
#define MAGIC "gatehouse-ports-1"

enum {
	HEAD_FIELDS = 5,
	FIELDS = 10,
	LINE_LEN = 1200,
	HEAD_MAX = 128,
};

static_assert(LINE_LEN > 4 * PORTCTL_TEXT_MAX + 2 * PORTCTL_NONCE_LEN +
				 PORTCTL_FILTERS_MAX * (IP_PREFIX_TEXT_MAX + 6) +
				 3 * IP_ENDPOINT_TEXT_MAX + 64,
	      "a mapping fits its line");

static void write_hex(struct writer *w, struct span bytes)
{
	static const char digits[] = "0123456789abcdef";
	if (!bytes.len)
		write_u8(w, '-');
	for (size_t i = 0; i < bytes.len; i++) {
		write_u8(w, (uint8_t)digits[bytes.data[i] >> 4]);
		write_u8(w, (uint8_t)digits[bytes.data[i] & 15]);
	}
}

static int digit_of(uint8_t c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_hex(struct span text, uint8_t *room, size_t cap, size_t *ret_len)
{
	*ret_len = 0;
	if (span_is(text, "-"))
		return true;
	if (text.len % 2 || text.len / 2 > cap)
		return false;
	for (size_t i = 0; i < text.len / 2; i++) {
		int high = digit_of(text.data[2 * i]), low = digit_of(text.data[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		room[i] = (uint8_t)(high << 4 | low);
	}
	*ret_len = text.len / 2;
	return true;
}

static bool read_text(struct span hex, char room[PORTCTL_TEXT_MAX + 1])
{
	size_t len;
	if (!read_hex(hex, (uint8_t *)room, PORTCTL_TEXT_MAX, &len))
		return false;
	room[len] = 0;
	return strlen(room) == len;
}

static void write_endpoint(struct writer *w, const struct ip_endpoint *e)
{
	char text[IP_ENDPOINT_TEXT_MAX];
	if (e->address.family)
		write_bytes(w, text, ip_endpoint_format(e, text));
	else
		write_u8(w, '-');
	write_u8(w, ' ');
}

static void write_filters(struct writer *w, const struct portctl_mapping *m)
{
	char text[IP_PREFIX_TEXT_MAX];
	if (!m->filters_n)
		write_u8(w, '-');
	for (size_t i = 0; i < m->filters_n; i++) {
		if (i)
			write_u8(w, ',');
		write_bytes(w, text, ip_prefix_format(&m->filters[i].remote, text));
		write_format(w, "=%u", m->filters[i].port);
	}
}

static void write_mapping(struct writer *w, const struct portctl_mapping *m, uint64_t now_ms,
			  uint64_t wall_s)
{
	write_format(w, "%s %u ", portctl_origin_name(m->origin), m->protocol);
	write_endpoint(w, &m->internal);
	write_endpoint(w, &m->external);
	write_endpoint(w, &m->remote);
	write_format(w, "%llu ", (unsigned long long)(wall_s + portctl_left_s(m, now_ms)));
	write_hex(w, span_of(m->nonce, sizeof(m->nonce)));
	write_u8(w, ' ');
	write_hex(w, span_text(m->zone));
	write_u8(w, ' ');
	write_hex(w, span_text(m->description));
	write_u8(w, ' ');
	write_filters(w, m);
	write_u8(w, '\n');
}

size_t portctl_save_max(const struct portctl *p)
{
	return HEAD_MAX + table_used(&p->by_internal) * LINE_LEN;
}

void portctl_save(const struct portctl *p, uint64_t now_ms, uint64_t wall_s, bool whole,
		  struct writer *w)
{
	const struct portctl_mapping *m;
	write_format(w, MAGIC " %llu %u %s %zu\n", (unsigned long long)wall_s,
		     portctl_epoch_s(p, now_ms), whole ? "whole" : "running",
		     table_used(&p->by_internal));
	for (size_t at = 0; (m = portctl_next(p, &at));)
		write_mapping(w, m, now_ms, wall_s);
}

/* --- reading --- */

/* Exactly n fields with one blank between each two. */
static bool split(struct span line, struct span *fields, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t end = span_find(line, ' ');
		if ((end == line.len) != (i == n - 1))
			return false;
		fields[i] = span_sub(line, 0, end);
		line = span_sub(line, end + 1, line.len);
	}
	return true;
}

static bool read_filters(struct span text, struct portctl_mapping *m)
{
	if (span_is(text, "-"))
		return true;
	while (text.len) {
		struct span one = span_sub(text, 0, span_find(text, ','));
		size_t equals = span_find(one, '=');
		uint64_t port;
		if (m->filters_n == PORTCTL_FILTERS_MAX)
			return false;
		struct portctl_filter *f = &m->filters[m->filters_n++];
		if (ip_prefix_parse(span_sub(one, 0, equals), &f->remote) ||
		    !span_to_u64(span_sub(one, equals + 1, one.len), UINT16_MAX, &port))
			return false;
		f->port = (uint16_t)port;
		text = span_sub(text, one.len + 1, text.len);
	}
	return m->filters_n > 0;
}

static bool read_origin(struct span text, enum portctl_origin *ret)
{
	for (int o = 0; o < PORTCTL_ORIGINS; o++)
		if (span_is(text, portctl_origin_name((enum portctl_origin)o))) {
			*ret = (enum portctl_origin)o;
			return true;
		}
	return false;
}

static bool read_mapping(struct span line, struct portctl_mapping *m, uint64_t *ret_expires_s)
{
	struct span f[FIELDS];
	uint64_t protocol;
	size_t nonce_len;
	if (!split(line, f, FIELDS) || !read_origin(f[0], &m->origin) ||
	    !span_to_u64(f[1], UINT8_MAX, &protocol) || ip_endpoint_parse(f[2], 0, &m->internal) ||
	    ip_endpoint_parse(f[3], 0, &m->external) ||
	    (!span_is(f[4], "-") && ip_endpoint_parse(f[4], 0, &m->remote)) ||
	    !span_to_u64(f[5], UINT64_MAX / 2000, ret_expires_s) ||
	    !read_hex(f[6], m->nonce, sizeof(m->nonce), &nonce_len) || !read_text(f[7], m->zone) ||
	    !read_text(f[8], m->description) || !read_filters(f[9], m))
		return false;
	m->protocol = (uint8_t)protocol;
	return nonce_len == sizeof(m->nonce);
}

struct kept {
	uint64_t saved_s, epoch_s, lines;
	bool whole;
	struct span rest; /* the lines */
};

static struct span line_next(struct span *text)
{
	size_t end = span_find(*text, '\n');
	struct span line = span_sub(*text, 0, end);
	*text = span_sub(*text, end + 1, text->len);
	return line;
}

/* Judges all of it before anything is opened. */
static enum err judge(struct span text, struct kept *ret)
{
	struct span f[HEAD_FIELDS];
	struct kept k = {.rest = text};
	if (!text.len || text.data[text.len - 1] != '\n')
		return ERR_FORMAT;
	if (!split(line_next(&k.rest), f, HEAD_FIELDS) || !span_is(f[0], MAGIC) ||
	    !span_to_u64(f[1], UINT64_MAX / 2000, &k.saved_s) ||
	    !span_to_u64(f[2], UINT32_MAX, &k.epoch_s) ||
	    (!span_is(f[3], "whole") && !span_is(f[3], "running")) ||
	    !span_to_u64(f[4], 2 * PORTCTL_MAPPINGS_MAX, &k.lines))
		return ERR_FORMAT;
	k.whole = span_is(f[3], "whole");
	struct span rest = k.rest;
	for (uint64_t i = 0; i < k.lines; i++) {
		struct portctl_mapping m = {0};
		uint64_t expires_s;
		if (!read_mapping(line_next(&rest), &m, &expires_s))
			return ERR_FORMAT;
	}
	if (rest.len)
		return ERR_FORMAT;
	*ret = k;
	return OK;
}

/* Whether it could be opened as it was. */
static bool reopen(struct portctl *p, const struct portctl_mapping *kept, uint64_t left_s)
{
	const struct portctl_subject s = {kept->zone, &kept->internal.address, kept->protocol,
					  kept->internal.port, 0};
	if (!portctl_rules_allow(p->rules, &s) ||
	    portctl_mapping_of(p, kept->protocol, &kept->internal, &kept->remote))
		return false;
	struct portctl_mapping *m = slab_take(&p->mappings);
	if (!m)
		return false;
	*m = *kept;
	if (left_s > p->rules->lifetime_max_s)
		left_s = p->rules->lifetime_max_s;
	m->expires_ms = p->now_ms + left_s * 1000;
	if (portctl_take(p, m, true))
		return false;
	portctl_tell(p, "opened", m);
	return true;
}

enum err portctl_restore(struct portctl *p, uint64_t now_ms, uint64_t wall_s, struct span text)
{
	struct kept k;
	p->now_ms = now_ms;
	ASSERT(table_used(&p->by_internal) == 0);
	TRY(judge(text, &k));
	uint64_t now_s = wall_s > k.saved_s ? wall_s : k.saved_s;
	bool lost = !k.whole;
	for (uint64_t i = 0; i < k.lines; i++) {
		struct portctl_mapping m = {0};
		uint64_t expires_s;
		if (!read_mapping(line_next(&k.rest), &m, &expires_s))
			return ERR_FORMAT; /* judged above: cannot be */
		if (expires_s > now_s && !reopen(p, &m, expires_s - now_s))
			lost = true;
	}
	if (lost) {
		portctl_lose(p);
		return OK;
	}
	p->epoch_base_s = k.epoch_s + (now_s - k.saved_s);
	p->epoch_at_ms = now_ms;
	return OK;
}
