#include "service/dhcp/io_reserved.h"

#include "base/reader.h"
#include "base/writer.h"
#include "service/dhcp/conf.h"
#include "service/dhcp/lease.h"

#include <stdlib.h>
#include <strings.h>

enum { FORM = 1, KEY_V4 = 4 };

/* --- the list --- */

static void entry_done(struct reserved_entry *e)
{
	free(e->mac);
	free(e->client_id);
	free(e->name);
}

void reserved_done(struct reserved *r)
{
	for (size_t i = 0; i < r->n; i++)
		entry_done(&r->list[i]);
	free(r->list);
	*r = (struct reserved){0};
}

static size_t place_of(const struct reserved *r, uint32_t address)
{
	size_t low = 0, high = r->n;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (r->list[middle].address < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct reserved_entry *reserved_find(const struct reserved *r, uint32_t address)
{
	size_t at = place_of(r, address);
	return at < r->n && r->list[at].address == address ? &r->list[at] : NULL;
}

/* --- the durable form: a version octet, then MAC, client identifier and name as texts --- */

void reserved_write(const struct reserved_entry *entry, struct writer *w)
{
	const char *const texts[] = {entry->mac, entry->client_id, entry->name};
	write_u8(w, FORM);
	for (size_t i = 0; i < 3; i++) {
		struct span s = texts[i] ? span_text(texts[i]) : (struct span){0};
		write_u16(w, (uint16_t)s.len);
		write_span(w, s);
	}
}

static enum err text_read(struct reader *r, char **ret)
{
	struct span s = read_span(r, read_u16(r));
	if (r->bad || s.len > RESERVED_TEXT_MAX || (s.len && memchr(s.data, '\0', s.len)))
		return ERR_FORMAT;
	if (s.len == 0)
		return OK;
	char *text = malloc(s.len + 1);
	if (!text)
		return (enum err)ENOMEM;
	(void)span_to_cstr(s, text, s.len + 1);
	*ret = text;
	return OK;
}

static enum err entry_read(struct span value, struct reserved_entry *ret)
{
	struct reader r = reader_of_span(value);
	uint8_t form = read_u8(&r);
	if (form > FORM)
		return ERR_UNSUPPORTED;
	if (form != FORM)
		return ERR_FORMAT;
	TRY(text_read(&r, &ret->mac));
	TRY(text_read(&r, &ret->client_id));
	TRY(text_read(&r, &ret->name));
	TRY(reader_end(&r));
	return !ret->mac == !ret->client_id ? ERR_FORMAT : OK;
}

static enum err insert(struct reserved *r, size_t at, const struct reserved_entry *entry)
{
	if (at < r->n && r->list[at].address == entry->address) {
		entry_done(&r->list[at]);
		r->list[at] = *entry;
		return OK;
	}
	if (r->n == RESERVED_MAX)
		return ERR_LIMIT;
	struct reserved_entry *list = realloc(r->list, (r->n + 1) * sizeof(*list));
	if (!list)
		return (enum err)ENOMEM;
	r->list = list;
	memmove(&list[at + 1], &list[at], (r->n - at) * sizeof(*list));
	list[at] = *entry;
	r->n++;
	return OK;
}

enum err reserved_learn(struct reserved *r, struct span key, struct span value, uint64_t version)
{
	struct reader k = reader_of_span(key);
	uint8_t kind = read_u8(&k);
	struct reserved_entry entry = {.address = read_u32(&k), .version = version};
	TRY(reader_end(&k));
	if (kind != KEY_V4)
		return ERR_FORMAT;
	size_t at = place_of(r, entry.address);
	struct reserved_entry *old =
		at < r->n && r->list[at].address == entry.address ? &r->list[at] : NULL;
	if (old && old->version >= version)
		return OK; /* told twice, or older than what we wrote */
	if (value.len == 0) {
		if (!old)
			return OK;
		entry_done(old);
		r->n--;
		memmove(old, old + 1, (r->n - at) * sizeof(*old));
		r->changed = true;
		return OK;
	}
	enum err e = entry_read(value, &entry);
	if (!e)
		e = insert(r, at, &entry);
	if (e)
		entry_done(&entry);
	else
		r->changed = true;
	return e;
}

/* --- joined with those of the file --- */

static bool same_text(const char *a, const char *b)
{
	return a && b && strcasecmp(a, b) == 0;
}

/* The file says what is; a row that contradicts it waits until it does not. */
static bool is_in_file(const struct dhcp_network_conf *n, const struct reserved_entry *e)
{
	const struct dhcp_reservation_conf *list = n->reservations.items;
	for (size_t i = 0; i < n->reservations.n; i++)
		if ((list[i].address.family == 4 && dhcp_conf_v4(&list[i].address) == e->address) ||
		    same_text(list[i].mac, e->mac) || same_text(list[i].client_id, e->client_id))
			return true;
	return false;
}

static struct ip_address address_of(uint32_t host)
{
	return ip_address_v4((uint8_t)(host >> 24), (uint8_t)(host >> 16), (uint8_t)(host >> 8),
			     (uint8_t)host);
}

/* The network's own reservations, then ours. */
static enum err network_join(const struct reserved *r, struct dhcp_network_conf *n, void **ret_list)
{
	struct dhcp_reservation_conf *list = calloc(n->reservations.n + r->n, sizeof(*list));
	size_t len = n->reservations.n;
	if (!list)
		return (enum err)ENOMEM;
	if (len)
		memcpy(list, n->reservations.items, len * sizeof(*list));
	for (size_t i = 0; i < r->n; i++) {
		const struct reserved_entry *e = &r->list[i];
		const struct ip_address address = address_of(e->address);
		if (ip_prefix_contains(&n->subnet, &address) && !is_in_file(n, e))
			list[len++] = (struct dhcp_reservation_conf){.mac = e->mac,
								     .client_id = e->client_id,
								     .address = address,
								     .name = e->name};
	}
	n->reservations = (struct config_list){.items = list, .n = len};
	*ret_list = list;
	return OK;
}

enum err reserved_conf_make(const struct reserved *r, const struct dhcp_conf *conf,
			    struct reserved_conf *ret)
{
	struct reserved_conf c = {.lists_n = 0};
	size_t n = conf->networks.n;
	c.conf = malloc(sizeof(*c.conf));
	c.networks = calloc(n + 1, sizeof(*c.networks));
	c.lists = calloc(n + 1, sizeof(*c.lists));
	enum err e = c.conf && c.networks && c.lists ? OK : (enum err)ENOMEM;
	if (!e) {
		*c.conf = *conf;
		if (n)
			memcpy(c.networks, conf->networks.items, n * sizeof(*c.networks));
		c.conf->networks.items = c.networks;
	}
	for (size_t i = 0; !e && r->n && i < n; i++) {
		e = network_join(r, &c.networks[i], &c.lists[c.lists_n]);
		if (!e)
			c.lists_n++;
	}
	if (e)
		reserved_conf_done(&c);
	else
		*ret = c;
	return e;
}

void reserved_conf_done(struct reserved_conf *c)
{
	for (size_t i = 0; c->lists && i < c->lists_n; i++)
		free(c->lists[i]);
	free(c->lists);
	free(c->networks);
	free(c->conf);
	*c = (struct reserved_conf){0};
}
