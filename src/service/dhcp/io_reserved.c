#include "service/dhcp/io_reserved.h"

#include "base/reader.h"
#include "base/writer.h"
#include "service/dhcp/conf.h"
#include "service/dhcp/lease.h"

#include "service/dhcp/v6_engine.h"

#include <assert.h>
#include <stdlib.h>
#include <strings.h>

enum { FORM = 1, KEY_V4 = 4, KEY_V6 = 6 };

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

static int compare(const struct ip_prefix *a, const struct ip_prefix *b)
{
	int by_address = ip_address_compare(&a->address, &b->address);
	return by_address ? by_address : (int)a->bits - b->bits;
}

static size_t place_of(const struct reserved *r, const struct ip_prefix *lease)
{
	size_t low = 0, high = r->n;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (compare(&r->list[middle].lease, lease) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct reserved_entry *reserved_find(const struct reserved *r, const struct ip_prefix *lease)
{
	size_t at = place_of(r, lease);
	return at < r->n && ip_prefix_equal(&r->list[at].lease, lease) ? &r->list[at] : NULL;
}

/* --- the durable form: a version octet, then MAC, client identifier and name as texts --- */

static_assert((int)RESERVED_KEY_MAX == (int)V6_LEASE_KEY_LEN, "keys are those of leases");

size_t reserved_key(const struct ip_prefix *lease, uint8_t ret[RESERVED_KEY_MAX])
{
	if (lease->address.family == 4) {
		dhcp_lease_key(dhcp_conf_v4(&lease->address), ret);
		return DHCP_LEASE_KEY_LEN;
	}
	v6_lease_key(lease, ret);
	return V6_LEASE_KEY_LEN;
}

static enum err key_read(struct span key, struct ip_prefix *ret)
{
	struct reader r = reader_of_span(key);
	uint8_t kind = read_u8(&r);
	struct ip_prefix p = {.address = {.family = kind}, .bits = 32};
	if (kind != KEY_V4 && kind != KEY_V6)
		return ERR_FORMAT;
	read_bytes(&r, p.address.bytes, kind == KEY_V4 ? 4 : 16);
	if (kind == KEY_V6)
		p.bits = read_u8(&r);
	TRY(reader_end(&r));
	if (p.bits > 128)
		return ERR_FORMAT;
	*ret = ip_prefix_of(&p.address, p.bits);
	return ip_prefix_equal(ret, &p) ? OK : ERR_FORMAT;
}

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
	if (at < r->n && ip_prefix_equal(&r->list[at].lease, &entry->lease)) {
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
	struct reserved_entry entry = {.version = version};
	TRY(key_read(key, &entry.lease));
	size_t at = place_of(r, &entry.lease);
	struct reserved_entry *old = at < r->n && ip_prefix_equal(&r->list[at].lease, &entry.lease)
					     ? &r->list[at]
					     : NULL;
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
		if ((list[i].address.family == 4 &&
		     ip_address_equal(&list[i].address, &e->lease.address)) ||
		    same_text(list[i].mac, e->mac) || same_text(list[i].client_id, e->client_id))
			return true;
	return false;
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
		if (ip_prefix_contains(&n->subnet, &e->lease.address) && !is_in_file(n, e))
			list[len++] = (struct dhcp_reservation_conf){.mac = e->mac,
								     .client_id = e->client_id,
								     .address = e->lease.address,
								     .name = e->name};
	}
	n->reservations = (struct config_list){.items = list, .n = len};
	*ret_list = list;
	return OK;
}

static bool fits6(const struct v6_network_conf *n, const struct reserved_entry *e)
{
	const struct v6_prefix_pool_conf *pools = n->prefix_pools.items;
	if (e->lease.address.family != 6)
		return false;
	if (e->lease.bits == 128)
		return ip_prefix_contains(&n->subnet, &e->lease.address);
	for (size_t i = 0; i < n->prefix_pools.n; i++)
		if (pools[i].delegated_length == e->lease.bits &&
		    ip_prefix_contains(&pools[i].prefix, &e->lease.address))
			return true;
	return false;
}

static bool is_same6(const struct v6_reservation_conf *c, const struct reserved_entry *e)
{
	return same_text(c->mac, e->mac) || same_text(c->duid, e->client_id);
}

static bool is_in_file6(const struct v6_network_conf *n, const struct reserved_entry *e)
{
	const struct v6_reservation_conf *list = n->reservations.items;
	for (size_t i = 0; i < n->reservations.n; i++)
		if (is_same6(&list[i], e) ||
		    (list[i].address.family && e->lease.bits == 128 &&
		     ip_address_equal(&list[i].address, &e->lease.address)) ||
		    ip_prefix_equal(&list[i].prefix, &e->lease))
			return true;
	return false;
}

/* An address and a prefix of one client are one reservation. */
static void take6(struct v6_reservation_conf *list, size_t *len, size_t from,
		  const struct reserved_entry *e)
{
	bool is_prefix = e->lease.bits < 128;
	size_t at = from;
	while (at < *len && (!is_same6(&list[at], e) || (is_prefix ? list[at].prefix.address.family
								   : list[at].address.family)))
		at++;
	if (at == *len)
		list[(*len)++] = (struct v6_reservation_conf){.mac = e->mac, .duid = e->client_id};
	if (is_prefix)
		list[at].prefix = e->lease;
	else
		list[at].address = e->lease.address;
	if (!list[at].name)
		list[at].name = e->name;
}

static enum err network_join6(const struct reserved *r, struct v6_network_conf *n, void **ret_list)
{
	size_t from = n->reservations.n, len = from;
	struct v6_reservation_conf *list = calloc(from + r->n, sizeof(*list));
	if (!list)
		return (enum err)ENOMEM;
	if (from)
		memcpy(list, n->reservations.items, from * sizeof(*list));
	for (size_t i = 0; i < r->n; i++)
		if (fits6(n, &r->list[i]) && !is_in_file6(n, &r->list[i]))
			take6(list, &len, from, &r->list[i]);
	n->reservations = (struct config_list){.items = list, .n = len};
	*ret_list = list;
	return OK;
}

enum err reserved_conf_make(const struct reserved *r, const struct dhcp_conf *conf,
			    struct reserved_conf *ret)
{
	struct reserved_conf c = {.lists_n = 0};
	size_t n = conf->networks.n, n6 = conf->v6.networks.n;
	c.conf = malloc(sizeof(*c.conf));
	c.networks = calloc(n + 1, sizeof(*c.networks));
	c.networks6 = calloc(n6 + 1, sizeof(*c.networks6));
	c.lists = calloc(n + n6 + 1, sizeof(*c.lists));
	enum err e = c.conf && c.networks && c.networks6 && c.lists ? OK : (enum err)ENOMEM;
	if (!e) {
		*c.conf = *conf;
		if (n)
			memcpy(c.networks, conf->networks.items, n * sizeof(*c.networks));
		c.conf->networks.items = c.networks;
		if (n6)
			memcpy(c.networks6, conf->v6.networks.items, n6 * sizeof(*c.networks6));
		c.conf->v6.networks.items = c.networks6;
	}
	for (size_t i = 0; !e && r->n && i < n + n6; i++) {
		e = i < n ? network_join(r, &c.networks[i], &c.lists[c.lists_n])
			  : network_join6(r, &c.networks6[i - n], &c.lists[c.lists_n]);
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
	free(c->networks6);
	free(c->conf);
	*c = (struct reserved_conf){0};
}
