/* Option 119, the compressed list of domains (RFC 3397), and option 121, classless routes (RFC
 * 3442). */
#include "base/reader.h"
#include "proto/dhcp/option.h"
#include "proto/dns/name.h"

enum {
	POINTER = 0xc0, /* the two bits that tell a pointer from a length, RFC 1035 4.1.4 */
	LABEL_KIND = 0xc0,
	POINTER_MAX = 0x3fff,
};

/* Appends the labels at r to name until the root or a pointer; *ret_pointer: where it leads, or
 * SIZE_MAX after the root. */
static enum err read_labels(struct reader *r, struct dns_name *name, size_t *ret_pointer)
{
	for (;;) {
		uint8_t len = read_u8(r);
		TRY(reader_check(r));
		if ((len & LABEL_KIND) == POINTER) {
			*ret_pointer = (size_t)(len & ~POINTER) << 8 | read_u8(r);
			return reader_check(r);
		}
		if (len & LABEL_KIND || name->len + 1 + len > DNS_NAME_MAX)
			return ERR_FORMAT;
		name->wire[name->len++] = len;
		if (len == 0) {
			*ret_pointer = SIZE_MAX;
			return OK;
		}
		if (name->len + len + 1 > DNS_NAME_MAX)
			return ERR_FORMAT; /* no room for the root */
		read_bytes(r, name->wire + name->len, len);
		name->len = (uint8_t)(name->len + len);
		TRY(reader_check(r));
	}
}

enum err dhcp_search_next(struct span list, size_t *at, struct dns_name *ret)
{
	struct dns_name name = {0};
	struct reader r = reader_of_span(list);
	reader_skip(&r, *at);
	size_t before = *at, pointer;
	TRY(read_labels(&r, &name, &pointer));
	size_t next = r.pos;
	/* Each pointer leads to a place before the last one, so this ends. */
	while (pointer != SIZE_MAX) {
		if (pointer >= before)
			return ERR_FORMAT;
		before = pointer;
		r = reader_of_span(list);
		reader_skip(&r, pointer);
		TRY(read_labels(&r, &name, &pointer));
	}
	dns_name_lower(&name);
	*at = next;
	*ret = name;
	return OK;
}

/* Where in the list, if anywhere, a name ends in just this suffix: the offset of its label. */
static bool find_suffix(struct span list, struct span suffix, size_t *ret)
{
	size_t at = 0;
	while (at < list.len && at <= POINTER_MAX) {
		uint8_t len = list.data[at];
		if ((len & LABEL_KIND) == POINTER) {
			at += 2;
			continue;
		}
		size_t from = at;
		struct dns_name name;
		if (len && dhcp_search_next(list, &from, &name) == OK &&
		    span_equal(dns_name_span(&name), suffix)) {
			*ret = at;
			return true;
		}
		at += 1u + len;
	}
	return false;
}

void dhcp_search_write(struct writer *w, const struct dns_name *name)
{
	struct span list = writer_span(w), rest = dns_name_span(name);
	size_t at;
	while (rest.len > 1 && !find_suffix(list, rest, &at)) {
		struct span next = dns_name_parent_span(rest);
		write_span(w, span_sub(rest, 0, rest.len - next.len));
		rest = next;
	}
	if (rest.len > 1)
		write_u16(w, (uint16_t)(POINTER << 8 | at));
	else
		write_u8(w, 0);
}

/* --- classless routes --- */

enum { BITS_MAX = 32 };

/* Octets of a destination that say something: RFC 3442 "significant octets". */
static unsigned significant(unsigned bits)
{
	return (bits + 7) / 8;
}

static uint32_t mask_of(unsigned bits)
{
	return bits ? ~0u << (BITS_MAX - bits) : 0;
}

bool dhcp_route_next(struct reader *r, struct dhcp_route *ret)
{
	if (reader_left(r) == 0)
		return false;
	struct dhcp_route route = {.bits = read_u8(r)};
	if (route.bits > BITS_MAX) {
		reader_fail(r);
		return false;
	}
	for (unsigned i = 0; i < significant(route.bits); i++)
		route.destination |= (uint32_t)read_u8(r) << (24 - 8 * i);
	route.destination &= mask_of(route.bits);
	route.router = read_u32(r);
	if (r->bad)
		return false;
	*ret = route;
	return true;
}

void dhcp_route_write(struct writer *w, const struct dhcp_route *route)
{
	ASSERT(route->bits <= BITS_MAX);
	uint32_t destination = route->destination & mask_of(route->bits);
	write_u8(w, route->bits);
	for (unsigned i = 0; i < significant(route->bits); i++)
		write_u8(w, (uint8_t)(destination >> (24 - 8 * i)));
	write_u32(w, route->router);
}
