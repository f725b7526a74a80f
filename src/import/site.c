#include "import/site.h"

#include "base/writer.h"
#include "import/judge.h"
#include "proto/ip/prefix.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void import_site_init(struct import_site *s)
{
	*s = (struct import_site){.failed = false};
	arena_init(&s->arena, IMPORT_BYTES_MAX);
}

void import_site_done(struct import_site *s)
{
	arena_done(&s->arena);
}

struct span import_copy(struct import_site *s, struct span text)
{
	char *copy = arena_copy(&s->arena, text);
	if (!copy) {
		s->failed = true;
		return (struct span){0};
	}
	return span_of(copy, text.len);
}

struct span import_format(struct import_site *s, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	int n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (n < 0)
		n = 0;
	size_t len = (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1;
	return import_copy(s, span_of(text, len));
}

struct span import_hex(struct import_site *s, struct span text)
{
	uint8_t digits[4 + 2 * 255];
	struct writer w = writer_of(digits, sizeof(digits));

	write_text(&w, "hex:");
	if (span_is(span_sub(text, 0, 2), "0x"))
		text = span_sub(text, 2, text.len);
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'))
			write_u8(&w, c);
		else if (c != ':' && c != ' ' && c != '\'' && c != '-')
			return (struct span){0};
	}
	bool whole = !w.bad && w.pos > 4 && w.pos % 2 == 0;
	return whole ? import_copy(s, writer_span(&w)) : (struct span){0};
}

#define NEW(s, type) IMPORT_NEW(s, type)

void *import_record(struct import_site *s, size_t size, size_t align)
{
	void *record = arena_zalloc(&s->arena, 1, size, align);
	if (record)
		return record;
	ASSERT(size <= sizeof(s->spare));
	s->failed = true;
	return memset(s->spare, 0, sizeof(s->spare));
}

/* Appends to one of the lists, all of which have a first, a last and a next. */
#define APPEND(s, first, last, item)                                                               \
	do {                                                                                       \
		if ((s)->failed)                                                                   \
			break;                                                                     \
		if (last)                                                                          \
			(last)->next = (item);                                                     \
		else                                                                               \
			(first) = (item);                                                          \
		(last) = (item);                                                                   \
	} while (0)

void import_note(struct import_site *s, uint32_t line, const char *format, ...)
{
	char text[1024];
	va_list args;

	if (s->notes_n == IMPORT_NOTES_MAX)
		return;
	s->notes_n++;
	va_start(args, format);
	int n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	size_t len = n < 0 ? 0 : (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1;
	struct import_note *note = NEW(s, struct import_note);
	note->line = line;
	note->file = s->file_number;
	note->text = import_copy(s, span_of(text, len));
	APPEND(s, s->notes, s->notes_last, note);
}

void import_text_add(struct import_site *s, struct import_texts *to, struct span text)
{
	struct import_text *t = NEW(s, struct import_text);
	t->text = import_copy(s, text);
	APPEND(s, to->first, to->last, t);
}

struct import_option *import_option_add(struct import_site *s, struct import_options *to,
					unsigned code, uint32_t line)
{
	struct import_option *o = NEW(s, struct import_option);
	o->name = import_format(s, "%u", code);
	o->line = line;
	APPEND(s, to->first, to->last, o);
	return o;
}

struct import_network *import_network_add(struct import_site *s, bool ipv6, struct span subnet,
					  uint32_t line)
{
	struct import_network *n = NEW(s, struct import_network);
	n->subnet = import_copy(s, subnet);
	n->line = line;
	if (ipv6)
		APPEND(s, s->networks6, s->networks6_last, n);
	else
		APPEND(s, s->networks, s->networks_last, n);
	return n;
}

struct import_pool *import_pool_add(struct import_site *s, struct import_network *n,
				    struct span first, struct span last, uint32_t line)
{
	struct import_pool *p = NEW(s, struct import_pool);
	p->first = import_copy(s, first);
	p->last = import_copy(s, last);
	p->line = line;
	APPEND(s, n->pools, n->pools_last, p);
	return p;
}

struct import_prefix_pool *import_prefix_pool_add(struct import_site *s, struct import_network *n,
						  struct span prefix, uint64_t delegated,
						  uint32_t line)
{
	struct import_prefix_pool *p = NEW(s, struct import_prefix_pool);
	p->prefix = import_copy(s, prefix);
	p->delegated = delegated;
	p->line = line;
	APPEND(s, n->prefix_pools, n->prefix_pools_last, p);
	return p;
}

struct import_reservation *import_reservation_add(struct import_site *s, struct import_network *n,
						  uint32_t line)
{
	struct import_reservation *r = NEW(s, struct import_reservation);
	r->line = line;
	if (n)
		APPEND(s, n->reservations, n->reservations_last, r);
	else
		APPEND(s, s->reservations, s->reservations_last, r);
	return r;
}

struct import_class *import_class_add(struct import_site *s, struct span name, uint32_t line)
{
	struct import_class *c = NEW(s, struct import_class);
	c->name = import_copy(s, name);
	c->line = line;
	APPEND(s, s->classes, s->classes_last, c);
	return c;
}

struct import_class *import_class_get(struct import_site *s, struct span name, uint32_t line)
{
	for (struct import_class *c = s->classes; c; c = c->next)
		if (span_equal(c->name, name))
			return c;
	return import_class_add(s, name, line);
}

void import_match_add(struct import_site *s, struct import_class *c, const char *key,
		      struct span value)
{
	struct import_match *m = NEW(s, struct import_match);
	m->key = key;
	m->value = import_copy(s, value);
	APPEND(s, c->matches, c->matches_last, m);
}

struct import_relay *import_relay_add(struct import_site *s, struct span interface)
{
	struct import_relay *r = NEW(s, struct import_relay);
	r->interface = import_copy(s, interface);
	APPEND(s, s->relays, s->relays_last, r);
	return r;
}

void import_scope_inherit(struct import_site *s, struct import_scope *inner,
			  const struct import_scope *outer)
{
	for (const struct import_option *o = outer->options.first; o; o = o->next) {
		const struct import_option *own = inner->options.first;
		while (own && !span_equal(own->name, o->name))
			own = own->next;
		if (own)
			continue;
		struct import_option *copy = NEW(s, struct import_option);
		*copy = *o;
		copy->next = NULL;
		APPEND(s, inner->options.first, inner->options.last, copy);
	}
	inner->lease_s = inner->lease_s ? inner->lease_s : outer->lease_s;
	inner->lease_min_s = inner->lease_min_s ? inner->lease_min_s : outer->lease_min_s;
	inner->lease_max_s = inner->lease_max_s ? inner->lease_max_s : outer->lease_max_s;
	inner->renew_s = inner->renew_s ? inner->renew_s : outer->renew_s;
	inner->rebind_s = inner->rebind_s ? inner->rebind_s : outer->rebind_s;
	inner->preferred_s = inner->preferred_s ? inner->preferred_s : outer->preferred_s;
	if (!inner->next_server.len)
		inner->next_server = outer->next_server;
	if (!inner->boot_file.len)
		inner->boot_file = outer->boot_file;
	if (!inner->server_name.len)
		inner->server_name = outer->server_name;
}

static bool holds(struct span subnet, const struct ip_address *address)
{
	struct ip_prefix prefix;
	return !ip_prefix_parse(subnet, &prefix) && ip_prefix_contains(&prefix, address);
}

struct import_network *import_network_of(struct import_site *s, struct span text)
{
	struct ip_address address;

	if (ip_address_parse(text, &address))
		return NULL;
	struct import_network *n = address.family == 6 ? s->networks6 : s->networks;
	while (n && !holds(n->subnet, &address))
		n = n->next;
	return n;
}

static void append_reservation(struct import_site *s, struct import_network *n,
			       struct import_reservation *r)
{
	r->next = NULL;
	APPEND(s, n->reservations, n->reservations_last, r);
}

/* Without an address it says something of the client wherever it comes from. */
static void settle_everywhere(struct import_site *s, struct import_reservation *r)
{
	bool ipv6 = r->duid.len != 0;
	struct import_network *first = ipv6 ? s->networks6 : s->networks;

	for (struct import_network *n = first; n; n = n->next) {
		const struct import_network *same = first;
		while (same != n && (!n->link.len || !span_equal(same->link, n->link)))
			same = same->next;
		if (same != n)
			continue; /* networks of one link know each other's clients */
		struct import_reservation *copy = NEW(s, struct import_reservation);
		*copy = *r;
		append_reservation(s, n, copy);
	}
}

/* Stable: merge sort of the list by file and line. */
static struct import_note *sorted(struct import_note *first, uint32_t n)
{
	if (n < 2)
		return first;
	struct import_note *half = first, *rest, *merged = NULL, **end = &merged;
	for (uint32_t i = 1; i < n / 2; i++)
		half = half->next;
	rest = half->next;
	half->next = NULL;
	struct import_note *a = sorted(first, n / 2), *b = sorted(rest, n - n / 2);
	while (a && b) {
		bool less = b->file != a->file ? b->file < a->file : b->line < a->line;
		struct import_note **lower = less ? &b : &a;
		*end = *lower;
		end = &(*lower)->next;
		*lower = (*lower)->next;
	}
	*end = a ? a : b;
	return merged;
}

void import_site_settle(struct import_site *s)
{
	struct import_reservation *next;

	for (struct import_reservation *r = s->reservations; r; r = next) {
		next = r->next;
		struct import_network *n = NULL;
		if (r->address.len)
			n = import_network_of(s, r->address);
		if (n)
			append_reservation(s, n, r);
		else if (r->address.len)
			import_note(s, r->line, "no network of the file holds the address %.*s",
				    (int)r->address.len, (const char *)r->address.data);
		else
			settle_everywhere(s, r);
	}
	s->reservations = s->reservations_last = NULL;
	import_judge(s);
	import_notes_sort(s);
}

void import_notes_sort(struct import_site *s)
{
	uint32_t n = 0;
	for (const struct import_note *note = s->notes; note; note = note->next)
		n++;
	s->notes = s->notes_last = sorted(s->notes, n);
	if (!s->notes)
		return;
	/* What several places inherit is told of once. */
	for (struct import_note *next; (next = s->notes_last->next);) {
		if (next->file == s->notes_last->file && next->line == s->notes_last->line &&
		    span_equal(next->text, s->notes_last->text))
			s->notes_last->next = next->next;
		else
			s->notes_last = next;
	}
}

uint32_t import_file_add(struct import_site *s, struct span path)
{
	import_text_add(s, &s->files, path);
	return ++s->files_n;
}

struct span import_file(const struct import_site *s, uint32_t number)
{
	const struct import_text *t = number ? s->files.first : NULL;
	for (uint32_t i = 1; t && i < number; i++)
		t = t->next;
	return t ? t->text : (struct span){0};
}
