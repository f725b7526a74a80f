/* The checks of the section as a whole: what two networks, pools or classes have in common. */
#include "base/nearest.h"
#include "base/writer.h"
#include "service/dhcp/conf.h"
#include "service/dhcp/conf_check.h"
#include "service/dhcp/conf_relay.h"
#include "service/dhcp/site.h"

#include <stdlib.h>

static const struct dhcp_network_conf *network_at(const struct dhcp_conf *c, size_t n)
{
	return &((const struct dhcp_network_conf *)c->networks.items)[n];
}

size_t dhcp_conf_link(const struct dhcp_conf *c, size_t n)
{
	const char *link = network_at(c, n)->link;

	for (size_t i = 0; link && i < n; i++) {
		const char *other = network_at(c, i)->link;
		if (other && strcmp(other, link) == 0)
			return i;
	}
	return n;
}

size_t dhcp_conf_leases(const struct dhcp_conf *c)
{
	enum { LEASES_DEFAULT_MAX = 1 << 20, LEASES_MIN = 256 };
	size_t n = 0;

	for (size_t i = 0; i < c->networks.n; i++) {
		const struct dhcp_network_conf *net = network_at(c, i);
		const struct dhcp_pool_conf *pools = net->pools.items;
		n += net->reservations.n;
		for (size_t k = 0; k < net->pools.n; k++)
			n += 1 + (size_t)dhcp_conf_v4(&pools[k].range.last) -
			     dhcp_conf_v4(&pools[k].range.first);
	}
	if (c->leases_max)
		return c->leases_max;
	return n > LEASES_DEFAULT_MAX ? LEASES_DEFAULT_MAX : n < LEASES_MIN ? LEASES_MIN : n;
}

static bool lists(const struct config_list *words, const char *word)
{
	const char *const *w = words->items;

	for (size_t i = 0; i < words->n; i++) {
		if (strcmp(w[i], word) == 0)
			return true;
	}
	return false;
}

/* --- networks among each other --- */

struct ordered {
	uint64_t first, last;
	size_t place; /* in the file */
};

static int compare_ordered(const void *a, const void *b)
{
	const struct ordered *x = a, *y = b;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return (x->place > y->place) - (x->place < y->place);
}

static void check_subnets(const struct dhcp_conf *c, struct config_at *at)
{
	struct ordered *o = calloc(c->networks.n + 1, sizeof(*o));
	char text[IP_PREFIX_TEXT_MAX];
	size_t widest = 0;

	for (size_t i = 0; o && i < c->networks.n; i++) {
		const struct ip_prefix *p = &network_at(c, i)->subnet;
		uint64_t first = dhcp_conf_v4(&p->address);
		o[i] = (struct ordered){first, first + (1ULL << (32 - p->bits)) - 1, i};
	}
	if (o && c->networks.n)
		qsort(o, c->networks.n, sizeof(*o), compare_ordered);
	for (size_t i = 1; o && i < c->networks.n; i++) {
		size_t a = o[widest].place, b = o[i].place;
		size_t later = a > b ? a : b, earlier = a > b ? b : a;
		if (o[i].first <= o[widest].last) {
			(void)ip_prefix_format(&network_at(c, earlier)->subnet, text);
			config_fail_inside(
				at,
				(const struct config_step[]){{"networks", later},
							     {"subnet", CONFIG_STEP_WHOLE}},
				2, "the subnet overlaps with %s, which is above it", text);
		}
		if (o[i].last > o[widest].last)
			widest = i;
	}
	free(o);
}

static void check_interface(const struct dhcp_conf *c, size_t i, struct config_at *at)
{
	const struct dhcp_network_conf *n = network_at(c, i);
	const struct config_step place[] = {{"networks", i}, {"interface", CONFIG_STEP_WHOLE}};
	size_t first = dhcp_conf_link(c, i);
	const char *other = network_at(c, first)->interface;

	if (n->interface && c->interfaces.n && !lists(&c->interfaces, n->interface))
		config_fail_inside(at, place, 2, "'%s' is not one of interfaces", n->interface);
	if (first != i && n->interface && (!other || strcmp(other, n->interface) != 0))
		config_fail_inside(
			at, place, 2,
			"networks of one link have one interface; the first of '%s' has %s",
			n->link, other ? other : "none");
	for (size_t k = 0; n->name && k < i; k++) {
		if (network_at(c, k)->name && strcmp(network_at(c, k)->name, n->name) == 0)
			config_fail_inside(at,
					   (const struct config_step[]){
						   {"networks", i}, {"name", CONFIG_STEP_WHOLE}},
					   2, "two networks are called '%s'", n->name);
	}
}

/* --- classes --- */

static void check_classes(const struct dhcp_conf *c, struct config_at *at)
{
	const struct dhcp_class_conf *classes = c->classes.items;

	for (size_t i = 0; i < c->classes.n; i++) {
		for (size_t k = 0; k < i; k++) {
			if (strcmp(classes[i].name, classes[k].name) == 0)
				config_fail_inside(
					at,
					(const struct config_step[]){{"classes", i},
								     {"name", CONFIG_STEP_WHOLE}},
					2, "two classes are called '%s'", classes[i].name);
		}
	}
}

static void check_pool_classes(const struct dhcp_conf *c, size_t net, size_t pool,
			       struct config_at *at)
{
	const struct dhcp_pool_conf *p =
		&((const struct dhcp_pool_conf *)network_at(c, net)->pools.items)[pool];
	const struct dhcp_class_conf *classes = c->classes.items;
	const char *const *names = p->classes.items;

	for (size_t i = 0; i < p->classes.n; i++) {
		struct nearest near = nearest_to(names[i]);
		size_t k = 0;
		for (; k < c->classes.n && strcmp(classes[k].name, names[i]) != 0; k++)
			nearest_offer(&near, classes[k].name);
		if (k < c->classes.n)
			continue;
		config_meant(at, near.word);
		config_fail_inside(at,
				   (const struct config_step[]){
					   {"networks", net}, {"pools", pool}, {"classes", i}},
				   3, "there is no class '%s'", names[i]);
	}
}

/* --- reservations --- */

/* What must be there once: an address in the site, an identity on a link. */
struct reserved {
	size_t link, network, place;
	uint32_t address;
	int kind;
	struct span identity, remote_id;
};

static int compare_spans(struct span a, struct span b)
{
	int c = memcmp(a.data ? (const void *)a.data : "", b.data ? (const void *)b.data : "",
		       a.len < b.len ? a.len : b.len);

	return c ? c : (a.len > b.len) - (a.len < b.len);
}

static int compare_place(const struct reserved *x, const struct reserved *y)
{
	if (x->network != y->network)
		return x->network < y->network ? -1 : 1;
	return (x->place > y->place) - (x->place < y->place);
}

static int compare_who(const struct reserved *x, const struct reserved *y)
{
	if (x->link != y->link)
		return x->link < y->link ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind - y->kind;
	int c = compare_spans(x->identity, y->identity);
	return c ? c : compare_spans(x->remote_id, y->remote_id);
}

static int by_identity(const void *a, const void *b)
{
	int c = compare_who(a, b);

	return c ? c : compare_place(a, b);
}

static int by_address(const void *a, const void *b)
{
	const struct reserved *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return compare_place(x, y);
}

static void tell_reserved(struct config_at *at, const struct reserved *r, const char *key,
			  const char *text)
{
	config_fail_inside(at,
			   (const struct config_step[]){{"networks", r->network},
							{"reservations", r->place},
							{key, CONFIG_STEP_WHOLE}},
			   3, "%s", text);
}

/* Identities are read again here, into bytes: their texts may differ and mean the same. */
static size_t gather_reserved(const struct dhcp_conf *c, struct reserved *r, struct writer *w)
{
	size_t n = 0;

	for (size_t i = 0; i < c->networks.n; i++) {
		const struct dhcp_network_conf *net = network_at(c, i);
		const struct dhcp_reservation_conf *list = net->reservations.items;
		size_t link = dhcp_conf_link(c, i);
		for (size_t k = 0; k < net->reservations.n; k++, n++) {
			r[n] = (struct reserved){.link = link, .network = i, .place = k};
			r[n].address =
				list[k].address.family == 4 ? dhcp_conf_v4(&list[k].address) : 0;
			enum err e = dhcp_reservation_identity(&list[k], w, &r[n].kind,
							       &r[n].identity, &r[n].remote_id);
			ASSERT(e == OK); /* dhcp_check_reservation read it already */
		}
	}
	return n;
}

static size_t identity_text_max(const struct dhcp_conf *c, size_t *ret_n)
{
	size_t octets = 1, n = 0;

	for (size_t i = 0; i < c->networks.n; i++) {
		const struct dhcp_reservation_conf *list = network_at(c, i)->reservations.items;
		for (size_t k = 0; k < network_at(c, i)->reservations.n; k++, n++)
			octets += (list[k].mac ? 6 : 0) +
				  (list[k].client_id ? strlen(list[k].client_id) : 0) +
				  (list[k].circuit_id ? strlen(list[k].circuit_id) : 0) +
				  (list[k].remote_id ? strlen(list[k].remote_id) : 0);
	}
	*ret_n = n;
	return octets;
}

static void check_reserved(const struct dhcp_conf *c, struct config_at *at)
{
	static const char *const keys[] = {[DHCP_IDENTITY_MAC] = "mac",
					   [DHCP_IDENTITY_CLIENT_ID] = "client-id",
					   [DHCP_IDENTITY_CIRCUIT] = "circuit-id"};
	size_t n, octets = identity_text_max(c, &n);
	uint8_t *buf = malloc(octets);
	struct reserved *r = calloc(n + 1, sizeof(*r));
	struct writer w = writer_of(buf, octets);

	if (!buf || !r) {
		config_fail(at, "networks", "there is no memory for so many reservations");
		n = 0;
	}
	if (n)
		n = gather_reserved(c, r, &w);
	if (n)
		qsort(r, n, sizeof(*r), by_identity);
	for (size_t i = 1; i < n; i++) {
		if (compare_who(&r[i], &r[i - 1]) == 0)
			tell_reserved(at, &r[i], keys[r[i].kind],
				      "this client has a reservation on this link already");
	}
	if (n)
		qsort(r, n, sizeof(*r), by_address);
	for (size_t i = 1; i < n; i++) {
		if (r[i].address && r[i].address == r[i - 1].address)
			tell_reserved(at, &r[i], "address", "this address is reserved already");
	}
	free(buf);
	free(r);
}

static void check_store(const struct dhcp_conf *c, struct config_at *at)
{
	struct span text = span_text(c->store), rest;
	static const char *const schemes[] = {"postgresql://", "postgres://"};

	if (span_is(text, "sqlite"))
		return;
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		size_t n = strlen(schemes[i]);
		if (!span_is(span_sub(text, 0, n), schemes[i]))
			continue;
		rest = span_sub(text, n, text.len);
		rest.len = span_find(rest, '@') < rest.len ? span_find(rest, '@') : 0;
		if (span_find(rest, ':') < rest.len)
			config_fail(at, "store", "write the password as store-password, not here");
		return;
	}
	config_fail(at, "store", "write sqlite, or postgresql://USER@HOST/DATABASE");
}

void dhcp_check_site(const void *conf, struct config_at *at)
{
	const struct dhcp_conf *c = conf;

	dhcp_check_scope(&c->scope, at);
	check_store(c, at);
	check_subnets(c, at);
	check_classes(c, at);
	for (size_t i = 0; i < c->networks.n; i++) {
		check_interface(c, i, at);
		for (size_t k = 0; k < network_at(c, i)->pools.n; k++)
			check_pool_classes(c, i, k, at);
	}
	check_reserved(c, at);
	dhcp_check_relays(c, at);
}
