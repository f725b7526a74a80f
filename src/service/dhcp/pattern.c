#include "service/dhcp/pattern.h"

#include "base/arena.h"
#include "base/writer.h"
#include "proto/dhcp/identity.h"

static const char hex_mark[] = "hex:";

static bool take_mark(struct span *text)
{
	size_t n = sizeof(hex_mark) - 1;

	if (!span_is(span_sub(*text, 0, n), hex_mark))
		return false;
	*text = span_sub(*text, n, text->len);
	return true;
}

enum err dhcp_octets_parse(struct span text, struct writer *w)
{
	if (text.len == 0)
		return ERR_FORMAT;
	if (take_mark(&text))
		return text.len ? dhcp_hex_parse(text, w) : ERR_FORMAT;
	size_t before = w->pos;
	write_span(w, text);
	if (!w->bad)
		return OK;
	writer_rewind(w, before);
	return ERR_LIMIT;
}

static enum err add_part(struct dhcp_pattern *p, struct writer *w, struct span text, bool hex)
{
	size_t before = w->pos;

	if (text.len == 0)
		return OK;
	if (p->parts_n == DHCP_PATTERN_PARTS_MAX)
		return ERR_LIMIT;
	if (hex)
		TRY(dhcp_hex_parse(text, w));
	else
		write_span(w, text);
	if (w->bad)
		return ERR_LIMIT;
	p->parts[p->parts_n++] = span_of(w->data + before, w->pos - before);
	return OK;
}

enum err dhcp_pattern_parse(struct span text, struct writer *w, struct dhcp_pattern *ret)
{
	struct dhcp_pattern p = {0};
	bool hex = take_mark(&text);

	if (text.len == 0)
		return ERR_FORMAT;
	p.open_start = text.data[0] == '*';
	p.open_end = text.data[text.len - 1] == '*';
	while (text.len) {
		size_t star = span_find(text, '*');
		TRY(add_part(&p, w, span_sub(text, 0, star), hex));
		text = span_sub(text, star + 1, text.len);
	}
	*ret = p;
	return OK;
}

enum err dhcp_pattern_compile(const char *text, struct arena *a, struct dhcp_pattern *ret)
{
	size_t len = strlen(text); /* hex is shorter than its text */
	uint8_t *storage = arena_alloc(a, len, 1);
	struct writer w = writer_of(storage, len);

	return storage ? dhcp_pattern_parse(span_text(text), &w, ret) : (enum err)ENOMEM;
}

static bool begins(struct span s, struct span with)
{
	return s.len >= with.len && memcmp(s.data, with.data, with.len) == 0;
}

/* What is left of s behind the first occurrence of part; false: there is none. */
static bool skip_past(struct span *s, struct span part)
{
	for (size_t at = 0; at + part.len <= s->len; at++) {
		if (begins(span_sub(*s, at, s->len), part)) {
			*s = span_sub(*s, at + part.len, s->len);
			return true;
		}
	}
	return false;
}

bool dhcp_pattern_matches(const struct dhcp_pattern *p, struct span octets)
{
	if (p->parts_n == 0)
		return p->open_start; /* "*" */
	for (unsigned i = 0; i < p->parts_n; i++) {
		struct span part = p->parts[i];
		if (i + 1U == p->parts_n && !p->open_end) {
			/* The last one stands at the end; what lies before it is free, unless it
			 * is the only one and nothing may stand before it. */
			size_t rest = octets.len - part.len;
			bool only = i == 0 && !p->open_start;
			return octets.len >= part.len && (!only || rest == 0) &&
			       begins(span_sub(octets, rest, part.len), part);
		}
		if (i == 0 && !p->open_start) {
			if (!begins(octets, part))
				return false;
			octets = span_sub(octets, part.len, octets.len);
		} else if (!skip_past(&octets, part)) {
			return false;
		}
	}
	return true;
}

enum err dhcp_mac_prefix_parse(struct span text, struct dhcp_mac_prefix *ret)
{
	struct dhcp_mac_prefix p = {0};
	bool open = text.len > 0 && text.data[text.len - 1] == '*';
	struct writer w = writer_of(p.octets, sizeof(p.octets));

	if (open) { /* the colon before it belongs to it */
		text = span_sub(text, 0, text.len - 1);
		if (text.len < 3 ||
		    (text.data[text.len - 1] != ':' && text.data[text.len - 1] != '-'))
			return ERR_FORMAT;
		text = span_sub(text, 0, text.len - 1);
	}
	enum err err = dhcp_hex_parse(text, &w);
	p.octets_n = (uint8_t)w.pos;
	if (err || p.octets_n == 0 || open == (p.octets_n == sizeof(p.octets)))
		return ERR_FORMAT;
	*ret = p;
	return OK;
}
